"""Signed and public REST calls: ccxt signs and knows the endpoints, aiohttp carries them, orjson reads the answers.

ccxt's own `fetch` is left out: it costs 150 us more per request and loses the status, the code and Retry-After.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import orjson
import yarl

from opensqt_actors.venues.ccxt.errors import SECOND, Meaning, RestFailure, classify
from opensqt_actors.venues.ccxt.secrets import Scrubber

QUERIES_SHARE = 0.8
LOOK_UPS_SHARE = 0.95

_USAGE = "X-MBX-"
_WEIGHT = "USED-WEIGHT-1M"
_ORDERS = ("ORDER-COUNT-10S", "ORDER-COUNT-1M")
_MINUTE = 60 * SECOND
_CACHED_URLS = 64
_QUERIES_AT_ONCE = 16  # orders have no such bound: they must not wait behind queries
_SAME_EVENT = 100_000_000  # the elements of a batch are refused together

OnThrottled = Callable[[Meaning, str], None]
"""Told each time the venue asks to wait: what it means and its words."""
OnCounted = Callable[[int, int, int], None]
"""Told with each answer that counts orders: ns when the request was sent, the account's orders in 10 s, in a minute."""
MaySend = Callable[[str], bool]
"""Whether anything that changes orders of a symbol may leave now: not when another host may have it by now."""


def anything(symbol: str) -> bool:
    """Where there is only one host."""
    return True


