"""What a host that joins others refuses, each with the field that says it, and how it is started."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from opensqt_actors import shard
from opensqt_actors.actors.leases import LeaseTerms
from opensqt_actors.app.host_system import HostSystem
from opensqt_actors.app.state_lock import AlreadyRunning
from opensqt_actors.app.system import System
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.loading import load, on_database
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage import ASSIGN, Database, Registry
from opensqt_actors.storage.leases import LeaseTable
from opensqt_actors.telemetry import logs

ACCOUNT = {
    "venue": "binanceusdm",
    "simulated": {"port": 1, "ca": "ca.pem"},
    "api_key": "sim-key",
    "secret": "sim-secret",
}


def config(folder: Path, **sections: object) -> Path:
    document = {"state_dir": str(folder / "state"), "accounts": {"main": ACCOUNT}} | sections
    path = folder / "host.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"shards": 2}, "shards: a host that joins others trades in one process"),
        ({"engine": "durable"}, "engine: durable is not possible with --join"),
        ({"risk": {"exposure": {"account": {"notional": 1000}}}}, "risk.exposure: a limit over all symbols"),
        ({"risk": {"exposure": {"total": {"leverage": 2}}}}, "risk.exposure: a limit over all symbols"),
        ({"accounts": {"main": ACCOUNT | {"dead_man_switch": 10}}}, "lease.grace: must be at least accounts.main"),
        ({"lease": {"margin": 2.5}}, "lease: margin must be less than half of ttl"),
        ({"lease": {"margin": 0.2, "grace": 1}}, "lease: margin and grace must be 2.5 s or more together"),
    ],
)
def test_what_several_hosts_cannot_keep_is_refused_before_anything_starts(
    sections: dict[str, object], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shard.main(["--config", str(config(tmp_path, **sections)), "--join"]) == shard.CONFIGURATION
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_countdown_no_longer_than_the_grace_is_taken(tmp_path: Path) -> None:
    path = config(tmp_path, accounts={"main": ACCOUNT | {"dead_man_switch": 10}}, lease={"grace": 10})
    settings = load(path)
    log = logs.configure(settings.telemetry, settings.secrets())
    HostSystem(settings, log)._possible()
    log.close()


def test_the_url_of_the_command_line_wins_and_may_hold_no_password(tmp_path: Path) -> None:
    settings = load(config(tmp_path, database={"url": "sqlite:///one.db"}))
    assert on_database(settings, "sqlite:///two.db").database_url.get_secret_value() == "sqlite:///two.db"
    with pytest.raises(ConfigError, match="--join: leave the password out"):
        on_database(settings, "postgresql://opensqt:Canary7@db/opensqt")


def test_number_and_join_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        shard.main(["--config", str(config(tmp_path)), "--join", "--number", "1"])
    assert "give one of them" in capsys.readouterr().err


async def test_f36_a_supervisor_without_leases_does_not_start_beside_hosts(tmp_path: Path) -> None:
    settings = load(config(tmp_path))
    settings.state_dir.mkdir()
    database = Database(settings.database_url.get_secret_value())
    database.migrate()
    Registry(database).save(SymbolSpec("main", "BTCUSDT", ASSIGN))
    owner = LeaseTable(database, "host-a/1", LeaseTerms())
    owner.claim(["main"], 1)
    log = logs.configure(settings.telemetry, settings.secrets())
    with pytest.raises(AlreadyRunning, match="host host-a/1 trades symbols of this registry under leases"):
        await System(settings, log).run()
    owner.release()
    log.close()
    database.close()
