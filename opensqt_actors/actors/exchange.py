"""The ExchangeActor: one venue account. Subscriptions, freshness, bands, order tracking and the rate budget.

It carries the SymbolActors' orders to the venue and the venue's events to the SymbolActors. It never drops an order
event and never decides on trades; of a dead SymbolActor it cancels the opening orders.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import SECOND, Budget, Limits
from opensqt_actors.actors.prices import PriceBoard, PriceMoved
from opensqt_actors.actors.tracker import Stage, Tracker
from opensqt_actors.actors.views import AccountRow
from opensqt_actors.domain.ids import ClientId, OrderKind, decode
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    CancelRequest,
    Fill,
    NotSent,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
    RefusalCode,
    Refused,
    Truth,
)
from opensqt_actors.domain.records import Intent
from opensqt_actors.domain.values import hot_value
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

MILLISECOND = SECOND // 1000
SWEEP = SECOND
IN_FLIGHT = 16
TRIES = 5

# --- messages to the ExchangeActor ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attach:
    """A SymbolActor takes this symbol: from now on its events go there. Answered by Prepared or NotTradable."""

    symbol: str
    number: int
    actor: ActorId


@dataclass(frozen=True, slots=True)
class Detach:
    """The symbol has left: stop its streams."""

    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolDown:
    """The SymbolActor is dead: cancel its opening orders, keep tracking the rest."""

    symbol: str


@hot_value
class OrderPlan:
    """One order that a SymbolActor wants, with everything its intent needs."""

    request: OrderRequest
    level: int
    kind: OrderKind
    generation: int


@hot_value
class Submit:
    """A decision: cancels first, then places, and the quiet band until the next one."""

    symbol: str
    cancels: tuple[ClientId, ...]
    places: tuple[OrderPlan, ...]
    low: int
    high: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class WantTruth:
    """A SymbolActor wants the venue's view. Answered by TruthFetched or TruthFailed."""

    symbol: str
    client_ids: tuple[ClientId, ...]
    venue_ids: tuple[tuple[str, ClientId], ...]
    after_trade: int
    since: int


@dataclass(frozen=True, slots=True)
class CheckSymbol:
    """Can this symbol be traded? Answered to `asker` by SymbolChecked."""

    request: int
    symbol: str
    asker: ActorId


@dataclass(frozen=True, slots=True)
class SymbolChecked:
    """Answer to CheckSymbol: the venue's word."""

    request: int
    answer: ports.SymbolPrepared | ports.SymbolRefused


@dataclass(frozen=True, slots=True)
class CancelOpeningBuys:
    """Risk: take back every opening buy at once, before anything else."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReportTo:
    """Who wants this account's row, once a second."""

    actor: ActorId


@dataclass(frozen=True, slots=True)
class _Sweep:
    """A second has passed."""


@dataclass(frozen=True, slots=True)
class _Pump:
    """There is room in the budget again."""


# --- messages from the ExchangeActor to SymbolActors -----------------------------------------------------------------------


@hot_value
class Quote:
    """The newest best bid and ask, ticks. at: the venue's time, ns."""

    bid: int
    ask: int
    at: int


@hot_value
class OrderUpdate:
    """An order changed, or filled, or both. Never dropped, may come twice and in any order."""

    report: OrderReport | None
    fill: Fill | None


@dataclass(frozen=True, slots=True)
class PlaceFailed:
    """An order was certainly not placed. code: a RefusalCode, or "not_sent"; retry_after: ns."""

    client_id: ClientId
    code: str
    sentence: str
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class CancelFailed:
    """A cancel was certainly not carried out: the order rests on."""

    client_id: ClientId


@dataclass(frozen=True, slots=True)
class StreamGate:
    """Whether opening is allowed as far as one stream is concerned; sentence: why not."""

    code: str
    opens: bool
    sentence: str = ""
    resync: bool = False


@dataclass(frozen=True, slots=True)
class Pulse:
    """Once a second: the newest price even when it is inside the band."""

    bid: int
    ask: int
    at: int
    mark: int


