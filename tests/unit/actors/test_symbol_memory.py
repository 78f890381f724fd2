"""Where a grid stands is written down when it changes, and taken up by the next life."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace
from support.symbol_bench import FINE, GRID, Bench, saved

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Quote, Submit
from opensqt_actors.actors.symbol import Start
from opensqt_actors.domain.orders import Candle
from opensqt_actors.domain.records import LatticeSaved, MemorySaved


def remembered(bench: Bench) -> list[MemorySaved]:
    """What was written down of the strategy's memory."""
    written = [effect for effect in bench.other if isinstance(effect, ports.Persist)]
    return [entry for effect in written for entry in effect.entries if isinstance(entry, MemorySaved)]


def test_the_centre_is_written_down_when_it_moves_and_only_then() -> None:
    bench = Bench()
    bench.begin()
    assert remembered(bench) == [MemorySaved("main", "XUSDT", "grid", (0, 1, 1, 1, 0))]
    bench.quote(10_050)
    assert len(remembered(bench)) == 1
    bench.quote(10_110)
    assert [entry.numbers[0] for entry in remembered(bench)] == [0, 1]


def test_it_is_written_before_the_orders_that_follow_from_it_are_asked_for() -> None:
    bench = Bench()
    bench.begin()
    effects = bench.actor.step(Quote(10_109, 10_111, bench.now), bench.now)
    kinds = [type(getattr(effect, "message", effect)) for effect in effects]
    assert kinds.index(ports.Persist) < kinds.index(Submit)


def test_a_multiple_that_a_candle_asks_for_is_written_down_with_the_candle() -> None:
    wide = replace(GRID, atr_scale=Decimal(2))
    bench = Bench(grid=wide)
    bench.begin()
    for minute in range(1, 16):
        bench.step(ports.CandleSeen(Candle("XUSDT", minute * 60_000_000_000, 1_000, 1_012, 988, 1_000, 1, closed=True)))
    assert remembered(bench)[-1].numbers[1:3] == (5, 5)


def test_the_next_life_stands_where_the_last_one_stood() -> None:
    lattice = LatticeSaved("main", "XUSDT", 10_000, 100, Decimal("1.01"))
    memory = MemorySaved("main", "XUSDT", "grid", (1, 1, 1, 1, 0))
    bench = Bench(saved(lattice=lattice, memory=memory))
    bench.step(Start())
    bench.step(FINE)
    bench.quote(10_045)  # nearest to level 0, less than 0.6 of an interval below level 1
    assert bench.actor.strategy is not None
    assert bench.actor.strategy.centre_price() == 10_100
    assert remembered(bench) == []


def test_the_memory_of_another_strategy_is_left_alone() -> None:
    lattice = LatticeSaved("main", "XUSDT", 10_000, 100, Decimal("1.01"))
    bench = Bench(saved(lattice=lattice, memory=MemorySaved("main", "XUSDT", "other", (1, 1, 1, 1, 0))))
    bench.begin()
    assert bench.actor.strategy is not None
    assert bench.actor.strategy.centre_price() == 10_000
    assert remembered(bench) == [MemorySaved("main", "XUSDT", "grid", (0, 1, 1, 1, 0))]


def test_a_new_lattice_begins_without_a_memory() -> None:
    bench = Bench(saved(memory=MemorySaved("main", "XUSDT", "grid", (5, 1, 1, 1, 0))))
    bench.begin()
    assert bench.actor.strategy is not None
    assert bench.actor.strategy.centre_price() == 10_000
