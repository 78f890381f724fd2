"""The SymbolActor: one market. Owns its Slots, its Strategy and its P&L; asks the ExchangeActor for everything else.

It never waits: each message is answered from its own state. While the venue's view is not confirmed (at start, after
each reconnect) it takes events but asks for no order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange import (
    Attach,
    CancelFailed,
    OrderPlan,
    OrderUpdate,
    PlaceFailed,
    Pulse,
    Quote,
    StreamGate,
    Submit,
    WantTruth,
)
from opensqt_actors.actors.risk import RiskChanged
from opensqt_actors.actors.symbol_view import describe, row
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.grid import anchor_lattice
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind, decode, is_ours
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Fees, Fill, OrderReport, OrderRequest, OrderStatus, RefusalCode, Side, Truth
from opensqt_actors.domain.pnl import Totals, fee_in_quote
from opensqt_actors.domain.reconcile import adopt
from opensqt_actors.domain.records import (
    Entry,
    FillSaved,
    FundingSaved,
    LatticeSaved,
    OrderSaved,
    Restored,
    SlotDropped,
    SlotSaved,
)
from opensqt_actors.domain.settings import RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.domain.slots import Slot, Slots, SlotStatus, WorkingOrder
from opensqt_actors.domain.strategy import Decision, Gate, Market, Place, Strategy, StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

SECOND = 1_000_000_000
RESYNC_DELAY = SECOND // 2
MISMATCHES = 4
KNOWN_PAYMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Execution:
    """How a symbol deals with refusals. Times in ns."""

    reconcile_interval: int = 60 * SECOND
    margin_lock: int = 10 * SECOND
    margin_lock_max: int = 600 * SECOND
    post_only_retries: int = 3
    post_only_fallback: str = "pause"
    slot_pause: int = 60 * SECOND


# --- messages to the SymbolActor ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """Begin: attach to the exchange."""


@dataclass(frozen=True, slots=True)
class Pause:
    """No openings until Resume."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Openings again."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Leave this market in the given way; SymbolDone follows when it has been left."""

    mode: RemoveMode


@dataclass(frozen=True, slots=True)
class StopTrading:
    """The process is about to end. SymbolDone follows when nothing that should go rests any more."""

    cancel_openings: bool
    cancel_exits: bool


@dataclass(frozen=True, slots=True)
class Describe:
    """An operator wants every level; answered by a Reply effect."""

    request: int


@dataclass(frozen=True, slots=True)
class _Recheck:
    """A moment that a decision asked for has come."""


@dataclass(frozen=True, slots=True)
class _Reconcile:
    """Time to compare with the venue."""


@dataclass(frozen=True, slots=True)
class _Unlock:
    """The margin lock has run out."""


# --- messages to its parent --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowChanged:
    """The symbol's line in the live table."""

    row: Any


