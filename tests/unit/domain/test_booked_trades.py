"""The memory of booked trades: nothing is booked twice, and nothing is taken for booked too soon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain import booked_trades
from opensqt_actors.domain.booked_trades import KNOWN_TRADES, RESTORED_TRADES, BookedTrades
from opensqt_actors.domain.orders import Side

SIDES = st.sampled_from(Side)
HIGHEST = 2**63 - 1


@given(
    st.lists(st.integers(1, 60), max_size=20, unique=True),
    st.lists(st.tuples(st.integers(1, 60), SIDES), max_size=120),
    st.integers(1, 12),
)
def test_it_says_what_a_set_without_end_says_of_all_that_is_newer_than_its_bound(
    restored: list[int], told: list[tuple[int, Side]], bound: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(booked_trades, "KNOWN_TRADES", bound)
        trades = BookedTrades(restored)
        kept = sorted(restored)
        everything = {(trade_id, side) for trade_id in kept for side in Side}
        for trade in told:
            if not trades.knows(*trade):
                assert trade not in everything, "booked, and not known any more"
            trades.remember(*trade)
            everything.add(trade)
            assert trades.knows(*trade)
        assert len(trades) <= bound
        for side in Side:
            ids = sorted(trade_id for trade_id, booked in everything if booked is side)
            forgotten = ids[-bound - 1] if len(ids) > bound else 0
            assert all(trades.knows(trade_id, side) for trade_id in ids)
            for unknown in set(range(80)) - set(ids):
                assert (trades.knows(unknown, side)) == (unknown <= forgotten and forgotten > 0)


def test_each_side_is_remembered_by_itself() -> None:
    trades = BookedTrades()
    trades.remember(7, Side.BUY)
    assert trades.knows(7, Side.BUY)
    assert not trades.knows(7, Side.SELL)
    trades.remember(7, Side.SELL)
    assert trades.knows(7, Side.SELL)
    assert len(trades) == 1


def test_a_busy_side_forgets_nothing_of_the_other() -> None:
    trades = BookedTrades()
    for trade_id in range(1, KNOWN_TRADES + 2):
        trades.remember(trade_id, Side.BUY)
    assert len(trades) == KNOWN_TRADES
    assert trades.knows(1, Side.BUY), "older than what is remembered counts as booked"
    assert not trades.knows(1, Side.SELL)


def test_what_comes_late_and_below_all_is_the_first_to_go_and_stays_booked() -> None:
    trades = BookedTrades()
    for trade_id in range(100, 100 + KNOWN_TRADES):
        trades.remember(trade_id, Side.SELL)
    trades.remember(50, Side.SELL)
    assert trades.knows(50, Side.SELL)
    assert not trades.knows(51, Side.SELL)
    assert trades.knows(100, Side.SELL)


def test_a_journal_that_gives_all_that_it_gives_at_most_has_had_others_before() -> None:
    few = BookedTrades(range(100, 100 + RESTORED_TRADES - 1))
    assert not few.knows(99, Side.BUY)
    many = BookedTrades(range(100, 100 + RESTORED_TRADES))
    assert all(many.knows(99, side) and many.knows(100, side) for side in Side)
    assert not many.knows(100 + RESTORED_TRADES, Side.BUY)


def test_ids_as_high_as_a_database_takes_them_fit() -> None:
    trades = BookedTrades([HIGHEST])
    trades.remember(HIGHEST - 1, Side.BUY)
    trades.remember(HIGHEST - 1, Side.BUY)
    assert trades.knows(HIGHEST, Side.SELL)
    assert trades.knows(HIGHEST - 1, Side.BUY)
    assert not trades.knows(HIGHEST - 1, Side.SELL)
    assert len(trades) == 2
