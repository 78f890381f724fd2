"""Runs operations as DBOS workflows: the runner of `engine: durable`."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from loguru import logger

from opensqt_actors.actors.operations import Body, Json, Kind, Outcome, Record
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.durable.operation_workflows import OperationWorkflows
from opensqt_actors.durable.workflows import Workflows
from opensqt_actors.storage import StorageError
from opensqt_actors.storage.operations import dumps

KEEP = 1_000
SWEEP_EVERY = 50
AT_ONCE = 1_000
PATIENCE = 4.0
"""Seconds for one answer of DBOS, whose threads queue for one connection while the database is away."""
LOOKS = 5
T = TypeVar("T")


class CannotRun(StorageError):
    """What the workflows said when they could not be used."""

    code = "operations"


class DurableRunner:
    """See actors.operations.Runner. shared: the workflows of the process's engine, where it has some.

    To be made before the engine starts. retry_first, retry_last: s between attempts to go on without a database.
    """

    def __init__(
        self,
        database_url: str,
        process: str,
        shared: Workflows | None = None,
        *,
        retry_first: float = 0.2,
        retry_last: float = 5.0,
    ) -> None:
        self._workflows = shared or Workflows(database_url, process)
        self._own = shared is None
        self._operations = OperationWorkflows(self._workflows, self._carry_out, self._later)
        self._retry_first = retry_first
        self._retry_last = retry_last
        self._body: asyncio.Future[Body] | None = None
        self._bodies: set[asyncio.Task[Outcome]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._closing = False
        self._finished = 0
        # A context of its own: what an operation's step sets in motion is no part of its workflow.
        self._context = contextvars.copy_context()

    async def start(self, body: Body) -> None:
        """See Runner. DBOS has taken up what is unfinished by itself; it waits for the body."""
        await self._open()
        self._given().set_result(body)

    async def submit(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> bool:
        """See Runner."""
        async with self._turn:
            if await self.show(key) is not None:
                return False
            try:
                end = await self._said(self._operations.start(key, kind, arguments))
            except StorageError:
                self._begin(self._find_out(key))  # it may have been written all the same
                raise
        self._begin(self._settle(end))
        return True

    async def show(self, key: str) -> Record | None:
        """See Runner."""
        return await self._said(self._operations.show(key))

    async def records(self, limit: int) -> tuple[Record, ...]:
        """See Runner."""
        return await self._said(self._operations.records(limit))

    async def unfinished(self) -> tuple[Record, ...]:
        """See Runner."""
        await self._open()
        return await self._said(self._operations.records(AT_ONCE, unfinished=True))

    async def close(self) -> None:
        """See Runner."""
        self._closing = True
        given = self._given()
        if not given.done():
            given.cancel()
        for task in (*self._bodies, *self._tasks):
            task.cancel()
        left = (*self._bodies, *self._tasks)
        if left:
            await asyncio.wait(left)
        if self._own:
            await self._workflows.close()

    # --- one operation -----------------------------------------------------------------------------------------------

    def _given(self) -> asyncio.Future[Body]:
        if self._body is None:
            self._body = asyncio.get_running_loop().create_future()
        return self._body

    async def _open(self) -> None:
        if self._own and not self._workflows.opened:
            await self._workflows.open()

    async def _carry_out(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> Outcome:
        """In a task of its own, so that ending it does not cancel the workflow around it."""
        body = await asyncio.shield(self._given())
        if self._closing:
            raise asyncio.CancelledError
        task = asyncio.ensure_future(body(_Run(self._operations, self._context, key, kind, arguments)))
        self._bodies.add(task)
        try:
            outcome = await task
        finally:
            self._bodies.discard(task)
        self._finished += 1
        if self._finished % SWEEP_EVERY == 0:
            self._begin(self._sweep())
        return outcome

    async def _sweep(self) -> None:
        try:
            await self._said(self._operations.sweep(KEEP))
        except StorageError as error:
            logger.debug("old operations could not be deleted: {}", error.sentence)

    async def _settle(self, end: Awaitable[Json]) -> None:
        try:
            await end
        except Exception as error:  # noqa: BLE001 - its outcome is a step, which is recorded
            logger.warning("the end of an operation could not be recorded: {}", self._workflows.explain(error))

    def _later(self, key: str) -> None:
        if not self._closing:
            self._begin(self._go_on(key))

    async def _go_on(self, key: str) -> None:
        """The database was away: take the operation up as soon as it is back."""
        logger.warning("operation {} waits for the database", key)
        await self._insist(lambda: self._operations.resume(key))

    async def _find_out(self, key: str) -> None:
        """Whether an operation was written down although that ended in an error; then it runs, here or by itself."""
        for _ in range(LOOKS):  # a thread of DBOS may still be at it
            record = await self._insist(lambda: self._operations.show(key))
            if record is not None:
                break
            await asyncio.sleep(self._retry_last)
        else:
            return
        if record.outcome is None:
            await self._insist(lambda: self._operations.resume(key))

    async def _insist(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        wait = self._retry_first
        while True:
            await asyncio.sleep(wait)
            try:
                return await self._said(call())
            except StorageError:
                wait = min(wait * 2, self._retry_last)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _said(self, call: Awaitable[T]) -> T:
        """The answer of the workflows, within a few seconds. StorageError for whatever they raise."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await call
        except OpenSqtError:
            raise
        except TimeoutError:
            raise CannotRun(f"the workflows' database did not answer within {PATIENCE:g} s") from None
        except Exception as error:  # noqa: BLE001 - whatever DBOS says, it cannot be used now
            raise CannotRun(self._workflows.explain(error)) from None


class _Run:
    """See actors.operations.Run."""

    def __init__(
        self,
        operations: OperationWorkflows,
        context: contextvars.Context,
        key: str,
        kind: Kind,
        arguments: Mapping[str, Json],
    ) -> None:
        self._operations = operations
        self._context = context
        self.key = key
        self.kind = kind
        self.arguments = arguments

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        async def apart() -> Json:
            # Not within the workflow: what it starts in the actors would believe to be a part of it.
            result = await asyncio.get_running_loop().create_task(_of(work), context=self._context.copy())
            return json.loads(dumps(result))

        return await self._operations.step(name, apart)


async def _of(work: Callable[[], Awaitable[Json]]) -> Json:
    return await work()
