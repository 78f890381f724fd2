"""What protects an account that is spread over shards: the venue's countdowns, and the word of the breakers."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.accounting import exit_orders, openings, settled
from support.processes import PATIENCE, pb, registry_pb2, wait_until

from opensqt_actors.config.settings import Supervision
from opensqt_actors.storage import Database, load_risk
from opensqt_actors.wire.v1 import risk_pb2

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

COUNTDOWN = 12
NICENESS = Supervision().shard_niceness
guarded = pytest.mark.parametrize("fleet", [{"dead_man_switch": COUNTDOWN}], indirect=True)


class Countdowns:
    """Looks at the venue's countdowns all the time. lowest: milliseconds that were left of each; gaps: looks at which
    one of `names` had none.
    """

    def __init__(self, venue: Any, names: list[str]) -> None:
        self.venue = venue
        self.names = names
        self.lowest: dict[str, int] = {}
        self.gaps: list[str] = []
        self.looks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Countdowns:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._end.set()
        self._thread.join(PATIENCE)

    def _look(self) -> None:
        while not self._end.wait(0.03):
            left = self.venue.account()["countdowns"]
            self.looks += 1
            self.gaps += [name for name in self.names if name not in left]
            for name, ms in left.items():
                self.lowest[name] = min(self.lowest.get(name, ms), ms)


def at_rest(fleet: Any) -> set[str]:
    """Stop the markets with a ladder in each; what rests then."""
    fleet.venue.pause()
    wait_until(lambda: all(openings(fleet.venue, name) for name in fleet.names), "a ladder in every market")
    settled(fleet.supervisor.database_url, fleet.venue)
    wait_until(lambda: set(fleet.venue.account()["countdowns"]) == set(fleet.names), "a countdown for every market")
    return {order["clientOrderId"] for order in fleet.venue.open_orders()}


def resting(fleet: Any, *names: str) -> set[str]:
    return {order["clientOrderId"] for name in names for order in fleet.venue.open_orders(symbol=name)}


@guarded
def test_each_shard_renews_the_countdowns_of_its_own_symbols_alone(fleet: Any) -> None:
    fleet.spread()
    at_rest(fleet)
    mine, theirs = fleet.names[:2], fleet.names[2:]
    before = resting(fleet, *mine)
    fleet.supervisor.kill()  # or it would replace the shard that hangs
    fleet.signal(1, signal.SIGSTOP)
    try:
        wait_until(
            lambda: not resting(fleet, *theirs), "the venue has cancelled what the hung shard had", 3 * COUNTDOWN
        )
        assert resting(fleet, *mine) == before
        assert set(fleet.venue.account()["countdowns"]) == set(mine)
    finally:
        fleet.signal(1, signal.SIGCONT)
    fleet.supervisor.start()
    fleet.supervisor.wait_trading(len(fleet.names), fleet.venue.stir)
    wait_until(lambda: all(openings(fleet.venue, name) for name in theirs), "ladders again")
    settled(fleet.supervisor.database_url, fleet.venue)


@guarded
def test_the_countdown_of_a_symbol_that_moves_goes_on_and_outlives_the_shard_that_it_came_from(fleet: Any) -> None:
    at_rest(fleet)
    moved = fleet.names[3]
    rested = resting(fleet, moved)
    with Countdowns(fleet.venue, fleet.names) as seen:
        fleet.supervisor.ask("MoveSymbol", pb.MoveSymbolRequest(symbol=moved, shard_id="shard-1"))
        wait_until(lambda: fleet.shards()["shard-1"].symbols == 1, "the symbol on shard-1")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > COUNTDOWN + 2, "longer than a countdown", 2 * COUNTDOWN)
    assert seen.gaps == []
    assert seen.looks > 100
    assert seen.lowest[moved] > 1_000 * COUNTDOWN / 4, "it was not left to run down"
    with Countdowns(fleet.venue, [moved]) as seen:
        for name in fleet.names[:3]:
            fleet.supervisor.ask(
                "RemoveSymbol", pb.RemoveSymbolRequest(symbol=name, mode=registry_pb2.REMOVE_MODE_LEAVE)
            )
        wait_until(lambda: fleet.shards()["shard-0"].symbols == 0, "nothing on shard-0")
        old = fleet.processes()[0]
        fleet.supervisor.ask("RestartShard", pb.RestartShardRequest(shard_id="shard-0"))
        wait_until(lambda: fleet.processes().get(0, old) != old, "another process of shard-0")
    assert seen.gaps == []
    assert resting(fleet, moved) == rested


@guarded
def test_a_shard_that_was_killed_takes_its_countdowns_over_before_they_run_out(fleet: Any) -> None:
    fleet.spread()
    before = at_rest(fleet)
    with Countdowns(fleet.venue, fleet.names) as seen:
        old = fleet.signal(1, signal.SIGKILL)
        wait_until(lambda: fleet.processes().get(1, old) != old, "a new process of shard-1")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > COUNTDOWN + 2, "longer than a countdown", 2 * COUNTDOWN)
    assert seen.gaps == []
    assert {order["clientOrderId"] for order in fleet.venue.open_orders()} == before


def breakers(fleet: Any) -> dict[str, int]:
    """The state of every breaker by its symbol, of the global one by ""."""
    rules = fleet.supervisor.ask("GetRisk", pb.GetRiskRequest()).rules
    scopes = (risk_pb2.RISK_SCOPE_SYMBOL, risk_pb2.RISK_SCOPE_GLOBAL)
    return {rule.symbol: rule.breaker for rule in rules if rule.scope in scopes}


def test_the_global_breaker_closes_every_shard_also_one_that_is_started_anew_and_opens_them_again(fleet: Any) -> None:
    fleet.spread()
    fleet.supervisor.wait_fills(2)
    fleet.venue.pause()
    wait_until(lambda: all(openings(fleet.venue, name) for name in fleet.names), "a ladder in every market")
    settled(fleet.supervisor.database_url, fleet.venue)
    kept = exit_orders(fleet.venue)
    fleet.supervisor.ask("TripBreaker", pb.TripBreakerRequest(reason="the news"))
    wait_until(lambda: not openings(fleet.venue), "no opening order in any shard")
    assert exit_orders(fleet.venue) == kept
    old = fleet.signal(1, signal.SIGKILL)
    wait_until(lambda: fleet.processes().get(1, old) != old, "a new process of shard-1")
    wait_until(lambda: fleet.shards()["shard-1"].state == pb.SHARD_STATE_RUNNING, "shard-1 is running")
    fleet.venue.resume()
    fleet.venue.stir()
    rows = wait_until(
        lambda: (
            (rows := fleet.supervisor.rows()) and all("the news" in rows[name].why for name in fleet.names) and rows
        ),
        "every symbol says why it opens nothing",
    )
    assert rows is not None
    assert openings(fleet.venue) == set()
    fleet.supervisor.ask("ResetBreaker", pb.ResetBreakerRequest(reason="it was nothing"))
    wait_until(lambda: all(openings(fleet.venue, name) for name in fleet.names), "ladders again in both shards")


def written(fleet: Any) -> set[str]:
    """The symbols whose open breakers are in the journal."""
    database = Database(fleet.supervisor.database_url, create=False)
    try:
        return {row.symbol for row in load_risk(database) if row.state.get("state") == "open"}
    finally:
        database.close()


def test_the_breaker_of_a_symbol_closes_it_alone_and_survives_its_shard_and_a_move(fleet: Any) -> None:
    fleet.spread()
    name, others = fleet.names[3], fleet.names[:3]
    fleet.supervisor.ask("TripBreaker", pb.TripBreakerRequest(symbol=name, reason="the news"))
    assert name in written(fleet), "what was answered is in the journal: a kill cannot forget it"
    wait_until(lambda: not openings(fleet.venue, name), "no opening order of the symbol")
    wait_until(lambda: all(openings(fleet.venue, other) for other in others), "the others trade on")
    old = fleet.signal(1, signal.SIGKILL)
    wait_until(lambda: fleet.processes().get(1, old) != old, "a new process of shard-1")
    wait_until(lambda: fleet.shards()["shard-1"].state == pb.SHARD_STATE_RUNNING, "shard-1 is running")
    wait_until(lambda: "the news" in fleet.supervisor.rows()[name].why, "the symbol says why")
    fleet.supervisor.ask("MoveSymbol", pb.MoveSymbolRequest(symbol=name, shard_id="shard-0"))
    wait_until(lambda: fleet.shards()["shard-0"].symbols == 3, "the symbol on shard-0")
    wait_until(lambda: "the news" in fleet.supervisor.rows()[name].why, "the symbol says why on shard-0, too")
    assert openings(fleet.venue, name) == set()
    assert breakers(fleet)[name] == risk_pb2.CIRCUIT_STATE_OPEN
    fleet.supervisor.ask("ResetBreaker", pb.ResetBreakerRequest(symbol=name, reason="it was nothing"))
    wait_until(lambda: openings(fleet.venue, name), "its ladder again")


def nicenesses(pid: int) -> set[int]:
    """Of all threads of a process; one may end meanwhile."""
    found = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            found.add(os.getpriority(os.PRIO_PROCESS, int(thread.name)))
    return found


def test_a_shard_makes_way_when_it_has_its_exits_and_the_next_one_begins_before_it(fleet: Any) -> None:
    usual = os.getpriority(os.PRIO_PROCESS, fleet.supervisor.process.pid)
    for _ in range(2):
        pid = fleet.processes()[0]
        wait_until(lambda pid=pid: nicenesses(pid) == {usual + NICENESS}, "every thread of the shard makes way")
        assert nicenesses(psutil.Process(pid).ppid()) == {usual}, "what the next one is forked from does not"
        fleet.wait_new(0, fleet.signal(0, signal.SIGKILL))
    assert nicenesses(fleet.supervisor.process.pid) == {usual}
