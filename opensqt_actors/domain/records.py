"""What is written down: journal entries and the state that is restored from them. Values only.

One `tuple` of entries is one transaction. Entries of one symbol are written in the order in which they were emitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct

from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import Fill, FundingPayment, OrderStatus, Side


class Intent(Struct, frozen=True):
    """An order about to be sent. Committed before the request leaves. price: ticks (0 for a market order)."""

    account: str
    symbol: str
    client_id: ClientId
    level: int
    kind: OrderKind
    generation: int
    side: Side
    price: int
    quantity: int
    reduce_only: bool
    post_only: bool
    at: int


class OrderSaved(Struct, frozen=True):
    """The newest state of a journalled order; `filled` cumulative steps."""

    account: str
    symbol: str
    client_id: ClientId
    status: OrderStatus
    filled: int
    venue_id: str
    reason: str
    at: int


class FillSaved(Struct, frozen=True):
    """A fill, once per (account, symbol, trade id). `fee` is in quote currency; realized in quanta, before fees.

    level: the slot it was booked on. `inferred`: made by reconciliation, not by a trade of the venue.
    """

    account: str
    fill: Fill
    level: int
    realized: int
    fee: Decimal
    inferred: bool = False


class SlotSaved(Struct, frozen=True):
    """A slot after a change. position: signed steps; cost: signed quanta paid for it; exit_level: lattice level."""

    account: str
    symbol: str
    level: int
    position: int
    cost: int
    exit_level: int | None
    generation: int


class SlotDropped(Struct, frozen=True):
    """A slot that is free, empty and outside the window left the memory."""

    account: str
    symbol: str
    level: int


class TotalsSaved(Struct, frozen=True):
    """Running totals of a symbol. realized: quanta; fees, funding: quote currency."""

    account: str
    symbol: str
    realized: int
    fees: Decimal
    funding: Decimal
    round_trips: int
    last_trade_id: int


class LatticeSaved(Struct, frozen=True):
    """The lattice of a symbol. anchor: ticks; base: ticks for an arithmetic lattice, ratio for a geometric one."""

    account: str
    symbol: str
    anchor: int
    base: int
    ratio: Decimal | None


class MemorySaved(Struct, frozen=True):
    """What a strategy must still know after a restart: a few whole numbers that only it understands."""

    account: str
    symbol: str
    strategy: str
    numbers: tuple[int, ...]


class FundingSaved(Struct, frozen=True):
    """A funding payment, once per payment id."""

    account: str
    payment: FundingPayment


class EventSaved(Struct, frozen=True):
    """Something that an operator may ask for later. data: JSON-able, no secrets."""

    account: str
    symbol: str
    kind: str
    sentence: str
    data: dict[str, Any]
    at: int


class RiskScope(StrEnum):
    """Whose state it is: a symbol's breaker, the global one, or the emergency exit of an account."""

    SYMBOL = "symbol"
    GLOBAL = "global"
    EMERGENCY = "emergency"


class RiskSaved(Struct, frozen=True):
    """The newest state of one risk rule. account, symbol: "" where it has none; state: JSON-able plain values."""

    scope: RiskScope
    account: str
    symbol: str
    state: Mapping[str, Any]
    at: int

    @property
    def key(self) -> tuple[RiskScope, str, str]:
        """There is one state for each."""
        return self.scope, self.account, self.symbol


Entry = (
    Intent
    | OrderSaved
    | FillSaved
    | SlotSaved
    | SlotDropped
    | TotalsSaved
    | LatticeSaved
    | MemorySaved
    | FundingSaved
    | EventSaved
    | RiskSaved
)


class LiveOrder(Struct, frozen=True):
    """A journalled order that has no terminal status yet: its intent and its newest known state.

    sent_at: ns, when it was sent once more, 0 = never.
    """

    intent: Intent
    status: OrderStatus
    filled: int
    venue_id: str
    sent_at: int = 0


KNOWN_PAYMENTS = 200
"""Funding payments of a symbol that are remembered. A start asks the venue for three days: 72 where they are hourly."""


class Restored(Struct, frozen=True):
    """Everything that a symbol needs to go on where it stopped. since: ns, when the symbol was added.

    known_trades, known_funding: ids of the newest 2,000 fills and KNOWN_PAYMENTS funding payments, these oldest first.
    """

    account: str
    symbol: str
    lattice: LatticeSaved | None
    slots: tuple[SlotSaved, ...]
    orders: tuple[LiveOrder, ...]
    generation_floor: int
    totals: TotalsSaved
    known_trades: frozenset[int]
    since: int
    known_funding: tuple[str, ...] = ()
    memory: MemorySaved | None = None
