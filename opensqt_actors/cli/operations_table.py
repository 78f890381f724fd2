"""Operations for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from opensqt_actors.api.values import time_from
from opensqt_actors.cli.json_output import moment
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb

SECOND = 1_000_000_000
_STATES = {
    pb.OPERATION_STATE_RUNNING: "running",
    pb.OPERATION_STATE_DONE: "done",
    pb.OPERATION_STATE_REFUSED: "refused",
    pb.OPERATION_STATE_FAILED: "failed",
}
_STYLES = {"running": "cyan", "done": "green", "refused": "yellow", "failed": "red"}


def operation(message: pb.Operation) -> dict[str, Any]:
    """One line as JSON-able data; times as in the events, null where there is none."""
    return {
        "key": message.key,
        "kind": message.kind,
        "account": message.account,
        "symbol": message.symbol,
        "state": _STATES.get(message.state, "unknown"),
        "step": message.step,
        "step_since": _time(time_from(message.step_since)),
        "asked_at": _time(time_from(message.asked_at)),
        "ended_at": _time(time_from(message.ended_at)),
        "sentence": message.sentence,
    }


def shown(answer: pb.GetOperationResponse) -> dict[str, Any]:
    """One with its steps as JSON-able data."""
    steps = [{"name": step.name, "at": _time(time_from(step.at)), "result": step.result} for step in answer.steps]
    return {**operation(answer.operation), "arguments": answer.arguments, "steps": steps}


def operations_table(lines: Sequence[dict[str, Any]], now: int) -> Table:
    """The list. now: ns."""
    table = Table(box=None, pad_edge=False)
    for column in ("asked at", "key", "kind", "symbol", "state", "step, or what came of it"):
        table.add_column(column, overflow="fold")
    for line in lines:
        state = line["state"]
        text = line["sentence"]
        if state == "running":
            text = f"at {line['step']!r} since {line['step_since']}" if line["step"] else "left by an earlier process"
        table.add_row(
            line["asked_at"] or "", line["key"], line["kind"], line["symbol"] or line["account"],
            f"[{_STYLES.get(state, 'white')}]{state}[/]", text,
        )  # fmt: skip
    return table


def operation_lines(answer: pb.GetOperationResponse, now: int) -> list[str]:
    """One with its steps, as lines."""
    line = operation(answer.operation)
    about = " ".join(part for part in (line["account"], line["symbol"]) if part)
    lines = [f"{line['key']}  {line['kind']}  {about}", f"  asked at {line['asked_at']}: {answer.arguments}"]
    lines += [f"  {_time(time_from(step.at))}  {step.name}: {step.result}" for step in answer.steps]
    if line["state"] == "running":
        since = time_from(answer.operation.step_since)
        seconds = f" for {(now - since) / SECOND:.0f} s" if since else ""
        lines.append(f"  running: at {line['step'] or 'its beginning'}{seconds}")
    else:
        lines.append(f"  {line['ended_at']}  {line['state']}: {line['sentence']}")
    return lines


def _time(ns: int) -> str | None:
    return moment(ns) if ns else None
