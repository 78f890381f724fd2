"""A demo with shards, as `make run` starts it, whose shards are killed at random: what do the others notice of it?

A random shard that trades gets SIGKILL, ten times in a minute, at random moments, also while another one is still
coming back; with --apart only when every shard is back. Measured: the longest time without a fill of the shards that
live, compared with the time before the first kill; the time from a kill until every level that the killed shard held
without an exit has one; how long single levels were without theirs; the first also after moments at which nothing was
killed, since what has just filled is without its exit for a while in any case; the time until all its symbols trade.
The demo goes on until the last kill is over: its books can be compared only then. One JSON line; exit code 1 when they
differ or an order was doubled.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from covered import Coverage, coverage
from job import Attached, quantile, say, workplace
from support.accounting import registry_rows
from support.processes import Supervisor, registry_pb2

from opensqt_actors.app.shard_lock import shard_processes
from opensqt_actors.config.paths import DATABASE_NAME
from opensqt_actors.domain.ids import decode

LOOK = 0.1
CALM = 12.0
"""Seconds before the first kill, with which as many after each kill are compared."""
END = 6.0
"""Seconds at the end of the minute without a kill."""
AFTERWARDS = 20.0
"""Seconds after the last shard is back: a slot whose order had an unknown fate waits until that order cannot arrive."""
SHORT = 1.0
"""A shard that lived for less than so many seconds after a kill says nothing about pauses."""
MOST_A_SHARD = 5
"""Kills of one shard: the restart policy allows five in a row."""
IN_FLIGHT = 300
"""ms in which the venue still takes what a killed process had sent."""
STILL = 2.0
"""Seconds without a fill after which none is on its way any more."""
PATIENCE = 120.0


Rows = dict[str, list[dict[str, Any]]]
"""Orders or fills as the venue's admin port gives them, by market."""


@dataclass
class Kill:
    """One kill, and when all symbols of the shard traded again."""

    shard: int
    pid: int
    at: float
    trading: float | None = None


@contextmanager
def demo(state: Path, symbols: int, shards: int, seed: int) -> Iterator[subprocess.Popen[bytes]]:
    """The demo's process; its last line is on its standard output. Interrupted when it is left early."""
    command = [str(Path(sys.executable).with_name("opensqt")), "demo", "--state", str(state), "--run-for", "3600"]
    command += ["--symbols", str(symbols), "--shards", str(shards), "--seed", str(seed)]
    with (state.parent / "demo.err").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def homes(state: Path) -> dict[str, int]:
    """The shard of every symbol, as the registry has it."""
    return {row.symbol: row.shard for row in registry_rows(f"sqlite:///{state / DATABASE_NAME}")}


class Run:
    """The kills of one run and what becomes of them."""

    def __init__(self, at: Attached, job: Supervisor, state: Path, chance: random.Random) -> None:
        self.at = at
        self.job = job
        self.state = state
        self.chance = chance
        self.home = homes(state)
        self.kills: list[Kill] = []

    @property
    def over(self) -> bool:
        """Whether every killed shard trades again."""
        return all(kill.trading is not None for kill in self.kills)

    def kill(self, trading: dict[int, bool]) -> bool:
        """Kill one of the shards that trade; False when none does that may be killed."""
        running = dict(shard_processes(self.state))
        times = [kill.shard for kill in self.kills]
        able = [n for n in running if trading.get(n) and times.count(n) < MOST_A_SHARD]
        if not able:
            return False
        number = self.chance.choice(able)
        os.kill(running[number], signal.SIGKILL)
        self.kills.append(Kill(number, running[number], time.monotonic()))
        return True

    def look(self) -> dict[int, bool]:
        """See which killed shards are back. Which shards trade with all their symbols."""
        rows, processes = self.job.rows(), dict(shard_processes(self.state))
        trading = dict.fromkeys(processes, True)
        for name, row in rows.items():
            if row.state != registry_pb2.SYMBOL_STATE_TRADING:
                trading[self.home[name]] = False
        now = time.monotonic()
        for kill in self.kills:
            # the rows of a shard that has just been killed still say that it trades
            back = processes.get(kill.shard, kill.pid) != kill.pid and now > kill.at + SHORT
            if kill.trading is None and rows and back and trading.get(kill.shard):
                kill.trading = now
        return trading

    def lived(self, shard: int, since: float, until: float) -> Iterator[tuple[float, float]]:
        """The parts of a time in which this shard was not killed or coming back."""
        for kill in (kill for kill in self.kills if kill.shard == shard):
            if since < kill.at:
                yield since, min(kill.at, until)
            since = max(since, kill.trading if kill.trading is not None else until)
        if since < until:
            yield since, until

    def gaps(self, fills: dict[int, list[float]], since: float, until: float, without: int | None) -> list[float]:
        """Longest times without a fill of each shard but `without` while it lived, within that time."""
        found = []
        for number, times in fills.items():
            for begin, end in self.lived(number, since, until) if number != without else ():
                if end - begin > SHORT:
                    inside = [begin, *(at for at in times if begin < at < end), end]
                    found.append(max(after - before for before, after in pairwise(inside)))
        return found


