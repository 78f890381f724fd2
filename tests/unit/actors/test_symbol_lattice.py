"""The lattice of a symbol stays where it is while anything is held or in flight, whatever the settings say by now."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.symbol_bench import FINE, GRID, Bench, held, saved

from opensqt_actors.actors import ports
from opensqt_actors.actors.symbol import Start
from opensqt_actors.domain.records import LatticeSaved, MemorySaved
from opensqt_actors.domain.settings import GridSettings

LATTICE = LatticeSaved("main", "XUSDT", 10_000, 100, Decimal("1.01"))


def lattices(bench: Bench) -> list[LatticeSaved]:
    """Every lattice that was written down."""
    written = [effect for effect in bench.other if isinstance(effect, ports.Persist)]
    return [entry for effect in written for entry in effect.entries if isinstance(entry, LatticeSaved)]


def stands(bench: Bench) -> tuple[int, int, Decimal | None]:
    """The lattice that the strategy works on."""
    assert bench.actor.strategy is not None
    lattice = bench.actor.strategy.lattice
    return lattice.anchor, lattice.base, lattice.ratio


@st.composite
def changed(draw: st.DrawFn) -> GridSettings:
    """Settings that an operator may have come to since."""
    percent = draw(st.booleans())
    return replace(
        GRID,
        interval_percent=Decimal(draw(st.integers(20, 500))) / 100 if percent else None,
        interval=None if percent else Decimal(draw(st.integers(1, 50))),
        anchor=draw(st.none() | st.integers(500, 2_000).map(Decimal)),
    )


@given(grid=changed(), prices=st.lists(st.integers(9_000, 11_500), min_size=1, max_size=8))
def test_a_lattice_never_moves_under_a_position(grid: GridSettings, prices: list[int]) -> None:
    bench = Bench(held(), grid)
    bench.step(Start())
    bench.step(FINE)
    for price in prices:
        bench.quote(price)
    assert stands(bench) == (10_000, 100, Decimal("1.01"))
    assert lattices(bench) == []


@given(prices=st.lists(st.integers(8_000, 12_500), min_size=1, max_size=12))
def test_a_lattice_is_written_down_once_and_stays(prices: list[int]) -> None:
    bench = Bench()
    bench.begin()
    first = stands(bench)
    for price in prices:
        bench.quote(price)
    assert stands(bench) == first
    assert len(lattices(bench)) == 1


def test_a_flat_symbol_whose_settings_ask_for_another_interval_gets_another_lattice() -> None:
    memory = MemorySaved("main", "XUSDT", "grid", (3, 1, 1, 1, 0))
    bench = Bench(saved(lattice=LATTICE, memory=memory), replace(GRID, interval_percent=Decimal(2)))
    bench.step(Start())
    bench.step(FINE)
    bench.quote(10_500)
    assert stands(bench) == (10_500, 210, Decimal("1.02"))
    assert lattices(bench) == [LatticeSaved("main", "XUSDT", 10_500, 210, Decimal("1.02"))]
    assert bench.actor.strategy is not None
    assert bench.actor.strategy.centre_price() == 10_500


def test_a_flat_symbol_whose_settings_ask_for_the_same_keeps_its_lattice() -> None:
    bench = Bench(saved(lattice=LATTICE))
    bench.step(Start())
    bench.step(FINE)
    bench.quote(10_500)
    assert stands(bench) == (10_000, 100, Decimal("1.01"))
    assert lattices(bench) == []


def test_a_position_on_another_interval_than_the_settings_is_said() -> None:
    bench = Bench(held(), replace(GRID, interval_percent=Decimal(2)))
    bench.step(Start())
    bench.step(FINE)
    assert "grid.lattice_kept" in bench.announced()
    again = Bench(held())
    again.step(Start())
    again.step(FINE)
    assert "grid.lattice_kept" not in again.announced()
