"""Operations on the wire: commands that survive a killed supervisor, and what has become of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from opensqt_actors.actors.operations import Ended, Json, Kind, Record
from opensqt_actors.actors.operator import Done, Refusal
from opensqt_actors.api.values import time_to
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb

MOST_SHOWN = 1_000
USUAL_SHOWN = 50
MAX_RESULT = 4_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation says first. notes: what was asked for and left out, one sentence each."""

    key: str
    payload: Done | Refusal
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OperationView:
    """A record, and the step at which it is. since: ns; "" and 0 when it is at none."""

    record: Record
    step: str
    since: int


class Operations(Protocol):
    """What the service needs of the operations behind it. All but `perform` and `apply` may raise StorageError."""

    async def perform(self, kind: Kind, key: str, arguments: Mapping[str, Json], timeout: float) -> Answer:
        """Begin one, or tell what came of a known key; Refusal "timeout" after `timeout` s."""

    async def apply(self, key: str, timeout: float) -> Answer:
        """Read the configuration file again and apply what has changed in it."""

    async def records(self, limit: int, *, running: bool) -> tuple[OperationView, ...]:
        """The newest first."""

    async def show(self, key: str) -> OperationView | None:
        """One with its steps."""


_STATES = {
    Ended.DONE: pb.OPERATION_STATE_DONE,
    Ended.REFUSED: pb.OPERATION_STATE_REFUSED,
    Ended.FAILED: pb.OPERATION_STATE_FAILED,
}


def operation_to(view: OperationView) -> pb.Operation:
    """One line."""
    record = view.record
    outcome = record.outcome
    return pb.Operation(
        key=record.key,
        kind=record.kind.value,
        account=str(record.arguments.get("account", "")),
        symbol=str(record.arguments.get("symbol", "")),
        state=pb.OPERATION_STATE_RUNNING if outcome is None else _STATES[outcome.ended],
        step=view.step,
        step_since=time_to(view.since),
        asked_at=time_to(record.asked_at),
        ended_at=time_to(record.ended_at),
        sentence="" if outcome is None else outcome.sentence,
    )


def shown_to(view: OperationView) -> pb.GetOperationResponse:
    """One with its steps."""
    return pb.GetOperationResponse(
        operation=operation_to(view),
        steps=[
            pb.OperationStep(name=step.name, at=time_to(step.at), result=json.dumps(step.result)[:MAX_RESULT])
            for step in view.record.steps
        ],
        arguments=json.dumps(dict(view.record.arguments)),
    )
