"""Hosts that share a registry: each in a network namespace of its own, one PostgreSQL server, links that can be cut."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.processes import Supervisor, VenueProcess, end, registry_pb2, wait_until

from opensqt_actors.domain.ids import decode
from opensqt_actors.storage import Database, StorageError
from opensqt_actors.storage.leases import LeaseRow, lease_rows

RELAY = Path(__file__).with_name("relay.py")
NETWORK = 77
PORT = 5_433


def run(*command: str) -> str:
    """One command that must succeed; its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
    return done.stdout


def impossible() -> str | None:
    """Why there can be no network namespaces here, or None."""
    if shutil.which("ip") is None:
        return "no `ip` command (package iproute2): no network namespaces"
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = f"osq{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, timeout=20, check=False)
    if made.returncode:
        return f"network namespaces are not allowed here: {made.stderr.strip()}"
    run("ip", "netns", "del", probe)
    return None


def postgres_programs() -> Path | None:
    """Where initdb and pg_ctl of the newest server are, if any is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A server of its own, that listens on these addresses and can be restarted."""

    def __init__(self, programs: Path, addresses: list[str]) -> None:
        # Not below pytest's folder, which every session closes to other users.
        self._folder = folder = Path(tempfile.mkdtemp(prefix="osqpg"))
        self._programs = programs
        shutil.chown(folder, "postgres")
        self._as_owner(
            "initdb", "-D", f"{folder}/data", "-U", "opensqt", "--auth=trust", "--encoding=UTF8", "--no-sync"
        )
        with (folder / "data/pg_hba.conf").open("a") as rules:
            rules.write(f"host all all 10.{NETWORK + 1}.0.0/16 trust\n")
        with (folder / "data/postgresql.conf").open("a") as settings:
            settings.write(f"port = {PORT}\nlisten_addresses = '{','.join(addresses)}'\nfsync = off\n")
            settings.write(f"unix_socket_directories = '{folder}'\nmax_connections = 100\n")
        self.start()

    def _as_owner(self, program: str, *arguments: str) -> None:
        run("runuser", "-u", "postgres", "--", str(self._programs / program), *arguments)

    def start(self) -> None:
        """Start the server and wait for it."""
        data, log = self._folder / "data", self._folder / "log"
        command = ["runuser", "-u", "postgres", "--", str(self._programs / "pg_ctl"), "-D", str(data), "-l", str(log)]
        # It outlives pg_ctl: it must not hold a pipe of ours.
        subprocess.run([*command, "-w", "start"], stdout=subprocess.DEVNULL, timeout=60, check=True)

    def stop(self) -> None:
        """End it and every connection."""
        self._as_owner("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """End it and leave nothing behind."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, address: str = "127.0.0.1") -> str:
        """For a client that reaches it under this address."""
        return f"postgresql://opensqt@{address}:{PORT}/postgres"


class Link:
    """A namespace and its one link to the world."""

    def __init__(self, number: int) -> None:
        self.name = f"osq{os.getpid()}n{number}"
        self.wire = f"osq{os.getpid() % 100_000}w{number}"
        self.here = f"10.{NETWORK}.{number}.1"
        self.database = f"10.{NETWORK + 1}.{number}.1"
        self._there = (f"10.{NETWORK}.{number}.2", f"10.{NETWORK + 1}.{number}.2")

    def make(self) -> None:
        """Both ends up, loopback inside."""
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.wire, "type", "veth", "peer", "name", "up0", "netns", self.name)
        run("ip", "addr", "add", f"{self.here}/24", "dev", self.wire)
        self.heal_database()
        run("ip", "link", "set", self.wire, "up")
        for device in ("lo", "up0"):
            run("ip", "-n", self.name, "link", "set", device, "up")
        for address in self._there:
            run("ip", "-n", self.name, "addr", "add", f"{address}/24", "dev", "up0")

    def remove(self) -> None:
        """The wire goes with its namespace."""
        subprocess.run(["ip", "link", "del", self.wire], capture_output=True, timeout=20, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=20, check=False)

    def cut(self) -> None:
        """Nothing passes, and nobody is told."""
        run("ip", "link", "set", self.wire, "down")

    def cut_database(self) -> None:
        """The database is not there any more, while everything else is."""
        run("ip", "addr", "del", f"{self.database}/24", "dev", self.wire)

    def heal_database(self) -> None:
        """It is again."""
        run("ip", "addr", "add", f"{self.database}/24", "dev", self.wire)

    def cut_venue(self) -> None:
        """The venue is not there any more, while the database is."""
        run("ip", "addr", "del", f"{self.here}/24", "dev", self.wire)

    def heal_venue(self) -> None:
        """It is again."""
        run("ip", "addr", "add", f"{self.here}/24", "dev", self.wire)

    def heal(self) -> None:
        """Everything passes again."""
        run("ip", "link", "set", self.wire, "up")


