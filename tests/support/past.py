"""What the journal knows of a symbol that has traded before, and how the venue tells of its orders."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace
from support.market import EMPTY, NOW, SECOND

from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.records import Intent, LatticeSaved, LiveOrder, Restored, SlotSaved, TotalsSaved

CODER = IdCoder("aa", 4)
LONG_AGO = NOW - 3_600 * SECOND


def live(level: int, kind: OrderKind, generation: int = 3, *, at: int = LONG_AGO, known: bool = True) -> LiveOrder:
    """A journalled order; known: the venue had confirmed it."""
    side = Side.BUY if kind.buys else Side.SELL
    client_id = CODER.encode(level, kind, generation)
    intent = Intent(
        "main", "XUSDT", client_id, level, kind, generation, side, 100_000 + 500 * level, 10, False, True, at
    )
    status = OrderStatus.NEW if known else OrderStatus.PENDING
    return LiveOrder(intent, status, 0, "v" + client_id if known else "")


def journal(*orders: LiveOrder, slots: tuple[SlotSaved, ...] = ()) -> Restored:
    """What a symbol that has traded before starts from."""
    return replace(
        EMPTY,
        lattice=LatticeSaved("main", "XUSDT", 100_000, 500, None),
        orders=orders,
        slots=slots,
        generation_floor=9,
        totals=TotalsSaved("main", "XUSDT", 70, Decimal(3), Decimal(0), 2, 50),
        known_trades=frozenset({49, 50}),
    )


def held(level: int = -1, quantity: int = 10) -> SlotSaved:
    """A level that holds something."""
    return SlotSaved("main", "XUSDT", level, quantity, quantity * 99_500, level + 1, 2)


def told(order: LiveOrder, status: OrderStatus, filled: int = 0) -> OrderReport:
    """A journalled order as the venue tells it."""
    intent = order.intent
    return OrderReport(
        intent.client_id, "XUSDT", "v" + intent.client_id, intent.side, status, intent.price, 10, filled, NOW
    )


def trade(order: LiveOrder, trade_id: int, quantity: int, *, named: bool = True, at: int = NOW) -> Fill:
    """A trade of a journalled order."""
    intent = order.intent
    client_id = intent.client_id if named else ClientId("")
    return Fill(
        "XUSDT", trade_id, client_id, "v" + intent.client_id, intent.side, intent.price, quantity, Decimal(1), "USDT",
        True, at,
    )  # fmt: skip