@dataclass(frozen=True, slots=True)
class SymbolDone:
    """The market has been left (Remove) or has come to rest (StopTrading)."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolUnable:
    """The market cannot be traded; nothing is done until an operator resumes it."""

    account: str
    symbol: str
    sentence: str


class Phase(Enum):
    """PREPARING: rules asked for; SYNCING: the venue's view asked for; TRADING; REFUSED: an operator must act."""

    PREPARING = "preparing"
    SYNCING = "syncing"
    TRADING = "trading"
    REFUSED = "refused"


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
        self.instance = instance
        self.execution = execution or Execution()
        self.restarts = restarts
        self.strategies = strategies
        self.slots = Slots(IdCoder(instance, spec.number, spec.epoch), restored.generation_floor, restored.known_trades)
        self.totals = Totals(restored.totals)
        self.lattice = (
            Lattice(restored.lattice.anchor, restored.lattice.base, restored.lattice.ratio)
            if restored.lattice
            else None
        )
        self.since = restored.since
        self.phase = Phase.PREPARING
        self.instrument: Instrument | None = None
        self.fees: Fees | None = None
        self.strategy: Strategy | None = None
        self.bid = 0
        self.ask = 0
        self.mark = 0
        self.last_tick = 0
        self.why = "waiting for the venue's rules"
        self.gates: dict[str, str] = {}
        self.gate = Gate()
        self.leaving: RemoveMode | None = None
        self.stopping: StopTrading | None = None
        self.fills = 0
        self.placed = 0
        self.cancelled = 0
        self.foreign = 0
        self.orders_up = True
        self._band: tuple[int, int] | None = None
        self._saved: dict[int, tuple[int, int, int | None]] = {}
        self._entries: list[Entry] = []
        self._asked = 0
        self._news = 0
        self._mismatches = 0
        self._margin_lock = 0
        self._done = False
        self._payments: deque[str] = deque(sorted(restored.known_funding), maxlen=KNOWN_PAYMENTS)
        self._restore(restored)
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
            _Recheck: self._recheck,
            _Reconcile: self._reconcile,
            _Unlock: self._unlock,
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error and crashes the actor."""
        return self._handlers[type(message)](message, now)

    def _restore(self, restored: Restored) -> None:
        for saved in restored.slots:
            self.slots.restore(saved.level, saved.position, saved.cost, saved.exit_level, saved.generation)
            self._saved[saved.level] = (saved.position, saved.cost, saved.exit_level)
        for live in restored.orders:
            intent = live.intent
            key = decode(intent.client_id)
            if key is None:
                continue
            order = WorkingOrder(
                intent.client_id, intent.kind, intent.price, intent.quantity, intent.generation, intent.at,
                intent.reduce_only,
            )  # fmt: skip
            order.filled = order.booked = live.filled
            order.venue_id = live.venue_id
            self.slots.restore_order(key, order, SlotStatus.PENDING)

    # --- starting ------------------------------------------------------------------------------------------------------

    def _start(self, message: Start, now: int) -> list[Effect]:
        self._band = None
        self.phase = Phase.PREPARING
        self.why = "waiting for the venue's rules"
        return [Tell(self.exchange, Attach(self.symbol, self.spec.number, self.me)), self._row(now)]

    def _prepared(self, message: ports.SymbolPrepared, now: int) -> list[Effect]:
        self.instrument = message.instrument
        self.fees = message.fees
        if self.lattice is not None:
            refusal = self._build()
            if refusal is not None:
                return self._refuse(refusal, now)
            for candle in message.history:
                self._strategy_candle(candle)
        if self.phase is Phase.TRADING:
            return []
        self.phase = Phase.SYNCING
        self.why = "waiting for the venue's open orders, trades and position"
        return self._ask_truth(now)

    def _build(self) -> str | None:
        """Make the strategy; returns a sentence when its settings cannot work."""
        if self.lattice is None or self.instrument is None or self.fees is None:
            return "the market's rules are not known"
        factory = self.strategies.get(self.spec.strategy)
        if factory is None:
            return f"strategy {self.spec.strategy!r} is not installed; there are {', '.join(sorted(self.strategies))}"
        try:
            self.strategy = factory(Market(self.instrument, self.fees, self.spec.grid, self.lattice))
        except InvalidValue as error:
            return error.sentence
        return None

    def _refused_by_venue(self, message: ports.SymbolRefused, now: int) -> list[Effect]:
        if message.final:
            return self._refuse(message.reason, now)
        self.why = message.reason
        return [SetTimer("attach", 2 * SECOND, Start()), self._row(now)]

    def _refuse(self, sentence: str, now: int) -> list[Effect]:
        self.phase = Phase.REFUSED
        self.why = sentence
        return [
            Tell(self.parent, SymbolUnable(self.account, self.symbol, sentence)),
            ports.Announce("symbol.refused", self.account, self.symbol, sentence, "error"),
            *self._flush(),
            self._row(now),
        ]

    def _ask_truth(self, now: int) -> list[Effect]:
        working = [slot.order for slot in self.slots.by_level.values() if slot.order is not None]
        self._asked = now
        self._news = 0
        return [
            Tell(
                self.exchange,
                WantTruth(
                    self.symbol,
                    tuple(order.client_id for order in working),
                    tuple((order.venue_id, order.client_id) for order in working if order.venue_id),
                    self.totals.confirmed,
                    self.since,
                ),
            )
        ]

    # --- the venue's view ------------------------------------------------------------------------------------------------

    def _truth_fetched(self, message: ports.TruthFetched, now: int) -> list[Effect]:
        truth = message.truth
        if self.instrument is None:
            return []
        effects = self._apply_truth(truth, now)
        difference = truth.position.quantity - self.slots.position
        if difference == 0 or self._news:
            self._mismatches = 0
            self._open("position_mismatch")
        else:
            effects += self._mismatch(truth, difference, now)
            if self.phase is Phase.REFUSED:
                return effects
        if self.phase is Phase.SYNCING and (difference == 0 or self._news or "position_mismatch" in self.gates):
            self.phase = Phase.TRADING
            self.why = "waiting for the first price"
            effects.append(self._row(now))
        wait = RESYNC_DELAY if self._mismatches and self._mismatches < MISMATCHES else self.execution.reconcile_interval
        effects.append(SetTimer("reconcile", wait, _Reconcile()))
        return effects + self._act(now)

    def _apply_truth(self, truth: Truth, now: int) -> list[Effect]:
        """Fills first, then how orders ended, then what rests; all through the same idempotent path."""
        for fill in truth.fills:
            if is_ours(fill.client_id, self.instance):
                self._book(fill)
            else:
                self.foreign += 1
            self.totals.confirmed = max(self.totals.confirmed, fill.trade_id)
        for client_id, found in truth.found:
            if found is not None:
                self._observe(found)
            else:
                self._never_there(client_id, now)
        for report in truth.open_orders:
            if is_ours(report.client_id, self.instance):
                self._observe(report)
        if truth.fills:
            self._entries.append(self.totals.saved(self.account, self.symbol))
        return self._cancel_orphans()

    def _never_there(self, client_id: ClientId, now: int) -> None:
        """The venue does not know an order: it never arrived, or the venue has forgotten how it ended."""
        key = decode(client_id)
        slot = self.slots.by_level.get(key.level) if key is not None else None
        order = slot.order if slot is not None else None
        if slot is None or order is None or order.client_id != client_id:
            return
        if order.venue_id or order.booked:
            side = order.side
            self._observe(
                OrderReport(
                    client_id, self.symbol, order.venue_id, side, OrderStatus.CANCELED, order.price, order.quantity,
                    order.booked, now,
                )
            )  # fmt: skip
            return
        order.cancelling = False
        self.slots.refused(client_id, "never reached the venue")
        self._entries.append(
            OrderSaved(
                self.account, self.symbol, client_id, OrderStatus.REJECTED, 0, "", "never reached the venue", now
            )
        )

    def _mismatch(self, truth: Truth, difference: int, now: int) -> list[Effect]:
        """Ledger and venue disagree: look again, and only a difference that stays is believed."""
        instrument = self.instrument
        if instrument is None:
            return []
        held = instrument.quantity(truth.position.quantity)
        if not self._saved and self.slots.position == 0 and self.totals.confirmed == 0 and not self.slots.working:
            if not self.spec.adopt:
                return self._refuse(
                    f"there is a position of {held} {instrument.base} already; close it, or add the symbol with adopt",
                    now,
                )
            return self._adopt(truth, now)
        self._mismatches += 1
        if self._mismatches < MISMATCHES:
            return []
        sentence = (
            f"the venue holds {held}, the slots {instrument.quantity(self.slots.position)}: "
            f"a difference of {instrument.quantity(difference)}"
        )
        if "position_mismatch" in self.gates:
            return []
        self._close("position_mismatch", sentence)
        return [ports.Announce("position.mismatch", self.account, self.symbol, sentence, "critical")]

    def _adopt(self, truth: Truth, now: int) -> list[Effect]:
        """Spread a position that was there before over the slots nearest to its entry price, marked inferred."""
        if self.instrument is None or self.fees is None:
            return []
        entry = self.instrument.price_to_ticks(truth.position.entry_price)
        if self.lattice is None:
            self._anchor(entry)
            refusal = self._build()
            if refusal is not None:
                return self._refuse(refusal, now)
        if self.strategy is None or self.lattice is None:
            return []
        amount = self.instrument.quanta(self.spec.grid.amount)
        trade_id = -1
        for level, quantity, price in adopt(self.lattice, self.instrument, amount, truth.position.quantity, entry):
            side = Side.BUY if quantity > 0 else Side.SELL
            slot = self.slots.slot(level)
            self.slots.apply(slot, side, price, abs(quantity))
            self.strategy.filled(self.slots, slot)
            fill = Fill(
                self.symbol, trade_id, ClientId(""), "", side, price, abs(quantity), Decimal(0), self.instrument.quote,
                True, now,
            )  # fmt: skip
            self._entries.append(FillSaved(self.account, fill, level, 0, Decimal(0), inferred=True))
            trade_id -= 1
        sentence = f"adopted a position of {self.instrument.quantity(truth.position.quantity)} {self.instrument.base}"
        return [ports.Announce("position.adopted", self.account, self.symbol, sentence, "warning")]

    def _truth_failed(self, message: ports.TruthFailed, now: int) -> list[Effect]:
        wait = max(message.retry_after, SECOND)
        if self.phase is Phase.SYNCING:
            self.why = f"the venue's view could not be had: {message.reason}"
        return [SetTimer("reconcile", wait, _Reconcile())]

    def _reconcile(self, message: _Reconcile, now: int) -> list[Effect]:
        if self.phase in (Phase.PREPARING, Phase.REFUSED):
            return []
        return self._ask_truth(now)

    # --- prices ----------------------------------------------------------------------------------------------------------

    def _quote(self, message: Quote, now: int) -> list[Effect]:
        self.bid = message.bid
        self.ask = message.ask
        self.last_tick = message.at
        return self._act(now)

    def _pulse(self, message: Pulse, now: int) -> list[Effect]:
        if message.bid:
            self.bid, self.ask, self.last_tick = message.bid, message.ask, message.at
        self.mark = message.mark or (self.bid + self.ask) // 2
        return [self._row(now)]

    def _candle(self, message: ports.CandleSeen, now: int) -> list[Effect]:
        self._strategy_candle(message.candle)
        return self._act(now)

    def _strategy_candle(self, candle: Any) -> None:
        if self.strategy is not None:
            self.strategy.candle(candle)

    def _anchor(self, price: int) -> None:
        if self.instrument is None:
            return
        self.lattice = anchor_lattice(self.instrument, self.spec.grid, price)
        self._entries.append(
            LatticeSaved(self.account, self.symbol, self.lattice.anchor, self.lattice.base, self.lattice.ratio)
        )

    # --- orders ----------------------------------------------------------------------------------------------------------

    def _order_update(self, message: OrderUpdate, now: int) -> list[Effect]:
        if self.instrument is None:
            return []  # the venue's view, which is asked for once the rules are known, contains it
        self._news += 1
        if message.fill is not None:
            self._book(message.fill)
        if message.report is not None:
            self._observe(message.report)
        return self._cancel_orphans() + self._act(now)

    def _book(self, fill: Fill) -> None:
        """Book a fill once, on its slot, in the totals and in the journal."""
        if self.instrument is None or self.fees is None:
            raise RuntimeError("a fill came before the market's rules")
        order = self._order(fill.client_id)
        booked = self.slots.fill(fill)
        if booked is None:
            return
        self.fills += 1
        fee = fee_in_quote(fill, self.instrument, self.fees)
        self.totals.realized += booked.realized
        self.totals.fees += fee
        if booked.round_trip is not None:
            self.totals.round_trips += 1
        if self.strategy is not None:
            self.strategy.filled(self.slots, booked.slot)
        self._entries.append(FillSaved(self.account, fill, booked.slot.level, booked.realized, fee))
        if order is not None:
            # In the fill's own transaction: what an order has booked must never lag behind its fills, and a report
            # of the end finds nothing to write once the slot is free.
            self._entries.append(
                OrderSaved(
                    self.account, self.symbol, order.client_id, _status_after_fill(order), order.booked,
                    order.venue_id, "", fill.at,
                )
            )  # fmt: skip
        self._entries.append(self.totals.saved(self.account, self.symbol))

    def _order(self, client_id: ClientId) -> WorkingOrder | None:
        """The order with this id, if its slot still has it in flight."""
        key = decode(client_id)
        slot = self.slots.by_level.get(key.level) if key is not None else None
        order = slot.order if slot is not None else None
        return order if order is not None and order.client_id == client_id else None

    def _observe(self, report: OrderReport) -> None:
        order = self._order(report.client_id)
        before = (order.venue_id, order.booked, order.terminal) if order is not None else None
        self.slots.report(report)
        if order is None:
            return
        settled = order.terminal and order.booked >= order.filled
        if settled or before != (order.venue_id, order.booked, order.terminal) or report.filled == order.booked:
            status = report.status if settled or not report.status.terminal else OrderStatus.PARTIALLY_FILLED
            self._entries.append(
                OrderSaved(
                    self.account, self.symbol, order.client_id, status, order.booked, order.venue_id, report.reason,
                    report.at,
                )
            )  # fmt: skip

    def _cancel_orphans(self) -> list[Effect]:
        if not self.slots.orphans:
            return []
        orphans = tuple(self.slots.orphans)
        self.slots.orphans.clear()
        self._band = None
        return [
            Tell(self.exchange, Submit(self.symbol, orphans, (), 1 << 62, -(1 << 62))),
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
        self._news += 1
        slot = self.slots.refused(message.client_id, message.sentence)
        if slot is None:
            return self._act(now)
        self._entries.append(
            OrderSaved(self.account, self.symbol, message.client_id, OrderStatus.REJECTED, 0, "", message.sentence, now)
        )
        effects: list[Effect] = []
        slot.refusals += 1
        wait = max(message.retry_after, 100_000_000 * 2 ** min(slot.refusals, 10))
        if message.code == RefusalCode.INSUFFICIENT_MARGIN:
            effects += self._lock_margin(message.sentence, now)
        elif message.code == RefusalCode.WOULD_CROSS:
            if slot.refusals > self.execution.post_only_retries and self.execution.post_only_fallback == "pause":
                wait = self.execution.slot_pause
        elif message.code not in ("not_sent", "journal", RefusalCode.RATE_LIMITED) and slot.refusals >= 3:
            wait = self.execution.slot_pause
            effects.append(
                ports.Announce(
                    "order.refused", self.account, self.symbol, f"level {slot.level}: {message.sentence}", "warning"
                )
            )
        slot.blocked_until = now + wait
        slot.blocked_reason = f"refused {slot.refusals} times ({message.code}): {message.sentence}"
        return effects + self._act(now)

    def _lock_margin(self, sentence: str, now: int) -> list[Effect]:
        announce = "margin_lock" not in self.gates
        self._margin_lock = min(self._margin_lock * 2 or self.execution.margin_lock, self.execution.margin_lock_max)
        self._close("margin_lock", f"margin does not suffice: {sentence}")
        effects: list[Effect] = [SetTimer("margin", self._margin_lock, _Unlock())]
        if announce:
            effects.append(
                ports.Announce("margin.locked", self.account, self.symbol, self.gates["margin_lock"], "error")
            )
        return effects

    def _unlock(self, message: _Unlock, now: int) -> list[Effect]:
        self._open("margin_lock")
        return self._act(now)

    def _cancel_failed(self, message: CancelFailed, now: int) -> list[Effect]:
        self.slots.cancel_failed(message.client_id)
        return self._act(now)

    # --- decision ----------------------------------------------------------------------------------------------------------

    def _act(self, now: int) -> list[Effect]:
        """Write down what happened, then ask for what should change."""
        effects: list[Effect] = []
        if self.phase is Phase.TRADING and self.bid:
            if self.strategy is None:
                refusal = self._first_price()
                if refusal is not None:
                    return self._refuse(refusal, now)
                effects.append(self._row(now))
            if self.strategy is not None:
                self.why = self.gate.closed[0][1] if self.gate.closed else ""
                effects += self._decide(self.strategy, now)
        return self._flush() + effects

    def _first_price(self) -> str | None:
        if self.lattice is None:
            try:
                self._anchor((self.bid + self.ask) // 2)
            except InvalidValue as error:
                return error.sentence
        return self._build()

    def _decide(self, strategy: Strategy, now: int) -> list[Effect]:
        if self.leaving in (RemoveMode.FLATTEN, RemoveMode.LEAVE) or self.stopping is not None:
            decision = self._leave_decision()
        else:
            decision = strategy.decide(self.slots, self.bid, self.ask, self.gate, now)
        cancels = tuple(self.slots.cancel(level, now).client_id for level in decision.cancels)
        places = tuple(self._plan(place, now) for place in decision.places)
        self.placed += len(places)
        self.cancelled += len(cancels)
        effects: list[Effect] = []
        band = (decision.low, decision.high)
        if cancels or places or band != self._band:
            self._band = band
            urgent = "risk" in self.gates
            effects.append(Tell(self.exchange, Submit(self.symbol, cancels, places, *band, urgent)))
        if decision.recheck:
            effects.append(SetTimer("recheck", max(decision.recheck - now, 1), _Recheck()))
        return effects + self._finished()

    def _plan(self, place: Place, now: int) -> OrderPlan:
        slot = self.slots.slot(place.level)
        order = self.slots.place(place.level, place.kind, place.price, place.quantity, now, place.reduce_only)
        market = place.kind in (OrderKind.FLATTEN_BUY, OrderKind.FLATTEN_SELL)
        taker = market or (
            slot.refusals > self.execution.post_only_retries and self.execution.post_only_fallback == "downgrade"
        )
        request = OrderRequest(
            order.client_id, self.symbol, order.side, None if market else place.price, place.quantity,
            post_only=not taker, reduce_only=place.reduce_only,
        )  # fmt: skip
        return OrderPlan(request, place.level, place.kind, order.generation)

    def _recheck(self, message: _Recheck, now: int) -> list[Effect]:
        return self._act(now)

    def _leave_decision(self) -> Decision:
        """While leaving: everything that should not stay is cancelled; flatten then closes slot by slot."""
        cancels: list[int] = []
        places: list[Place] = []
        stopping = self.stopping
        for slot in self.slots.by_level.values():
            order = slot.order
            if order is not None:
                goes = stopping is None or (stopping.cancel_openings if order.kind.opens else stopping.cancel_exits)
                if goes and slot.status is SlotStatus.LOCKED:
                    cancels.append(slot.level)
            elif self.leaving is RemoveMode.FLATTEN and stopping is None and self._closable(slot):
                kind = OrderKind.FLATTEN_SELL if slot.position > 0 else OrderKind.FLATTEN_BUY
                price = self.bid if slot.position > 0 else self.ask
                places.append(Place(slot.level, kind, price, abs(slot.position), self.spec.grid.mode != "neutral"))
        return Decision(cancels, places, -(1 << 62), 1 << 62)

    def _closable(self, slot: Slot) -> bool:
        return (
            self.instrument is not None
            and slot.position != 0
            and self.instrument.tradable(self.bid, abs(slot.position))
        )

    def _finished(self) -> list[Effect]:
        """Tell the parent once the market has been left, or has come to rest."""
        if self._done or (self.leaving is None and self.stopping is None):
            return []
        if self.stopping is not None:
            rests = any(
                slot.status is SlotStatus.PENDING
                or (
                    slot.order is not None
                    and (self.stopping.cancel_openings if slot.order.kind.opens else self.stopping.cancel_exits)
                )
                for slot in self.slots.by_level.values()
            )
        elif self.leaving is RemoveMode.LEAVE:
            rests = self.slots.working > 0
        else:
            rests = self.slots.working > 0 or any(self._closable(slot) for slot in self.slots.by_level.values())
        if rests:
            return []
        self._done = True
        return [*self._flush(), Tell(self.parent, SymbolDone(self.account, self.symbol))]

    # --- gates and commands ------------------------------------------------------------------------------------------------

    def _close(self, code: str, sentence: str) -> None:
        self.gates[code] = sentence
        self._regate()

    def _open(self, code: str) -> None:
        if self.gates.pop(code, None) is not None:
            self._regate()

    def _regate(self) -> None:
        self.gate = Gate(tuple(self.gates.items()))
        self._band = None

    def _stream_gate(self, message: StreamGate, now: int) -> list[Effect]:
        if message.opens:
            self._open(message.code)
        else:
            self._close(message.code, message.sentence)
        if message.code == "order_stream":
            return self._order_stream(message, now)
        return self._act(now)

    def _order_stream(self, message: StreamGate, now: int) -> list[Effect]:
        """Nothing is asked for while the order stream is down; once it is up again the venue's view comes first."""
        if self.phase in (Phase.PREPARING, Phase.REFUSED):
            return []
        if not message.opens:
            self.phase = Phase.SYNCING
            self.why = message.sentence
            return []
        self.phase = Phase.SYNCING
        return self._ask_truth(now)

    def _risk_changed(self, message: RiskChanged, now: int) -> list[Effect]:
        if message.triggered:
            self._close("risk", f"risk is triggered: {message.reason}")
        else:
            self._open("risk")
        return self._act(now)

    def _pause(self, message: Pause, now: int) -> list[Effect]:
        self._close("paused", "paused by an operator")
        return [*self._act(now), self._row(now)]

    def _resume(self, message: Resume, now: int) -> list[Effect]:
        self._open("paused")
        if self.phase is Phase.REFUSED:
            return self._start(Start(), now)
        return [*self._act(now), self._row(now)]

    def _remove(self, message: Remove, now: int) -> list[Effect]:
        self._leave(message.mode)
        if self.phase is Phase.REFUSED and not self.slots.working:
            self._done = True
            return [Tell(self.parent, SymbolDone(self.account, self.symbol))]
        return [*self._act(now), self._row(now)]

    def _leave(self, mode: RemoveMode) -> None:
        self.leaving = mode
        self._done = False
        self._close("removing", f"being removed ({mode.value})")

    def _stop_trading(self, message: StopTrading, now: int) -> list[Effect]:
        self.stopping = message
        self._done = False
        self._close("stopping", "the process is about to end")
        if self.phase is not Phase.TRADING or not self.bid:
            self._done = True
            return [*self._flush(), Tell(self.parent, SymbolDone(self.account, self.symbol))]
        return self._act(now)

    def _funding(self, message: ports.FundingSeen, now: int) -> list[Effect]:
        for payment in message.payments:
            if payment.payment_id in self._payments:
                continue
            self._payments.append(payment.payment_id)
            self.totals.funding += payment.amount
            self._entries.append(FundingSaved(self.account, payment))
            self._entries.append(self.totals.saved(self.account, self.symbol))
        return self._flush()

    # --- journal and views -----------------------------------------------------------------------------------------------------

    def _flush(self) -> list[Effect]:
        """One transaction with everything that changed since the last one."""
        for level in self.slots.changed:
            slot = self.slots.by_level.get(level)
            state = (slot.position, slot.cost, slot.exit_level) if slot is not None else (0, 0, None)
            if self._saved.get(level, (0, 0, None)) == state:
                continue
            if slot is None or state == (0, 0, None):
                self._saved.pop(level, None)
                self._entries.append(SlotDropped(self.account, self.symbol, level))
            else:
                self._saved[level] = state
                self._entries.append(SlotSaved(self.account, self.symbol, level, *state, slot.generation))
        self.slots.changed.clear()
        if not self._entries:
            return []
        entries = tuple(self._entries)
        self._entries.clear()
        return [ports.Persist(entries)]

    def _row(self, now: int) -> Effect:
        return Tell(self.parent, RowChanged(row(self)))

    def _describe(self, message: Describe, now: int) -> list[Effect]:
        return [ports.Reply(message.request, describe(self, now))]

    @property
    def band(self) -> tuple[int, int] | None:
        """The quiet band in force, ticks."""
        return self._band

    @property
    def state(self) -> SymbolState:
        """What operators are told."""
        if self.phase is Phase.REFUSED:
            return SymbolState.REFUSED
        if self.leaving is not None:
            return SymbolState.REMOVING
        if self.phase is not Phase.TRADING or self.strategy is None:
            return SymbolState.STARTING
        return SymbolState.PAUSED if "paused" in self.gates else SymbolState.TRADING


def _status_after_fill(order: WorkingOrder) -> OrderStatus:
    if order.booked >= order.quantity:
        return OrderStatus.FILLED
    settled = order.terminal and order.booked >= order.filled
    return OrderStatus.CANCELED if settled else OrderStatus.PARTIALLY_FILLED
