"""The cost of one grid decision at a crossing, for small and large windows, and of a tick inside the quiet band.

A neutral grid of N levels, every order resting; each sample moves the price across one level and back, which makes the
window move. One JSON line. `growth_bytes`: what a tenth of the samples has added to the memory in use.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
import tracemalloc
from decimal import Decimal

import orjson

from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import IdCoder
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Fees, OrderReport, OrderStatus
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.slots import Slots, WorkingOrder
from opensqt_actors.domain.strategy import OPEN, Decision, Market

INSTRUMENT = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))
ANCHOR = 500_000
BASE = 2_000


def make(levels: int) -> tuple[Grid, Slots]:
    """A neutral grid of `levels` opening levels in all; every slot's order rests."""
    settings = GridSettings(
        GridMode.NEUTRAL, Decimal(100), Decimal(200), buy_window=levels // 2, sell_window=levels // 2,
        max_position=Decimal(10**9), max_open_orders=10_000,
    )  # fmt: skip
    market = Market(INSTRUMENT, Fees(Decimal("0.0002"), Decimal("0.0005")), settings, Lattice(ANCHOR, BASE))
    return Grid(market), Slots(IdCoder("aa", 1))


def apply(slots: Slots, decision: Decision) -> None:
    """Carry a decision out: cancels go, places rest."""
    for level in decision.cancels:
        order = slots.cancel(level, 1)
        slots.report(_report(order, OrderStatus.CANCELED, 0))
    for place in decision.places:
        order = slots.place(place.level, place.kind, place.price, place.quantity, 1, place.reduce_only)
        slots.report(_report(order, OrderStatus.NEW, 0))
    slots.changed.clear()
    slots.moved.clear()


def _report(order: WorkingOrder, status: OrderStatus, filled: int) -> OrderReport:
    return OrderReport(order.client_id, "BTCUSDT", "1", order.side, status, order.price, order.quantity, filled, 1)


def median_us(samples: list[int]) -> float:
    """The middle one, in microseconds."""
    return round(sorted(samples)[len(samples) // 2] / 1e3, 2)


class Crossing:
    """A ladder whose market goes up by one level and down again: each decision moves the window by one level."""

    def __init__(self, levels: int) -> None:
        self.grid, self.slots = make(levels)
        apply(self.slots, self.decide(0))

    def decide(self, number: int) -> Decision:
        """The decision at one of the two prices."""
        price = ANCHOR + BASE * (number % 2)
        return self.grid.decide(self.slots, price, price + 1, OPEN, 1)

    def run(self, count: int) -> list[int]:
        """ns of each decision; what it asks for is carried out in between and not measured."""
        took: list[int] = []
        for number in range(1, count + 1):
            before = time.perf_counter_ns()
            decision = self.decide(number)
            took.append(time.perf_counter_ns() - before)
            apply(self.slots, decision)
        return took


def crossing_us(levels: int, samples: int) -> float:
    """us of a decision at a crossing: the median of a run, the quietest of five runs."""
    crossing = Crossing(levels)
    crossing.run(200)
    gc.collect()
    gc.disable()
    try:
        return min(median_us(crossing.run(samples // 5)) for _ in range(5))
    finally:
        gc.enable()


def growth_bytes(levels: int, samples: int) -> int:
    """Bytes by which the memory in use has grown over many crossings, after all bounded memories are full."""
    crossing = Crossing(levels)
    crossing.run(1_000)
    tracemalloc.start()
    try:
        crossing.run(100)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        crossing.run(samples)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def inside_ns(samples: int) -> float:
    """ns of a tick that stays inside the band, parsing of its two prices included; the quietest of five runs."""
    board = PriceBoard()
    board.add(INSTRUMENT)
    board.quiet("BTCUSDT", 1, 1 << 60)
    offer = board.offer
    runs: list[float] = []
    for _ in range(5):
        before = time.perf_counter_ns()
        for number in range(samples):
            offer("BTCUSDT", "50000.1" if number % 2 else "50000.2", "50000.5", 1)
        runs.append((time.perf_counter_ns() - before) / samples)
    return min(runs)


def compare_ns(samples: int) -> float:
    """ns of the band's comparison itself."""
    grid, slots = make(40)
    decision = grid.decide(slots, ANCHOR, ANCHOR + 1, OPEN, 1)
    low, high = decision.low, decision.high
    bid, ask, hits = ANCHOR, ANCHOR + 1, 0
    before = time.perf_counter_ns()
    for _ in range(samples):
        if low <= bid and ask < high:
            hits += 1
    return (time.perf_counter_ns() - before) / samples


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000)
    options = parser.parse_args()
    result: dict[str, object] = {}
    for levels in (10, 40, 200):
        us = crossing_us(levels, options.samples if levels < 200 else options.samples // 4)
        result[f"crossing_us_{levels}"] = us
        result[f"decisions_per_s_{levels}"] = round(1e6 / us)
        result[f"growth_bytes_{levels}"] = growth_bytes(levels, options.samples // 10)
    result["in_band_us"] = round(min(compare_ns(options.samples * 2) for _ in range(5)) / 1e3, 4)
    result["tick_in_band_us"] = round(inside_ns(options.samples) / 1e3, 3)
    result["load"] = round(os.getloadavg()[0], 1)
    print(orjson.dumps(result).decode())


if __name__ == "__main__":
    main()
