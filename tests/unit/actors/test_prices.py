"""The price board: one comparison inside the band, one message outside it, absurd quotes refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.actors.prices import Cell, PriceBoard
from opensqt_actors.domain.instrument import Instrument

INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"))


@pytest.fixture
def board() -> PriceBoard:
    made = PriceBoard()
    made.add(INSTRUMENT)
    return made


def told(board: PriceBoard, bid: float, ask: float) -> bool:
    """Offer a quote, and let the ExchangeActor take it at once when it was told."""
    moved = board.offer("XUSDT", f"{bid:.1f}", f"{ask:.1f}", 1)
    if moved:
        cell(board).told = False
        cell(board).take()
    return moved


def cell(board: PriceBoard) -> Cell:
    return board.cells["XUSDT"]


def test_the_first_quote_counts(board: PriceBoard) -> None:
    assert told(board, 100.0, 100.1)
    assert (cell(board).bid, cell(board).ask) == (1000, 1001)


def test_a_quote_inside_the_band_is_skipped_and_remembered(board: PriceBoard) -> None:
    told(board, 100.0, 100.1)
    board.quiet("XUSDT", 990, 1011)
    assert not told(board, 99.0, 101.0)
    assert (cell(board).bid, cell(board).ask) == (990, 1010)
    assert board.skipped == 1
    assert told(board, 98.9, 99.5)


@given(st.integers(900, 1100), st.integers(1, 30), st.integers(900, 1000), st.integers(1000, 1100))
def test_outside_is_where_the_bid_is_below_or_the_ask_is_not_below(bid: int, spread: int, low: int, high: int) -> None:
    board = PriceBoard()
    board.add(INSTRUMENT)
    told(board, 100.0, 100.1)
    board.quiet("XUSDT", low, high)
    cell(board).bid = cell(board).ask = 1000
    assert told(board, bid / 10, (bid + spread) / 10) is not (low <= bid and bid + spread < high)


def test_of_quotes_that_nobody_has_taken_the_newest_wins(board: PriceBoard) -> None:
    assert board.offer("XUSDT", "100.0", "100.1", 1)
    assert not board.offer("XUSDT", "101.0", "101.1", 2)
    assert not board.offer("XUSDT", "102.0", "102.1", 3)
    assert board.conflated == 2
    assert (cell(board).bid, cell(board).at) == (1020, 3)


def test_a_price_that_came_while_a_decision_was_made_is_not_forgotten(board: PriceBoard) -> None:
    told(board, 100.0, 100.1)
    board.quiet("XUSDT", 900, 1100)
    assert not told(board, 105.0, 105.1)
    assert not cell(board).restless
    board.quiet("XUSDT", 990, 1010)
    assert cell(board).restless
    cell(board).take()
    assert not cell(board).restless


def test_the_same_quote_again_is_skipped_unless_nobody_was_told(board: PriceBoard) -> None:
    told(board, 100.0, 100.1)
    assert not told(board, 100.0, 100.1)
    board.loud("XUSDT")
    assert told(board, 100.0, 100.1)


@pytest.mark.parametrize(
    ("bid", "ask"), [("0", "0"), ("-1", "1"), ("100.1", "100.1"), ("100.2", "100.1"), ("100.0", "0")]
)
def test_f25_a_quote_that_is_none_is_refused(board: PriceBoard, bid: str, ask: str) -> None:
    assert not board.offer("XUSDT", bid, ask, 1)
    assert board.refused == 1
    assert cell(board).bid == 0


def test_f25_an_absurd_jump_is_believed_only_when_three_quotes_agree(board: PriceBoard) -> None:
    told(board, 100.0, 100.1)
    assert not told(board, 50.0, 50.1)
    assert not told(board, 50.1, 50.2)
    assert (cell(board).bid, board.refused) == (1000, 2)
    assert told(board, 50.2, 50.3)
    assert cell(board).bid == 502


def test_f25_absurd_quotes_that_disagree_are_never_believed(board: PriceBoard) -> None:
    told(board, 100.0, 100.1)
    for bid in (50.0, 30.0, 50.0, 200.0, 30.0, 200.0):
        assert not told(board, bid, bid + 0.1)
    assert cell(board).bid == 1000
    assert not told(board, 50.0, 50.1)
    assert told(board, 101.0, 101.1)
    assert not told(board, 50.0, 50.1)
    assert not told(board, 50.0, 50.2)


def test_prices_of_a_market_that_nobody_trades_are_ignored(board: PriceBoard) -> None:
    assert not board.offer("YUSDT", "1", "2", 1)
    assert board.quiet("YUSDT", 1, 2) is None
    board.loud("YUSDT")
    board.remove("XUSDT")
    assert not board.offer("XUSDT", "1", "2", 1)
    assert board.ticks == 0


def test_without_bands_every_change_counts() -> None:
    board = PriceBoard(bands=False)
    board.add(INSTRUMENT)
    board.quiet("XUSDT", 1, 10**9)
    assert told(board, 100.0, 100.1)
    assert told(board, 100.1, 100.2)


def test_a_market_keeps_its_cell_while_its_rules_stay_the_same(board: PriceBoard) -> None:
    before = cell(board)
    assert board.add(INSTRUMENT) is before
    other = Instrument("XUSDT", "X", "USDT", Decimal("0.01"), Decimal("0.001"))
    assert board.add(other) is not before
