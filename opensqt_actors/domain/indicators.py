"""Average true range and realised volatility of closed candles, streaming, in memory of fixed size.

Floats in quote currency: statistics only. What they do to intervals and amounts is in `sizing`.
"""

from __future__ import annotations

import math
from collections import deque

from msgspec import Struct

from opensqt_actors.domain.orders import Candle

MINUTE = 60_000_000_000
_UNIT = 1 << 40


class IndicatorSettings(Struct, frozen=True):
    """interval: ns of one candle; atr_period: candles (1 to 500); volatility_window: returns (2 to 500)."""

    interval: int = MINUTE
    atr_period: int = 14
    volatility_window: int = 20


class Indicators:
    """Fed with a market's candles, oldest first; history at start and live ones later, duplicates do no harm.

    Nothing is journalled: after a restart the state comes from candle history. With h candles of it the average true
    range differs from that of an uninterrupted run by at most (1 - 1/period)**(h - period) of the ranges' spread.
    """

    __slots__ = ("_average", "_close", "_open_time", "_ranges", "_returns", "_squares", "_sum", "refused", "settings")

    def __init__(self, settings: IndicatorSettings | None = None) -> None:
        self.settings = settings or IndicatorSettings()
        self.refused = 0
        self._open_time: int | None = None
        self._close = 0.0
        self._ranges = 0
        self._average = 0.0
        self._returns: deque[int] = deque()
        self._sum = 0
        self._squares = 0

    @property
    def atr(self) -> float | None:
        """Wilder's average true range in quote currency; None until there are `atr_period` ranges."""
        return self._average if self._ranges >= self.settings.atr_period else None

    @property
    def volatility(self) -> float | None:
        """Sample standard deviation of the logarithmic returns of one candle; None until the window is full."""
        n = len(self._returns)
        if n < self.settings.volatility_window:
            return None
        return math.sqrt((n * self._squares - self._sum * self._sum) / (n * (n - 1))) / _UNIT

    def add(self, candle: Candle) -> bool:
        """Take a candle. False when it changes nothing: not closed, not newer than the last one, or absurd.

        After missing candles the close before them is not used: a move over several intervals is no range of one.
        After more than `atr_period` of them the average begins anew, after more than `volatility_window` the returns.
        """
        last = self._open_time
        if not candle.closed or (last is not None and candle.open_time <= last):
            return False
        if not _sane(candle):
            self.refused += 1
            return False
        high, low = candle.high, candle.low
        if last is not None:
            missing = (candle.open_time - last - 1) // self.settings.interval
            if missing > self.settings.atr_period:
                self._ranges = 0
            if missing > self.settings.volatility_window:
                self._forget_returns()
            if not missing:
                high, low = max(high, self._close), min(low, self._close)
                self._return(math.log(candle.close / self._close))
        self._range(high - low)
        self._open_time = candle.open_time
        self._close = candle.close
        return True

    def _range(self, value: float) -> None:
        """J. Welles Wilder, New Concepts in Technical Trading Systems (1978): first the plain mean, then smoothed."""
        self._ranges = min(self._ranges + 1, self.settings.atr_period)
        self._average = value if self._ranges == 1 else self._average + (value - self._average) / self._ranges

    def _return(self, value: float) -> None:
        # whole numbers add up exactly: the sums depend on what is in the window alone, however long it has been sliding
        newest = round(value * _UNIT)
        self._returns.append(newest)
        self._sum += newest
        self._squares += newest * newest
        if len(self._returns) > self.settings.volatility_window:
            oldest = self._returns.popleft()
            self._sum -= oldest
            self._squares -= oldest * oldest

    def _forget_returns(self) -> None:
        self._returns.clear()
        self._sum = self._squares = 0


def _sane(candle: Candle) -> bool:
    """Prices that can be: above 0, finite, open and close between low and high."""
    lowest, highest = min(candle.open, candle.close), max(candle.open, candle.close)
    return 0 < candle.low <= lowest and highest <= candle.high < math.inf
