"""One simulated venue for the whole catalogue; supervisors that share nothing but it, each on an account of its own."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.processes import ACCOUNT, KEY, SECRET, Supervisor, VenueProcess, configuration, tail, write_config
from support.stage import GRID, Hire, Stage

SYMBOLS = 36
RICH, POOR = "1000000", "10"
KEYS = (
    *(KEY, "sim-orders", "sim-markets", "sim-process", "sim-prices", "sim-stranger", "sim-holder"),
    *("sim-people", "sim-hedged", "sim-wide", "sim-gone", "sim-cut-off", "sim-heard", "sim-stored"),
)
POOR_KEY = "sim-poor"
# The venue's own limits on orders hold for every scenario; only the weight of requests is no matter here.
LIMITS = {
    "weight_per_minute": 1_000_000,
    "orders_per_10s": 300,
    "orders_per_minute": 1_200,
    "frames_per_second": 1_000,
}


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[VenueProcess]:
    """Markets that move when a scenario says so."""
    folder = tmp_path_factory.mktemp("venue")
    accounts = [{"key": key, "secret": SECRET, "balance": RICH, "hedge_mode": key == "sim-hedged"} for key in KEYS]
    accounts.append({"key": POOR_KEY, "secret": SECRET, "balance": POOR})
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump({"accounts": accounts, "limits": LIMITS}))
    options = ["--config", str(settings), "--symbols", str(SYMBOLS), "--seed", "1", "--scripted"]
    running = VenueProcess(folder, [*options, "--profile", "demo"])
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
    """Makes a stage on an account; trading: wait until its symbols do; port: where the venue seems to be; unread: its
    log goes into a pipe that nobody reads.

    beside: further accounts of the supervisor, name to key; their symbols come after those of the stage's own account.
    """
    made: list[Supervisor] = []
    failed = request.session.testsfailed

    def make(
        key: str,
        names: Any,
        *,
        trading: bool = True,
        port: int = 0,
        beside: Mapping[str, str] | None = None,
        others: Sequence[Any] = (),
        environment: Mapping[str, str] | None = None,
        unread: bool = False,
        **sections: Any,
    ) -> Stage:
        folder = tmp_path_factory.mktemp("job")
        seen = venue.of(key)
        symbols = [{"symbol": name, "account": ACCOUNT} for name in names]
        document = configuration(seen, folder / "state", [*symbols, *others], **{"defaults": GRID, **sections})
        own = document["accounts"][ACCOUNT]
        own["simulated"]["port"] = port or venue.port
        for name, other in (beside or {}).items():
            document["accounts"][name] = copy.deepcopy(own) | {"api_key": other}
        url = document.get("database", {}).get("url")
        config = write_config(folder / "supervisor.yaml", document)
        supervisor = Supervisor(config, folder / "state", environment, url)
        made.append(supervisor)
        stage = Stage(seen, supervisor)
        supervisor.start(unread=unread)
        if trading:
            stage.wait_trading(*names)
            for name in names:
                stage.laid(name)
        return stage

    yield make
    for supervisor in made:
        supervisor.stop()
        if request.session.testsfailed > failed:
            print(f"--- {supervisor.log}\n{tail(supervisor.log)}")
