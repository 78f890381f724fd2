"""What every strategy is: pure logic over its own state, that asks for orders and says when to ask it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from msgspec import Struct

from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Candle, Fees
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.slots import Slot, Slots


class Place(NamedTuple):
    """An order that should rest. level: its slot; price: ticks; quantity: steps."""

    level: int
    kind: OrderKind
    price: int
    quantity: int
    reduce_only: bool


class Decision(NamedTuple):
    """The smallest change that leads to the target, and the quiet band.

    cancels: levels whose order should go; places: best first; quiet while low <= bid and ask < high (ticks).
    recheck: ns, when to decide again even if nothing happens; 0 = never.
    """

    cancels: Sequence[int]
    places: Sequence[Place]
    low: int
    high: int
    recheck: int = 0


class Gate(Struct, frozen=True):
    """Whether opening orders are allowed, and if not, why: (code, sentence) pairs, the most urgent first.

    allowance: opening orders that the symbol may have at work at once, None = no limit; limited: its code and sentence.
    """

    closed: tuple[tuple[str, str], ...] = ()
    allowance: int | None = None
    limited: tuple[str, str] = ("", "")

    @property
    def opens(self) -> bool:
        """Whether opening orders are allowed."""
        return not self.closed


OPEN = Gate()


class Reason(Struct, frozen=True):
    """Why a level has no order: a stable code and a sentence."""

    code: str
    sentence: str


class Strategy(Protocol):
    """One market's trading logic. Its orders live in the Slots that it is given."""

    lattice: Lattice

    @property
    def memory(self) -> tuple[int, ...]:
        """What must survive a restart and is not in the slots: at most 64 whole numbers, () when there is nothing.

        Read after each decision and each candle, and journalled when it has changed.
        """

    def recall(self, memory: tuple[int, ...]) -> None:
        """Take back what `memory` was when the last process ended; after the past candles, before the first decision.

        Settings may have changed since: what no longer fits is forgotten.
        """

    def decide(self, slots: Slots, bid: int, ask: int, gate: Gate, now: int) -> Decision:
        """What should change now. Idempotent: once its own output is applied it asks for nothing more.

        Openings that the gate does not allow are not placed whatever is asked for (`admission`); asking for none of
        them, and cancelling those that rest, is the strategy's part.
        """

    def protect(self, slots: Slots, gate: Gate, now: int) -> Decision:
        """What should change now although no price is known yet: exits only. Idempotent as `decide` is."""

    def filled(self, slots: Slots, slot: Slot) -> None:
        """A fill was booked on a slot."""

    def candle(self, candle: Candle) -> None:
        """A candle closed."""

    def levels(self, slots: Slots) -> Iterable[int]:
        """The levels to show, lowest first: the window and every slot outside it."""

    def why(self, slots: Slots, bid: int, ask: int, gate: Gate, now: int) -> dict[int, Reason]:
        """For each level without a resting order, why; an empty code where an order rests."""

    def centre_price(self) -> int | None:
        """Centre of the grid in ticks, once known."""

    def interval_ticks(self) -> int:
        """The effective interval at the centre, in ticks."""


class Market(Struct, frozen=True):
    """What a strategy is built from."""

    instrument: Instrument
    fees: Fees
    settings: GridSettings
    lattice: Lattice


StrategyFactory = Callable[[Market], Strategy]


def profit_floor_percent(fees: Fees) -> Decimal:
    """The interval below which a round trip of two maker fills loses money, in percent of the price."""
    return 2 * max(fees.maker, Decimal(0)) * 100
