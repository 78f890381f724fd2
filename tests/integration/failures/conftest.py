"""One simulated venue for the whole catalogue; supervisors that share nothing but it, each on an account of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.processes import KEY, SECRET, Supervisor, VenueProcess, configuration, tail, write_config
from support.stage import GRID, Hire, Stage

SYMBOLS = 36
KEYS = (KEY, "sim-orders", "sim-markets", "sim-process", "sim-prices", "sim-stranger", "sim-holder")


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[VenueProcess]:
    """Markets that move when a scenario says so."""
    folder = tmp_path_factory.mktemp("venue")
    accounts = [{"key": key, "secret": SECRET, "balance": "1000000"} for key in KEYS]
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump({"accounts": accounts}))
    options = ["--config", str(settings), "--symbols", str(SYMBOLS), "--seed", "1", "--scripted"]
    running = VenueProcess(folder, [*options, "--profile", "demo", "--limits", "market-maker"])
    try:
        yield running.ready()
    finally:
        running.stop()
        if request.session.testsfailed:
            print(f"--- {running.log}\n{tail(running.log)}")


@pytest.fixture(scope="module")
def hire(
    venue: VenueProcess, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Hire]:
    """Makes a stage on an account; trading: wait until its symbols do."""
    made: list[Supervisor] = []
    failed = request.session.testsfailed

    def make(key: str, names: Any, *, trading: bool = True, **sections: Any) -> Stage:
        folder = tmp_path_factory.mktemp("job")
        seen = venue.of(key)
        document = configuration(seen, folder / "state", names, **{"defaults": GRID, **sections})
        supervisor = Supervisor(write_config(folder / "supervisor.yaml", document), folder / "state")
        made.append(supervisor)
        stage = Stage(seen, supervisor)
        supervisor.start()
        if trading:
            supervisor.wait_trading(len(names), lambda: stage.stir(*names))
            for name in names:
                stage.laid(name)
        return stage

    yield make
    for supervisor in made:
        supervisor.stop()
        if request.session.testsfailed > failed:
            print(f"--- {supervisor.log}\n{tail(supervisor.log)}")
