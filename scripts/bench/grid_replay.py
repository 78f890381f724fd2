"""The pure grid over candles: only where something can change, and price by price as the oracle. One JSON line.

Without --candles: seeded one-minute candles of a driftless market at 60 % a year. --rival-python PATH (more than once):
an interpreter with vectorbt or NautilusTrader, which runs the long grid on the same candles; see `rivals/grid.py` for
what each of them cannot say. Both install beside our pins, but are heavy: an environment of their own keeps ours small.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from msgspec.structs import replace

from opensqt_actors.backtest.candles import Candles, from_prices, read
from opensqt_actors.backtest.replay import GridReplay, PlainReplay, Result
from opensqt_actors.domain.grid import anchor_lattice
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees
from opensqt_actors.domain.settings import GridMode, GridSettings

FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
MINUTES_A_YEAR = 525_600
RIVALS = {"vectorbt": "vectorbt", "nautilus": "nautilus_trader"}


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


def run(
    kind: type[GridReplay | PlainReplay], candles: Candles, instrument: Instrument, settings: GridSettings, times: int
) -> tuple[Result, float]:
    """The result of a replay and the seconds of the quickest of several."""
    runs: list[tuple[float, Result]] = []
    for _ in range(times):
        replay = kind(instrument, FEES, settings, candles.open.item(0))
        before = time.perf_counter()
        result = replay.run(candles)
        runs.append((time.perf_counter() - before, result))
    best, result = min(runs, key=lambda run: run[0])
    return result, best


def rivals(
    pythons: list[str], candles: Candles, instrument: Instrument, settings: GridSettings
) -> dict[str, dict[str, Any]]:
    """What every rival that one of the interpreters can import comes to on the same candles and the same lattice."""
    lattice = anchor_lattice(instrument, settings, candles.open.item(0))
    margin = settings.buy_window + 10
    first, last = lattice.floor(candles.low.min().item()) - margin, lattice.floor(candles.high.max().item()) + margin
    ticks = [lattice.price(level) for level in range(first, last + 1)]
    steps = [instrument.steps_for(instrument.quanta(settings.amount), price) for price in ticks]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "candles.npz"
        np.savez(
            source, path=candles.path(), times=candles.times, lattice=np.array(ticks), quantities=np.array(steps),
            candles=np.stack([candles.open, candles.high, candles.low, candles.close], axis=1),
            window=settings.buy_window, tick=float(instrument.tick), step=float(instrument.step), fee=float(FEES.maker),
        )  # fmt: skip
        for python in pythons:
            for name, module in RIVALS.items():
                if subprocess.run([python, "-c", f"import {module}"], check=False, capture_output=True).returncode:
                    continue
                command = [python, str(Path(__file__).parent / "rivals" / "grid.py"), name, str(source)]
                found[name] = orjson.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candles", type=Path)
    parser.add_argument("--count", type=int, default=MINUTES_A_YEAR)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=[mode.value for mode in GridMode], default="long")
    parser.add_argument("--interval-percent", type=Decimal, default=Decimal("0.5"))
    parser.add_argument("--max-open-orders", type=int, default=1_000)
    parser.add_argument("--tick", type=Decimal, default=Decimal("0.1"))
    parser.add_argument("--step", type=Decimal, default=Decimal("0.00001"))
    parser.add_argument("--times", type=int, default=3, help="the quickest of so many runs counts")
    parser.add_argument("--rival-python", action="append", default=[], help="an interpreter that has a rival installed")
    options = parser.parse_args()
    if options.rival_python and (options.mode != "long" or options.max_open_orders < 100):
        parser.error("--rival-python: the rivals know the long grid without limits only")
    instrument = Instrument("REPLAY", "R", "USDT", options.tick, options.step, min_notional=Decimal(5))
    if options.candles:
        candles = read(options.candles, instrument)
    else:
        candles = synthetic(options.count, options.seed, instrument)
    settings = GridSettings(
        GridMode(options.mode), Decimal(100), interval_percent=options.interval_percent, max_position=Decimal(10**9),
        max_open_orders=options.max_open_orders,
    )  # fmt: skip
    fast, seconds = run(GridReplay, candles, instrument, settings, max(options.times, 1))
    plain, oracle_seconds = run(PlainReplay, candles, instrument, settings, 1)
    print(
        orjson.dumps(
            {
                "candles": fast.candles,
                "candles_per_s": round(fast.candles / seconds),
                "fills": fast.fills,
                "round_trips": fast.round_trips,
                "pnl": str(fast.pnl),
                "identical": replace(fast, visited=0) == replace(plain, visited=0),
                "oracle_candles_per_s": round(plain.candles / oracle_seconds),
                "visited": fast.visited,
                "oracle_visited": plain.visited,
                "rivals": rivals(options.rival_python, candles, instrument, settings),
                "load": round(os.getloadavg()[0], 1),
            }
        ).decode()
    )


if __name__ == "__main__":
    main()
