"""Runs operations from tables beside the journal: the runner of `engine: simple`.

A result that cannot be recorded is recorded later: the step's effect is not repeated for that in this process.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from loguru import logger

from opensqt_actors.actors.operations import Body, Json, Kind, Record, StepDone
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.storage import StorageError
from opensqt_actors.storage.operations import OperationTable, dumps

T = TypeVar("T")


class StepsDiffer(OpenSqtError):
    """What is recorded does not belong to this version's procedure."""

    code = "steps_differ"


class JournalRunner:
    """See actors.operations.Runner. retry_first, retry_last: s between attempts to record something."""

    def __init__(self, table: OperationTable, *, retry_first: float = 0.2, retry_last: float = 5.0) -> None:
        self._table = table
        self._retry_first = retry_first
        self._retry_last = retry_last
        self._body: Body | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="operations")

    async def start(self, body: Body) -> None:
        """See Runner."""
        left = await self.unfinished()
        self._body = body
        for record in left:
            self._begin(body, record.key)

    async def submit(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> bool:
        """See Runner."""
        if self._body is None:
            raise RuntimeError("the runner has not been started")
        try:
            new = await self._call(partial(self._table.insert, key, kind, arguments))
        except StorageError:
            self._begin(self._body, key)  # it may have been written all the same: that is found out
            raise
        if new:
            self._begin(self._body, key)
        return new

    async def show(self, key: str) -> Record | None:
        """See Runner."""
        return await self._call(partial(self._table.show, key))

    async def records(self, limit: int) -> tuple[Record, ...]:
        """See Runner."""
        return await self._call(partial(self._table.records, limit))

    async def unfinished(self) -> tuple[Record, ...]:
        """See Runner."""
        return await self._call(self._table.unfinished)

    async def close(self) -> None:
        """See Runner."""
        self._body = None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._threads.shutdown(wait=False)

    # --- one operation -----------------------------------------------------------------------------------------------

    def _begin(self, body: Body, key: str) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_out(body, key), name=f"operation:{key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, body: Body, key: str) -> None:
        record = await self.insist(partial(self._table.show, key))
        if record is None or record.outcome is not None:
            return
        outcome = await body(_Run(self, record))
        await self.insist(partial(self._table.finish, key, outcome))

    async def record(self, key: str, number: int, step: StepDone) -> None:
        """Write a step down, however long that takes."""
        await self.insist(partial(self._table.record_step, key, number, step.name, step.result))

    async def insist(self, work: Callable[[], T]) -> T:
        """Call the database until it answers."""
        wait = self._retry_first
        while True:
            try:
                return await self._call(work)
            except StorageError as error:
                logger.warning("operations: {}; trying again", error.sentence)
            await asyncio.sleep(wait)
            wait = min(wait * 2, self._retry_last)

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _Run:
    """See actors.operations.Run."""

    def __init__(self, runner: JournalRunner, record: Record) -> None:
        self._runner = runner
        self._record = record
        self._next = 0

    @property
    def key(self) -> str:
        return self._record.key

    @property
    def kind(self) -> Kind:
        return self._record.kind

    @property
    def arguments(self) -> Mapping[str, Json]:
        return self._record.arguments

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        number = self._next
        self._next += 1
        if number < len(self._record.steps):
            known = self._record.steps[number]
            if known.name != name:
                raise StepsDiffer(f"step {number} is recorded as {known.name!r}, this version calls it {name!r}")
            return known.result
        result: Any = json.loads(dumps(await work()))
        await self._runner.record(self.key, number, StepDone(name, result, 0))
        return result
