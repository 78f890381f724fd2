"""One engine on one database behind the real host, and an actor that does with a batch what the order desk does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from opensqt_actors.actors.ports import (
    CancelsAnswered,
    CommitIntents,
    IntentsCommitted,
    IntentsFailed,
    PlacesAnswered,
    SendCancels,
    SendPlaces,
)
from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import CancelRequest, OrderRequest, Side
from opensqt_actors.domain.records import Intent, Restored
from opensqt_actors.durable.engine import DurableEngine, DurableSettings
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.thespian_host import ThespianHost
from opensqt_actors.storage import Database, Journal, JournalSettings, bind_storage
from opensqt_actors.venues.driver import VenueDriver, VenueRouter
from opensqt_actors.venues.engine import Engine, SimpleEngine

ACCOUNT, SYMBOL, PROCESS = "main", "BTCUSDT", "test-process"
DESK = ActorId("desk")
CODER = IdCoder("t0", 1)


def order(number: int, kind: OrderKind = OrderKind.OPEN_BUY, *, market: bool = False) -> OrderRequest:
    """The order of a generation."""
    side = Side.BUY if kind.buys else Side.SELL
    client_id = CODER.encode(0, kind, number)
    return OrderRequest(client_id, SYMBOL, side, None if market else 100, 1, not market, not kind.opens)


def intent(request: OrderRequest, number: int) -> Intent:
    """What is written down of it."""
    kind = OrderKind.EXIT_SELL if request.reduce_only else OrderKind.OPEN_BUY
    return Intent(
        ACCOUNT, SYMBOL, request.client_id, 0, kind, number, request.side, request.price or 0, 1,
        request.reduce_only, request.post_only, number,
    )  # fmt: skip


class Batch:
    """Asks for a batch of these orders."""

    def __init__(self, number: int, orders: Sequence[OrderRequest], *, journalled: bool = False) -> None:
        self.number = number
        self.orders = tuple(orders)
        self.journalled = journalled


class Desk:
    """Commits, sends what is committed, and tells `heard` every answer. Knows nothing of engines."""

    def __init__(self, heard: Callable[[Any], None]) -> None:
        self._heard = heard
        self._batches: dict[int, Batch] = {}

    def step(self, message: Any, now: int) -> Sequence[Any]:
        match message:
            case Batch(journalled=True):
                return [SendPlaces(message.orders)]
            case Batch():
                self._batches[message.number] = message
                first = message.number * 10
                return [
                    CommitIntents(
                        message.number,
                        tuple(intent(request, first + index) for index, request in enumerate(message.orders)),
                    )
                ]
            case SendCancels():
                return [message]
            case IntentsCommitted(batch):
                self._heard(message)
                return [SendPlaces(self._batches.pop(batch).orders)]
        self._heard(message)
        return []


class WallClock:
    def now(self) -> int:
        return time.time_ns()


class Stand:
    """Everything between the actor and the venue, as the supervisor puts it together."""

    def __init__(
        self, engine: str, url: str, venue: Any, reached: Callable[[str], None] = lambda name: None, **settings: Any
    ) -> None:
        self.database = Database(url, busy_timeout=0.05)
        self.venue = venue
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.alerts: list[tuple[str, str]] = []
        self.engine: Engine = (
            SimpleEngine()
            if engine == "simple"
            else DurableEngine(url, PROCESS, settings=DurableSettings(**settings), failpoint=reached)
        )
        self.journal: Journal

    async def start(self, failpoint: Callable[[str], None] = lambda name: None) -> Stand:
        loop = asyncio.get_running_loop()
        self.journal = Journal(
            self.database,
            on_alert=lambda *alert: self.alerts.append(alert),
            settings=JournalSettings(backoff_first=0.01, backoff_last=0.02, idle=0.01),
            failpoint=failpoint,
        )
        self.host = ThespianHost(WallClock(), loop.call_later, on_root_failure=self.hear)
        bind_storage(self.host, self.journal)
        router = VenueRouter(self.host)
        self.driver = VenueDriver(self.host, self.venue, DESK, send=self.engine.sender(ACCOUNT, self.venue))
        router.register(self.driver)
        await self.engine.start(self.journal.append)
        self.host.start(DESK, Desk(self.hear))
        return self

    def hear(self, message: Any) -> None:
        self.heard.put_nowait(message)

    def tell(self, message: Any) -> None:
        self.host.tell(DESK, message)

    async def answer(self, *kinds: type) -> Any:
        """The next answer of these kinds; others are passed over."""
        while True:
            message = await self.heard.get()
            if isinstance(message, kinds):
                return message

    async def place(self, number: int, *orders: OrderRequest, journalled: bool = False) -> Any:
        self.tell(Batch(number, orders, journalled=journalled))
        return await self.answer(PlacesAnswered, IntentsFailed)

    async def cancel(self, request: OrderRequest) -> CancelsAnswered:
        self.tell(SendCancels((CancelRequest(request.client_id, SYMBOL),)))
        answered = await self.answer(CancelsAnswered)
        assert isinstance(answered, CancelsAnswered)
        return answered

    async def load(self) -> Restored:
        loaded: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.journal.load(ACCOUNT, SYMBOL, loaded.set_result)
        result = await loaded
        assert isinstance(result, Restored), result
        return result

    async def close(self) -> None:
        await self.driver.close()
        await self.engine.close()
        await self.journal.close()
        self.host.close()
        self.database.close()
