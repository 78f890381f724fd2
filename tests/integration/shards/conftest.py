"""A venue and a supervisor whose symbols trade in processes of their own; none of them outlives its test."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from main_job.conftest import folder, make_supervisor, pytest_runtest_makereport, start_venue  # noqa: F401 - fixtures
from support.processes import Supervisor, VenueProcess, mixed, pb, wait_until
from support.scrape import free_port

from opensqt_actors.app.shard_lock import shard_processes

SYMBOLS = 4
SHARDS = 2


class Fleet:
    """A supervisor, its shards and their venue."""

    def __init__(self, venue: VenueProcess, supervisor: Supervisor, names: list[str], metrics_port: int) -> None:
        self.venue = venue
        self.metrics_port = metrics_port
        self.supervisor = supervisor
        self.names = names

    def shards(self) -> dict[str, Any]:
        """The line of every shard."""
        status = self.supervisor.status()
        return {row.shard_id: row for row in status.shards} if status is not None else {}

    def all_running(self) -> bool:
        """Whether every shard runs, also one without a symbol."""
        rows = self.shards().values()
        return len(rows) == SHARDS and all(row.state == pb.SHARD_STATE_RUNNING for row in rows)

    def processes(self) -> dict[int, int]:
        """The living processes by their shard's number."""
        return dict(shard_processes(self.supervisor.state))

    def signal(self, number: int, what: signal.Signals) -> int:
        """Send a signal to a shard's process; its pid."""
        pid = self.processes()[number]
        os.kill(pid, what)
        return pid

    def wait_new(self, number: int, old: int) -> int:
        """Wait until a shard has another process than `old`, and all symbols trade."""
        pid = wait_until(lambda: (now := self.processes().get(number, 0)) != old and now, f"a new shard-{number}")
        self.supervisor.wait_trading(len(self.names))
        return pid

    def spread(self) -> None:
        """Bring the last two symbols to shard-1."""
        for name in self.names[2:]:
            self.supervisor.ask("MoveSymbol", pb.MoveSymbolRequest(symbol=name, shard_id="shard-1"))
        wait_until(lambda: self.shards()["shard-1"].symbols == 2, "two symbols on shard-1")
        self.supervisor.wait_trading(len(self.names))

    def gone(self) -> bool:
        """Whether no process of a shard lives."""
        return not self.processes()


@pytest.fixture
def fleet(request: pytest.FixtureRequest, start_venue: Any, make_supervisor: Any) -> Iterator[Fleet]:  # noqa: F811 - the fixtures
    """Four symbols on two shards, trading.

    The parameter, if there is one, is laid over the section `supervision`; `dead_man_switch` in it is the countdown, s.
    """
    venue = start_venue(SYMBOLS)
    names = sorted(venue.markets())
    symbols = [entry | {"mode": "long"} for entry in mixed(names)]
    supervision = {"shard_heartbeat": 3, "backoff_initial": 0.1, "shard_alone": 120} | getattr(request, "param", {})
    countdown = supervision.pop("dead_man_switch", 0)
    port = free_port()
    patient = {"execution": {"stale_after": 600}} if countdown else {}  # markets that are paused for longer than one
    supervisor = make_supervisor(
        venue, symbols, shards=SHARDS, supervision=supervision, telemetry={"metrics_port": port}, **patient
    )
    text = supervisor.config.read_text().replace("    budget:", f"    dead_man_switch: {countdown}\n    budget:")
    supervisor.config.write_text(text)
    supervisor.start()
    made = Fleet(venue, supervisor, names, port)
    try:
        supervisor.wait_trading(SYMBOLS)
        wait_until(made.all_running, "all shards")
        yield made
    finally:
        supervisor.stop()
        for pid in made.processes().values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
