"""A venue on free ports inside the test's own loop, its admin port, and real ccxt.pro clients under real host names."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.pro
import pytest

from opensqt_actors.simvenue.server.app import Ready, VenueServer
from opensqt_actors.simvenue.server.config import settings_from

PATIENCE = 10.0


class EverythingIsLocal(aiohttp.abc.AbstractResolver):
    """Every host name is the simulated venue."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        return [{"hostname": host, "host": "127.0.0.1", "port": self._port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is open."""


class RecordingClient(ccxt.pro.binanceusdm):
    """ccxt.pro with every raw frame also kept in a queue, as the trading side's hook does it."""

    frames: asyncio.Queue[Any]

    def handle_message(self, client: Any, message: Any) -> None:
        self.frames.put_nowait(message)
        super().handle_message(client, message)

    async def frame(self, wanted: Callable[[Any], bool]) -> Any:
        """The next frame that is wanted; others before it are dropped."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.frames.get()
                if wanted(message):
                    return message


class Venue:
    """A running venue with its admin port."""

    def __init__(self, server: VenueServer, ready: Ready) -> None:
        self.server = server
        self.ready = ready
        self.http = aiohttp.ClientSession(base_url=f"http://127.0.0.1:{ready.admin_port}")

    async def admin(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        async with self.http.request(method, path, json=body) as response:
            document = await response.json()
            assert response.status == expect, document
            return document

    def session(self) -> aiohttp.ClientSession:
        """A client session to which every host is this venue."""
        trust = ssl.create_default_context(cafile=str(self.ready.ca))
        connector = aiohttp.TCPConnector(ssl=trust, resolver=EverythingIsLocal(self.ready.port), use_dns_cache=False)
        return aiohttp.ClientSession(connector=connector)


VenueMaker = Callable[..., Awaitable[Venue]]
ClientMaker = Callable[..., Awaitable[Any]]


@pytest.fixture
async def start_venue(tmp_path: Path) -> AsyncIterator[VenueMaker]:
    """Starts a venue with the given settings: three scripted markets unless told otherwise."""
    running: list[Venue] = []

    async def start(**settings: Any) -> Venue:
        document = {"markets": {"synthetic": 3, "scripted": True}, "tick_ms": 5, "limits": "market-maker"} | settings
        server = VenueServer(settings_from(document), tmp_path / "venue")
        venue = Venue(server, await server.start())
        running.append(venue)
        return venue

    yield start
    for venue in running:
        await venue.http.close()
        await venue.server.stop()


@pytest.fixture
async def venue(start_venue: VenueMaker) -> Venue:
    return await start_venue()


@pytest.fixture
async def connect() -> AsyncIterator[ClientMaker]:
    """Makes ccxt.pro clients with loaded markets; closed at the end."""
    clients: list[Any] = []

    async def make(venue: Venue, **options: Any) -> Any:
        settings = {
            "session": venue.session(),
            "enableRateLimit": False,
            "apiKey": "sim-demo-key",
            "secret": "sim-demo-secret",
        } | options
        client = RecordingClient(settings)
        client.frames = asyncio.Queue()
        client.has["fetchCurrencies"] = False
        client.options["fetchOpenOrders"] = {"warnWithoutSymbol": False}
        client.options["ws"] = {"compress": 0}
        clients.append(client)
        await client.load_markets()
        return client

    yield make
    for client in clients:
        own = client.session
        await client.close()
        await own.close()


@pytest.fixture
async def client(venue: Venue, connect: ClientMaker) -> Any:
    return await connect(venue)
