"""The pure grid over candles: with quiet bands, and candle by candle as the oracle. One JSON line.

Without --candles: seeded one-minute candles of a driftless market at 60 % a year.
"""

from __future__ import annotations

import argparse
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import orjson

from opensqt_actors.backtest.candles import Candles, from_prices, read
from opensqt_actors.backtest.replay import GridReplay, Result
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees
from opensqt_actors.domain.settings import GridMode, GridSettings

FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
MINUTES_A_YEAR = 525_600


def synthetic(count: int, seed: int, instrument: Instrument) -> Candles:
    """A geometric random walk of 8 steps a minute, as candles."""
    steps = 8
    generator = np.random.default_rng(seed)
    sigma = 0.6 / np.sqrt(MINUTES_A_YEAR * steps)
    walk = 40_000 * np.exp(np.cumsum(generator.normal(0, sigma, count * steps)))
    parts = walk.reshape(count, steps)
    opens = np.concatenate([[40_000.0], parts[:-1, -1]])
    high = np.maximum(parts.max(axis=1), opens)
    low = np.minimum(parts.min(axis=1), opens)
    times = np.arange(count) * 60_000.0
    return from_prices(np.stack([times, opens, high, low, parts[:, -1], np.ones(count)], axis=1), instrument)


def run(candles: Candles, instrument: Instrument, settings: GridSettings, *, bands: bool) -> tuple[Result, float]:
    """One replay and its seconds."""
    replay = GridReplay(instrument, FEES, settings, int(candles.open[0]))
    before = time.perf_counter()
    result = replay.run(candles, bands=bands)
    return result, time.perf_counter() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candles", type=Path)
    parser.add_argument("--count", type=int, default=MINUTES_A_YEAR)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=[mode.value for mode in GridMode], default="long")
    parser.add_argument("--interval-percent", type=Decimal, default=Decimal("0.5"))
    parser.add_argument("--tick", type=Decimal, default=Decimal("0.1"))
    parser.add_argument("--step", type=Decimal, default=Decimal("0.00001"))
    options = parser.parse_args()
    instrument = Instrument("REPLAY", "R", "USDT", options.tick, options.step, min_notional=Decimal(5))
    candles = read(options.candles, instrument) if options.candles else synthetic(options.count, options.seed, instrument)
    settings = GridSettings(
        GridMode(options.mode), Decimal(100), interval_percent=options.interval_percent, max_position=Decimal(10**9)
    )
    fast, seconds = run(candles, instrument, settings, bands=True)
    plain, oracle_seconds = run(candles, instrument, settings, bands=False)
    print(
        orjson.dumps(
            {
                "candles": fast.candles,
                "candles_per_s": round(fast.candles / seconds),
                "fills": fast.fills,
                "round_trips": fast.round_trips,
                "pnl": str(fast.pnl),
                "identical": fast.trades == plain.trades and fast.pnl == plain.pnl,
                "oracle_candles_per_s": round(plain.candles / oracle_seconds),
                "visited": fast.visited,
                "oracle_visited": plain.visited,
            }
        ).decode()
    )


if __name__ == "__main__":
    main()
