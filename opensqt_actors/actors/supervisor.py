"""The SupervisorActor: the registry, the placement of symbols, the operators' counterpart. Touches no order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from opensqt_actors.actors import exchange, operator, ports, shard, shard_link, symbol
from opensqt_actors.actors.fleet import Fleet
from opensqt_actors.actors.supervisor_leases import GiveUp, SupervisorLeases
from opensqt_actors.actors.supervisor_risk import NOBODY, MakePortfolio, SupervisorRisk
from opensqt_actors.actors.supervisor_view import Key, Screen, counters
from opensqt_actors.actors.views import AccountRow, ShardRow, StatusView, SymbolRow
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.grid import anchor_lattice, check_profit
from opensqt_actors.domain.records import EventSaved, RiskSaved
from opensqt_actors.domain.settings import GridSettings, RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.domain.strategy import Market
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, CancelTimer, Effect, SetTimer, Tell

SECOND = 1_000_000_000
CHECK_PATIENCE = 30 * SECOND
SAVE_AGAIN = 2 * SECOND
SETTLE = 3 * SECOND
ANY_PRICE = 10**12


@dataclass(frozen=True, slots=True)
class StartSupervisor:
    """Spawn the shard and bring up every symbol of the registry."""


@dataclass(frozen=True, slots=True)
class _Deadline:
    """Stopping has taken too long."""


@dataclass(frozen=True, slots=True)
class _StopNow:
    """Symbols on their way to another shard have had their time."""


@dataclass(frozen=True, slots=True)
class _ShardAgain:
    """The back-off of a failed shard's actor is over."""

    number: int


@dataclass(frozen=True, slots=True)
class _PortfolioAgain:
    """The back-off of a failed PortfolioRiskActor is over."""


@dataclass(frozen=True, slots=True)
class _CheckOverdue:
    """The venue was asked about a symbol and has not answered."""

    request: int


