from __future__ import annotations

import io
import json
import socket
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.actors import operator
from opensqt_actors.cli.client import Client
from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.main import run
from opensqt_actors.cli.watch import Watcher
from opensqt_actors.domain.settings import GridMode, RemoveMode, SymbolState

pytestmark = pytest.mark.integration

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(service: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENSQT_SOCKET", str(service.path))

    def called(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return called


def test_status_shows_totals_and_a_line_for_each_symbol(cli: Run) -> None:
    code, out, _ = cli("status")
    assert code == 0
    assert "2 of 2 symbols trade" in out
    assert "grid P&L 6.38" in out
    lines = [line for line in out.splitlines() if line.startswith(("BTCUSDT", "ETHUSDT"))]
    assert len(lines) == 2
    assert all(word in lines[0] for word in ("long", "trading", "2/12", "0.015", "3.19", "-1.50"))


def test_json_status_is_one_document_with_decimals_as_strings(cli: Run) -> None:
    code, out, _ = cli("status", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["realized_pnl"] == "6.50"
    assert document["started"] == "2027-01-15T06:57:57.000000Z"
    first = document["symbols"][0]
    assert first["symbol"] == "BTCUSDT"
    assert first["position"] == "0.015"
    assert first["grid_pnl"] == "3.19"
    assert document["accounts"][0]["orders_stream"] is True


def test_the_global_form_of_json_means_the_same(cli: Run) -> None:
    assert json.loads(cli("--json", "status")[1]) == json.loads(cli("status", "--json")[1])


def test_a_symbol_is_added_with_what_was_given(cli: Run, backend: Any) -> None:
    code, out, _ = cli(
        "symbols", "add", "SOLUSDT", "--mode", "NEUTRAL", "--amount", "30", "--interval-percent", "0.35",
        "--buy-window", "7", "--skew", "0.002", "--max-position", "900", "--volatility-sizing", "--adopt",
    )  # fmt: skip
    assert (code, out) == (0, "SOLUSDT was added on main\n")
    (asked,) = backend.asked
    assert (asked.symbol, asked.adopt, asked.grid.mode) == ("SOLUSDT", True, GridMode.NEUTRAL)
    assert (asked.grid.amount, asked.grid.interval_percent) == (Decimal(30), Decimal("0.35"))
    assert (asked.grid.buy_window, asked.grid.sell_window) == (7, 10)
    assert (asked.grid.skew, asked.grid.max_position, asked.grid.volatility_sizing) == (
        Decimal("0.002"),
        Decimal(900),
        True,
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("BTCUSDT",), "symbol: BTCUSDT is traded on main already"),
        (("solusdt",), "symbol: 'solusdt' is not a market's name; write it as the venue does, in capitals: BTCUSDT"),
        (("SOLUSDT", "--amount", "ten"), "amount: must be a plain decimal number like 0.4, not 'ten'"),
        (("SOLUSDT", "--amount", "0"), "amount: must be above 0 and at most 1000000000000, not 0"),
        (("SOLUSDT", "--interval", "1", "--interval-percent", "1"), "give --interval or --interval-percent, not both"),
    ],
)
def test_a_wrong_addition_is_one_sentence_and_exit_code_1(cli: Run, words: tuple[str, ...], sentence: str) -> None:
    assert cli("symbols", "add", *words) == (1, "", sentence + "\n")


def test_what_the_venue_does_not_know_is_exit_code_2(cli: Run, backend: Any) -> None:
    backend.answers[operator.AddSymbol] = operator.Refusal("not_found", "symbol: no BTCUDST; did you mean BTCUSDT?")
    assert cli("symbols", "add", "BTCUDST") == (2, "", "symbol: no BTCUDST; did you mean BTCUSDT?\n")
    assert cli("explain", "NOPEUSDT")[0] == 2
    assert cli("symbols", "pause", "BTCUSDT", "--account", "mian")[0] == 2


def test_a_comparison_says_what_it_found_and_ends_with_1_when_there_is_a_difference(cli: Run) -> None:
    code, out, _ = cli("reconcile", "BTCUSDT")
    assert (code, out.splitlines()[0]) == (1, "different, it is")
    assert cli("reconcile", "BTCUSDT", "--accept")[0] == 1
    code, out, _ = cli("reconcile", "BTCUSDT", "--accept", "--yes", "--json")
    assert code == 0
    answer = json.loads(out)
    assert (answer["ok"], answer["corrected"], answer["foreign_trades"]) == (True, "0.5", 4)


def test_a_failure_in_json_says_code_and_sentence(cli: Run) -> None:
    code, out, err = cli("symbols", "pause", "NOPEUSDT", "--json")
    sentence = "symbol: NOPEUSDT is not traded on main"
    assert (code, err) == (2, sentence + "\n")
    assert json.loads(out) == {"ok": False, "error": {"code": "not_found", "sentence": sentence}}


def test_pause_resume_and_list(cli: Run) -> None:
    assert cli("symbols", "pause", "BTCUSDT")[:2] == (0, "BTCUSDT is paused\n")
    assert [row["symbol"] for row in json.loads(cli("symbols", "list", "--json", "--state", "paused")[1])] == [
        "BTCUSDT"
    ]
    assert cli("symbols", "resume", "BTCUSDT")[:2] == (0, "BTCUSDT trades again\n")
    code, out, _ = cli("symbols", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["symbol", "BTCUSDT", "ETHUSDT"]


def test_a_removal_is_graceful_unless_another_mode_is_given(cli: Run, backend: Any) -> None:
    assert cli("symbols", "remove", "BTCUSDT")[0] == 0
    assert cli("symbols", "remove", "ETHUSDT", "--mode", "leave")[0] == 0
    assert [request.mode for request in backend.asked] == [RemoveMode.GRACEFUL, RemoveMode.LEAVE]


def test_flatten_wants_a_confirmation(cli: Run, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = cli("symbols", "remove", "BTCUSDT", "--mode", "flatten")
    assert (code, backend.asked) == (1, [])
    assert "--yes" in err
    assert cli("symbols", "remove", "BTCUSDT", "--mode", "flatten", "--yes")[0] == 0
    assert backend.asked[0].mode is RemoveMode.FLATTEN


@pytest.mark.parametrize(("typed", "code", "asked"), [("n\n", 1, 0), ("\n", 1, 0), ("y\n", 0, 1), ("Yes\n", 0, 1)])
def test_at_a_terminal_flatten_asks(
    cli: Run, backend: Any, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, asked: int
) -> None:
    terminal = io.StringIO(typed)
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", terminal)
    assert cli("symbols", "remove", "BTCUSDT", "--mode", "flatten")[0] == code
    assert len(backend.asked) == asked


def test_explain_shows_for_each_level_its_order_or_why_there_is_none(cli: Run) -> None:
    code, out, _ = cli("explain", "BTCUSDT")
    assert code == 0
    assert "an opening buy at 101 would cross the best ask 100.1" in out
    assert "buy 0.3 at 99, 0.1 filled" in out
    assert "no openings (paused): paused by an operator" in out
    levels = json.loads(cli("explain", "BTCUSDT", "--json")[1])["levels"]
    assert [(level["level"], level["order"] is None) for level in levels] == [(1, True), (-1, False)]
    assert levels[0]["reason"]["code"] == "would_cross"
    assert levels[1]["order"]["kind"] == "open_buy"
    money = ("cost", "unrealized_pnl", "realized_pnl", "fees", "round_trips")
    assert [levels[0][name] for name in money] == ["0", "0", "0", "0", 0]


def test_events_show_the_past_and_end(cli: Run, service: Any) -> None:
    service.loop.call(lambda: service.backend.announce("symbol.added", "AUSDT"))
    service.loop.call(lambda: service.backend.announce("margin.locked", "BUSDT", "error", until=3))
    code, out, _ = cli("events")
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines()] == ["happened", "happened"]
    (line,) = cli("events", "--json", "--severity", "error")[1].splitlines()
    assert json.loads(line) == {
        "sequence": 2,
        "time": "2027-01-15T08:00:00.000000Z",
        "severity": "error",
        "code": "margin.locked",
        "account": "main",
        "symbol": "BUSDT",
        "sentence": "margin.locked happened",
        "details": {"until": "3"},
    }


def test_followed_events_end_when_the_supervisor_does(cli: Run, service: Any) -> None:
    service.loop.call(lambda: service.backend.announce("symbol.added", "AUSDT"))
    service.loop.call(service.backend.hub.close)
    code, out, _ = cli("events", "--follow")
    assert code == 0
    assert "AUSDT" in out


def test_shutdown_can_wait_until_the_supervisor_is_gone(cli: Run, service: Any) -> None:
    assert cli("shutdown")[:2] == (0, "shutting down\n")
    code, _, err = cli("shutdown", "--wait", "--timeout", "0.3")
    assert code == 5
    assert "still there" in err
    service.loop.run(service.server.stop(0))


def test_no_answer_in_time_is_exit_code_5(cli: Run, backend: Any) -> None:
    backend.answers[operator.GetStatus] = None
    code, _, err = cli("status", "--timeout", "0.2")
    assert code == 5
    assert "0.2 s" in err


def test_nobody_there_is_exit_code_3(cli: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.sock"
    code, out, err = cli("status", "--socket", str(path))
    assert (code, out) == (3, "")
    assert err.startswith(f"no supervisor is running: its socket is {path}, and it is not there")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    code, _, err = cli("--socket", str(path), "symbols", "list")
    assert code == 3
    assert "nobody answers on it" in err


def test_a_file_that_is_no_socket_is_exit_code_1(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cli("status", "--socket", str(tmp_path / "file")) == (1, "", f"{tmp_path}/file is not a socket\n")


def test_a_refusal_while_stopping_is_an_error_and_not_absence(cli: Run, backend: Any) -> None:
    backend.answers[operator.AddSymbol] = operator.Refusal("unavailable", "the supervisor is shutting down")
    assert cli("symbols", "add", "SOLUSDT") == (1, "", "the supervisor is shutting down\n")


def test_the_watcher_survives_a_restart_of_the_supervisor(service: Any) -> None:
    watcher = Watcher(lambda: Client(service.path, 5))
    before = watcher.poll()
    assert not isinstance(before, Failure)
    service.loop.run(service.server.stop(0))
    away = watcher.poll()
    assert isinstance(away, Failure)
    assert away.exit_code is Exit.NOT_RUNNING
    assert watcher.last == before
    service.backend.rows["main", "BTCUSDT"] = replace(
        service.backend.rows["main", "BTCUSDT"], state=SymbolState.QUARANTINED
    )
    service.restart()
    after = watcher.poll()
    watcher.close()
    assert not isinstance(after, Failure)
    assert after.symbols[0].state is SymbolState.QUARANTINED


def test_the_risk_rules_are_shown(cli: Run) -> None:
    code, out, _ = cli("risk", "status")
    assert code == 0
    assert "global breaker" in out
    assert "opened by an operator: the news" in out
    assert "reset by hand" in out
    shown = json.loads(cli("risk", "status", "--json")[1])
    assert [rule["state"] for rule in shown["rules"]] == ["open", "half_open"]
    assert shown["exposure"] == [{"account": "main", "used": "12.5", "share": None, "equity": "100"}]


def test_breakers_are_tripped_and_reset_with_a_reason(cli: Run) -> None:
    assert cli("risk", "trip", "BTCUSDT", "--reason", " the\tnews ")[1] == "TripBreaker BTCUSDT: the news\n"
    assert cli("risk", "reset")[1] == "ResetBreaker all: no reason given\n"
    code, _, err = cli("risk", "trip", "--reason", "x" * 300)
    assert (code, err) == (1, "reason: must be at most 200 characters, not 300\n")


def test_an_emergency_exit_is_confirmed(cli: Run, backend: Any) -> None:
    code, _, err = cli("risk", "emergency-exit")
    assert code == 1
    assert "confirm it with --yes" in err
    assert not backend.asked
    assert cli("risk", "emergency-exit", "--yes")[1] == "EmergencyExit main: no reason given\n"
    assert cli("risk", "clear-emergency", "--reason", "fine")[1] == "ClearEmergency main: fine\n"
    assert cli("risk", "clear-emergency", "--account", "mian")[0] == 2
