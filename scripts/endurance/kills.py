"""Kill a trading supervisor at random moments, again and again: no fill lost, no order doubled, exits back soon.

Markets go on moving while the process is dead, so that levels fill behind its back; then they only tick, and the time
runs from the start of the new process until every position of the venue has its resting exits. Every second kill hits a
process that is still starting. With --shards a shard's process is killed instead, each time one that trades, and the
time runs from the kill: what starts the next one is the supervisor. One JSON line, with the medians of the phases of
the starts, as the log tells them; exit code 1 when a book differs.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

from job import database_section, quantile, say, supervisor, venue, workplace
from support.accounting import audited, differences, exposed, order_differences, unjournalled
from support.processes import Supervisor, VenueProcess, wait_until

from opensqt_actors.app.shard_lock import shard_processes

LOOK = 0.02
PATIENCE = 60.0
_PHASES = re.compile(r"seconds since the process began: (.*)")


def protected(started: float, at: VenueProcess) -> tuple[float, list[str]]:
    """Seconds from `started` until no position is without its exits, and which were the last."""
    last: list[str] = []
    while found := exposed(at):
        last = found
        at.stir()
        if time.monotonic() - started > PATIENCE:
            raise SystemExit(f"not protected within {PATIENCE:g} s: {found[:5]}")
        time.sleep(LOOK)
    return time.monotonic() - started, last


def phases(log: Path, since: int) -> dict[str, float]:
    """The phases of the start that wrote this log from byte `since` on; none when it does not tell them soon."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with log.open(encoding="utf-8", errors="replace") as text:
            text.seek(since)
            told = _PHASES.findall(text.read())
        if told:
            return {name: float(seconds) for name, seconds in (part.split() for part in told[-1].split(", "))}
        time.sleep(LOOK)
    return {}


def book_differences(job: Supervisor, at: VenueProcess) -> list[str]:
    """What the books say against each other once everything has come to rest."""
    deadline = time.monotonic() + PATIENCE
    while found := differences(job.database_url, at):
        if time.monotonic() > deadline:
            return found
        time.sleep(LOOK)
    return order_differences(at) + sorted(unjournalled(job.database_url, at))


def kill_supervisor(job: Supervisor, number: int, symbols: int, chance: random.Random) -> None:
    """Kill the supervisor: every second time while it starts."""
    if job.process is None:
        job.start()
    if number % 2:
        time.sleep(chance.uniform(0.3, 3.0))
    else:
        trade(job, symbols, chance)
    job.kill()


def kill_a_shard(job: Supervisor, symbols: int, chance: random.Random) -> None:
    """Kill the process of one shard, whichever."""
    if job.process is None:
        job.start()
    trade(job, symbols, chance)
    os.kill(chance.choice(sorted(dict(shard_processes(job.state)).values())), signal.SIGKILL)


def trade(job: Supervisor, symbols: int, chance: random.Random) -> None:
    """For a while."""
    job.wait_trading(symbols)
    job.wait_fills(5)
    time.sleep(chance.uniform(0.0, 2.0))


def main() -> int:
    """Kill as often as was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--symbols", type=int, default=36)
    parser.add_argument("--window", type=int, default=20, help="levels of each grid on either side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", metavar="URL", help="a PostgreSQL server for a new database, instead of SQLite")
    parser.add_argument("--shards", type=int, default=0, help="so many shards, one of which is killed each time")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    times: list[float] = []
    starts: list[dict[str, float]] = []
    behind: list[int] = []
    wrong: list[str] = []
    illegal = 0
    # what a policy makes of so many kills, quarantine and back-off, is not asked here
    patient = {"intensity": 1_000, "period": 1} if options.shards else {}
    window = {"buy_window": options.window, "sell_window": options.window}
    with (
        workplace() as folder,
        database_section(options.postgres) as database,
        venue(folder, "--symbols", str(options.symbols), "--seed", str(options.seed), "--profile", "demo") as at,
        supervisor(folder, at, defaults=window, shards=options.shards, supervision=patient, **database) as job,
    ):
        for number in range(options.kills):
            if options.shards:
                kill_a_shard(job, options.symbols, chance)
            else:
                kill_supervisor(job, number, options.symbols, chance)
            started, written = time.monotonic(), job.log.stat().st_size
            before = at.account()["fills"]
            time.sleep(chance.uniform(0.0, 1.0))
            at.pause()
            behind.append(at.account()["fills"] - before)
            if not options.shards:
                started, written = time.monotonic(), job.log.stat().st_size
                job.start()
            seconds, last = protected(started, at)
            times.append(seconds)
            starts.append(phases(job.log, written))
            wrong += [f"after kill {number + 1}: {found}" for found in book_differences(job, at)]
            illegal += job.counters().illegal_transitions
            at.resume()
            if wrong:
                break
            told = f"exits after {times[-1]:.2f} s, {behind[-1]} fills behind; the last {len(last)}: {last[:2]}"
            print(f"kill {number + 1}: {told}; {starts[-1]}", file=sys.stderr)
        wait_until(lambda: job.counters().fills > 0, "trading after the last kill")
        at.pause()
        wrong += book_differences(job, at)
        code = job.terminate()
        verdict = audited(job.database_url, at)
        fills = at.account()["fills"]
        doubled = at.stats()["duplicate_client_ids"]["count"]
    for line in wrong:
        print(line, file=sys.stderr)
    say(
        database="postgresql" if options.postgres else "sqlite",
        kills=len(times),
        symbols=options.symbols,
        shards=options.shards,
        load=round(os.getloadavg()[0], 1),
        fills=fills,
        fills_while_dead=sum(behind),
        orders_doubled=doubled,
        differences=len(wrong),
        illegal_transitions=illegal,
        accounting=verdict,
        exit_code=code,
        phases_p50={
            name: round(quantile([found[name] for found in starts if name in found], 0.5), 2)
            for name in dict.fromkeys(name for found in starts for name in found)
        },
        seconds_to_exits_p50=round(quantile(times, 0.5), 2),
        seconds_to_exits_p99=round(quantile(times, 0.99), 2),
        seconds_to_exits_max=round(max(times), 2),
    )
    return 1 if wrong or doubled or verdict != "ok" or code else 0


if __name__ == "__main__":
    sys.exit(main())
