"""The reconciler's invariants: when a difference counts, and what a correction may touch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import OrderReport, OrderStatus, Side
from opensqt_actors.domain.reconcile import LAG, Claim, Gap, Holding, Sightings, claim, corrections, gap
from opensqt_actors.domain.strategy import Place

POSITIONS = st.integers(-10_000, 10_000)
HOLDINGS = st.dictionaries(st.integers(-20, 20), st.integers(-500, 500).filter(bool), max_size=10).map(
    lambda held: [Holding(level, position, 1_000 + 10 * level) for level, position in held.items()]
)


@pytest.mark.parametrize(
    ("local", "venue", "verdict"),
    [
        (0, 0, Gap.NONE),
        (0, 1, Gap.NONE),
        (100, 99, Gap.NONE),
        (100, 96, Gap.SMALL),
        (100, 95, Gap.LARGE),
        (1_000, 951, Gap.SMALL),
        (1_000, 950, Gap.LARGE),
        (-1_000, -1_040, Gap.SMALL),
        (100, 0, Gap.LARGE),
        (0, 2, Gap.LARGE),
        (100, -100, Gap.LARGE),
    ],
)
def test_r1_r2_a_step_is_noise_and_five_percent_is_large(local: int, venue: int, verdict: Gap) -> None:
    assert gap(local, venue) is verdict
    assert gap(venue, local) is verdict


def test_r3_a_difference_is_believed_when_it_was_seen_twice_the_same() -> None:
    seen = Sightings()
    assert not seen.see(100, 50, 0)
    assert not seen.see(100, 51, LAG)
    assert not seen.see(99, 51, 2 * LAG)
    assert not seen.see(99, 51, 3 * LAG - 1)
    assert seen.see(99, 51, 3 * LAG)
    assert seen.pending
    assert not seen.see(51, 51, 4 * LAG)
    assert not seen.pending
    assert not seen.see(99, 51, 5 * LAG)


@given(holdings=HOLDINGS, difference=st.integers(-2_000, 2_000).filter(bool), price=st.integers(700, 1_300))
def test_r4_r5_r6_corrections_add_up_and_turn_no_slot(holdings: list[Holding], difference: int, price: int) -> None:
    found, rest = corrections(holdings, difference, price)
    held = {holding.level: holding for holding in holdings}
    assert sum(correction.quantity for correction in found) + rest == difference
    assert all(correction.quantity * difference > 0 for correction in found)
    assert len({correction.level for correction in found}) == len(found)
    other = sorted((h for h in holdings if h.position * difference < 0), key=lambda h: (abs(h.price - price), h.level))
    given_up = [correction for correction in found if held[correction.level].position * difference < 0]
    assert [correction.level for correction in given_up] == [h.level for h in other[: len(given_up)]]
    for number, correction in enumerate(given_up):
        before = held[correction.level].position
        after = before + correction.quantity
        assert after * before >= 0
        assert after == 0 or number == len(given_up) - 1
    grown = [correction for correction in found if correction not in given_up]
    if grown or rest:
        assert len(given_up) == len(other)
        assert all(held[c.level].position + c.quantity == 0 for c in given_up)
    same = [h for h in holdings if h.position * difference > 0]
    assert rest == 0 or not same
    for correction in grown:
        nearest = min(same, key=lambda h: (abs(h.price - price), h.level))
        assert correction.level == nearest.level


@given(holdings=HOLDINGS, venue=POSITIONS, price=st.integers(700, 1_300))
def test_a_small_gap_never_leaves_a_rest(holdings: list[Holding], venue: int, price: int) -> None:
    local = sum(holding.position for holding in holdings)
    for theirs in (venue, local + local // 30, local - local // 30):
        if gap(local, theirs) is Gap.SMALL:
            assert corrections(holdings, theirs - local, price)[1] == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_single_step_is_corrected_like_any_difference(sign: int) -> None:
    one = Holding(0, sign, 1_000)
    assert corrections([one], sign, 1_000) == ([(0, sign)], 0)
    assert corrections([one], -sign, 1_000) == ([(0, -sign)], 0)
    assert corrections([], sign, 1_000) == ([], sign)


def test_before_the_first_comparison_nothing_is_pending() -> None:
    assert not Sightings().pending


PLACE = Place(-1, OrderKind.OPEN_BUY, 99_500, 10, False)
EXIT = Place(-1, OrderKind.EXIT_SELL, 100_000, 10, True)


def found(price: int = 99_500, quantity: int = 10, filled: int = 0) -> OrderReport:
    """An order on the slot's level that nobody here knows."""
    return OrderReport(ClientId("x"), "XUSDT", "v", Side.BUY, OrderStatus.NEW, price, quantity, filled, 0)


@given(price=st.sampled_from([99_500, 99_501]), quantity=st.sampled_from([9, 10]), filled=st.sampled_from([0, 1]))
def test_r10_only_the_whole_order_that_is_wanted_is_adopted(price: int, quantity: int, filled: int) -> None:
    same = (price, quantity, filled) == (99_500, 10, 0)
    report = found(price, quantity, filled)
    assert claim(report, OrderKind.OPEN_BUY, PLACE, old=True) is (Claim.ADOPT if same else Claim.OTHER)
    assert claim(report, OrderKind.OPEN_SELL, PLACE, old=True) is Claim.OTHER


def test_r9_no_opening_order_is_placed_beside_a_young_one_and_an_exit_only_when_it_is_another_exit() -> None:
    assert claim(found(quantity=1), OrderKind.OPEN_BUY, PLACE, old=False) is Claim.WAIT
    assert claim(found(100_000), OrderKind.EXIT_SELL, EXIT, old=False) is Claim.WAIT
    assert claim(found(100_000, 9), OrderKind.EXIT_SELL, EXIT, old=False) is Claim.OTHER
    assert claim(found(), OrderKind.OPEN_BUY, EXIT, old=False) is Claim.OTHER
