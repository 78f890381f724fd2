"""Candles of a minute made into longer ones."""

from __future__ import annotations

from msgspec.structs import replace

from opensqt_actors.domain.orders import Candle
from opensqt_actors.domain.risk import MINUTE, CandleMerger


def minute(number: int, close: float = 10.0, symbol: str = "A") -> Candle:
    return Candle(symbol, number * MINUTE, 9.0, close + 1, close - 1, close, 2.0, True)


def test_a_candle_of_a_minute_is_its_own() -> None:
    merger = CandleMerger("1m")
    candle = minute(7)
    assert merger.merge(candle) is candle
    late = replace(minute(3), open_time=3 * MINUTE + 1)
    assert merger.merge(late) is late, "nothing is put together, so nothing can lack"


def test_a_longer_candle_spans_the_lowest_and_the_highest_of_its_minutes() -> None:
    merger = CandleMerger("5m")
    for number, close in enumerate((10.0, 7.0, 30.0, 12.0)):
        assert merger.merge(minute(number, close)) is None
    assert merger.merge(minute(4, 11.0)) == Candle("A", 0, 9.0, 31.0, 6.0, 11.0, 10.0, True)


def test_the_last_minute_completes_a_longer_one() -> None:
    merger = CandleMerger("3m")
    assert [merger.merge(minute(number)) for number in (3, 4)] == [None, None]
    assert merger.merge(minute(3, symbol="B")) is None
    assert merger.merge(minute(5, 20.0)) == Candle("A", 3 * MINUTE, 9.0, 21.0, 9.0, 20.0, 6.0, True)
    assert [merger.merge(minute(number)) for number in (6, 7)] == [None, None]
    assert merger.merge(minute(8)) is not None


def test_one_that_lacks_a_minute_or_begins_in_the_middle_is_left_out() -> None:
    merger = CandleMerger("3m")
    found = [merger.merge(minute(number)) for number in (4, 5, 6, 8, 9, 10, 11)]
    assert [candle.open_time for candle in found if candle] == [9 * MINUTE]


def test_a_minute_that_comes_twice_or_late_or_is_not_closed_changes_nothing() -> None:
    merger = CandleMerger("3m")
    for candle in (minute(3), minute(3), minute(4), minute(3), minute(4)):
        assert merger.merge(candle) is None
    assert merger.merge(replace(minute(5), closed=False)) == replace(minute(5), closed=False)
    assert merger.merge(minute(5)) is not None
    assert merger.merge(minute(5)) is None
