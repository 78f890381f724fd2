"""The SymbolActor: one market. Owns its Ledger and its Strategy; asks the ExchangeActor for everything else.

It never waits: each message is answered from its own state. While the venue's view is not confirmed (at start, after
each reconnect) it takes events but asks for no order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opensqt_actors.actors import ports, symbol_commands, symbol_past, symbol_start, symbol_truth
from opensqt_actors.actors.exchange_messages import (
    Attach,
    CancelFailed,
    ForeignFill,
    OrderAdopted,
    OrderUpdate,
    PlaceFailed,
    PlacesWithdrawn,
    Pulse,
    Quote,
    StreamGate,
    WithdrawOpenings,
)
from opensqt_actors.actors.risk_messages import RiskChanged, RoundTripDone
from opensqt_actors.actors.symbol_commands import PAUSED
from opensqt_actors.actors.symbol_emergency import exit_decision
from opensqt_actors.actors.symbol_gates import Gates
from opensqt_actors.actors.symbol_leaving import at_rest, leave_decision
from opensqt_actors.actors.symbol_ledger import Ledger
from opensqt_actors.actors.symbol_messages import (
    AskFacts,
    AskPast,
    Describe,
    Execution,
    Flatten,
    Pause,
    Phase,
    Recheck,
    Reconcile,
    ReconcileNow,
    Remove,
    Reopen,
    Resume,
    RowChanged,
    Start,
    StopTrading,
    SymbolDone,
    SymbolUnable,
    Unlock,
)
from opensqt_actors.actors.symbol_orders import carry_out, not_again, submit
from opensqt_actors.actors.symbol_past import Past
from opensqt_actors.actors.symbol_preflight import Clearance
from opensqt_actors.actors.symbol_protection import Protection
from opensqt_actors.actors.symbol_reconcile import Reconciliation
from opensqt_actors.actors.symbol_refusals import MarginLock, place_failed, places_withdrawn, reopen, unlock
from opensqt_actors.actors.symbol_strays import Strays, order_adopted
from opensqt_actors.actors.symbol_sync import Sync
from opensqt_actors.actors.symbol_takeover import GATE, SENTENCE, LookAgain, Takeover
from opensqt_actors.actors.symbol_view import describe, row
from opensqt_actors.actors.symbol_watch import SilenceWatch
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Candle
from opensqt_actors.domain.pnl import Totals
from opensqt_actors.domain.records import Restored
from opensqt_actors.domain.settings import RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.domain.slots import Slots
from opensqt_actors.domain.strategy import Gate, Strategy, StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, Tell

__all__ = [
    "Describe", "Execution", "Flatten", "Pause", "Phase", "ReconcileNow", "Remove", "Resume", "RowChanged", "Start",
    "StopTrading", "SymbolActor", "SymbolDone", "SymbolUnable",
]  # fmt: skip

SECOND = 1_000_000_000
FAR = 1 << 62
_TRADING: Final = Phase.TRADING
_AT_MARKET = (RemoveMode.FLATTEN, RemoveMode.LEAVE)
_EXCHANGE_GATES = ("order_stream", "stale_price")
"""Told by the exchange's actor, and told again by a new one."""


