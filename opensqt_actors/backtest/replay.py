"""A grid over candles: the decisions of the pure core, filled by a simple model. Not a venue: no queue, no latency.

A candle is four prices. At each of them, first every resting order that the price has gone through by a tick fills, at
its own price and as a maker, in the order in which the price came to it; then the grid decides until it is content, and
what it asks for rests at once. After the fourth the candle closes, and a grid that reads candles decides again.

`GridReplay` looks only at the prices at which something near can change; `PlainReplay` looks at all of them and takes
every order through the events of a venue. They come to the same, to the last unit.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from opensqt_actors.backtest.candles import Candles
from opensqt_actors.backtest.paper import PaperSlots
from opensqt_actors.domain.grid import Grid, anchor_lattice
from opensqt_actors.domain.ids import IdCoder
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Candle, Fees, Fill, OrderReport, OrderStatus
from opensqt_actors.domain.pnl import unrealized
from opensqt_actors.domain.reach import Reach
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.slots import Booked, Slot, Slots, WorkingOrder
from opensqt_actors.domain.strategy import OPEN, Decision, Market, Place

FAR = 1 << 62
Trade = tuple[int, str, int, int]
"""Index of the price, side, ticks, steps."""


class Result(Struct, frozen=True):
    """What a replay came to. Money in quote currency; visited: prices at which the grid was asked."""

    candles: int
    visited: int
    fills: int
    round_trips: int
    position: Decimal
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    trades: tuple[Trade, ...]

    @property
    def pnl(self) -> Decimal:
        """Realised and open profit after fees."""
        return self.realized + self.unrealized - self.fees


class _Book:
    """The resting orders by price. What no longer rests leaves when it comes to the top."""

    def __init__(self, slots: Slots) -> None:
        self._by_level = slots.by_level
        self._buys: list[tuple[int, int]] = []
        self._sells: list[tuple[int, int]] = []

    def rest(self, level: int, order: WorkingOrder) -> None:
        """One more."""
        if order.buys:
            heapq.heappush(self._buys, (-order.price, level))
        else:
            heapq.heappush(self._sells, (order.price, level))

    def best(self) -> tuple[int, int]:
        """Prices of the nearest buy and sell, -FAR and FAR where there is none."""
        buys, sells = self._buys, self._sells
        while buys and not self._rests(buys[0][1], -buys[0][0], buys=True):
            heapq.heappop(buys)
        while sells and not self._rests(sells[0][1], sells[0][0], buys=False):
            heapq.heappop(sells)
        return (-buys[0][0] if buys else -FAR), (sells[0][0] if sells else FAR)

    def reached(self, price: int) -> Iterator[Slot]:
        """The slots whose orders the price has gone through, in the order in which it came to them."""
        buys, sells = self._buys, self._sells
        while buys and price < -buys[0][0]:
            top, level = heapq.heappop(buys)
            if self._rests(level, -top, buys=True):
                yield self._by_level[level]
        while sells and price > sells[0][0]:
            top, level = heapq.heappop(sells)
            if self._rests(level, top, buys=False):
                yield self._by_level[level]

    def _rests(self, level: int, price: int, *, buys: bool) -> bool:
        slot = self._by_level.get(level)
        order = slot.order if slot is not None else None
        return order is not None and order.buys is buys and order.price == price


class _Replay:
    """What both ways of replaying have in common."""

    def __init__(
        self, instrument: Instrument, fees: Fees, settings: GridSettings, first_price: int, slots: Slots
    ) -> None:
        self.instrument = instrument
        self.fees = fees
        self.grid = Grid(Market(instrument, fees, settings, anchor_lattice(instrument, settings, first_price)))
        self.slots = slots
        self.book = _Book(slots)
        self.visited = 0
        self.round_trips = 0
        self.realized = 0
        self.turnover = 0
        self.trades: list[Trade] = []

    def decide(self, price: int, index: int) -> Decision:
        """Ask the grid: the market is one tick wide on each side of the price."""
        return self.grid.decide(self.slots, price - 1, price + 1, OPEN, index + 1)

    def book_trade(self, index: int, slot: Slot, order: WorkingOrder, booked: Booked) -> None:
        """Add up what a fill came to."""
        self.realized += booked.realized
        self.turnover += order.price * order.quantity
        if booked.round_trip is not None:
            self.round_trips += 1
        self.grid.filled(self.slots, slot)
        self.trades.append((index, "buy" if order.buys else "sell", order.price, order.quantity))

    def close(self, candles: Candles, number: int) -> bool:
        """A candle closes. True when the grid may want to decide anew."""
        instrument = self.instrument
        tick = float(instrument.tick)
        return self.grid.ladder.candle(
            Candle(
                instrument.symbol, candles.times.item(number), candles.open.item(number) * tick,
                candles.high.item(number) * tick, candles.low.item(number) * tick, candles.close.item(number) * tick,
                candles.volume.item(number), closed=True,
            )
        )  # fmt: skip

    def result(self, candles: Candles) -> Result:
        """What it came to, at the last close."""
        slots, money = self.slots, self.instrument.money
        mark = candles.close.item(-1) if len(candles) else 0
        cost = slots.long_cost - slots.short_cost
        return Result(
            len(candles), self.visited, len(self.trades), self.round_trips, self.instrument.quantity(slots.position),
            money(self.realized), money(unrealized(slots.position, cost, mark)), money(self.turnover) * self.fees.maker,
            tuple(self.trades),
        )  # fmt: skip


class PlainReplay(_Replay):
    """Every price is looked at, every order goes through the events of a venue: the oracle."""

    def __init__(self, instrument: Instrument, fees: Fees, settings: GridSettings, first_price: int) -> None:
        super().__init__(instrument, fees, settings, first_price, Slots(IdCoder("bt", 0)))

    def run(self, candles: Candles) -> Result:
        """Replay all candles."""
        reads = self.grid.ladder.reads_candles
        for index, price in enumerate(candles.path().tolist()):
            self._visit(index, price)
            if reads and index % 4 == 3:
                self.close(candles, index // 4)
                self._settle(index, price)
        return self.result(candles)

    def look(self, price: int) -> None:
        """Take one more price, outside any candle."""
        self._visit(self.visited, price)

    def _visit(self, index: int, price: int) -> None:
        self.visited += 1
        for slot in self.book.reached(price):
            if slot.order is not None:
                self._fill(index, slot, slot.order)
        self._settle(index, price)

    def _settle(self, index: int, price: int) -> None:
        decision = self.decide(price, index)
        while decision.cancels or decision.places:
            for level in decision.cancels:
                order = self.slots.cancel(level, index)
                self.slots.report(_report(order, OrderStatus.CANCELED, order.booked))
            for place in decision.places:
                self._place(place, index)
            decision = self.decide(price, index)
        self.slots.changed.clear()
        self.slots.moved.clear()

    def _place(self, place: Place, index: int) -> None:
        order = self.slots.place(place.level, place.kind, place.price, place.quantity, index, place.reduce_only)
        self.slots.report(_report(order, OrderStatus.NEW, 0))
        self.book.rest(place.level, order)

    def _fill(self, index: int, slot: Slot, order: WorkingOrder) -> None:
        fill = Fill(
            self.instrument.symbol, len(self.trades) + 1, order.client_id, "1", order.side, order.price,
            order.quantity, Decimal(0), self.instrument.quote, True, index,
        )  # fmt: skip
        booked = self.slots.fill(fill)
        if booked is not None:
            self.slots.report(_report(order, OrderStatus.FILLED, order.quantity))
            self.book_trade(index, slot, order, booked)


class GridReplay(_Replay):
    """Only the prices at which something near can change are looked at; what is far away is put off until then."""

    slots: PaperSlots

    def __init__(self, instrument: Instrument, fees: Fees, settings: GridSettings, first_price: int) -> None:
        super().__init__(instrument, fees, settings, first_price, PaperSlots(IdCoder("bt", 0)))
        self.reach = Reach(self.grid, self.slots)
        self._low = FAR
        self._high = -FAR
        self._seen = -1

    def run(self, candles: Candles) -> Result:
        """Replay all candles."""
        self._path = candles.path()
        lows, highs = candles.low.tolist(), candles.high.tolist()
        reads, item = self.grid.ladder.reads_candles, self._path.item
        low, high = self._low, self._high
        for number, (lowest, highest) in enumerate(zip(lows, highs, strict=True)):
            if lowest < low or highest > high:
                for index in range(number * 4, number * 4 + 4):
                    price = item(index)
                    if price < low or price > high:
                        self._visit(index, price)
                        low, high = self._low, self._high
            if reads and self.close(candles, number):
                index = number * 4 + 3
                self._visit(index, item(index))
                low, high = self._low, self._high
        return self.result(candles)

    def _visit(self, index: int, price: int) -> None:
        """Fill what the price went through, decide, rest what is asked for, and say which prices need no look."""
        self.visited += 1
        slots, reach = self.slots, self.reach
        if reach.wide and index - self._seen > 1:
            item = self._path.item
            moved = reach.catch_up(item, index - 1, self._seen)
            if moved and reach.jumps(price):
                self._settle(index - 1, item(index - 1))
        for slot in self.book.reached(price):
            order = slot.order
            if order is not None:
                self.book_trade(index, slot, order, slots.trade(slot, order))
        self._settle(index, price)
        self._seen = index
        slots.changed.clear()
        reach.look(price)
        buy, sell = self.book.best()
        self._low, self._high = max(reach.low + 1, buy), min(reach.high - 2, sell)

    def _settle(self, index: int, price: int) -> None:
        slots, book = self.slots, self.book
        while True:
            decision = self.decide(price, index)
            for level in decision.cancels:
                slots.end(level)
            exits = 0
            for place in decision.places:
                order = slots.rest(place)
                book.rest(place.level, order)
                exits += not order.opens
            if not decision.cancels or self._content(decision, exits):
                return

    def _content(self, decision: Decision, exits: int) -> bool:
        """Whether nothing has been waiting for an order to go, so that the grid need not be asked again."""
        grid, cancels = self.grid, decision.cancels
        return (
            grid.openings.roomy
            and len(self.slots.attention) <= exits
            and grid.ladder.want_buys.isdisjoint(cancels)
            and grid.ladder.want_sells.isdisjoint(cancels)
        )


def _report(order: WorkingOrder, status: OrderStatus, filled: int) -> OrderReport:
    return OrderReport(order.client_id, "", "1", order.side, status, order.price, order.quantity, filled, 0)
