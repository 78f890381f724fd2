from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.settings_check import account_problem, grid_problems, symbol_problem

GOOD = GridSettings(interval_percent=Decimal("0.4"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"amount": Decimal("Infinity")}, "amount"),
        ({"amount": Decimal("1E+13")}, "amount"),
        ({"amount": Decimal("1." + "1" * 40)}, "amount"),
        ({"interval_percent": None}, "interval_percent"),
        ({"interval": Decimal(1)}, "interval"),
        ({"interval_percent": Decimal(0)}, "interval_percent"),
        ({"interval_percent": Decimal(51)}, "interval_percent"),
        ({"interval_percent": None, "interval": Decimal(-1)}, "interval"),
        ({"buy_window": 0}, "buy_window"),
        ({"buy_window": 201}, "buy_window"),
        ({"mode": GridMode.SHORT, "sell_window": 0}, "sell_window"),
        ({"mode": GridMode.NEUTRAL, "sell_window": 0}, "sell_window"),
        ({"skew": Decimal("1.1")}, "skew"),
        ({"atr_scale": Decimal(-1)}, "atr_scale"),
        ({"max_multiple": 0}, "max_multiple"),
        ({"max_open_orders": 0}, "max_open_orders"),
        ({"max_position": Decimal(29)}, "max_position"),
        ({"anchor": Decimal(0)}, "anchor"),
    ],
)
def test_a_setting_out_of_its_bounds_is_named(changes: dict[str, Any], field: str) -> None:
    assert [problem.field for problem in grid_problems(replace(GOOD, **changes))] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mode": GridMode.LONG, "sell_window": 0},
        {"mode": GridMode.SHORT, "buy_window": 0},
        {"interval_percent": None, "interval": Decimal("0.00000001")},
        {"max_position": Decimal(30), "anchor": Decimal(42_000), "skew": Decimal(1)},
    ],
)
def test_good_settings_have_no_problem(changes: dict[str, Any]) -> None:
    assert grid_problems(replace(GOOD, **changes)) == ()


@pytest.mark.parametrize("name", ["BTCUSDT", "1000PEPEUSDT", "BTCUSDT_260327", "币安人生USDT"])
def test_names_as_the_venue_writes_them_are_markets(name: str) -> None:
    assert symbol_problem(name) is None


@pytest.mark.parametrize("name", ["", "B", "btcusdt", "BTC/USDT:USDT", "BTC USDT", "X" * 41, "BTC\n"])
def test_other_names_are_not_markets(name: str) -> None:
    assert symbol_problem(name) is not None


def test_an_accounts_name_is_small_letters() -> None:
    assert account_problem("main-2_b") is None
    assert account_problem("Main") is not None
    assert account_problem("") is not None
