"""A grid that is made anew and recalls where the old one stood goes on as if it were the old one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.examples import examples

from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import IdCoder
from opensqt_actors.domain.indicators import MINUTE
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Candle, Fees
from opensqt_actors.domain.settings import GridMode, GridSettings, Trail
from opensqt_actors.domain.slots import Slots
from opensqt_actors.domain.strategy import OPEN, Market

INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"))
GRID = GridSettings(GridMode.NEUTRAL, Decimal(100), interval=Decimal(10), buy_window=4, sell_window=4)
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))


def made(config: GridSettings = GRID) -> Grid:
    return Grid(Market(INSTRUMENT, FEES, config, Lattice(10_000, 100)))


def decided(grid: Grid, price: int) -> tuple[object, ...]:
    """What the grid wants at a price with nothing held and nothing at rest, and where it then stands."""
    decision = grid.decide(Slots(IdCoder("aa", 1)), price - 1, price + 1, OPEN, 0)
    return (tuple(decision.places), decision.low, decision.high, grid.memory, grid.ladder.band)


def candle(number: int, price: int, width: int) -> Candle:
    close = price / 10
    return Candle("XUSDT", number * MINUTE, close, close + width, max(close - width, 0.1), close, 1, closed=True)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[int, int | None]]:
    """Prices in ticks, some of them with a candle of some width that closes there."""
    width = st.none() | st.integers(0, 80)
    return draw(st.lists(st.tuples(st.integers(8_500, 11_500), width), min_size=2, max_size=40))


@given(
    path=steps(),
    stop=st.integers(1, 39),
    trail=st.sampled_from(Trail),
    atr_scale=st.sampled_from([0, 1, 2]),
    sizing=st.booleans(),
)
@examples(200, deadline=None)
def test_a_restart_anywhere_changes_no_later_decision(
    path: list[tuple[int, int | None]], stop: int, trail: Trail, atr_scale: int, sizing: bool
) -> None:
    config = replace(GRID, trail=trail, atr_scale=Decimal(atr_scale), volatility_sizing=sizing)
    old = made(config)
    history: list[Candle] = []
    restarted: Grid | None = None
    for number, (price, width) in enumerate(path):
        if number == min(stop, len(path) - 1):
            restarted = made(config)
            for past in history:
                restarted.candle(past)
            restarted.recall(old.memory)
            assert restarted.memory == old.memory
        if width is not None:
            closed = candle(number, price, width)
            history.append(closed)
            old.candle(closed)
            if restarted is not None:
                restarted.candle(closed)
        told = decided(old, price)
        if restarted is not None:
            assert decided(restarted, price) == told


def test_without_its_memory_a_centre_would_jump_where_it_is_sticky() -> None:
    old = made()
    decided(old, 10_000)
    at = 10_056  # more than half an interval away from the centre, less than 0.6 of it
    assert decided(old, at)[3] == old.memory
    assert old.centre == 0
    forgetful, mindful = made(), made()
    mindful.recall(old.memory)
    assert decided(forgetful, at) != decided(old, at)
    assert decided(mindful, at) == decided(old, at)


@pytest.mark.parametrize(("atr_scale", "most", "multiple"), [(2, 8, 6), (2, 2, 2), (0, 8, 1)])
def test_settings_that_changed_meanwhile_win_over_the_memory(atr_scale: int, most: int, multiple: int) -> None:
    wild = made(replace(GRID, atr_scale=Decimal(2)))
    for number in range(20):
        wild.candle(candle(number, 10_000, 15))
    decided(wild, 10_000)
    assert wild.ladder.multiple == 6
    grid = made(replace(GRID, atr_scale=Decimal(atr_scale), max_multiple=most))
    grid.recall(wild.memory)
    decided(grid, 10_000)
    assert grid.ladder.multiple == multiple


def test_the_memory_of_another_strategy_is_no_memory() -> None:
    grid = made()
    grid.recall((1, 2, 3))
    assert grid.memory == ()
    assert decided(grid, 10_000) == decided(made(), 10_000)
