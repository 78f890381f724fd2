"""The SupervisorActor: the registry, the placement of symbols, the operators' counterpart. Touches no order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from opensqt_actors.actors import operator, ports, shard_link, symbol
from opensqt_actors.actors.fleet import Fleet
from opensqt_actors.actors.shard_messages import (
    ShardRestarted,
    ShardStopped,
    StopShard,
    SymbolQuarantined,
    SymbolReleased,
    ToSymbol,
)
from opensqt_actors.actors.supervisor_flat import FlatCommands
from opensqt_actors.actors.supervisor_leases import SupervisorLeases
from opensqt_actors.actors.supervisor_placement import PlacementCommands
from opensqt_actors.actors.supervisor_registry import RegistryChanges
from opensqt_actors.actors.supervisor_risk import MakePortfolio, SupervisorRisk
from opensqt_actors.actors.supervisor_view import Key, Screen, counters
from opensqt_actors.actors.views import AccountRow, ShardRow, StatusView, SymbolRow
from opensqt_actors.domain.records import EventSaved, RiskSaved
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, Effect, SetTimer, Tell

SECOND = 1_000_000_000
SETTLE = 3 * SECOND


class StartSupervisor(Struct, frozen=True):
    """Spawn the shard and bring up every symbol of the registry."""


class _Deadline(Struct, frozen=True):
    """Stopping has taken too long."""


class _StopNow(Struct, frozen=True):
    """Symbols on their way to another shard have had their time."""


class _ShardAgain(Struct, frozen=True):
    """The back-off of a failed shard's actor is over."""

    number: int


class _PortfolioAgain(Struct, frozen=True):
    """The back-off of a failed PortfolioRiskActor is over."""


class ShutdownPolicy(Struct, frozen=True):
    """cancel_openings, cancel_exits: what goes when the process ends; deadline: ns."""

    cancel_openings: bool = True
    cancel_exits: bool = False
    deadline: int = 8 * SECOND


