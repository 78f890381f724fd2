"""Operations as DBOS workflows: one workflow each, under its key, one DBOS step for each of its steps.

What DBOS 3.4 does when the database goes away while it records something decides how this is written: see ADR 0012.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from dbos import DBOS, SetWorkflowID
from dbos import error as dbos_error

from opensqt_actors.actors.operations import Ended, Json, Kind, Outcome, Record, StepDone
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.durable.workflows import AT_ONCE, FINISHED, OPERATION, UNFINISHED, Workflows
from opensqt_actors.storage import StorageError

PREFIX = "operation."
LAST = "outcome"
"""Name of the step that records the outcome: a workflow's own end may be lost to an error of the database."""
MOST_ATTEMPTS = 20
MILLISECOND = 1_000_000

Carry = Callable[[str, Kind, Mapping[str, Json]], Coroutine[Any, Any, Outcome]]
"""(key, kind, arguments): carries an operation out; cancelled, or raising StorageError, when it is to go on later."""


class StepsDiffer(OpenSqtError):
    """What is recorded does not belong to this version's procedure."""

    code = "steps_differ"


class _Left(BaseException):
    """Not an Exception, for which DBOS would end the workflow as failed: this leaves it pending, to go on later."""


class OperationWorkflows:
    """The operations of one process. again: told the key of one that was left because the database was away."""

    def __init__(self, workflows: Workflows, carry: Carry, again: Callable[[str], None]) -> None:
        self._workflows = workflows
        self._carry = carry
        self._again = again

        async def operation(kind: str, arguments: dict[str, Json], at: int) -> Json:  # DBOS marks it: no bound method
            return await self._run(kind, arguments)

        workflows.operation = operation

    async def start(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> Awaitable[Json]:
        """Write one down and let it run; returns how to wait for its end, which may raise anything."""
        with SetWorkflowID(PREFIX + key):
            # with the time: that of DBOS is told in whole seconds on SQLite
            handle = await DBOS.start_workflow_async(
                self._workflows.start_operation, kind.value, dict(arguments), time.time_ns()
            )
        return _end(handle.get_result())

    async def resume(self, key: str) -> None:
        """Take up one that was left."""
        await DBOS.resume_workflow_async(PREFIX + key)

    async def _run(self, kind: str, arguments: dict[str, Json]) -> Json:
        key = (DBOS.workflow_id or "").removeprefix(PREFIX)
        try:
            outcome = await self._carry(key, Kind(kind), arguments)

            async def ended() -> Json:
                return outcome.json()

            return await self.step(LAST, ended)
        except asyncio.CancelledError:
            raise _Left from None
        except StorageError:
            self._again(key)
            raise _Left from None

    async def step(self, name: str, work: Callable[[], Coroutine[Any, Any, Json]]) -> Json:
        """The recorded result of this step, or that of `work`, which raises nothing but CancelledError.

        A result that could not be recorded may have left an error recorded in its place: the step is run again then,
        under the next number. StorageError when the database is away.
        """
        for _ in range(MOST_ATTEMPTS):
            try:
                return await DBOS.run_step_async({"name": name}, work)
            except StorageError:
                raise
            except dbos_error.DBOSUnexpectedStepError as error:
                raise StepsDiffer(f"the recorded steps belong to another version: {error}") from None
            except Exception:  # noqa: BLE001, S112 - not of `work`: an error that was recorded in place of a result
                continue
        raise StepsDiffer(f"step {name!r} could not be recorded in {MOST_ATTEMPTS} attempts")

    # --- reading -----------------------------------------------------------------------------------------------------

    async def show(self, key: str) -> Record | None:
        """One with its steps."""
        found = await DBOS.list_workflows_async(workflow_ids=[PREFIX + key], name=OPERATION)
        if not found:
            return None
        steps = await self._steps(key)
        return _record(found[0], steps)

    async def records(self, limit: int, *, unfinished: bool = False) -> tuple[Record, ...]:
        """The newest first, or those without an outcome, the oldest first; without steps."""
        found = await DBOS.list_workflows_async(
            name=OPERATION,
            executor_id=self._workflows.process,
            status=UNFINISHED if unfinished else None,
            sort_desc=not unfinished,
            limit=limit,
        )
        # Only where a workflow's end was lost are its steps looked at.
        made = [
            _record(row, await self._steps(row.workflow_id.removeprefix(PREFIX)) if row.status == "ERROR" else ())
            for row in found
        ]
        return tuple(sorted(made, key=lambda record: record.asked_at, reverse=not unfinished))

    async def sweep(self, keep: int) -> None:
        """Delete those that have ended but the newest `keep`."""
        old = await DBOS.list_workflows_async(
            name=OPERATION, executor_id=self._workflows.process, status=FINISHED, sort_desc=True, offset=keep,
            limit=AT_ONCE, load_input=False, load_output=False,
        )  # fmt: skip
        await self._workflows.delete([row.workflow_id for row in old])

    async def _steps(self, key: str) -> tuple[StepDone, ...]:
        return tuple(
            StepDone(step["function_name"], step["output"], (step["completed_at_epoch_ms"] or 0) * MILLISECOND)
            for step in await DBOS.list_workflow_steps_async(PREFIX + key)
            if step["error"] is None
        )


async def _end(result: Coroutine[Any, Any, Json]) -> Json:
    """Wait for a workflow. What leaves it pending is no error for whoever waits."""
    try:
        return await result
    except _Left:
        return None


def _record(row: Any, steps: tuple[StepDone, ...]) -> Record:
    kind, arguments, asked_at = row.input["args"]
    outcome: Outcome | None = None
    ended_at = max((row.completed_at or row.updated_at or 0) * MILLISECOND, *(step.at for step in steps), asked_at)
    if row.status in FINISHED:
        recorded = row.output if row.status == "SUCCESS" else next((s.result for s in steps if s.name == LAST), None)
        outcome = Outcome.of(recorded) if recorded else Outcome(Ended.FAILED, "it ended without a recorded outcome")
    return Record(
        key=row.workflow_id.removeprefix(PREFIX),
        kind=Kind(kind),
        arguments=arguments,
        asked_at=asked_at,
        ended_at=ended_at if outcome is not None else 0,
        outcome=outcome,
        steps=tuple(step for step in steps if step.name != LAST),
    )
