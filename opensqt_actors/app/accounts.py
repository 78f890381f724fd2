"""One venue account of a process: its adapter, its price board, its driver, and the state of its streams."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.exchange import ExchangeActor
from opensqt_actors.actors.prices import PriceBoard, PriceMoved
from opensqt_actors.app.observed import ObservedJournal
from opensqt_actors.config.paths import rates_path
from opensqt_actors.config.section import nanoseconds
from opensqt_actors.config.settings import Account, Execution, Risk
from opensqt_actors.domain.ids import PREFIX
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.failpoints import VARIABLE, failpoint_of
from opensqt_actors.runtime.kernel import Host
from opensqt_actors.storage import Database, books
from opensqt_actors.venues.ccxt.binanceusdm import BinanceUsdm, Tuning
from opensqt_actors.venues.ccxt.kept_rates import KeptRates
from opensqt_actors.venues.ccxt.rest import MaySend, anything
from opensqt_actors.venues.ccxt.secrets import Credentials
from opensqt_actors.venues.ccxt.simulated import SimulatedSite
from opensqt_actors.venues.driver import VenueDriver, VenueRouter
from opensqt_actors.venues.engine import Engine


def _newest_payment(database: Database, account: str) -> int | None:
    """When the newest funding payment in the journal was made, ns."""
    with database.read() as connection:
        newest = books.newest_funding(connection, account, limit=1)
    return newest[0].at if newest else None


class VenueAccount:
    """Connects one account's adapter to the ExchangeActor of the same account."""

    def __init__(
        self,
        name: str,
        settings: Account,
        execution: Execution,
        risk: Risk,
        host: Host,
        exchange: ActorId,
        engine: Engine,
        database: Database,
        state_dir: Path,
        instance: str,
        *,
        may_send: MaySend = anything,
        request_window: int | None = None,
    ) -> None:
        """may_send: asked before everything that changes orders; request_window: ms until a request is too old."""
        self.name = name
        self.board = PriceBoard()
        self._settings = settings
        self._execution = execution
        self._risk = risk
        self._host = host
        self._exchange = exchange
        site = settings.simulated
        credentials = Credentials(settings.api_key, settings.secret)
        self.venue = BinanceUsdm(
            name,
            credentials,
            SimulatedSite(site.port, site.ca) if site is not None else None,
            Tuning()
            if request_window is None
            else Tuning(recv_window_ms=request_window, other_window_ms=request_window),
            may_send,
            KeptRates(rates_path(state_dir, name), credentials.api_key),
            f"{PREFIX}{instance}",
        )
        failpoint = failpoint_of(os.environ.get(VARIABLE, ""))
        self.driver = VenueDriver(
            host,
            self.venue,
            exchange,
            funding_until=partial(_newest_payment, database, name),
            send=engine.sender(name, self.venue),
            failpoint=failpoint,
        )
        self._journal: ObservedJournal | None = None
        self._observe: Callable[[float], None]

    async def open(self, router: VenueRouter) -> None:
        """Bring the adapter up; VenueError when it cannot be."""
        await self.driver.open(self._on_quote)
        router.register(self.driver)

    async def close(self) -> None:
        """Give sockets and tasks back; idempotent."""
        await self.driver.close()

    def actor(self, risk: ActorId) -> ExchangeActor:
        """A fresh ExchangeActor that knows the state of the streams now; again after a failure."""
        budget = self._settings.budget
        actor = ExchangeActor(
            self.name,
            self.board,
            Limits(budget.orders_per_second, budget.burst),
            risk=risk,
            published=self.venue.published,
            pending_timeout=nanoseconds(self._execution.pending_timeout),
            stale_after=max(1, round(self._execution.stale_after)),
            exposure=self._risk.exposure.limits(),
            total=self._risk.exposure.total.limit(),
            cleanup=self._risk.cleanup.settings(),
            dead_man=self._settings.dead_man_switch,
        )
        actor.orders_up = self.driver.streams.get("orders", False)
        actor.prices_up = self.driver.streams.get("prices", False)
        return actor

    def watch(self, journal: ObservedJournal, observe: Callable[[float], None]) -> None:
        """Tell `observe` the seconds of every tick that leads to an intent."""
        self._journal = journal
        self._observe = observe

    def _on_quote(self, symbol: str, bid: str | float, ask: str | float, at: int) -> None:
        if not self.board.offer(symbol, bid, ask, at):
            return
        journal = self._journal
        if journal is None:
            self._host.tell(self._exchange, PriceMoved(symbol))
            return
        asked, started = journal.asked, time.perf_counter()
        self._host.tell(self._exchange, PriceMoved(symbol))
        if journal.asked != asked:
            self._observe(time.perf_counter() - started)
