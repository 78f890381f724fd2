"""Venues and supervisors as processes, each ended with its test, their logs shown when it fails."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.processes import Supervisor, VenueProcess, configuration, tail, write_config

StartVenue = Callable[..., VenueProcess]
MakeSupervisor = Callable[..., Supervisor]

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path is short enough for a Unix socket in it."""
    return tmp_path_factory.mktemp("job")


@pytest.fixture
def start_venue(folder: Path, request: pytest.FixtureRequest) -> Iterator[StartVenue]:
    """Starts a venue: so many synthetic markets that trade as the demo's do, unless told otherwise."""
    running: list[VenueProcess] = []

    def start(symbols: int = 36, *arguments: str, seed: int = 1) -> VenueProcess:
        options = ["--symbols", str(symbols), "--seed", str(seed), "--profile", "demo", "--limits", "market-maker"]
        venue = VenueProcess(folder / f"venue{len(running)}", [*options, *arguments])
        running.append(venue)
        return venue.ready()

    yield start
    for venue in running:
        venue.stop()
        if request.node.stash.get(_FAILED, False):
            print(f"--- {venue.log}\n{tail(venue.log)}")


@pytest.fixture
def make_supervisor(folder: Path, request: pytest.FixtureRequest) -> Iterator[MakeSupervisor]:
    """Makes a supervisor for a venue; the test starts it."""
    made: list[Supervisor] = []

    def make(venue: VenueProcess, symbols: Any, environment: Any = None, **sections: Any) -> Supervisor:
        name = f"supervisor{len(made)}"
        state = folder / f"state{len(made)}"
        document = configuration(venue, state, symbols, **sections)
        url = document.get("database", {}).get("url")
        supervisor = Supervisor(write_config(folder / f"{name}.yaml", document), state, environment, url)
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.stop()
        if request.node.stash.get(_FAILED, False):
            print(f"--- {supervisor.log}\n{tail(supervisor.log)}")


@pytest.fixture
def python_path() -> Callable[[Path], dict[str, str]]:
    """The environment in which a folder's modules and distributions are installed, too."""

    def environment(folder: Path) -> dict[str, str]:
        before = os.environ.get("PYTHONPATH", "")
        return {"PYTHONPATH": f"{folder}{os.pathsep}{before}" if before else str(folder)}

    return environment


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """An empty database on the server, dropped at the end."""
    name = f"main_job_{uuid.uuid4().hex[:8]}"
    server = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f'create database "{name}"'))
    yield sa.make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f'drop database "{name}" with (force)'))
    server.dispose()
