"""config/deploy/compose.yaml on a Docker engine: two shard hosts of which one is killed, then stopped for a while.

The database is restarted, too. In the end the markets stand still, and the books are compared with the venue's; then
both hosts end in order. With --supervisor it is one supervisor with two shards, killed once, started again. Everything
that it starts is taken away again, volumes too. One JSON line; exit code 1 when the books differ, an order was doubled,
a takeover took too long, or something did not end in order.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from job import say

COMPOSE = Path(__file__).resolve().parents[2] / "config" / "deploy" / "compose.yaml"
SYMBOLS = 5
LONGEST_TAKEOVER = 10.0
STOPPED = 15.0
"""Seconds for which a host stands still: longer than its leases live."""
TRADES = 12.0
"""Seconds of trading before each thing that is done to it."""
PATIENCE = 90.0
AUDIT = """
import os, time
from opensqt_actors.app.audit import audit
from opensqt_actors.cli.venue_admin import VenueAdmin
from opensqt_actors.simvenue.server.config import DEMO_KEY
from opensqt_actors.storage import Database
venue = VenueAdmin({port})
venue.pause()
time.sleep({settle})
books = audit(Database(os.environ["OPENSQT_DATABASE_URL"]), {{"main": DEMO_KEY}}, venue)
print(books.fills, books.open_orders, venue.duplicates(), *books.differences, sep="\\n")
"""
ADMIN_PORT, SETTLE = 9480, 5.0


class Composition:
    """The containers of a project of their own, under one password."""

    def __init__(self, *services: str) -> None:
        self.project = f"opensqt-{secrets.token_hex(3)}"
        self.services = services
        self.environment = {**os.environ, "POSTGRES_PASSWORD": secrets.token_hex(16)}

    def compose(self, *words: str, given: str | None = None, timeout: float = PATIENCE) -> str:
        """`docker compose` with these words; its standard output. Ends the program when it fails."""
        command = ["docker", "compose", "--project-name", self.project, "--file", str(COMPOSE)]
        command += ["--profile", "supervisor", *words]
        done = subprocess.run(
            command, env=self.environment, input=given, capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def inside(self, service: str, *words: str, given: str | None = None) -> str:
        """Run a command in a container."""
        return self.compose("exec", "--no-TTY", service, *words, given=given)

    def trading(self, service: str) -> int:
        """How many symbols this one trades; 0 when it does not answer."""
        try:
            status: dict[str, Any] = orjson.loads(self.inside(service, "opensqt", "status", "--json"))
        except SystemExit:
            return 0
        return sum(1 for row in status["symbols"] if row["state"] == "trading")

    def owner(self) -> str:
        """The one that trades every symbol, waited for."""
        found: str = wait(lambda: next((one for one in self.services if self.trading(one) == SYMBOLS), ""), "an owner")
        return found

    def exit_code(self, service: str) -> int:
        """Of a container that has ended."""
        rows = self.compose("ps", "--all", "--format", "json", service).splitlines()
        return int(orjson.loads(rows[0])["ExitCode"])


def wait(look: Callable[[], Any], what: str) -> Any:
    """Look until there is something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > deadline:
            raise SystemExit(f"waited for {what} for {PATIENCE:g} s")
        time.sleep(0.1)
    return found


def other(at: Composition, owner: str) -> str:
    """The host that takes over."""
    return next(name for name in at.services if name != owner)


def hosts(at: Composition) -> dict[str, float]:
    """What is done to two hosts. Seconds until the other one trades every symbol."""
    took: dict[str, float] = {}
    owner = at.owner()
    time.sleep(TRADES)
    began = time.monotonic()
    at.compose("kill", "--signal", "KILL", owner)
    wait(lambda: at.trading(other(at, owner)) == SYMBOLS, "a takeover after a kill")
    took["seconds_after_a_kill"] = round(time.monotonic() - began, 1)
    at.compose("up", "--no-build", "--detach", "--wait", owner)
    owner = at.owner()
    time.sleep(TRADES)
    began = time.monotonic()
    at.compose("pause", owner)
    wait(lambda: at.trading(other(at, owner)) == SYMBOLS, "a takeover from one that stands still")
    took["seconds_after_a_stop"] = round(time.monotonic() - began, 1)
    time.sleep(max(0.0, began + STOPPED - time.monotonic()))
    at.compose("unpause", owner)
    wait(lambda: at.trading(owner) == 0, "the stopped host to let go of its symbols")
    return took


def supervisor(at: Composition) -> dict[str, float]:
    """What is done to a supervisor. Seconds until it trades every symbol again."""
    (trader,) = at.services
    at.owner()
    time.sleep(TRADES)
    began = time.monotonic()
    at.compose("kill", "--signal", "KILL", trader)
    at.compose("up", "--no-build", "--detach", trader)
    at.owner()
    return {"seconds_after_a_kill": round(time.monotonic() - began, 1)}


def main() -> int:
    """Start, disturb, compare, end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--supervisor", action="store_true", help="one supervisor with two shards instead of two hosts")
    parser.add_argument("--build", action="store_true", help="build the image first; else that named opensqt is taken")
    options = parser.parse_args()
    at = Composition("trader") if options.supervisor else Composition("host-a", "host-b")
    try:
        if options.build:
            at.compose("build", timeout=1_200)
        began = time.monotonic()
        at.compose("up", "--no-build", "--detach", *at.services)
        at.owner()
        started = round(time.monotonic() - began, 1)
        took = supervisor(at) if options.supervisor else hosts(at)
        time.sleep(TRADES)
        at.compose("restart", "--timeout", "5", "postgres")
        owner = at.owner()
        time.sleep(TRADES)
        told = at.inside(owner, "python", "-", given=AUDIT.format(port=ADMIN_PORT, settle=SETTLE)).splitlines()
        fills, open_orders, doubled, *differences = told
        at.compose("stop", *at.services)
        codes = [at.exit_code(name) for name in at.services]
    finally:
        at.compose("down", "--volumes", "--timeout", "5")
    say(
        services=at.services,
        start_seconds=started,
        **took,
        fills=int(fills),
        open_orders=int(open_orders),
        orders_doubled=int(doubled),
        accounting=differences or "ok",
        exit_codes=codes,
    )
    late = not options.supervisor and max(took.values()) > LONGEST_TAKEOVER
    return 1 if differences or int(doubled) or late or any(codes) or not int(fills) else 0


if __name__ == "__main__":
    sys.exit(main())
