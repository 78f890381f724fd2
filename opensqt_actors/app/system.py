"""One supervisor process from settings: starts every part in order, runs until stopped, ends every part in reverse.

Whatever cannot work is said before anything trades; a failure on the way takes back what was started.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from msgspec import Struct
from msgspec.structs import replace

import opensqt_actors
from opensqt_actors.actors import operator
from opensqt_actors.actors.fleet import Fleet
from opensqt_actors.actors.leases import Leases
from opensqt_actors.actors.portfolio_risk import PortfolioRiskActor
from opensqt_actors.actors.ports import Announce, Exited
from opensqt_actors.actors.shard import ShardActor
from opensqt_actors.actors.shard_proxy import ShardLimits, ShardProxy
from opensqt_actors.actors.supervisor import ShutdownPolicy, StartSupervisor, SupervisorActor
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.app.bridge import Bridge
from opensqt_actors.app.engines import make_engine, make_runner
from opensqt_actors.app.observed import ObservedJournal
from opensqt_actors.app.operations.desk import OperationsDesk
from opensqt_actors.app.parts import open_account, restart_policy, shard_parts
from opensqt_actors.app.shard_lock import shard_processes
from opensqt_actors.app.start_checks import check_accounts, check_alone, check_first, seed
from opensqt_actors.app.startup import Startup
from opensqt_actors.app.state_lock import StateLock
from opensqt_actors.app.strategies import installed
from opensqt_actors.app.surfaces import Surfaces, take_surfaces
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.section import nanoseconds
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.exposure import Limit
from opensqt_actors.domain.placement import place
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.domain.strategy import StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import SystemClock
from opensqt_actors.runtime.effects import ActorFailed
from opensqt_actors.runtime.failpoints import VARIABLE, failpoint_of
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.runtime.memory import calm_collector
from opensqt_actors.runtime.thespian_host import TURN, ThespianHost
from opensqt_actors.storage import Database, Registry, bind_storage, load_risk
from opensqt_actors.telemetry.logs import Logs
from opensqt_actors.venues.driver import VenueRouter
from opensqt_actors.venues.engine import Engine, SimpleEngine

if TYPE_CHECKING:
    from opensqt_actors.app.shard_processes import ShardProcesses

SUPERVISOR = ActorId("supervisor")
STOP_MARGIN = 1.0
"""Seconds that a shard's process has beyond its own deadline until it is ended at once."""
SETTLED = 10.0
"""Seconds after the start by which what lives for ever has been made."""
EXITS_FIRST = 10.0
"""Seconds after which operators are answered although something that is held still waits for its exits."""


class Base(Struct, frozen=True):
    """What a supervisor begins with. new: the registry is empty and takes over `specs`; listener: of the metrics;
    leases: of one of several hosts; process: that host's name, which its operations carry.
    """

    database: Database
    registry: Registry
    instance: str
    host: ThespianHost
    engine: Engine
    accounts: dict[str, VenueAccount]
    strategies: dict[str, StrategyFactory]
    specs: Sequence[SymbolSpec]
    new: bool
    listener: socket.socket | None = None
    leases: Leases | None = None
    process: str = ""


