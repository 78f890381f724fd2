"""The volume-spike monitor: a falling close on unusual volume, on closed candles. Statistics in floats."""

from __future__ import annotations

from collections import deque
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from opensqt_actors.domain.orders import Candle


class RiskSettings(Struct, frozen=True):
    """monitor: symbols to watch, empty = off; window: closed candles before the newest; multiplier: of mean volume.

    trigger: whether all or any of the monitored symbols must spike; recovery: symbols that must have recovered,
    0 = a majority of them.
    """

    monitor: tuple[str, ...] = ()
    interval: str = "1m"
    window: int = 20
    multiplier: float = 3.0
    trigger: Literal["all", "any"] = "all"
    recovery: int = 0

    @property
    def needed(self) -> int:
        """How many monitored symbols must have recovered."""
        return self.recovery or len(self.monitor) // 2 + 1


MINUTE = 60_000_000_000
MINUTES = {"1m": 1, "3m": 3, "5m": 5}


class CandleMerger:
    """Candles of one minute into those of a longer interval: each once, when its last minute has closed, if none lacks.

    What is incomplete is left out: whoever needs it fetches it.
    """

    def __init__(self, interval: str) -> None:
        self._minutes = MINUTES[interval]
        self._parts: dict[str, list[Candle]] = {}

    def merge(self, candle: Candle) -> Candle | None:
        """Take a closed candle of one minute; the longer one that it completes."""
        if self._minutes == 1 or not candle.closed:
            return candle
        begin = candle.open_time // (self._minutes * MINUTE) * self._minutes * MINUTE
        parts = self._parts.setdefault(candle.symbol, [])
        if parts and candle.open_time != parts[-1].open_time + MINUTE:
            if candle.open_time <= parts[-1].open_time:
                return None
            parts.clear()
        if not parts and candle.open_time != begin:
            return None
        parts.append(candle)
        if len(parts) < self._minutes:
            return None
        self._parts[candle.symbol] = []
        return replace(
            parts[0],
            high=max(part.high for part in parts),
            low=min(part.low for part in parts),
            close=candle.close,
            volume=sum(part.volume for part in parts),
        )


class _Window(Struct):
    candles: deque[tuple[int, float, float]] = field(default_factory=deque)
    spiking: bool = False
    recovered: bool = True
    reason: str = ""


class VolumeSpikeMonitor:
    """Triggered by panic volume on falling prices, released by a majority of recovered symbols."""

    def __init__(self, settings: RiskSettings) -> None:
        self.settings = settings
        self.triggered = False
        self.reason = ""
        self._windows = {symbol: _Window(deque(maxlen=settings.window + 1)) for symbol in settings.monitor}

    def candle(self, candle: Candle) -> bool:
        """Take a closed candle. True when `triggered` has changed. A candle that was seen before changes nothing."""
        window = self._windows.get(candle.symbol)
        if window is None or not candle.closed or (window.candles and candle.open_time <= window.candles[-1][0]):
            return False
        window.candles.append((candle.open_time, candle.close, candle.volume))
        if len(window.candles) <= self.settings.window:
            return False
        prior = list(window.candles)[:-1]
        mean_close = sum(close for _, close, _ in prior) / len(prior)
        limit = self.settings.multiplier * sum(volume for _, _, volume in prior) / len(prior)
        window.spiking = candle.close < mean_close and candle.volume > limit
        window.recovered = candle.close > mean_close and candle.volume < limit
        window.reason = (
            f"{candle.symbol}: close {candle.close:g} below its mean {mean_close:g}, "
            f"volume {candle.volume:g} above {limit:g}"
        )
        return self._update()

    def _update(self) -> bool:
        before = self.triggered
        windows = self._windows.values()
        if not self.triggered:
            spikes = [window for window in windows if window.spiking]
            needed = len(self._windows) if self.settings.trigger == "all" else 1
            if len(spikes) >= needed:
                self.triggered = True
                self.reason = "; ".join(window.reason for window in spikes[:3])
        elif sum(window.recovered for window in windows) >= self.settings.needed:
            self.triggered = False
            self.reason = ""
        return self.triggered != before
