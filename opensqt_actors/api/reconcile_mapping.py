"""A comparison with the venue as it goes over the wire."""

from __future__ import annotations

from opensqt_actors.actors.views import ReconcileView
from opensqt_actors.api.values import decimal_from, decimal_to
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb


def reconciled_to(view: ReconcileView) -> pb.ReconcileSymbolResponse:
    """To the wire; the caller knows account and symbol."""
    return pb.ReconcileSymbolResponse(
        sentence=view.sentence,
        verdict=view.verdict,
        slots_position=decimal_to(view.slots_position),
        venue_position=decimal_to(view.venue_position),
        corrected=decimal_to(view.corrected),
        orders=view.orders,
        foreign_orders=view.foreign_orders,
        missed_fills=view.missed_fills,
        foreign_trades=view.foreign_trades,
    )


def reconciled_from(message: pb.ReconcileSymbolResponse, account: str, symbol: str) -> ReconcileView:
    """From the wire."""
    return ReconcileView(
        account=account,
        symbol=symbol,
        verdict=message.verdict,
        slots_position=decimal_from(message.slots_position, "slots_position"),
        venue_position=decimal_from(message.venue_position, "venue_position"),
        corrected=decimal_from(message.corrected, "corrected"),
        orders=message.orders,
        foreign_orders=message.foreign_orders,
        missed_fills=message.missed_fills,
        foreign_trades=message.foreign_trades,
        sentence=message.sentence,
    )