class System:
    """The parts of one supervisor process and their order."""

    def __init__(
        self, settings: Settings, logs: Logs, config: Path | None = None, startup: Startup | None = None
    ) -> None:
        """config: the file that the settings are from, for the shards' processes; startup: phases so far."""
        self.settings = settings
        self.startup = startup or Startup()
        self._config = config
        self._logs = logs
        self._ended: asyncio.Future[int] | None = None
        self._signals = 0
        self._host: ThespianHost | None = None
        self._processes: ShardProcesses | None = None
        self.supervisor: SupervisorActor | None = None

    async def run(self) -> int:
        """Start, trade until stopped, stop; returns the exit code. OpenSqtError when it cannot start."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        async with AsyncExitStack() as stack:
            starting = asyncio.ensure_future(self._start(stack, loop))
            self._listen_to_signals(loop, starting)
            try:
                await starting
            except asyncio.CancelledError:
                if not self._signals:
                    raise
                logger.info("stopped before anything traded")
                return 0
            code = await self._ended
            if self._processes is not None:
                # after an order to stop nothing may trade; after a failure the next supervisor finds them at work
                await self._processes.close(kill=code == 0)
            return code

    async def _start(self, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> None:
        settings = self.settings
        strategies = installed()
        stack.enter_context(StateLock(settings))
        database = Database(settings.database_url.get_secret_value())
        stack.callback(database.close)
        database.migrate()
        await self._end_strays()
        check_alone(database, settings.lease.terms().grace)
        listener = take_surfaces(settings, stack)
        registry = Registry(database)
        instance = registry.instance_id()
        self.startup.reached("database")

        clock = SystemClock()
        host = ThespianHost(clock, loop.call_later, on_root_failure=self._root_failed, turn=TURN)
        stack.callback(host.close)
        engine = make_engine(settings, instance) if not settings.shards else SimpleEngine()
        stack.push_async_callback(engine.close)
        router = VenueRouter(host)
        accounts: dict[str, VenueAccount] = {}
        for name, account_settings in settings.accounts.items():
            exchange = ActorId(f"{SUPERVISOR}/shard-0/exchange:{name}")
            accounts[name] = VenueAccount(
                name,
                account_settings,
                settings.execution,
                settings.risk,
                host,
                exchange,
                engine,
                database,
                settings.state_dir,
                instance,
            )
            stack.push_async_callback(accounts[name].close)

        specs = tuple(replace(spec, epoch=0) for spec in registry.specs())  # without leases there are no epochs
        new = not specs and not registry.specs(removed=True)
        if new or not settings.shards:
            await asyncio.gather(*(open_account(account, router) for account in accounts.values()))
            self.startup.reached("venue")
        if new:
            specs = settings.specs()
            await check_first(accounts, specs)
        check_accounts(settings.accounts, specs)
        if settings.shards:
            for account in accounts.values():
                await account.close()
            specs = self._placed(registry, specs, new=new)

        await self._trade(
            stack, loop, Base(database, registry, instance, host, engine, accounts, strategies, specs, new, listener)
        )

    async def _trade(self, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop, base: Base) -> None:
        """From a registry and open venues on: the journal, the actors, and what answers operators."""
        settings, database, host, accounts, specs = self.settings, base.database, base.host, base.accounts, base.specs
        failpoint = failpoint_of(os.environ.get(VARIABLE, ""))
        journal = ObservedJournal(database, on_alert=self._journal_alert, failpoint=failpoint, leases=base.leases)
        stack.push_async_callback(self._close_journal, journal)
        bind_storage(host, journal)
        self.bridge = Bridge(host, SUPERVISOR, journal.append, self.startup.heard)
        stack.callback(self.bridge.close)
        host.bind(Exited, self._exited)
        runner = make_runner(settings, base.instance, database, base.engine, base.process)
        await base.engine.start(journal.append)  # after the runner, which may share its workflows
        surfaces = Surfaces(
            settings, self._config, self._logs, self.startup, self.bridge, journal, lambda: self.supervisor, failpoint
        )
        desk: OperationsDesk | None = None
        if base.new:
            # Nothing is held yet, and a start that fails leaves no registry behind: first everything that can fail.
            desk = await surfaces.serve(stack, accounts, base.listener, runner)
            specs = await seed(base.registry, specs)
        if settings.shards:
            self._processes = self._make_processes(host)
        self.supervisor = supervisor = self._make_supervisor(
            () if base.leases is not None else specs,
            accounts,
            base.instance,
            base.strategies,
            load_risk(database),
            leased=base.leases is not None,
        )
        self._host = host
        host.start(SUPERVISOR, supervisor)
        host.tell(SUPERVISOR, StartSupervisor())
        self.startup.reached("actors")
        if desk is None:
            # What is held needs its exits before anybody needs an answer; what is to be leased comes later.
            if not settings.shards and specs and base.leases is None:
                await self._protected()
            if self._ended is not None and self._ended.done():
                return
            desk = await surfaces.serve(stack, accounts, base.listener, runner)
        await desk.start()
        loop.call_later(SETTLED, calm_collector)
        logger.info(
            "supervisor {} is up: {} symbols on {} accounts, registry {}",
            base.instance,
            len(specs),
            len(accounts),
            database.name,
        )

    async def _protected(self) -> None:
        """Wait until what is held has its exits, but not for long, and not when the process is to end."""
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self.startup.protected.wait())}
        if self._ended is not None:
            waits.add(self._ended)
        await asyncio.wait(waits, timeout=EXITS_FIRST, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits - {self._ended}:
            wait.cancel()

    async def _end_strays(self) -> None:
        """End shards that the configuration does not have any more. What does that is imported only when there are."""
        settings = self.settings
        if settings.shards or any(shard_processes(settings.state_dir)):
            from opensqt_actors.app.shard_processes import end_strays

            await end_strays(settings.state_dir, settings.shards, settings.shutdown.deadline + STOP_MARGIN)

    def _make_supervisor(
        self,
        specs: Sequence[SymbolSpec],
        accounts: dict[str, VenueAccount],
        instance: str,
        strategies: dict[str, StrategyFactory],
        saved_risk: Sequence[RiskSaved],
        *,
        leased: bool = False,
    ) -> SupervisorActor:
        settings = self.settings
        risk = settings.risk
        total, global_breaker = risk.exposure.total.limit(), risk.global_breaker.settings()
        parts = shard_parts(settings, accounts, instance, strategies)
        shutdown = settings.shutdown
        margin = nanoseconds(STOP_MARGIN) if settings.shards else 0
        fleet = Fleet(SUPERVISOR, self._make_proxy, settings.shards, self._whole()) if settings.shards else None
        return SupervisorActor(
            SUPERVISOR,
            specs,
            tuple(accounts),
            fleet or (lambda parent: ShardActor(ActorId(f"{parent}/shard-0"), parent, parts)),
            strategies=frozenset(strategies),
            version=opensqt_actors.__version__,
            instance=instance,
            shutdown=ShutdownPolicy(
                shutdown.cancel_on_exit, shutdown.cancel_exits, nanoseconds(shutdown.deadline) + margin
            ),
            portfolio=lambda parent, saved: PortfolioRiskActor(
                parent=parent, breaker=global_breaker, total=total, accounts=frozenset(accounts), saved=saved
            ),
            risk=saved_risk,
            leased=leased,
        )

    def _make_processes(self, host: ThespianHost) -> ShardProcesses:
        if self._config is None:
            raise ConfigError("shards: processes of their own read the configuration from a file; there is none")
        from opensqt_actors.app.shard_processes import ShardProcesses

        return ShardProcesses(host, self.settings.state_dir, self._config, self.settings.shards)

    def _make_proxy(self, parent: ActorId, number: int) -> ShardProxy:
        settings, supervision = self.settings, self.settings.supervision
        return ShardProxy(
            parent,
            number,
            ShardLimits(
                start=nanoseconds(supervision.shard_start),
                heartbeat=nanoseconds(supervision.shard_heartbeat),
                stop=nanoseconds(settings.shutdown.deadline + STOP_MARGIN / 2),
                resident=supervision.shard_memory << 20,
            ),
            restart_policy(settings),
            version=opensqt_actors.__version__,
            configuration=settings.fingerprint(),
        )

    def _whole(self) -> frozenset[str]:
        """Accounts that stay on one shard: a limit holds for all their symbols together."""
        exposure = self.settings.risk.exposure
        limited = (exposure.limits().account, exposure.total.limit())
        return frozenset(self.settings.accounts) if any(limit != Limit() for limit in limited) else frozenset()

    def _placed(self, registry: Registry, specs: Sequence[SymbolSpec], *, new: bool) -> tuple[SymbolSpec, ...]:
        """Every symbol on one of the shards that there are; what changes is durable before anything starts."""
        placed = place(specs, self.settings.shards, whole=self._whole())
        if not new:
            for before, after in zip(specs, placed, strict=True):
                if before != after:
                    registry.save(after)
        return placed

    # --- ending ------------------------------------------------------------------------------------------------------

    def _listen_to_signals(self, loop: asyncio.AbstractEventLoop, starting: asyncio.Future[None]) -> None:
        def stop(name: str) -> None:
            self._signals += 1
            if self._host is None:
                starting.cancel()
            elif self._signals == 1:
                logger.info("{}: shutting down; a second signal stops at once", name)
                self._host.tell(SUPERVISOR, operator.Shutdown(0))
            else:
                logger.warning(
                    "{} again: stopping at once; what rests on the venue is taken up at the next start", name
                )
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
        self.bridge.announce(Announce(code, "", "", sentence, "error"))
