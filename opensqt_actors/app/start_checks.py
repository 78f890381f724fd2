"""Whether a supervisor may trade what it is to trade, found out before anything does.

A first configuration is tried on its venues, then the registry takes it over; an older registry must fit its accounts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial

from loguru import logger

from opensqt_actors.actors.market_check import check_settings
from opensqt_actors.actors.ports import SymbolPrepared
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.app.parts import patiently
from opensqt_actors.app.state_lock import AlreadyRunning
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.domain.orders import AccountState
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage import Database, DatabaseBusy, Registry
from opensqt_actors.storage.leases import traded_elsewhere
from opensqt_actors.venues.port import Venue, VenueError
from opensqt_actors.venues.procedures import not_there

CHECKS_AT_ONCE = 8
SEED_TRIES = 20
SEED_AGAIN = 0.2


async def check_first(accounts: Mapping[str, VenueAccount], specs: Sequence[SymbolSpec]) -> None:
    """ConfigError for a first configuration that cannot work on its venues, before the registry takes it over."""
    turns = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def checked(index: int, spec: SymbolSpec) -> str | None:
        async with turns:
            sentence = await _problem(accounts[spec.account].venue, spec)
        return None if sentence is None else f"symbols[{index}] ({spec.symbol}): {sentence}"

    found = await asyncio.gather(*(checked(index, spec) for index, spec in enumerate(specs)))
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise ConfigError(*problems)


async def _problem(venue: Venue, spec: SymbolSpec) -> str | None:
    instrument = venue.instruments().get(spec.symbol)
    if instrument is None:
        return not_there(venue, spec.symbol)
    try:
        fees = await patiently(spec.account, partial(venue.fees, spec.symbol))
        history = await patiently(spec.account, partial(venue.candles, spec.symbol, "1m", 1))
    except VenueError as error:
        return error.sentence
    account = AccountState(Decimal(0), Decimal(0), hedged=False, can_trade=True)
    return check_settings(spec.grid, SymbolPrepared(instrument, fees, account, 1, tuple(history)))


async def seed(registry: Registry, specs: Sequence[SymbolSpec]) -> tuple[SymbolSpec, ...]:
    """The registry's first rows. Hosts that start at once take turns, which may take one longer than a lock may."""
    for _ in range(SEED_TRIES):
        try:
            return registry.seed(specs)
        except DatabaseBusy as error:
            logger.info("{}; trying again", error.sentence)
            await asyncio.sleep(SEED_AGAIN)
    return registry.seed(specs)


def check_accounts(accounts: Collection[str], specs: Sequence[SymbolSpec]) -> None:
    """ConfigError when the registry has symbols of accounts that are not among the configured ones."""
    missing = sorted({spec.account for spec in specs}.difference(accounts))
    if missing:
        raise ConfigError(
            f"accounts: the registry has symbols of {', '.join(missing)}, which the configuration does not name"
        )


def check_alone(database: Database, grace: int) -> None:
    """AlreadyRunning when a host trades symbols of this registry under a lease. grace: ns after which one is over."""
    with database.read() as connection:
        owner = traded_elsewhere(connection, grace)
    if owner is not None:
        raise AlreadyRunning(
            f"database.url: host {owner} trades symbols of this registry under leases; stop the hosts that were"
            " started with --join, or start this one with --join, too"
        )
