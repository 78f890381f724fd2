"""The PortfolioRiskActor: one for all shards. It holds the global breaker and divides the total exposure limit.

It hears of each shard once a second and is asked by nobody: the global breaker's last word is with every symbol, an
account's share of the limit with its orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.risk_answers import RiskAnswers
from opensqt_actors.actors.risk_messages import (
    ExposureReport,
    GlobalWord,
    ShardAway,
    ShardFacts,
    ShareGiven,
    Tick,
    Wake,
)
from opensqt_actors.actors.risk_words import announcement, restored, row_of, saved_of, word_of
from opensqt_actors.domain.breaker import Breaker, BreakerSettings, FeedAge, Profit, RoundTrip, Transition
from opensqt_actors.domain.exposure import Limit, TotalShares
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

SECOND = 1_000_000_000
SAVE_EVERY = 60
"""Seconds after which the peaks of the breaker are written down again."""


class PortfolioRiskActor:
    """All shards together, as a pure step. saved: what an earlier life has written down."""

    def __init__(
        self,
        *,
        parent: ActorId,
        breaker: BreakerSettings,
        total: Limit,
        accounts: frozenset[str],
        saved: Sequence[RiskSaved] = (),
    ) -> None:
        self.parent = parent
        row = next((row for row in saved if row.scope is RiskScope.GLOBAL), None)
        self.breaker = Breaker(breaker, restored(row))
        self.profit = Decimal(row.state.get("profit", 0)) if row is not None else Decimal(0)
        self.shares = TotalShares(total, accounts)
        self._capitals: dict[ActorId, Decimal | None] = {}
        self._equities: dict[str, Decimal] = {}
        self._ages: dict[ActorId, int] = {}
        self._ticks = 0
        self._answers = RiskAnswers()
        self._handlers: Mapping[type, Callable[[Any, int], list[Effect]]] = {
            Wake: self._wake,
            Tick: self._tick,
            ShardFacts: self._facts,
            ShardAway: self._away,
            ExposureReport: self._exposure,
            ports.Written: self._answers.written,
            operator.TripBreaker: self._trip,
            operator.ResetBreaker: self._reset,
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error and crashes the actor."""
        return self._handlers[type(message)](message, now)

    def _wake(self, message: Wake, now: int) -> list[Effect]:
        return [SetTimer("tick", SECOND, Tick()), Tell(self.parent, self._word()), Tell(self.parent, self._row())]

    def _tick(self, message: Tick, now: int) -> list[Effect]:
        """The word is told again though nothing has changed: a shard that does not hear it opens nothing."""
        self._ticks += 1
        again = SetTimer("tick", SECOND, Tick())
        moved = self._moved(self.breaker.advance(now), now)
        if moved:
            return [again, *moved]
        saved = self._save(now) if self._ticks % SAVE_EVERY == 0 else []
        return [again, Tell(self.parent, self._word()), *saved]

    # --- the global breaker ------------------------------------------------------------------------------------------

    def _facts(self, message: ShardFacts, now: int) -> list[Effect]:
        breaker = self.breaker
        self.profit += message.change
        self._capitals[message.shard] = message.capital
        transitions: list[Transition] = []
        for profit in message.trips:
            transitions += breaker.observe(RoundTrip(profit), now)
        for answer in message.answers:
            transitions += breaker.observe(answer, now)
        self._equities.update(message.equities)
        capitals = [capital for capital in self._capitals.values() if capital is not None]
        if capitals and len(capitals) == len(self._capitals):
            capital = sum(self._equities.values() or capitals, Decimal(0))
            transitions += breaker.observe(Profit(self.profit, capital), now)
        if message.age is not None:
            self._ages[message.shard] = message.age
            transitions += breaker.observe(FeedAge(min(self._ages.values())), now)
        else:
            self._ages.pop(message.shard, None)
        return self._moved(transitions, now)

    def _away(self, message: ShardAway, now: int) -> list[Effect]:
        """A limit on losses must go on counting what the others lose while one shard is down."""
        self._capitals.pop(message.shard, None)
        self._ages.pop(message.shard, None)
        return []

    def _moved(self, transitions: Sequence[Transition], now: int) -> list[Effect]:
        if not transitions:
            return []
        told = [announcement(transition, "", "") for transition in transitions]
        return [Tell(self.parent, self._word()), *told, Tell(self.parent, self._row()), *self._save(now)]

    def _word(self) -> GlobalWord:
        return word_of(self.breaker, "breaker_global")

    def _row(self) -> object:
        return row_of(self.breaker, RiskScope.GLOBAL, "", "")

    def _save(self, now: int) -> list[Effect]:
        saved = saved_of(self.breaker, RiskScope.GLOBAL, "", "", now)
        saved = replace(saved, state={**saved.state, "profit": str(self.profit)})
        return [Tell(self.parent, saved), ports.Persist((saved,))]

    def _trip(self, message: operator.TripBreaker, now: int) -> list[Effect]:
        effects = self._moved(self.breaker.trip(message.reason, now), now)
        return [
            *effects,
            *self._answers.once_written(message.request, "the global circuit breaker is open until reset"),
        ]

    def _reset(self, message: operator.ResetBreaker, now: int) -> list[Effect]:
        transitions = self.breaker.reset(message.reason, now)
        sentence = "the global circuit breaker is closed" + ("" if transitions else " already")
        return [*self._moved(transitions, now), *self._answers.once_written(message.request, sentence)]

    # --- the total limit ---------------------------------------------------------------------------------------------

    def _exposure(self, message: ExposureReport, now: int) -> list[Effect]:
        share = self.shares.report(message.account, used=message.used, share=message.share, equity=message.equity)
        return [] if share is None else [Tell(self.parent, ShareGiven(message.account, share))]
