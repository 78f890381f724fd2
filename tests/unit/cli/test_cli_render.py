from __future__ import annotations

import io
from decimal import Decimal

import pytest
from msgspec.structs import replace
from rich.console import Console, RenderableType

from opensqt_actors.actors.views import AccountRow, StatusView, SymbolRow
from opensqt_actors.cli import json_output, render
from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.json_output import moment
from opensqt_actors.cli.watch import fit, picture
from opensqt_actors.domain.settings import SymbolState

NOW = 1_800_000_000_000_000_000
ROW = SymbolRow(
    "main", "BTCUSDT", "long", SymbolState.TRADING, 2, 12, 10, Decimal("0.0150"), Decimal("1234.567"),
    Decimal("-0.001"), Decimal("0.05"), Decimal(0), 7, 3, 30, 5, 0, 0, Decimal(1), Decimal(2), NOW - 250_000_000, "",
)  # fmt: skip
VIEW = StatusView(
    "1", "ab", NOW - 3_723_000_000_000, "running", 1, 200, 150, 30, 5, 7, Decimal(10), Decimal(-3), Decimal(1),
    Decimal("0.5"), 0, 0, False, "", (AccountRow("main", True, True, 10, 0, 0, 200, 150),), (ROW,),
)  # fmt: skip


def shown(what: RenderableType, width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_summary_says_how_everything_is() -> None:
    text = shown(render.status(VIEW, NOW))
    assert "running  up 1:02:03  1 of 1 symbols trade  orders 30  cancels 5  fills 7  grid P&L 9.50" in text
    assert "unrealised -3.00  fees -1.00  funding 0.50  ticks 200 (75 % skipped)" in text
    assert "restarts" not in text
    assert "\nmain:" not in text


def test_several_accounts_have_their_own_sums_in_which_nothing_is_mixed() -> None:
    rows = (
        replace(ROW, grid_pnl=Decimal(5), fees=Decimal(1), funding=Decimal("0.25"), unrealized_pnl=Decimal(-2)),
        replace(ROW, symbol="ETHUSDT", grid_pnl=Decimal(2), fees=Decimal(1), unrealized_pnl=Decimal(1)),
        replace(ROW, account="other", grid_pnl=Decimal(100), fees=Decimal(3), unrealized_pnl=Decimal(50)),
    )
    accounts = tuple(replace(VIEW.accounts[0], account=name) for name in ("main", "other"))
    view = replace(VIEW, symbols=rows, accounts=accounts)
    assert "\nmain:  grid P&L 5.25  unrealised -1.00  fees -2.00  funding 0.25" in shown(render.status(view, NOW))
    first, second = json_output.status(view)["accounts"]
    assert (first["realized_pnl"], first["unrealized_pnl"], first["fees"], first["funding"]) == ("7", "-1", "2", "0.25")
    assert (second["realized_pnl"], second["unrealized_pnl"], second["fees"]) == ("100", "50", "3")


def test_a_line_shows_position_profit_and_the_age_of_the_newest_price() -> None:
    line = shown(render.status(VIEW, NOW)).splitlines()[-1]
    assert line.split() == ["BTCUSDT", "long", "trading", "2/12", "10", "0.015", "1,234.52", "0.00", "7", "0.2", "s"]


def test_what_needs_attention_is_in_the_summary() -> None:
    account = AccountRow("main", False, True, 10, 0, NOW + 5_000_000_000, 0, 0)
    view = replace(
        VIEW,
        restarts=2,
        illegal_transitions=3,
        risk_triggered=True,
        risk_reason="it fell",
        accounts=(account,),
        ticks=0,
    )
    text = shown(render.status(view, NOW))
    for words in (
        "restarts 2", "illegal transitions 3", "risk: it fell", "main: order stream down",
        "main: the venue asked for silence, 5 s left", "ticks 0 (- skipped)",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("why", ["", "margin does not suffice: the venue refused it at noon and again an hour later"])
def test_a_narrow_screen_shows_fewer_columns_but_never_half_a_number(width: int, why: str) -> None:
    row = replace(ROW, symbol="1000PEPEUSDT", position=Decimal(-123456), why=why)
    text = shown(render.SymbolsTable((row, ROW), NOW), width)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert all(word in text for word in ("1000PEPEUSDT", "trading", "2/12", "1,234.52", "0.2 s"))
    assert text.count("…") == (1 if why and width < 200 else 0)
    assert ("-123456" in text) is (width >= 80)


def test_accounts_get_a_column_only_when_there_are_several() -> None:
    assert "account" not in shown(render.status(VIEW, NOW))
    other = replace(VIEW, symbols=(ROW, replace(ROW, account="other")))
    assert "account" in shown(render.status(other, NOW))


@pytest.mark.parametrize(
    ("ns", "text"), [(0, "-"), (NOW, "0.0 s"), (NOW - 42_000_000_000, "42.0 s"), (NOW - 600_000_000_000, "10 min")]
)
def test_ages_are_short(ns: int, text: str) -> None:
    assert render.age(ns, NOW).plain == text


@pytest.mark.parametrize(("value", "text"), [("0.0150", "0.015"), ("100", "100"), ("1E+3", "1000"), ("0.00", "0")])
def test_decimals_are_plain(value: str, text: str) -> None:
    assert render.plain(Decimal(value)) == text


def test_times_are_utc_with_microseconds() -> None:
    assert moment(0) is None
    assert moment(1_800_000_000_123_456_789) == "2027-01-15T08:00:00.123456Z"


def test_a_small_screen_shows_what_needs_looking_at_and_counts_the_rest() -> None:
    rows = [replace(ROW, symbol=f"S{number}USDT") for number in range(30)]
    rows[29] = replace(rows[29], state=SymbolState.REFUSED, why="no such market")
    text = shown(fit(replace(VIEW, symbols=tuple(rows)), NOW, 16))
    assert "S29USDT" in text
    assert "S0USDT" in text
    assert "and 21 more" in text
    assert len(text.splitlines()) <= 16


def test_while_the_supervisor_is_away_the_last_status_stays_with_the_reason() -> None:
    failure = Failure(Exit.NOT_RUNNING, "not_running", "no supervisor is running")
    text = shown(picture(failure, VIEW, 40))
    assert text.startswith("no supervisor is running; trying again")
    assert "BTCUSDT" in text
    assert shown(picture(failure, None, 40)) == "no supervisor is running; trying again\n"
