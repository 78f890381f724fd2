"""What can be said about an operator's settings without knowing the market: bounds and contradictions.

What needs the market (ticks, fees, minimum notional) is checked when the symbol is prepared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from opensqt_actors.domain.settings import GridMode, GridSettings

MAX_SYMBOLS = 46_655  # three base-36 digits of the client order id, without 0
MAX_WINDOW = 200
MAX_OPEN_ORDERS = 1_000
MAX_MULTIPLE = 1_000
MAX_INTERVAL_PERCENT = Decimal(50)
MAX_SKEW = Decimal(1)
MAX_ATR_SCALE = Decimal(100)
MAX_MONEY = Decimal(10) ** 12
MAX_DIGITS = 34

_SYMBOL = re.compile(r"[^\s\x00-\x1f/:a-z]{2,40}")
_ACCOUNT = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Problem(NamedTuple):
    """A field of the settings, and a sentence about it that says what would be right."""

    field: str
    sentence: str


def grid_problems(grid: GridSettings) -> tuple[Problem, ...]:
    """Everything that is wrong with a grid, in the order of its fields; empty when nothing is."""
    return tuple(_problems(grid))


def _problems(grid: GridSettings) -> Iterator[Problem]:
    yield from _money("amount", grid.amount)
    if grid.interval is None and grid.interval_percent is None:
        yield Problem(
            "interval_percent", "is missing: give interval_percent (like 0.4) or interval (in quote currency)"
        )
    elif grid.interval is not None and grid.interval_percent is not None:
        yield Problem("interval", "and interval_percent are both given; keep one of them")
    yield from _money("interval", grid.interval)
    yield from _range("interval_percent", grid.interval_percent, Decimal(0), MAX_INTERVAL_PERCENT, above=True)
    opening = {GridMode.LONG: ("buy_window",), GridMode.SHORT: ("sell_window",)}
    needed = opening.get(grid.mode, ("buy_window", "sell_window"))
    for name in ("buy_window", "sell_window"):
        yield from _whole(name, getattr(grid, name), 1 if name in needed else 0, MAX_WINDOW)
    yield from _range("skew", grid.skew, Decimal(0), MAX_SKEW)
    yield from _range("atr_scale", grid.atr_scale, Decimal(0), MAX_ATR_SCALE)
    yield from _whole("max_multiple", grid.max_multiple, 1, MAX_MULTIPLE)
    yield from _money("max_position", grid.max_position)
    yield from _whole("max_open_orders", grid.max_open_orders, 1, MAX_OPEN_ORDERS)
    yield from _money("anchor", grid.anchor)
    yield from _money("min_price", grid.min_price)
    yield from _money("max_price", grid.max_price)
    if grid.min_price is not None and grid.max_price is not None and grid.min_price >= grid.max_price:
        yield Problem("max_price", f"must be above min_price {grid.min_price}, not {grid.max_price}")
    if grid.max_position is not None and _plain(grid.max_position) and grid.max_position < grid.amount:
        yield Problem("max_position", f"is {grid.max_position}, less than one level's amount of {grid.amount}")


def symbol_problem(symbol: str) -> str | None:
    """What is wrong with a market's name, or None."""
    if _SYMBOL.fullmatch(symbol):
        return None
    return f"{symbol[:40]!r} is not a market's name; write it as the venue does, in capitals: BTCUSDT"


def account_problem(account: str) -> str | None:
    """What is wrong with an account's name, or None."""
    if _ACCOUNT.fullmatch(account):
        return None
    return f"{account[:40]!r} is not an account's name: small letters, digits, - and _, at most 32, a letter first"


def _plain(value: Decimal) -> bool:
    return value.is_finite() and len(value.as_tuple().digits) <= MAX_DIGITS


def _money(name: str, value: Decimal | None) -> Iterator[Problem]:
    yield from _range(name, value, Decimal(0), MAX_MONEY, above=True)


def _range(name: str, value: Decimal | None, low: Decimal, high: Decimal, *, above: bool = False) -> Iterator[Problem]:
    if value is None:
        return
    if not _plain(value):
        yield Problem(name, f"must be a number of at most {MAX_DIGITS} digits")
    elif value < low or value > high or (above and value == low):
        between = f"above {low} and at most {high:f}" if above else f"from {low} to {high:f}"
        yield Problem(name, f"must be {between}, not {value}")


def _whole(name: str, value: int, low: int, high: int) -> Iterator[Problem]:
    if not low <= value <= high:
        yield Problem(name, f"must be a whole number from {low} to {high}, not {value}")
