from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from opensqt_actors.cli.demo_config import symbols, write_config
from opensqt_actors.cli.demo_folder import DemoFolder, Options, Recorded
from opensqt_actors.cli.demo_run import last_line, stop_demo
from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.config.loading import load

OPTIONS = Options(36, 1, ("/data/x.csv.gz",), None)


def market(symbol: str, price: str, step: str, least: str = "5") -> dict[str, Any]:
    return {"symbol": symbol, "last_price": price, "step": step, "min_notional": least}


def test_the_demos_own_grids_are_used_where_they_fit_the_market() -> None:
    known = ["LTCUSDT", {"symbol": "BTCUSDT", "amount": 60, "mode": "short"}]
    found = symbols(known, [market("BTCUSDT", "96000", "0.000001"), market("LTCUSDT", "88", "0.001")])
    assert found == [{"symbol": "BTCUSDT", "amount": 60, "mode": "short"}, {"symbol": "LTCUSDT"}]


def test_an_amount_that_buys_less_than_two_steps_is_replaced() -> None:
    (found,) = symbols([{"symbol": "BTCUSDT", "amount": 60}], [market("BTCUSDT", "96000", "0.001")])
    assert Decimal(found["amount"]) >= 3 * 96


def test_a_market_in_another_currency_gets_an_amount_of_its_size() -> None:
    (found,) = symbols([], [market("ETHBTC", "0.08", "0.001", "0.0002")])
    assert found == {"symbol": "ETHBTC", "mode": "long", "amount": "0.0012", "interval_percent": "0.4"}


def test_markets_that_nobody_named_get_mixed_modes() -> None:
    found = symbols([], [market(f"S{number}USDT", "1", "0.1") for number in range(12)])
    assert {entry["mode"] for entry in found} == {"long", "short", "neutral"}


def test_the_written_configuration_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    write_config(
        path, state_dir=tmp_path, port=1234, ca="/x/ca.pem", markets=[market("ETHBTC", "0.08", "0.001", "0.0002")]
    )
    settings = load(path)
    assert settings.state_dir == tmp_path
    simulated = settings.accounts["main"].simulated
    assert simulated is not None
    assert (simulated.port, str(simulated.ca)) == (1234, "/x/ca.pem")
    assert [spec.symbol for spec in settings.specs()] == ["ETHBTC"]
    assert yaml.safe_load(path.read_text())["shutdown"]["deadline"] < 10


def test_a_run_that_ends_by_itself_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = DemoFolder.choose(None, ends_by_itself=False)
    assert (kept.path, kept.kept) == (tmp_path / "state" / "demo", True)
    fresh = DemoFolder.choose(None, ends_by_itself=True)
    assert not fresh.kept
    assert fresh.path != DemoFolder.choose(None, ends_by_itself=True).path
    assert DemoFolder.choose(tmp_path / "x", ends_by_itself=True).kept


def test_a_folder_with_somebody_elses_files_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "opensqt.db").write_text("precious")
    with pytest.raises(Failure, match="is not empty and not a demo's folder"):
        DemoFolder(tmp_path, kept=True).open()
    assert [entry.name for entry in tmp_path.iterdir()] == ["opensqt.db"]


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    first = DemoFolder(tmp_path, kept=True)
    first.open()
    with pytest.raises(Failure, match="another demo is at work"):
        DemoFolder(tmp_path, kept=True).open()
    runner = DemoFolder(tmp_path, kept=True).runner()
    assert runner is not None
    assert runner.pid == os.getpid()
    first.close()
    assert DemoFolder(tmp_path, kept=True).runner() is None


def test_what_runs_is_written_down_and_read_back(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path, kept=True)
    me = Recorded.of(os.getpid())
    assert folder.recorded() == (None, None, None)
    folder.record(OPTIONS, me, None)
    assert folder.recorded() == (OPTIONS, me, None)
    folder.record(OPTIONS, me, me)
    assert folder.recorded() == (OPTIONS, me, me)
    (tmp_path / "demo.json").write_text("{")
    assert folder.recorded() == (None, None, None)


def test_a_process_is_known_by_its_start_and_ends_when_asked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    recorded = Recorded.of(child.pid)
    assert recorded.process() is not None
    assert Recorded(child.pid, recorded.created - 5).process() is None
    child.terminate()
    child.wait()
    assert recorded.process() is None
    assert recorded.end(1)


def test_nothing_to_stop_is_exit_code_3(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no demo is running") as caught:
        stop_demo(tmp_path)
    assert caught.value.exit_code is Exit.NOT_RUNNING


def test_a_processs_last_words_are_found(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    assert last_line(path).startswith("it said nothing")
    path.write_text("one\ntwo\n\n")
    assert last_line(path) == "two"
