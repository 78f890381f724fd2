"""The ShardProxy: stands for a shard that is a process of its own, and understands what a ShardActor understands.

It finds or starts the process, watches its heartbeat and its memory, restarts it by policy, and brings a process that
it is attached to again to what the registry wants. It decides on no trade.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.actors import exchange, operator, ports, shard_children, symbol
from opensqt_actors.actors.risk_messages import ExposureReport, GlobalWord, ShardFacts, ShareGiven
from opensqt_actors.actors.shard_link import (
    CommandShard,
    Key,
    KillShard,
    Measured,
    Overheard,
    ReachShard,
    RestartShard,
    Screens,
    ShardAbsent,
    ShardDown,
    ShardGone,
    ShardOwns,
    ShardSaid,
    ShardUp,
)
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    ReleaseSymbol,
    RestartSymbol,
    ShardStopped,
    ShareBudget,
    StartShard,
    StopShard,
    SymbolLeft,
    SymbolReleased,
    ToSymbol,
)
from opensqt_actors.actors.views import ShardRow
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import CancelTimer, Effect, SetTimer, Tell
from opensqt_actors.runtime.supervision import Quarantine, RestartHistory, RestartPolicy, decide

SECOND = 1_000_000_000
HELD_UP = SECOND // 2
"""A watch that rings so much too late says that this process was held up, not the shard."""


class ShardState(Enum):
    """SEEKING: looked for; STARTING: launched, not heard of; WAITING: its back-off; ENDING: told or killed to end."""

    SEEKING = "seeking"
    STARTING = "starting"
    RUNNING = "running"
    ENDING = "ending"
    WAITING = "waiting"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"


class ShardLimits(Struct, frozen=True):
    """start, heartbeat, stop: ns to be heard of, to be silent, to end when told; resident: bytes, 0 = no limit."""

    start: int = 60 * SECOND
    heartbeat: int = 5 * SECOND
    stop: int = 9 * SECOND
    resident: int = 0


class _Silent(Struct, frozen=True):
    """Nothing was heard for too long."""


class _Again(Struct, frozen=True):
    """The back-off is over."""


class ShardProxy:
    """One shard's process, as a pure step. version, configuration: what a process should run with."""

    def __init__(
        self,
        parent: ActorId,
        number: int,
        limits: ShardLimits,
        policy: RestartPolicy,
        *,
        version: str = "",
        configuration: str = "",
    ) -> None:
        self.parent = parent
        self.number = number
        self.limits = limits
        self.policy = policy
        self.version = version
        self.configuration = configuration
        self.state = ShardState.SEEKING
        self.wanted: dict[Key, SymbolSpec] = {}
        self.owned: dict[Key, SymbolSpec] = {}
        self.shares: dict[str, int] = {}
        self._risk = GlobalWord()
        self._exposure: dict[str, ShareGiven] = {}
        self._saved: dict[Any, RiskSaved] = {}
        self._inherited: dict[Key, tuple[RiskSaved, ...]] = {}
        self.history = RestartHistory()
        self.restarts = 0
        self.pid = 0
        self.measured = Measured()
        self.why = ""
        self._life = 0
        self._due = 0
        self._wait = 0
        self._attached = False
        self._up_since = 0
        self._short_lives = 0
        self._owns_told = False
        self._stopping: StopShard | None = None
        self._asked_to_restart = False
        self._killed_for = ""
        self._releasing: set[Key] = set()
        self._renewing: set[Key] = set()
        self._checks: dict[int, tuple[str, ActorId]] = {}
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            StartShard: self._start,
            AddSymbolActor: self._add,
            ReleaseSymbol: self._release,
            ToSymbol: self._to_symbol,
            RestartSymbol: lambda message, now: [],  # the Resume that comes with it does this in a process
            ShareBudget: self._share,
            StopShard: self._stop,
            GlobalWord: self._word,
            ShareGiven: self._given,
            RiskSaved: self._remember,
            operator.TripBreaker: self._operator,
            operator.ResetBreaker: self._operator,
            operator.EmergencyExit: self._operator,
            operator.ClearEmergency: self._operator,
            exchange.CheckSymbol: self._check,
            exchange.CheckHoldings: self._operator,
            RestartShard: self._restart,
            ShardAbsent: self._absent,
            ShardUp: self._up,
            ShardGone: self._gone,
            ShardSaid: self._said,
            _Silent: self._silent,
            _Again: self._again,
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error. What an earlier life of the process says is not."""
        life = getattr(message, "life", self._life)
        return self._handlers[type(message)](message, now) if life == self._life else []

    def row(self) -> ShardRow:
        """What operators see of this shard."""
        state = "starting" if self.state in (ShardState.SEEKING, ShardState.WAITING) else self.state.value
        known = self.measured
        return ShardRow(
            f"shard-{self.number}", state, self.pid, 0, self.restarts, known.resident, self.why, known.pending,
            known.durations,
        )  # fmt: skip

    # --- finding and starting ----------------------------------------------------------------------------------------

    def _start(self, message: StartShard, now: int) -> list[Effect]:
        self.shares = dict(message.shares)
        self._saved = {row.key: row for row in message.saved}
        return self._reach(now, launch=False)

    def _reach(self, now: int, *, launch: bool) -> list[Effect]:
        self._life += 1
        self._attached = False
        self.state = ShardState.STARTING if launch else ShardState.SEEKING
        wait = self.limits.start if launch else self.limits.heartbeat
        return [ReachShard(self.number, self._life, launch), self._watch(wait, now), Tell(self.parent, self.row())]

    def _watch(self, wait: int, now: int) -> Effect:
        self._due, self._wait = now + wait, wait
        return SetTimer("watch", wait, _Silent())

    def _absent(self, message: ShardAbsent, now: int) -> list[Effect]:
        return [*self._owns(()), *self._reach(now, launch=True)]

    def _owns(self, symbols: tuple[Key, ...]) -> list[Effect]:
        """The first word on what this shard trades; later ones are no news to the supervisor."""
        if self._owns_told:
            return []
        self._owns_told = True
        return [Tell(self.parent, ShardOwns(self.number, symbols))]

    def _up(self, message: ShardUp, now: int) -> list[Effect]:
        hello = message.hello
        effects: list[Effect] = [self._watch(self.limits.heartbeat, now)]
        if self.state is ShardState.ENDING:
            return [*effects, self._command(self._stopping)] if self._stopping is not None else effects
        fresh = not self._attached
        self._attached = True
        if fresh:
            self._up_since = now
        self.state = ShardState.RUNNING
        self.pid = hello.pid
        self.why = ""
        self.owned = {(spec.account, spec.symbol): spec for spec in hello.symbols}
        effects.append(self._command(self._risk))
        if not hello.started:
            saved = tuple(self._saved.values())
            effects.append(self._command(StartShard(saved, tuple(self.shares.items()))))
        effects += [self._command(share) for share in self._exposure.values()]
        effects += [self._command(ShareBudget(*share)) for share in self.shares.items() if hello.started]
        effects += self._owns(tuple(self.owned))
        for spec in list(self.wanted.values()):
            effects += self._bring(spec)
        for key in list(self._releasing):
            effects += self._let_go(key)
        if fresh and (hello.version, hello.configuration) != (self.version, self.configuration):
            sentence = (
                f"shard-{self.number} runs with another version or configuration than the supervisor; "
                f"`opensqt shards restart shard-{self.number}` brings it up to date"
            )
            effects.append(ports.Announce("shard.outdated", "", "", sentence, "warning"))
        if fresh:
            sentence = f"shard-{self.number} is up, process {hello.pid}"
            effects.append(ports.Announce("shard.up", "", "", sentence))
        return [*effects, Tell(self.parent, self.row())]

    def _command(self, message: Any) -> Effect:
        return CommandShard(self.number, message)

    # --- what it is to trade -----------------------------------------------------------------------------------------

    def _add(self, message: AddSymbolActor, now: int) -> list[Effect]:
        spec = message.spec
        self.wanted[spec.account, spec.symbol] = spec
        self._saved |= {row.key: row for row in message.saved}
        self._inherited[spec.account, spec.symbol] = message.saved
        return self._bring(spec) if self.state is ShardState.RUNNING else []

    def _bring(self, spec: SymbolSpec) -> list[Effect]:
        """Let the process trade this symbol as the registry says; what it does already it is not told again."""
        key = (spec.account, spec.symbol)
        known = self.owned.get(key)
        self.owned[key] = spec
        if known is None:
            return [self._command(AddSymbolActor(spec, self._inherited.pop(key, ())))]
        if known.grid != spec.grid:
            # changed while nobody told it: it begins anew with these settings, as one that comes from another shard
            self._renewing.add(key)
            return [self._command(ReleaseSymbol(*key))]
        if (known.state, known.remove_mode) == (spec.state, spec.remove_mode):
            return []
        return [self._command(ToSymbol(*key, _told(spec)))]

    def _release(self, message: ReleaseSymbol, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        self.wanted.pop(key, None)
        self._releasing.add(key)
        if self.state in (ShardState.WAITING, ShardState.QUARANTINED, ShardState.STOPPED):
            return self._let_go(key, gone=True)
        return self._let_go(key) if self.state is ShardState.RUNNING else []

    def _let_go(self, key: Key, *, gone: bool = False) -> list[Effect]:
        if not gone and key in self.owned:
            return [self._command(ReleaseSymbol(*key))]
        self._releasing.discard(key)
        return [Tell(self.parent, SymbolReleased(*key))]

    def _to_symbol(self, message: ToSymbol, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        spec = self.wanted.get(key)
        running = self.state is ShardState.RUNNING and spec is not None
        if isinstance(message.message, symbol.Describe | symbol.ReconcileNow):
            if running:
                return [self._command(message)]
            sentence = f"symbol: {message.symbol} cannot be asked now: shard-{self.number} is {self.state.value}"
            return [ports.Reply(message.message.request, operator.Refusal("unavailable", sentence))]
        if spec is None:
            return []
        self.wanted[key] = shard_children.after(spec, message.message)
        if not running:
            return []
        self.owned[key] = self.wanted[key]
        return [self._command(message)]

    def _share(self, message: ShareBudget, now: int) -> list[Effect]:
        self.shares[message.account] = message.thousandths
        return [self._command(message)] if self.state is ShardState.RUNNING else []

    def _check(self, message: exchange.CheckSymbol, now: int) -> list[Effect]:
        if self.state is ShardState.RUNNING:
            self._checks[message.request] = (message.symbol, message.asker)
            return [self._command(message)]
        return [_unchecked(message.request, message.symbol, message.asker, self.number)]

    # --- risk --------------------------------------------------------------------------------------------------------

    def _word(self, message: GlobalWord, now: int) -> list[Effect]:
        self._risk = message
        return [self._command(message)] if self.state is ShardState.RUNNING else []

    def _given(self, message: ShareGiven, now: int) -> list[Effect]:
        self._exposure[message.account] = message
        return [self._command(message)] if self.state is ShardState.RUNNING else []

    def _remember(self, message: RiskSaved, now: int) -> list[Effect]:
        """For the next life of the process."""
        self._saved[message.key] = message
        return []

    def _operator(self, message: Any, now: int) -> list[Effect]:
        if self.state is ShardState.RUNNING:
            return [self._command(message)]
        sentence = f"shard-{self.number} is {self.state.value}; try again in a moment"
        return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]

    # --- what it tells -----------------------------------------------------------------------------------------------

    def _said(self, message: ShardSaid, now: int) -> list[Effect]:
        match message.fact:
            case Screens() as screens:
                return self._screens(screens, now)
            case exchange.SymbolChecked() as checked:
                _, asker = self._checks.pop(checked.request, ("", self.parent))
                return [Tell(asker, checked)]
            case SymbolReleased(account, name):
                self.owned.pop((account, name), None)
                renewed = (account, name) in self._renewing
                self._renewing.discard((account, name))
                if (account, name) in self._releasing:
                    return self._let_go((account, name))
                wanted = self.wanted.get((account, name))
                return self._bring(wanted) if renewed and wanted is not None else []
            case SymbolLeft(account, name) as left:
                self.wanted.pop((account, name), None)
                self.owned.pop((account, name), None)
                return [Tell(self.parent, left)]
            case RiskSaved() as saved:
                self._saved[saved.key] = saved
                return [Tell(self.parent, saved)]
            case ShardFacts() if not self.wanted:
                return []
            case ExposureReport(account) if not any(key[0] == account for key in self.wanted):
                return []  # the shard that trades on the account reports it
            case ShardStopped():
                return []  # what counts is the end of the process
            case ports.Announce() as announce:
                return [Overheard(announce)]
            case ports.Reply() as reply:
                return [reply]
            case fact:
                return [Tell(self.parent, fact)]

    def _screens(self, screens: Screens, now: int) -> list[Effect]:
        if self.state is not ShardState.RUNNING:
            return []
        self.measured = screens.measured
        effects: list[Effect] = [self._watch(self.limits.heartbeat, now)]
        effects += [Tell(self.parent, row) for row in screens.symbols]
        effects += [Tell(self.parent, replace(row, shard=self.number)) for row in screens.accounts]
        effects.append(Tell(self.parent, self.row()))
        if self.limits.resident and self.measured.resident > self.limits.resident:
            used, limit = self.measured.resident >> 20, self.limits.resident >> 20
            return [*effects, *self._kill(f"its memory of {used} MB is beyond the limit of {limit} MB", now)]
        return effects

    # --- failing and restarting --------------------------------------------------------------------------------------

    def _silent(self, message: _Silent, now: int) -> list[Effect]:
        if now > self._due + HELD_UP:
            return [self._watch(self._wait, now)]
        seconds = self._wait / SECOND
        if self.state is ShardState.ENDING:
            return [KillShard(self.number), self._watch(self.limits.stop, now)]
        what = "was not up" if self.state is ShardState.STARTING else "was silent"
        return self._kill(f"it {what} for {seconds:g} s", now)

    def _kill(self, reason: str, now: int) -> list[Effect]:
        """A process that hangs cannot end itself. It counts as running until it is certain that it has ended."""
        self._killed_for = reason
        self.state = ShardState.ENDING
        sentence = f"shard-{self.number} is killed: {reason}"
        return [
            KillShard(self.number),
            ports.Announce("shard.killed", "", "", sentence, "error"),
            self._watch(self.limits.stop, now),
        ]

    def _gone(self, message: ShardGone, now: int) -> list[Effect]:
        """Nothing of it trades any more: what it was to give away may go, questions get their answer."""
        reason, self._killed_for = self._killed_for or message.reason, ""
        self.owned = {}
        self.pid, self.measured = 0, Measured()
        effects: list[Effect] = [CancelTimer("watch")]
        for key in list(self._releasing):
            effects += self._let_go(key, gone=True)
        for request, (name, asker) in self._checks.items():
            effects.append(_unchecked(request, name, asker, self.number))
        self._checks.clear()
        self._renewing.clear()
        if self._stopping is not None:
            return effects + self._ended()
        if self._asked_to_restart:
            self._asked_to_restart = False
            down = ShardDown(self.number, f"shard-{self.number} is being restarted", quarantined=False)
            return [*effects, Tell(self.parent, down), *self._reach(now, launch=True)]
        self.history = self.history.failed(self.policy, now)
        verdict = decide(self.history, self.policy, now)
        if isinstance(verdict, Quarantine):
            self.state = ShardState.QUARANTINED
            self.why = f"quarantined: {verdict.reason}; last: {reason}"
            told = ports.Announce("shard.quarantined", "", "", f"shard-{self.number} is {self.why}", "critical")
        else:
            self.state = ShardState.WAITING
            self.restarts += 1
            self.why = f"being restarted: {reason}"
            told = ports.Announce("shard.failed", "", "", f"shard-{self.number} has failed: {reason}", "error")
            effects.append(SetTimer("again", max(self._back_off(now), 1), _Again()))
        quarantined = self.state is ShardState.QUARANTINED
        down = ShardDown(self.number, f"shard-{self.number} is {self.why}", quarantined)
        return [*effects, *self._owns(()), told, Tell(self.parent, down), Tell(self.parent, self.row())]

    def _back_off(self, now: int) -> int:
        """ns until the next process. What the symbols hold may be without exits: it waits only after short lives in a
        row, shorter than the back-off, which counts from when the last one was up."""
        ran = now - self._up_since if self._attached else 0
        if ran >= self.policy.delay(self._short_lives + 1):
            self._short_lives = 0
            return 0
        self._short_lives += 1
        return self.policy.delay(self._short_lives) - ran if self._short_lives > 1 else 0

    def _again(self, message: _Again, now: int) -> list[Effect]:
        return self._reach(now, launch=True) if self.state is ShardState.WAITING else []

    def _restart(self, message: RestartShard, now: int) -> list[Effect]:
        self.history = self.history.cleared()
        self._short_lives = 0
        if self.state in (ShardState.QUARANTINED, ShardState.WAITING):
            return [CancelTimer("again"), *self._reach(now, launch=True)]
        if self.state is not ShardState.RUNNING:
            return []
        self._asked_to_restart = True
        self.state = ShardState.ENDING
        leave = StopShard(cancel_openings=False, cancel_exits=False)
        return [self._command(leave), self._watch(self.limits.stop, now), Tell(self.parent, self.row())]

    # --- stopping ----------------------------------------------------------------------------------------------------

    def _stop(self, message: StopShard, now: int) -> list[Effect]:
        if self._stopping is not None:
            return []
        self._stopping = message
        running = self.state is ShardState.RUNNING
        if self.state in (ShardState.WAITING, ShardState.QUARANTINED):
            return [CancelTimer("again"), *self._ended()]
        asked = self.state is ShardState.ENDING and self._asked_to_restart
        self.state = ShardState.ENDING
        if running or asked:
            return [self._command(message), self._watch(self.limits.stop, now)]
        return [KillShard(self.number), self._watch(self.limits.stop, now)]

    def _ended(self) -> list[Effect]:
        self.state = ShardState.STOPPED
        return [Tell(self.parent, self.row()), Tell(self.parent, ShardStopped(self.number))]


def _told(spec: SymbolSpec) -> Any:
    """What brings a symbol's actor to the state that the registry has."""
    match spec.state:
        case SymbolState.PAUSED:
            return symbol.Pause()
        case SymbolState.REMOVING if spec.remove_mode is not None:
            return symbol.Remove(spec.remove_mode)
        case _:
            return symbol.Resume()


def _unchecked(request: int, name: str, asker: ActorId, number: int) -> Effect:
    market = name.partition("/")[2]
    refused = ports.SymbolRefused(market, f"shard-{number} is not running; try again in a moment", final=False)
    return Tell(asker, exchange.SymbolChecked(request, refused))
