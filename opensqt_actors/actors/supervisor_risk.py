"""The supervisor's side of risk: what is remembered of it and shown of it, and the PortfolioRiskActor's start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.risk_messages import ExposureReport, GlobalWord, ShardAway, ShardFacts, ShareGiven, Wake
from opensqt_actors.actors.views import ExposureRow, RiskRow, RiskView
from opensqt_actors.domain.exposure import NO_LIMIT, UNIT
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.effects import Effect, Spawn, Tell

NOBODY = -1
"""A request whose answer nobody waits for."""
MakePortfolio = Callable[[ActorId, Sequence[RiskSaved]], Behaviour]
"""Makes a PortfolioRiskActor from its parent's id and what an earlier life has written down."""


class SupervisorRisk:
    """word: the global breaker's last one; handlers: of the messages that pass through the supervisor."""

    def __init__(
        self,
        me: ActorId,
        shards: Sequence[ActorId],
        accounts: Sequence[str],
        make: MakePortfolio,
        saved: Sequence[RiskSaved],
    ) -> None:
        self.id = ActorId(f"{me}/portfolio-risk")
        self.word = GlobalWord()
        self._me = me
        self._shards = tuple(shards)
        self._accounts = tuple(accounts)
        self._make = make
        self._saved: dict[Any, RiskSaved] = {row.key: row for row in saved}
        self._rows: dict[tuple[str, str, str], RiskRow] = {}
        self._exposure: dict[str, ExposureRow] = {}
        self._incarnation = 0
        self.handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            RiskRow: self._row,
            RiskSaved: self._remember,
            ShardFacts: lambda message, now: [Tell(self.id, message)],
            GlobalWord: self._global_word,
            ExposureReport: self._report,
            ShareGiven: lambda message, now: self._to_all(message),
            operator.GetRisk: lambda message, now: [ports.Reply(message.request, self.view())],
        }

    @property
    def saved(self) -> tuple[RiskSaved, ...]:
        """The newest state of every rule."""
        return tuple(self._saved.values())

    def spawn(self) -> list[Effect]:
        """The PortfolioRiskActor begins, again after a failure."""
        self._incarnation += 1
        saved = self.saved
        return [Spawn(self.id, lambda: self._make(self._me, saved), self._incarnation), Tell(self.id, Wake())]

    def view(self) -> RiskView:
        """Everything that a rule has to say: the global breaker, accounts, then symbols by name."""
        return RiskView(
            tuple(row for _, row in sorted(self._rows.items())),
            tuple(self._exposure[account] for account in self._accounts if account in self._exposure),
        )

    def _row(self, message: RiskRow, now: int) -> list[Effect]:
        key = (message.scope, message.account, message.symbol)
        known = self._rows.get(key)
        self._rows[key] = message
        begun = message.scope == "emergency" and message.state == "exited"
        if not begun or len(self._shards) == 1 or (known is not None and known.state == "exited"):
            return []
        # an account that is spread over shards is closed everywhere; the shard that began it refuses to begin again
        return self._to_all(operator.EmergencyExit(NOBODY, message.account, message.sentence))

    def _remember(self, message: RiskSaved, now: int) -> list[Effect]:
        """An account's emergency exit concerns every shard's next life; one with its own process must be told."""
        self._saved[message.key] = message
        several = len(self._shards) > 1 and message.scope is RiskScope.EMERGENCY
        return self._to_all(message) if several else []

    def _global_word(self, message: GlobalWord, now: int) -> list[Effect]:
        self.word = message
        return self._to_all(message)

    def _to_all(self, message: Any) -> list[Effect]:
        return [Tell(shard, message) for shard in self._shards]

    def of(self, account: str, symbol: str) -> tuple[RiskSaved, ...]:
        """What is remembered of one symbol."""
        return tuple(row for row in self._saved.values() if (row.account, row.symbol) == (account, symbol))

    def down(self, shard: ActorId) -> list[Effect]:
        """A shard's process has ended: what it saw last is not how things are."""
        return [Tell(self.id, ShardAway(ActorId(f"{shard}/risk")))]

    def _report(self, message: ExposureReport, now: int) -> list[Effect]:
        self._exposure[message.account] = ExposureRow(
            message.account,
            Decimal(message.used) / UNIT,
            None if message.share >= NO_LIMIT else Decimal(message.share) / UNIT,
            None if message.equity is None else Decimal(message.equity) / UNIT,
        )
        return [Tell(self.id, message)]