class SupervisorActor:
    """The registry and its operators, as a pure step. risk: what the risk rules had written down before.

    leased: whether other hosts share the registry; then `specs` are those that are leased to this one.
    rested: whether everything had come to rest when it ended.
    """

    def __init__(
        self,
        me: ActorId,
        specs: Sequence[SymbolSpec],
        accounts: Sequence[str],
        make_shard: Callable[[ActorId], Behaviour] | Fleet,
        *,
        strategies: frozenset[str],
        version: str,
        instance: str,
        shutdown: ShutdownPolicy | None = None,
        portfolio: MakePortfolio,
        risk: Sequence[RiskSaved] = (),
        leased: bool = False,
    ) -> None:
        self.me = me
        self.leased = leased
        self.rested = False
        made = make_shard
        self.fleet = made if isinstance(made, Fleet) else Fleet(me, lambda parent, _: made(parent), 0)
        self.specs: dict[Key, SymbolSpec] = {(spec.account, spec.symbol): spec for spec in specs}
        self.accounts = tuple(accounts)
        self.strategies = strategies
        self.version = version
        self.instance = instance
        self.shutdown = shutdown or ShutdownPolicy()
        self.screen = Screen()
        self.risk = SupervisorRisk(me, self.fleet.actors(), accounts, portfolio, risk)
        self.restarts = 0
        self.started = 0
        self.state = "running"
        leases = SupervisorLeases(self.fleet, self.specs, self.screen, lambda: self.state == "running")
        self._stop_sent = False
        self.registry = RegistryChanges(self)
        placement = PlacementCommands(self)
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            SymbolRow: self._row,
            AccountRow: self._account_row,
            StartSupervisor: self._start,
            operator.DescribeSymbol: lambda message, now: self._question(message, symbol.Describe(message.request)),
            operator.ReconcileSymbol: lambda message, now: self._question(
                message, symbol.ReconcileNow(message.request, message.accept)
            ),
            operator.GetStatus: self._status,
            operator.Shutdown: self._shutdown,
            ShardRow: self._shard_row,
            shard_link.ShardOwns: self._shard_owns,
            shard_link.ShardDown: self._shard_down,
            SymbolReleased: self._released,
            SymbolQuarantined: self._quarantined,
            ShardRestarted: self._restarted,
            ShardStopped: self._shard_stopped,
            symbol.SymbolUnable: self._symbol_unable,
            ActorFailed: self._actor_failed,
            ActorStopped: self._ignore,
            _Deadline: self._deadline,
            _StopNow: lambda message, now: self._stop_shards(),
            _ShardAgain: self._shard_again,
            _PortfolioAgain: lambda message, now: self.risk.spawn() if self.state == "running" else [],
            operator.TripBreaker: self._breaker,
            operator.ResetBreaker: self._breaker,
            operator.EmergencyExit: self._emergency,
            operator.ClearEmergency: self._emergency,
            **self.risk.handlers,
            **leases.handlers,
            **self.registry.handlers,
            **placement.handlers,
            **FlatCommands(self).handlers,
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error."""
        return self._handlers[type(message)](message, now)

    # --- starting ----------------------------------------------------------------------------------------------------

    def _start(self, message: StartSupervisor, now: int) -> list[Effect]:
        self.started = self.started or now
        self.fleet.share_out(self.accounts, self.specs.values())
        return self.risk.spawn() + [e for number in self.fleet.numbers for e in self._spawn_shard(number)]

    def _spawn_shard(self, number: int) -> list[Effect]:
        return self.fleet.spawn(number, self.specs, self.risk.word, self.risk.saved)

    def _actor_failed(self, message: ActorFailed, now: int) -> list[Effect]:
        """The shard is gone with everything in it; while stopping there is nobody left who could rest."""
        self.restarts += 1
        sentence = f"{message.child} failed: {message.reason}"
        told = ports.Announce("actor.failed", "", "", sentence, "critical", {"detail": message.detail})
        number = self.fleet.number(message.child.rpartition("/")[2])
        if self.state != "running":
            return [
                told,
                *(self._shard_stopped(ShardStopped(number), now) if number is not None else []),
            ]
        if number is None:
            return [told, SetTimer("portfolio", SECOND, _PortfolioAgain())]
        return [told, SetTimer(f"shard:{number}", SECOND, _ShardAgain(number))]

    def _shard_again(self, message: _ShardAgain, now: int) -> list[Effect]:
        return self._spawn_shard(message.number) if self.state == "running" else []

    # --- news from below ---------------------------------------------------------------------------------------------

    def _row(self, row: SymbolRow, now: int) -> list[Effect]:
        if (row.account, row.symbol) in self.specs:
            self.screen.row(row, moving=(row.account, row.symbol) in self.fleet.moving)
            self.fleet.arrived(row)
        return self._stop_shards() if self.state == "stopping" and not self.fleet.in_transit else []

    def _account_row(self, row: AccountRow, now: int) -> list[Effect]:
        self.screen.account(row)
        return self.fleet.heard(row, self.specs.values())

    def _symbol_unable(self, message: symbol.SymbolUnable, now: int) -> list[Effect]:
        self.screen.unable[message.account, message.symbol] = (SymbolState.REFUSED, message.sentence)
        return []

    def _quarantined(self, message: SymbolQuarantined, now: int) -> list[Effect]:
        self.screen.unable[message.account, message.symbol] = (SymbolState.QUARANTINED, message.sentence)
        return []

    def _restarted(self, message: ShardRestarted, now: int) -> list[Effect]:
        self.restarts += 1
        return []

    # --- shards that are processes -----------------------------------------------------------------------------------

    def _shard_row(self, row: ShardRow, now: int) -> list[Effect]:
        number = self.fleet.number(row.shard)
        if number is not None:
            self.fleet.rows[number] = row
        return []

    def _shard_owns(self, message: shard_link.ShardOwns, now: int) -> list[Effect]:
        return self.fleet.owns(message.shard, message.symbols, self.specs) if self.state == "running" else []

    def _shard_down(self, message: shard_link.ShardDown, now: int) -> list[Effect]:
        """Its symbols stand still; what they did in this run still counts."""
        self.restarts += not message.quarantined
        self.fleet.down(message.shard)
        state = SymbolState.QUARANTINED if message.quarantined else SymbolState.STARTING
        keys = [key for key, spec in self.specs.items() if self.fleet.home(spec) == message.shard]
        self.screen.down(message.shard, keys, state, message.sentence)
        return self.risk.down(self.fleet.actor(message.shard))

    def _released(self, message: SymbolReleased, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        self.screen.ended(key)
        if self._stop_sent:
            return []
        return self.fleet.released(key, self.specs.get(key), self.risk.of(*key))

    def _ignore(self, message: Any, now: int) -> list[Effect]:
        return []

    # --- operators ---------------------------------------------------------------------------------------------------

    def _question(self, message: operator.DescribeSymbol | operator.ReconcileSymbol, question: Any) -> list[Effect]:
        """Have a symbol's actor answer."""
        found = self.registry.find(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        quarantined = self.screen.unable.get((found.account, found.symbol))
        if quarantined is not None and quarantined[0] is SymbolState.QUARANTINED:
            return [ports.Reply(message.request, operator.Refusal("failed", f"{found.symbol} is {quarantined[1]}"))]
        return [self.to_symbol(found, question)]

    def to_symbol(self, spec: SymbolSpec, message: Any) -> Effect:
        """Have a symbol's shard pass a message on."""
        return Tell(self.fleet.of(spec), ToSymbol(spec.account, spec.symbol, message))

    # --- risk --------------------------------------------------------------------------------------------------------

    def _breaker(self, message: operator.TripBreaker | operator.ResetBreaker, now: int) -> list[Effect]:
        """The breaker of a symbol is its shard's, the global one the PortfolioRiskActor's."""
        if not message.symbol:
            return [Tell(self.risk.id, message)]
        found = self.registry.find(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        return [Tell(self.fleet.of(found), message)]

    def _emergency(self, message: operator.EmergencyExit | operator.ClearEmergency, now: int) -> list[Effect]:
        return [Tell(actor, message) for actor in self.fleet.actors()]

    # --- status ------------------------------------------------------------------------------------------------------

    def _status(self, message: operator.GetStatus, now: int) -> list[Effect]:
        return [ports.Reply(message.request, self.view())]

    def view(self) -> StatusView:
        """Everything at a glance."""
        return self.screen.view(
            [spec for _, spec in sorted(self.specs.items())],
            version=self.version,
            instance=self.instance,
            started=self.started,
            state=self.state,
            restarts=self.restarts,
            shards=self.fleet.shown(self.specs.values(), self.state),
            risk=self.risk.view().rules,
        )

    # --- stopping ----------------------------------------------------------------------------------------------------

    def _shutdown(self, message: operator.Shutdown, now: int) -> list[Effect]:
        reply = ports.Reply(message.request, operator.Done("shutting down"))
        if self.state != "running":
            return [reply]
        self.state = "stopping"
        policy = self.shutdown
        return [
            reply,
            ports.Announce("supervisor.stopping", "", "", "shutting down: no new openings"),
            SetTimer("deadline", policy.deadline, _Deadline()),
            *(self._stop_shards() if not self.fleet.in_transit else [SetTimer("settle", SETTLE, _StopNow())]),
        ]

    def _stop_shards(self) -> list[Effect]:
        """Once no symbol is between two shards any more: there nobody could cancel its openings."""
        if self._stop_sent:
            return []
        self._stop_sent = True
        policy = self.shutdown
        return [
            *(Tell(actor, StopShard(policy.cancel_openings, policy.cancel_exits)) for actor in self.fleet.actors()),
        ]

    def _shard_stopped(self, message: ShardStopped, now: int) -> list[Effect]:
        self.fleet.stopped.add(message.shard)
        if len(self.fleet.stopped) < len(self.fleet.numbers):
            return []
        self.rested = True
        return self._end(now, "every order that should go has gone")

    def _deadline(self, message: _Deadline, now: int) -> list[Effect]:
        busy = [row.symbol for row in self.screen.rows.values() if row.open_orders]
        return self._end(now, f"the deadline passed with orders at work in {', '.join(busy[:10]) or 'no symbol'}")

    def _end(self, now: int, sentence: str) -> list[Effect]:
        if self.state == "stopped":
            return []
        self.state = "stopped"
        return [
            ports.Persist((EventSaved("", "", "run.ended", sentence, counters(self.view()), now),)),
            ports.Exited(0),
        ]
