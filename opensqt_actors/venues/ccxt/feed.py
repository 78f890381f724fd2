"""One WebSocket connection kept alive: ccxt.pro connects, pings and closes it; frames go to a hook of ours instead.

The hook replaces ccxt's `handle_text_or_binary_message` on each connection: ccxt calls it from a callback in which an
exception ends the receive loop for good while the socket stays open, and a broken JSON text already raises there.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
import orjson
from loguru import logger

from opensqt_actors.venues.ccxt.secrets import Scrubber

FrameHook = Callable[[dict[str, Any]], None]
_ALIVE = "alive"
_CONNECT = 12.0  # ccxt gives a dial up after 10 s
_CLOSE = 0.5
_PONG_POLL = 0.02
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 15.0
_REPORTED_BAD_FRAMES = 5


class StreamLost(Exception):
    """The connection, or the subscription on it, is no longer good. The text says why, without secrets."""


class NotAnswered(StreamLost):
    """The venue did not answer a request in time."""


class Session(Protocol):
    """What a feed does with a connection: subscribe, verify, and go on until it returns or raises StreamLost."""

    def __call__(self) -> Awaitable[None]: ...


class Feed:
    """Connects, runs the session, reconnects with back-off and full jitter. Frames arrive in order, each exactly once.

    url: a coroutine, asked before each connection; it may raise. session: started on each new connection; it must
    call `up()` once its subscription is verified. on_up(reconnected) and on_down(reason) alternate.
    """

    def __init__(
        self,
        name: str,
        exchange: Any,
        http: aiohttp.ClientSession,
        scrubber: Scrubber,
        *,
        url: Callable[[], Awaitable[str]],
        on_frame: FrameHook,
        session: Session,
        on_up: Callable[[bool], None],
        on_down: Callable[[str], None],
        answer_within: float,
    ) -> None:
        self.name = name
        self._exchange = exchange
        self._http = http
        self._scrubber = scrubber
        self._url = url
        self._on_frame = on_frame
        self._session = session
        self._on_up = on_up
        self._on_down = on_down
        self._answer_within = answer_within
        self._client: Any = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._ever_up = False
        self.is_up = False
        self.frames = 0
        self.bad_frames = 0
        self.connections = 0
        self.last_frame = 0

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        failures = 0
        while True:
            self.is_up = False
            try:
                await self._connected_once()
                reason = ""
            except Exception as error:  # noqa: BLE001 - whatever broke this connection, the next one may work
                reason = self._scrubber.clean(error) or type(error).__name__
            finally:
                was_up, self.is_up = self.is_up, False
            if was_up:
                failures = 0
                self._on_down(reason or "no longer needed")
            if reason:
                failures += 1
                logger.info("{}: {}", self.name, reason)
                await asyncio.sleep(random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**failures)))

    def up(self) -> None:
        """Called by the session: subscribed and verified."""
        reconnected, self._ever_up, self.is_up = self._ever_up, True, True
        self._on_up(reconnected)

    def drop(self, reason: str) -> None:
        """Give this connection up; the next one follows at once."""
        client = self._client
        if client is not None and _ALIVE in client.futures:
            client.reject(StreamLost(reason), _ALIVE)

    async def ask(self, method: str, params: list[str] | None = None) -> Any:
        """Send a request over the socket and wait for its `result`; StreamLost when it is refused or not answered."""
        self._last_id += 1
        request: dict[str, Any] = {"method": method, "id": self._last_id}
        if params is not None:
            request["params"] = params
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[self._last_id] = answered
        try:
            async with asyncio.timeout(self._answer_within):
                await self._client.send(orjson.dumps(request).decode())
                return await answered
        except TimeoutError:
            raise NotAnswered(f"{method} was not answered within {self._answer_within:g} s") from None
        except ConnectionError as error:
            raise StreamLost(f"{method} could not be sent: {error}") from None
        finally:
            self._asked.pop(request["id"], None)

    async def ping(self) -> None:
        """Wait for a pong; StreamLost when none comes."""
        client = self._client
        before = client.lastPong
        try:
            async with asyncio.timeout(self._answer_within):
                await client.connection.ping()
                while client.lastPong == before:  # noqa: ASYNC110 - ccxt has no event for a pong
                    await asyncio.sleep(_PONG_POLL)
        except TimeoutError:
            raise NotAnswered(f"no pong within {self._answer_within:g} s") from None
        except ConnectionError as error:
            raise StreamLost(f"the ping could not be sent: {error}") from None

    def _answer(self, frame: dict[str, Any]) -> bool:
        """Take a frame that answers a request of `ask`; False when it is none."""
        answered = self._asked.get(frame.get("id", 0))
        if answered is None:
            return False
        if not answered.done():
            error = frame.get("error") or (frame if "code" in frame else None)
            if error:
                answered.set_exception(StreamLost(f"the venue refused the request: {error.get('msg', error)}"))
            else:
                answered.set_result(frame.get("result"))
        return True

    async def _connected_once(self) -> None:
        client = self._client = self._exchange.client(await self._url())
        # ccxt keeps clients by URL and hands a used one out again; this one is ours alone.
        self._exchange.clients.pop(client.url, None)
        client.handle_text_or_binary_message = self._receive
        alive: asyncio.Future[Any] = client.future(_ALIVE)
        session: asyncio.Task[None] | None = None
        try:
            # A failed dial rejects the futures that wait on the client, never `connected` itself.
            await asyncio.wait(
                {client.connect(self._http), alive}, timeout=_CONNECT, return_when=asyncio.FIRST_COMPLETED
            )
            if alive.done():
                alive.result()
            if not client.isConnected:
                raise StreamLost(f"no connection within {_CONNECT:.0f} s")
            self.connections += 1
            session = asyncio.ensure_future(self._session())
            await asyncio.wait({session, alive}, return_when=asyncio.FIRST_COMPLETED)
            if session.done():
                session.result()
            else:
                alive.result()
        finally:
            self._client = None
            await self._dispose(client, alive, session)

    async def _dispose(self, client: Any, alive: asyncio.Future[Any], session: asyncio.Task[None] | None) -> None:
        client.futures.clear()
        if alive.done() and not alive.cancelled():
            alive.exception()
        else:
            alive.cancel()
        try:
            if session is not None:
                session.cancel()
                await asyncio.wait({session})
                if not session.cancelled():
                    session.exception()
            async with asyncio.timeout(_CLOSE):
                await client.close()
        except (TimeoutError, OSError, aiohttp.ClientError):
            logger.debug("{}: the old socket did not close in time", self.name)

    def _receive(self, data: str | bytes) -> None:
        """Called by ccxt for each text frame. Never raises."""
        try:
            self.frames += 1
            self.last_frame = time.time_ns()
            frame = orjson.loads(data)
            if not (self._asked and "id" in frame and self._answer(frame)):
                self._on_frame(frame)
        except Exception as error:  # noqa: BLE001 - raised here, it would end ccxt's receive loop in silence
            self.bad_frames += 1
            if self.bad_frames <= _REPORTED_BAD_FRAMES or self.bad_frames % 1000 == 0:
                text = data.decode(errors="replace") if isinstance(data, bytes) else data
                logger.warning(
                    "{}: frame {} could not be used ({}: {}): {}",
                    self.name,
                    self.bad_frames,
                    type(error).__name__,
                    self._scrubber.clean(error),
                    self._scrubber.clean(text, 400),
                )
