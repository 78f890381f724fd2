"""The rest of what can be asked for: both versions of the account, public lists, settings, and their refusals."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

pytestmark = pytest.mark.integration
BTC = "BTC/USDT:USDT"


async def test_both_versions_of_the_account_tell_the_same_money(client: Any) -> None:
    await client.create_order(BTC, "market", "buy", 0.01)
    await client.create_order("ETH/USDT:USDT", "limit", "buy", 0.1, 3_000)
    new, old = await client.fapiPrivateV3GetAccount(), await client.fapiPrivateV2GetAccount()
    for name in ("totalWalletBalance", "totalOpenOrderInitialMargin", "totalPositionInitialMargin"):
        assert new[name] == old[name]
        assert Decimal(new[name]) > 0
    assert {row["symbol"] for row in new["positions"]} == {"BTCUSDT", "ETHUSDT"}
    assert {row["symbol"] for row in old["positions"]} == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    assert old["canTrade"] is True


async def test_both_versions_of_positions_agree(client: Any) -> None:
    await client.create_order(BTC, "market", "sell", 0.01)
    new = await client.fapiPrivateV3GetPositionRisk({"symbol": "BTCUSDT"})
    old = await client.fapiPrivateV2GetPositionRisk({"symbol": "BTCUSDT"})
    assert new[0]["positionAmt"] == old[0]["positionAmt"] == "-0.01000"
    assert (old[0]["leverage"], old[0]["marginType"]) == ("20", "cross")
    assert len(await client.fapiPrivateV2GetPositionRisk()) == 3
    positions = await client.fetch_positions([BTC], {"useV2": True})
    assert positions[0]["side"] == "short"


async def test_balances_are_listed_by_asset(client: Any) -> None:
    (row,) = await client.fapiPrivateV3GetBalance()
    assert (row["asset"], row["balance"], row["availableBalance"]) == ("USDT", "1000000.00000000", "1000000.00000000")


async def test_the_accounts_configuration_is_told(client: Any) -> None:
    assert (await client.fapiPrivateGetAccountConfig())["dualSidePosition"] is False
    assert await client.fapiPrivateGetMultiAssetsMargin() == {"multiAssetsMargin": False}
    rows = await client.fapiPrivateGetRateLimitOrder()
    assert {row["rateLimitType"] for row in rows} == {"ORDERS"}
    with pytest.raises(ccxt.BaseError, match="-4171"):
        await client.fapiPrivatePostMultiAssetsMargin({"multiAssetsMargin": "false"})
    with pytest.raises(ccxt.BaseError, match="-4170"):
        await client.fapiPrivatePostMultiAssetsMargin({"multiAssetsMargin": "true"})


async def test_the_margin_type_is_set_once(client: Any) -> None:
    await client.set_margin_mode("isolated", BTC)
    assert (await client.fetch_margin_mode(BTC))["marginMode"] == "isolated"
    with pytest.raises(ccxt.MarginModeAlreadySet):
        await client.fapiPrivatePostMarginType({"symbol": "BTCUSDT", "marginType": "ISOLATED"})


async def test_too_much_leverage_is_refused(client: Any) -> None:
    with pytest.raises(ccxt.BaseError, match="-4028"):
        await client.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": 500})


async def test_an_open_order_is_found_until_it_ends(client: Any) -> None:
    placed = await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
    query = {"symbol": "BTCUSDT", "orderId": placed["id"]}
    assert (await client.fapiPrivateGetOpenOrder(query))["status"] == "NEW"
    await client.cancel_order(placed["id"], BTC)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        await client.fapiPrivateGetOpenOrder(query)


async def test_income_is_listed_by_kind(client: Any) -> None:
    await client.create_order(BTC, "market", "buy", 0.01)
    await client.create_order(BTC, "market", "sell", 0.01)
    rows = await client.fapiPrivateGetIncome({"symbol": "BTCUSDT"})
    kinds = [row["incomeType"] for row in rows]
    assert kinds.count("COMMISSION") == 2
    assert kinds.count("REALIZED_PNL") == 1
    assert len({row["tranId"] for row in rows}) == len(rows)


async def test_public_lists_cover_all_markets(client: Any) -> None:
    assert len(await client.fapiPublicGetPremiumIndex()) == 3
    assert len(await client.fapiPublicGetFundingInfo()) == 3
    assert len(await client.fapiPublicGetTickerPrice()) == 3
    assert len(await client.fapiPublicGetTickerBookTicker()) == 3
    assert (await client.fapiPublicGetPing()) == {}


async def test_public_trades_have_two_forms(client: Any) -> None:
    done = await client.create_order(BTC, "market", "buy", 0.01)
    plain = (await client.fapiPublicGetTrades({"symbol": "BTCUSDT", "limit": 1}))[0]
    aggregate = (await client.fapiPublicGetAggTrades({"symbol": "BTCUSDT", "limit": 1}))[0]
    assert (plain["id"], plain["price"]) == (aggregate["a"], aggregate["p"])
    assert float(plain["price"]) == done["average"]
    assert (plain["isBuyerMaker"], aggregate["m"]) == (False, False)


async def test_candles_are_listed_by_interval(client: Any) -> None:
    await client.create_order(BTC, "market", "buy", 0.01)
    minutes = await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1m", "limit": 2})
    hours = await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1h", "limit": 1})
    assert len(minutes[-1]) == 12
    assert hours[-1][6] - hours[-1][0] == 3_599_999
    with pytest.raises(ccxt.BaseError, match="-1120"):
        await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "7m"})


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("fapiPublicGetDepth", {}, -1102),
        ("fapiPublicGetDepth", {"symbol": "BTCUSDT", "limit": 7}, -4021),
        ("fapiPublicGetDepth", {"symbol": "BTCUSDT", "limit": "x"}, -1130),
        ("fapiPrivateGetOrder", {"symbol": "BTCUSDT"}, -1102),
        ("fapiPrivateGetUserTrades", {"symbol": "BTCUSDT", "limit": 0}, -1130),
        ("fapiPrivateGetIncome", {"incomeType": "LUCK"}, -1130),
        ("fapiPrivatePostLeverage", {"symbol": "BTCUSDT"}, -1102),
        ("fapiPrivatePostMarginType", {"symbol": "BTCUSDT", "marginType": "LOOSE"}, -4139),
        ("fapiPrivatePostPositionSideDual", {}, -1102),
        ("fapiPrivatePostPositionSideDual", {"dualSidePosition": "maybe"}, -1130),
        ("fapiPrivatePostCountdownCancelAll", {"symbol": "BTCUSDT"}, -1102),
        ("fapiPrivatePostCountdownCancelAll", {"symbol": "BTCUSDT", "countdownTime": -1}, -1130),
        ("fapiPrivatePutOrder", {"symbol": "BTCUSDT", "orderId": 1, "side": "BUY", "quantity": "1"}, -1102),
        ("fapiPrivatePostBatchOrders", {}, -4082),
        ("fapiPrivateDeleteBatchOrders", {"symbol": "BTCUSDT"}, -1102),
        ("fapiPrivateDeleteBatchOrders", {"symbol": "BTCUSDT", "orderidlist": [str(n) for n in range(11)]}, -1130),
    ],
)
async def test_what_is_missing_or_wrong_is_named(
    client: Any, method: str, parameters: dict[str, Any], code: int
) -> None:
    with pytest.raises(ccxt.BaseError) as refused:
        await getattr(client, method)(parameters)
    assert f'"code":{code},' in str(refused.value)


async def test_a_deleted_listen_key_is_gone(client: Any) -> None:
    await client.fapiPrivatePostListenKey()
    assert await client.fapiPrivateDeleteListenKey() == {}
    with pytest.raises(ccxt.BaseError, match="-1125"):
        await client.fapiPrivatePutListenKey()


async def test_latency_is_felt(start_venue: Any, connect: Any) -> None:
    venue = await start_venue(latency={"request_ms": 150, "answer_ms": 150, "stream_ms": 20})
    client = await connect(venue)
    client.timeout = 200
    with pytest.raises(ccxt.RequestTimeout):
        await client.fapiPublicGetTime()
    client.timeout = 10_000
    task = asyncio.create_task(client.watch_bids_asks([BTC]))
    price = 97_000
    while not task.done():
        price += 1
        await venue.admin("POST", "/markets/BTCUSDT/price", {"price": str(price)})
    assert (await task)[BTC]["bid"] >= 97_000
