"""What a shard's RiskActor has seen since the last second, added up for the one that watches all shards."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from opensqt_actors.actors.risk_messages import Measured, ShardFacts
from opensqt_actors.domain.breaker import OrderAnswer
from opensqt_actors.runtime.behaviour import ActorId

MOST = 2_000
"""Answers and round trips of one second that are passed on; more than that say nothing else."""


class FactsOfASecond:
    """change: of the profit of all symbols; trips: profits of round trips."""

    def __init__(self) -> None:
        self.trips: list[Decimal] = []
        self.change = Decimal(0)
        self._answers: list[OrderAnswer] = []
        self._ages: dict[str, int] = {}

    def measured(self, message: Measured) -> None:
        """What one exchange has seen in a second."""
        self._answers += [answer for _, answer in message.answers]
        if message.ages:
            self._ages[message.account] = min(age for _, age in message.ages)

    def take(self, shard: ActorId, equities: Mapping[str, Decimal | None]) -> ShardFacts:
        """Everything so far; it is forgotten here. equities: of the accounts, None = not known."""
        known = {account: equity for account, equity in equities.items() if equity is not None}
        facts = ShardFacts(
            shard,
            tuple(self.trips[:MOST]),
            self.change,
            sum(known.values(), Decimal(0)) if known and len(known) == len(equities) else None,
            tuple(self._answers[:MOST]),
            min(self._ages.values(), default=None),
            tuple(known.items()),
        )
        self.trips, self._answers, self._ages, self.change = [], [], {}, Decimal(0)
        return facts
