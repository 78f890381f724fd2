"""Order batches and their outcomes as plain JSON values, which is all that the workflow tables ever hold.

JSON on purpose: DBOS pickles by default, and whoever can write to a database could then run code beside the keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from dbos import Serializer

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import (
    Accepted,
    NotSent,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
    PlaceOutcome,
    Refused,
    Side,
)

Row: TypeAlias = list[Any]
Outcome: TypeAlias = dict[str, Any]


class JsonSerializer(Serializer):
    """Everything as JSON; what is no JSON (an exception) as its text, for reading by people."""

    def serialize(self, data: Any) -> str:
        """See Serializer."""
        return json.dumps(data, default=repr, separators=(",", ":"))

    def deserialize(self, serialized_data: str) -> Any:
        """See Serializer."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """Written beside every value."""
        return "opensqt_json"


def row_of(order: OrderRequest) -> Row:
    """A request as it is written down: id, symbol, side, ticks (null: market), steps, post-only, reduce-only."""
    return [
        order.client_id, order.symbol, order.side.value, order.price, order.quantity, order.post_only,
        order.reduce_only,
    ]  # fmt: skip


def order_of(row: Row) -> OrderRequest:
    """The request of a row."""
    client_id, symbol, side, price, quantity, post_only, reduce_only = row
    return OrderRequest(ClientId(client_id), symbol, Side(side), price, quantity, post_only, reduce_only)


def outcomes_of(outcomes: Sequence[PlaceOutcome]) -> list[Outcome]:
    """What became of each order, for people and for a later start."""
    return [_outcome(outcome) for outcome in outcomes]


def found(report: OrderReport) -> Outcome:
    """The venue knows the order: `detail` is its status."""
    return {
        "client_id": report.client_id, "outcome": "found", "detail": report.status.value, "symbol": report.symbol,
        "venue_id": report.venue_id, "at": report.at,
    }  # fmt: skip


def not_found(order: OrderRequest) -> Outcome:
    """The venue does not know the order."""
    return {**_plain("not_known", order.client_id, ""), "symbol": order.symbol}


def _outcome(outcome: PlaceOutcome) -> Outcome:
    match outcome:
        case Accepted(report):
            return {**found(report), "outcome": "accepted"}
        case Refused(client_id, code, _, message):
            return _plain("refused", client_id, f"{code.value}: {message}")
        case OutcomeUnknown(client_id, detail):
            return _plain("unknown", client_id, detail)
        case NotSent(client_id, detail):
            return _plain("not_sent", client_id, detail)


def _plain(outcome: str, client_id: ClientId, detail: str) -> Outcome:
    return {
        "client_id": client_id, "outcome": outcome, "detail": detail[:200], "symbol": "", "venue_id": "", "at": 0,
    }  # fmt: skip
