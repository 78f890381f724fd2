"""A grid over candles: the decisions of the pure core, filled by a simple model. Not a venue: no queue, no latency.

A candle is four prices. At each of them, first every resting order that the price has gone through by a tick fills, at
its own price and as a maker, in the order in which the price came to it; then the grid decides once, and what it asks
for rests at once. `bands=True` visits only the prices that leave the quiet band or reach an order: by the band's law the
result is the same to the last unit.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from opensqt_actors.backtest.candles import Candles
from opensqt_actors.domain.grid import Grid, anchor_lattice
from opensqt_actors.domain.ids import IdCoder
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees, Fill, OrderReport, OrderStatus
from opensqt_actors.domain.pnl import unrealized
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.slots import Slots, WorkingOrder
from opensqt_actors.domain.strategy import OPEN, Market

FAR = 1 << 62
CHUNK = 512


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay came to. Money in quote currency; visited: prices at which the grid was asked."""

    candles: int
    visited: int
    fills: int
    round_trips: int
    position: Decimal
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    trades: tuple[tuple[int, str, int, int], ...]

    @property
    def pnl(self) -> Decimal:
        """Realised and open profit after fees."""
        return self.realized + self.unrealized - self.fees


class GridReplay:
    """One grid, one market, one pass."""

    def __init__(self, instrument: Instrument, fees: Fees, settings: GridSettings, first_price: int) -> None:
        self.instrument = instrument
        self.fees = fees
        lattice = anchor_lattice(instrument, settings, first_price)
        self.grid = Grid(Market(instrument, fees, settings, lattice))
        self.slots = Slots(IdCoder("bt", 0))
        self.low = FAR
        self.high = -FAR
        self.visited = 0
        self.round_trips = 0
        self.realized = 0
        self.turnover = 0
        self.trades: list[tuple[int, str, int, int]] = []
        self._buys: list[tuple[int, int]] = []
        self._sells: list[tuple[int, int]] = []

    def run(self, candles: Candles, *, bands: bool = True) -> Result:
        """Replay all candles."""
        path = candles.path()
        if bands:
            self._run_bands(candles, path.tolist())
        else:
            for index, price in enumerate(path.tolist()):
                self._visit(index, price)
        return self._result(candles)

    def _run_bands(self, candles: Candles, path: list[int]) -> None:
        lows, highs = candles.low, candles.high
        candle, count = 0, len(candles)
        while candle < count:
            low, high = self.low, self.high
            if low <= high:
                candle = self._skip(lows, highs, candle, low, high)
                if candle >= count:
                    return
            for index in range(candle * 4, candle * 4 + 4):
                price = path[index]
                if not self.low <= price <= self.high:
                    self._visit(index, price)
            candle += 1

    @staticmethod
    def _skip(lows: np.ndarray, highs: np.ndarray, start: int, low: int, high: int) -> int:  # type: ignore[type-arg]
        """The first candle from `start` on that leaves low..high."""
        chunk = 32
        count = len(lows)
        while start < count:
            outside = (lows[start : start + chunk] < low) | (highs[start : start + chunk] > high)
            first = int(outside.argmax())
            if outside[first]:
                return start + first
            start += chunk
            chunk = min(chunk * 4, CHUNK * 8)
        return count

    def _visit(self, index: int, price: int) -> None:
        """Fill what the price went through, decide, rest what is asked for, and set the prices that need no visit."""
        self.visited += 1
        slots, grid = self.slots, self.grid
        self._fill(index, price)
        decision = grid.decide(slots, price - 1, price + 1, OPEN, index + 1)
        while decision.cancels or decision.places:
            for level in decision.cancels:
                order = slots.cancel(level, index)
                slots.report(_report(order, OrderStatus.CANCELED, order.booked))
            for place in decision.places:
                order = slots.place(place.level, place.kind, place.price, place.quantity, index, place.reduce_only)
                slots.report(_report(order, OrderStatus.NEW, 0))
                if order.buys:
                    heapq.heappush(self._buys, (-order.price, place.level))
                else:
                    heapq.heappush(self._sells, (order.price, place.level))
            decision = grid.decide(slots, price - 1, price + 1, OPEN, index + 1)
        slots.changed.clear()
        low, high = decision.low + 1, decision.high - 2
        best_buy, best_sell = self._best()
        if best_buy is not None:
            low = max(low, best_buy)
        if best_sell is not None:
            high = min(high, best_sell)
        self.low, self.high = low, high

    def _best(self) -> tuple[int | None, int | None]:
        """Prices of the nearest resting buy and sell; what no longer rests leaves the heaps here."""
        buys, sells = self._buys, self._sells
        while buys and not self._rests(buys[0][1], -buys[0][0], buys=True):
            heapq.heappop(buys)
        while sells and not self._rests(sells[0][1], sells[0][0], buys=False):
            heapq.heappop(sells)
        return (-buys[0][0] if buys else None), (sells[0][0] if sells else None)

    def _rests(self, level: int, price: int, *, buys: bool) -> bool:
        slot = self.slots.by_level.get(level)
        order = slot.order if slot is not None else None
        return order is not None and order.buys is buys and order.price == price

    def _fill(self, index: int, price: int) -> None:
        while True:
            best_buy, best_sell = self._best()
            if best_buy is not None and price < best_buy:
                level = heapq.heappop(self._buys)[1]
            elif best_sell is not None and price > best_sell:
                level = heapq.heappop(self._sells)[1]
            else:
                return
            order = self.slots.by_level[level].order
            if order is None:
                continue
            self._book(index, level, order)

    def _book(self, index: int, level: int, order: WorkingOrder) -> None:
        quantity = order.quantity
        fill = Fill(
            self.instrument.symbol, len(self.trades) + 1, order.client_id, "", order.side, order.price, quantity,
            Decimal(0), self.instrument.quote, True, index,
        )  # fmt: skip
        booked = self.slots.fill(fill)
        if booked is None:
            return
        self.realized += booked.realized
        self.turnover += order.price * quantity
        if booked.round_trip is not None:
            self.round_trips += 1
        self.grid.filled(self.slots, booked.slot)
        self.trades.append((index, order.side.value, order.price, quantity))

    def _result(self, candles: Candles) -> Result:
        slots, money = self.slots, self.instrument.money
        mark = int(candles.close[-1]) if len(candles) else 0
        cost = slots.long_cost - slots.short_cost
        return Result(
            len(candles), self.visited, len(self.trades), self.round_trips, self.instrument.quantity(slots.position),
            money(self.realized), money(unrealized(slots.position, cost, mark)), money(self.turnover) * self.fees.maker,
            tuple(self.trades),
        )  # fmt: skip


def _report(order: WorkingOrder, status: OrderStatus, filled: int) -> OrderReport:
    return OrderReport(order.client_id, "", "1", order.side, status, order.price, order.quantity, filled, 0)
