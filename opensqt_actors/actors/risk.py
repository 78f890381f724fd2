"""The RiskActor of one shard: the volume-spike monitor, a breaker for each symbol, the emergency exit of each account.

Facts come in, one word for each symbol goes out and holds until the next one, so that nobody asks on the way of an
order. Where something must go at once the exchange is told first, then the symbols, then operators, then the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.exchange_messages import CancelEverything, CancelOpeningBuys, CancelOpenings
from opensqt_actors.actors.risk_answers import RiskAnswers
from opensqt_actors.actors.risk_emergency import AccountWatch
from opensqt_actors.actors.risk_facts import FactsOfASecond
from opensqt_actors.actors.risk_messages import (
    Connect,
    ExitBegun,
    FaultFound,
    FaultSettled,
    GlobalWord,
    Ignore,
    Inherit,
    Listen,
    Measured,
    RiskChanged,
    RoundTripDone,
    Tick,
    WatchCandles,
)
from opensqt_actors.actors.risk_words import announcement, restored, row_of, saved_of, word_of
from opensqt_actors.actors.views import RiskRow, SymbolRow
from opensqt_actors.domain.breaker import (
    Breaker,
    BreakerSettings,
    Cause,
    Fault,
    FeedAge,
    Profit,
    RoundTrip,
    State,
    Transition,
)
from opensqt_actors.domain.emergency import EmergencyExit, EmergencySettings
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.domain.risk import CandleMerger, RiskSettings, VolumeSpikeMonitor
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

SECOND = 1_000_000_000
SAVE_EVERY = 60
"""Seconds after which the peaks of a breaker are written down again."""
HEDGED = "the position mode is hedge (dual-side), but must be one-way; change it back on the venue"

Key = tuple[str, str]


class RiskRules(Struct, frozen=True):
    """What a RiskActor goes by. run: a number that names the process."""

    monitor: RiskSettings = field(default_factory=RiskSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    emergency: EmergencySettings = field(default_factory=EmergencySettings)
    run: int = 0


class _Watched:
    """A symbol that trades, or has traded in this life. told: its last word; changed: its breaker, since it was saved.

    actor: None while there is none.
    """

    __slots__ = ("actor", "breaker", "changed", "key", "profit", "told")

    def __init__(self, key: Key, breaker: Breaker) -> None:
        self.key = key
        self.breaker = breaker
        self.actor: ActorId | None = None
        self.told: RiskChanged | None = None
        self.profit: Decimal | None = None
        self.changed = False


class RiskActor:
    """One shard's risk, as a pure step. saved: what an earlier life, of this process or before it, has written down."""

    def __init__(self, rules: RiskRules, *, me: ActorId, parent: ActorId, saved: Sequence[RiskSaved] = ()) -> None:
        self.rules = rules
        self.me = me
        self.parent = parent
        self.monitor = VolumeSpikeMonitor(rules.monitor)
        self.accounts: dict[str, AccountWatch] = {}
        self.symbols: dict[Key, _Watched] = {}
        self._merger = CandleMerger(rules.monitor.interval)
        self._saved = {row.key: row for row in saved}
        self._exchanges: dict[str, ActorId] = {}
        self._global = GlobalWord()
        self._facts = FactsOfASecond()
        self._ticks = 0
        self._answers = RiskAnswers()
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            ports.CandleSeen: self._candle,
            ports.CandlesFetched: self._candles,
            SymbolRow: self._row,
            RoundTripDone: self._round_trip,
            FaultFound: self._fault,
            FaultSettled: self._settled,
            Measured: self._measured,
            Listen: self._listen,
            Connect: self._connect,
            Ignore: self._ignore,
            Inherit: self._inherit,
            GlobalWord: self._global_word,
            Tick: self._tick,
            ports.Written: self._answers.written,
            operator.TripBreaker: self._trip,
            operator.ResetBreaker: self._reset,
            operator.EmergencyExit: self._operator_exit,
            operator.ClearEmergency: self._clear,
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error and crashes the actor."""
        return self._handlers[type(message)](message, now)

    # --- who is there ------------------------------------------------------------------------------------------------

    def _listen(self, message: Listen, now: int) -> list[Effect]:
        watched = self._watched((message.account, message.symbol))
        watched.actor = message.actor
        watched.told = None
        shown = [Tell(self.parent, self._line(watched))] if watched.breaker.state(now) is not State.CLOSED else []
        return [*self._tell([watched]), *shown]

    def _connect(self, message: Connect, now: int) -> list[Effect]:
        """An exchange is there, perhaps again. The first one that comes also brings the monitored candles."""
        self._exchanges[message.account] = message.actor
        watch = self._account(message.account)
        effects: list[Effect] = []
        if watch.exit is not None:
            effects += [Tell(message.actor, CancelEverything(watch.exit.sentence)), Tell(self.parent, watch.row())]
        monitor = self.rules.monitor
        if monitor.monitor and next(iter(self._exchanges)) == message.account:
            effects.append(Tell(message.actor, WatchCandles(monitor.monitor, monitor.interval, monitor.window + 1)))
        if not self._ticks:
            self._ticks = 1
            effects.append(SetTimer("tick", SECOND, Tick()))
        return effects

    def _ignore(self, message: Ignore, now: int) -> list[Effect]:
        effects: list[Effect] = []
        for watched in self.symbols.values():
            if watched.actor == message.actor:
                watched.actor = None
                effects += self._save(watched, now) if watched.changed else []
        return effects

    def _inherit(self, message: Inherit, now: int) -> list[Effect]:
        """A breaker of which this shard has an older memory is the newer one's from now on."""
        for saved in message.saved:
            self._saved[saved.key] = saved
            watched = self.symbols.get((saved.account, saved.symbol))
            if watched is not None and watched.actor is None:
                del self.symbols[saved.account, saved.symbol]
        return []

    def _watched(self, key: Key) -> _Watched:
        watched = self.symbols.get(key)
        if watched is None:
            saved = restored(self._saved.get((RiskScope.SYMBOL, *key)))
            watched = self.symbols[key] = _Watched(key, Breaker(self.rules.breaker, saved))
        return watched

    def _account(self, account: str) -> AccountWatch:
        watch = self.accounts.get(account)
        if watch is None:
            saved = self._saved.get((RiskScope.EMERGENCY, account, ""))
            watch = self.accounts[account] = AccountWatch(account, self.rules.emergency, self.rules.run, saved)
        return watch

    # --- the market --------------------------------------------------------------------------------------------------

    def _candle(self, message: ports.CandleSeen, now: int) -> list[Effect]:
        candle = self._merger.merge(message.candle)
        return self._monitored() if candle is not None and self.monitor.candle(candle) else []

    def _candles(self, message: ports.CandlesFetched, now: int) -> list[Effect]:
        """The past, at the monitor's own interval."""
        before = self.monitor.triggered
        for candle in message.candles:
            self.monitor.candle(candle)
        return self._monitored() if self.monitor.triggered != before else []

    def _monitored(self) -> list[Effect]:
        """The monitor has changed its mind: the buys go first."""
        reason = self.monitor.reason
        effects: list[Effect] = []
        if self.monitor.triggered:
            effects += [Tell(exchange, CancelOpeningBuys(reason)) for exchange in self._exchanges.values()]
            kind, sentence, state = "risk.triggered", reason, "triggered"
        else:
            kind, sentence, state = "risk.recovered", "risk has passed", "calm"
        effects += self._tell(self.symbols.values())
        row = RiskRow("monitor", "", "", state, "volume_spike" if reason else "", reason)
        return [*effects, ports.Announce(kind, "", "", sentence, "warning"), Tell(self.parent, row)]

    # --- breakers ----------------------------------------------------------------------------------------------------

    def _row(self, message: SymbolRow, now: int) -> list[Effect]:
        """A symbol's line in the live table, once a second: its profit with what is open, at the market's price."""
        if message.bid is None:
            return []
        watched = self._watched((message.account, message.symbol))
        profit = message.grid_pnl + message.unrealized_pnl - message.fees + message.funding
        if watched.profit is not None:
            self._facts.change += profit - watched.profit
        watched.profit = profit
        capital = self._account(message.account).equity
        if capital is None:
            return []
        return self._moved(watched, watched.breaker.observe(Profit(profit, capital), now), now)

    def _round_trip(self, message: RoundTripDone, now: int) -> list[Effect]:
        """What an emergency exit closes says nothing about how the symbol trades."""
        if self._account(message.account).exit is not None:
            return []
        watched = self._watched((message.account, message.symbol))
        self._facts.trips.append(message.profit)
        effects = self._moved(watched, watched.breaker.observe(RoundTrip(message.profit), now), now)
        return effects or self._save(watched, now)

    def _fault(self, message: FaultFound, now: int) -> list[Effect]:
        watched = self._watched((message.account, message.symbol))
        return self._moved(watched, watched.breaker.observe(Fault(message.sentence), now), now)

    def _settled(self, message: FaultSettled, now: int) -> list[Effect]:
        """What a fault has opened is closed with it; what anything else has opened is not."""
        watched = self._watched((message.account, message.symbol))
        if watched.breaker.cause is not Cause.FAULT:
            return []
        return self._moved(watched, watched.breaker.reset(message.reason, now), now)

    def _measured(self, message: Measured, now: int) -> list[Effect]:
        account = message.account
        effects = self._mode(message) + self._watch_account(message, now)
        self._facts.measured(message)
        for symbol, age in message.ages:
            watched = self._watched((account, symbol))
            transitions = watched.breaker.observe(FeedAge(age), now)
            if transitions:
                effects += self._moved(watched, transitions, now)
        for symbol, answer in message.answers:
            watched = self._watched((account, symbol))
            transitions = watched.breaker.observe(answer, now)
            if transitions:
                effects += self._moved(watched, transitions, now)
        return effects

    def _moved(self, watched: _Watched, transitions: Sequence[Transition], now: int) -> list[Effect]:
        """What a breaker's change of state leads to, in this order: orders go, the symbol hears, operators, journal."""
        watched.changed = True
        if not transitions:
            return []
        account, symbol = watched.key
        effects: list[Effect] = []
        exchange = self._exchanges.get(account)
        if transitions[-1].after is State.OPEN and exchange is not None:
            effects.append(Tell(exchange, CancelOpenings(transitions[-1].sentence, symbol)))
        effects += self._tell([watched])
        effects += [announcement(transition, account, symbol) for transition in transitions]
        return [*effects, Tell(self.parent, self._line(watched)), *self._save(watched, now)]

    def _line(self, watched: _Watched) -> RiskRow:
        return row_of(watched.breaker, RiskScope.SYMBOL, *watched.key)

    def _save(self, watched: _Watched, now: int) -> list[Effect]:
        watched.changed = False
        return self._keep(saved_of(watched.breaker, RiskScope.SYMBOL, *watched.key, now))

    def _keep(self, saved: RiskSaved) -> list[Effect]:
        """Written down, and before that told upwards: a next life begins with it even while the database is away."""
        self._saved[saved.key] = saved
        return [Tell(self.parent, saved), ports.Persist((saved,))]

    def _tick(self, message: Tick, now: int) -> list[Effect]:
        self._ticks += 1
        effects: list[Effect] = [SetTimer("tick", SECOND, Tick())]
        for watched in self.symbols.values():
            transitions = watched.breaker.advance(now)
            if transitions:
                effects += self._moved(watched, transitions, now)
            elif watched.changed and self._ticks % SAVE_EVERY == 0:
                effects += self._save(watched, now)
        equities = {account: watch.equity for account, watch in self.accounts.items()}
        effects.append(Tell(self.parent, self._facts.take(self.me, equities)))
        return effects

    # --- the account's mode ------------------------------------------------------------------------------------------

    def _mode(self, message: Measured) -> list[Effect]:
        """Somebody has changed the position mode while we trade, or has changed it back; we never do."""
        account, watch = message.account, self._account(message.account)
        if message.hedged is None or message.hedged is watch.hedged:
            return []
        watch.hedged = message.hedged
        if not watch.hedged:
            sentence = f"account {account} is in one-way mode again"
            announced = ports.Announce("account.mode_restored", account, "", sentence, "warning")
            return [*self._tell(self._of(account)), announced]
        exchange = self._exchanges.get(account)
        cancels = [Tell(exchange, CancelOpenings(HEDGED))] if exchange is not None else []
        announced = ports.Announce("account.mode_changed", account, "", f"account {account}: {HEDGED}", "critical")
        return [*cancels, *self._tell(self._of(account)), announced]

    # --- emergency ---------------------------------------------------------------------------------------------------

    def _watch_account(self, message: Measured, now: int) -> list[Effect]:
        watch = self._account(message.account)
        begun: EmergencyExit | None = None
        effects: list[Effect] = []
        if message.equity is not None:
            first = watch.reference is None
            begun = watch.money(message.equity, now)
            if first and begun is None:
                effects += self._keep(watch.saved(now))
        begun = begun or watch.prices(message.positions, now)
        return effects if begun is None else self._exit(watch, begun, now)

    def _exit(self, watch: AccountWatch, found: EmergencyExit, now: int) -> list[Effect]:
        """Cancel all, close, pause, tell; the journal comes last and is not waited for."""
        account = watch.account
        exchange = self._exchanges.get(account)
        effects: list[Effect] = []
        if exchange is not None:
            effects.append(Tell(exchange, CancelEverything(found.sentence)))
        effects += self._tell(self._of(account))
        sentence = f"emergency exit of {account}: {found.sentence}; every order is cancelled, every position closed"
        return [
            *effects,
            Tell(self.parent, ExitBegun(account)),
            ports.Announce("risk.emergency_exit", account, "", sentence, "critical", {"cause": found.code.value}),
            Tell(self.parent, watch.row()),
            *self._keep(watch.saved(now)),
        ]

    def _of(self, account: str) -> list[_Watched]:
        return [watched for watched in self.symbols.values() if watched.key[0] == account]

    # --- words -------------------------------------------------------------------------------------------------------

    def _global_word(self, message: GlobalWord, now: int) -> list[Effect]:
        if message == self._global:
            return []
        opened = message.closed and not self._global.closed
        self._global = message
        effects: list[Effect] = []
        if opened:
            reason = message.closed[0][1]
            effects += [Tell(exchange, CancelOpenings(reason)) for exchange in self._exchanges.values()]
        return effects + self._tell(self.symbols.values())

    def _tell(self, some: Iterable[_Watched]) -> list[Effect]:
        """Tell symbols their word, where it is another one than the last."""
        effects: list[Effect] = []
        for watched in some:
            word = self._word(watched)
            if watched.actor is not None and word != watched.told:
                watched.told = word
                effects.append(Tell(watched.actor, word))
        return effects

    def _word(self, watched: _Watched) -> RiskChanged:
        closed: list[tuple[str, str]] = []
        found = self._account(watched.key[0]).exit
        if found is not None:
            closed.append(("emergency", f"an emergency exit was made, until it is cleared: {found.sentence}"))
        if self._account(watched.key[0]).hedged:
            closed.append(("position_mode", HEDGED))
        if self.monitor.triggered:
            closed.append(("risk", f"risk is triggered: {self.monitor.reason}"))
        own = word_of(watched.breaker, "breaker")
        closed += [*self._global.closed, *own.closed]
        trials = [word for word in (self._global, own) if word.allowance is not None]
        tightest = min(trials, key=lambda word: word.allowance or 0, default=GlobalWord())
        exits = found.sentence if found is not None else ""
        return RiskChanged(tuple(closed), tightest.allowance, tightest.limited, exits)

    # --- operators ---------------------------------------------------------------------------------------------------

    def _trip(self, message: operator.TripBreaker, now: int) -> list[Effect]:
        watched = self._watched((message.account, message.symbol))
        effects = self._moved(watched, watched.breaker.trip(message.reason, now), now)
        sentence = f"the circuit breaker of {message.symbol} is open until it is reset"
        return [*effects, *self._answers.once_written(message.request, sentence)]

    def _reset(self, message: operator.ResetBreaker, now: int) -> list[Effect]:
        watched = self._watched((message.account, message.symbol))
        transitions = watched.breaker.reset(message.reason, now)
        effects = self._moved(watched, transitions, now)
        sentence = f"the circuit breaker of {message.symbol} is closed" + ("" if transitions else " already")
        return [*effects, *self._answers.once_written(message.request, sentence)]

    def _operator_exit(self, message: operator.EmergencyExit, now: int) -> list[Effect]:
        watch = self._account(message.account)
        found = watch.ask(message.reason, now)
        effects = self._exit(watch, found, now) if found is not None else []
        done = "has begun" if effects else "had begun already"
        sentence = f"the emergency exit of {message.account} {done}: orders are cancelled, positions closed reduce-only"
        return [*effects, *self._answers.once_written(message.request, sentence)]

    def _clear(self, message: operator.ClearEmergency, now: int) -> list[Effect]:
        account = message.account
        watch = self._account(account)
        if not watch.clear(now):
            sentence = f"account: {account} has made no emergency exit"
            return [ports.Reply(message.request, operator.Refusal("failed", sentence))]
        sentence = f"the emergency exit of {account} is cleared: it trades again"
        return [
            *self._tell(self._of(account)),
            ports.Announce("risk.emergency_cleared", account, "", f"{sentence} ({message.reason})", "warning"),
            Tell(self.parent, watch.row()),
            *self._keep(watch.saved(now)),
            *self._answers.once_written(message.request, sentence),
        ]
