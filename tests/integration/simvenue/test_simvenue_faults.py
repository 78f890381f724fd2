"""Each fault as a trader meets it: what the client sees, and what the venue's books say."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt
import pytest

pytestmark = pytest.mark.integration
BTC = "BTC/USDT:USDT"
PATIENCE = 10.0
PLACE = {"path": "/fapi/v1/order", "method": "POST"}


async def place(client: Any, client_id: str = "victim") -> Any:
    return await client.create_order(BTC, "limit", "buy", 0.01, 90_000, {"clientOrderId": client_id})


async def booked(venue: Any) -> list[str]:
    orders = await venue.admin("GET", "/accounts/sim-demo-key/orders?open=true")
    return [order["clientOrderId"] for order in orders["orders"]]


async def fault(venue: Any, action: str, match: dict[str, str] | None = None, **more: Any) -> str:
    answer = await venue.admin("POST", "/faults", {"action": action, "match": match or PLACE, "count": 1} | more)
    return str(answer["id"])


@pytest.mark.parametrize(
    ("action", "in_the_book"),
    [
        ("timeout_before_accept", []),
        ("timeout_after_accept", ["victim"]),
        ("drop", []),
        ("reset", []),
        ("reset_after_accept", ["victim"]),
    ],
)
async def test_an_order_without_an_answer_may_or_may_not_rest(
    venue: Any, client: Any, action: str, in_the_book: list[str]
) -> None:
    await fault(venue, action)
    client.timeout = 300
    with pytest.raises(ccxt.NetworkError):
        await place(client)
    assert await booked(venue) == in_the_book
    client.timeout = 10_000
    await place(client, "later")  # the rule is used up
    assert await booked(venue) == [*in_the_book, "later"]


async def test_an_error_is_answered_as_asked_for(venue: Any, client: Any) -> None:
    await fault(venue, "error", http_status=400, code=-2019, msg="Margin is insufficient.")
    with pytest.raises(ccxt.InsufficientFunds):
        await place(client)
    await fault(venue, "error", http_status=503)
    with pytest.raises(ccxt.ExchangeNotAvailable):
        await place(client)
    await fault(venue, "error", http_status=429, code=-1003, msg="Too many requests.", retry_after=7)
    with pytest.raises(ccxt.DDoSProtection):
        await place(client)
    assert client.last_response_headers["Retry-After"] == "7"
    assert await booked(venue) == []


async def test_an_error_can_be_a_lie(venue: Any, client: Any) -> None:
    await fault(
        venue,
        "error_after_accept",
        http_status=408,
        code=-1007,
        msg="Timeout waiting for response from backend server.",
    )
    with pytest.raises(ccxt.RequestTimeout):
        await place(client)
    assert await booked(venue) == ["victim"]


async def test_a_delay_comes_before_or_after_the_order(venue: Any, client: Any) -> None:
    client.timeout = 200
    await fault(venue, "delay", ms=600)
    with pytest.raises(ccxt.RequestTimeout):
        await place(client)
    await fault(venue, "delay", answer_ms=600)
    with pytest.raises(ccxt.RequestTimeout):
        await place(client, "second")
    assert "second" in await booked(venue)


async def test_only_what_matches_is_hit(venue: Any, client: Any) -> None:
    rule = await fault(venue, "error", PLACE | {"symbol": "ETHUSDT", "client_id_prefix": "ab"}, code=-1000)
    await place(client, "abc")
    await client.create_order("ETH/USDT:USDT", "limit", "buy", 0.1, 3_000, {"clientOrderId": "xyz"})
    with pytest.raises(ccxt.BaseError):
        await client.create_order("ETH/USDT:USDT", "limit", "buy", 0.1, 3_000, {"clientOrderId": "abx"})
    (listed,) = (await venue.admin("GET", "/faults"))["faults"]
    assert (listed["id"], listed["hits"]) == (rule, 1)


async def test_one_order_of_a_batch_can_be_hit(venue: Any, client: Any) -> None:
    match = {"path": "/fapi/v1/batchOrders", "method": "POST", "client_id_prefix": "b"}
    await fault(venue, "error", match, each=True, code=-2019, msg="Margin is insufficient.")
    order = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": 90_000}
    answers = await client.create_orders([order | {"params": {"clientOrderId": name}} for name in ("a", "b", "c")])
    assert [answer["info"]["code"] for answer in answers if answer["status"] == "rejected"] == [-2019]
    assert await booked(venue) == ["a", "c"]


async def test_a_fault_on_the_websocket_api_swallows_the_answer(venue: Any, client: Any) -> None:
    await fault(venue, "timeout_after_accept", {"path": "order.place"})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.create_order_ws(BTC, "limit", "buy", 0.01, 90_000, {"clientOrderId": "ws"}), 0.5)
    assert await booked(venue) == ["ws"]


async def test_faults_are_removed(venue: Any, client: Any) -> None:
    first = await fault(venue, "error")
    await fault(venue, "drop")
    assert await venue.admin("DELETE", f"/faults/{first}") == {"removed": 1}
    assert await venue.admin("DELETE", "/faults") == {"removed": 1}
    await place(client)


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"},
        {"action": "drop", "match": {"path": "/x", "colour": "red"}},
        {"action": "drop_event", "match": {"path": "/x"}},
        {"action": "drop", "match": {"event": "ORDER_TRADE_UPDATE"}},
        {"action": "drop", "probability": 2},
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_in_a_sentence(venue: Any, rule: dict[str, Any]) -> None:
    answer = await venue.admin("POST", "/faults", rule, expect=422)
    assert answer["error"].endswith(".")


class Stream:
    """A user data stream, order events only."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._task = asyncio.create_task(client.watch_orders())

    async def opened(self, venue: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await venue.admin("GET", "/health"))["sockets"]["user"] == 0:
                pass

    async def seen(self, count: int) -> list[str]:
        """Client ids of the next order events."""
        wanted = [await self._client.frame(lambda frame: frame.get("e") == "ORDER_TRADE_UPDATE") for _ in range(count)]
        return [frame["o"]["c"] for frame in wanted]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.mark.parametrize(
    ("action", "more", "seen"),
    [
        ("duplicate_event", {}, ["a", "a", "b", "c"]),
        ("drop_event", {}, ["b", "c"]),
        ("reorder_events", {"ms": 60_000}, ["b", "a", "c"]),
        ("delay_event", {"ms": 300}, ["b", "c", "a"]),
    ],
)
async def test_user_frames_can_be_repeated_lost_swapped_and_late(
    venue: Any, client: Any, action: str, more: dict[str, int], seen: list[str]
) -> None:
    stream = Stream(client)
    await stream.opened(venue)
    await fault(venue, action, {"event": "ORDER_TRADE_UPDATE", "client_id_prefix": "a"}, **more)
    for client_id in ("a", "b", "c"):
        await place(client, client_id)
    assert await stream.seen(len(seen)) == seen
    assert (await venue.admin("GET", "/stats"))["faults"] == {action: 1}
    await stream.close()


async def test_a_held_frame_comes_by_itself_when_nothing_follows(venue: Any, client: Any) -> None:
    stream = Stream(client)
    await stream.opened(venue)
    await fault(venue, "reorder_events", {"event": "ORDER_TRADE_UPDATE"}, ms=50)
    await place(client, "alone")
    assert await stream.seen(1) == ["alone"]
    await stream.close()
