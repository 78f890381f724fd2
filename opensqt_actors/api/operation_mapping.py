"""Operations as messages of the wire."""

from __future__ import annotations

import json

from opensqt_actors.actors.operations import Ended
from opensqt_actors.api.operations import OperationView
from opensqt_actors.api.values import time_to
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb

MAX_RESULT = 4_000
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