class JoinedHost(Supervisor):
    """`python -m opensqt_actors.shard --join`, inside its namespace."""

    def __init__(self, link: Link, config: Path, state: Path, url: str, database_url: str) -> None:
        super().__init__(config, state, database_url=database_url)
        self.link = link
        self.name = config.stem
        self._url = url

    def start(self) -> JoinedHost:
        """Begin a process."""
        assert self.process is None, "it runs already"
        command = ["ip", "netns", "exec", self.link.name, sys.executable, "-m", "opensqt_actors.shard"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(self.config), "--join", self._url], stdout=log, stderr=log
            )
        return self


class Cluster:
    """All hosts, their database and their venue."""

    def __init__(self, venue: VenueProcess, postgres: Postgres, hosts: list[JoinedHost]) -> None:
        self.venue = venue
        self.postgres = postgres
        self.hosts = hosts
        self.names = sorted(venue.markets())

    def rows(self) -> list[LeaseRow]:
        """The lease table; empty while the database is away."""
        database = Database(self.postgres.url())
        try:
            with database.read() as connection:
                return list(lease_rows(connection))
        except StorageError:
            return []
        finally:
            database.close()

    def owned(self, host: JoinedHost) -> dict[str, int]:
        """Symbols that are leased to a host, by the table, with their epochs."""
        return {row.symbol: row.epoch for row in self.rows() if row.owner and row.owner.split("/")[0] == host.name}

    def owners(self) -> dict[str, JoinedHost]:
        """Whose each symbol is, as long as its lease lives."""
        by_name = {host.name: host for host in self.hosts}
        return {row.symbol: by_name[row.owner.split("/")[0]] for row in self.rows() if row.owner and row.left > 0}

    def wait_owned(self, symbols: set[str], but: JoinedHost | None = None, timeout: float = 60) -> None:
        """Wait until every one of these is leased to a host other than `but`."""

        def owned() -> bool:
            owners = self.owners()
            return all(name in owners and owners[name] is not but for name in symbols)

        wait_until(owned, f"owners of {sorted(symbols)}", timeout)

    def opening(self) -> set[str]:
        """Symbols with openings that rest."""
        return {order["symbol"] for order in self.venue.open_orders() if opens(order)}

    def full(self, host: JoinedHost) -> set[str]:
        """Symbols that trade without openings, as their host says: each of their slots holds something."""
        return {
            name
            for name, row in host.rows().items()
            if row.state == registry_pb2.SYMBOL_STATE_TRADING and row.slots_total == row.slots_filled > 0
        }

    def wait_trading(self, symbols: set[str]) -> None:
        """Wait until these trade, with openings unless they are full, on the one host that has them."""
        self.wait_owned(symbols)

        def trading() -> bool:
            bare = symbols - self.opening()
            owners = self.owners() if bare else {}
            return all(name in owners and name in self.full(owners[name]) for name in bare)

        wait_until(trading, "openings in every market that is not full", 90)

    def wait_ready(self) -> None:
        """Wait until every owner has compared its symbols with the venue and has heard of a price."""

        def ready() -> bool:
            owners = self.owners()
            rows = {host.name: host.rows() for host in set(owners.values())}
            return owners.keys() >= set(self.names) and all(
                name in rows[host.name] and rows[host.name][name].state == registry_pb2.SYMBOL_STATE_TRADING
                for name, host in owners.items()
            )

        wait_until(ready, "owners that know their symbols", 90)

    def victim(self) -> JoinedHost:
        """A host that trades everything that it has, with openings somewhere."""

        def found() -> JoinedHost | None:
            opening = self.opening()
            for host in self.hosts:
                owned = set(self.owned(host))
                if owned & opening and (owned <= opening or owned - opening <= self.full(host)):
                    return host
            return None

        host = wait_until(found, "a host that trades everything that it has", 90)
        assert host is not None
        return host

    def stale_orders(self) -> list[str]:
        """Orders that the venue has accepted after one of a later epoch in the same market: there must be none."""
        newest: dict[str, int] = {}
        found = []
        for order in sorted(self.venue.orders(), key=lambda order: int(order["orderId"])):
            key = decode(order["clientOrderId"])
            assert key is not None, order
            if key.epoch < newest.get(order["symbol"], 0):
                found.append(f"{order['clientOrderId']} of epoch {key.epoch} after epoch {newest[order['symbol']]}")
            newest[order["symbol"]] = max(key.epoch, newest.get(order["symbol"], 0))
        return found


def opens(order: Mapping[str, Any]) -> bool:
    """Whether an order of the venue's is one of our openings."""
    key = decode(order["clientOrderId"])
    return key is not None and key.kind.opens


@contextmanager
def relays(links: list[Link], port: int) -> Iterator[None]:
    """The venue, which listens on loopback alone, is on the loopback of every namespace, too: over its link."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        between = free.getsockname()[1]
    command = [sys.executable, str(RELAY)]
    commands = [[*command, f"127.0.0.1:{port}", *(f"{link.here}:{between}" for link in links)]]
    commands += [
        ["ip", "netns", "exec", link.name, *command, f"{link.here}:{between}", f"127.0.0.1:{port}"] for link in links
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        for process in running:
            end(process)
            assert process.stdout is not None
            process.stdout.close()


__all__ = ["Cluster", "JoinedHost", "Link", "Postgres", "impossible", "postgres_programs", "relays"]
