"""The WebSocket API by itself: signed requests, a logged-on session, refusals, faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import orjson
import pytest

from opensqt_actors.simvenue.server.signing import sign

pytestmark = pytest.mark.integration
PATIENCE = 10.0
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "90000",
}


class ApiSocket:
    """A client that does no more than it is told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, method: str, parameters: dict[str, Any] | None = None) -> Any:
        await self.socket.send_bytes(b"ignored")
        await self.socket.send_json({"id": "1", "method": method, "params": parameters or {}})
        return await self.receive()

    async def receive(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return orjson.loads(await self.socket.receive_str())


def signed(parameters: dict[str, Any], secret: str = "sim-demo-secret") -> dict[str, Any]:
    everything = {"apiKey": "sim-demo-key", "timestamp": str(time.time_ns() // 1_000_000)} | parameters
    payload = "&".join(f"{name}={everything[name]}" for name in sorted(everything))
    return everything | {"signature": sign(secret, payload)}


def stamped(parameters: dict[str, Any]) -> dict[str, Any]:
    return parameters | {"timestamp": time.time_ns() // 1_000_000}


@pytest.fixture
async def api(venue: Any) -> AsyncIterator[ApiSocket]:
    async with venue.session() as session, session.ws_connect("https://ws-fapi.binance.com/ws-fapi/v1") as socket:
        yield ApiSocket(socket)


async def test_public_questions_need_no_key(api: ApiSocket) -> None:
    answer = await api.ask("ticker.book", {"symbol": "BTCUSDT", "returnRateLimits": False})
    assert (answer["id"], answer["status"], answer["result"]["symbol"]) == ("1", 200, "BTCUSDT")
    assert "rateLimits" not in answer
    assert (await api.ask("ping"))["result"] == {}
    assert (await api.ask("time"))["rateLimits"]


async def test_orders_are_signed_one_by_one(api: ApiSocket) -> None:
    placed = (await api.ask("order.place", signed(ORDER | {"newClientOrderId": "one"})))["result"]
    assert (placed["status"], placed["clientOrderId"]) == ("NEW", "one")
    found = await api.ask("order.status", signed({"symbol": "BTCUSDT", "origClientOrderId": "one"}))
    assert found["result"]["orderId"] == placed["orderId"]
    assert (await api.ask("v2/account.position", signed({})))["result"][0]["symbol"] == "BTCUSDT"


async def test_a_logged_on_session_signs_once(api: ApiSocket) -> None:
    assert (await api.ask("session.status"))["result"]["apiKey"] is None
    assert (await api.ask("session.logon", signed({})))["result"]["apiKey"] == "sim-demo-key"
    assert (await api.ask("order.place", stamped(ORDER)))["status"] == 200
    assert (await api.ask("session.logout"))["result"]["apiKey"] is None
    assert (await api.ask("order.place", stamped(ORDER)))["error"]["code"] == -1102


@pytest.mark.parametrize(
    ("method", "parameters", "status", "code"),
    [
        ("order.place", lambda: signed(ORDER, "sim-wrong"), 400, -1022),
        ("order.place", lambda: signed(ORDER | {"apiKey": "sim-nobody"}), 401, -2015),
        ("session.logon", dict, 400, -1102),
        ("order.fly", dict, 400, -1000),
        ("order.cancel", lambda: None, 400, -1102),
    ],
)
async def test_refusals_carry_status_and_code(
    api: ApiSocket, method: str, parameters: Callable[[], Any], status: int, code: int
) -> None:
    answer = await api.ask(method, parameters())
    assert (answer["status"], answer["error"]["code"]) == (status, code)


async def test_what_is_no_request_is_told(api: ApiSocket) -> None:
    await api.socket.send_str("nonsense")
    assert (await api.receive())["status"] == 400


async def test_a_ban_is_told_with_the_time_to_wait(venue: Any, api: ApiSocket) -> None:
    await venue.admin("POST", "/ban", {"seconds": 30})
    answer = await api.ask("time")
    assert (answer["status"], answer["error"]["code"]) == (418, -1003)
    assert answer["error"]["data"]["retryAfter"] <= 30


@pytest.mark.parametrize(
    ("action", "status", "rests"), [("error", 503, 0), ("error_after_accept", 503, 1), ("delay", 200, 1)]
)
async def test_a_fault_changes_the_answer(venue: Any, api: ApiSocket, action: str, status: int, rests: int) -> None:
    await venue.admin("POST", "/faults", {"action": action, "match": {"path": "order.place"}, "count": 1, "ms": 1})
    assert (await api.ask("order.place", signed(ORDER)))["status"] == status
    books = await venue.admin("GET", "/accounts/sim-demo-key")
    assert books["open_orders"] == rests


@pytest.mark.parametrize(("action", "rests"), [("reset", 0), ("reset_after_accept", 1)])
async def test_a_reset_cuts_the_socket(venue: Any, api: ApiSocket, action: str, rests: int) -> None:
    await venue.admin("POST", "/faults", {"action": action, "match": {"path": "order.place"}, "count": 1})
    await api.socket.send_json({"id": "1", "method": "order.place", "params": signed(ORDER)})
    async with asyncio.timeout(PATIENCE):
        message = await api.socket.receive()
    assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR}
    assert (await venue.admin("GET", "/accounts/sim-demo-key"))["open_orders"] == rests


async def test_a_drop_leaves_the_socket_open_and_the_question_unanswered(venue: Any, api: ApiSocket) -> None:
    await venue.admin("POST", "/faults", {"action": "drop", "match": {"path": "order.place"}, "count": 1})
    await api.socket.send_json({"id": "lost", "method": "order.place", "params": signed(ORDER)})
    assert (await api.ask("time"))["id"] == "1"
    assert (await venue.admin("GET", "/accounts/sim-demo-key"))["open_orders"] == 0
