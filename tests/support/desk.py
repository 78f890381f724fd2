"""A grid, its slots and a venue of a few lines that carries out what the grid decides: for tests of the pure core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from opensqt_actors.domain.grid import Grid, anchor_lattice
from opensqt_actors.domain.ids import ClientId, IdCoder
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees, Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.slots import Booked, Slot, Slots, WorkingOrder
from opensqt_actors.domain.strategy import OPEN, Decision, Gate, Market

INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
NOW = 1_700_000_000_000_000_000


@dataclass
class Resting:
    """An order on the model venue. executed: steps."""

    order: WorkingOrder
    quantity: int
    executed: int = 0

    @property
    def left(self) -> int:
        """Steps that may still fill."""
        return self.quantity - self.executed


class Desk:
    """One market. `price` of the anchor in quote currency; prices of ticks everywhere else."""

    def __init__(
        self, settings: GridSettings, price: int = 10_000, instrument: Instrument = INSTRUMENT, fees: Fees = FEES
    ) -> None:
        self.instrument = instrument
        self.settings = settings
        lattice = anchor_lattice(instrument, settings, instrument.price_to_ticks(Decimal(price)))
        self.grid = Grid(Market(instrument, fees, settings, lattice))
        self.slots = Slots(IdCoder("aa", 1))
        self.venue: dict[ClientId, Resting] = {}
        self.trades = 0
        self.cash = 0
        self.realized = 0
        self.now = NOW
        self.bid = self.ask = 0

    # --- the strategy and its requests -------------------------------------------------------------------------------

    def decide(self, bid: int, ask: int, gate: Gate = OPEN) -> Decision:
        """What the grid wants at these prices."""
        self.bid, self.ask = bid, ask
        return self.grid.decide(self.slots, bid, ask, gate, self.now)

    def carry_out(self, decision: Decision) -> None:
        """Cancels end at once, places rest at once."""
        for level in decision.cancels:
            order = self.slots.cancel(level, self.now)
            resting = self.venue.pop(order.client_id)
            self.slots.report(self.report(order, OrderStatus.CANCELED, resting.executed))
        for place in decision.places:
            order = self.slots.place(place.level, place.kind, place.price, place.quantity, self.now, place.reduce_only)
            self.venue[order.client_id] = Resting(order, place.quantity)
            self.slots.report(self.report(order, OrderStatus.NEW, 0))

    def settle(self, bid: int, ask: int, gate: Gate = OPEN) -> Decision:
        """Decide and carry out until nothing more is asked for; the decision that asked for nothing."""
        for _ in range(6):
            decision = self.decide(bid, ask, gate)
            if not decision.cancels and not decision.places:
                return decision
            self.carry_out(decision)
        raise AssertionError("the grid does not come to rest")

    # --- the venue ---------------------------------------------------------------------------------------------------

    def report(self, order: WorkingOrder, status: OrderStatus, filled: int) -> OrderReport:
        """The order as the venue tells it."""
        return OrderReport(
            order.client_id, "XUSDT", order.client_id[-4:], order.side, status, order.price, order.quantity, filled,
            self.now,
        )  # fmt: skip

    def fill(self, client_id: ClientId, quantity: int, *, price: int | None = None) -> Booked | None:
        """A trade of a resting order, and the report that comes with it."""
        resting = self.venue[client_id]
        order = resting.order
        quantity = min(quantity, resting.left)
        resting.executed += quantity
        self.trades += 1
        trade = Fill(
            "XUSDT", self.trades, client_id, client_id[-4:], order.side, price or order.price, quantity, Decimal(0),
            "USDT", True, self.now,
        )  # fmt: skip
        self.cash += (-1 if order.side is Side.BUY else 1) * trade.price * quantity
        status = OrderStatus.PARTIALLY_FILLED if resting.left else OrderStatus.FILLED
        if not resting.left:
            del self.venue[client_id]
        self.slots.report(self.report(order, status, resting.executed))
        booked = self.slots.fill(trade)
        if booked is not None:
            self.realized += booked.realized
            self.grid.filled(self.slots, booked.slot)
        return booked

    def crossed(self, bid: int, ask: int) -> list[ClientId]:
        """Orders that these prices go through."""
        return [
            client_id
            for client_id, resting in self.venue.items()
            if (resting.order.price >= ask if resting.order.buys else resting.order.price <= bid)
        ]

    def walk(self, bid: int, ask: int, gate: Gate = OPEN) -> Decision:
        """The market moves: what it goes through fills, then the grid has its say."""
        for client_id in self.crossed(bid, ask):
            self.fill(client_id, 1 << 40)
        return self.settle(bid, ask, gate)

    # --- looks -------------------------------------------------------------------------------------------------------

    def held(self) -> Iterator[Slot]:
        """Slots with a position."""
        return (slot for slot in self.slots.by_level.values() if slot.position)

    def openings(self) -> dict[int, WorkingOrder]:
        """Opening orders at work, by level."""
        slots = self.slots.by_level.items()
        return {level: slot.order for level, slot in slots if slot.order is not None and slot.order.opens}

    def exits(self) -> dict[int, WorkingOrder]:
        """Exits at work, by the level of what they close."""
        slots = self.slots.by_level.items()
        return {level: slot.order for level, slot in slots if slot.order is not None and not slot.order.opens}


def long(**changes: object) -> GridSettings:
    """A long grid of 100 USDT levels, 50 apart."""
    return grid(GridMode.LONG, **changes)


def grid(mode: GridMode, **changes: object) -> GridSettings:
    """A grid of 100 USDT levels, 50 apart, five a side."""
    given: dict[str, object] = {
        "amount": Decimal(100), "interval": Decimal(50), "buy_window": 5, "sell_window": 5,
        "max_position": Decimal(100_000), **changes,
    }  # fmt: skip
    return GridSettings(mode=mode, **given)  # type: ignore[arg-type]
