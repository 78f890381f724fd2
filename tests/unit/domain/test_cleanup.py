"""Clean-up: the furthest or the oldest opening orders go, in batches, and exits never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.cleanup import CleanupOrder, CleanupSettings, Resting, full, surplus
from opensqt_actors.domain.ids import ClientId


def resting(name: str, price: int, mid: int = 1_000, since: int = 0, opens: bool = True) -> Resting:
    return Resting(ClientId(name), opens, price, mid, since)


LADDER = [resting(f"b{i}", 1_000 - i, since=(i * 7) % 10) for i in range(10)]


def test_up_to_the_threshold_nothing_goes() -> None:
    assert surplus(LADDER, CleanupSettings(threshold=10)) == ()
    assert surplus([], CleanupSettings(threshold=1)) == ()


def test_the_furthest_go_first() -> None:
    assert surplus(LADDER, CleanupSettings(threshold=7)) == ("b9", "b8", "b7")


def test_the_oldest_go_first() -> None:
    settings = CleanupSettings(threshold=7, order=CleanupOrder.OLDEST)
    assert surplus(LADDER, settings) == ("b0", "b3", "b6")


def test_no_more_than_a_batch_goes_at_once() -> None:
    assert surplus(LADDER, CleanupSettings(threshold=1, batch=2)) == ("b9", "b8")
    assert len(surplus(LADDER, CleanupSettings(threshold=8, batch=9))) == 2


def test_exits_count_and_stay() -> None:
    exits = [resting(f"x{i}", 5_000, opens=False) for i in range(9)]
    assert surplus([*exits, *LADDER[:2]], CleanupSettings(threshold=9, batch=5)) == ("b1", "b0")
    assert surplus([*exits, LADDER[1]], CleanupSettings(threshold=2, batch=5)) == ("b1",)
    assert surplus(exits, CleanupSettings(threshold=1)) == ()


def test_distance_is_in_proportion_to_the_market_and_on_both_sides() -> None:
    assert resting("a", 1_010).distance == resting("b", 990).distance == 10_000
    assert resting("c", 100_500, mid=100_000).distance == 5_000
    cheap, dear = resting("cheap", 101, mid=100), resting("dear", 100_500, mid=100_000)
    assert surplus([dear, cheap], CleanupSettings(threshold=1)) == ("cheap",)


@pytest.mark.parametrize("mid", [0, -1])
def test_an_order_of_an_unknown_market_is_the_furthest(mid: int) -> None:
    orders = [resting("far", 10**9), resting("blind", 1_000, mid=mid)]
    assert surplus(orders, CleanupSettings(threshold=1)) == ("blind",)


def test_a_market_of_one_tick_is_known() -> None:
    assert resting("a", 3, mid=1).distance == 2_000_000


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 2_000), st.sampled_from([0, 1_000]), st.integers(0, 9)), max_size=40
    ),
    st.integers(1, 30),
    st.integers(1, 12),
    st.sampled_from(CleanupOrder),
    st.randoms(use_true_random=False),
)
def test_who_goes_depends_on_the_orders_alone(
    rows: list[tuple[bool, int, int, int]], threshold: int, batch: int, order: CleanupOrder, random: object
) -> None:
    orders = [Resting(ClientId(f"{i:02}"), *row) for i, row in enumerate(rows)]
    settings = CleanupSettings(threshold, batch, order)
    gone = surplus(orders, settings)
    assert surplus(orders[::-1], settings) == gone
    openings = {one.client_id: one for one in orders if one.opens}
    assert set(gone) <= set(openings)
    assert len(set(gone)) == len(gone) == max(0, min(len(orders) - threshold, batch, len(openings)))
    stays = [one for name, one in openings.items() if name not in gone]
    for name in gone:
        if order is CleanupOrder.OLDEST:
            assert all(openings[name].since <= one.since for one in stays)
        else:
            assert all(openings[name].distance >= one.distance for one in stays)


def test_at_the_threshold_none_is_added() -> None:
    settings = CleanupSettings(threshold=3)
    assert full(2, settings) is None
    assert full(3, settings) == ("too_many_orders", "3 orders rest already, the cleanup threshold is 3")
    assert full(4, settings) is not None


def test_the_usual_settings_are_the_documented_ones() -> None:
    assert CleanupSettings() == CleanupSettings(50, 10, CleanupOrder.FURTHEST)
