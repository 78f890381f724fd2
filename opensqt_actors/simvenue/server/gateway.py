"""The REST side: faults, limits, key, signature and time window of each request, then the endpoint, then the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web
from loguru import logger

from opensqt_actors.simvenue.server import signing
from opensqt_actors.simvenue.server.core import Core
from opensqt_actors.simvenue.server.endpoints import ROUTES, Call, Endpoint, Security
from opensqt_actors.simvenue.server.endpoints.trading import batch_of, cancelled_ids
from opensqt_actors.simvenue.server.errors import VenueError
from opensqt_actors.simvenue.server.faults import Action, Request, Rule

HOLD_MS = 60_000
_AFTER = frozenset({Action.TIMEOUT_AFTER_ACCEPT, Action.RESET_AFTER_ACCEPT, Action.ERROR_AFTER_ACCEPT})


def execute(core: Core, endpoint: Endpoint, parameters: Mapping[str, str], account: str) -> Any:
    """Count orders, run the endpoint, tell the listeners what it caused. Raises VenueError."""
    now = core.now()
    try:
        if endpoint.orders is not None:
            core.limiter.orders(account, *endpoint.orders(parameters), now)
        return endpoint.handler(Call(core, parameters, account, now))
    except VenueError as error:
        core.stats.rejections[error.code] += 1
        if endpoint.orders is not None:
            core.stats.orders["rejected"] += 1
        raise
    finally:
        core.settle()


def about(path: str, method: str, account: str, parameters: Mapping[str, str]) -> Request:
    """What a fault rule may look at."""
    entries: list[Mapping[str, str]] = [parameters]
    if path.endswith("/batchOrders"):
        with suppress(VenueError):  # the endpoint itself will refuse it
            entries += cancelled_ids(parameters) if method == "DELETE" else batch_of(parameters)
    symbols = {entry["symbol"] for entry in entries if entry.get("symbol")}
    names = ("newClientOrderId", "origClientOrderId")
    return Request(
        path,
        method,
        account,
        symbols,
        {entry[name] for entry in entries for name in names if entry.get(name)},
        {entry["timeInForce"] for entry in entries if entry.get("timeInForce")},
    )


class Gateway:
    """Handles every request that is no WebSocket. `stopping` ends held requests."""

    def __init__(self, core: Core, stopping: asyncio.Event) -> None:
        self._core = core
        self._stopping = stopping

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode("utf-8", "replace")
        path, method = request.path, request.method
        query = request.raw_path.partition("?")[2]
        endpoint = ROUTES.get((method, path))
        if endpoint is None:
            return _response(404, {"code": -5000, "msg": f"Path {path}, Method {method} is invalid"}, {})
        parameters = signing.parse(query, body)
        account = request.headers.get("X-MBX-APIKEY", "")
        rule = None
        if not self._core.faults.none:
            rule = self._core.faults.on_request(about(path, method, account, parameters))
        if rule is not None:
            self._core.stats.faults[rule.action.value] += 1
            logger.info("fault {} ({}) hits {} {}", rule.id, rule.action.value, method, path)
            ended = await self._before(rule, request)
            if ended is not None:
                return ended
        latency = self._core.settings.latency
        if latency.request_ms:
            await self._wait(latency.request_ms)
        answer = self._answer(request, endpoint, query, body, parameters, account)
        self._core.stats.request(method, path, answer.status)
        response = answer if rule is None else await self._after(rule, request, answer)
        if latency.answer_ms:
            await self._wait(latency.answer_ms)
        return response

    def _answer(
        self,
        request: web.BaseRequest,
        endpoint: Endpoint,
        query: str,
        body: str,
        parameters: Mapping[str, str],
        account: str,
    ) -> web.Response:
        core = self._core
        address = request.remote or ""
        headers: dict[str, str] = {}
        try:
            used = core.limiter.request(address, endpoint.weight(parameters), core.clock.now())
            headers["X-MBX-USED-WEIGHT-1M"] = str(used)
            self._authorize(endpoint, query, body, parameters, account)
            result = execute(core, endpoint, parameters, account)
            status = 200
        except VenueError as error:
            result, status = error.body(), error.status
            if error.retry_after is not None:
                headers["Retry-After"] = str(error.retry_after)
        if endpoint.orders is not None and account in core.secrets:
            short, long = core.limiter.used(account, core.clock.now())
            headers["X-MBX-ORDER-COUNT-10S"] = str(short)
            headers["X-MBX-ORDER-COUNT-1M"] = str(long)
        return _response(status, result, headers)

    def _authorize(
        self, endpoint: Endpoint, query: str, body: str, parameters: Mapping[str, str], account: str
    ) -> None:
        if endpoint.security is Security.NONE:
            return
        check_key(self._core, account)
        if endpoint.security is Security.SIGNED:
            signing.check_time(parameters, self._core.clock.told())
            signing.check_signature(self._core.secrets[account], query, body)

    async def _before(self, rule: Rule, request: web.BaseRequest) -> web.StreamResponse | None:
        """What a rule does before the request is looked at; a response when that was the end of it."""
        match rule.action:
            case Action.TIMEOUT_BEFORE_ACCEPT:
                await self._wait(rule.ms if rule.ms is not None else HOLD_MS)
                return _cut(request, abort=False)
            case Action.DROP:
                return _cut(request, abort=False)
            case Action.RESET:
                return _cut(request, abort=True)
            case Action.ERROR:
                return _failure(rule)
            case Action.DELAY:
                await self._wait(rule.ms or 0)
                return None
            case _:
                return None

    async def _after(self, rule: Rule, request: web.BaseRequest, response: web.Response) -> web.StreamResponse:
        """What a rule does once the request has had its effect."""
        if rule.answer_ms:
            await self._wait(rule.answer_ms)
        if rule.action not in _AFTER:
            return response
        if rule.action is Action.ERROR_AFTER_ACCEPT:
            return _failure(rule)
        if rule.action is Action.TIMEOUT_AFTER_ACCEPT:
            await self._wait(rule.ms if rule.ms is not None else HOLD_MS)
        return _cut(request, abort=rule.action is Action.RESET_AFTER_ACCEPT)

    async def _wait(self, ms: int) -> None:
        """Let time pass, but not past the venue's end."""
        try:
            async with asyncio.timeout(ms / 1_000):
                await self._stopping.wait()
        except TimeoutError:
            return


def check_key(core: Core, account: str) -> None:
    """Raises VenueError -2014, -2015."""
    if not account:
        raise VenueError(-2014, "API-key format invalid.")
    if account not in core.secrets:
        raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.")


def _response(status: int, document: Any, headers: dict[str, str]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), headers=headers, content_type="application/json")


def _failure(rule: Rule) -> web.Response:
    headers = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
    if rule.code is None:
        # What a gateway in front of the venue says: no JSON at all.
        return web.Response(status=rule.http_status, text=rule.msg, headers=headers)
    return _response(rule.http_status, {"code": rule.code, "msg": rule.msg}, headers)


def _cut(request: web.BaseRequest, *, abort: bool) -> web.Response:
    """Close the client's connection without an answer."""
    transport = request.transport
    if transport is not None:
        if abort:
            transport.abort()
        else:
            transport.close()
    return web.Response(status=500)