class Rest:
    """One account's REST side. While the venue has asked for silence, calls fail at once and nothing is sent."""

    def __init__(
        self,
        exchange: Any,
        http: aiohttp.ClientSession,
        scrubber: Scrubber,
        *,
        timeout: float,
        on_throttled: OnThrottled,
        on_counted: OnCounted,
        may_send: MaySend = anything,
    ) -> None:
        self._exchange = exchange
        self._http = http
        self._scrubber = scrubber
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=timeout * 0.6, sock_connect=timeout * 0.6)
        self._on_throttled = on_throttled
        self._on_counted = on_counted
        self._may_send = may_send
        self._queries = asyncio.Semaphore(_QUERIES_AT_ONCE)
        self._urls: dict[str, yarl.URL] = {}
        self._silent_until = 0
        self._orders_silent_until = 0
        self.requests = 0
        self.failures = 0
        self.usage: dict[str, int] = {}
        self.weight_limit = 0
        self._weight_minute = 0

    def family(self, code: int) -> type | None:
        """The class that ccxt's tables give to a venue code."""
        tables = self._exchange.exceptions
        for table in (tables.get("linear", {}).get("exact", {}), tables.get("exact", {})):
            found = table.get(str(code))
            if isinstance(found, type):
                return found
        return None

    def meaning(self, failure: RestFailure) -> Meaning:
        """Classify a failure, and keep silent from now on when the venue asks for it."""
        meaning = classify(failure, self.family, time.time_ns())
        if meaning.throttled and failure.sent:
            until = time.monotonic_ns() + meaning.retry_after
            known = self._orders_silent_until if meaning.orders_only else self._silent_until
            self._orders_silent_until = max(self._orders_silent_until, until)
            if not meaning.orders_only:
                self._silent_until = max(self._silent_until, until)
            if until > known + _SAME_EVENT:
                self._on_throttled(meaning, failure.message)
        return meaning

    async def call(
        self,
        api: str,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        orders: bool = False,
        share: float = QUERIES_SHARE,
    ) -> Any:
        """The decoded answer of a 2xx; anything else raises RestFailure. orders: the call places orders.

        share: the part of the minute's request weight that may be used when a query is made; beyond it the query
        fails, so that orders and cancels are never the ones that the venue refuses.

        An element of a batch may still be an error object: see `failure_in`.
        """
        if method == "GET":
            self._keep_weight(share)
            async with self._queries:
                return await self._exchanged(api, method, path, params, self._silent_until)
        return await self._exchanged(
            api, method, path, params, self._orders_silent_until if orders else self._silent_until
        )

    async def _exchanged(
        self, api: str, method: str, path: str, params: Mapping[str, Any] | None, silent_until: int
    ) -> Any:
        self._keep_silent(silent_until)
        signed = self._exchange.sign(path, [api], method, dict(params or {}))
        body = signed["body"]
        if method != "GET":
            # After the signature: what is held up from here on carries a time that the venue refuses as too old.
            self._keep_leases(params)
        self.requests += 1
        asked = time.time_ns()
        try:
            async with self._http.request(
                method,
                self._url(signed["url"], cache=body is not None),
                data=body.encode() if body else None,
                headers=signed["headers"],
                timeout=self._timeout,
            ) as response:
                raw = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise self._failed(f"not connected: {error}", sent=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failed(f"{type(error).__name__} {error}", sent=True) from None
        except RuntimeError as error:
            raise self._failed(str(error), sent=False) from None
        self._note_usage(response.headers, asked)
        return self._decode(response, raw)

    def failure_in(self, element: object) -> RestFailure | None:
        """The failure that an element of an answer stands for: {"code": -2019, "msg": ...}; None for a good one."""
        if not isinstance(element, dict):
            return RestFailure(200, 0, "the answer is not an object")
        code = element.get("code")
        if isinstance(code, int) and code < 0:
            return RestFailure(400, code, self._scrubber.clean(element.get("msg", "")))
        return None

    def _decode(self, response: aiohttp.ClientResponse, raw: bytes) -> Any:
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            answer = None
        if response.status < 300 and answer is not None:
            failure = self.failure_in(answer) if isinstance(answer, dict) else None
            if failure is None:
                return answer
        self.failures += 1
        code, message = 0, raw[:300].decode(errors="replace") or str(response.reason)
        if isinstance(answer, dict):
            code = answer.get("code", 0) if isinstance(answer.get("code"), int) else 0
            message = str(answer.get("msg", message))
        if response.status < 300 and code == 0:
            message = f"unreadable answer: {message}"
        raise RestFailure(
            response.status, code, self._scrubber.clean(message), retry_after=_retry_after(response.headers)
        )

    def _failed(self, message: str, *, sent: bool) -> RestFailure:
        self.failures += 1
        return RestFailure(0, 0, self._scrubber.clean(message), sent=sent)

    def _keep_weight(self, share: float) -> None:
        """The venue counts weight by the minute of its clock, which is near enough to ours."""
        minute = time.time_ns() // _MINUTE
        if minute == self._weight_minute and self.usage.get(_WEIGHT, 0) >= share * self.weight_limit > 0:
            wait = (minute + 1) * _MINUTE - time.time_ns()
            raise RestFailure(0, 0, "this minute's request weight is nearly used up", retry_after=wait, sent=False)

    def _keep_silent(self, until: int) -> None:
        left = until - time.monotonic_ns()
        if left > 0:
            raise RestFailure(0, 0, "waiting, as the venue asked", retry_after=left, sent=False)

    def _keep_leases(self, params: Mapping[str, Any] | None) -> None:
        for one in (params or {}).get("batchOrders") or (params,):
            symbol = (one or {}).get("symbol")
            if symbol is not None and not self._may_send(symbol):
                text = f"another host may trade {symbol} by now: nothing is sent without its lease"
                raise RestFailure(0, 0, text, retry_after=SECOND, sent=False)

    def _url(self, text: str, *, cache: bool) -> yarl.URL:
        if not cache:
            return yarl.URL(text, encoded=True)
        url = self._urls.get(text)
        if url is None:
            if len(self._urls) >= _CACHED_URLS:
                self._urls.clear()
            url = self._urls[text] = yarl.URL(text, encoded=True)
        return url

    def _note_usage(self, headers: Mapping[str, str], asked: int) -> None:
        told = {
            name.upper().removeprefix(_USAGE): int(value)
            for name, value in headers.items()
            if name.upper().startswith(_USAGE) and value.isdigit()
        }
        self.usage.update(told)
        if not told.keys().isdisjoint(_ORDERS):
            self._on_counted(asked, *(told.get(name, 0) for name in _ORDERS))
        self._weight_minute = time.time_ns() // _MINUTE


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Retry-After in ns; Binance gives whole seconds."""
    try:
        return int(float(headers["Retry-After"]) * SECOND)
    except (KeyError, ValueError):
        return None
