"""Three hosts in network namespaces, one PostgreSQL server and one venue, for all tests of a module."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.hosts import Cluster, JoinedHost, Link, Postgres, impossible, postgres_programs, relays
from support.processes import VenueProcess, configuration, mixed, tail, write_config

HOSTS = 3
LONG = bool(os.environ.get("OPENSQT_TEST_LONG"))
SYMBOLS = int(os.environ.get("OPENSQT_TEST_HOST_SYMBOLS", "12")) if LONG else 6
NEVER = {"max_latency": 0, "max_losses": 0, "max_drawdown_percent": 0, "max_error_rate": 0, "stale_after": 0}
CALM: dict[str, Any] = {"execution": {"reconcile_interval": 5}, "risk": {"breaker": NEVER, "global_breaker": NEVER}}
"""What an outage does to circuit breakers is another matter."""
CAPACITY = SYMBOLS // 2
"""Two hosts trade everything, the third one waits."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Hosts that run and trade; each test leaves them so. Their logs are shown when one fails."""
    why = impossible()
    if why is not None:
        pytest.skip(why)
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (package postgresql)")
    folder = tmp_path_factory.mktemp("ha")
    failed = request.session.testsfailed
    with ExitStack() as stack:
        links = [Link(number) for number in range(1, HOSTS + 1)]
        for link in links:
            stack.callback(link.remove)
            link.make()
        postgres = Postgres(programs, ["127.0.0.1", *(link.database for link in links)])
        stack.callback(postgres.remove)
        options = ["--symbols", str(SYMBOLS), "--seed", "1", "--profile", "demo", "--limits", "market-maker"]
        venue = VenueProcess(folder / "venue", options)
        stack.callback(venue.stop)
        venue.ready()
        stack.enter_context(relays(links, venue.port))
        symbols = mixed(sorted(venue.markets()))
        hosts = []
        for number, link in enumerate(links):
            name = f"host-{'abc'[number]}"
            lease = {"name": name, "capacity": CAPACITY}
            document = configuration(venue, folder / f"s{number}", symbols, lease=lease, **CALM)
            config = write_config(folder / f"{name}.yaml", document)
            host = JoinedHost(link, config, folder / f"s{number}", postgres.url(link.database), postgres.url())
            stack.callback(host.stop)
            hosts.append(host)
        made = Cluster(venue, postgres, hosts)
        for host in hosts:
            host.start()
        yield made
        if request.session.testsfailed > failed:
            for host in hosts:
                print(f"--- {host.log}\n{tail(host.log)}")
