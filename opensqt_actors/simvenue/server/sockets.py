"""The WebSocket side: market streams, user data streams and the WebSocket API; their paths, frames and life."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from opensqt_actors.simvenue.events import Event
from opensqt_actors.simvenue.server.connection import Connection, Kind, text_frame
from opensqt_actors.simvenue.server.core import Core
from opensqt_actors.simvenue.server.streams import MOST_STREAMS, MarketStreams, offered
from opensqt_actors.simvenue.server.userdata import UserStreams
from opensqt_actors.simvenue.server.wsapi import Session

# The venue pings every three minutes.
PING_SECONDS = 180
MOST_BYTES = 1024 * 1024
API_PATH = "/ws-fapi/v1"
CATEGORIES = ("/public", "/market", "/private")


def is_socket_path(path: str) -> bool:
    """Whether a WebSocket may be opened on this path."""
    for category in CATEGORIES:
        path = path.removeprefix(category)
    return path == API_PATH or path in {"/ws", "/stream"} or path.startswith(("/ws/", "/stream/"))


class Sockets:
    """All open WebSockets. It listens to the core and has its own `tick`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._market = MarketStreams(core)
        self._user = UserStreams(core)
        self._open: set[Connection] = set()
        core.listen(self._publish)

    def count(self, kind: Kind | None = None) -> int:
        """Open sockets, of one kind or of all."""
        return sum(1 for connection in self._open if kind is None or connection.kind == kind)

    def tick(self) -> None:
        """Send what goes by the clock, and what waited for slow clients."""
        told = self._core.clock.told()
        self._market.tick(told)
        self._user.tick(self._core.clock.now(), told)
        self._flush()

    def reset(self, kind: str) -> int:
        """Cut off all sockets of a kind ("all" for every one); how many."""
        chosen = self._of(kind)
        for connection in chosen:
            connection.abort()
        return len(chosen)

    def silence(self, kind: str, symbols: Sequence[str] | None) -> int:
        """Make open sockets of a kind deaf, whole or for some symbols; how many. They stay open."""
        chosen = self._of(kind)
        for connection in chosen:
            if symbols is None:
                connection.silent = True
            else:
                connection.silent_symbols.update(symbols)
        return len(chosen)

    def unsilence(self) -> None:
        """All open sockets hear again."""
        for connection in self._open:
            connection.silent = False
            connection.silent_symbols.clear()

    def misquote(self, symbol: str, bid: int, ask: int) -> int:
        """Tell a best bid and ask (ticks) that the book does not have; how many sockets were told."""
        quote, told = self._core.exchange.book_ticker(symbol), self._core.clock.told()
        self._market.publish([quote._replace(bid=bid, ask=ask, time=self._core.now())], told)
        told_to = len(self._market.dirty)
        self._flush()
        return told_to

    async def close(self) -> None:
        """Close all sockets: the venue goes away."""
        await asyncio.gather(*(connection.closed() for connection in tuple(self._open)))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS, compress=False, max_msg_size=MOST_BYTES)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        settings = self._core.settings
        path = request.path
        key = _listen_key(request)
        kind: Kind = "api" if path == API_PATH else "user" if key else "market"
        connection = Connection(
            socket,
            transport,
            kind,
            self._core.stats,
            combined="/stream" in path,
            ordered_bound=settings.user_queue,
            market_bound=settings.market_queue,
            latency=settings.latency.stream_ms / 1_000,
        )
        if kind == "user":
            connection.account = self._core.listen_keys.account(key, self._core.clock.now()) or ""
            connection.listen_key = key
            if not connection.account:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Invalid listenKey")
                return socket
            self._user.add(connection)
        self._open.add(connection)
        try:
            self._market.subscribe(connection, [name for name in _streams_of(request) if offered(name)])
            await self._receive(socket, connection, Session(self._core, connection, request.remote or ""))
        finally:
            self._open.discard(connection)
            self._user.drop(connection)
            self._market.drop(connection)
        return socket

    async def _receive(self, socket: web.WebSocketResponse, connection: Connection, session: Session) -> None:
        second, received = 0, 0
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            now = self._core.clock.now() // 1_000
            second, received = (now, received + 1) if now == second else (now, 1)
            if connection.kind != "api" and received > self._core.limiter.limits.frames_per_second:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                return
            try:
                document = orjson.loads(message.data)
            except orjson.JSONDecodeError:
                document = None
            if connection.kind == "api":
                answer = await session.answer(document)
            else:
                answer = self._control(connection, document)
            if answer is not None:
                connection.push(text_frame(orjson.dumps(answer)))
                connection.flush()

    def _control(self, connection: Connection, document: Any) -> dict[str, Any]:
        """Answer a SUBSCRIBE, UNSUBSCRIBE or LIST_SUBSCRIPTIONS frame."""
        if not isinstance(document, dict):
            return _refusal(3, "Invalid JSON: expected an object", None)
        number = document.get("id")
        streams = document.get("params", [])
        if not isinstance(streams, list) or not all(isinstance(stream, str) for stream in streams):
            return _refusal(2, "Invalid request: params must be an array of strings", number)
        match document.get("method"):
            case "SUBSCRIBE":
                wrong = [stream for stream in streams if not offered(stream)]
                if wrong:
                    return _refusal(2, f"Invalid request: invalid stream {wrong[0]}", number)
                if len({*connection.streams, *streams}) > MOST_STREAMS:
                    return _refusal(2, f"Invalid request: at most {MOST_STREAMS} streams per connection", number)
                self._market.subscribe(connection, streams)
            case "UNSUBSCRIBE":
                self._market.unsubscribe(connection, streams)
            case "LIST_SUBSCRIPTIONS":
                return {"result": list(connection.streams), "id": number}
            case method:
                return _refusal(2, f"Invalid request: unknown method {method}", number)
        return {"result": None, "id": number}

    def _publish(self, events: Sequence[Event], told: int) -> None:
        self._user.publish(events, told)
        self._market.publish(events, told)
        self._flush()

    def _flush(self) -> None:
        for dirty in (self._user.dirty, self._market.dirty):
            for connection in [*dirty]:
                connection.flush()
                if not connection.waiting:
                    del dirty[connection]

    def _of(self, kind: str) -> list[Connection]:
        return [connection for connection in self._open if kind in {"all", connection.kind}]


def _listen_key(request: web.BaseRequest) -> str:
    """The listen key, as a query parameter or as the last part of the path; empty on a market stream."""
    key = request.query.get("listenKey", "")
    tail = request.path.rpartition("/")[2]
    # A path's last part may also be a number that tells connections apart, or a stream's name.
    if not key and len(tail) == 64 and tail.isalnum():
        key = tail
    return key


def _streams_of(request: web.BaseRequest) -> list[str]:
    named = [stream for stream in request.query.get("streams", "").split("/") if stream]
    tail = request.path.rpartition("/ws/")[2]
    if "/ws/" in request.path and ("@" in tail or tail.startswith("!")):
        named.append(tail)
    return named


def _refusal(code: int, message: str, number: Any) -> dict[str, Any]:
    return {"error": {"code": code, "msg": message}, "id": number}
