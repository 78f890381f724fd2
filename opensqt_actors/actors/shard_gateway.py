"""The ShardGateway: the root of a shard's process. It passes commands to the ShardActor and facts to the supervisor.

It goes on without a supervisor. When the risk over all shards is not heard for a while it opens nothing; when no
supervisor comes for too long it stops trading in order, so that nothing trades that nobody watches. The failure of the
ShardActor ends the process: whoever watches it starts it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from opensqt_actors.actors import exchange, operator, ports, shard_children, symbol
from opensqt_actors.actors.portfolio_hearing import PortfolioHearing
from opensqt_actors.actors.risk_messages import ExposureReport, GlobalWord, ShardFacts, ShareGiven
from opensqt_actors.actors.shard_link import (
    Hello,
    Key,
    Screens,
    SendUp,
    SupervisorAttached,
    SupervisorLost,
)
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
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
from opensqt_actors.actors.views import AccountRow, RiskRow, SymbolRow
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, CancelTimer, Effect, SetTimer, Spawn, Tell

SECOND = 1_000_000_000
_COMMANDS = frozenset(
    {
        StartShard, AddSymbolActor, ReleaseSymbol, ToSymbol, ShareBudget,
        exchange.CheckSymbol, exchange.CheckHoldings, ShareGiven, operator.TripBreaker, operator.ResetBreaker,
        operator.EmergencyExit, operator.ClearEmergency,
    }
)  # fmt: skip
_RISK_DOWN = (
    ShareGiven, operator.TripBreaker, operator.ResetBreaker, operator.EmergencyExit, operator.ClearEmergency,
)  # fmt: skip
_RISK_UP = (ShardFacts, ExposureReport)
BEAT = SECOND // 4


class _Beat(Struct, frozen=True):
    """Time to say that this process lives."""


class _Alone(Struct, frozen=True):
    """No supervisor has come for too long."""


class _Deadline(Struct, frozen=True):
    """Stopping has taken too long."""


class StartGateway(Struct, frozen=True):
    """Begin to beat and to wait for a supervisor."""


class EndShard(Struct, frozen=True):
    """A signal: stop trading in order, as the policy says, and end the process."""


class VenuesOpen(Struct, frozen=True):
    """The venues are connected: what was asked for until now is done."""


class ShardGateway:
    """One shard's process, as a pure step. pid, version, configuration: what it says of itself.

    alone: ns without a supervisor before it stops by itself, 0 = never; deadline: ns for stopping; unheard: ns without
    a word of the risk over all shards before nothing opens, 0 = never.
    """

    def __init__(
        self,
        me: ActorId,
        number: int,
        make_shard: Callable[[ActorId], Behaviour],
        *,
        pid: int,
        version: str,
        configuration: str,
        policy: StopShard,
        deadline: int,
        alone: int,
        unheard: int,
    ) -> None:
        self.shard = ActorId(f"{me}/shard-{number}")
        self.make_shard = make_shard
        self.me = me
        self.pid = pid
        self.version = version
        self.configuration = configuration
        self.policy = policy
        self.deadline = deadline
        self.alone = alone
        self.symbols: dict[Key, SymbolSpec] = {}
        self._ready = False
        self._early: list[Any] = []
        self._started = False
        self._attached = False
        self._stopping = False
        self._ended = False
        self._rows: dict[Key, SymbolRow] = {}
        self._accounts: dict[str, AccountRow] = {}
        self._fresh: set[Key] = set()
        self._standing: dict[Any, Any] = {}
        self._hearing = PortfolioHearing(unheard)
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            StartGateway: self._begin,
            VenuesOpen: self._open,
            SupervisorAttached: self._attach,
            SupervisorLost: self._lost,
            StartShard: self._start,
            AddSymbolActor: self._add,
            ReleaseSymbol: lambda message, now: [Tell(self.shard, message)],
            ToSymbol: self._to_symbol,
            ShareBudget: lambda message, now: [Tell(self.shard, message)],
            StopShard: self._stop,
            exchange.CheckSymbol: lambda message, now: [Tell(self.shard, message)],
            exchange.CheckHoldings: lambda message, now: [Tell(self.shard, message)],
            GlobalWord: self._global_word,
            **dict.fromkeys(_RISK_DOWN, lambda message, now: [Tell(self.shard, message)]),
            **dict.fromkeys(_RISK_UP, lambda message, now: [SendUp(message)]),
            RiskRow: self._risk_row,
            RiskSaved: self._risk_saved,
            EndShard: lambda message, now: self._stop(self.policy, now),
            SymbolRow: self._row,
            AccountRow: self._account,
            symbol.SymbolUnable: self._stands,
            SymbolQuarantined: self._stands,
            SymbolLeft: self._off,
            SymbolReleased: self._off,
            ShardRestarted: lambda message, now: [SendUp(message)],
            exchange.SymbolChecked: lambda message, now: [SendUp(message)],
            ShardStopped: lambda message, now: self._end(0),
            ActorFailed: self._failed,
            ActorStopped: lambda message, now: [],
            _Beat: self._beat,
            _Alone: self._give_up,
            _Deadline: lambda message, now: self._end(0),
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error. Until the venues are open, commands wait."""
        if not self._ready and type(message) in _COMMANDS:
            self._early.append(message)
            return []
        return self._handlers[type(message)](message, now)

    # --- the supervisor ----------------------------------------------------------------------------------------------

    def _begin(self, message: StartGateway, now: int) -> list[Effect]:
        self._hearing.begin(now)
        return [*self._wait_alone(), SetTimer("beat", BEAT, _Beat())]

    def _open(self, message: VenuesOpen, now: int) -> list[Effect]:
        self._ready = True
        early, self._early = self._early, []
        return [effect for command in early for effect in self.step(command, now)]

    def _wait_alone(self) -> list[Effect]:
        return [SetTimer("alone", self.alone, _Alone())] if self.alone else []

    def _attach(self, message: SupervisorAttached, now: int) -> list[Effect]:
        """It gets everything that it cannot know: who this is, every line, what stands still.

        What an earlier one had asked for while the venues were away this one asks for itself.
        """
        self._attached = True
        self._early.clear()
        self._fresh = set(self._rows)
        hello = Hello(self.pid, self.version, self.configuration, self._started, tuple(self.symbols.values()))
        return [
            CancelTimer("alone"),
            SendUp(hello),
            self._screens(),
            *(SendUp(fact) for fact in self._standing.values()),
        ]

    def _lost(self, message: SupervisorLost, now: int) -> list[Effect]:
        self._attached = False
        return self._wait_alone()

    def _give_up(self, message: _Alone, now: int) -> list[Effect]:
        if self._attached:
            return []
        sentence = f"no supervisor has come for {self.alone / SECOND:g} s: stopping"
        return [ports.Announce("shard.alone", "", "", sentence, "critical"), *self._stop(self.policy, now)]

    def _beat(self, message: _Beat, now: int) -> list[Effect]:
        effects: list[Effect] = [SetTimer("beat", BEAT, _Beat())]
        if self._attached:
            effects.append(self._screens())
        return effects + self._listen(now)

    def _listen(self, now: int) -> list[Effect]:
        """Nobody could close the gates of all shards any more: close them here. Exits go on."""
        if not self._started or self._stopping or not self._hearing.look(now):
            return []
        word = self._hearing.told()
        return [Tell(self.shard, word), ports.Announce("shard.unheard", "", "", word.closed[-1][1], "error")]

    def _screens(self) -> Effect:
        rows = tuple(self._rows[key] for key in self._fresh if key in self._rows)
        self._fresh.clear()
        return SendUp(Screens(rows, tuple(self._accounts.values())))

    # --- commands ----------------------------------------------------------------------------------------------------

    def _start(self, message: StartShard, now: int) -> list[Effect]:
        if self._started:
            return []
        self._started = True
        self._hearing.begin(now)
        return [
            Spawn(self.shard, lambda: self.make_shard(self.me), 1),
            Tell(self.shard, self._hearing.told()),
            Tell(self.shard, message),
        ]

    def _global_word(self, message: GlobalWord, now: int) -> list[Effect]:
        """Repeated every second; the shard's own rules hear what is new to them."""
        before, again = self._hearing.told(), self._hearing.heard(message, now)
        if not self._started or message == before:
            return []
        effects: list[Effect] = [Tell(self.shard, message)]
        if again:
            sentence = "the risk over all shards is heard again: this shard opens as it says"
            effects.append(ports.Announce("shard.heard", "", "", sentence, "warning"))
        return effects

    def _add(self, message: AddSymbolActor, now: int) -> list[Effect]:
        if self._stopping:
            return []
        spec = message.spec
        self.symbols[spec.account, spec.symbol] = spec
        return [Tell(self.shard, message)]

    def _to_symbol(self, message: ToSymbol, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        spec = self.symbols.get(key)
        if spec is not None:
            self.symbols[key] = shard_children.after(spec, message.message)
        if not isinstance(message.message, symbol.Resume):
            return [Tell(self.shard, message)]
        self._standing.pop(key, None)
        return [Tell(self.shard, RestartSymbol(*key)), Tell(self.shard, message)]

    # --- facts -------------------------------------------------------------------------------------------------------

    def _row(self, row: SymbolRow, now: int) -> list[Effect]:
        key = (row.account, row.symbol)
        self._rows[key] = row
        self._fresh.add(key)
        return []

    def _account(self, row: AccountRow, now: int) -> list[Effect]:
        self._accounts[row.account] = row
        return []

    def _stands(self, message: symbol.SymbolUnable | SymbolQuarantined, now: int) -> list[Effect]:
        self._standing[message.account, message.symbol] = message
        return [SendUp(message)]

    def _risk_row(self, row: RiskRow, now: int) -> list[Effect]:
        """Kept: a supervisor that comes later must know it, too."""
        self._standing["row", row.scope, row.account, row.symbol] = row
        return [SendUp(row)]

    def _risk_saved(self, saved: RiskSaved, now: int) -> list[Effect]:
        self._standing["saved", *saved.key] = saved
        return [SendUp(saved)]

    def _off(self, message: SymbolLeft | SymbolReleased, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        screens = self._screens() if key in self._fresh else None
        for known in (self.symbols, self._rows, self._standing):
            known.pop(key, None)
        return [*([screens] if screens is not None else []), SendUp(message)]

    # --- ending ------------------------------------------------------------------------------------------------------

    def _stop(self, message: StopShard, now: int) -> list[Effect]:
        if not self._started:
            return self._end(0)
        again = self._stopping
        self._stopping = True
        effects: list[Effect] = [Tell(self.shard, message)]
        return effects if again else [*effects, SetTimer("deadline", self.deadline, _Deadline())]

    def _end(self, code: int) -> list[Effect]:
        if self._ended:
            return []
        self._ended = True
        return [self._screens(), SendUp(ShardStopped()), ports.Exited(code)]

    def _failed(self, message: ActorFailed, now: int) -> list[Effect]:
        sentence = f"{message.child} failed: {message.reason}"
        return [
            ports.Announce("actor.failed", "", "", sentence, "critical", {"detail": message.detail}),
            *self._end(0 if self._stopping else 1),
        ]
