"""The lattice: prices rise with the level, and every price finds its level again."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.lattice import Lattice

ANCHORS = st.integers(1_000, 10**9)
LEVELS = st.integers(-300, 300)


@st.composite
def lattices(draw: st.DrawFn) -> Lattice:
    """An arithmetic or a geometric one whose neighbours are at least a few ticks apart."""
    anchor = draw(ANCHORS)
    if draw(st.booleans()):
        return Lattice(anchor, draw(st.integers(1, max(1, anchor // 400))))
    percent = Decimal(draw(st.integers(5, 300))) / 100
    assume(anchor * percent / 100 > 20)
    return Lattice.geometric(anchor, percent)


@given(lattices(), LEVELS)
def test_a_higher_level_has_a_higher_price(lattice: Lattice, level: int) -> None:
    assume(lattice.ratio is None or lattice.price(level) > 2_000)
    assert lattice.price(level) < lattice.price(level + 1)


@given(lattices(), st.integers(1_000, 10**9))
def test_floor_is_the_highest_level_that_is_not_above(lattice: Lattice, price: int) -> None:
    assume(lattice.ratio is None or lattice.anchor // 20 < price < lattice.anchor * 20)
    level = lattice.floor(price)
    assert lattice.price(level) <= price
    assert price < lattice.price(level + 1)


@given(lattices(), LEVELS)
def test_a_level_is_found_by_its_own_price(lattice: Lattice, level: int) -> None:
    assume(lattice.ratio is None or lattice.price(level) > 2_000)
    assert lattice.floor(lattice.price(level)) == level
    assert lattice.nearest(lattice.price(level)) == level


@given(lattices(), st.integers(1_000, 10**9), st.integers(1, 8))
def test_nearest_is_a_multiple_and_none_is_nearer(lattice: Lattice, price: int, multiple: int) -> None:
    assume(lattice.ratio is None or lattice.anchor // 20 < price < lattice.anchor * 20)
    level = lattice.nearest(price, multiple)
    assert level % multiple == 0
    away = abs(price - lattice.price(level))
    assert away <= abs(price - lattice.price(level - multiple))
    assert away <= abs(price - lattice.price(level + multiple))


def test_of_two_levels_equally_near_the_upper_one_is_taken() -> None:
    assert Lattice(1_000, 10).nearest(1_005) == 1
    assert Lattice(1_000, 10).nearest(995) == 0


@given(st.integers(10_000, 10**9), st.integers(5, 300), LEVELS)
def test_geometric_levels_are_percents_apart(anchor: int, hundredths: int, level: int) -> None:
    percent = Decimal(hundredths) / 100
    assume(anchor * percent / 100 > 20)
    lattice = Lattice.geometric(anchor, percent)
    exact = anchor * (1 + percent / 100) ** level
    assert abs(lattice.price(level) - exact) <= Decimal("0.5") + exact * Decimal("1e-20")


def test_the_memory_of_prices_is_bounded() -> None:
    lattice = Lattice.geometric(10**9, Decimal("0.001"))
    for level in range(100_050):
        lattice.price(level)
    assert len(lattice._cache) <= 100_000


@pytest.mark.parametrize(
    ("anchor", "base", "ratio", "sentence"),
    [
        (0, 1, None, "anchor: must be above 0 ticks, not 0"),
        (1, 0, None, "interval: is smaller than one tick of this market; choose a larger one"),
        (5, 1, Decimal(1), "interval_percent: must be above 0, not 0"),
        (5, 1, Decimal("0.98"), "interval_percent: must be above 0, not -2.00"),
    ],
)
def test_what_is_no_lattice_is_refused(anchor: int, base: int, ratio: Decimal | None, sentence: str) -> None:
    with pytest.raises(InvalidValue) as error:
        Lattice(anchor, base, ratio)
    assert str(error.value) == sentence


def test_the_smallest_lattice_is_one() -> None:
    lattice = Lattice(1, 1)
    assert [lattice.price(level) for level in (0, 1, 2)] == [1, 2, 3]
    assert lattice.floor(1) == 0


def test_an_interval_below_a_tick_is_refused() -> None:
    with pytest.raises(InvalidValue, match="interval"):
        Lattice.geometric(100, Decimal("0.1"))


class Counted(Lattice):
    """Counts how often it is asked for a price."""

    __slots__ = ("looks",)

    def price(self, level: int) -> int:
        self.looks = getattr(self, "looks", 0) + 1
        return super().price(level)


@pytest.mark.parametrize("level", [-200, -7, 0, 1, 50, 300])
@pytest.mark.parametrize("above", [0, 3])
def test_a_geometric_level_is_found_with_three_looks_however_far_away(level: int, above: int) -> None:
    ratio = Decimal("1.01")
    price = Lattice(1_000_000, 10_000, ratio).price(level) + above
    lattice = Counted(1_000_000, 10_000, ratio)
    assert lattice.floor(price) == level
    assert lattice.looks <= 3
