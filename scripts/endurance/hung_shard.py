"""A shard's process is made to hang, again and again: how soon is it killed and back, and do the others notice?

SIGSTOP stands for a loop that never ends: no heartbeat comes, the supervisor kills the process after
`supervision.shard_heartbeat` seconds and starts another. Of the other shards the time from a tick to its order is
compared, out of their histograms in the supervisor's metrics: from each stop until the shard trades again, and as long
without one. One JSON line; exit code 1 when a hung process lived on for too long, when the books differ, or an order
was doubled.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from functools import partial

from job import say, supervisor, venue, workplace
from soak import LATENCY
from support.accounting import audited, settled
from support.processes import Supervisor, wait_until
from support.scrape import free_port, samples

from opensqt_actors.app.shard_lock import shard_processes

HEARTBEAT = 3.0
TOLERANCE = 1.5
"""Seconds after the limit within which the process must have ended."""
CALM = 20.0
"""Seconds of trading without any disturbance before each stop."""
WARM = 10.0
STALE = 1.0
"""Seconds for which the lines of a shard that was killed may still say that it trades."""

Timed = dict[float, float]
"""Ticks that led to an order within so many seconds, not cumulated; under the key of SUM the seconds of all."""
SUM = -1.0


def scrape(port: int) -> dict[str, Timed]:
    """What each shard has counted so far, cumulated over its buckets."""
    found: dict[str, Timed] = {}
    for sample in samples(port):
        if sample.name == f"{LATENCY}_bucket":
            found.setdefault(sample.labels["shard"], defaultdict(float))[float(sample.labels["le"])] = sample.value
        elif sample.name == f"{LATENCY}_sum":
            found.setdefault(sample.labels["shard"], defaultdict(float))[SUM] = sample.value
    return found


def together(parts: Iterable[Timed]) -> Timed:
    """Their sum."""
    total: Timed = defaultdict(float)
    for part in parts:
        for bound, count in part.items():
            total[bound] += count
    return total


def between(first: dict[str, Timed], last: dict[str, Timed], shards: Iterable[str]) -> Timed:
    """What these shards have counted between two looks, all together."""
    return together({bound: count - first[shard][bound] for bound, count in last[shard].items()} for shard in shards)


def quantile_us(timed: Timed, share: float) -> float:
    """Upper bound of the bucket in which this share lies, in microseconds."""
    bounds = sorted(bound for bound in timed if bound != SUM)
    return next((bound * 1e6 for bound in bounds if timed[bound] >= timed[bounds[-1]] * share), 0.0)


def shards(job: Supervisor) -> dict[int, int]:
    """The living processes by their shard's number."""
    return dict(shard_processes(job.state))


def replaced(job: Supervisor, number: int, pid: int) -> bool:
    """Whether this shard has another process than this one."""
    return shards(job).get(number, pid) != pid


def mean_us(timed: Timed) -> float:
    """Of all of them, in microseconds."""
    return round(timed[SUM] / max(timed[math.inf], 1) * 1e6, 1)


def main() -> int:
    """Stop one shard after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=24)
    parser.add_argument("--shards", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    port = free_port()
    markets = ("--symbols", str(options.symbols), "--seed", str(options.seed), "--profile", "demo")
    sections = {
        "shards": options.shards,
        "supervision": {"shard_heartbeat": HEARTBEAT},
        "telemetry": {"metrics_port": port},
    }
    calm: list[Timed] = []
    during: list[Timed] = []
    ended: list[float] = []
    back: list[float] = []
    names = [f"shard-{number}" for number in range(options.shards)]
    with workplace() as folder, venue(folder, *markets) as at, supervisor(folder, at, **sections) as job:
        job.start()
        job.wait_trading(options.symbols)
        time.sleep(WARM)
        for turn in range(options.rounds):
            number = turn % options.shards
            others = [name for name in names if name != f"shard-{number}"]
            before = scrape(port)
            time.sleep(CALM)
            stopped = scrape(port)
            calm.append(between(before, stopped, others))
            pid = shards(job)[number]
            began = time.monotonic()
            os.kill(pid, signal.SIGSTOP)
            wait_until(partial(replaced, job, number, pid), "a new process")
            ended.append(time.monotonic() - began)
            time.sleep(STALE)
            job.wait_trading(options.symbols)
            back.append(time.monotonic() - began)
            time.sleep(1.1)  # a heartbeat brings what was counted until now
            during.append(between(stopped, scrape(port), others))
        status = job.status()
        restarts = sum(row.restarts for row in status.shards) if status is not None else 0
        settled(job.database_url, at)
        doubled = at.stats()["duplicate_client_ids"]["count"]
        code = job.terminate()
        verdict = audited(job.database_url, at)
    looks = together(calm), together(during)
    say(
        symbols=options.symbols,
        shards=options.shards,
        rounds=options.rounds,
        heartbeat_seconds=HEARTBEAT,
        seconds_to_a_new_process_max=round(max(ended), 2),
        seconds_to_trading_max=round(max(back), 2),
        orders_of_the_others=[int(look[math.inf]) for look in looks],
        tick_to_order_us_mean=[mean_us(look) for look in looks],
        tick_to_order_us_p50=[quantile_us(look, 0.5) for look in looks],
        tick_to_order_us_p99=[quantile_us(look, 0.99) for look in looks],
        restarts=restarts,
        orders_doubled=doubled,
        accounting=verdict,
        exit_code=code,
        load=round(os.getloadavg()[0], 1),
    )
    late = max(ended) > HEARTBEAT + TOLERANCE
    return 1 if late or verdict != "ok" or doubled or code else 0


if __name__ == "__main__":
    sys.exit(main())
