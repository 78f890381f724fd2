"""The measure of the endurance runs: from when to when a held level was without its exit."""

from __future__ import annotations

import importlib.util
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from opensqt_actors.domain.ids import IdCoder, OrderKind

PATH = Path(__file__).resolve().parents[3] / "scripts" / "endurance" / "covered.py"
spec = importlib.util.spec_from_file_location("covered", PATH)
assert spec is not None
assert spec.loader is not None
covered = sys.modules["covered"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(covered)

IDS = IdCoder("aa", 1, 0)
OPENED = IDS.encode(3, OrderKind.OPEN_BUY, 1)
EXIT = IDS.encode(3, OrderKind.EXIT_SELL, 1)
ANOTHER = IDS.encode(2, OrderKind.OPEN_BUY, 1)


def order(client_id: str, status: str, quantity: int, created: int, updated: int) -> dict[str, Any]:
    return {
        "clientOrderId": client_id,
        "status": status,
        "origQty": str(quantity),
        "time": created,
        "updateTime": updated,
    }


def fill(client_id: str, quantity: int, at: int) -> dict[str, Any]:
    return {"clientOrderId": client_id, "qty": str(quantity), "time": at}


def history(*orders: dict[str, Any], fills: list[dict[str, Any]]) -> Any:
    return covered.coverage(orders, fills, Decimal(1))


def test_a_position_is_bare_from_the_fill_of_its_opening_to_the_arrival_of_its_exit() -> None:
    opened = order(OPENED, "FILLED", 10, 100, 0)
    found = history(opened, order(EXIT, "NEW", 10, 900, 900), fills=[fill(OPENED, 4, 300), fill(OPENED, 6, 400)])
    assert [(part.at, part.bare) for part in found.parts] == [(400, 10), (900, 0)]
    assert found.sent == (100, 900)
    assert (found.closed_after(900), found.bare_since(900)) == (900, 400)


def test_an_exit_that_is_cancelled_covers_no_longer_but_for_what_it_has_closed() -> None:
    opened, gone = order(OPENED, "FILLED", 10, 100, 0), order(EXIT, "CANCELED", 10, 200, 500)
    found = history(opened, gone, fills=[fill(OPENED, 10, 150), fill(EXIT, 3, 300)])
    assert [(part.at, part.bare) for part in found.parts] == [(150, 10), (200, 0), (500, 7)]
    assert (found.closed_after(600), found.bare_since(600)) == (-1, 500)


def test_an_exit_that_dust_has_joined_covers_its_level() -> None:
    opened = order(OPENED, "FILLED", 10, 100, 0)
    found = history(opened, order(EXIT, "NEW", 12, 900, 900), fills=[fill(OPENED, 10, 400)])
    assert found.closed_after(900) == 900


def test_a_history_whose_orders_and_fills_are_not_of_one_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="has filled 10, but the fills say 4"):
        history(order(OPENED, "FILLED", 10, 100, 0), fills=[fill(OPENED, 4, 300)])


def test_what_was_covered_when_the_shard_was_killed_and_stayed_so_is_no_case() -> None:
    opened, left = order(OPENED, "FILLED", 10, 100, 0), order(EXIT, "NEW", 10, 200, 200)
    later = order(ANOTHER, "NEW", 5, 800, 800)
    found = history(opened, left, later, fills=[fill(OPENED, 10, 150)])
    assert found.closed_after(800) is None


def test_an_opening_that_still_works_has_nothing_to_close_yet() -> None:
    found = history(order(OPENED, "PARTIALLY_FILLED", 10, 100, 300), fills=[fill(OPENED, 4, 300)])
    assert found.parts == ()
