from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.processes import wait_until

from opensqt_actors.cli.demo_folder import DemoFolder
from opensqt_actors.cli.failure import Failure
from opensqt_actors.cli.main import run
from opensqt_actors.cli.venue_admin import VenueAdmin

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(120)]

KEYS = [
    "symbols", "shards", "ticks", "ticks_skipped", "orders_placed", "orders_cancelled", "fills", "realized_pnl", "fees",
    "restarts", "illegal_transitions", "accounting", "open_orders_left",
]  # fmt: skip


class DemoProcess:
    """`opensqt demo` in a process of its own; `lines`: what it said on standard error."""

    def __init__(self, log: Path, *words: str) -> None:
        self._log = log
        self._error: IO[bytes] = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "opensqt_actors.cli.main", "demo", *words],
            stdout=subprocess.PIPE,
            stderr=self._error,
            env=os.environ | {"TMPDIR": str(log.parent)},
        )

    def ended(self) -> tuple[int, list[str]]:
        out, _ = self.process.communicate(timeout=60)
        self._error.close()
        return self.process.returncode, out.decode().splitlines()

    @property
    def said(self) -> str:
        return self._log.read_text()


def until_fills(folder: DemoFolder, least: int) -> None:
    """Wait until the venue has so many fills of ours."""

    def fills() -> int:
        ports = folder.venue_ports()
        try:
            return int(VenueAdmin(ports[1]).account("sim-demo-key")["fills"]) if ports else 0
        except Failure:
            return 0

    wait_until(lambda: fills() >= least, f"{least} fills")


def until_seen_trading(demo: DemoProcess) -> None:
    """Wait until the demo itself has said that symbols trade: only then has it figures to print."""
    wait_until(lambda: re.search(r"[1-9]\d* of \d+ symbols trade", demo.said), "a demo that has seen trading")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[DemoFolder]:
    folder = DemoFolder(tmp_path / "state", kept=True)
    yield folder
    _, venue, supervisor = folder.recorded()
    for process in (supervisor, venue):
        if process is not None:
            process.end(5, signal.SIGKILL)


def result(lines: list[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(lines[-1])
    return document


def test_a_run_that_ends_by_itself_prints_its_figures_and_leaves_nothing(tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path / "err", "--run-for", "3", "--symbols", "4", "--seed", "7")
    code, lines = demo.ended()
    assert code == 0, (lines, demo.said)
    found = result(lines)
    assert list(found) == KEYS
    assert (found["symbols"], found["shards"], found["accounting"]) == (4, 1, "ok")
    assert found["fills"] > 0
    assert (found["illegal_transitions"], found["restarts"]) == (0, 0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["err"]
    ours = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(tmp_path) in word for word in process.info["cmdline"] or ())
    ]
    assert ours == []


def test_a_killed_supervisor_goes_on_where_it_was_and_ctrl_c_ends_everything(kept: DemoFolder, tmp_path: Path) -> None:
    words = ("--symbols", "4", "--state", str(kept.path))
    first = DemoProcess(tmp_path / "first", *words)
    until_fills(kept, 5)
    _, venue, supervisor = kept.recorded()
    assert venue is not None
    assert supervisor is not None
    supervisor.end(5, signal.SIGKILL)
    assert first.ended() == (1, [])
    assert "the supervisor was killed (signal 9); its state is kept" in first.said
    assert venue.process() is not None

    other = DemoProcess(tmp_path / "other", "--symbols", "5", "--state", str(kept.path))
    assert other.ended() == (1, [])
    assert "a demo with other options is alive" in other.said

    second = DemoProcess(tmp_path / "second", *words)
    until_seen_trading(second)
    third = DemoProcess(tmp_path / "third", *words)
    assert third.ended() == (1, [])
    assert "another demo is at work" in third.said
    began = time.monotonic()
    second.process.send_signal(signal.SIGINT)
    code, lines = second.ended()
    assert code == 0, (lines, second.said)
    assert time.monotonic() - began < 10
    assert result(lines)["accounting"] == "ok"
    assert venue.process() is None


def test_what_a_killed_demo_left_running_can_be_ended(
    kept: DemoFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = DemoProcess(tmp_path / "err", "--symbols", "2", "--state", str(kept.path))
    until_fills(kept, 1)
    demo.process.kill()
    demo.ended()
    _, venue, supervisor = kept.recorded()
    assert venue is not None
    assert supervisor is not None
    assert venue.process() is not None
    assert supervisor.process() is not None
    assert run(["demo", "--stop", "--state", str(kept.path)]) == 0
    assert venue.process() is None
    assert supervisor.process() is None
    assert run(["demo", "--stop", "--state", str(kept.path)]) == 3
    assert "no demo is running" in capsys.readouterr().err


def test_ctrl_c_before_trading_has_begun_ends_everything_too(kept: DemoFolder, tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path / "err", "--symbols", "2", "--state", str(kept.path))
    wait_until(lambda: kept.recorded()[1], "a venue")
    demo.process.send_signal(signal.SIGINT)
    assert demo.ended() == (0, [])
    _, venue, supervisor = kept.recorded()
    assert venue is not None
    assert venue.process() is None
    assert supervisor is None or supervisor.process() is None


def test_a_recording_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path / "err", "--run-for", "1", "--replay", str(tmp_path / "none.csv"))
    code, lines = demo.ended()
    assert (code, lines) == (1, [])
    assert "none.csv" in demo.said
    assert "Traceback" not in demo.said
