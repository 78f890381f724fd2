"""Candle files as arrays of ticks. Columns: open_time (ms), open, high, low, close, volume; plain or gzipped CSV."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.instrument import Instrument

Ints = NDArray[np.int64]
COLUMNS = ["open_time", "open", "high", "low", "close", "volume"]


class Candles(Struct, frozen=True):
    """Arrays of one length, oldest first. times: ns (open time); open, high, low, close: ticks; volume: as recorded."""

    times: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.times)

    def path(self) -> Ints:
        """Four prices a candle, in ticks: an up candle goes to its low first, a down candle to its high first."""
        up = self.close >= self.open
        first = np.where(up, self.low, self.high)
        second = np.where(up, self.high, self.low)
        return np.stack([self.open, first, second, self.close], axis=1).ravel()


def from_prices(prices: NDArray[np.float64], instrument: Instrument) -> Candles:
    """Candles from rows of open_time (ms), open, high, low, close, volume, rounded to the nearest tick."""
    scale = instrument.ticks_per_unit
    ticks = np.rint(prices[:, 1:5] * scale).astype(np.int64)
    if len(ticks) and ticks.min() <= 0:
        raise InvalidValue("candles", f"hold a price below half a tick ({instrument.tick}) of {instrument.symbol}")
    times = prices[:, 0].astype(np.int64) * 1_000_000
    return Candles(times, ticks[:, 0], ticks[:, 1], ticks[:, 2], ticks[:, 3], prices[:, 5].astype(np.float64))


def read(path: Path, instrument: Instrument) -> Candles:
    """Read a file. InvalidValue names the file when it is none of candles."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            header = file.readline().strip().split(",")
            if header != COLUMNS:
                raise InvalidValue(
                    str(path), f"must begin with the columns {', '.join(COLUMNS)}, not {', '.join(header)}"
                )
            rows = np.loadtxt(file, delimiter=",", ndmin=2, dtype=np.float64)
    except OSError as error:
        raise InvalidValue(str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidValue(str(path), f"holds a line that is no candle: {error}") from error
    return from_prices(rows, instrument)
