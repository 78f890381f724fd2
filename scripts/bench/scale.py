"""What one more symbol and one more shard cost: 10 to 300 symbols on one and on two shards.

Two measurements for each size. The fleet as processes (supervisor, shards, simulated venue over its sockets, SQLite):
seconds from the second start of the supervisor, when the venue's rules are cached, until every symbol trades, and the
resident memory of the shards then. The shards' actors alone, each shard in a process of its own, all at once, without
sockets (see tick_to_order.py): ticks a second that are held, and the time from a tick to its orders, both by the clock
on the wall and by the processor's, which does not count what other processes took.
A table on standard error, one JSON line on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "endurance"))

from job import supervisor, venue, workplace
from support.processes import Supervisor
from tick_to_order import Bench

from opensqt_actors.app.shard_lock import shard_processes
from opensqt_actors.runtime.memory import calm_collector

SIZES = (10, 50, 100, 300)
SHARDS = (1, 2)
PATIENCE = 180.0
SETTLED = 5.0
"""Seconds of trading after which memory is read."""
COLUMNS = ("symbols", "shards", "start_s", "rss_mb", "ticks_per_s", "p50_us", "p99_us", "ticks_per_cpu_s", "p99_cpu_us")


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one shard's actors: ticks a second, and ns from ticks to their orders, by either clock."""

    rate: float
    times: list[int]
    cpu_rate: float
    cpu_times: list[int]


def actors(symbols: int, ticks: int, seed: int) -> Measured:
    """One shard's actors in this process."""

    async def run() -> Measured:
        bench = Bench(symbols, asyncio.get_running_loop(), bands=True)
        bench.start()
        gc.collect()
        bench.latencies(ticks // 10, seed)
        calm_collector()
        times = bench.latencies(ticks, seed + 1)
        rate = bench.rate(ticks, seed + 2)
        bench.echo.read = time.thread_time_ns
        cpu_times = bench.latencies(ticks, seed + 3)
        return Measured(rate, times, bench.rate(ticks, seed + 4, time.thread_time), cpu_times)

    return asyncio.run(run())


def us(samples: Iterable[int], share: float) -> float:
    """A quantile of ns, in microseconds."""
    ordered = sorted(samples)
    return round(ordered[int(len(ordered) * share)] / 1e3, 1)


def parts(symbols: int, shards: int) -> list[int]:
    """As even as it gets."""
    return [symbols // shards + (number < symbols % shards) for number in range(shards)]


def of_actors(symbols: int, shards: int, ticks: int) -> dict[str, float]:
    """All shards at once: the sum of their ticks a second, the quantiles over all of their samples."""
    with ProcessPoolExecutor(shards, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(actors, parts(symbols, shards), [ticks] * shards, range(1, shards + 1)))
    times = [ns for one in found for ns in one.times]
    return {
        "ticks_per_s": round(sum(one.rate for one in found)),
        "p50_us": us(times, 0.5),
        "p99_us": us(times, 0.99),
        "ticks_per_cpu_s": round(sum(one.cpu_rate for one in found) / shards),
        "p99_cpu_us": us((ns for one in found for ns in one.cpu_times), 0.99),
    }


def resident(job: Supervisor) -> float:
    """MB of all shards' processes."""
    return sum(psutil.Process(pid).memory_info().rss for _, pid in shard_processes(job.state)) / 2**20


def of_processes(symbols: int, shards: int) -> dict[str, float]:
    """Start twice, measure the second start."""
    with workplace() as folder, venue(folder, "--symbols", str(symbols), "--profile", "demo") as at:
        window = {"buy_window": 10, "sell_window": 10}
        with supervisor(folder, at, shards=shards, defaults=window, telemetry={"log_level": "info"}) as job:
            job.start()
            job.wait_trading(symbols, timeout=PATIENCE)
            job.terminate()
            began = time.monotonic()
            job.start()
            job.wait_trading(symbols, timeout=PATIENCE)
            took = time.monotonic() - began
            time.sleep(SETTLED)
            found = {"start_s": round(took, 1), "rss_mb": round(resident(job), 1)}
            job.terminate()
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """For people."""
    lines = [" | ".join(f"{name:>15}" for name in COLUMNS)]
    lines += [" | ".join(f"{row.get(name, ''):>15}" for name in COLUMNS) for row in rows]
    return "\n".join(lines)


def further(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """MB for each symbol beyond the smallest size, by number of shards; nothing without two sizes."""
    found = {}
    for shards in sorted({row["shards"] for row in rows}):
        mine = [row for row in rows if row["shards"] == shards and "rss_mb" in row]
        if len(mine) > 1:
            more = mine[-1]["symbols"] - mine[0]["symbols"]
            found[str(shards)] = round((mine[-1]["rss_mb"] - mine[0]["rss_mb"]) / more, 3)
    return found


def flatness(rows: Sequence[dict[str, Any]], what: str) -> dict[str, float]:
    """How many times the p99 of the smallest size is that of the largest, by number of shards. what: by which clock."""
    found = {}
    for shards in sorted({row["shards"] for row in rows}):
        mine = [row[what] for row in rows if row["shards"] == shards and what in row]
        if len(mine) > 1:
            found[str(shards)] = round(mine[-1] / mine[0], 2)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--shards", type=int, nargs="+", default=list(SHARDS))
    parser.add_argument("--ticks", type=int, default=100_000, help="for each shard's actors")
    parser.add_argument("--only", choices=("actors", "processes"), help="one of the two measurements")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for shards in options.shards:
        for symbols in sorted(options.symbols):
            row: dict[str, Any] = {"symbols": symbols, "shards": shards}
            if options.only != "actors":
                row |= of_processes(symbols, shards)
            if options.only != "processes":
                row |= of_actors(symbols, shards, options.ticks)
            rows.append(row)
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(rows), file=sys.stderr)
    line = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "load": round(os.getloadavg()[0], 1),
        "rss_mb_per_further_symbol": further(rows),
        "p99_times_the_smallest": flatness(rows, "p99_us"),
        "p99_cpu_times_the_smallest": flatness(rows, "p99_cpu_us"),
        "rows": rows,
    }
    print(orjson.dumps(line).decode())


if __name__ == "__main__":
    main()
