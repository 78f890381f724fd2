"""One host among several that share a registry: a supervisor's process that trades what is leased to it."""

from __future__ import annotations

import asyncio
import secrets
import socket
from contextlib import AsyncExitStack
from functools import partial

from loguru import logger

from opensqt_actors.actors.leases import MILLISECOND, Leases
from opensqt_actors.actors.supervisor import SupervisorActor
from opensqt_actors.actors.supervisor_leases import GiveUp
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.app.lease_keeper import LeaseKeeper
from opensqt_actors.app.parts import open_account
from opensqt_actors.app.start_checks import check_first
from opensqt_actors.app.state_lock import StateLock
from opensqt_actors.app.strategies import installed
from opensqt_actors.app.surfaces import take_surfaces
from opensqt_actors.app.system import SUPERVISOR, Base, System
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.section import nanoseconds
from opensqt_actors.config.settings import EngineName
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import SystemClock
from opensqt_actors.runtime.thespian_host import TURN, ThespianHost
from opensqt_actors.storage import Database, Registry
from opensqt_actors.venues.driver import VenueRouter
from opensqt_actors.venues.engine import SimpleEngine

SILENCE = 2.0
"""Seconds without a word of the database's host after which its connection is given up and made anew."""


class HostSystem(System):
    """The parts of one host and their order. What ends it in order gives its leases back."""

    async def _start(self, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> None:
        settings = self.settings
        self._possible()
        strategies = installed()
        stack.enter_context(StateLock(settings))
        url = settings.database_url.get_secret_value()
        database = Database(url)
        stack.callback(database.close)
        database.migrate()
        listener = take_surfaces(settings, stack)
        registry = Registry(database)
        instance = registry.instance_id()

        host = ThespianHost(SystemClock(), loop.call_later, on_root_failure=self._root_failed, turn=TURN)
        stack.callback(host.close)
        name = settings.lease.name or socket.gethostname()
        leases = Leases(f"{name}/{secrets.token_hex(4)}", settings.lease.terms())
        own = Database(url, silence_timeout=SILENCE, pool_size=1)
        stack.callback(own.close)
        accounts: dict[str, VenueAccount] = {}
        keeper = LeaseKeeper(
            leases,
            own,
            settings.lease.capacity,
            tell=partial(host.tell, SUPERVISOR),
            accounts=lambda: [name for name, account in accounts.items() if account.driver.streams.get("orders")],
            claiming=lambda: self.supervisor is not None and self.supervisor.state == "running",
        )
        # After everything that can send or write: see AsyncExitStack.
        stack.push_async_callback(self._end_leases, keeper)
        engine = SimpleEngine()
        router = VenueRouter(host)
        for account, section in settings.accounts.items():
            exchange = ActorId(f"{SUPERVISOR}/shard-0/exchange:{account}")
            accounts[account] = VenueAccount(
                account, section, settings.execution, settings.risk, host, exchange, engine, database,
                settings.state_dir, instance,
                may_send=partial(keeper.may_send, account),
                request_window=leases.terms.request_window // MILLISECOND,
            )  # fmt: skip
            stack.push_async_callback(accounts[account].close)
        await asyncio.gather(*(open_account(account, router) for account in accounts.values()))

        specs = registry.specs()
        new = not specs and not registry.specs(removed=True)
        if new:
            specs = settings.specs()
            await check_first(accounts, specs)
        host.bind(GiveUp, keeper.give_up)
        base = Base(
            database, registry, instance, host, engine, accounts, strategies, specs, new, listener, leases, name
        )
        await self._trade(stack, loop, base)
        keeper.start()
        logger.info("host {} shares the registry and takes up to {} symbols", leases.owner, settings.lease.capacity)

    async def _end_leases(self, keeper: LeaseKeeper) -> None:
        supervisor: SupervisorActor | None = self.supervisor
        await keeper.close(release=supervisor is not None and supervisor.rested)

    def _possible(self) -> None:
        """What cannot be kept by several hosts is refused, each with its reason."""
        settings = self.settings
        grace = settings.lease.grace
        problems = [
            f"lease.grace: must be at least accounts.{name}.dead_man_switch ({account.dead_man_switch} s), so that the"
            " venue has cancelled before another host takes over"
            for name, account in settings.accounts.items()
            if nanoseconds(account.dead_man_switch) > nanoseconds(grace)
        ]
        if settings.shards:
            problems.append("shards: a host that joins others trades in one process; leave it out")
        if settings.engine is not EngineName.SIMPLE:
            problems.append(f"engine: {settings.engine.value} is not possible with --join; leave it out")
        if self._whole():
            problems.append(
                "risk.exposure: a limit over all symbols of an account or over all accounts cannot be kept by several"
                " hosts; give limits per symbol"
            )
        if problems:
            raise ConfigError(*problems)
