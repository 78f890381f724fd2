"""What a shard is made of, from settings; the same in the supervisor's process and in one of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

from loguru import logger

from opensqt_actors.actors.risk import RiskActor, RiskRules
from opensqt_actors.actors.shard import ShardParts
from opensqt_actors.actors.symbol import Execution
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.section import nanoseconds
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.risk import RiskSettings
from opensqt_actors.domain.strategy import StrategyFactory
from opensqt_actors.runtime.supervision import RestartPolicy
from opensqt_actors.venues.driver import VenueRouter
from opensqt_actors.venues.port import VenueError

T = TypeVar("T")
VENUE_PATIENCE = 60.0


class VenueAway(OpenSqtError):
    """A venue could not be reached for as long as a start waits for it."""

    code = "venue_away"


def restart_policy(settings: Settings) -> RestartPolicy:
    """When what has failed is started again: the same for actors and for shards."""
    supervision = settings.supervision
    return RestartPolicy(
        supervision.intensity, nanoseconds(supervision.period), nanoseconds(supervision.backoff_initial),
        nanoseconds(supervision.backoff_max), supervision.factor,
    )  # fmt: skip


def shard_parts(
    settings: Settings,
    accounts: Mapping[str, VenueAccount],
    instance: str,
    strategies: Mapping[str, StrategyFactory],
) -> ShardParts:
    """How to make the actors of a shard."""
    execution, risk = settings.execution, settings.risk
    rules = RiskRules(
        RiskSettings(
            monitor=risk.monitor, interval=risk.interval, window=risk.average_window,
            multiplier=risk.volume_multiplier, trigger=risk.trigger.value, recovery=risk.recovery,
        ),
        risk.breaker.settings(),
        risk.emergency.settings(),
        run=time.time_ns(),
    )  # fmt: skip
    return ShardParts(
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
            orphan_grace=nanoseconds(execution.orphan_grace),
            preflight=risk.preflight.settings(),
        ),
        policy=restart_policy(settings),
    )  # fmt: skip


async def open_account(account: VenueAccount, router: VenueRouter, patience: float = VENUE_PATIENCE) -> None:
    """Connect. ConfigError for a key that the venue refuses, VenueAway for a venue that does not come back."""
    try:
        await patiently(account.name, partial(account.open, router), patience)
    except VenueError as error:
        raise ConfigError(f"accounts.{account.name}: {error.sentence}") from error


async def patiently(account: str, work: Callable[[], Awaitable[T]], patience: float = VENUE_PATIENCE) -> T:
    """Try again while a venue is away. VenueError when it says no for good, VenueAway when it stays away."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
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