class Clock:
    """Two clocks, compared now and once more when it is asked."""

    def __init__(self, at: Attached) -> None:
        self._at = at
        self._here, self._there = time.monotonic(), at.clock()
        self._speed = 1.0

    def compare(self) -> None:
        """How fast the venue's goes, by this process's."""
        self._speed = (self._at.clock() - self._there) / (time.monotonic() - self._here) / 1_000

    def here(self, there: float) -> float:
        """A moment of the venue, ms, as seconds of this process's clock."""
        return self._here + (there - self._there) / self._speed / 1_000

    def there(self, here: float) -> int:
        """The other way round."""
        return round(self._there + (here - self._here) * self._speed * 1_000)


def by_symbol(rows: list[dict[str, Any]]) -> Rows:
    """Orders or fills of each market."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["symbol"]].append(row)
    return found


def fills_by_shard(
    fills: dict[str, list[dict[str, Any]]], home: dict[str, int], clock: Clock
) -> dict[int, list[float]]:
    """When each shard's orders filled, on this process's clock."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for symbol, those in fills.items():
        found[home[symbol]] += [clock.here(float(fill["time"])) for fill in those]
    return {number: sorted(times) for number, times in found.items()}


def stand_still(at: Attached) -> None:
    """Let the markets stand still, and wait until the last fills that were on their way are over."""
    at.pause()
    before = -1
    while (fills := at.account()["fills"]) != before:
        before = fills
        time.sleep(STILL)


Levels = dict[tuple[str, int], Coverage]
"""What was covered when, by market and level."""


