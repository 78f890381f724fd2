"""The ShardActor: spawns the actors of one shard, restarts them by policy, passes news up. Decides on no trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from opensqt_actors.actors import exchange, ports, symbol
from opensqt_actors.actors.risk_messages import Connect, ExitBegun, ShareGiven
from opensqt_actors.actors.shard_children import Child, after, listening, nobody
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    DropSymbol,
    ReleaseSymbol,
    RestartSymbol,
    ShardRestarted,
    ShardStopped,
    ShareBudget,
    StartShard,
    StopShard,
    SymbolLeft,
    SymbolQuarantined,
    SymbolReleased,
    ToSymbol,
)
from opensqt_actors.actors.shard_protection import FirstProtection, SymbolProtected
from opensqt_actors.actors.shard_risk import UNKNOWN, MakeRisk, ShardRisk
from opensqt_actors.actors.views import AccountRow
from opensqt_actors.domain.records import Restored
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.domain.strategy import StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, CancelTimer, Effect, SetTimer, Spawn, Stop, Tell
from opensqt_actors.runtime.supervision import Quarantine, RestartHistory, RestartPolicy, decide

SECOND = 1_000_000_000
RELEASE_PATIENCE = 10 * SECOND


class _Again(Struct, frozen=True):
    """The back-off of a failed actor is over."""

    actor: ActorId


class _ReleaseOverdue(Struct, frozen=True):
    """A symbol that is to be released has not come to rest: what is in flight is found again from the journal."""

    actor: ActorId


class ShardParts(Struct, frozen=True):
    """What the wiring gives: how to make the exchanges (by account) and the risk actor, and what symbols need."""

    instance: str
    exchanges: Mapping[str, Callable[[ActorId], Behaviour]]
    risk: MakeRisk
    strategies: Mapping[str, StrategyFactory]
    execution: symbol.Execution
    policy: RestartPolicy


class ShardActor:
    """One shard, as a pure step."""

    def __init__(self, me: ActorId, parent: ActorId, parts: ShardParts) -> None:
        self.me = me
        self.parent = parent
        self.parts = parts
        self.risk = ShardRisk(me, parent, parts.risk)
        self._protection = FirstProtection()
        self._children: dict[ActorId, Child] = {}
        self._stopping: StopShard | None = None
        self._shares: dict[str, int] = {}

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message."""
        match message:
            case symbol.RowChanged(row):
                return [Tell(self.parent, row), Tell(self.risk.id, row)]
            case AccountRow():
                return [Tell(self.parent, message)]
            case symbol.SymbolUnable(account, name):
                return [Tell(self.parent, message), *self._protection.ends(self.symbol_id(account, name))]
            case StartShard(saved, shares):
                self._shares = dict(shares)
                self.risk.remember(saved)
                return self._start(now)
            case AddSymbolActor(spec, saved):
                return self.risk.inherit(saved) + self._add(spec)
            case ports.SymbolLoaded(restored):
                return self._loaded(restored, now)
            case ports.LoadFailed(account, name, reason):
                return self._load_failed(account, name, reason)
            case ToSymbol(account, name, inner):
                return self._to_symbol(account, name, inner)
            case exchange.CheckSymbol():
                return self._check(message)
            case RestartSymbol(account, name):
                return self._restart(account, name)
            case ActorFailed(child, incarnation, reason, detail):
                return self._failed(child, incarnation, reason, detail, now)
            case ActorStopped(child, incarnation):
                return self._stopped(child, incarnation)
            case _Again(child):
                return self._again(child, now)
            case symbol.SymbolDone(account, name):
                return self._symbol_done(account, name)
            case StopShard():
                return self._stop(message)
            case _:
                return self._among_others(message)

    def _among_others(self, message: Any) -> list[Effect]:
        """What has to do with other shards, or is only passed on."""
        match message:
            case exchange.CheckHoldings(account=account):
                return [Tell(self.exchange_id(account), message)]
            case ReleaseSymbol(account, name):
                return self._release(account, name)
            case _ReleaseOverdue(child):
                return self._let_go(child)
            case SymbolProtected(account, name, levels):
                return self._protection.protected(self.symbol_id(account, name), levels)
            case DropSymbol(account, name):
                return self._drop(account, name)
            case ShareBudget(account, thousandths):
                self._shares[account] = thousandths
                return [Tell(self.exchange_id(account), exchange.BudgetShare(thousandths))]
            case _:
                return self._about_risk(message)

    def exchange_id(self, account: str) -> ActorId:
        """The id of an account's ExchangeActor."""
        return ActorId(f"{self.me}/exchange:{account}")

    def symbol_id(self, account: str, name: str) -> ActorId:
        """The id of a symbol's SymbolActor."""
        return ActorId(f"{self.me}/symbol:{account}:{name}")

    # --- spawning ----------------------------------------------------------------------------------------------------

    def _start(self, now: int) -> list[Effect]:
        effects = self._spawn_risk(now)
        for account in self.parts.exchanges:
            effects += self._spawn_exchange(account, now)
        return effects

    def _child(self, actor: ActorId) -> Child:
        child = self._children.get(actor)
        if child is None:
            child = self._children[actor] = Child(actor, RestartHistory())
        return child

    def _spawn_risk(self, now: int) -> list[Effect]:
        child = self._child(self.risk.id)
        child.born(now)
        there = [account for account in self.parts.exchanges if self._child(self.exchange_id(account)).alive]
        return self.risk.spawn(
            child.incarnation,
            (Connect(self.exchange_id(account), account) for account in there),
            (listening(c.id, c.spec) for c in self._symbols() if c.alive and c.spec),
        )

    def _spawn_exchange(self, account: str, now: int) -> list[Effect]:
        actor = self.exchange_id(account)
        child = self._child(actor)
        child.born(now)
        make = self.parts.exchanges[account]
        return [
            Spawn(actor, lambda: make(self.risk.id), child.incarnation),
            Tell(actor, exchange.ReportTo(self.me)),
            Tell(actor, exchange.BudgetShare(self._shares.get(account, 1_000))),
            Tell(self.risk.id, Connect(actor, account)),
        ]

    def _add(self, spec: SymbolSpec) -> list[Effect]:
        actor = self.symbol_id(spec.account, spec.symbol)
        child = self._child(actor)
        child.spec = spec
        child.done = False
        if child.alive or child.loading:
            return []
        child.loading = True
        self._protection.begins(actor)
        return [ports.LoadSymbol(spec.account, spec.symbol)]

    def _loaded(self, restored: Restored, now: int) -> list[Effect]:
        child = self._children.get(self.symbol_id(restored.account, restored.symbol))
        if child is not None and child.outdated:
            child.outdated -= 1
            return []
        if child is None or child.spec is None or not child.loading:
            return []
        child.loading = False
        if child.releasing:
            return self._released(child)
        if self._stopping is not None:
            child.done = True
            return self._all_done()
        child.born(now)
        waiting, child.waiting = child.waiting, []
        spec, actor, restarts = child.spec, child.id, child.restarts
        parts = self.parts

        def make() -> Behaviour:
            return symbol.SymbolActor(
                spec, parts.instance, restored, exchange=self.exchange_id(spec.account), parent=self.me, me=actor,
                strategies=parts.strategies, execution=parts.execution, restarts=restarts, closed=UNKNOWN,
            )  # fmt: skip

        return [
            Spawn(actor, make, child.incarnation),
            Tell(actor, symbol.Start()),
            Tell(self.risk.id, listening(actor, spec)),
            *(Tell(actor, message) for message in waiting),
        ]

    def _load_failed(self, account: str, name: str, reason: str) -> list[Effect]:
        actor = self.symbol_id(account, name)
        child = self._children.get(actor)
        if child is not None and child.outdated:
            child.outdated -= 1
            return []
        sentence = f"the journal of {name} could not be read ({reason}); trying again"
        return [
            ports.Announce("journal.unreadable", account, name, sentence, "error"),
            SetTimer(f"again:{actor}", 2 * SECOND, _Again(actor)),
        ]

    # --- failing and restarting --------------------------------------------------------------------------------------

    def _failed(self, actor: ActorId, incarnation: int, reason: str, detail: str, now: int) -> list[Effect]:
        child = self._children.get(actor)
        if child is None or child.incarnation != incarnation:
            return []
        child.alive = False
        account, name = (child.spec.account, child.spec.symbol) if child.spec else ("", "")
        effects: list[Effect] = [
            ports.Announce(
                "actor.failed", account, name, f"{actor} failed: {reason}", "error", {"detail": detail, "actor": actor}
            )
        ]
        if child.spec is not None and child.releasing:
            return effects + self._let_go(actor)
        if child.spec is not None:
            effects.append(Tell(self.exchange_id(account), exchange.SymbolDown(name)))
        child.history = child.history.failed(self.parts.policy, now)
        verdict = decide(child.history, self.parts.policy, now)
        if isinstance(verdict, Quarantine) and child.spec is not None:
            sentence = f"quarantined: {verdict.reason}; last failure: {reason}"
            child.done = self._stopping is not None
            return [
                *effects,
                self.risk.gone(actor),
                Tell(self.parent, SymbolQuarantined(account, name, sentence)),
                ports.Announce("symbol.quarantined", account, name, f"{name} is {sentence}", "critical"),
                *self._protection.ends(actor),
                *self._all_done(),
            ]
        child.restarts += 1
        wait = self.parts.policy.backoff_max_ns if isinstance(verdict, Quarantine) else verdict.after_ns
        return [
            *effects,
            Tell(self.parent, ShardRestarted(actor, reason)),
            SetTimer(f"again:{actor}", max(wait, 1), _Again(actor)),
        ]

    def _again(self, actor: ActorId, now: int) -> list[Effect]:
        child = self._children.get(actor)
        if child is None or child.alive:
            return []
        if child.spec is not None:
            if child.releasing:
                child.loading = True
                return [ports.LoadSymbol(child.spec.account, child.spec.symbol)]
            if self._stopping is not None:
                child.done = True
                return self._all_done()
            child.loading = True
            return [ports.LoadSymbol(child.spec.account, child.spec.symbol)]
        if actor == self.risk.id:
            return self._spawn_risk(now)
        account = actor.rpartition("exchange:")[2]
        return self._spawn_exchange(account, now) + [
            Tell(c.id, symbol.Start()) for c in self._symbols() if c.alive and c.spec and c.spec.account == account
        ]

    def _restart(self, account: str, name: str) -> list[Effect]:
        child = self._children.get(self.symbol_id(account, name))
        if child is None or child.alive or child.loading:
            return []
        child.history = child.history.cleared()
        child.loading = True
        return [ports.LoadSymbol(account, name)]

    def _about_risk(self, message: Any) -> list[Effect]:
        if isinstance(message, ShareGiven):
            return [Tell(self.exchange_id(message.account), message)]
        if isinstance(message, ExitBegun):
            return self._revive(message.account)
        passed = self.risk.passed(message, alive=self._child(self.risk.id).alive)
        if passed is None:
            raise TypeError(f"ShardActor does not understand {type(message).__name__}")
        return passed

    def _revive(self, account: str) -> list[Effect]:
        """An emergency exit has begun: who stands still, because it failed too often, lives to be closed."""
        standing = [c.spec.symbol for c in self._symbols() if c.spec and c.spec.account == account and not c.done]
        return [effect for name in standing for effect in self._restart(account, name)]

    # --- to another shard --------------------------------------------------------------------------------------------

    def _release(self, account: str, name: str) -> list[Effect]:
        """Nothing is cancelled. An actor that has come to rest has nothing in flight that the next could not know."""
        child = self._children.get(self.symbol_id(account, name))
        if child is None or child.spec is None:
            return [Tell(self.parent, SymbolReleased(account, name))]
        if child.releasing:
            return []
        child.releasing = True
        if not child.alive:
            return self._let_go(child.id)
        return [
            Tell(child.id, symbol.StopTrading(cancel_openings=False, cancel_exits=False)),
            SetTimer(f"release:{child.id}", RELEASE_PATIENCE, _ReleaseOverdue(child.id)),
        ]

    def _let_go(self, actor: ActorId) -> list[Effect]:
        """End the actor; the journal is read only to know that everything before is written."""
        child = self._children.get(actor)
        if child is None or child.spec is None or not child.releasing or child.loading:
            return []
        account, name = child.spec.account, child.spec.symbol
        child.loading = True
        return [
            CancelTimer(f"release:{actor}"),
            CancelTimer(f"again:{actor}"),
            self.risk.gone(actor),
            Tell(self.exchange_id(account), exchange.Detach(name, handed_over=True)),
            *([Stop(actor)] if child.alive else []),
            ports.LoadSymbol(account, name),
        ]

    def _released(self, child: Child) -> list[Effect]:
        if child.spec is None:
            return []
        account, name = child.spec.account, child.spec.symbol
        self._children[child.id] = Child(child.id, RestartHistory(), child.incarnation)
        return [
            Tell(self.parent, SymbolReleased(account, name)), *self._protection.ends(child.id), *self._all_done(),
        ]  # fmt: skip

    def _drop(self, account: str, name: str) -> list[Effect]:
        """What the journal is still to answer was asked for an owner that is none any more."""
        child = self._children.get(self.symbol_id(account, name))
        if child is None or child.spec is None:
            return []
        outdated = child.outdated + child.loading
        self._children[child.id] = Child(child.id, RestartHistory(), child.incarnation, outdated=outdated)
        return [
            CancelTimer(f"release:{child.id}"),
            CancelTimer(f"again:{child.id}"),
            self.risk.gone(child.id),
            Tell(self.exchange_id(account), exchange.Detach(name, True)),
            *([Stop(child.id)] if child.alive else []),
            *self._protection.ends(child.id),
            *self._all_done(),
        ]

    def _symbols(self) -> list[Child]:
        return [child for child in self._children.values() if child.spec is not None]

    # --- passing on --------------------------------------------------------------------------------------------------

    def _to_symbol(self, account: str, name: str, message: Any) -> list[Effect]:
        """To the symbol's actor; while there is none it is kept, so far as it can wait."""
        child = self._children.get(self.symbol_id(account, name))
        if child is None or child.spec is None:
            return nobody(message)
        child.spec = after(child.spec, message)
        if child.alive:
            return [Tell(child.id, message)]
        if isinstance(message, symbol.Describe | symbol.ReconcileNow):
            return nobody(message)
        if child.loading:
            child.waiting.append(message)
            return []
        if isinstance(message, symbol.Remove | symbol.Flatten):
            child.history = child.history.cleared()
            child.loading = True
            if isinstance(message, symbol.Flatten):
                child.waiting.append(message)  # the others are part of what it starts from
            return [ports.LoadSymbol(account, name)]
        return []

    def _check(self, message: exchange.CheckSymbol) -> list[Effect]:
        account, _, name = message.symbol.partition("/")
        return [Tell(self.exchange_id(account), exchange.CheckSymbol(message.request, name, message.asker))]

    def _symbol_done(self, account: str, name: str) -> list[Effect]:
        child = self._children.get(self.symbol_id(account, name))
        if child is None or child.spec is None:
            return []
        if child.releasing:
            return self._let_go(child.id)
        child.done = True
        if self._stopping is not None:
            return self._all_done()
        return [
            self.risk.gone(child.id),
            Tell(self.exchange_id(account), exchange.Detach(name)),
            Stop(child.id),
            Tell(self.parent, SymbolLeft(account, name)),
            *self._protection.ends(child.id),
        ]

    def _stopped(self, actor: ActorId, incarnation: int) -> list[Effect]:
        child = self._children.get(actor)
        if child is None or child.incarnation != incarnation:
            return []
        child.alive = False
        if child.done:
            self._children[actor] = Child(actor, RestartHistory(), incarnation)
            return [CancelTimer(f"again:{actor}")]
        return []

    # --- stopping ----------------------------------------------------------------------------------------------------

    def _stop(self, message: StopShard) -> list[Effect]:
        self._stopping = message
        effects: list[Effect] = []
        for child in self._symbols():
            if child.alive:
                stop = symbol.StopTrading(message.cancel_openings, message.cancel_exits)
                effects.append(Tell(child.id, stop))
            else:
                child.done = True
        return effects + self._all_done()

    def _all_done(self) -> list[Effect]:
        if self._stopping is None or not all(child.done for child in self._symbols()):
            return []
        return [Tell(self.parent, ShardStopped())]
