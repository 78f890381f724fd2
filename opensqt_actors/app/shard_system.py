"""One shard's process from settings: venues, journal, actors, and the socket on which its supervisor finds it."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import psutil
from loguru import logger
from msgspec.structs import replace

import opensqt_actors
from opensqt_actors.actors.ports import Announce, Exited, Reply
from opensqt_actors.actors.shard import ShardActor
from opensqt_actors.actors.shard_gateway import EndShard, ShardGateway, StartGateway, VenuesOpen
from opensqt_actors.actors.shard_link import Measured, Screens, SendUp
from opensqt_actors.actors.shard_messages import StopShard
from opensqt_actors.api.server import ApiServer
from opensqt_actors.api.shard_service import ShardService, add_to
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.app.bridge import log_and_store
from opensqt_actors.app.engines import make_engine
from opensqt_actors.app.observed import ObservedJournal
from opensqt_actors.app.parts import open_account, shard_parts
from opensqt_actors.app.priority import make_way
from opensqt_actors.app.shard_lock import ShardLock
from opensqt_actors.app.startup import Startup
from opensqt_actors.app.strategies import installed
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.paths import shard_socket_path
from opensqt_actors.config.section import nanoseconds
from opensqt_actors.config.settings import Settings
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import SystemClock
from opensqt_actors.runtime.effects import ActorFailed
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.runtime.memory import calm_collector
from opensqt_actors.runtime.thespian_host import TURN, ThespianHost
from opensqt_actors.storage import Database, Registry, bind_storage
from opensqt_actors.telemetry.metrics import Metrics
from opensqt_actors.venues.driver import VenueRouter

GATEWAY = ActorId("supervisor")
"""Its actors have the names that they would have in the supervisor's own process."""
SETTLED = 10.0


class ShardSystem:
    """The parts of one shard's process and their order."""

    def __init__(self, settings: Settings, number: int, startup: Startup | None = None) -> None:
        """startup: phases so far."""
        self.settings = settings
        self.startup = startup or Startup()
        self.number = number
        self._ended: asyncio.Future[int] | None = None
        self._signals = 0
        self._process = psutil.Process()

    async def run(self) -> int:
        """Start, trade until stopped, stop; returns the exit code. OpenSqtError when it cannot start."""
        if not 0 <= self.number < self.settings.shards:
            raise ConfigError(f"shards: the configuration has {self.settings.shards}, there is no shard-{self.number}")
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        async with AsyncExitStack() as stack:
            opening = asyncio.ensure_future(self._start(stack, loop))
            await asyncio.wait((opening, self._ended), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
            else:
                opening.result()
            return await self._ended

    async def _start(self, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> None:
        settings = self.settings
        stack.enter_context(ShardLock(settings.state_dir, self.number))
        strategies = installed()
        database = Database(settings.database_url.get_secret_value())
        stack.callback(database.close)
        instance = Registry(database).instance_id()
        self.startup.reached("database")

        host = ThespianHost(SystemClock(), loop.call_later, on_root_failure=self._root_failed, turn=TURN)
        stack.callback(host.close)
        engine = make_engine(settings, instance, f"shard-{self.number}")
        stack.push_async_callback(engine.close)
        router = VenueRouter(host)
        shard = ActorId(f"{GATEWAY}/shard-{self.number}")
        accounts = {
            name: VenueAccount(
                name,
                account,
                settings.execution,
                settings.risk,
                host,
                ActorId(f"{shard}/exchange:{name}"),
                engine,
                database,
                settings.state_dir,
                instance,
            )
            for name, account in settings.accounts.items()
        }
        metrics = Metrics()
        journal = ObservedJournal(database, on_alert=self._journal_alert, metrics=metrics)
        stack.push_async_callback(self._close_journal, journal)
        bind_storage(host, journal)

        service = ShardService(self.number, GATEWAY, partial(host.tell, GATEWAY))
        self._announce: Callable[[Announce], None] = partial(self._told, journal, service)
        host.bind(Reply, lambda sender, effect: service.send(effect))
        host.bind(Announce, self._heard)
        host.bind(SendUp, lambda sender, effect: service.send(self._measured(journal, metrics, effect.fact)))
        host.bind(Exited, self._exited)
        parts = shard_parts(settings, accounts, instance, strategies)
        shutdown, supervision = settings.shutdown, settings.supervision
        gateway = ShardGateway(
            GATEWAY,
            self.number,
            lambda parent: ShardActor(shard, parent, parts),
            pid=os.getpid(),
            version=opensqt_actors.__version__,
            configuration=settings.fingerprint(),
            policy=StopShard(shutdown.cancel_on_exit, shutdown.cancel_exits),
            deadline=nanoseconds(shutdown.deadline),
            alone=nanoseconds(supervision.shard_alone),
            unheard=nanoseconds(supervision.shard_unheard),
        )
        host.start(GATEWAY, gateway)
        host.tell(GATEWAY, StartGateway())
        self._listen_to_signals(loop, host)
        server = ApiServer(
            shard_socket_path(settings.state_dir, self.number),
            service,
            add_to,
        )
        await server.start()
        self.startup.reached("socket")
        stack.push_async_callback(server.stop, 0)
        stack.push_async_callback(service.close)
        for account in accounts.values():
            stack.push_async_callback(account.close)
        await asyncio.gather(*(open_account(account, router, math.inf) for account in accounts.values()))
        self.startup.reached("venue")
        for account in accounts.values():
            account.watch(journal, metrics.tick_to_order_seconds.observe)
        await engine.start(journal.append)
        host.tell(GATEWAY, VenuesOpen())
        self.startup.reached("actors")
        loop.call_later(SETTLED, calm_collector)
        logger.debug("shard-{} is ready, process {}", self.number, os.getpid())

    def _measured(self, journal: ObservedJournal, metrics: Metrics, fact: Any) -> Any:
        """A heartbeat with what only the process itself knows of it."""
        if not isinstance(fact, Screens):
            return fact
        rss, pending = self._process.memory_info().rss, journal.counters().pending
        return replace(fact, measured=Measured(rss, pending, metrics.durations()))

    def _heard(self, sender: ActorRef, effect: Announce) -> None:
        self._announce(effect)
        if self.startup.heard(effect):
            make_way(self.settings.supervision.shard_niceness)

    def _told(self, journal: ObservedJournal, service: ShardService, announce: Announce) -> None:
        log_and_store(announce, journal.append, time.time_ns())
        service.send(announce)

    def _listen_to_signals(self, loop: asyncio.AbstractEventLoop, host: ThespianHost) -> None:
        def stop(name: str) -> None:
            self._signals += 1
            if self._signals == 1:
                logger.info("{}: shard-{} stops; a second signal stops at once", name, self.number)
                host.tell(GATEWAY, EndShard())
            else:
                self._end(0)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number.name)

    def _exited(self, sender: ActorRef, effect: Exited) -> None:
        self._end(effect.code)

    def _root_failed(self, failure: ActorFailed) -> None:
        logger.critical("{} failed: {}\n{}", failure.child, failure.reason, failure.detail)
        self._end(1)

    def _end(self, code: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    async def _close_journal(self, journal: ObservedJournal) -> None:
        left = await journal.close()
        if left:
            logger.critical("{} rows could not be written: the database is away", left)

    def _journal_alert(self, code: str, sentence: str) -> None:
        self._announce(Announce(code, "", "", sentence, "error"))
