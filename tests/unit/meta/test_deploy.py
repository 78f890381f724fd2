"""The files for systemd and containers agree with the program: what they run, name and wait for is there."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from opensqt_actors.app.system import STOP_MARGIN
from opensqt_actors.config.loading import load
from opensqt_actors.config.settings import Shutdown, Supervision
from opensqt_actors.simvenue.__main__ import DEFAULT_ADMIN_PORT, DEFAULT_PORT
from opensqt_actors.simvenue.server.config import DEMO_KEY

DEPLOY = Path(__file__).resolve().parents[3] / "config" / "deploy"
LONGEST_STOP = Shutdown().deadline + 2 * STOP_MARGIN


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


@pytest.fixture(scope="module")
def unit() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "opensqt.service")
    return dict(parser["Service"])


def test_the_unit_ends_the_supervisor_alone_and_waits_longer_than_it_needs(unit: dict[str, str]) -> None:
    assert unit["KillMode"] == "mixed"
    assert float(unit["TimeoutStopSec"]) > 2 * LONGEST_STOP
    assert unit["RestartPreventExitStatus"] == "4"
    assert unit["OOMPolicy"] == "continue", "else the end of one shard is the end of all"
    assert re.search(r"-m opensqt_actors\.supervisor --config \S+$", unit["ExecStart"])


def test_a_shard_of_the_unit_may_make_way_and_then_has_the_usual_priority(unit: dict[str, str]) -> None:
    assert int(unit["Nice"]) + Supervision().shard_niceness == 0
    filters = re.findall(r"^SystemCallFilter=(.*)$", (DEPLOY / "opensqt.service").read_text(), re.MULTILINE)
    assert "@resources" in filters[1], "which takes setpriority away"
    assert filters[-1] == "setpriority", "and this gives it back"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """The program itself is not installed where the unit looks for it: a stand-in is."""
    text = (DEPLOY / "opensqt.service").read_text().replace("/opt/opensqt/bin/python", "/bin/true")
    (tmp_path / "opensqt.service").write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "opensqt.service")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, [line for line in found.stderr.splitlines() if "opensqt" in line]) == (0, [])


def test_the_traders_configuration_is_one_and_has_two_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSQT_DATABASE_URL", "postgresql+psycopg://opensqt:x@postgres/opensqt")
    settings = load(DEPLOY / "trader.yaml")
    assert settings.shards == 2
    [account] = settings.accounts.values()
    assert account.simulated is not None
    assert (account.simulated.port, account.api_key.get_secret_value()) == (DEFAULT_PORT, DEMO_KEY)


def test_the_containers_find_each_other_and_have_time_to_end(compose: dict[str, Any]) -> None:
    services = compose["services"]
    venue, postgres = services["venue"], services["postgres"]
    traders = [services[name] for name in ("host-a", "host-b", "trader")]
    assert f":{DEFAULT_ADMIN_PORT}/health" in " ".join(venue["healthcheck"]["test"])
    for trader in traders:
        assert trader["network_mode"] == "service:venue", "the simulated venue listens on loopback"
        assert set(trader["depends_on"]) == {"postgres", "venue"}
        assert float(trader["stop_grace_period"].removesuffix("s")) > 2 * LONGEST_STOP
    assert all("healthcheck" in service for service in (venue, postgres))
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in (venue, *traders))
    assert not any("ports" in service for service in services.values()), "nothing listens beyond loopback"
    named = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])


def test_the_two_hosts_differ_in_name_alone_and_each_can_have_all_symbols(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENSQT_DATABASE_URL", "postgresql+psycopg://opensqt:x@postgres/opensqt")
    services = [compose["services"][name] for name in ("host-a", "host-b")]
    assert all("--join" in service["command"] and "profiles" not in service for service in services)
    states = [volume for service in services for volume in service["volumes"] if volume.endswith("/state")]
    assert len(set(states)) == 2, "each has a state folder of its own"
    first, second = (load(DEPLOY / Path(service["volumes"][0].partition(":")[0]).name) for service in services)
    assert {first.lease.name, second.lease.name} == {"host-a", "host-b"}
    assert first.lease.capacity >= len(first.symbols) > 0
    assert second.model_copy(update={"lease": first.lease}) == first
    assert compose["services"]["trader"]["profiles"] == ["supervisor"], "it is started by name alone"


def test_what_the_image_copies_is_in_the_repository_and_let_through() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    let_through = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sources = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert sources
    for source in sources:
        assert (DEPLOY.parents[1] / source).exists()
        assert f"!{source.partition('/')[0]}" in let_through
