"""Trade for a long time and watch what grows: resident memory of the supervisor, latency, backlog of the journal.

Memory is a line fitted through the samples after the warm-up (the first fifth), in MB an hour, and another one through
the last third, when what has a bound has reached it; latency is compared
between the first and the last fifth after it. The demo's markets cross a level about twice a second, at 1,200 times the
speed of a clock. One JSON line; exit code 1 when the books differ at the end.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from job import say, supervisor, venue, workplace
from support import scrape
from support.accounting import audited, settled
from support.processes import Supervisor
from support.scrape import free_port

MEGABYTE = 1_048_576
LATENCY = "opensqt_tick_to_order_seconds"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. at: seconds since the start; rss: bytes; buckets: cumulative counts by upper bound in seconds."""

    at: float
    rss: int
    open_files: int
    threads: int
    pending: float
    waiting: float
    buckets: dict[float, float]


def look(job: Supervisor, port: int, began: float) -> Sample:
    """Ask the process and its metrics."""
    if job.process is None:
        raise SystemExit("the supervisor is not running")
    process = psutil.Process(job.process.pid)
    buckets: dict[float, float] = {}
    pending = waiting = 0.0
    for sample in scrape.samples(port):
        if sample.name == f"{LATENCY}_bucket":
            buckets[float(sample.labels["le"])] = sample.value
        elif sample.name == "opensqt_journal_pending":
            pending = sample.value
        elif sample.name == "opensqt_budget_waiting":
            waiting += sample.value
    return Sample(
        time.monotonic() - began, process.memory_info().rss, process.num_fds(), process.num_threads(), pending, waiting,
        buckets,
    )  # fmt: skip


def quantile_us(first: Sample, last: Sample, share: float) -> float:
    """Upper bound of the bucket in which this share of what came between two looks lies, in microseconds."""
    counts = {bound: count - first.buckets.get(bound, 0.0) for bound, count in sorted(last.buckets.items())}
    total = max(counts.values(), default=0.0)
    return next((bound * 1e6 for bound, count in counts.items() if total and count >= total * share), 0.0)


def slope(samples: Sequence[Sample]) -> float:
    """MB an hour that resident memory grows by."""
    if len(samples) < 2:
        return 0.0
    line = statistics.linear_regression([s.at for s in samples], [s.rss for s in samples])
    return round(line.slope * 3_600 / MEGABYTE, 2)


def main() -> int:
    """Trade, look, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--speed", type=float, default=1_200.0, help="market seconds in a second")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two looks")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    port = free_port()
    telemetry = {"metrics_port": port, "log_level": "info"}
    markets = ("--symbols", str(options.symbols), "--seed", str(options.seed), "--profile", "demo")
    with (
        workplace() as folder,
        venue(folder, *markets, "--speed", str(options.speed)) as at,
        supervisor(folder, at, telemetry=telemetry) as job,
    ):
        job.start()
        job.wait_trading(options.symbols)
        began = time.monotonic()
        samples: list[Sample] = []
        while time.monotonic() - began < options.minutes * 60:
            time.sleep(options.every)
            samples.append(look(job, port, began))
            now = samples[-1]
            print(f"{now.at:6.0f} s  {now.rss / MEGABYTE:6.1f} MB  {now.open_files} files", file=sys.stderr)
        counters = job.counters()
        settled(job.database_url, at)
        code = job.terminate()
        verdict = audited(job.database_url, at)
    fifth = max(len(samples) // 5, 1)
    warm = samples[fifth:] or samples
    late = samples[-max(len(samples) // 3, 2) :]
    say(
        minutes=options.minutes,
        symbols=options.symbols,
        speed=options.speed,
        fills=counters.fills,
        ticks=counters.ticks,
        illegal_transitions=counters.illegal_transitions,
        restarts=counters.restarts,
        rss_mb_first=round(warm[0].rss / MEGABYTE, 1),
        rss_mb_last=round(warm[-1].rss / MEGABYTE, 1),
        rss_slope_mb_per_hour=slope(warm),
        rss_slope_mb_per_hour_last_third=slope(late),
        tick_to_order_us_p50=[quantile_us(warm[0], warm[fifth - 1], 0.5), quantile_us(warm[-fifth], warm[-1], 0.5)],
        tick_to_order_us_p99=[quantile_us(warm[0], warm[fifth - 1], 0.99), quantile_us(warm[-fifth], warm[-1], 0.99)],
        journal_pending_max=max(s.pending for s in samples),
        budget_waiting_max=max(s.waiting for s in samples),
        open_files=[warm[0].open_files, warm[-1].open_files],
        threads=[warm[0].threads, warm[-1].threads],
        accounting=verdict,
        exit_code=code,
    )
    return 1 if verdict != "ok" or code else 0


if __name__ == "__main__":
    sys.exit(main())
