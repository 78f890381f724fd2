"""The admin port: what it shows is what the books say, and what it does is done."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.integration
BTC = "BTC/USDT:USDT"
ACCOUNT = "/accounts/sim-demo-key"


async def test_the_books_add_up_after_a_round_trip(venue: Any, client: Any) -> None:
    await client.create_order(BTC, "market", "buy", 0.02)
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "97000"})
    await client.create_order(BTC, "market", "sell", 0.01)
    books = await venue.admin("GET", ACCOUNT)
    wallet, initial, realized, fees, funding = (
        Decimal(books[name]) for name in ("wallet_balance", "initial_balance", "realized_pnl", "fees", "funding")
    )
    assert wallet == initial + realized - fees + funding
    assert realized > 0 < fees
    assert (books["fills"], books["open_orders"]) == (2, 0)
    assert books["positions"]["BTCUSDT"]["amount"] == "0.01000"
    assert Decimal(books["positions"]["BTCUSDT"]["entry_price"]) < 97_000


async def test_the_users_own_order_is_like_any_other(venue: Any, client: Any) -> None:
    placed = await venue.admin(
        "POST",
        f"{ACCOUNT}/orders",
        {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "quantity": "0.01", "price": "99000"},
    )
    assert [order["id"] for order in await client.fetch_open_orders(BTC)] == [str(placed["orderId"])]
    assert await venue.admin("DELETE", f"{ACCOUNT}/orders?symbol=BTCUSDT") == {"cancelled": 1}
    await venue.admin("POST", f"{ACCOUNT}/orders", {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01"})
    assert (await client.fetch_positions())[0]["side"] == "short"


async def test_an_impossible_order_of_the_user_is_refused(venue: Any) -> None:
    order = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "reduce_only": True}
    answer = await venue.admin("POST", f"{ACCOUNT}/orders", order, expect=422)
    assert "-2022" in answer["error"]


async def test_fills_are_listed_from_an_id(venue: Any, client: Any) -> None:
    for number in range(3):
        await client.create_order(BTC, "market", "buy", 0.01, None, {"clientOrderId": f"m{number}"})
    fills = (await venue.admin("GET", f"{ACCOUNT}/fills?symbol=BTCUSDT"))["fills"]
    assert [fill["clientOrderId"] for fill in fills] == ["m0", "m1", "m2"]
    later = await venue.admin("GET", f"{ACCOUNT}/fills?symbol=BTCUSDT&from_id={fills[1]['id']}")
    assert later["fills"] == fills[1:]
    await venue.admin("GET", f"{ACCOUNT}/fills?from_id=1", expect=422)


async def test_markets_are_added_and_known_to_clients_at_once(venue: Any, client: Any) -> None:
    await venue.admin("POST", "/markets", {"symbol": "NEWUSDT", "reference": "12.5"})
    markets = await client.load_markets(reload=True)
    assert markets["NEW/USDT:USDT"]["active"]
    placed = await client.create_order("NEW/USDT:USDT", "limit", "buy", 10, 12)
    assert placed["status"] == "open"


async def test_a_market_of_the_universe_is_added_by_its_name(venue: Any) -> None:
    assert await venue.admin("POST", "/markets", {"symbol": "XRPUSDT"}) == {"symbol": "XRPUSDT"}
    listed = {row["symbol"]: row for row in (await venue.admin("GET", "/markets"))["markets"]}
    assert listed["XRPUSDT"]["last_price"] == "1.4320"


async def test_a_market_is_added_by_its_rules(venue: Any) -> None:
    rules = {"symbol": "ABCUSDT", "base": "ABC", "quote": "USDT", "tick": "0.01", "step": "1", "reference": "5.00"}
    assert await venue.admin("POST", "/markets", {"rules": rules}) == {"symbol": "ABCUSDT"}
    listed = {row["symbol"]: row for row in (await venue.admin("GET", "/markets"))["markets"]}
    assert (listed["ABCUSDT"]["status"], listed["ABCUSDT"]["tick"]) == ("TRADING", "0.01")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "either"),
        ({"symbol": "NEWUSDT"}, "reference"),
        ({"symbol": "BTCUSDT", "reference": "1"}, "already"),
        ({"symbol": "NEWEUR", "reference": "1"}, "quote"),
        ({"rules": {"symbol": "ABCUSDT"}}, "missing"),
        ({"symbol": "NEWUSDT", "reference": "-1"}, "reference"),
    ],
)
async def test_a_market_that_cannot_be_is_refused_in_a_sentence(venue: Any, body: dict[str, Any], word: str) -> None:
    answer = await venue.admin("POST", "/markets", body, expect=422)
    assert word in answer["error"]


async def test_paused_markets_stand_still_and_go_on(start_venue: Any) -> None:
    venue = await start_venue(markets={"synthetic": 2}, profile="demo")
    await venue.admin("POST", "/markets/pause", {"symbols": ["BTCUSDT"]})
    first = (await venue.admin("GET", "/markets"))["markets"]
    moved = first
    while moved[1]["bid"] == first[1]["bid"]:
        moved = (await venue.admin("GET", "/markets"))["markets"]
    assert (moved[0]["paused"], moved[0]["bid"]) == (True, first[0]["bid"])
    await venue.admin("POST", "/markets/resume", {"symbols": None})
    while (await venue.admin("GET", "/markets"))["markets"][0]["bid"] == first[0]["bid"]:
        pass


async def test_the_counters_tell_what_happened_and_are_reset(venue: Any, client: Any) -> None:
    placed = await client.create_order(BTC, "limit", "buy", 0.01, 90_000, {"clientOrderId": "again"})
    await client.cancel_order(placed["id"], BTC)
    await client.create_order(BTC, "limit", "buy", 0.01, 90_000, {"clientOrderId": "again"})
    stats = await venue.admin("GET", "/stats")
    assert stats["requests"]["POST /fapi/v1/order 200"] == 2
    assert (stats["orders_placed"], stats["orders_cancelled"], stats["orders_rejected"]) == (2, 1, 0)
    assert stats["duplicate_client_ids"] == {"count": 1, "ids": {"again": 1}, "complete": True}
    await venue.admin("POST", "/reset-stats")
    stats = await venue.admin("GET", "/stats")
    assert (stats["orders_placed"], stats["requests"]) == (0, {})
    assert stats["duplicate_client_ids"]["count"] == 1  # over the whole history


async def test_the_position_mode_can_be_flipped_by_the_user(venue: Any, client: Any) -> None:
    await venue.admin("POST", f"{ACCOUNT}/hedge-mode", {"hedge_mode": True})
    assert (await client.fetch_position_mode())["hedged"] is True


async def test_money_is_paid_in_and_out(venue: Any, client: Any) -> None:
    await venue.admin("POST", f"{ACCOUNT}/transfer", {"amount": "-999000"})
    assert (await client.fetch_balance())["USDT"]["total"] == 1_000
    assert (await venue.admin("GET", ACCOUNT))["transfers"] == "-999000.00000000"


async def test_unknown_things_are_not_found(venue: Any) -> None:
    for method, path in (
        ("GET", "/accounts/sim-nobody"),
        ("GET", f"{ACCOUNT}/orders?symbol=NOPE"),
        ("POST", "/markets/NOPE/price"),
        ("GET", "/nothing"),
    ):
        answer = await venue.admin(method, path, expect=404)
        assert answer["error"]


async def test_several_accounts_are_separate(start_venue: Any, connect: Any) -> None:
    accounts = [{"key": f"sim-{name}", "secret": f"sim-{name}-secret", "balance": "500"} for name in ("one", "two")]
    venue = await start_venue(accounts=accounts)
    one = await connect(venue, apiKey="sim-one", secret="sim-one-secret")
    two = await connect(venue, apiKey="sim-two", secret="sim-two-secret")
    await one.create_order(BTC, "limit", "buy", 0.001, 90_000)
    assert len(await one.fetch_open_orders(BTC)) == 1
    assert await two.fetch_open_orders(BTC) == []
    assert (await two.fetch_balance())["USDT"]["total"] == 500
