"""What an operator can get wrong before a start: one sentence, the right exit code, and nothing half-started."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.accounting import registry_rows
from support.processes import Supervisor, VenueProcess, configuration

from opensqt_actors.config.paths import DATABASE_NAME, socket_path

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CONFIGURATION, OTHER = 4, 1
SYMBOLS = 3


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    """One venue for all these tests: none of them may leave a trace on it."""
    process = VenueProcess(tmp_path_factory.mktemp("venue"), ["--symbols", str(SYMBOLS), "--profile", "demo"])
    yield process.ready()
    process.stop()


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(venue: VenueProcess, folder: Path, make_supervisor: Any) -> Run:
    """Runs a supervisor that must not start; gives its exit code and what it said, and proves that nothing else is."""

    def ended(text: str | None = None, symbols: Any = ("BTCUSDT",), **sections: Any) -> tuple[int, str]:
        placed = venue.stats()["orders_placed"]
        supervisor: Supervisor = make_supervisor(venue, symbols, **sections)
        if text is not None:
            supervisor.config.write_text(text)
        code = supervisor.start().wait()
        said = supervisor.log.read_text()
        assert "Traceback" not in said
        assert venue.stats()["orders_placed"] == placed
        if (supervisor.state / DATABASE_NAME).exists():
            assert registry_rows(supervisor.database_url) == []
        return code, said

    return ended


def only_line(said: str) -> str:
    lines = said.splitlines()
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.timeout(60)
def test_f38_malformed_yaml_is_named_with_its_line(run: Run) -> None:
    code, said = run("state_dir: x\naccounts: {main: [\nsymbols: }\n")
    assert code == CONFIGURATION
    assert "line 3" in only_line(said)


@pytest.mark.timeout(60)
def test_f38_an_unknown_key_is_named_with_the_one_that_was_meant(run: Run) -> None:
    code, said = run(defaults={"amuont": 30})
    assert code == CONFIGURATION
    assert "defaults.amuont" in only_line(said)
    assert "did you mean `amount`?" in said


@pytest.mark.timeout(60)
def test_f38_a_missing_secret_variable_is_named(run: Run, venue: VenueProcess, folder: Path) -> None:
    document = configuration(venue, folder / "state", ["BTCUSDT"])
    document["accounts"]["main"]["secret"] = "env:OPENSQT_TEST_NO_SUCH_SECRET"
    code, said = run(yaml.safe_dump(document))
    assert code == CONFIGURATION
    assert "OPENSQT_TEST_NO_SUCH_SECRET" in only_line(said)
    assert "accounts.main.secret" in said


@pytest.mark.timeout(60)
def test_f38_a_wrong_key_is_refused_without_being_shown(run: Run, venue: VenueProcess, folder: Path) -> None:
    document = configuration(venue, folder / "state", ["BTCUSDT"])
    document["accounts"]["main"]["api_key"] = "sim-nobody-knows-this-one"
    code, said = run(yaml.safe_dump(document))
    assert code == CONFIGURATION
    assert "accounts.main" in only_line(said)
    assert "sim-nobody" not in said


@pytest.mark.timeout(60)
def test_f38_an_interval_below_the_fees_is_refused(run: Run) -> None:
    code, said = run(symbols=["BTCUSDT", {"symbol": "ETHUSDT", "interval_percent": 0.03}], defaults={"amount": 60})
    assert code == CONFIGURATION
    assert "ETHUSDT" in only_line(said)
    assert "interval" in said


@pytest.mark.timeout(60)
def test_f38_an_unknown_symbol_is_named_with_the_one_that_was_meant(run: Run) -> None:
    code, said = run(symbols=["BTCUSDT", "ETHUSTD"])
    assert code == CONFIGURATION
    assert "ETHUSTD" in only_line(said)
    assert "did you mean ETHUSDT?" in said


@pytest.mark.timeout(60)
def test_a_metrics_port_in_use_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = run(telemetry={"metrics_port": port})
    assert code == OTHER
    assert f"127.0.0.1:{port}" in said.splitlines()[-1]


@pytest.mark.timeout(60)
def test_a_socket_on_which_somebody_answers_is_named(run: Run, folder: Path) -> None:
    path = socket_path(folder / "state0")
    path.parent.mkdir(parents=True, mode=0o700)
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(path))
        taken.listen()
        code, said = run()
    assert code == OTHER
    assert str(path) in said.splitlines()[-1]


@pytest.mark.timeout(60)
def test_f38_a_database_that_is_away_is_named_without_its_password(run: Run) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        code, said = run(database={"url": f"postgresql+psycopg://opensqt:hushhush@127.0.0.1:{port}/opensqt"})
    assert code == OTHER
    assert str(port) in only_line(said)
    assert "hushhush" not in said


@pytest.mark.timeout(120)
def test_a_second_supervisor_on_one_state_folder_is_refused_and_the_first_trades_on(
    start_venue: Any, make_supervisor: Any
) -> None:
    venue = start_venue(SYMBOLS)
    first = make_supervisor(venue, ["BTCUSDT", "ETHUSDT"], defaults={"amount": 60}).start()
    first.wait_trading(2)
    rows = registry_rows(first.database_url)
    second = make_supervisor(venue, ["SOLUSDT"], state_dir=str(first.state))
    assert second.start().wait() == OTHER
    assert str(first.state) in only_line(second.log.read_text())
    assert registry_rows(first.database_url) == rows
    assert venue.open_orders(symbol="SOLUSDT") == []
    first.wait_fills(1)
    assert first.terminate() == 0


@pytest.mark.timeout(60)
def test_a_venue_that_stumbles_at_the_first_start_is_nobodys_mistake(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(SYMBOLS)
    for path in ("/fapi/v1/exchangeInfo", "/fapi/v1/commissionRate", "/fapi/v1/klines"):
        venue.admin("POST", "/faults", {"match": {"path": path}, "action": "error", "http_status": 503, "count": 1})
    supervisor = make_supervisor(venue, ["BTCUSDT", "ETHUSDT"], defaults={"amount": 60}).start()
    supervisor.wait_trading(2)
    assert venue.admin("GET", "/stats")["faults"]["error"] == 3
    assert len(registry_rows(supervisor.database_url)) == 2
