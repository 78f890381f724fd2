"""One WebSocket of a client: bounded queues in front of its transport, and what makes it deaf.

Frames are encoded once and written to the transport as they are, many at a time: a server's frames are not masked, so
the same bytes go to every socket. User events and replies wait in order and are never dropped: when their bound is hit
the socket is closed instead. Market data is conflated: of each key only the newest frame waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal

from aiohttp import WSCloseCode, web

from opensqt_actors.simvenue.server.stats import Stats

Kind = Literal["market", "user", "api"]
CONGESTED = 256 * 1024
_FIN_TEXT = 0x81


def text_frame(payload: bytes) -> bytes:
    """A complete unmasked text frame (RFC 6455, section 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((_FIN_TEXT, length)) + payload
    if length < 65_536:
        return bytes((_FIN_TEXT, 126)) + length.to_bytes(2, "big") + payload
    return bytes((_FIN_TEXT, 127)) + length.to_bytes(8, "big") + payload


class Connection:
    """`account` is set on a user data stream and on a logged-in API socket."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        kind: Kind,
        stats: Stats,
        *,
        combined: bool = False,
        ordered_bound: int = 10_000,
        market_bound: int = 2_000,
        latency: float = 0.0,
    ) -> None:
        self.kind = kind
        self.combined = combined
        self.account = ""
        self.listen_key = ""
        self.silent = False
        self.silent_symbols: set[str] = set()
        self.streams: dict[str, None] = {}
        self._socket = socket
        self._transport = transport
        self._stats = stats
        self._ordered: deque[bytes] = deque()
        self._ordered_bound = ordered_bound
        self._market: dict[object, bytes] = {}
        self._market_bound = market_bound
        self._latency = latency
        self._closing: asyncio.Task[bool] | None = None

    @property
    def waiting(self) -> bool:
        """Whether frames wait for the transport."""
        return bool(self._ordered or self._market)

    def push(self, frame: bytes) -> None:
        """A frame that must not be lost; at the bound the socket is closed."""
        if len(self._ordered) >= self._ordered_bound:
            self._stats.frames["overflow_closed"] += 1
            self._ordered.clear()
            self.abort()
            return
        self._ordered.append(frame)

    def offer(self, key: object, frame: bytes) -> None:
        """Market data: it replaces a waiting frame of the same key. At the bound the oldest one is dropped."""
        market = self._market
        if key not in market and len(market) >= self._market_bound:
            del market[next(iter(market))]
            self._stats.frames["market_dropped"] += 1
        market[key] = frame

    def flush(self) -> None:
        """Write what waits, unless the client does not read fast enough."""
        transport = self._transport
        if transport.is_closing():
            self._ordered.clear()
            self._market.clear()
            return
        if transport.get_write_buffer_size() > CONGESTED:
            return
        self._stats.frames["user" if self.kind == "user" else "reply"] += len(self._ordered)
        self._stats.frames["market"] += len(self._market)
        data = b"".join((*self._ordered, *self._market.values()))
        self._ordered.clear()
        self._market.clear()
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._write, data)
        else:
            transport.write(data)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self, code: int = WSCloseCode.GOING_AWAY, reason: str = "") -> None:
        """Say goodbye and close."""
        if self._closing is None:
            close = self._socket.close(code=code, message=reason.encode())
            self._closing = asyncio.get_running_loop().create_task(close)

    async def closed(self) -> None:
        """Close and wait for it."""
        self.close()
        if self._closing is not None:
            await self._closing

    def abort(self) -> None:
        """Cut the connection off."""
        self._transport.abort()
