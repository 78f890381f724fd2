"""The SymbolActor: one market. Owns its Ledger and its Strategy; asks the ExchangeActor for everything else.

It never waits: each message is answered from its own state. While the venue's view is not confirmed (at start, after
each reconnect) it takes events but asks for no order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import (
    Attach,
    CancelFailed,
    OrderPlan,
    OrderUpdate,
    PlaceFailed,
    Pulse,
    Quote,
    StreamGate,
    Submit,
    WithdrawOpenings,
)
from opensqt_actors.actors.risk import RiskChanged
from opensqt_actors.actors.symbol_leaving import at_rest, leave_decision
from opensqt_actors.actors.symbol_ledger import Ledger
from opensqt_actors.actors.symbol_messages import (
    AskFacts,
    Describe,
    Execution,
    Pause,
    Phase,
    Recheck,
    Reconcile,
    Remove,
    Resume,
    RowChanged,
    Start,
    StopTrading,
    SymbolDone,
    SymbolUnable,
    Unlock,
)
from opensqt_actors.actors.symbol_preflight import Clearance
from opensqt_actors.actors.symbol_refusals import MarginLock, back_off
from opensqt_actors.actors.symbol_sync import Sync, Verdict
from opensqt_actors.actors.symbol_view import describe, row
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Candle, OrderRequest, RefusalCode, Truth
from opensqt_actors.domain.pnl import Totals
from opensqt_actors.domain.records import Restored
from opensqt_actors.domain.settings import RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.domain.slots import Slots
from opensqt_actors.domain.strategy import Decision, Gate, Market, Place, Strategy, StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

__all__ = [
    "Describe", "Execution", "Pause", "Phase", "Remove", "Resume", "RowChanged", "Start", "StopTrading", "SymbolActor",
    "SymbolDone", "SymbolUnable",
]  # fmt: skip

SECOND = 1_000_000_000
FAR = 1 << 62
ATTACH_AGAIN = 2 * SECOND
_EXCHANGE_GATES = ("order_stream", "stale_price")
"""Told by the exchange's actor, and told again by a new one."""
_FLATTEN = frozenset({OrderKind.FLATTEN_BUY, OrderKind.FLATTEN_SELL})