@dataclass(frozen=True, slots=True)
class _LeftAgain:
    """A removal could not be written down; time to try again."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class _Saving:
    """A registry change on its way: whom to answer (0: nobody), what to do then, what to say."""

    reply_to: int
    then: Callable[[SymbolSpec], list[Effect]]
    sentence: str


@dataclass(frozen=True, slots=True)
class ShutdownPolicy:
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
        self._requests = 0
        self._checking: dict[int, operator.AddSymbol] = {}
        self._saving: dict[int, _Saving] = {}
        self._busy: set[Key] = set()
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            SymbolRow: self._row,
            AccountRow: self._account_row,
            StartSupervisor: self._start,
            operator.AddSymbol: self._add,
            operator.RemoveSymbol: self._remove,
            operator.PauseSymbol: self._pause,
            operator.ResumeSymbol: self._resume,
            operator.DescribeSymbol: lambda message, now: self._question(message, symbol.Describe(message.request)),
            operator.ReconcileSymbol: lambda message, now: self._question(
                message, symbol.ReconcileNow(message.request, message.accept)
            ),
            operator.GetStatus: self._status,
            operator.Shutdown: self._shutdown,
            operator.MoveSymbol: self._move,
            operator.DrainShard: self._drain,
            operator.RestartShard: self._restart_shard,
            ShardRow: self._shard_row,
            shard_link.ShardOwns: self._shard_owns,
            shard_link.ShardDown: self._shard_down,
            shard.SymbolReleased: self._released,
            exchange.SymbolChecked: self._checked,
            ports.SpecSaved: self._spec_saved,
            ports.SpecFailed: self._spec_failed,
            shard.SymbolLeft: self._symbol_left,
            shard.SymbolQuarantined: self._quarantined,
            shard.ShardRestarted: self._restarted,
            shard.ShardStopped: self._shard_stopped,
            symbol.SymbolUnable: self._symbol_unable,
            ActorFailed: self._actor_failed,
            ActorStopped: self._ignore,
            _Deadline: self._deadline,
            _StopNow: lambda message, now: self._stop_shards(),
            _ShardAgain: self._shard_again,
            _CheckOverdue: self._check_overdue,
            _LeftAgain: self._symbol_left,
            _PortfolioAgain: lambda message, now: self.risk.spawn() if self.state == "running" else [],
            operator.TripBreaker: self._breaker,
            operator.ResetBreaker: self._breaker,
            operator.EmergencyExit: self._emergency,
            operator.ClearEmergency: self._emergency,
            **self.risk.handlers,
            **leases.handlers,
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
            return [told, *(self._shard_stopped(shard.ShardStopped(number), now) if number is not None else [])]
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

    def _quarantined(self, message: shard.SymbolQuarantined, now: int) -> list[Effect]:
        self.screen.unable[message.account, message.symbol] = (SymbolState.QUARANTINED, message.sentence)
        return []

    def _restarted(self, message: shard.ShardRestarted, now: int) -> list[Effect]:
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

    def _released(self, message: shard.SymbolReleased, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        self.screen.ended(key)
        if self._stop_sent:
            return []
        return self.fleet.released(key, self.specs.get(key), self.risk.of(*key))

    def _shard_named(self, name: str) -> int | operator.Refusal:
        if not self.fleet.processes:
            sentence = "shard: there is one shard, in the supervisor's own process; `shards` in the configuration"
            return operator.Refusal("failed", f"{sentence} makes it several processes")
        number = self.fleet.number(name)
        if number is None:
            known = ", ".join(self.fleet.name(number) for number in self.fleet.numbers)
            return operator.Refusal("not_found", f"shard: there is no shard {name[:40]!r}; there is {known}")
        return number

    def _move(self, message: operator.MoveSymbol, now: int) -> list[Effect]:
        found, target = self._find(message.account, message.symbol), self._shard_named(message.shard)
        for refusal in (found, target):
            if isinstance(refusal, operator.Refusal):
                return [ports.Reply(message.request, refusal)]
        assert isinstance(found, SymbolSpec)  # noqa: S101 - for the type checker; refusals have been answered
        assert isinstance(target, int)  # noqa: S101
        refused = self._move_refusal(found, target)
        if refused is not None:
            return [ports.Reply(message.request, refused)]
        return self._change(
            message,
            lambda spec: replace(spec, shard=target),
            self._moved_from(self.fleet.home(found)),
            f"{message.symbol} is on its way from {self.fleet.name(self.fleet.home(found))} to {message.shard}",
        )

    def _move_refusal(self, spec: SymbolSpec, target: int) -> operator.Refusal | None:
        name = self.fleet.name(target)
        if self.state != "running":
            return operator.Refusal("unavailable", "the supervisor is shutting down")
        if self.fleet.home(spec) == target:
            return operator.Refusal("failed", f"symbol: {spec.symbol} is on {name} already")
        if (spec.account, spec.symbol) in self.fleet.moving:
            return operator.Refusal("unavailable", f"symbol: {spec.symbol} is on its way to another shard; try again")
        if target in self.fleet.drained:
            return operator.Refusal("failed", f"shard: {name} was drained; `opensqt shards restart {name}` first")
        others = [s for s in self.specs.values() if s.account == spec.account and s is not spec]
        if spec.account in self.fleet.whole and others:
            sentence = f"symbol: an exposure limit holds for all symbols of {spec.account} together; they stay together"
            return operator.Refusal("failed", sentence)
        return None

    def _drain(self, message: operator.DrainShard, now: int) -> list[Effect]:
        number = self._shard_named(message.shard)
        if isinstance(number, operator.Refusal):
            return [ports.Reply(message.request, number)]
        fleet = self.fleet
        if len(fleet.drained | {number}) == fleet.processes:
            refusal = operator.Refusal("failed", f"shard: {message.shard} is the last one that takes symbols")
            return [ports.Reply(message.request, refusal)]
        fleet.drained.add(number)
        effects: list[Effect] = []
        left = 0
        specs = [spec for _, spec in sorted(self.specs.items())]
        for spec in fleet.emptied(number, specs):
            key = (spec.account, spec.symbol)
            if fleet.home(self.specs[key]) != number:
                continue
            if key in self._busy or key in fleet.moving or self.state != "running":
                left += 1
                continue
            effects += self._save(NOBODY, spec, self._moved_from(number), "")
        sentence = f"{len(effects)} symbols are on their way from {message.shard}"
        sentence += f"; {left} are being changed: drain it again in a moment" if left else ""
        return [*effects, ports.Reply(message.request, operator.Done(sentence))]

    def _moved_from(self, number: int) -> Callable[[SymbolSpec], list[Effect]]:
        def moved(saved: SymbolSpec) -> list[Effect]:
            self.specs[saved.account, saved.symbol] = saved
            to = self.fleet.name(self.fleet.home(saved))
            self.screen.unable[saved.account, saved.symbol] = (SymbolState.STARTING, f"on its way to {to}")
            return self.fleet.move(saved, number)

        return moved

    def _restart_shard(self, message: operator.RestartShard, now: int) -> list[Effect]:
        number = self._shard_named(message.shard)
        if isinstance(number, operator.Refusal):
            return [ports.Reply(message.request, number)]
        self.fleet.drained.discard(number)
        done = operator.Done(f"{message.shard} is being restarted; its orders stay on the venue")
        return [Tell(self.fleet.actor(number), shard_link.RestartShard()), ports.Reply(message.request, done)]

    def _symbol_left(self, message: shard.SymbolLeft | _LeftAgain, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        spec = self.specs.get(key)
        if spec is None:
            return []

        def gone(saved: SymbolSpec) -> list[Effect]:
            self.specs.pop(key, None)
            self.screen.left(key)
            told = ports.Announce("symbol.removed", saved.account, saved.symbol, f"{saved.symbol} was removed")
            return [told, GiveUp(*key)] if self.leased else [told]

        return self._save(0, replace(spec, state=SymbolState.REMOVED), gone, "")

    def _ignore(self, message: Any, now: int) -> list[Effect]:
        return []

    # --- operators ---------------------------------------------------------------------------------------------------

    def _add(self, message: operator.AddSymbol, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        refusal = self._add_refusal(message)
        if refusal is not None:
            return [ports.Reply(message.request, refusal)]
        self._requests += 1
        self._checking[self._requests] = message
        self._busy.add(key)
        name = f"{message.account}/{message.symbol}"
        return [
            Tell(
                self.fleet.for_account(message.account, self.specs.values()),
                exchange.CheckSymbol(self._requests, name, self.me),
            ),
            SetTimer(f"check:{self._requests}", CHECK_PATIENCE, _CheckOverdue(self._requests)),
        ]

    def _check_overdue(self, message: _CheckOverdue, now: int) -> list[Effect]:
        request = self._checking.pop(message.request, None)
        if request is None:
            return []
        self._busy.discard((request.account, request.symbol))
        seconds = CHECK_PATIENCE // SECOND
        sentence = f"symbol: the venue did not say within {seconds} s whether {request.symbol} can be traded; try again"
        return [ports.Reply(request.request, operator.Refusal("unavailable", sentence))]

    def _add_refusal(self, message: operator.AddSymbol) -> operator.Refusal | None:
        key = (message.account, message.symbol)
        if self.state != "running":
            return operator.Refusal("unavailable", "the supervisor is shutting down")
        if message.account not in self.accounts:
            known = ", ".join(self.accounts)
            return operator.Refusal("not_found", f"account: there is no account {message.account!r}; there is {known}")
        if key in self.specs or key in self._busy:
            return operator.Refusal(
                "already_exists", f"symbol: {message.symbol} is traded on {message.account} already"
            )
        if message.strategy not in self.strategies:
            known = ", ".join(sorted(self.strategies))
            return operator.Refusal("invalid", f"strategy: {message.strategy!r} is not installed; there is {known}")
        return None

    def _checked(self, message: exchange.SymbolChecked, now: int) -> list[Effect]:
        request = self._checking.pop(message.request, None)
        if request is None:
            return []
        self._busy.discard((request.account, request.symbol))
        answer = message.answer
        refusal: operator.Refusal | None = None
        if isinstance(answer, ports.SymbolRefused):
            refusal = operator.Refusal("not_found" if answer.final else "unavailable", f"symbol: {answer.reason}")
        else:
            sentence = check_settings(request.grid, answer)
            if sentence is not None:
                refusal = operator.Refusal("invalid", sentence)
        done = CancelTimer(f"check:{message.request}")
        if refusal is not None:
            return [done, ports.Reply(request.request, refusal)]
        spec = SymbolSpec(
            request.account, request.symbol, -1, request.grid, request.strategy, SymbolState.TRADING, None,
            request.adopt,
        )  # fmt: skip
        spec = self.fleet.placed(spec, self.specs.values())

        def added(saved: SymbolSpec) -> list[Effect]:
            told = ports.Announce("symbol.added", saved.account, saved.symbol, f"{saved.symbol} was added")
            if self.leased:
                return [told]
            self.specs[saved.account, saved.symbol] = saved
            return [Tell(self.fleet.of(saved), shard.AddSymbolActor(saved)), told]

        whose = "; a host with room for it trades it in a moment" if self.leased else ""
        sentence = f"{spec.symbol} was added on {spec.account}{whose}"
        return [done, *self._save(request.request, spec, added, sentence, fresh=self.leased)]

    def _find(self, account: str, name: str) -> SymbolSpec | operator.Refusal:
        spec = self.specs.get((account, name))
        if spec is not None and spec.state is not SymbolState.REMOVED:
            return spec
        where = f"{account} by this host; `opensqt shards list` says who has it" if self.leased else account
        return operator.Refusal("not_found", f"symbol: {name} is not traded on {where}")

    def _change(
        self, message: Any, change: Callable[[SymbolSpec], SymbolSpec], then: Callable[[SymbolSpec], list[Effect]],
        sentence: str,
    ) -> list[Effect]:  # fmt: skip
        found = self._find(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        if (found.account, found.symbol) in self._busy:
            sentence = f"symbol: another change of {found.symbol} is being written; try again in a moment"
            return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]

        def saved(spec: SymbolSpec) -> list[Effect]:
            self.specs[spec.account, spec.symbol] = spec
            return then(spec)

        return self._save(message.request, change(found), saved, sentence)

    def _remove(self, message: operator.RemoveSymbol, now: int) -> list[Effect]:
        mode = message.mode
        return self._change(
            message,
            lambda spec: replace(spec, state=SymbolState.REMOVING, remove_mode=mode),
            lambda spec: [self._to_symbol(spec, symbol.Remove(mode))],
            _REMOVAL[mode].format(symbol=message.symbol),
        )

    def _pause(self, message: operator.PauseSymbol, now: int) -> list[Effect]:
        found = self._find(message.account, message.symbol)
        if isinstance(found, SymbolSpec) and found.state is SymbolState.REMOVING:
            return [
                ports.Reply(message.request, operator.Refusal("failed", f"symbol: {found.symbol} is being removed"))
            ]
        return self._change(
            message,
            lambda spec: replace(spec, state=SymbolState.PAUSED),
            lambda spec: [self._to_symbol(spec, symbol.Pause())],
            f"{message.symbol} is paused: no openings, exits stay",
        )

    def _resume(self, message: operator.ResumeSymbol, now: int) -> list[Effect]:
        found = self._find(message.account, message.symbol)
        if isinstance(found, SymbolSpec) and found.state is SymbolState.REMOVING:
            return [
                ports.Reply(message.request, operator.Refusal("failed", f"symbol: {found.symbol} is being removed"))
            ]

        def resumed(spec: SymbolSpec) -> list[Effect]:
            self.screen.unable.pop((spec.account, spec.symbol), None)
            return [
                Tell(self.fleet.of(spec), shard.RestartSymbol(spec.account, spec.symbol)),
                self._to_symbol(spec, symbol.Resume()),
            ]

        return self._change(
            message, lambda spec: replace(spec, state=SymbolState.TRADING), resumed, f"{message.symbol} trades again"
        )

    def _question(self, message: operator.DescribeSymbol | operator.ReconcileSymbol, question: Any) -> list[Effect]:
        """Have a symbol's actor answer."""
        found = self._find(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        quarantined = self.screen.unable.get((found.account, found.symbol))
        if quarantined is not None and quarantined[0] is SymbolState.QUARANTINED:
            return [ports.Reply(message.request, operator.Refusal("failed", f"{found.symbol} is {quarantined[1]}"))]
        return [self._to_symbol(found, question)]

    def _to_symbol(self, spec: SymbolSpec, message: Any) -> Effect:
        return Tell(self.fleet.of(spec), shard.ToSymbol(spec.account, spec.symbol, message))

    # --- risk --------------------------------------------------------------------------------------------------------

    def _breaker(self, message: operator.TripBreaker | operator.ResetBreaker, now: int) -> list[Effect]:
        """The breaker of a symbol is its shard's, the global one the PortfolioRiskActor's."""
        if not message.symbol:
            return [Tell(self.risk.id, message)]
        found = self._find(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        return [Tell(self.fleet.of(found), message)]

    def _emergency(self, message: operator.EmergencyExit | operator.ClearEmergency, now: int) -> list[Effect]:
        return [Tell(actor, message) for actor in self.fleet.actors()]

    # --- registry ----------------------------------------------------------------------------------------------------

    def _save(
        self, reply_to: int, spec: SymbolSpec, then: Callable[[SymbolSpec], list[Effect]], sentence: str,
        *, fresh: bool = False,
    ) -> list[Effect]:  # fmt: skip
        """Make a registry change durable, then act on it and answer: both or neither. fresh: it must be new there."""
        self._requests += 1
        self._saving[self._requests] = _Saving(reply_to, then, sentence)
        self._busy.add((spec.account, spec.symbol))
        return [ports.SaveSpec(self._requests, spec, fresh)]

    def _spec_saved(self, message: ports.SpecSaved, now: int) -> list[Effect]:
        saving = self._saving.pop(message.request)
        self._busy.discard((message.spec.account, message.spec.symbol))
        effects = saving.then(message.spec)
        if saving.reply_to:
            effects.append(ports.Reply(saving.reply_to, operator.Done(saving.sentence)))
        return effects

    def _spec_failed(self, message: ports.SpecFailed, now: int) -> list[Effect]:
        saving = self._saving.pop(message.request)
        account, name = message.spec.account, message.spec.symbol
        self._busy.discard((account, name))
        sentence = f"the registry could not be written ({message.reason}); nothing was changed"
        if saving.reply_to:
            return [ports.Reply(saving.reply_to, operator.Refusal("unavailable", sentence))]
        return [
            ports.Announce("registry.failed", account, name, f"{name}: {sentence}", "error"),
            SetTimer(f"left:{account}:{name}", SAVE_AGAIN, _LeftAgain(account, name)),
        ]

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
            *(
                Tell(actor, shard.StopShard(policy.cancel_openings, policy.cancel_exits))
                for actor in self.fleet.actors()
            ),
        ]

    def _shard_stopped(self, message: shard.ShardStopped, now: int) -> list[Effect]:
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


_REMOVAL = {
    RemoveMode.GRACEFUL: "{symbol} is being removed: no new openings, its exits stay until it is flat",
    RemoveMode.FLATTEN: "{symbol} is being removed: its position is closed at market now",
    RemoveMode.LEAVE: "{symbol} is being removed: its orders are cancelled, its position stays",
}


def check_settings(grid: GridSettings, prepared: ports.SymbolPrepared) -> str | None:
    """Why these grid settings cannot work on this market, or None. Uses the newest closed candle as the price.

    Without one, only what does not depend on the price is checked.
    """
    instrument = prepared.instrument
    close = prepared.history[-1].close if prepared.history else 0.0
    price = instrument.price_to_ticks(Decimal(str(close))) if close else 0
    try:
        if price <= 0 and grid.interval_percent is None:
            return None
        lattice = anchor_lattice(instrument, grid, price if price > 0 else ANY_PRICE)
        check_profit(Market(instrument, prepared.fees, grid, lattice))
    except InvalidValue as error:
        return error.sentence
    small = instrument.too_small(price, instrument.steps_for(instrument.quanta(grid.amount), price)) if price else None
    if small is not None:
        return f"amount: {grid.amount} {instrument.quote} a level is too little for {instrument.symbol}: {small}"
    return None
