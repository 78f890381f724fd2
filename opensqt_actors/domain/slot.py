"""One slot and the order that it has in flight, as plain state. Who may change it how: `slots.py`."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final

from msgspec import Struct

from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.ids import BUYING, OPENING, ClientId, OrderKind
from opensqt_actors.domain.orders import OrderStatus, Side

HISTORY = 8


class SlotStatus(StrEnum):
    """What a slot has in flight."""

    FREE = "free"
    PENDING = "pending"
    LOCKED = "locked"


# a member costs 150 ns when it is looked up on its class, 8 ns under a name of its own
FREE: Final = SlotStatus.FREE
PENDING: Final = SlotStatus.PENDING
LOCKED: Final = SlotStatus.LOCKED
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL


class IllegalTransition(OpenSqtError):
    """A request or an event that the slot's state cannot take. Nothing changed."""

    code = "illegal_transition"


class WorkingOrder:
    """The order that a slot has in flight. price: ticks; quantity, filled, booked: steps; since: ns.

    filled: cumulative, as the venue reports it; booked: sum of the fills that were booked; ended: the status in which
    it ended, None while it may rest (fills may still be missing after that); seen: the venue has confirmed it;
    restored: it comes from the journal; loose: nobody is watching it; unwritten: it was adopted, and its intent is not
    in the journal yet.
    """

    __slots__ = (
        "booked", "buys", "cancelling", "client_id", "ended", "filled", "generation", "kind", "loose", "opens",
        "post_only", "price", "quantity", "reason", "reduce_only", "restored", "seen", "since", "unwritten", "venue_id",
    )  # fmt: skip

    def __init__(
        self,
        client_id: ClientId,
        kind: OrderKind,
        price: int,
        quantity: int,
        generation: int,
        since: int,
        reduce_only: bool = False,
    ) -> None:
        self.client_id = client_id
        self.kind = kind
        self.opens = kind in OPENING
        self.buys = kind in BUYING
        self.price = price
        self.quantity = quantity
        self.generation = generation
        self.since = since
        self.reduce_only = reduce_only
        self.filled = 0
        self.booked = 0
        self.venue_id = ""
        self.reason = ""
        self.seen = False
        self.cancelling = False
        self.restored = False
        self.loose = False
        self.unwritten = False
        self.post_only = True
        self.ended: OrderStatus | None = None

    @property
    def side(self) -> Side:
        """Direction of the order."""
        return _BUY if self.buys else _SELL

    @property
    def terminal(self) -> bool:
        """Whether nothing of it can rest on the venue any more."""
        return self.ended is not None

    @property
    def remaining(self) -> int:
        """Steps that may still fill."""
        return self.quantity - max(self.filled, self.booked)

    @property
    def status(self) -> OrderStatus:
        """The status that the booked fills bear out: an end whose fills are missing is none yet."""
        if self.ended is not None and self.booked >= self.filled:
            return self.ended
        if self.booked:
            return OrderStatus.PARTIALLY_FILLED
        return OrderStatus.NEW if self.seen else OrderStatus.PENDING


class Slot:
    """One level. position: signed steps; cost: signed quanta paid for it; exit_level: where it is to be closed.

    refusals: in a row, of which the newest `alike` for the same reason, refused_for.
    """

    __slots__ = (
        "alike", "blocked_reason", "blocked_until", "cost", "exit_level", "generation", "level", "notes",
        "order", "position", "realized", "refusals", "refused_for", "status",
    )  # fmt: skip

    def __init__(self, level: int, generation: int) -> None:
        self.level = level
        self.status: SlotStatus = FREE
        self.position = 0
        self.cost = 0
        self.realized = 0
        self.exit_level: int | None = None
        self.generation = generation
        self.order: WorkingOrder | None = None
        self.refusals = 0
        self.alike = 0
        self.refused_for = ""
        self.blocked_until = 0
        self.blocked_reason = ""
        self.notes: deque[tuple[object, ...]] = deque(maxlen=HISTORY)

    def count_refusal(self, code: str) -> None:
        """One more refusal in a row. Only those for the same reason add up to that reason's own remedy."""
        self.refusals += 1
        self.alike = self.alike + 1 if code == self.refused_for else 1
        self.refused_for = code

    def accepted(self) -> None:
        """The venue has taken an order, or whatever was refused no longer matters."""
        self.refusals = self.alike = 0
        self.refused_for = ""

    @property
    def history(self) -> list[str]:
        """What happened to it lately, oldest first. Put into words only here: nobody asks on the hot path."""
        return [str(text).format(*parts) for text, *parts in self.notes]


class Booked(Struct, frozen=True):
    """A fill that was booked: its slot, what it realised (quanta, before fees), and the round trip it ended, if any."""

    slot: Slot
    realized: int
    round_trip: int | None
