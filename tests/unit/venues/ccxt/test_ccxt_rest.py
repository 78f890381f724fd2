"""REST calls against a small server of our own: decoding, usage, silence, and the weight that is kept for orders."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from opensqt_actors.venues.ccxt import rest as rest_module
from opensqt_actors.venues.ccxt.errors import Meaning, RestFailure, Verdict
from opensqt_actors.venues.ccxt.rest import LOOK_UPS_SHARE, Rest
from opensqt_actors.venues.ccxt.secrets import Credentials, Scrubber

CREDENTIALS = Credentials(SecretStr("canary-key"), SecretStr("canary-secret"))
MINUTE = 60_000_000_000
LEFT = {"ETHUSDT"}
"""Symbols that another host may have."""


class Exchange:
    """What REST needs of ccxt: an address for a path, and tables of errors."""

    exceptions: dict[str, Any] = {"exact": {}, "linear": {"exact": {}}}  # noqa: RUF012 - as ccxt has it

    def __init__(self, base: str) -> None:
        self.base = base

    def sign(self, path: str, api: list[str], method: str, params: dict[str, Any]) -> dict[str, Any]:
        body = "&".join(f"{name}={value}" for name, value in params.items()) if method == "POST" else None
        return {"url": f"{self.base}/{path}", "method": method, "headers": {"X-MBX-APIKEY": "canary-key"}, "body": body}


class World:
    def __init__(
        self, rest: Rest, asked: list[str], throttled: list[Meaning], answers: dict[str, Any], counted: list[Any]
    ) -> None:
        self.rest, self.asked, self.throttled, self.answers = rest, asked, throttled, answers
        self.counted = counted


@pytest.fixture
async def world() -> AsyncIterator[World]:
    asked: list[str] = []
    throttled: list[Meaning] = []
    counted: list[tuple[int, int, int]] = []
    answers: dict[str, web.Response] = {}

    async def handle(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path} {await request.text()}".strip())
        answer = answers.get(request.path, {"json": {"ok": True}})
        return web.Response(**answer) if "json" not in answer else web.json_response(answer["json"], **answer["more"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    answers["/fine"] = {"json": {"fine": 1}, "more": {"headers": {"X-MBX-USED-WEIGHT-1M": "1900"}}}
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        exchange = Exchange(str(server.make_url("")).rstrip("/"))
        rest = Rest(
            exchange,
            http,
            Scrubber(CREDENTIALS),
            timeout=2.0,
            on_throttled=lambda meaning, _: throttled.append(meaning),
            on_counted=lambda asked, short, long: counted.append((asked, short, long)),
            may_send=lambda symbol: symbol not in LEFT,
        )
        yield World(rest, asked, throttled, answers, counted)


async def test_an_answer_is_decoded_and_what_it_says_of_usage_is_kept(world: World) -> None:
    assert await world.rest.call("public", "GET", "fine") == {"fine": 1}
    assert world.rest.usage == {"USED-WEIGHT-1M": 1900}
    assert await world.rest.call("private", "POST", "fine", {"a": 1}) == {"fine": 1}
    assert world.asked == ["GET /fine", "POST /fine a=1"]


async def test_counts_of_orders_are_told_with_the_time_of_their_request(world: World) -> None:
    await world.rest.call("private", "POST", "fine")
    assert not world.counted
    counts = {"x-mbx-order-count-10s": "7", "X-MBX-ORDER-COUNT-1M": "9"}
    world.answers["/order"] = {"json": {"fine": 1}, "more": {"headers": counts}}
    before = time.time_ns()
    await world.rest.call("private", "POST", "order", orders=True)
    ((asked, short, long),) = world.counted
    assert (short, long) == (7, 9)
    assert before <= asked <= time.time_ns()


@pytest.mark.parametrize(
    ("answer", "status", "code", "message"),
    [
        ({"status": 400, "text": '{"code": -2019, "msg": "no, canary-key"}'}, 400, -2019, "no, ***"),
        ({"status": 502, "text": "<html>bad gateway"}, 502, 0, "<html>bad gateway"),
        ({"status": 200, "text": "not json"}, 200, 0, "unreadable answer: not json"),
        ({"status": 200, "text": '{"code": -1000, "msg": "odd"}'}, 200, -1000, "odd"),
        ({"status": 500, "text": ""}, 500, 0, "Internal Server Error"),
    ],
)
async def test_a_failure_keeps_status_code_and_words_without_secrets(
    world: World, answer: dict[str, Any], status: int, code: int, message: str
) -> None:
    world.answers["/bad"] = answer
    with pytest.raises(RestFailure) as caught:
        await world.rest.call("private", "GET", "bad")
    assert (caught.value.status, caught.value.code, caught.value.message) == (status, code, message)


async def test_nothing_leaves_the_machine_while_the_venue_wants_silence(world: World) -> None:
    world.answers["/busy"] = {"status": 429, "text": '{"code": -1003, "msg": "x"}', "headers": {"Retry-After": "30"}}
    with pytest.raises(RestFailure) as caught:
        await world.rest.call("private", "GET", "busy")
    assert world.rest.meaning(caught.value).retry_after == 30_000_000_000
    with pytest.raises(RestFailure) as caught:
        await world.rest.call("private", "DELETE", "fine")
    meaning = world.rest.meaning(caught.value)
    assert (meaning.verdict, meaning.throttled) == (Verdict.NOT_SENT, False)
    assert 29_000_000_000 < meaning.retry_after <= 30_000_000_000
    assert len(world.asked) == 1
    assert len(world.throttled) == 1


async def test_a_batch_that_is_refused_for_its_rate_is_told_once(world: World) -> None:
    for _ in range(5):
        world.rest.meaning(RestFailure(400, -1015, "Too many new orders."))
    assert len(world.throttled) == 1


async def test_the_last_part_of_the_weight_is_kept_for_look_ups_and_the_very_last_for_orders(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_module.time, "time_ns", lambda: 100 * MINUTE + MINUTE // 2)
    world.rest.weight_limit = 2_200
    await world.rest.call("public", "GET", "fine")
    with pytest.raises(RestFailure) as caught:
        await world.rest.call("public", "GET", "fine")
    assert caught.value.retry_after == MINUTE // 2
    assert not caught.value.sent
    await world.rest.call("public", "GET", "fine", share=LOOK_UPS_SHARE)
    world.rest.weight_limit = 1_950
    with pytest.raises(RestFailure):
        await world.rest.call("public", "GET", "fine", share=LOOK_UPS_SHARE)
    await world.rest.call("private", "POST", "fine", orders=True)
    monkeypatch.setattr(rest_module.time, "time_ns", lambda: 101 * MINUTE)
    await world.rest.call("public", "GET", "fine")


async def test_the_class_of_a_code_is_taken_from_the_futures_table_first(world: World) -> None:
    world.rest._exchange.exceptions = {"exact": {"-1": OSError, "-2": OSError}, "linear": {"exact": {"-1": KeyError}}}
    assert [world.rest.family(code) for code in (-1, -2, -3)] == [KeyError, OSError, None]


async def test_a_closed_session_was_not_sent_to(world: World) -> None:
    await world.rest._http.close()
    with pytest.raises(RestFailure) as caught:
        await world.rest.call("public", "GET", "fine")
    assert not caught.value.sent


async def test_without_a_published_limit_nothing_is_held_back(world: World) -> None:
    world.rest.weight_limit = 0
    await world.rest.call("public", "GET", "fine")
    await world.rest.call("public", "GET", "fine")
    assert len(world.asked) == 2


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("POST", {"symbol": "ETHUSDT"}),
        ("DELETE", {"symbol": "ETHUSDT", "origClientOrderId": "x"}),
        ("POST", {"batchOrders": [{"symbol": "BTCUSDT"}, {"symbol": "ETHUSDT"}]}),
    ],
)
async def test_f36_nothing_that_changes_a_symbol_is_sent_without_its_lease(
    world: World, method: str, params: dict[str, Any]
) -> None:
    with pytest.raises(RestFailure) as failure:
        await world.rest.call("private", method, "order", params)
    assert not failure.value.sent
    assert "ETHUSDT" in str(failure.value)
    assert world.rest.meaning(failure.value).verdict is Verdict.NOT_SENT
    assert world.asked == []


async def test_what_is_held_and_what_only_asks_is_sent(world: World) -> None:
    await world.rest.call("private", "POST", "fine", {"symbol": "BTCUSDT"})
    await world.rest.call("private", "POST", "fine", {"batchOrders": [{"symbol": "BTCUSDT"}]})
    await world.rest.call("private", "GET", "fine", {"symbol": "ETHUSDT"})
    await world.rest.call("private", "POST", "fine")
    assert len(world.asked) == 4