def by_level(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Our orders or fills of one market, by the level of their slot."""
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        key = decode(row["clientOrderId"])
        if key is not None:
            found[key.level].append(row)
    return found


def histories(at: Attached, fills: Rows) -> Levels:
    """What was covered when, of every level of every market."""
    found: Levels = {}
    markets = at.markets()
    for name, orders in by_symbol(at.orders()).items():
        least = Decimal(markets[name]["min_notional"]) / Decimal(markets[name]["bid"])
        filled = by_level(fills.get(name, []))
        for level, those in by_level(orders).items():
            found[name, level] = coverage(those, filled.get(level, []), least)
    return found


class Exits:
    """How long the levels of one shard were without exits after a moment, s.

    all_after: from that moment until every level that was bare at the shard's first order afterwards had its exit, None
    when none was, inf: never; each: of every level that was bare when its market's first order came in, from the moment
    or from its fill.
    """

    def __init__(self, moment: Kill, home: dict[str, int], levels: Levels, clock: Clock) -> None:
        self.all_after: float | None = None
        self.each: list[float] = []
        killed = clock.there(moment.at)
        mine = {key: cover for key, cover in levels.items() if home[key[0]] == moment.shard}
        sent: defaultdict[str, list[int]] = defaultdict(list)
        for (name, _), cover in mine.items():
            sent[name] += [at for at in cover.sent if at > killed + IN_FLIGHT]
        first = {name: min(those) for name, those in sent.items() if those}
        for (name, level), cover in mine.items():
            if name not in first:
                continue
            closed = cover.closed_after(min(first.values()))
            if closed is not None:
                took = clock.here(closed) - moment.at if closed >= 0 else math.inf
                self.all_after = max(self.all_after or 0.0, took)
                if closed < 0:
                    print(f"{name} was left without the exit of {level} since {killed}", file=sys.stderr)
            closed = cover.closed_after(first[name])
            if closed is not None and closed >= 0:
                since = max(killed, cover.bare_since(first[name]))
                self.each.append((closed - since) / 1_000)


def main() -> int:
    """Kill as often as was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--symbols", type=int, default=120)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--within", type=float, default=60, help="seconds in which they are to happen")
    parser.add_argument("--apart", action="store_true", help="each only when the one before is over, however long")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with workplace() as folder, demo(folder / "s", options.symbols, options.shards, options.seed) as it:
        state = folder / "s"
        at = Attached.found(state / "venue")
        job = Supervisor(state / "demo.yaml", state)
        job.process = it
        started = job.wait_trading(options.symbols, timeout=PATIENCE)
        began, clock = time.monotonic(), Clock(at)
        chance = random.Random(options.seed)
        run = Run(at, job, state, chance)
        due = sorted(chance.uniform(CALM, options.within - END) for _ in range(options.kills))
        last_over = began
        while time.monotonic() < began + options.within or due or not run.over:
            trading = run.look()
            now = time.monotonic()
            last_over = now if run.over else last_over
            if now - last_over > PATIENCE:
                print(f"not over within {PATIENCE:g} s: {run.kills[-1]}", file=sys.stderr)
                break
            if due and now >= began + due[0] and (run.over or not options.apart) and run.kill(trading):
                due.pop(0)
            time.sleep(LOOK)
        time.sleep(AFTERWARDS)
        stand_still(at)  # orders and fills are asked for one after the other, and must be of one moment
        clock.compare()
        made = by_symbol(at.fills())
        fills, covers = fills_by_shard(made, run.home, clock), histories(at, made)
        doubled = at.stats()["duplicate_client_ids"]["count"]
        at.resume()
        it.send_signal(signal.SIGINT)
        out, _ = it.communicate(timeout=PATIENCE)
        job.process = None
        errors = (folder / "demo.err").read_text(errors="replace").splitlines()
    lines = out.decode().splitlines()
    if not lines:
        print("\n".join(errors[-30:]), file=sys.stderr)
        return 1
    figures = orjson.loads(lines[-1])
    calm = run.gaps(fills, began, began + CALM, None)
    after = [gap for kill in run.kills for gap in run.gaps(fills, kill.at, kill.at + CALM, kill.shard)]
    found = [Exits(kill, run.home, covers, clock) for kill in run.kills]
    exits = [one.all_after for one in found if one.all_after is not None]
    each = [seconds for one in found for seconds in one.each]
    moments = [Kill(number, 0, began + at) for number in range(options.shards) for at in range(1, int(CALM) - 3, 2)]
    otherwise = [Exits(moment, run.home, covers, clock) for moment in moments]
    usual = [one.all_after for one in otherwise if one.all_after is not None]
    back = [kill.trading - kill.at for kill in run.kills if kill.trading is not None]
    say(
        symbols=options.symbols,
        shards=options.shards,
        start_seconds=round(started, 1),
        kills=len(run.kills),
        fills=figures["fills"],
        longest_gap_before=round(max(calm), 2),
        longest_gap_of_the_others=round(max(after, default=0.0), 2),
        median_gap_before=round(quantile(calm, 0.5), 2),
        median_gap_of_the_others=round(quantile(after, 0.5), 2),
        kills_with_fills_meanwhile=len(exits),
        seconds_to_exits_p50=round(quantile(exits, 0.5), 2),
        seconds_to_exits_max=round(max(exits, default=0.0), 2),
        levels_without_exits=len(each),
        seconds_of_a_level_p50=round(quantile(each, 0.5), 2),
        seconds_of_a_level_p99=round(quantile(each, 0.99), 2),
        seconds_to_exits_without_a_kill_p50=round(quantile(usual, 0.5), 2),
        seconds_to_exits_without_a_kill_max=round(max(usual, default=0.0), 2),
        seconds_to_trading_p50=round(quantile(back, 0.5), 2),
        seconds_to_trading_max=round(max(back, default=0.0), 2),
        orders_doubled=doubled,
        restarts=figures["restarts"],
        illegal_transitions=figures["illegal_transitions"],
        accounting=figures["accounting"],
        exit_code=it.returncode,
        load=round(os.getloadavg()[0], 1),
    )
    good = figures["accounting"] == "ok" and not doubled and not it.returncode and run.over and math.inf not in exits
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