class SymbolActor:
    """One market, as a pure step."""

    def __init__(
        self,
        spec: SymbolSpec,
        instance: str,
        restored: Restored,
        *,
        exchange: ActorId,
        parent: ActorId,
        me: ActorId,
        strategies: Mapping[str, StrategyFactory],
        execution: Execution | None = None,
        restarts: int = 0,
    ) -> None:
        self.spec = spec
        self.account = spec.account
        self.symbol = spec.symbol
        self.exchange = exchange
        self.parent = parent
        self.me = me
        self.execution = execution or Execution()
        self.restarts = restarts
        self.strategies = strategies
        self.ledger = Ledger(spec, instance, restored)
        self.sync = Sync(self.ledger, instance, restored.since, self.execution.request_life)
        self.slots: Slots = self.ledger.slots
        self.totals: Totals = self.ledger.totals
        self.strategy: Strategy | None = None
        self.phase = Phase.PREPARING
        self.bid = 0
        self.ask = 0
        self.mark = 0
        self.last_tick = 0
        self.why = "waiting for the venue's rules"
        self.gates: dict[str, str] = {}
        self.gate = Gate()
        self.leaving: RemoveMode | None = None
        self.stopping: StopTrading | None = None
        self.placed = 0
        self.cancelled = 0
        self.band: tuple[int, int] | None = None
        self._history: tuple[Candle, ...] = ()
        self._held = (0, 0)
        self._heard = 0
        self.clearance = Clearance(self.execution.preflight)
        self._margin = MarginLock(self.execution)
        self._withdraw = False
        self._done = False
        if spec.state is SymbolState.PAUSED:
            self._close("paused", "paused by an operator")
        if spec.state is SymbolState.REMOVING:
            self._leave(spec.remove_mode or RemoveMode.GRACEFUL)
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            Quote: self._quote,
            OrderUpdate: self._order_update,
            PlaceFailed: self._place_failed,
            CancelFailed: self._cancel_failed,
            Pulse: self._pulse,
            StreamGate: self._stream_gate,
            RiskChanged: self._risk_changed,
            ports.SymbolPrepared: self._prepared,
            ports.SymbolRefused: self._refused_by_venue,
            ports.TruthFetched: self._truth_fetched,
            ports.TruthFailed: self._truth_failed,
            ports.CandleSeen: self._candle,
            ports.FundingSeen: self._funding,
            Start: self._start,
            Pause: self._pause,
            Resume: self._resume,
            Remove: self._remove,
            StopTrading: self._stop_trading,
            Describe: self._describe,
            Recheck: lambda message, now: self._act(now),
            Reconcile: self._reconcile,
            Unlock: self._unlock,
            AskFacts: lambda message, now: self.clearance.ask(self),
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error and crashes the actor."""
        return self._handlers[type(message)](message, now)

    # --- starting ----------------------------------------------------------------------------------------------------

    def _start(self, message: Start, now: int) -> list[Effect]:
        self.band = None
        self.phase = Phase.PREPARING
        self.why = "waiting for the venue's rules"
        self._held = (0, 0)
        self._heard = 0
        self.sync.restart(now)
        for code in _EXCHANGE_GATES:
            self._open(code)
        return [Tell(self.exchange, Attach(self.symbol, self.spec.number, self.me, self.sync.instance)), self._row()]

    def _prepared(self, message: ports.SymbolPrepared, now: int) -> list[Effect]:
        self.clearance.learn(message)
        if self.phase is not Phase.PREPARING:
            return self._act(now)
        self.ledger.instrument = message.instrument
        self.ledger.fees = message.fees
        self._history = message.history
        refusal = self.clearance.refusal(self)
        if refusal is not None:
            return self._refuse(refusal, now)
        effects: list[Effect] = []
        try:
            kept = self.ledger.fit()
        except InvalidValue as error:
            return self._refuse(error.sentence, now)
        if kept is not None:
            effects.append(ports.Announce("grid.lattice_kept", self.account, self.symbol, kept, "warning"))
        if self.ledger.lattice is not None:
            refusal = self._build()
            if refusal is not None:
                return self._refuse(refusal, now)
        self.phase = Phase.SYNCING
        self.why = "waiting for the venue's open orders, trades and position"
        return [*effects, *self._ask_truth(now)]

    def _build(self) -> str | None:
        """Make the strategy, with the candles that closed before it; a sentence when its settings cannot work."""
        ledger = self.ledger
        if ledger.lattice is None or ledger.instrument is None or ledger.fees is None:
            return "the market's rules are not known"
        factory = self.strategies.get(self.spec.strategy)
        if factory is None:
            return f"strategy {self.spec.strategy!r} is not installed; there are {', '.join(sorted(self.strategies))}"
        try:
            self.strategy = factory(Market(ledger.instrument, ledger.fees, self.spec.grid, ledger.lattice))
        except InvalidValue as error:
            return error.sentence
        for candle in self._history:
            self.strategy.candle(candle)
        self._history = ()
        self.strategy.recall(ledger.memory)
        return None

    def _refused_by_venue(self, message: ports.SymbolRefused, now: int) -> list[Effect]:
        if self.phase is not Phase.PREPARING:
            return []
        if message.final:
            return self._refuse(message.reason, now)
        self.why = message.reason
        return [SetTimer("attach", ATTACH_AGAIN, Start()), self._row()]

    def _refuse(self, sentence: str, now: int) -> list[Effect]:
        """This market cannot be traded: what opens is taken back, an operator must act."""
        self.phase = Phase.REFUSED
        self.why = sentence
        openings = tuple(order.client_id for order in self.slots.orders() if order.kind.opens and not order.terminal)
        return [
            *self.ledger.flush(now),
            *(self._submit(openings, ()) if openings else []),
            Tell(self.parent, SymbolUnable(self.account, self.symbol, sentence)),
            ports.Announce("symbol.refused", self.account, self.symbol, sentence, "error"),
            self._row(),
            *self._finished(),
        ]

    # --- the venue's view --------------------------------------------------------------------------------------------

    def _ask_truth(self, now: int) -> list[Effect]:
        question = self.sync.ask(now)
        return [] if question is None else [Tell(self.exchange, question)]

    def _truth_fetched(self, message: ports.TruthFetched, now: int) -> list[Effect]:
        self._heard += 1
        truth = message.truth
        if self.phase in (Phase.PREPARING, Phase.REFUSED) or not self.sync.asking:
            return []
        if not self.sync.answered():
            return self._ask_truth(now)
        again = self.sync.apply(truth, self.strategy, now)
        effects = self._submit((), tuple(again)) if again else []
        verdict = self.sync.compare(truth)
        if verdict is Verdict.SAME:
            self._open("position_mismatch")
        elif verdict is not Verdict.BUSY and self.ledger.untouched:
            effects += self._stranger(truth, now)
            if self.state is SymbolState.REFUSED:
                return effects
            verdict = Verdict.SAME
        elif verdict is Verdict.DIFFERENT:
            effects += self._mismatch(truth)
        if self.phase is Phase.SYNCING and verdict is not Verdict.UNSURE and "order_stream" not in self.gates:
            self.phase = Phase.TRADING
            self.why = "waiting for the first price"
            effects.append(self._row())
        wait = self.sync.wait(verdict, self.execution.reconcile_interval, now)
        return [*effects, SetTimer("reconcile", wait, Reconcile()), *self._act(now)]

    def _stranger(self, truth: Truth, now: int) -> list[Effect]:
        """A position was there before this symbol was added: adopted when that was asked for, else refused."""
        instrument = self.ledger.instrument
        if instrument is None:
            return []
        held = f"{instrument.quantity(truth.position.quantity)} {instrument.base}"
        if not self.spec.adopt:
            return self._refuse(f"there is a position of {held} already; close it, or add the symbol with adopt", now)
        refusal = self._first_price(instrument.price_to_ticks(truth.position.entry_price))
        if refusal is not None or self.strategy is None:
            return self._refuse(refusal or "the market's rules are not known", now)
        self.ledger.adopt(truth, self.strategy, now)
        sentence = f"adopted a position of {held}"
        return [ports.Announce("position.adopted", self.account, self.symbol, sentence, "warning")]

    def _mismatch(self, truth: Truth) -> list[Effect]:
        """Ledger and venue disagree for good: no openings until they agree again."""
        instrument = self.ledger.instrument
        if instrument is None or "position_mismatch" in self.gates:
            return []
        sentence = (
            f"the venue holds {instrument.quantity(truth.position.quantity)}, "
            f"the slots {instrument.quantity(self.slots.position)}"
        )
        self._close("position_mismatch", sentence)
        return [ports.Announce("position.mismatch", self.account, self.symbol, sentence, "critical")]

    def _truth_failed(self, message: ports.TruthFailed, now: int) -> list[Effect]:
        self.sync.answered()
        if self.phase in (Phase.PREPARING, Phase.REFUSED):
            return []
        if self.phase is Phase.SYNCING:
            self.why = f"the venue's view could not be had: {message.reason}"
        return [SetTimer("reconcile", max(message.retry_after, SECOND), Reconcile())]

    def _reconcile(self, message: Reconcile, now: int) -> list[Effect]:
        if self.phase in (Phase.PREPARING, Phase.REFUSED):
            return []
        return self._ask_truth(now)

    # --- prices ------------------------------------------------------------------------------------------------------

    def _quote(self, message: Quote, now: int) -> list[Effect]:
        self.bid = message.bid
        self.ask = message.ask
        self.last_tick = message.at
        return self._act(now)

    def _pulse(self, message: Pulse, now: int) -> list[Effect]:
        if message.bid:
            self.bid, self.ask, self.last_tick = message.bid, message.ask, message.at
        self.mark = message.mark or (self.bid + self.ask) // 2
        band = self.band
        if band is None or not (band[0] <= self.bid and self.ask < band[1]):
            return [*self._act(now), self._row()]
        return [self._row()]

    def _candle(self, message: ports.CandleSeen, now: int) -> list[Effect]:
        if self.strategy is not None:
            self.strategy.candle(message.candle)
        return self._act(now)

    # --- orders ------------------------------------------------------------------------------------------------------

    def _order_update(self, message: OrderUpdate, now: int) -> list[Effect]:
        self._heard += message.filled
        if self.ledger.instrument is None:
            return []  # the venue's view, which is asked for after this, tells it again
        self.sync.news += 1
        if message.report is not None:
            self.slots.report(message.report)
        if message.fill is not None:
            self.ledger.book(message.fill, self.strategy)
        return self._act(now)

    def _cancel_orphans(self) -> list[Effect]:
        """Orders that rest although their slots have moved on."""
        orphans = tuple(self.slots.orphans)
        self.slots.orphans.clear()
        return [
            *self._submit(orphans, ()),
            *(
                ports.Announce(
                    "order.orphan",
                    self.account,
                    self.symbol,
                    f"cancelled an order without a slot: {client_id}",
                    "warning",
                )
                for client_id in orphans
            ),
        ]

    def _place_failed(self, message: PlaceFailed, now: int) -> list[Effect]:
        self.sync.news += 1
        if self.sync.may_still_come(message.client_id, now):
            return [SetTimer("reconcile", SECOND, Reconcile()), *self._act(now)]
        slot = self.slots.refused(message.client_id, message.sentence)
        if slot is None:
            return self._act(now)
        if not message.journalled:
            self.ledger.never_journalled(message.client_id)
        if message.code == "withdrawn":
            return self._act(now)
        effects: list[Effect] = []
        alarm = back_off(slot, message, self.execution, now)
        if alarm:
            effects.append(ports.Announce("order.refused", self.account, self.symbol, alarm, "warning"))
        if message.code == RefusalCode.INSUFFICIENT_MARGIN and "margin_lock" not in self.gates:
            self._close("margin_lock", f"margin does not suffice: {message.sentence}")
            sentence = self.gates["margin_lock"]
            effects += [
                SetTimer("margin", self._margin.lock(now), Unlock()),
                ports.Announce("margin.locked", self.account, self.symbol, sentence, "error"),
            ]
        if message.code == RefusalCode.REDUCE_ONLY:
            effects += self._ask_truth(now)
        return effects + self._act(now)

    def _unlock(self, message: Unlock, now: int) -> list[Effect]:
        self._margin.unlocked(now)
        self._open("margin_lock")
        return self._act(now)

    def _cancel_failed(self, message: CancelFailed, now: int) -> list[Effect]:
        self.slots.cancel_failed(message.client_id)
        return self._act(now)

    # --- decision ----------------------------------------------------------------------------------------------------

    def _act(self, now: int) -> list[Effect]:
        """Write down what happened, then ask for what should change."""
        effects = self._cancel_orphans() if self.slots.orphans else []
        if self._withdraw:
            self._withdraw = False
            if self.gate.closed and (self.slots.open_buys or self.slots.open_sells):
                effects.append(Tell(self.exchange, WithdrawOpenings(self.symbol, self.gate.closed[0][1])))
        if self.phase is Phase.TRADING:
            if self.leaving in (RemoveMode.FLATTEN, RemoveMode.LEAVE) or self.stopping is not None:
                effects += self._carry_out(leave_decision(self, now), now)
            elif self.bid:
                if self.strategy is None:
                    refusal = self._first_price((self.bid + self.ask) // 2)
                    if refusal is not None:
                        return effects + self._refuse(refusal, now)
                    effects.append(self._row())
                if self.strategy is not None:
                    effects += self.clearance.check(self)
                    self.why = self.gate.closed[0][1] if self.gate.closed else ""
                    decision = self.strategy.decide(self.slots, self.bid, self.ask, self.gate, now)
                    effects += self._carry_out(decision, now)
            effects += self._finished()
        if self.strategy is not None:
            self.ledger.remember(self.strategy.memory)
        return self.ledger.flush(now) + effects

    def _first_price(self, price: int) -> str | None:
        if self.ledger.lattice is None:
            try:
                self.ledger.anchor(price)
            except InvalidValue as error:
                return error.sentence
        return self._build() if self.strategy is None else None

    def _carry_out(self, decision: Decision, now: int) -> list[Effect]:
        cancels = tuple(self.slots.cancel(level, now).client_id for level in decision.cancels)
        places = tuple(self._plan(place, now) for place in decision.places)
        effects: list[Effect] = []
        band = (decision.low, decision.high)
        held = (self.slots.long_cost, self.slots.short_cost)
        if cancels or places or band != self.band or held != self._held:
            effects = self._submit(cancels, places, band)
        if decision.recheck:
            effects.append(SetTimer("recheck", max(decision.recheck - now, 1), Recheck()))
        return effects

    def _submit(
        self, cancels: tuple[Any, ...], places: tuple[OrderPlan, ...], band: tuple[int, int] | None = None
    ) -> list[Effect]:
        """Without a band every price counts until the next decision."""
        self.band = band
        self._held = (self.slots.long_cost, self.slots.short_cost)
        self.placed += len(places)
        self.cancelled += len(cancels)
        low, high = band or (FAR, -FAR)
        urgent = "risk" in self.gates
        return [
            Tell(self.exchange, Submit(self.symbol, cancels, places, low, high, urgent, *self._held, heard=self._heard))
        ]

    def _plan(self, place: Place, now: int) -> OrderPlan:
        order = self.slots.place(place.level, place.kind, place.price, place.quantity, now, place.reduce_only)
        market = place.kind in _FLATTEN
        refusals = self.slots.by_level[place.level].refusals
        downgraded = refusals > self.execution.post_only_retries and self.execution.post_only_fallback == "downgrade"
        order.post_only = not (market or downgraded)
        request = OrderRequest(
            order.client_id, self.symbol, order.side, None if market else place.price, place.quantity,
            post_only=order.post_only, reduce_only=place.reduce_only,
        )  # fmt: skip
        return OrderPlan(request, place.level, place.kind, order.generation)

    def _finished(self) -> list[Effect]:
        """Tell the parent once the market has been left, or has come to rest."""
        if self._done or (self.leaving is None and self.stopping is None) or not at_rest(self):
            return []
        self._done = True
        return [Tell(self.parent, SymbolDone(self.account, self.symbol))]

    # --- gates and commands ------------------------------------------------------------------------------------------

    def _close(self, code: str, sentence: str) -> None:
        self._withdraw = self._withdraw or self.gate.opens
        self.gates[code] = sentence
        self._regate()

    def _open(self, code: str) -> None:
        if self.gates.pop(code, None) is not None:
            self._regate()

    def regate(self, opened: Iterable[str], closed: Mapping[str, str]) -> None:
        """Open some gates and close others; nothing when that changes nothing."""
        after = {code: sentence for code, sentence in self.gates.items() if code not in opened} | dict(closed)
        if after != self.gates:
            self._withdraw = self._withdraw or (self.gate.opens and bool(after))
            self.gates = after
            self._regate()

    def _regate(self) -> None:
        self.gate = Gate(tuple(self.gates.items()))
        self.band = None

    def _stream_gate(self, message: StreamGate, now: int) -> list[Effect]:
        if message.opens:
            self._open(message.code)
        else:
            self._close(message.code, message.sentence)
        if message.code == "order_stream" and self.phase in (Phase.SYNCING, Phase.TRADING):
            # Nothing is asked for while the order stream is down; once it is up the venue's view comes first.
            self.phase = Phase.SYNCING
            self.why = message.sentence or "waiting for the venue's open orders, trades and position"
            return self._ask_truth(now) if message.opens else []
        return self._act(now)

    def _risk_changed(self, message: RiskChanged, now: int) -> list[Effect]:
        if message.triggered:
            self._close("risk", f"risk is triggered: {message.reason}")
        else:
            self._open("risk")
        return self._act(now)

    def _pause(self, message: Pause, now: int) -> list[Effect]:
        self._close("paused", "paused by an operator")
        return [*self._act(now), self._row()]

    def _resume(self, message: Resume, now: int) -> list[Effect]:
        self._open("paused")
        if self.phase is Phase.REFUSED:
            return self._start(Start(), now)
        return [*self._act(now), self._row()]

    def _remove(self, message: Remove, now: int) -> list[Effect]:
        self._leave(message.mode)
        if self.phase is Phase.REFUSED and message.mode is RemoveMode.FLATTEN and self.instrument is not None:
            self.phase = Phase.SYNCING
            return [*self._ask_truth(now), self._row()]
        if self.phase is Phase.REFUSED:
            return [*self._finished(), self._row()]
        return [*self._act(now), self._row()]

    def _leave(self, mode: RemoveMode) -> None:
        self.leaving = mode
        self._done = False
        self._close("removing", f"being removed ({mode.value})")

    def _stop_trading(self, message: StopTrading, now: int) -> list[Effect]:
        self.stopping = message
        self._done = False
        self._close("stopping", "the process is about to end")
        if self.phase is Phase.TRADING:
            return self._act(now)
        return self.ledger.flush(now) + self._finished()

    def _funding(self, message: ports.FundingSeen, now: int) -> list[Effect]:
        for payment in message.payments:
            self.ledger.paid(payment)
        return self.ledger.flush(now)

    # --- views -------------------------------------------------------------------------------------------------------

    def _row(self) -> Effect:
        return Tell(self.parent, RowChanged(row(self)))

    def _describe(self, message: Describe, now: int) -> list[Effect]:
        return [ports.Reply(message.request, describe(self, now))]

    @property
    def instrument(self) -> Instrument | None:
        """The market's rules, once known."""
        return self.ledger.instrument

    @property
    def fills(self) -> int:
        """Fills booked in this life."""
        return self.ledger.fills

    @property
    def state(self) -> SymbolState:
        """What operators are told."""
        if self.phase is Phase.REFUSED:
            return SymbolState.REFUSED
        if self.leaving is not None:
            return SymbolState.REMOVING
        if self.phase is not Phase.TRADING or self.strategy is None or not self.bid:
            return SymbolState.STARTING
        return SymbolState.PAUSED if "paused" in self.gates else SymbolState.TRADING
