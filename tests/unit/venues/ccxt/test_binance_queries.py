"""How few requests dozens of symbols need that start at once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.venues.ccxt import binance_queries
from opensqt_actors.venues.ccxt.binance_queries import Queries
from opensqt_actors.venues.ccxt.kept_rates import KeptRates

SYMBOLS = [f"{letter}USDT" for letter in "ABCDEFGHIJKLMN"]
INSTRUMENTS: dict[str, Instrument] = {
    symbol: Instrument(symbol, symbol[0], "USDT", Decimal("0.1"), Decimal("0.001")) for symbol in SYMBOLS
}
KEY = SecretStr("sim-key-of-these-queries")


def order(symbol: str, number: int) -> dict[str, Any]:
    return {
        "symbol": symbol, "clientOrderId": f"somebody-{symbol}-{number}", "orderId": number, "side": "BUY",
        "status": "NEW", "price": "1", "origQty": "1", "executedQty": "0", "time": 1, "updateTime": 1,
    }  # fmt: skip


class Desk:
    """Stands where REST stands. One order rests in each symbol, and one in a symbol that is none of ours."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    async def call(self, api: str, method: str, path: str, params: Any = None, **_: Any) -> Any:
        symbol = (params or {}).get("symbol")
        self.asked.append((path, symbol))
        await asyncio.sleep(0)
        if path == "commissionRate":
            return {"symbol": symbol, "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0005"}
        return [order(found, 7) for found in [*SYMBOLS, "ZUSDT"] if symbol in (None, found)]


def queries(desk: Desk, path: Path | None = None) -> Queries:
    async def measured() -> None:
        raise AssertionError("the clock was right")

    return Queries(desk, INSTRUMENTS, measured, lambda: 1, KeptRates(path, KEY))  # type: ignore[arg-type]


async def test_many_symbols_at_once_are_told_their_orders_by_one_request() -> None:
    desk = Desk()
    asking = queries(desk)
    answers = await asyncio.gather(*(asking.open_orders(symbol) for symbol in SYMBOLS))
    assert desk.asked == [("openOrders", None)]
    assert [[report.client_id for report in told] for told in answers] == [[f"somebody-{s}-7"] for s in SYMBOLS]
    await asking.close()


async def test_a_few_symbols_are_asked_about_one_by_one_since_all_weigh_as_much_as_forty() -> None:
    desk = Desk()
    asking = queries(desk)
    few = SYMBOLS[: binance_queries._MANY - 1]
    answers = await asyncio.gather(*(asking.open_orders(symbol) for symbol in few))
    assert desk.asked == [("openOrders", symbol) for symbol in few]
    assert [[report.client_id for report in told] for told in answers] == [[f"somebody-{s}-7"] for s in few]
    await asking.close()


async def test_a_start_within_a_day_asks_for_no_fees(tmp_path: Path) -> None:
    desk = Desk()
    first = queries(desk, tmp_path / "rates.json")
    told = await asyncio.gather(*(first.fees(symbol) for symbol in SYMBOLS))
    assert sorted(symbol for _, symbol in desk.asked if symbol) == SYMBOLS
    await first.close()  # before the second is over after which they are written otherwise
    desk.asked.clear()
    second = queries(desk, tmp_path / "rates.json")
    assert await asyncio.gather(*(second.fees(symbol) for symbol in SYMBOLS)) == told
    assert desk.asked == []
    await second.close()


async def test_a_process_that_is_killed_has_kept_them_a_second_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binance_queries, "_WRITE_RATES", 0.0)
    path = tmp_path / "rates.json"
    asking = queries(Desk(), path)
    await asking.fees("AUSDT")
    for _ in range(3):
        await asyncio.sleep(0)
    assert KeptRates(path, KEY).get("AUSDT") is not None
    await asking.close()
