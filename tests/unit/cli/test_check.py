from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from opensqt_actors.cli import render
from opensqt_actors.cli.main import run

HEAD = """\
accounts:
  main: {venue: binanceusdm, simulated: {port: 9443, ca: ca.pem}, api_key: sim-key, secret: sim-secret}
"""
REAL = HEAD.replace(" simulated: {port: 9443, ca: ca.pem},", "").replace("sim-", "env:OPENSQT_TEST_")
EXCHANGE_INFO = {
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "556.80", "maxPrice": "4529764"},
                {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
                {"filterType": "MIN_NOTIONAL", "notional": "100"},
            ],
        }
    ]
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(symbols: str, head: str = HEAD) -> str:
        path = tmp_path / "c.yaml"
        path.write_text(f"{head}symbols: [{symbols}]\n")
        return str(path)

    return written


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(["check", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_without_its_venue_a_simulated_market_is_checked_by_what_the_venue_makes_of_its_name(
    write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    document = checked(capsys, write("{symbol: BTCUSDT, interval_percent: 0.4}"))
    (away,) = document["away"]
    assert away["account"] == "main"
    assert "cannot be read as a CA certificate" in away["reason"]
    made = document["symbols"][0]["prospect"]
    assert made["rules"] == {"tick": "0.1", "step": "0.00001", "min_quantity": "0.00001", "min_notional": "5"}
    assert made["assumed"] == ["its opening price and usual fees"]
    assert len(made["ladder"]) == 10
    assert made["ladder"][0] == {
        "level": -1, "side": "buy", "price": "95966.1", "quantity": "0.00031", "notional": "29.749491",
        "exit_price": "96350.0", "fees": "0.0119235982", "profit": "0.1070854018", "reason": None,
    }  # fmt: skip
    assert made["margin"] == {"needed": "60", "leverage": 10, "leverage_known": False, "available": None}
    assert [inventory["levels"] for inventory in made["worst_case"]] == [20]


@pytest.mark.parametrize("width", [80, 120])
def test_a_ladder_fits_the_screen_with_one_line_a_level(
    width: int, write: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "show", Console(width=width).print)
    path = write("{symbol: DOGEUSDT, mode: neutral, amount: 50, interval_percent: 0.5, max_open_orders: 12}")
    assert run(["check", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    levels = [line.split() for line in lines if line.startswith(("buy ", "sell "))]
    assert [len(cells) for cells in levels] == [8] * 4 + [7] * 12 + [8] * 4
    assert "(1) nearer orders use up max_open_orders 12" in lines


@pytest.mark.parametrize(
    ("symbols", "sentence"),
    [
        (
            "{symbol: BTCUSDT, interval_percent: 0.03}",
            "symbols[0] (BTCUSDT): interval_percent: 0.0300 % of the price does not cover the fees of a round trip",
        ),
        (
            "ETHUSDT, {symbol: BTCUSDT, amount: 2}",
            "symbols[1] (BTCUSDT): amount: of 2 is too small for 10 of 10 levels: at 95870.6 notional 1.917",
        ),
    ],
)
def test_a_grid_that_cannot_work_is_exit_code_4_and_a_sentence_about_its_field(
    symbols: str, sentence: str, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(symbols, HEAD + "defaults: {interval_percent: 0.5}\n")
    assert run(["check", path]) == 4
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(sentence)
    assert run(["check", path, "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["sentence"].startswith(sentence)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSQT_TEST_key", "k" * 20)
    monkeypatch.setenv("OPENSQT_TEST_secret", "s" * 20)


@pytest.mark.usefixtures("keys")
def test_a_real_venue_that_is_not_asked_needs_its_rules_and_a_price_from_the_operator(
    write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("{symbol: BTCUSDT, interval_percent: 0.5, amount: 250, max_position: 500}", REAL)
    document = checked(capsys, path, "--offline")
    assert document["symbols"][0]["prospect"] is None
    assert run(["check", path, "--offline"]) == 0
    assert "no ladder for 1 of its symbols; give --rules FILE and --price" in capsys.readouterr().out
    saved = tmp_path / "info.json"
    saved.write_text(json.dumps(EXCHANGE_INFO))
    words = (path, "--offline", "--rules", str(saved), "--price", "BTCUSDT=96000")
    made = checked(capsys, *words)["symbols"][0]["prospect"]
    assert made["assumed"] == ["the fees of an account without a discount"]
    assert made["ladder"][0]["quantity"] == "0.002"
    assert made["ladder"][0]["price"] == "95522.4"


@pytest.mark.usefixtures("keys")
def test_one_step_of_a_dear_market_can_be_more_than_the_amount(
    write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "info.json"
    saved.write_text(json.dumps(EXCHANGE_INFO))
    path = write("{symbol: BTCUSDT, interval_percent: 0.5, amount: 90}", REAL)
    assert run(["check", path, "--offline", "--rules", str(saved), "--price", "BTCUSDT=96000"]) == 4
    assert "amount: of 90 is too small for 10 of 10 levels" in capsys.readouterr().err
    path = write("{symbol: XUSDT, interval_percent: 0.5}", REAL)
    assert run(["check", path, "--offline", "--rules", str(saved)]) == 4
    assert "symbol: XUSDT is not among the rules that were given" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--price", "BTCUSDT"], 1, "--price must be SYMBOL=PRICE, like BTCUSDT=96000, not 'BTCUSDT'"),
        (["--price", "BTCUSDT=-1"], 1, "--price must be SYMBOL=PRICE"),
        (["--price", "BTCUSDT=inf"], 1, "--price must be SYMBOL=PRICE"),
        (["--symbol", "NOUSDT"], 2, "--symbol: 'NOUSDT' is not among the configured symbols"),
        (["--rules", "/none.json"], 4, "rules /none.json cannot be read: No such file or directory"),
        (["--rules", __file__], 4, f"rules {__file__} is not what the venue answers to exchangeInfo (JSON)"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    words: list[str], code: int, sentence: str, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", write("{symbol: BTCUSDT, interval_percent: 0.4}"), *words]) == code
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(sentence)


def test_a_strategy_that_is_not_installed_is_refused_by_name(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", write("{symbol: BTCUSDT, interval_percent: 0.4, strategy: gird}")]) == 4
    sentence = "symbols[0] (BTCUSDT): strategy: 'gird' is not installed; there are grid\n"
    assert capsys.readouterr().err == sentence


def test_only_the_wanted_symbols_and_only_a_line_each(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("{symbol: BTCUSDT, interval_percent: 0.4}, {symbol: ETHUSDT, interval_percent: 0.4}")
    document = checked(capsys, path, "--symbol", "ETHUSDT")
    assert [row["symbol"] for row in document["symbols"]] == ["ETHUSDT"]
    assert run(["check", path, "--brief"]) == 0
    assert "exit at" not in capsys.readouterr().out


def test_prices_of_the_operator_win_over_those_of_the_name(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("{symbol: BTCUSDT, interval_percent: 0.4}")
    made = checked(capsys, path, "--offline", "--price", "BTCUSDT=50000")["symbols"][0]["prospect"]
    assert Decimal(made["centre"]) == 50_000
