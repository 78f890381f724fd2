"""A position that was there before the grid is spread over slots of whose exits none lies on the losing side."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.reconcile import adopt

LATTICE = Lattice(1_000, 10)
MARKET = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal(1), min_quantity=3, min_notional=Decimal(4_000))


def test_a_long_goes_upwards_from_the_level_at_its_entry() -> None:
    assert adopt(LATTICE, MARKET, 5_000, 15, 1_000) == [(0, 5, 1_000), (1, 5, 1_000), (2, 5, 1_000)]


def test_a_long_between_two_levels_begins_at_the_upper_one() -> None:
    assert adopt(LATTICE, MARKET, 5_100, 10, 1_005) == [(1, 5, 1_005), (2, 5, 1_005)]


def test_a_short_goes_downwards_from_the_level_at_or_below_its_entry() -> None:
    assert adopt(LATTICE, MARKET, 5_100, -10, 1_005) == [(0, -5, 1_005), (-1, -5, 1_005)]
    assert adopt(LATTICE, MARKET, 5_000, -5, 1_000) == [(0, -5, 1_000)]


@pytest.mark.parametrize(
    ("quantity", "parts"),
    [
        (9, [5, 4]),  # four are worth 4,000: an order of their own
        (8, [8]),  # three are not, so they go with the last slot
        (13, [5, 8]),
        (2, [2]),  # less than any order: kept, never lost
    ],
)
def test_a_rest_that_could_not_be_traded_alone_joins_the_last_slot(quantity: int, parts: list[int]) -> None:
    assert [steps for _, steps, _ in adopt(LATTICE, MARKET, 5_000, quantity, 1_000)] == parts


def test_a_slot_takes_at_least_what_the_venue_takes() -> None:
    """An amount per level below one order would otherwise make slots that can never be closed."""
    free = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal(1), min_quantity=3)
    assert [steps for _, steps, _ in adopt(LATTICE, free, 500, 6, 1_000)] == [3, 3]


def test_no_position_needs_no_slot() -> None:
    assert adopt(LATTICE, MARKET, 5_000, 0, 1_000) == []


@given(st.integers(-60, 60), st.integers(900, 1_100), st.integers(0, 9_000))
def test_nothing_is_lost_and_no_exit_lies_on_the_losing_side(quantity: int, entry: int, amount: int) -> None:
    parts = adopt(LATTICE, MARKET, amount, quantity, entry)
    assert sum(steps for _, steps, _ in parts) == quantity
    assert len({level for level, _, _ in parts}) == len(parts)
    for level, steps, price in parts:
        assert price == entry
        assert steps * quantity > 0
        assert LATTICE.price(level) >= entry if quantity > 0 else LATTICE.price(level) <= entry


def test_a_venue_without_a_least_quantity_still_gets_whole_steps() -> None:
    free = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal(1), min_quantity=0)
    assert [steps for _, steps, _ in adopt(LATTICE, free, 0, 2, 1_000)] == [1, 1]


@pytest.mark.parametrize(("quantity", "level"), [(1, 1), (-1, 0)])
def test_a_single_step_is_adopted_like_any_position(quantity: int, level: int) -> None:
    assert adopt(LATTICE, MARKET, 5_000, quantity, 1_005) == [(level, quantity, 1_005)]
