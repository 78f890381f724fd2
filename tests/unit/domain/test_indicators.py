"""Average true range and volatility of candles, whatever comes twice, late, or not at all."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from opensqt_actors.domain.indicators import MINUTE, Indicators, IndicatorSettings
from opensqt_actors.domain.orders import Candle

START = 1_700_000_000_000_000_000 // MINUTE * MINUTE
SMALL = IndicatorSettings(atr_period=3, volatility_window=3)


def candle(minute: int, close: float, high: float | None = None, low: float | None = None) -> Candle:
    top, bottom = close if high is None else high, close if low is None else low
    return Candle("BTCUSDT", START + minute * MINUTE, close, top, bottom, close, 1.0, True)


def fed(candles: list[Candle], settings: IndicatorSettings = SMALL) -> Indicators:
    indicators = Indicators(settings)
    for one in candles:
        assert indicators.add(one)
    return indicators


@st.composite
def walks(draw: st.DrawFn, least: int = 1, most: int = 60) -> list[Candle]:
    """Candles minute by minute, closes from 1 to 1,000, wicks of up to half the price."""
    closes = draw(st.lists(st.floats(1, 1_000), min_size=least, max_size=most))
    wick = st.floats(0, 0.5)
    return [candle(i, c, c * (1 + draw(wick)), c * (1 - draw(wick))) for i, c in enumerate(closes)]


def ranges(candles: list[Candle]) -> list[float]:
    first = [candles[0].high - candles[0].low]
    return first + [max(b.high, a.close) - min(b.low, a.close) for a, b in pairwise(candles)]


def test_the_first_average_is_the_mean_and_later_ones_are_smoothed() -> None:
    indicators = Indicators(SMALL)
    seen = []
    for minute, (high, low, close) in enumerate([(12, 10, 11), (13, 11, 12), (12, 9, 10), (16, 12, 15), (15, 15, 15)]):
        indicators.add(candle(minute, close, high, low))
        seen.append(indicators.atr)
    # true ranges 2, 2, 3, 6 (16 - 10, from the close before), 0
    assert seen == pytest.approx([None, None, 7 / 3, 7 / 3 + (6 - 7 / 3) / 3, 32 / 9 * 2 / 3])


def test_a_fall_below_the_last_close_counts_from_that_close() -> None:
    indicators = fed([candle(0, 100), candle(1, 90, 91, 89)], IndicatorSettings(atr_period=2))
    assert indicators.atr == pytest.approx((0 + 11) / 2)


@given(walks(least=5), st.integers(1, 5))
def test_the_average_is_wilders(candles: list[Candle], period: int) -> None:
    values = ranges(candles)
    expected = sum(values[:period]) / period
    for value in values[period:]:
        expected = (expected * (period - 1) + value) / period
    assert fed(candles, IndicatorSettings(atr_period=period)).atr == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(walks(least=4), st.integers(2, 12))
def test_the_volatility_is_the_deviation_of_the_newest_returns(candles: list[Candle], window: int) -> None:
    closes = [one.close for one in candles]
    returns = [math.log(b / a) for a, b in pairwise(closes)]
    volatility = fed(candles, IndicatorSettings(volatility_window=window)).volatility
    if len(returns) < window:
        assert volatility is None
    else:
        assert volatility == pytest.approx(statistics.stdev(returns[-window:]), rel=1e-9, abs=1e-11)


def test_calm_after_a_storm_has_no_volatility_at_all() -> None:
    storm = [candle(i, 1 + 999 * (i % 2)) for i in range(101)]
    calm = [candle(101 + i, 500) for i in range(4)]
    assert fed(storm + calm).volatility == 0.0


@given(walks(least=4), st.data())
def test_a_candle_that_comes_again_changes_nothing(candles: list[Candle], data: st.DataObject) -> None:
    plain, repeated = fed(candles), Indicators(SMALL)
    for index, one in enumerate(candles):
        assert repeated.add(one)
        again = candles[data.draw(st.integers(0, index))]
        assert not repeated.add(replace(again, close=again.low))
    assert (plain.atr, plain.volatility) == (repeated.atr, repeated.volatility)
    assert repeated.refused == 0


def test_a_candle_that_is_still_open_is_not_taken() -> None:
    indicators = fed([candle(0, 100)], IndicatorSettings(atr_period=1))
    assert not indicators.add(replace(candle(1, 200), closed=False))
    assert indicators.atr == 0
    assert indicators.add(candle(1, 150))


@pytest.mark.parametrize(
    "absurd",
    [
        replace(candle(1, 100), low=0.0, close=0.0),
        replace(candle(1, 100), low=-5.0),
        replace(candle(1, 100), high=math.inf),
        replace(candle(1, 100), close=math.nan, open=math.nan, low=math.nan, high=math.nan),
        replace(candle(1, 100), high=99.0, low=98.0, open=98.5),
        replace(candle(1, 100), open=101.0),
        replace(candle(1, 100), open=99.0),
        replace(candle(1, 100), close=99.0),
    ],
)
def test_an_absurd_candle_is_counted_and_not_taken(absurd: Candle) -> None:
    indicators = fed([candle(0, 100)], IndicatorSettings(atr_period=1))
    assert not indicators.add(absurd)
    assert not indicators.add(absurd)
    assert indicators.refused == 2
    assert indicators.add(candle(1, 101))
    assert indicators.atr == 1


def test_a_move_across_missing_candles_is_no_range_and_no_return_of_one() -> None:
    indicators = fed([candle(0, 100), candle(1, 100), candle(3, 200, 202, 199), candle(4, 200)])
    assert indicators.atr == pytest.approx((0 + 0 + 3) / 3 * 2 / 3)
    assert indicators.volatility is None
    assert indicators.add(candle(5, 200))
    assert indicators.volatility == 0.0


def test_a_gap_as_long_as_the_period_keeps_the_average_and_a_longer_one_begins_anew() -> None:
    before = [candle(i, 100, 101, 99) for i in range(3)]
    assert fed([*before, candle(2 + 4, 100, 105, 100)]).atr == pytest.approx(2 + (5 - 2) / 3)
    longer = fed([*before, candle(2 + 5, 100, 105, 100), candle(8, 100, 105, 100)])
    assert longer.atr is None
    assert longer.add(candle(9, 100, 105, 100))
    assert longer.atr == 5


def test_a_gap_as_long_as_the_window_keeps_the_returns_and_a_longer_one_forgets_them() -> None:
    before = [candle(i, 100 + i % 2) for i in range(4)]
    kept = fed([*before, candle(3 + 4, 100)])
    assert kept.volatility == pytest.approx(statistics.stdev([math.log(1.01), -math.log(1.01), math.log(1.01)]))
    longer = fed([*before, candle(3 + 5, 100), candle(9, 101), candle(10, 100)])
    assert longer.volatility is None
    assert longer.add(candle(11, 101))
    assert longer.volatility == kept.volatility


def test_a_candle_less_than_an_interval_later_is_the_next_one() -> None:
    early = replace(candle(1, 110), open_time=START + 1)
    assert fed([candle(0, 100), early], IndicatorSettings(atr_period=2)).atr == 5


@given(walks(least=30), st.integers(4, 30))
def test_after_a_restart_history_brings_everything_back(candles: list[Candle], length: int) -> None:
    uninterrupted, restarted = fed(candles), fed(candles[-length:])
    if length > 3:
        assert restarted.volatility == uninterrupted.volatility
    values = ranges(candles)
    spread = max(values) - min(values)
    assert uninterrupted.atr is not None
    assert restarted.atr is not None
    bound = (1 - 1 / 3) ** (length - 3) * spread + 1e-6
    # the first range of the history does not know the close before it
    first = abs(values[-length] - (candles[-length].high - candles[-length].low))
    assert abs(uninterrupted.atr - restarted.atr) <= bound + first


def test_an_average_that_begins_anew_has_nothing_left_of_the_old_one() -> None:
    wild = candle(0, 1e16, 2e16, 1e-3)
    assert fed([wild, candle(9, 100, 100.5, 100)], IndicatorSettings(atr_period=1)).atr == 0.5


def test_a_candle_at_the_beginning_of_time_is_a_candle() -> None:
    first = replace(candle(0, 100), open_time=0)
    second = replace(candle(0, 110), open_time=MINUTE)
    assert fed([first, second], IndicatorSettings(atr_period=2)).atr == 5


def test_memory_does_not_grow() -> None:
    indicators = fed([candle(i, 100 + i % 7) for i in range(5_000)])
    assert len(indicators._returns) == SMALL.volatility_window


def test_the_usual_settings_are_wilders_fourteen_and_twenty_returns() -> None:
    indicators = Indicators()
    for i in range(21):
        assert indicators.add(candle(i, 100, 101, 99))
        assert (indicators.atr is None) == (i < 13)
        assert (indicators.volatility is None) == (i < 20)
    assert indicators.settings == IndicatorSettings(60_000_000_000, 14, 20)
