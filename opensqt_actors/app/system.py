"""One supervisor process from settings: starts every part in order, runs until stopped, ends every part in reverse.

Whatever cannot work is said before anything trades; a failure on the way takes back what was started.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from typing import TypeVar

from loguru import logger

import opensqt_actors
from opensqt_actors.actors import operator
from opensqt_actors.actors.portfolio_risk import PortfolioRiskActor
from opensqt_actors.actors.ports import Announce, Exited, SymbolPrepared
from opensqt_actors.actors.risk import RiskActor, RiskRules
from opensqt_actors.actors.shard import ShardActor, ShardParts
from opensqt_actors.actors.supervisor import ShutdownPolicy, StartSupervisor, SupervisorActor, check_settings
from opensqt_actors.actors.symbol import Execution
from opensqt_actors.actors.views import StatusView
from opensqt_actors.api.orchestrator import Orchestrator
from opensqt_actors.api.server import ApiServer
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.app.bridge import Bridge
from opensqt_actors.app.engines import make_engine
from opensqt_actors.app.observed import ObservedJournal
from opensqt_actors.app.strategies import installed
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.section import nanoseconds
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.orders import AccountState
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.risk import RiskSettings
from opensqt_actors.domain.settings import GridSettings, SymbolSpec
from opensqt_actors.domain.strategy import StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import SystemClock
from opensqt_actors.runtime.effects import ActorFailed
from opensqt_actors.runtime.failpoints import VARIABLE, failpoint_of
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.runtime.memory import calm_collector
from opensqt_actors.runtime.supervision import RestartPolicy
from opensqt_actors.runtime.thespian_host import ThespianHost
from opensqt_actors.storage import Database, Registry, bind_storage, load_risk
from opensqt_actors.telemetry.endpoint import MetricsEndpoint
from opensqt_actors.telemetry.logs import Logs
from opensqt_actors.telemetry.metrics import Metrics
from opensqt_actors.venues.driver import VenueRouter
from opensqt_actors.venues.port import Venue, VenueError
from opensqt_actors.venues.procedures import not_there

T = TypeVar("T")
SUPERVISOR = ActorId("supervisor")
VENUE_PATIENCE = 60.0
CHECKS_AT_ONCE = 8
SETTLED = 10.0
"""Seconds after the start by which what lives for ever has been made."""


class AlreadyRunning(OpenSqtError):
    """Another supervisor works on the same state folder."""

    code = "already_running"


class VenueAway(OpenSqtError):
    """A venue could not be reached for as long as a start waits for it."""

    code = "venue_away"


class System:
    """The parts of one supervisor process and their order."""

    def __init__(self, settings: Settings, logs: Logs) -> None:
        self.settings = settings
        self._logs = logs
        self._ended: asyncio.Future[int] | None = None
        self._signals = 0
        self._host: ThespianHost | None = None
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
            return await self._ended

    async def _start(self, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> None:
        settings = self.settings
        strategies = installed()
        stack.enter_context(_StateLock(settings))
        database = Database(settings.database_url.get_secret_value())
        stack.callback(database.close)
        database.migrate()
        registry = Registry(database)
        instance = registry.instance_id()

        clock = SystemClock()
        host = ThespianHost(clock, loop.call_later, on_root_failure=self._root_failed)
        stack.callback(host.close)
        engine = make_engine(settings, instance)
        stack.push_async_callback(engine.close)
        router = VenueRouter(host)
        accounts: dict[str, VenueAccount] = {}
        for name, account_settings in settings.accounts.items():
            exchange = ActorId(f"{SUPERVISOR}/shard-0/exchange:{name}")
            accounts[name] = VenueAccount(
                name, account_settings, settings.execution, settings.risk, host, exchange, engine
            )
            stack.push_async_callback(accounts[name].close)
            await self._open(accounts[name], router)

        specs = registry.specs()
        new = not specs and not registry.specs(removed=True)
        if new:
            specs = settings.specs()
            await self._check(accounts, specs)
        self._known_accounts(specs)

        metrics = Metrics()
        failpoint = failpoint_of(os.environ.get(VARIABLE, ""))
        journal = ObservedJournal(database, on_alert=self._journal_alert, metrics=metrics, failpoint=failpoint)
        stack.push_async_callback(self._close_journal, journal)
        bind_storage(host, journal)
        self.bridge = Bridge(host, SUPERVISOR, journal.append)
        stack.callback(self.bridge.close)
        host.bind(Exited, self._exited)
        await engine.start(journal.append)

        if settings.telemetry.metrics_port:
            endpoint = MetricsEndpoint(
                settings.telemetry.metrics_port, metrics, self._status, partial(self._refresh, metrics, journal)
            )
            await endpoint.start()
            stack.push_async_callback(endpoint.stop)
        server = ApiServer(
            settings.socket, Orchestrator(self.bridge, tuple(accounts), GridSettings(**settings.defaults.given()))
        )
        await server.start()
        stack.push_async_callback(server.stop)
        if new:
            # After everything that can fail: a start that fails leaves no registry behind.
            specs = registry.seed(specs)
        self.supervisor = supervisor = self._make_supervisor(specs, accounts, instance, strategies, load_risk(database))
        for account in accounts.values():
            account.watch(journal, metrics.tick_to_order_seconds.observe)
        self._host = host
        host.start(SUPERVISOR, supervisor)
        host.tell(SUPERVISOR, StartSupervisor())
        loop.call_later(SETTLED, calm_collector)
        logger.info(
            "supervisor {} is up: {} symbols on {} accounts, registry {}",
            instance,
            len(specs),
            len(accounts),
            database.name,
        )

    def _make_supervisor(
        self,
        specs: Sequence[SymbolSpec],
        accounts: dict[str, VenueAccount],
        instance: str,
        strategies: dict[str, StrategyFactory],
        saved_risk: Sequence[RiskSaved],
    ) -> SupervisorActor:
        settings = self.settings
        execution, supervision, risk = settings.execution, settings.supervision, settings.risk
        rules = RiskRules(
            RiskSettings(
                monitor=risk.monitor, interval=risk.interval, window=risk.average_window,
                multiplier=risk.volume_multiplier, trigger=risk.trigger.value, recovery=risk.recovery,
            ),
            risk.breaker.settings(),
            risk.emergency.settings(),
            run=time.time_ns(),
        )  # fmt: skip
        total, global_breaker = risk.exposure.total.limit(), risk.global_breaker.settings()
        parts = ShardParts(
            instance=instance,
            exchanges={name: account.actor for name, account in accounts.items()},
            risk=lambda me, parent, saved: RiskActor(rules, me=me, parent=parent, saved=saved),
            strategies=strategies,
            execution=Execution(
                reconcile_interval=nanoseconds(execution.reconcile_interval),
                margin_lock=nanoseconds(execution.margin_lock),
                margin_lock_max=nanoseconds(execution.margin_lock_max),
                post_only_retries=execution.post_only_retries,
                post_only_fallback=execution.post_only_fallback,
                preflight=risk.preflight.settings(),
            ),
            policy=RestartPolicy(
                supervision.intensity, nanoseconds(supervision.period), nanoseconds(supervision.backoff_initial),
                nanoseconds(supervision.backoff_max), supervision.factor,
            ),
        )  # fmt: skip
        shutdown = settings.shutdown
        return SupervisorActor(
            SUPERVISOR,
            specs,
            tuple(accounts),
            lambda parent: ShardActor(ActorId(f"{parent}/shard-0"), parent, parts),
            strategies=frozenset(strategies),
            version=opensqt_actors.__version__,
            instance=instance,
            shutdown=ShutdownPolicy(shutdown.cancel_on_exit, shutdown.cancel_exits, nanoseconds(shutdown.deadline)),
            portfolio=lambda parent, saved: PortfolioRiskActor(
                parent=parent, breaker=global_breaker, total=total, accounts=frozenset(accounts), saved=saved
            ),
            risk=saved_risk,
        )

    # --- checks before anything trades ------------------------------------------------------------------------------

    async def _open(self, account: VenueAccount, router: VenueRouter) -> None:
        """Connect. ConfigError for a key that the venue refuses, VenueAway for a venue that does not come back."""
        try:
            await self._patiently(account.name, partial(account.open, router))
        except VenueError as error:
            raise ConfigError(f"accounts.{account.name}: {error.sentence}") from error

    async def _patiently(self, account: str, work: Callable[[], Awaitable[T]]) -> T:
        """Try again while a venue is away. VenueError when it says no for good, VenueAway when it stays away."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + VENUE_PATIENCE
        while True:
            try:
                return await work()
            except VenueError as error:
                if error.final:
                    raise
                if loop.time() > deadline:
                    raise VenueAway(f"account {account}: the venue is away: {error.sentence}") from error
                logger.warning("account {}: {}; trying again", account, error.sentence)
                await asyncio.sleep(min(max(error.retry_after / 1e9, 1.0), 10.0))

    async def _check(self, accounts: dict[str, VenueAccount], specs: Sequence[SymbolSpec]) -> None:
        """Refuse a first configuration that cannot work on its venues, before the registry takes it over."""
        turns = asyncio.Semaphore(CHECKS_AT_ONCE)

        async def checked(index: int, spec: SymbolSpec) -> str | None:
            async with turns:
                sentence = await self._problem(accounts[spec.account].venue, spec)
            return None if sentence is None else f"symbols[{index}] ({spec.symbol}): {sentence}"

        found = await asyncio.gather(*(checked(index, spec) for index, spec in enumerate(specs)))
        problems = [problem for problem in found if problem is not None]
        if problems:
            raise ConfigError(*problems)

    async def _problem(self, venue: Venue, spec: SymbolSpec) -> str | None:
        instrument = venue.instruments().get(spec.symbol)
        if instrument is None:
            return not_there(venue, spec.symbol)
        try:
            fees = await self._patiently(spec.account, partial(venue.fees, spec.symbol))
            history = await self._patiently(spec.account, partial(venue.candles, spec.symbol, "1m", 1))
        except VenueError as error:
            return error.sentence
        account = AccountState(Decimal(0), Decimal(0), hedged=False, can_trade=True)
        return check_settings(spec.grid, SymbolPrepared(instrument, fees, account, 1, tuple(history)))

    def _known_accounts(self, specs: Sequence[SymbolSpec]) -> None:
        missing = sorted({spec.account for spec in specs} - set(self.settings.accounts))
        if missing:
            raise ConfigError(
                f"accounts: the registry has symbols of {', '.join(missing)}, which the configuration does not name"
            )

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

    async def _status(self) -> StatusView | None:
        """The state as of now, for metrics."""
        return self.supervisor.view() if self.supervisor is not None else None

    def _refresh(self, metrics: Metrics, journal: ObservedJournal) -> None:
        metrics.journal_pending.set(journal.counters().pending)
        metrics.events_dropped.set(self.bridge.dropped)
        metrics.log_dropped.set(self._logs.dropped)


class _StateLock:
    """One supervisor on one state folder; released by the kernel however the process ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = -1

    def __enter__(self) -> None:
        folder = self._settings.state_dir
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._settings.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"state_dir: {folder} cannot be used ({error.strerror})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise AlreadyRunning(
                f"state_dir: another supervisor is at work on {folder}; stop it, or give this one a folder of its own"
            ) from None

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
