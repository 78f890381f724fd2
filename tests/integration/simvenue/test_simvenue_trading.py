"""Trading through the real ccxt.pro client: orders, batches, queries, settings, refusals."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

pytestmark = pytest.mark.integration
BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"


async def _rest(client: Any, price: float = 90_000, amount: float = 0.01, **params: Any) -> Any:
    return await client.create_order(BTC, "limit", "buy", amount, price, {"postOnly": True} | params)


async def test_markets_come_with_their_filters(client: Any) -> None:
    market = client.markets[BTC]
    assert (market["active"], market["linear"], market["settle"]) == (True, True, "USDT")
    assert market["precision"] == {"amount": 1e-05, "price": 0.1, "base": 1e-08, "quote": 1e-08}
    assert market["limits"]["cost"]["min"] == 5


async def test_the_published_limits_are_those_in_force(client: Any) -> None:
    info = await client.fapiPublicGetExchangeInfo()
    assert {(row["rateLimitType"], row["interval"], row["limit"]) for row in info["rateLimits"]} == {
        ("REQUEST_WEIGHT", "MINUTE", 1_000_000),
        ("ORDERS", "MINUTE", 600_000),
        ("ORDERS", "SECOND", 100_000),
    }


async def test_a_fresh_account_has_its_balance_and_nothing_else(client: Any) -> None:
    assert (await client.fetch_balance())["USDT"] == {"free": 1_000_000, "used": 0, "total": 1_000_000}
    assert await client.fetch_positions() == []
    assert await client.fetch_open_orders() == []


async def test_a_post_only_order_rests_under_its_client_id(client: Any) -> None:
    placed = await _rest(client, clientOrderId="ab12")
    assert (placed["status"], placed["timeInForce"], placed["clientOrderId"]) == ("open", "PO", "ab12")
    found = await client.fapiPrivateGetOrder({"symbol": "BTCUSDT", "origClientOrderId": "ab12"})
    assert (str(found["orderId"]), found["status"], found["price"]) == (placed["id"], "NEW", "90000.0")


async def test_a_cancelled_order_stays_known(client: Any) -> None:
    placed = await _rest(client)
    assert (await client.cancel_order(placed["id"], BTC))["status"] == "canceled"
    assert (await client.fetch_order(placed["id"], BTC))["status"] == "canceled"
    assert await client.fetch_open_orders(BTC) == []


async def test_cancelling_what_is_not_open_is_refused(client: Any) -> None:
    placed = await _rest(client)
    await client.cancel_order(placed["id"], BTC)
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        await client.cancel_order(placed["id"], BTC)


async def test_an_unknown_order_does_not_exist(client: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        await client.fetch_order("1", BTC)


async def test_an_amended_order_keeps_its_ids(client: Any) -> None:
    placed = await _rest(client, clientOrderId="amendme")
    amended = await client.edit_order(placed["id"], BTC, "limit", "buy", 0.02, 91_000)
    assert (amended["id"], amended["clientOrderId"]) == (placed["id"], "amendme")
    assert (amended["amount"], amended["price"]) == (0.02, 91_000)


async def test_a_batch_answers_for_each_order(client: Any) -> None:
    good = {
        "symbol": BTC,
        "type": "limit",
        "side": "buy",
        "amount": 0.01,
        "price": 90_000,
        "params": {"postOnly": True},
    }
    crossing = good | {"price": 97_000}
    answers = await client.create_orders([good, crossing, good])
    # ccxt sorts the answers by time, and a refusal has none.
    assert sorted(answer["status"] for answer in answers) == ["open", "open", "rejected"]
    assert [answer["info"]["code"] for answer in answers if answer["status"] == "rejected"] == [-5022]
    assert len(await client.fetch_open_orders(BTC)) == 2


async def test_a_batch_takes_at_most_five(client: Any) -> None:
    one = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": 90_000, "params": {}}
    with pytest.raises(ccxt.BaseError, match="-4082"):
        await client.create_orders([one] * 6)
    assert await client.fetch_open_orders(BTC) == []


async def test_a_batch_of_amendments_is_taken(client: Any) -> None:
    ids = [(await _rest(client))["id"] for _ in range(2)]
    answers = await client.edit_orders(
        [
            {"id": ids[0], "symbol": BTC, "type": "limit", "side": "buy", "amount": 0.03, "price": 89_000},
            {"id": ids[1], "symbol": BTC, "type": "limit", "side": "buy", "amount": 0.04, "price": 88_000},
        ]
    )
    assert [(answer["amount"], answer["price"]) for answer in answers] == [(0.03, 89_000), (0.04, 88_000)]


async def test_orders_are_cancelled_in_batches_by_id_and_by_client_id(client: Any) -> None:
    ids = [(await _rest(client, clientOrderId=f"c{index}"))["id"] for index in range(4)]
    by_id = await client.cancel_orders(ids[:2], BTC)
    by_client_id = await client.cancel_orders([], BTC, {"clientOrderIds": ["c2", "c3"]})
    assert [answer["status"] for answer in [*by_id, *by_client_id]] == ["canceled"] * 4


async def test_cancel_all_takes_one_symbol_only(client: Any) -> None:
    await _rest(client)
    await client.create_order(ETH, "limit", "buy", 0.1, 3_000)
    await client.cancel_all_orders(BTC)
    assert [order["symbol"] for order in await client.fetch_open_orders()] == [ETH]


async def test_open_orders_are_all_told_however_many(client: Any) -> None:
    for first in range(0, 60, 5):
        await client.create_orders(
            [
                {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.001, "price": 90_000 - first - step}
                for step in range(5)
            ]
        )
    assert len(await client.fetch_open_orders(BTC)) == 60


async def test_history_is_paged_by_order_id(client: Any) -> None:
    ids = [(await _rest(client, amount=0.001))["id"] for _ in range(5)]
    for order_id in ids:
        await client.cancel_order(order_id, BTC)
    first = await client.fapiPrivateGetAllOrders({"symbol": "BTCUSDT", "orderId": ids[1], "limit": 2})
    assert [str(row["orderId"]) for row in first] == ids[1:3]


async def test_a_market_order_fills_and_makes_a_position(client: Any) -> None:
    done = await client.create_order(BTC, "market", "buy", 0.01)
    assert (done["status"], done["filled"]) == ("closed", 0.01)
    (position,) = await client.fetch_positions()
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.01, done["average"])


async def test_trades_tell_price_fee_and_role(client: Any) -> None:
    done = await client.create_order(BTC, "market", "buy", 0.01)
    (trade,) = await client.fetch_my_trades(BTC)
    assert (trade["order"], trade["price"], trade["takerOrMaker"]) == (done["id"], done["average"], "taker")
    assert trade["fee"] == {"currency": "USDT", "cost": pytest.approx(done["average"] * 0.01 * 0.0005)}


async def test_trades_are_paged_from_an_id(client: Any) -> None:
    for _ in range(4):
        await client.create_order(BTC, "market", "buy", 0.01)
    everything = await client.fapiPrivateGetUserTrades({"symbol": "BTCUSDT"})
    page = await client.fapiPrivateGetUserTrades({"symbol": "BTCUSDT", "fromId": everything[1]["id"], "limit": 2})
    assert [row["id"] for row in page] == [row["id"] for row in everything[1:3]]


async def test_a_resting_order_fills_when_the_price_goes_through_it(venue: Any, client: Any) -> None:
    placed = await _rest(client, price=96_000)
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "95900"})
    found = await client.fetch_order(placed["id"], BTC)
    assert (found["status"], found["average"]) == ("closed", 96_000)
    (trade,) = await client.fetch_my_trades(BTC)
    assert trade["takerOrMaker"] == "maker"


async def test_a_crossing_post_only_order_is_refused(client: Any) -> None:
    with pytest.raises(ccxt.InvalidOrder, match="-5022"):
        await _rest(client, price=97_000)
    assert await client.fetch_open_orders(BTC) == []


async def test_too_little_margin_is_refused_as_insufficient_funds(client: Any) -> None:
    await client.set_leverage(1, BTC)
    with pytest.raises(ccxt.InsufficientFunds, match="-2019"):
        await _rest(client, amount=15)


async def test_a_client_id_in_use_is_refused(client: Any) -> None:
    await _rest(client, clientOrderId="twice")
    with pytest.raises(ccxt.BaseError, match="-4116"):
        await _rest(client, clientOrderId="twice")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": None}, -1102),
        ({"quantity": None}, -1102),
        ({"timeInForce": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"timeInForce": "GTD"}, -1115),
        ({"price": "1e5"}, -1100),
        ({"price": "90000.01"}, -1111),
        ({"quantity": "0.00001"}, -4164),
        ({"symbol": "NOPEUSDT"}, -1121),
    ],
)
async def test_a_malformed_order_gets_the_documented_code(client: Any, changes: dict[str, Any], code: int) -> None:
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "90000",
    } | changes
    with pytest.raises(ccxt.BaseError) as refused:
        await client.fapiPrivatePostOrder({name: value for name, value in order.items() if value is not None})
    assert f'"code":{code},' in str(refused.value)


async def test_an_acknowledgement_never_tells_of_fills(client: Any) -> None:
    answer = await client.fapiPrivatePostOrder(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newOrderRespType": "ACK"}
    )
    assert (answer["status"], answer["executedQty"]) == ("NEW", "0.00000")


async def test_a_wrong_secret_is_an_invalid_signature(venue: Any, connect: Any) -> None:
    stranger = await connect(venue, secret="sim-wrong-secret")
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        await stranger.fetch_balance()


async def test_an_unknown_key_is_refused(venue: Any, connect: Any) -> None:
    stranger = await connect(venue, apiKey="sim-nobody")
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        await stranger.fetch_balance()


async def test_a_clock_that_is_off_is_refused_until_the_offset_is_known(venue: Any, client: Any) -> None:
    await venue.admin("POST", "/clock", {"skew_ms": 20_000})
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        await client.fetch_balance()
    assert 19_000 < -await client.load_time_difference() < 21_000
    client.options["adjustForTimeDifference"] = True
    assert (await client.fetch_balance())["USDT"]["total"] == 1_000_000


async def test_settings_are_kept_and_repeating_them_is_told(client: Any) -> None:
    await client.set_leverage(7, BTC)
    assert (await client.fetch_leverages())[BTC]["longLeverage"] == 7
    assert (await client.fetch_position_mode())["hedged"] is False
    with pytest.raises(ccxt.BaseError, match="-4059"):
        await client.set_position_mode(False)
    await client.set_position_mode(True)
    assert (await client.fetch_position_mode())["hedged"] is True


async def test_fees_and_brackets_are_told(client: Any) -> None:
    fee = await client.fetch_trading_fee(BTC)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)
    assert (await client.fetch_leverage_tiers([BTC]))[BTC][0]["maxLeverage"] == 125


async def test_funding_is_charged_and_told_as_income(venue: Any, client: Any) -> None:
    await client.create_order(BTC, "market", "buy", 0.01)
    await venue.admin("POST", "/accounts/sim-demo-key/funding", {"symbol": "BTCUSDT", "rate": "0.001"})
    (row,) = await client.fapiPrivateGetIncome({"incomeType": "FUNDING_FEE"})
    assert float(row["income"]) == pytest.approx(-0.001 * 0.01 * 96_350, rel=0.01)
    account = await venue.admin("GET", "/accounts/sim-demo-key")
    assert account["funding"] == row["income"]


async def test_market_data_is_there(client: Any) -> None:
    quote = (await client.fetch_bids_asks([BTC]))[BTC]
    assert quote["bid"] < quote["ask"]
    book = await client.fetch_order_book(BTC, 5)
    assert (book["bids"][0][0], book["asks"][0][0]) == (quote["bid"], quote["ask"])
    assert set(await client.fetch_tickers()) == {BTC, ETH, "SOL/USDT:USDT"}
    assert (await client.fetch_funding_rate(BTC))["markPrice"] == pytest.approx(96_350, rel=0.01)
    await client.create_order(BTC, "market", "buy", 0.01)
    assert (await client.fetch_trades(BTC, limit=1))[0]["amount"] == 0.01
    assert (await client.fetch_ohlcv(BTC, "1m", limit=1))[0][5] >= 0.01


async def test_orders_can_be_placed_amended_and_cancelled_over_the_websocket_api(client: Any) -> None:
    placed = await client.create_order_ws(BTC, "limit", "buy", 0.01, 90_000, {"postOnly": True})
    assert placed["status"] == "open"
    amended = await client.edit_order_ws(placed["id"], BTC, "limit", "buy", 0.02, 89_000)
    assert amended["price"] == 89_000
    assert (await client.cancel_order_ws(placed["id"], BTC))["status"] == "canceled"


async def test_the_websocket_api_refuses_as_rest_does(client: Any) -> None:
    with pytest.raises(ccxt.BaseError, match="-5022"):
        await client.create_order_ws(BTC, "limit", "buy", 0.01, 97_000, {"postOnly": True})
    client.secret = "sim-wrong"
    with pytest.raises(ccxt.BaseError, match="-1022"):
        await client.create_order_ws(BTC, "limit", "buy", 0.01, 90_000)


async def test_the_dead_mans_switch_cancels(venue: Any, client: Any) -> None:
    await _rest(client)
    await client.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 1})
    async with client.session.get("https://fapi.binance.com/fapi/v1/time") as response:
        assert response.status == 200
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "96350"})  # runs what was due
    assert await client.fetch_open_orders(BTC) == []


async def test_an_unknown_path_is_not_found(client: Any) -> None:
    async with client.session.get("https://fapi.binance.com/fapi/v1/nothing") as response:
        assert response.status == 404
        assert (await response.json())["code"] == -5000
