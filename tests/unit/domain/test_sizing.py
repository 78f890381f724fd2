"""The interval multiple does not flicker, and amounts shrink with volatility."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.sizing import IntervalMultiple, next_multiple, scaled, size_factor, spacing

RAWS = st.floats(0, 30)


@pytest.mark.parametrize(
    ("present", "raw", "expected"),
    [
        (1, 0.0, 1),
        (1, 1.25, 1),  # a quarter of a step above is still tolerated
        (1, 1.26, 2),
        (1, 3.01, 4),  # far above: straight to its ceiling
        (2, 0.75, 2),  # meant for 1 to 2, a quarter below is tolerated
        (2, 0.74, 1),
        (4, 2.75, 4),
        (4, 2.74, 3),
        (4, 0.0, 1),
        (4, 4.25, 4),
        (4, 4.2501, 5),
        (1, 1e9, 8),
        (8, 1e9, 8),
        (9, 8.5, 8),  # the maximum was lowered
    ],
)
def test_a_multiple_moves_only_beyond_a_quarter_of_a_step(present: int, raw: float, expected: int) -> None:
    assert next_multiple(present, raw, 8) == expected


def test_the_walk_in_the_documentation_is_what_happens() -> None:
    value, walk = 1, []
    for raw in (0.9, 1.2, 1.3, 0.9, 0.74, 3.1, 2.9, 2.7):
        value = next_multiple(value, raw, 8)
        walk.append(value)
    assert walk == [1, 1, 2, 2, 1, 4, 4, 3]


@given(st.integers(1, 12), st.lists(st.floats(-0.25, 0.25), min_size=1), st.booleans())
def test_a_value_that_dances_around_a_boundary_flips_nothing(boundary: int, dance: list[float], above: bool) -> None:
    multiple = boundary + above
    assert all(next_multiple(multiple, boundary + offset, 100) == multiple for offset in dance)


@given(st.lists(RAWS, min_size=2), st.integers(1, 20))
def test_each_change_needs_half_a_step_in_the_other_direction_to_be_undone(raws: list[float], most: int) -> None:
    value, changed_at, before = 1, None, None
    for raw in raws:
        following = next_multiple(value, raw, most)
        if following != value:
            if before == following and changed_at is not None:
                assert abs(raw - changed_at) > 0.5 - 1e-9 or following == most
            before, value, changed_at = value, following, raw


@given(st.integers(1, 20), RAWS, st.integers(1, 20))
def test_a_multiple_stays_within_its_bounds_and_covers_the_range(present: int, raw: float, most: int) -> None:
    value = next_multiple(present, raw, most)
    assert 1 <= value <= most
    assert value == most or raw - 0.25 <= value <= max(raw + 1.25, 1)
    assert next_multiple(value, raw, most) == value


def test_an_arithmetic_spacing_is_the_base_everywhere() -> None:
    lattice = Lattice(10_000, 50)
    assert spacing(lattice, 10_000) == spacing(lattice, 20_000) == 50.0


@given(st.integers(10_000, 10**9), st.integers(-50, 50))
def test_a_geometric_spacing_is_the_distance_to_the_next_level(anchor: int, level: int) -> None:
    lattice = Lattice.geometric(anchor, Decimal("0.5"))
    here = lattice.price(level)
    assert spacing(lattice, here) == pytest.approx(lattice.price(level + 1) - here, abs=1.01)
    assert spacing(lattice, here) == pytest.approx(here * 0.005)


def test_a_candle_changes_the_multiple_and_says_so() -> None:
    multiple = IntervalMultiple(scale=2.0, most=5)
    assert multiple.value == 1
    assert not multiple.closed(20.0, 40.0)  # raw 1
    assert multiple.closed(30.0, 40.0)  # raw 1.5
    assert multiple.value == 2
    assert not multiple.closed(None, 40.0)
    assert not multiple.closed(35.0, 40.0)  # raw 1.75
    assert multiple.closed(1_000.0, 40.0)
    assert multiple.value == 5


def test_without_a_scale_the_interval_is_fixed() -> None:
    multiple = IntervalMultiple(scale=0.0, most=5, value=3)
    assert multiple.value == 1
    assert not multiple.closed(1e9, 1.0)
    assert multiple.value == 1


@pytest.mark.parametrize(("journalled", "expected"), [(0, 1), (1, 1), (3, 3), (5, 5), (9, 5)])
def test_a_journalled_multiple_goes_on_within_the_bounds_of_now(journalled: int, expected: int) -> None:
    assert IntervalMultiple(1.0, 5, journalled).value == expected


@pytest.mark.parametrize(
    ("volatility", "expected"), [(0.0, 1.0), (0.001, 0.95), (0.01, 0.5), (0.018, 0.1), (0.5, 0.1), (None, 0.1)]
)
def test_amounts_shrink_with_volatility_to_a_tenth(volatility: float | None, expected: float) -> None:
    assert size_factor(volatility) == pytest.approx(expected)


@given(st.integers(0, 10**18), st.floats(0.1, 1))
def test_a_share_of_an_amount_is_never_more_than_it_says(amount: int, factor: float) -> None:
    part = scaled(amount, factor)
    assert part * 10**20 <= amount * math.ceil(factor * 10**20)
    assert part >= amount * (factor - 2e-6) - 1
    assert scaled(amount, 1.0) == amount
