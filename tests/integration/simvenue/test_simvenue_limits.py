"""Request weight and order counts as ccxt.pro meets them: headers, 429 with Retry-After, 418."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

pytestmark = pytest.mark.integration
BTC = "BTC/USDT:USDT"
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "90000",
}
SMALL = {
    "weight_per_minute": 40,
    "orders_per_10s": 4,
    "orders_per_minute": 1_000,
    "ban_after": 3,
    "ban_seconds": 60,
    "frames_per_second": 100,
}


async def until_refused(call: Any, most: int) -> ccxt.BaseError:
    """The first refusal; a window may end in between, so a little more than its limit must be enough."""
    for _ in range(2 * most + 2):
        try:
            await call()
        except ccxt.BaseError as error:
            return error
    raise AssertionError(f"never refused in {2 * most + 2} calls")


async def test_the_weight_used_is_told_with_every_answer(client: Any) -> None:
    await client.fapiPublicGetTime()
    before = int(client.last_response_headers["X-MBX-USED-WEIGHT-1M"])
    await client.fetch_balance()
    after = int(client.last_response_headers["X-MBX-USED-WEIGHT-1M"])
    assert after - before == 5 or after == 5  # or a new minute has begun


async def test_the_orders_counted_are_told_with_every_order(client: Any) -> None:
    await client.fapiPrivatePostOrder(dict(ORDER))
    assert int(client.last_response_headers["X-MBX-ORDER-COUNT-10S"]) == 1
    assert int(client.last_response_headers["X-MBX-ORDER-COUNT-1M"]) == 1


async def test_too_much_weight_is_refused_and_ignoring_that_is_banned(start_venue: Any, connect: Any) -> None:
    venue = await start_venue(limits=SMALL)
    client = await connect(venue)
    refused = await until_refused(client.fapiPublicGetTime, SMALL["weight_per_minute"])
    assert isinstance(refused, ccxt.DDoSProtection)
    assert " 429 " in str(refused)
    assert "-1003" in str(refused)
    assert 1 <= int(client.last_response_headers["Retry-After"]) <= 60
    for _ in range(SMALL["ban_after"]):
        banned = await until_refused(client.fapiPublicGetTime, SMALL["weight_per_minute"])
    assert isinstance(banned, ccxt.DDoSProtection)
    assert " 418 " in str(banned)
    assert "IP banned until" in str(banned)
    stats = await venue.admin("GET", "/stats")
    assert (stats["too_many_requests"], stats["banned_requests"]) == (SMALL["ban_after"], 1)


async def test_too_many_orders_are_refused_and_do_not_reach_the_book(start_venue: Any, connect: Any) -> None:
    venue = await start_venue(limits=SMALL)
    client = await connect(venue)
    refused = await until_refused(lambda: client.fapiPrivatePostOrder(dict(ORDER)), SMALL["orders_per_10s"])
    assert "-1015" in str(refused)
    assert 1 <= int(client.last_response_headers["Retry-After"]) <= 10
    stats = await venue.admin("GET", "/stats")
    orders = await venue.admin("GET", "/accounts/sim-demo-key/orders?open=true")
    assert len(orders["orders"]) == stats["orders_placed"]
    assert stats["orders_rejected"] == 1


async def test_cancels_go_on_when_the_order_limit_is_reached(start_venue: Any, connect: Any) -> None:
    venue = await start_venue(limits=SMALL)
    client = await connect(venue)
    placed = await client.fapiPrivatePostOrder(dict(ORDER))
    await until_refused(lambda: client.fapiPrivatePostOrder(dict(ORDER)), SMALL["orders_per_10s"])
    assert (await client.cancel_order(str(placed["orderId"]), BTC))["status"] == "canceled"


async def test_a_ban_by_hand_refuses_everything_until_it_is_lifted(venue: Any, client: Any) -> None:
    await venue.admin("POST", "/ban", {"seconds": 30})
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        await client.fetch_balance()
    assert 1 <= int(client.last_response_headers["Retry-After"]) <= 30
    await venue.admin("DELETE", "/ban")
    assert (await client.fetch_balance())["USDT"]["total"] == 1_000_000