class SymbolActor:
    """One market, as a pure step. closed: gates that are closed until somebody opens them.

    settled: what was held at the start has its exits and the past is known.
    held: what the exchange was last told that the slots hold, at cost, quanta; heard: news of fills since it attached.
    """

    # What a price touches lies together; the rest is in a dictionary, which the processor's caches need not hold.
    __slots__ = (
        "__dict__", "ask", "band", "bid", "cancelled", "clearance", "done", "exchange", "execution", "flattened",
        "gates", "heard", "held", "last_tick", "leaving", "ledger", "phase", "placed", "settled", "slots", "stopping",
        "strategy", "symbol", "why",
    )  # fmt: skip

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
        closed: Mapping[str, str] | None = None,
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
        self.gates = Gates()
        self.leaving: RemoveMode | None = None
        self.stopping: StopTrading | None = None
        self.placed = 0
        self.cancelled = 0
        self.band: tuple[int, int] | None = None
        self.history: tuple[Candle, ...] = ()
        self.held = (0, 0)
        self.heard = 0
        self.clearance = Clearance(self.execution.preflight)
        self.margin = MarginLock(self.execution)
        self.protection = Protection()
        self.past = Past()
        self.reconciliation = Reconciliation()
        self.strays = Strays(self.execution.orphan_grace)
        self._watch = SilenceWatch()
        self.done = False
        self.settled = False
        self.takeover = Takeover(needed=spec.epoch > 0 and restarts == 0 and not self.ledger.untouched)
        self.flattened = False
        self.gates.change((), closed or {})
        if self.takeover.waiting:
            self.gates.close(GATE, SENTENCE)
        if spec.state is SymbolState.PAUSED:
            self.gates.close("paused", PAUSED)
        if spec.state is SymbolState.REMOVING:
            symbol_commands.leave(self, spec.remove_mode or RemoveMode.GRACEFUL)
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            Quote: self._quote,
            OrderUpdate: self._order_update,
            PlaceFailed: lambda message, now: place_failed(self, message, now),
            OrderAdopted: lambda message, now: order_adopted(self, message, now),
            PlacesWithdrawn: lambda message, now: places_withdrawn(self, message, now),
            CancelFailed: self._cancel_failed,
            ForeignFill: lambda message, now: self.reconciliation.disturbed(self, message, now),
            Pulse: self._pulse,
            StreamGate: self._stream_gate,
            RiskChanged: self._risk_changed,
            ports.SymbolPrepared: lambda message, now: symbol_start.prepared(self, message, now),
            ports.SymbolRefused: lambda message, now: symbol_start.refused(self, message, now),
            ports.TruthFetched: lambda message, now: symbol_truth.fetched(self, message, now),
            ports.TruthFailed: lambda message, now: symbol_truth.failed(self, message, now),
            ports.CandleSeen: self._candle,
            ports.FundingSeen: self._funding,
            Start: self.start,
            **symbol_commands.handlers(self),
            Describe: self._describe,
            Recheck: lambda message, now: self.act(now),
            Reconcile: self._reconcile,
            ReconcileNow: self._reconcile_now,
            Unlock: lambda message, now: unlock(self, now),
            Reopen: lambda message, now: reopen(self, now),
            LookAgain: lambda message, now: self.takeover.look(message, self, now),
            AskFacts: lambda message, now: self.clearance.ask(self),
            AskPast: lambda message, now: self.past.ask(self),
            ports.CandlesFetched: self._past_came,
            ports.CandlesFailed: lambda message, now: [*symbol_past.failed(self, message), *self.act(now)],
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error and crashes the actor."""
        if type(message) is Quote:  # by far the most frequent; the table of one symbol in a hundred is a cold one
            return self._quote(message, now)
        return self._handlers[type(message)](message, now)

    # --- starting ----------------------------------------------------------------------------------------------------

    def start(self, message: Start, now: int) -> list[Effect]:
        self.band = None
        self.settled = False
        self.phase = Phase.PREPARING
        self.why = "waiting for the venue's rules"
        self.held = (0, 0)
        self.heard = 0
        self.sync.restart(now)
        for code in _EXCHANGE_GATES:
            self.gates.open(code)
        return [
            Tell(
                self.exchange,
                Attach(
                    self.symbol,
                    self.spec.number,
                    self.me,
                    self.sync.instance,
                    hurry=self.past.begin(self),
                    working=bool(self.slots.working),
                ),
            ),
            self.tell_row(),
        ]

    def refuse(self, sentence: str, now: int) -> list[Effect]:
        """This market cannot be traded: what opens is taken back, an operator must act."""
        self.phase = Phase.REFUSED
        self.why = sentence
        openings = tuple(order.client_id for order in self.slots.orders() if order.kind.opens and not order.terminal)
        return [
            *self.ledger.flush(now),
            *(submit(self, openings, ()) if openings else []),
            Tell(self.parent, SymbolUnable(self.account, self.symbol, sentence)),
            ports.Announce("symbol.refused", self.account, self.symbol, sentence, "error"),
            self.tell_row(),
            *self.finished(),
        ]

    # --- the venue's view --------------------------------------------------------------------------------------------

    def ask_truth(self, now: int) -> list[Effect]:
        question = self.sync.ask(now)
        return [] if question is None else [Tell(self.exchange, question)]

    def _reconcile_now(self, message: ReconcileNow, now: int) -> list[Effect]:
        return self.reconciliation.ask(self, message) or self.ask_truth(now)

    def _reconcile(self, message: Reconcile, now: int) -> list[Effect]:
        if self.phase in (Phase.PREPARING, Phase.REFUSED):
            return []
        return self.ask_truth(now)

    # --- prices ------------------------------------------------------------------------------------------------------

    def _quote(self, message: Quote, now: int) -> list[Effect]:
        if not self.bid:
            self.protection.priced(self.slots)
        self.bid = message.bid
        self.ask = message.ask
        self.last_tick = message.at
        return self.act(now)

    def _pulse(self, message: Pulse, now: int) -> list[Effect]:
        if message.bid:
            if not self.bid:
                self.protection.priced(self.slots)
            self.bid, self.ask, self.last_tick = message.bid, message.ask, message.at
        self.mark = message.mark or (self.bid + self.ask) // 2
        band = self.band
        if band is None or not (band[0] <= self.bid and self.ask < band[1]):
            return [*self.act(now), self.tell_row(), *self._watch.look(self, now)]
        return [self.tell_row(), *self._watch.look(self, now)]

    def _candle(self, message: ports.CandleSeen, now: int) -> list[Effect]:
        if not self.past.candle(message.candle) and self.strategy is not None:
            self.strategy.candle(message.candle)
        return self.act(now)

    def _past_came(self, message: ports.CandlesFetched, now: int) -> list[Effect]:
        self.past.came(self, message.candles)
        return self.act(now)

    # --- orders ------------------------------------------------------------------------------------------------------

    def _order_update(self, message: OrderUpdate, now: int) -> list[Effect]:
        self.heard += message.filled
        if self.ledger.instrument is None:
            return []  # the venue's view, which is asked for after this, tells it again
        self.sync.news += 1
        if message.report is not None:
            self.slots.report(message.report)
        booked = self.ledger.book(message.fill, self.strategy) if message.fill is not None else None
        if booked is not None and booked.slot.order is not None:
            return [*not_again(self, (booked.slot,)), *self.act(now)]
        return self.act(now)

    def _cancel_failed(self, message: CancelFailed, now: int) -> list[Effect]:
        self.slots.cancel_failed(message.client_id)
        return self.act(now)

    # --- decision ----------------------------------------------------------------------------------------------------

    def act(self, now: int) -> list[Effect]:
        """Write down what happened, then ask for what should change."""
        slotless = self.slots.slotless
        effects = self.strays.look(self, now) if slotless.strangers or slotless.orphans else []
        if self.gates.withdraw:
            self.gates.withdraw = False
            if self.gate.closed and (self.slots.open_buys or self.slots.open_sells):
                effects.append(Tell(self.exchange, WithdrawOpenings(self.symbol, self.gate.closed[0][1])))
        if self.phase is _TRADING:
            if (self.gates.exit or self.flattened) and self.stopping is None:
                effects += carry_out(self, exit_decision(self, now), now)
                self.why = self.gate.closed[0][1] if self.gate.closed else ""
            elif self.leaving in _AT_MARKET or self.stopping is not None:
                effects += carry_out(self, leave_decision(self, now), now)
            elif self.bid:
                if self.strategy is None:
                    refusal = symbol_start.first_price(self, (self.bid + self.ask) // 2)
                    if refusal is not None:
                        return effects + self.refuse(refusal, now)
                    effects.append(self.tell_row())
                if self.strategy is not None:
                    if not self.clearance.passed:
                        effects += self.clearance.check(self)
                    gate = self.gates.gate
                    self.why = gate.closed[0][1] if gate.closed else gate.limited[1]
                    decision = self.strategy.decide(self.slots, self.bid, self.ask, gate, now)
                    effects += carry_out(self, decision, now)
                    effects += self.strays.decided(self, now)
            elif self.strategy is not None:
                effects += carry_out(self, self.strategy.protect(self.slots, self.gate, now), now)
            if self.leaving is not None or self.stopping is not None or not self.settled:
                effects += self._besides()
        if self.strategy is not None:
            self.ledger.remember(self.strategy.memory)
        trips = self.ledger.take_trips()
        if trips:
            effects += [Tell(self.parent, RoundTripDone(self.account, self.symbol, profit)) for profit in trips]
        return self.ledger.flush(now) + effects

    def _besides(self) -> list[Effect]:
        """What a decision may have brought about: the market has been left, or what is held has its exits."""
        effects: list[Effect] = []
        if not self.settled:
            effects += self.protection.tell(self)
            effects += self.past.hold(self)
            self.settled = self.protection.told and not self.past.due
        return effects + self.finished()

    def finished(self) -> list[Effect]:
        """Tell the parent once the market has been left, or has come to rest."""
        if self.done or (self.leaving is None and self.stopping is None) or not at_rest(self):
            return []
        self.done = True
        return [Tell(self.parent, SymbolDone(self.account, self.symbol))]

    def _stream_gate(self, message: StreamGate, now: int) -> list[Effect]:
        if message.opens:
            self.gates.open(message.code)
        else:
            self.gates.close(message.code, message.sentence)
        if message.code == "order_stream" and self.phase in (Phase.SYNCING, Phase.TRADING):
            # Nothing is asked for while the order stream is down; once it is up the venue's view comes first.
            self.phase = Phase.SYNCING
            self.why = message.sentence or "waiting for the venue's open orders, trades and position"
            return self.ask_truth(now) if message.opens else []
        if message.opens and message.resync and self.phase is Phase.TRADING:
            return [*self.ask_truth(now), *self.act(now)]
        return self.act(now)

    def _risk_changed(self, message: RiskChanged, now: int) -> list[Effect]:
        """The risk rules' word. An emergency exit is for a symbol that an operator must see to, as well."""
        self.gates.told(message)
        if message.exit and self.phase is Phase.REFUSED and self.instrument is not None:
            self.phase = Phase.SYNCING
            return [*self.ask_truth(now), self.tell_row()]
        return [*self.act(now), self.tell_row()]

    def _funding(self, message: ports.FundingSeen, now: int) -> list[Effect]:
        for payment in message.payments:
            self.ledger.paid(payment)
        return self.ledger.flush(now)

    # --- views -------------------------------------------------------------------------------------------------------

    def tell_row(self) -> Effect:
        return Tell(self.parent, RowChanged(row(self)))

    def _describe(self, message: Describe, now: int) -> list[Effect]:
        return [ports.Reply(message.request, describe(self, now))]

    @property
    def gate(self) -> Gate:
        """What the strategy is told of the gates."""
        return self.gates.gate

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
        return (
            SymbolState.PAUSED if "paused" in self.gates or self.gates.exit or self.flattened else SymbolState.TRADING
        )