class _Attached:
    """A symbol and the actor that owns it. seen: frames at the last sweep; stale: sweeps without a frame."""

    __slots__ = ("actor", "alive", "instrument", "number", "seen", "stale", "symbol", "told_stale")

    def __init__(self, symbol: str, number: int, actor: ActorId) -> None:
        self.symbol = symbol
        self.number = number
        self.actor = actor
        self.alive = True
        self.instrument: Instrument | None = None
        self.seen = 0
        self.stale = 0
        self.told_stale = False


class ExchangeActor:
    """One venue account, as a pure step. `board` is shared with the frame hook, which only calls `offer`."""

    def __init__(
        self,
        account: str,
        board: PriceBoard,
        limits: Limits,
        *,
        risk: ActorId | None = None,
        published: ports.Published | None = None,
        pending_timeout: int = 5 * SECOND,
        stale_after: int = 10,
        seed: int = 0,
    ) -> None:
        published = published or ports.Published()
        self.account = account
        self.board = board
        self.risk = risk
        self.published = published
        self.pending_timeout = pending_timeout
        self.stale_after = stale_after
        self.budget = Budget(
            Limits(
                limits.orders_per_second,
                limits.burst,
                published.orders_per_10s or limits.per_10s,
                published.orders_per_minute or limits.per_minute,
            )
        )
        self.tracker = Tracker()
        self.by_symbol: dict[str, _Attached] = {}
        self.by_number: dict[int, _Attached] = {}
        self.orders_up = False
        self.prices_up = False
        self.placed = 0
        self.cancelled = 0
        self._checks: dict[str, list[CheckSymbol]] = {}
        self._urgent: deque[ClientId] = deque()
        self._cancels: deque[ClientId] = deque()
        self._exits: deque[OrderPlan] = deque()
        self._opens: deque[OrderPlan] = deque()
        self._commits: dict[int, tuple[OrderPlan, ...]] = {}
        self._batch = 0
        self._in_flight = 0
        self._pump_due = 0
        self._foreign_told: dict[str, int] = {}
        self._jitter = random.Random(seed)
        self._report_to: ActorId | None = None
        self._swept = False
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            PriceMoved: self._price_moved,
            Submit: self._submit,
            ports.OrderEvent: self._order_event,
            ports.IntentsCommitted: self._intents_committed,
            ports.IntentsFailed: self._intents_failed,
            ports.PlacesAnswered: self._places_answered,
            ports.CancelsAnswered: self._cancels_answered,
            ports.OrderFound: self._order_found,
            ports.OrderNotKnown: self._order_not_known,
            ports.FindFailed: self._find_failed,
            ports.MarkSeen: self._mark_seen,
            ports.CandleSeen: self._candle_seen,
            ports.FundingSeen: self._funding_seen,
            ports.StreamUp: self._stream_up,
            ports.StreamDown: self._stream_down,
            ports.Throttled: self._throttled,
            ports.SymbolPrepared: self._prepared,
            ports.SymbolRefused: self._not_tradable,
            ports.TruthFetched: self._truth_fetched,
            ports.TruthFailed: self._truth_failed,
            Attach: self._attach,
            Detach: self._detach,
            SymbolDown: self._symbol_down,
            WantTruth: self._want_truth,
            CheckSymbol: self._check_symbol,
            CancelOpeningBuys: self._cancel_opening_buys,
            ReportTo: self._set_report_to,
            _Sweep: self._sweep,
            _Pump: self._pumped,
        }

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error and crashes the actor."""
        effects = self._handlers[type(message)](message, now)
        if not self._swept:
            self._swept = True
            effects.append(SetTimer("sweep", SWEEP, _Sweep()))
        return effects

    # --- prices ----------------------------------------------------------------------------------------------------

    def _price_moved(self, message: PriceMoved, now: int) -> list[Effect]:
        cell = self.board.cells.get(message.symbol)
        attached = self.by_symbol.get(message.symbol)
        if cell is None:
            return []
        cell.told = False
        if attached is None or not attached.alive:
            return []
        return [Tell(attached.actor, Quote(cell.bid, cell.ask, cell.at))]

    def _mark_seen(self, message: ports.MarkSeen, now: int) -> list[Effect]:
        cell = self.board.cells.get(message.symbol)
        if cell is not None:
            cell.mark = message.mark
            cell.seen += 1
        return []

    def _candle_seen(self, message: ports.CandleSeen, now: int) -> list[Effect]:
        cell = self.board.cells.get(message.candle.symbol)
        if cell is not None:
            cell.seen += 1
        if not message.candle.closed:
            return []
        effects: list[Effect] = []
        attached = self.by_symbol.get(message.candle.symbol)
        if attached is not None and attached.alive:
            effects.append(Tell(attached.actor, message))
        if self.risk is not None:
            effects.append(Tell(self.risk, message))
        return effects

    def _funding_seen(self, message: ports.FundingSeen, now: int) -> list[Effect]:
        effects: list[Effect] = []
        for payment in message.payments:
            attached = self.by_symbol.get(payment.symbol)
            if attached is not None and attached.alive:
                effects.append(Tell(attached.actor, ports.FundingSeen((payment,))))
        return effects

    # --- symbols ------------------------------------------------------------------------------------------------------

    def _attach(self, message: Attach, now: int) -> list[Effect]:
        attached = self.by_symbol.get(message.symbol)
        if attached is None:
            attached = _Attached(message.symbol, message.number, message.actor)
            self.by_symbol[message.symbol] = self.by_number[message.number] = attached
        attached.actor = message.actor
        attached.alive = True
        attached.told_stale = False
        attached.stale = 0
        self.board.loud(message.symbol)
        cell = self.board.cells.get(message.symbol)
        if cell is not None:
            cell.told = False
        return [ports.PrepareSymbol(message.symbol)]

    def _prepared(self, message: ports.SymbolPrepared, now: int) -> list[Effect]:
        symbol = message.instrument.symbol
        effects = self._answer_checks(symbol, message)
        attached = self.by_symbol.get(symbol)
        if attached is None or not attached.alive:
            return effects
        attached.instrument = message.instrument
        self.board.add(message.instrument)
        effects += [ports.Subscribe(message.instrument), Tell(attached.actor, message)]
        if not self.orders_up:
            effects.append(Tell(attached.actor, _orders_gate(False)))
        if self.risk is not None:
            effects += [Tell(self.risk, ports.CandleSeen(candle)) for candle in message.history]
        return effects

    def _not_tradable(self, message: ports.SymbolRefused, now: int) -> list[Effect]:
        effects = self._answer_checks(message.symbol, message)
        attached = self.by_symbol.get(message.symbol)
        if attached is not None and attached.alive:
            effects.append(Tell(attached.actor, message))
        return effects

    def _check_symbol(self, message: CheckSymbol, now: int) -> list[Effect]:
        waiting = self._checks.setdefault(message.symbol, [])
        waiting.append(message)
        return [ports.PrepareSymbol(message.symbol)] if len(waiting) == 1 else []

    def _answer_checks(self, symbol: str, answer: ports.SymbolPrepared | ports.SymbolRefused) -> list[Effect]:
        return [Tell(check.asker, SymbolChecked(check.request, answer)) for check in self._checks.pop(symbol, ())]

    def _detach(self, message: Detach, now: int) -> list[Effect]:
        attached = self.by_symbol.pop(message.symbol, None)
        if attached is None:
            return []
        self.by_number.pop(attached.number, None)
        self.board.remove(message.symbol)
        self._withdraw(lambda plan: plan.request.symbol == message.symbol, "the symbol was removed")
        self.tracker.forget_symbol(message.symbol)
        return [ports.Unsubscribe(message.symbol)]

    def _symbol_down(self, message: SymbolDown, now: int) -> list[Effect]:
        attached = self.by_symbol.get(message.symbol)
        if attached is not None:
            attached.alive = False
        self.board.loud(message.symbol)
        self._withdraw(lambda plan: plan.request.symbol == message.symbol, "its SymbolActor failed")
        for tracked in self.tracker.live(message.symbol):
            if tracked.kind.opens and tracked.stage is Stage.RESTING:
                self._queue_cancel(tracked.client_id, urgent=True)
        return self._pump(now)

    def _withdraw(self, goes: Callable[[OrderPlan], bool], reason: str) -> list[Effect]:
        """Take waiting places out of the queues and tell their symbols: they were never sent."""
        taken: list[OrderPlan] = []
        for queue in (self._opens, self._exits):
            stays = [plan for plan in queue if not goes(plan)]
            if len(stays) < len(queue):
                taken += [plan for plan in queue if goes(plan)]
                queue.clear()
                queue.extend(stays)
        effects: list[Effect] = []
        for plan in taken:
            effects += self._place_failed(plan.request.client_id, "not_sent", reason, 0)
        return effects

    # --- orders out ------------------------------------------------------------------------------------------------------

    def _submit(self, message: Submit, now: int) -> list[Effect]:
        self.board.quiet(message.symbol, message.low, message.high)
        if not message.cancels and not message.places:
            return []
        for client_id in message.cancels:
            self._queue_cancel(client_id, message.urgent)
        for plan in message.places:
            self.tracker.queue(plan.request, plan.kind, now)
            (self._opens if plan.kind.opens else self._exits).append(plan)
        return self._pump(now)

    def _queue_cancel(self, client_id: ClientId, urgent: bool) -> None:
        (self._urgent if urgent else self._cancels).append(client_id)

    def _cancel_opening_buys(self, message: CancelOpeningBuys, now: int) -> list[Effect]:
        effects = self._withdraw(lambda plan: plan.kind is OrderKind.OPEN_BUY, message.reason)
        for tracked in self.tracker.all_live():
            if tracked.kind is OrderKind.OPEN_BUY and tracked.stage is Stage.RESTING:
                self._queue_cancel(tracked.client_id, urgent=True)
        return effects + self._pump(now)

    def _pumped(self, message: _Pump, now: int) -> list[Effect]:
        self._pump_due = 0
        return self._pump(now)

    def _pump(self, now: int) -> list[Effect]:
        """Send what the budget allows: risk cancels, cancels, exits, opens."""
        effects: list[Effect] = []
        if now >= self.budget.paused_until:
            self._pump_cancels(self._urgent, now, effects, IN_FLIGHT * 2)
            self._pump_cancels(self._cancels, now, effects, IN_FLIGHT)
            if not self._urgent and self.orders_up:
                self._pump_places(self._exits, now, effects)
                self._pump_places(self._opens, now, effects)
        waiting = self._urgent or self._cancels or self._exits or self._opens
        if waiting and not self._pump_due and self._in_flight < IN_FLIGHT:
            self._pump_due = now + max(self.budget.next_room(now), MILLISECOND)
            if self.orders_up or self._urgent or self._cancels:
                effects.append(SetTimer("pump", self._pump_due - now, _Pump()))
            else:
                self._pump_due = 0
        return effects

    def _pump_cancels(self, queue: deque[ClientId], now: int, effects: list[Effect], most: int) -> None:
        while queue and self._in_flight < most:
            symbol = ""
            batch: list[CancelRequest] = []
            while queue and len(batch) < self.published.cancel_batch:
                tracked = self.tracker.get(queue[0])
                if tracked is None or tracked.stage not in (Stage.RESTING, Stage.LOOKING):
                    queue.popleft()
                    continue
                if symbol and tracked.symbol != symbol:
                    break
                symbol = tracked.symbol
                queue.popleft()
                self.tracker.cancelling(tracked, now)
                batch.append(CancelRequest(tracked.client_id, symbol))
            if batch:
                self._in_flight += 1
                self.cancelled += len(batch)
                effects.append(ports.SendCancels(tuple(batch)))

    def _pump_places(self, queue: deque[OrderPlan], now: int, effects: list[Effect]) -> None:
        while queue and self._in_flight < IN_FLIGHT:
            room = min(self.budget.room(now), self.published.place_batch, len(queue))
            if room <= 0:
                return
            batch = tuple(queue.popleft() for _ in range(room))
            self.budget.take(now, room)
            self._in_flight += 1
            self._batch += 1
            self._commits[self._batch] = batch
            effects.append(ports.CommitIntents(self._batch, tuple(self._intent(plan, now) for plan in batch)))

    def _intent(self, plan: OrderPlan, now: int) -> Intent:
        request = plan.request
        return Intent(
            self.account, request.symbol, request.client_id, plan.level, plan.kind, plan.generation, request.side,
            request.price or 0, request.quantity, request.reduce_only, request.post_only, now,
        )  # fmt: skip

    def _intents_committed(self, message: ports.IntentsCommitted, now: int) -> list[Effect]:
        batch = [p for p in self._commits.pop(message.batch, ()) if self.tracker.get(p.request.client_id) is not None]
        if not batch:
            self._in_flight -= 1
            return self._pump(now)
        for plan in batch:
            self.tracker.sending(plan.request.client_id, now)
        self.placed += len(batch)
        return [ports.SendPlaces(tuple(plan.request for plan in batch))]

    def _intents_failed(self, message: ports.IntentsFailed, now: int) -> list[Effect]:
        self._in_flight -= 1
        effects: list[Effect] = []
        for plan in self._commits.pop(message.batch, ()):
            self.tracker.drop(plan.request.client_id)
            effects += self._to_symbol(
                plan.request.symbol,
                PlaceFailed(
                    plan.request.client_id, "journal", f"its intent could not be written: {message.reason}", SECOND
                ),
            )
        return effects + self._pump(now)

    # --- answers ---------------------------------------------------------------------------------------------------------

    def _places_answered(self, message: ports.PlacesAnswered, now: int) -> list[Effect]:
        self._in_flight -= 1
        effects: list[Effect] = []
        for outcome in message.outcomes:
            match outcome:
                case Accepted(report):
                    effects += self._observe(report, None, now)
                case Refused(client_id, RefusalCode.DUPLICATE_ID):
                    effects += self._look_up(client_id, now, 0)
                case Refused(client_id, code, _, sentence):
                    effects += self._place_failed(client_id, code.value, sentence, 0)
                case OutcomeUnknown(client_id):
                    effects += self._look_up(client_id, now, 0)
                case NotSent(client_id, detail, retry_after):
                    effects += self._place_failed(client_id, "not_sent", detail, retry_after)
        return effects + self._pump(now)

    def _place_failed(self, client_id: ClientId, code: str, sentence: str, retry_after: int) -> list[Effect]:
        tracked = self.tracker.get(client_id)
        if tracked is None:
            return []
        self.tracker.drop(client_id)
        return self._to_symbol(tracked.symbol, PlaceFailed(client_id, code, sentence, retry_after))

    def _cancels_answered(self, message: ports.CancelsAnswered, now: int) -> list[Effect]:
        self._in_flight -= 1
        effects: list[Effect] = []
        for outcome in message.outcomes:
            match outcome:
                case Cancelled():
                    pass
                case Refused(client_id) | OutcomeUnknown(client_id):
                    effects += self._look_up(client_id, now, 0)
                case NotSent(client_id, _, retry_after):
                    tracked = self.tracker.get(client_id)
                    if tracked is not None:
                        self.tracker.resting(tracked)
                        self.budget.pause(now, retry_after)
                        self._queue_cancel(client_id, urgent=False)
        return effects + self._pump(now)

    def _look_up(self, client_id: ClientId, now: int, retry_after: int) -> list[Effect]:
        """Ask the venue for an order whose state nobody knows; backed off, with full jitter."""
        tracked = self.tracker.get(client_id)
        if tracked is None:
            return []
        self.tracker.looking(tracked, now)
        if tracked.tries <= 1 and not retry_after:
            return [ports.FindOrder(tracked.symbol, client_id)]
        wait = max(retry_after, int(self._jitter.random() * min(SECOND // 2 * 2**tracked.tries, 10 * SECOND)))
        tracked.look_at = now + wait
        return []

    def _order_found(self, message: ports.OrderFound, now: int) -> list[Effect]:
        effects: list[Effect] = []
        tracked = self.tracker.get(message.report.client_id)
        for fill in message.fills:
            effects += self._to_symbol(fill.symbol, OrderUpdate(None, fill))
        effects += self._observe(message.report, None, now, looked=True)
        if tracked is not None:
            tracked.tries = 0
            if tracked.cancel_sent and not message.report.status.terminal:
                tracked.cancel_sent = False
                effects += self._to_symbol(tracked.symbol, CancelFailed(tracked.client_id))
        return effects + self._pump(now)

    def _order_not_known(self, message: ports.OrderNotKnown, now: int) -> list[Effect]:
        tracked = self.tracker.get(message.client_id)
        if tracked is None:
            return []
        if tracked.was_resting:
            return self._observe(tracked.gone(now), None, now)
        if tracked.resends < TRIES and tracked.request is not None and self._alive(tracked.symbol):
            tracked.resends += 1
            self.tracker.sending(tracked.client_id, now)
            self.budget.take(now, 1)
            self._in_flight += 1
            return [ports.SendPlaces((tracked.request,))]
        return self._place_failed(message.client_id, "not_sent", "the venue does not know the order", 0)

    def _find_failed(self, message: ports.FindFailed, now: int) -> list[Effect]:
        return self._look_up(message.client_id, now, max(message.retry_after, 1))

    # --- events in -------------------------------------------------------------------------------------------------------

    def _order_event(self, message: ports.OrderEvent, now: int) -> list[Effect]:
        if message.fill is not None:
            self.tracker.filled(message.fill)
        return self._observe(message.report, message.fill, now)

    def _observe(self, report: OrderReport, fill: Fill | None, now: int, looked: bool = False) -> list[Effect]:
        """Every state of every order passes here, once or twice, in any order."""
        key = decode(report.client_id)
        attached = self.by_number.get(key.symbol) if key is not None else None
        if key is None or attached is None:
            return self._foreign(report, now)
        stale = self.tracker.observe(report, key.kind, now, looked)
        if stale and fill is None:
            return []
        if not attached.alive:
            tracked = self.tracker.get(report.client_id)
            if tracked is not None and tracked.kind.opens and tracked.stage is Stage.RESTING:
                self._queue_cancel(report.client_id, urgent=True)
                return self._pump(now)
            return []
        return [Tell(attached.actor, OrderUpdate(report, fill))]

    def _foreign(self, report: OrderReport, now: int) -> list[Effect]:
        """An order that is not ours is reported once a minute for each symbol, and left alone."""
        if now - self._foreign_told.get(report.symbol, 0) < 60 * SECOND:
            return []
        if len(self._foreign_told) > 1_000:
            self._foreign_told.clear()
        self._foreign_told[report.symbol] = now
        sentence = f"an order that is not ours is at work in {report.symbol}: {report.client_id or report.venue_id}"
        return [ports.Announce("order.foreign", self.account, report.symbol, sentence, "warning")]

    def _to_symbol(self, symbol: str, message: object) -> list[Effect]:
        attached = self.by_symbol.get(symbol)
        return [Tell(attached.actor, message)] if attached is not None and attached.alive else []

    def _alive(self, symbol: str) -> bool:
        attached = self.by_symbol.get(symbol)
        return attached is not None and attached.alive

    # --- truth and streams ---------------------------------------------------------------------------------------------------

    def _want_truth(self, message: WantTruth, now: int) -> list[Effect]:
        return [
            ports.FetchTruth(
                message.symbol, message.client_ids, dict(message.venue_ids), message.after_trade, message.since
            )
        ]

    def _truth_fetched(self, message: ports.TruthFetched, now: int) -> list[Effect]:
        truth: Truth = message.truth
        still_open: list[OrderReport] = []
        for report in truth.open_orders:
            key = decode(report.client_id)
            ours = key is not None and key.symbol in self.by_number
            if ours and key is not None and self.tracker.observe(report, key.kind, now, looked=False):
                continue
            still_open.append(report)
        for client_id, found in truth.found:
            if found is not None and found.status.terminal:
                key = decode(client_id)
                if key is not None:
                    self.tracker.observe(found, key.kind, now, looked=True)
        return self._to_symbol(truth.symbol, ports.TruthFetched(replace(truth, open_orders=tuple(still_open))))

    def _truth_failed(self, message: ports.TruthFailed, now: int) -> list[Effect]:
        return self._to_symbol(message.symbol, message)

    def _stream_up(self, message: ports.StreamUp, now: int) -> list[Effect]:
        if message.stream == "prices":
            self.prices_up = True
            return []
        self.orders_up = True
        gate = _orders_gate(True, message.reconnected)
        return [Tell(a.actor, gate) for a in self.by_symbol.values() if a.alive] + self._pump(now)

    def _stream_down(self, message: ports.StreamDown, now: int) -> list[Effect]:
        if message.stream == "prices":
            self.prices_up = False
            return []
        self.orders_up = False
        effects = self._withdraw(lambda plan: True, "the order stream is down")
        return effects + [Tell(a.actor, _orders_gate(False)) for a in self.by_symbol.values() if a.alive]

    def _throttled(self, message: ports.Throttled, now: int) -> list[Effect]:
        self.budget.pause(now, message.retry_after)
        kind = "venue.banned" if message.banned else "venue.throttled"
        return [ports.Announce(kind, self.account, "", message.detail, "error" if message.banned else "warning")]

    # --- once a second -----------------------------------------------------------------------------------------------------------

    def _set_report_to(self, message: ReportTo, now: int) -> list[Effect]:
        self._report_to = message.actor
        return []

    def _sweep(self, message: _Sweep, now: int) -> list[Effect]:
        effects: list[Effect] = [SetTimer("sweep", SWEEP, _Sweep())]
        for attached in self.by_symbol.values():
            if attached.alive and attached.instrument is not None:
                effects += self._freshness(attached, now)
        for tracked in self.tracker.overdue(now, self.pending_timeout):
            self.tracker.looking(tracked, now)
            effects.append(ports.FindOrder(tracked.symbol, tracked.client_id))
        if self._report_to is not None:
            effects.append(Tell(self._report_to, self.row()))
        return effects + self._pump(now)

    def _freshness(self, attached: _Attached, now: int) -> list[Effect]:
        cell = self.board.cells[attached.symbol]
        effects: list[Effect] = []
        if cell.seen == attached.seen:
            attached.stale += 1
            if attached.stale == self.stale_after:
                attached.told_stale = True
                sentence = f"no frame of {attached.symbol} for {self.stale_after} s"
                effects.append(Tell(attached.actor, StreamGate("stale_price", False, sentence)))
                effects.append(ports.Announce("price.stale", self.account, attached.symbol, sentence, "warning"))
            if attached.stale % self.stale_after == 0 and attached.instrument is not None:
                effects += [ports.Unsubscribe(attached.symbol), ports.Subscribe(attached.instrument)]
        else:
            attached.stale = 0
            if attached.told_stale:
                attached.told_stale = False
                effects.append(Tell(attached.actor, StreamGate("stale_price", True)))
        attached.seen = cell.seen
        effects.append(Tell(attached.actor, Pulse(cell.bid, cell.ask, cell.at, cell.mark)))
        return effects

    def row(self) -> AccountRow:
        """What operators see of this account."""
        return AccountRow(
            self.account, self.orders_up, self.prices_up, self.tracker.size,
            len(self._urgent) + len(self._cancels) + len(self._exits) + len(self._opens),
            self.budget.paused_until, self.board.ticks, self.board.skipped,
        )  # fmt: skip


def _orders_gate(up: bool, reconnected: bool = False) -> StreamGate:
    return StreamGate("order_stream", up, "" if up else "the order stream is down", resync=reconnected)
