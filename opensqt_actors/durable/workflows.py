"""What knows DBOS 3.4: migrations, launch, order batches as workflows with one step, what is kept, the end.

DBOS is one instance a process. Its calls retry for as long as a database is away and block a thread meanwhile; here
the errors of a lost connection are turned into StorageError on the way up, which DBOS passes on at once.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
import psycopg.errors
from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext, make_url

from opensqt_actors.durable.wire import JsonSerializer, Outcome, Row
from opensqt_actors.storage import Database

NAME = "opensqt.batch"
OPERATION = "opensqt.operation"
FORMAT = "batch-1"
"""Part of the application version: only what carries the same is recovered. Goes up when batches are written anew."""
SCHEMA = "dbos"
FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]
AT_ONCE = 1_000
_POLLING = 0.02

Step = Callable[[str, str, list[Row]], Coroutine[Any, Any, list[Outcome]]]
"""(workflow id, account, rows): what one batch does, in a step; runs again when its end was not recorded."""

Ended = Callable[[str, str, list[Outcome]], None]
"""(workflow id, account, outcomes): the step is recorded; again when the workflow's end was not. Must not raise."""


def workflow_url(database_url: str) -> str:
    """Where the workflow tables live: a schema of their own on PostgreSQL, on SQLite a file of their own.

    A file has one writer at a time: in the journal's own, workflows would hold up intents.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return database_url
    stem, dot, suffix = (url.database or "").rpartition(".")
    name = f"{stem}-durable.{suffix}" if dot else f"{suffix}-durable"
    return url.set(database=name).render_as_string(hide_password=False)


class Workflows:
    """All workflows of one process. `open` in the loop that trades; afterwards `close`, always.

    process: a stable name, the same after each start: its unfinished workflows, and no others, are taken up again.
    step, ended: of order batches; None where there are none. operation: that of operations, set before `open`.
    """

    def __init__(self, database_url: str, process: str, step: Step | None = None, ended: Ended | None = None) -> None:
        self.url = workflow_url(database_url)
        sqlite = self.url.startswith("sqlite")
        # One connection on SQLite: threads queue here instead of polling for the file's lock.
        self._database = Database(
            self.url, busy_timeout=0.5, pool_size=1 if sqlite else 20, max_overflow=0 if sqlite else 20
        )
        self._process = process
        self._step = step
        self._ended = ended
        self._open = False
        self._batch: Any = None
        self.operation: Callable[..., Coroutine[Any, Any, Any]] | None = None
        self.start_operation: Any = None

    async def open(self) -> None:
        """Migrate, launch, and take up what is unfinished. StorageError when the database cannot be used."""
        _quiet()
        self._open = True
        await asyncio.to_thread(self._migrate)
        engine = self._database.engine
        event.listen(engine, "handle_error", self._translate)
        config: DBOSConfig = {
            "name": "opensqt",
            "system_database_url": self._engine_url(),
            "system_database_engine": engine,
            "dbos_system_schema": SCHEMA,
            "run_migrations": False,
            "serializer": JsonSerializer(),
            "executor_id": self._process,
            "application_version": f"{FORMAT}.{self._process}",
            "notification_listener_polling_interval_sec": _POLLING,
            "enable_otlp": False,
        }
        DBOS(config=config)

        async def batch(account: str, rows: list[Row]) -> list[Outcome]:  # DBOS marks what it is given: no bound method
            return await self._run(account, rows)

        if self._step is not None:
            self._batch = DBOS.workflow(name=NAME, max_recovery_attempts=None)(batch)
        if self.operation is not None:
            self.start_operation = DBOS.workflow(name=OPERATION, max_recovery_attempts=None)(self.operation)
        try:
            DBOS.launch()
        except Exception as error:  # noqa: BLE001 whatever it is, it keeps the engine from starting
            raise self._database.explain(error) from None

    async def start(self, workflow_id: str, account: str, rows: list[Row]) -> Awaitable[list[Outcome]]:
        """Write a batch down and let it run in this loop; returns how to wait for its end. Raises what goes wrong."""
        with SetWorkflowID(workflow_id):
            handle = await DBOS.start_workflow_async(self._batch, account, rows)
        return handle.get_result()

    async def unfinished(self, prefix: str = "") -> list[str]:
        """Ids of this process's workflows whose end is not recorded."""
        return await self._ids(status=UNFINISHED, workflow_id_prefix=prefix or None, limit=AT_ONCE)

    async def finished(self) -> list[str]:
        """Ids of this process's workflows that are kept for people to read."""
        return await self._ids(status=FINISHED, limit=AT_ONCE)

    async def sweep(self, keep: int) -> int:
        """Delete finished workflows but the newest `keep`, at most a thousand at once; returns how many went."""
        return await self.delete(await self._ids(status=FINISHED, sort_desc=True, offset=keep, limit=AT_ONCE))

    async def delete(self, ids: list[str]) -> int:
        """Delete workflows with everything that belongs to them."""
        if ids:
            await DBOS.delete_workflows_async(ids)
        return len(ids)

    async def close(self) -> None:
        """End DBOS. What still runs in this loop must have ended before: DBOS would wait for it and block the loop."""
        if not self._open:
            return
        self._open = False
        self.operation = None
        # Not on the loop: it joins threads; not on the default executor: that is DBOS's own by now.
        with ThreadPoolExecutor(1, thread_name_prefix="dbos-end") as ending:
            await asyncio.get_running_loop().run_in_executor(ending, lambda: DBOS.destroy(destroy_registry=True))
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="default"))
        self._database.close()

    @property
    def process(self) -> str:
        """The stable name."""
        return self._process

    @property
    def opened(self) -> bool:
        """Between `open` and `close`."""
        return self._open

    def explain(self, error: BaseException) -> str:
        """What went wrong, as a sentence without secrets."""
        return self._database.explain(error).sentence

    async def _ids(self, **what: Any) -> list[str]:
        rows = await DBOS.list_workflows_async(
            name=NAME, executor_id=self._process, load_input=False, load_output=False, **what
        )
        return [row.workflow_id for row in rows]

    async def _run(self, account: str, rows: list[Row]) -> list[Outcome]:
        """The workflow. Nothing escapes: an exception would end it for good, as if the batch were settled."""
        workflow_id = DBOS.workflow_id or ""
        assert self._step is not None  # noqa: S101 - registered with it
        outcomes = await DBOS.run_step_async({"name": "send"}, self._step, workflow_id, account, rows)
        if self._ended is not None:
            self._ended(workflow_id, account, outcomes)
        return outcomes

    def _migrate(self) -> None:
        """The file is made here first: private, and in WAL mode before DBOS sees it."""
        self._database.connect().close()
        try:
            DBOS.migrate(self._engine_url(), schema=SCHEMA)
        except Exception as error:  # noqa: BLE001 whatever it is, it keeps the engine from starting
            raise self._database.explain(error) from None

    def _engine_url(self) -> str:
        return self._database.engine.url.render_as_string(hide_password=False)

    def _translate(self, context: ExceptionContext) -> None:
        original = context.original_exception
        again = isinstance(original, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)
        lost = isinstance(original, sqlite3.OperationalError | psycopg.OperationalError | psycopg.InterfaceError)
        if (lost and not again) or context.is_disconnect:
            raise self._database.explain(context.sqlalchemy_exception or original)


def _quiet() -> None:
    """Its records go where all others go, from warnings on; without a handler it would write to the terminal itself."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.WARNING)
    logger.propagate = True
    with suppress(StopIteration):
        next(handler for handler in logger.handlers if isinstance(handler, logging.NullHandler))
        return
    logger.addHandler(logging.NullHandler())
