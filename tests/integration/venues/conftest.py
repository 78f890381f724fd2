"""The simulated venue as a process, and accounts on it through the real ccxt.pro; a fake in memory beside it."""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp
import orjson
import pytest
import yaml
from msgspec.structs import replace
from pydantic import SecretStr

from opensqt_actors.actors.ports import StreamUp
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import OrderRequest, Side
from opensqt_actors.venues.ccxt.binanceusdm import BinanceUsdm, Tuning
from opensqt_actors.venues.ccxt.secrets import Credentials
from opensqt_actors.venues.ccxt.simulated import SimulatedSite
from opensqt_actors.venues.fake import FakeVenue
from opensqt_actors.venues.port import Venue

PATIENCE = 10.0
ACCOUNTS = 200
"""The last one is no lab's: test_market_rules.py wants an account that nobody has touched."""
SYMBOLS = 40

T = TypeVar("T")


class Told:
    """Everything that a venue told, with a way to wait for more."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.quotes: list[tuple[str, Decimal, Decimal]] = []
        self._news = asyncio.Event()

    def on_event(self, event: Any) -> None:
        self.events.append(event)
        self._news.set()

    def on_quote(self, symbol: str, bid: str | float, ask: str | float, at: int) -> None:
        assert at > 0
        self.quotes.append((symbol, Decimal(bid), Decimal(ask)))
        self._news.set()

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, seen: Callable[[], T]) -> T:
        """Wait until `seen` gives something true, looking after each piece of news."""
        async with asyncio.timeout(PATIENCE):
            while not (found := seen()):
                self._news.clear()
                await self._news.wait()
        return found


@dataclass(frozen=True)
class Simulator:
    """A running process of the simulated venue."""

    port: int
    admin_port: int
    ca: Path
    process: subprocess.Popen[bytes]

    @property
    def site(self) -> SimulatedSite:
        return SimulatedSite(self.port, self.ca)

    async def admin(self, method: str, path: str, body: object = None) -> Any:
        url = f"http://127.0.0.1:{self.admin_port}{path}"
        async with aiohttp.ClientSession() as http, http.request(method, url, json=body) as answer:
            document = await answer.json()
            assert answer.status == 200, document
            return document

    async def fault(self, match: dict[str, Any], action: str, **more: Any) -> None:
        await self.admin("POST", "/faults", {"match": match, "action": action, **more})


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One process for all tests: scripted markets, an account and a symbol for each test that wants one."""
    folder = tmp_path_factory.mktemp("simulator")
    accounts = [{"key": f"sim-key-{n:02}", "secret": f"sim-secret-{n:02}", "balance": 10_000} for n in range(ACCOUNTS)]
    settings = {
        "accounts": accounts,
        "limits": "market-maker",
        "markets": {"synthetic": SYMBOLS, "scripted": True},
        "tick_ms": 5,
    }
    config = folder / "venue.yaml"
    config.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "opensqt_actors.simvenue", "--port", "0", "--admin-port", "0"]
    command += ["--dir", str(folder), "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], 30)
            assert ready, "the simulated venue did not start"
            told = orjson.loads(process.stdout.readline())
            yield Simulator(told["port"], told["admin_port"], Path(told["ca"]), process)
        finally:
            process.terminate()
            process.wait(timeout=10)


_numbers = itertools.count()
_labs = itertools.count()


@dataclass
class Lab:
    """One account on one venue with one symbol, and what the venue told. `move` sets the market's price, in ticks."""

    venue: Venue
    told: Told
    symbol: str
    move: Callable[[int], Any]
    key: str = ""

    @property
    def instrument(self) -> Instrument:
        return self.venue.instruments()[self.symbol]

    async def price(self, ticks: int) -> tuple[int, int]:
        """Move the market; best bid and ask in ticks, as streamed afterwards."""
        self.told.quotes.clear()
        await self.move(ticks)
        near = self.instrument.price(ticks)

        def arrived() -> tuple[Decimal, Decimal] | None:
            for symbol, bid, ask in reversed(self.told.quotes):
                if symbol == self.symbol and abs(bid / near - 1) < Decimal("0.005"):
                    return bid, ask
            return None

        bid, ask = await self.told.until(arrived)
        return self.instrument.exact_ticks(bid), self.instrument.exact_ticks(ask)

    async def started(self) -> tuple[int, int]:
        """Subscribed, with a price."""
        await self.venue.subscribe(self.instrument)
        await self.told.until(lambda: StreamUp("prices", reconnected=False) in self.told.events)
        ticks = self.instrument.price_to_ticks(await self.reference())
        return await self.price(ticks + max(1, ticks // 500))

    async def reference(self) -> Decimal:
        return Decimal(1_000) * self.instrument.tick * 10

    def order(self, price: int | None, side: Side = Side.BUY, *, quote: int = 60, **more: Any) -> OrderRequest:
        """An order of about `quote` USDT at `price` (a market order at None)."""
        at = price if price is not None else self.last_bid()
        steps = int(quote / (self.instrument.price(at) * self.instrument.step)) + 1
        number = f"sq00000{next(_numbers):012x}"
        return OrderRequest(ClientId(number), self.symbol, side, price, steps, **more)

    def last_bid(self) -> int:
        return next(
            self.instrument.exact_ticks(bid) for symbol, bid, _ in reversed(self.told.quotes) if symbol == self.symbol
        )


class SimulatedLab(Lab):
    """On the simulated venue."""

    simulator: Simulator

    async def reference(self) -> Decimal:
        markets = (await self.simulator.admin("GET", "/markets"))["markets"]
        return next(Decimal(market["bid"]) for market in markets if market["symbol"] == self.symbol)


Opening = Callable[[BinanceUsdm, Told], Awaitable[None]]


class Open(Protocol):
    async def __call__(self, tuning: Tuning | None = None, opening: Opening | None = None) -> SimulatedLab: ...


@pytest.fixture
async def open_simulated(simulator: Simulator) -> AsyncIterator[Open]:
    """Opens accounts on the simulated venue; they are closed, and the faults taken away, at the end."""
    labs: list[SimulatedLab] = []

    async def opened(tuning: Tuning | None = None, opening: Opening | None = None) -> SimulatedLab:
        number = next(_labs)
        assert number < ACCOUNTS - 1, "every lab needs an account of its own: raise ACCOUNTS"
        key = f"sim-key-{number:02}"
        venue = BinanceUsdm(
            f"test-{number}", Credentials(SecretStr(key), SecretStr(f"sim-secret-{number:02}")), simulator.site, tuning
        )
        told = Told()
        await (opening(venue, told) if opening else venue.open(told.on_quote, told.on_event))
        symbol = sorted(venue.instruments())[number % SYMBOLS]

        async def move(ticks: int) -> None:
            price = venue.instruments()[symbol].price(ticks)
            await simulator.admin("POST", f"/markets/{symbol}/price", {"price": f"{price:f}"})

        lab = SimulatedLab(venue, told, symbol, move, key)
        lab.simulator = simulator
        labs.append(lab)
        return lab

    yield opened
    await simulator.admin("DELETE", "/faults")
    for lab in labs:
        await lab.venue.close()


def rules(symbol: str = "AAAUSDT") -> Instrument:
    """A market for the fake."""
    return Instrument(
        symbol, symbol.removesuffix("USDT"), "USDT", Decimal("0.01"), Decimal("0.001"), min_notional=Decimal(5)
    )


@pytest.fixture
async def fake_lab() -> AsyncIterator[Lab]:
    venue = FakeVenue([rules(), rules("BBBUSDT")], balance=Decimal(10_000))
    told = Told()
    await venue.open(told.on_quote, told.on_event)

    async def move(ticks: int) -> None:
        venue.set_price("AAAUSDT", ticks)

    yield Lab(venue, told, "AAAUSDT", move)
    await venue.close()


class QuickTuning(Tuning, frozen=True):
    """Times short enough for tests."""

    request_timeout: float = 1.0
    recv_window_ms: int = 400
    socket_answer: float = 0.5
    prove_orders: float = 0.3
    event_patience: float = 0.2
    renewal_grace: float = 0.0

    def with_renewal(self, seconds: float) -> Tuning:
        return replace(self, renew_listen_key=seconds)


@pytest.fixture
def quick() -> QuickTuning:
    return QuickTuning()
