"""Streams as ccxt.pro gets them: market data, the user data stream in order, listen keys, slow and silenced sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

pytestmark = pytest.mark.integration
BTC = "BTC/USDT:USDT"
PATIENCE = 10.0


def is_order(execution: str) -> Any:
    return lambda frame: frame.get("e") == "ORDER_TRADE_UPDATE" and frame["o"]["x"] == execution


def is_event(name: str) -> Any:
    return lambda frame: isinstance(frame, dict) and frame.get("e") == name


async def hold_user_stream(venue: Any, client: Any) -> asyncio.Task[Any]:
    """Keep the private socket open, as a trader does; returns once the venue has it."""
    task = asyncio.create_task(client.watch_orders())
    async with asyncio.timeout(PATIENCE):
        while (await venue.admin("GET", "/health"))["sockets"]["user"] == 0:
            pass
    return task


async def end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def raw_socket(venue: Any, path: str) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    session = venue.session()
    return session, await session.ws_connect(f"https://fstream.binance.com{path}", autoping=True)


async def next_frame(socket: aiohttp.ClientWebSocketResponse) -> Any:
    async with asyncio.timeout(PATIENCE):
        return orjson.loads(await socket.receive_str())


async def test_an_orders_life_is_told_in_order_with_all_its_letters(venue: Any, client: Any) -> None:
    task = await hold_user_stream(venue, client)
    placed = await client.create_order(BTC, "limit", "buy", 0.01, 96_000, {"postOnly": True, "clientOrderId": "life"})
    new = await client.frame(is_order("NEW"))
    assert {name: new["o"][name] for name in ("s", "c", "S", "o", "f", "q", "p", "X", "z", "m", "R", "ps")} == {
        "s": "BTCUSDT", "c": "life", "S": "BUY", "o": "LIMIT", "f": "GTX", "q": "0.01000", "p": "96000.0", "X": "NEW",
        "z": "0.00000", "m": False, "R": False, "ps": "BOTH",
    }  # fmt: skip
    assert str(new["o"]["i"]) == placed["id"]
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "95900"})
    account = await client.frame(is_event("ACCOUNT_UPDATE"))
    assert account["a"]["m"] == "ORDER"
    assert (account["a"]["P"][0]["s"], account["a"]["P"][0]["pa"]) == ("BTCUSDT", "0.01000")
    trade = await client.frame(is_order("TRADE"))
    assert {name: trade["o"][name] for name in ("X", "l", "L", "z", "n", "N", "m", "rp")} == {
        "X": "FILLED", "l": "0.01000", "L": "96000.0", "z": "0.01000", "n": "0.19200000", "N": "USDT", "m": True,
        "rp": "0.00000000",
    }  # fmt: skip
    assert (await task)[0]["status"] in {"open", "closed"}


async def test_an_amendment_and_a_cancel_are_told(venue: Any, client: Any) -> None:
    task = await hold_user_stream(venue, client)
    placed = await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
    await client.edit_order(placed["id"], BTC, "limit", "buy", 0.02, 89_000)
    amended = await client.frame(is_order("AMENDMENT"))
    assert (amended["o"]["p"], amended["o"]["q"]) == ("89000.0", "0.02000")
    await client.cancel_order(placed["id"], BTC)
    assert (await client.frame(is_order("CANCELED")))["o"]["X"] == "CANCELED"
    await end(task)


async def test_a_change_of_leverage_is_told(venue: Any, client: Any) -> None:
    task = await hold_user_stream(venue, client)
    await client.set_leverage(7, BTC)
    frame = await client.frame(is_event("ACCOUNT_CONFIG_UPDATE"))
    assert frame["ac"] == {"s": "BTCUSDT", "l": 7}
    await end(task)


async def test_a_burst_of_fills_is_told_completely(venue: Any, client: Any) -> None:
    task = await hold_user_stream(venue, client)
    for first in range(0, 50, 5):
        await client.create_orders(
            [
                {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.001, "price": 96_000 - 10 * (first + step)}
                for step in range(5)
            ]
        )
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "95000"})
    filled = [await client.frame(is_order("TRADE")) for _ in range(50)]
    assert len({frame["o"]["t"] for frame in filled}) == 50
    await end(task)


async def test_quotes_candles_marks_and_trades_arrive(venue: Any, client: Any) -> None:
    quotes = asyncio.create_task(client.watch_bids_asks([BTC]))
    candles = asyncio.create_task(client.watch_ohlcv(BTC, "1m"))
    marks = asyncio.create_task(client.watch_mark_price(BTC))
    trades = asyncio.create_task(client.watch_trades(BTC))
    async with asyncio.timeout(PATIENCE):
        while (await venue.admin("GET", "/health"))["sockets"]["market"] < 4:
            pass
        price = 96_400
        while not all(task.done() for task in (quotes, candles, marks, trades)):
            price += 1
            await venue.admin("POST", "/markets/BTCUSDT/price", {"price": str(price)})
            await client.create_order(BTC, "market", "buy", 0.001)
    assert (await quotes)[BTC]["bid"] >= 96_400
    assert (await candles)[0][4] >= 96_400
    assert (await marks)["markPrice"] > 0
    assert (await trades)[0]["amount"] == 0.001


async def test_all_quotes_come_on_one_stream(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/stream?streams=!bookTicker")
    await venue.admin("POST", "/markets/ETHUSDT/price", {"price": "3500"})
    frame = await next_frame(socket)
    assert (frame["stream"], frame["data"]["s"]) == ("!bookTicker", "ETHUSDT")
    await socket.close()
    await session.close()


@pytest.mark.parametrize(
    ("stream", "event"),
    [
        ("!markPrice@arr@1s", "markPriceUpdate"),
        ("!ticker@arr", "24hrTicker"),
        ("!miniTicker@arr", "24hrMiniTicker"),
    ],
)
async def test_lists_of_all_markets_come_once_a_second(venue: Any, stream: str, event: str) -> None:
    session, socket = await raw_socket(venue, f"/market/ws/{stream}")
    rows = await next_frame(socket)
    assert {row["e"] for row in rows} == {event}
    assert {row["s"] for row in rows} == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    await socket.close()
    await session.close()


async def test_subscriptions_are_listed_and_ended(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/ws")
    await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker", "ethusdt@aggTrade"], "id": 1})
    assert await next_frame(socket) == {"result": None, "id": 1}
    await socket.send_json({"method": "UNSUBSCRIBE", "params": ["ethusdt@aggTrade"], "id": 2})
    assert await next_frame(socket) == {"result": None, "id": 2}
    await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
    assert await next_frame(socket) == {"result": ["btcusdt@bookTicker"], "id": 3}
    await socket.close()
    await session.close()


async def test_a_stream_that_is_not_offered_is_refused(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/ws")
    await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@nothing"], "id": 1})
    assert (await next_frame(socket))["error"]["code"] == 2
    await socket.close()
    await session.close()


async def test_partial_books_are_sent_whole(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/public/ws/btcusdt@depth5@100ms")
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "97000"})
    frame = await next_frame(socket)
    assert (frame["e"], len(frame["b"]), len(frame["a"])) == ("depthUpdate", 5, 5)
    await socket.close()
    await session.close()


async def test_a_client_that_sends_too_many_frames_is_closed(start_venue: Any) -> None:
    venue = await start_venue(limits="standard")
    session, socket = await raw_socket(venue, "/ws")
    for number in range(30):
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
    async with asyncio.timeout(PATIENCE):
        while not socket.closed:
            await socket.receive()
    assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
    await session.close()


async def test_a_listen_key_stays_the_same_while_it_is_renewed(client: Any) -> None:
    first = (await client.fapiPrivatePostListenKey())["listenKey"]
    assert (await client.fapiPrivatePutListenKey())["listenKey"] == first
    assert (await client.fapiPrivatePostListenKey())["listenKey"] == first


async def test_renewing_without_a_key_is_refused(client: Any) -> None:
    with pytest.raises(Exception, match="-1125"):
        await client.fapiPrivatePutListenKey()


async def test_a_listen_key_that_is_not_renewed_ends_and_says_so(start_venue: Any, connect: Any) -> None:
    venue = await start_venue(listen_key_seconds=0.3)
    client = await connect(venue)
    task = await hold_user_stream(venue, client)
    key = client.options["linear"]["listenKey"]
    assert (await client.frame(is_event("listenKeyExpired")))["listenKey"] == key
    await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
    # The socket is still open, and deaf: that is what makes it dangerous.
    assert (await venue.admin("GET", "/health"))["sockets"]["user"] == 1
    assert client.frames.empty()
    await end(task)


async def test_a_revoked_key_ends_at_once_and_a_new_one_hears_again(venue: Any, client: Any) -> None:
    task = await hold_user_stream(venue, client)
    assert await venue.admin("POST", "/accounts/sim-demo-key/listen-key/expire") == {"expired": True}
    await client.frame(is_event("listenKeyExpired"))
    await end(task)
    client.options["linear"] = {"listenKey": None, "lastAuthenticatedTime": 0}
    again = asyncio.create_task(client.watch_orders())
    async with asyncio.timeout(PATIENCE):
        while (await venue.admin("GET", "/health"))["sockets"]["user"] < 2:
            pass
    await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
    await client.frame(is_order("NEW"))
    await end(again)


async def test_an_unknown_listen_key_is_closed(venue: Any) -> None:
    session, socket = await raw_socket(venue, f"/private/ws?listenKey={'0' * 64}")
    async with asyncio.timeout(PATIENCE):
        await socket.receive()
    assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
    await session.close()


async def test_a_reset_hits_only_its_kind_of_sockets(venue: Any, client: Any) -> None:
    session, socket = await raw_socket(venue, "/ws/btcusdt@bookTicker")
    task = await hold_user_stream(venue, client)
    assert await venue.admin("POST", "/sockets/reset", {"kind": "user"}) == {"reset": 1}
    with pytest.raises(Exception, match=r"closed|reset|1006|Connection"):
        await asyncio.wait_for(task, PATIENCE)
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "97000"})
    assert (await next_frame(socket))["s"] == "BTCUSDT"
    await socket.close()
    await session.close()


async def test_a_venue_that_goes_away_says_goodbye(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/ws/btcusdt@bookTicker")
    stopping = asyncio.create_task(venue.server.stop())
    async with asyncio.timeout(PATIENCE):
        await socket.receive()
        await stopping
    assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
    await session.close()


async def test_a_silenced_socket_stays_open_and_hears_nothing(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/ws/btcusdt@bookTicker")
    assert await venue.admin("POST", "/sockets/silence", {"kind": "market"}) == {"silenced": 1}
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "97000"})
    await venue.admin("DELETE", "/sockets/silence")
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "98000"})
    assert (await next_frame(socket))["b"] > "97500"
    await socket.close()
    await session.close()


async def test_a_silenced_symbol_is_heard_again_after_subscribing_anew(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker")
    await venue.admin("POST", "/sockets/silence", {"kind": "market", "symbols": ["BTCUSDT"]})
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "97000"})
    await venue.admin("POST", "/markets/ETHUSDT/price", {"price": "3500"})
    assert (await next_frame(socket))["data"]["s"] == "ETHUSDT"
    await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
    assert (await next_frame(socket))["id"] == 1
    await venue.admin("POST", "/markets/BTCUSDT/price", {"price": "98000"})
    assert (await next_frame(socket))["data"]["s"] == "BTCUSDT"
    await socket.close()
    await session.close()


async def test_a_delisted_market_cancels_its_orders_and_takes_no_more(venue: Any, client: Any) -> None:
    task = await hold_user_stream(venue, client)
    await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
    assert (await venue.admin("POST", "/markets/BTCUSDT/delist", {}))["status"] == "SETTLING"
    assert (await client.frame(is_order("CANCELED")))["o"]["s"] == "BTCUSDT"
    with pytest.raises(Exception, match=r"-4141"):
        await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
    await end(task)


async def test_a_false_quote_is_told_and_the_book_stays_as_it_is(venue: Any) -> None:
    session, socket = await raw_socket(venue, "/stream?streams=btcusdt@bookTicker")
    before = (await venue.admin("GET", "/markets"))["markets"][0]
    assert await venue.admin("POST", "/markets/BTCUSDT/quote", {"bid": "0", "ask": "96000"}) == {"told": 1}
    frame = await next_frame(socket)
    assert (frame["data"]["b"], frame["data"]["a"]) == ("0.0", "96000.0")
    assert (await venue.admin("GET", "/markets"))["markets"][0] == before
    await venue.admin("POST", "/markets/NOPE/quote", {"bid": "1", "ask": "2"}, expect=404)
    await session.close()
