"""The ExchangeActor: one venue account. Subscriptions, prices, bands; its orders go over its OrderDesk.

It carries the SymbolActors' orders to the venue and the venue's events to the SymbolActors. It never drops an order
event and never decides on trades; of a dead SymbolActor it cancels the opening orders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import SECOND, Budget, Limits
from opensqt_actors.actors.exchange_dead_man import DeadMan
from opensqt_actors.actors.exchange_foreign import ForeignOrders
from opensqt_actors.actors.exchange_freshness import Freshness
from opensqt_actors.actors.exchange_holdings import Holdings
from opensqt_actors.actors.exchange_messages import (
    AdoptOrder,
    Attach,
    BudgetShare,
    CheckHoldings,
    CheckSymbol,
    Detach,
    NotAgain,
    OrderUpdate,
    Pulse,
    Pump,
    Quote,
    ReportTo,
    StreamGate,
    Submit,
    Sweep,
    SymbolChecked,
    SymbolDown,
    WantFacts,
    WithdrawOpenings,
)
from opensqt_actors.actors.exchange_past import Pasts
from opensqt_actors.actors.exchange_risk import ExchangeRisk
from opensqt_actors.actors.exchange_symbols import Symbols
from opensqt_actors.actors.exchange_truth import VenueViews
from opensqt_actors.actors.order_desk import OrderDesk
from opensqt_actors.actors.prices import PriceBoard, PriceMoved
from opensqt_actors.actors.tracker import Tracker
from opensqt_actors.actors.views import AccountRow
from opensqt_actors.domain.cleanup import CleanupSettings
from opensqt_actors.domain.exposure import ExposureLimits, Limit
from opensqt_actors.domain.orders import FundingPayment
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

__all__ = [
    "Attach", "BudgetShare", "CheckHoldings", "CheckSymbol", "Detach", "ExchangeActor", "OrderUpdate", "Pulse", "Quote",
    "ReportTo", "StreamGate", "Submit", "SymbolChecked", "SymbolDown",
]  # fmt: skip

SWEEP = SECOND
PAYMENTS = 100
"""Funding payments of a symbol that are kept for an actor that starts later."""


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
        exposure: ExposureLimits | None = None,
        total: Limit | None = None,
        cleanup: CleanupSettings | None = None,
        dead_man: int = 0,
    ) -> None:
        published = published or ports.Published()
        self.account = account
        self.board = board
        self._freshness = Freshness(account, board, stale_after)
        self.budget = Budget(
            Limits(
                limits.orders_per_second,
                limits.burst,
                published.orders_per_10s or limits.per_10s,
                published.orders_per_minute or limits.per_minute,
            )
        )
        self.symbols = Symbols(board)
        self._attached = self.symbols.attached  # at hand: each price looks into it
        self._tell = self.symbols.tell
        self.desk = OrderDesk(
            account, self.budget, published, tell=self._tell, alive=self.symbols.alive,
            pending_timeout=pending_timeout, seed=seed, exposure=exposure, total=total,
        )  # fmt: skip
        self.watch = ExchangeRisk(
            account, board, self.desk, risk, cleanup, traded=lambda: self._attached, tell=self._tell
        )
        self.pasts = Pasts(self.watch.want_past)
        self.dead_man = DeadMan(dead_man, self.desk.tracker, lambda: self._attached)
        self.foreign = ForeignOrders(account, self.symbols)
        self.prices_up = False
        self._checks: dict[str, list[CheckSymbol]] = {}
        self._funding: dict[str, deque[FundingPayment]] = {}
        self._report_to: ActorId | None = None
        self._swept = False
        desk = self.desk
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            PriceMoved: self._price_moved,
            Submit: self._submit,
            AdoptOrder: desk.adoptions.adopt,
            ports.OrderEvent: self._order_event,
            ports.IntentsCommitted: desk.intents_committed,
            ports.IntentsFailed: desk.intents_failed,
            ports.PlacesAnswered: desk.places_answered,
            ports.CancelsAnswered: desk.cancels_answered,
            ports.OrderFound: desk.look_ups.found,
            ports.OrderNotKnown: desk.look_ups.not_known,
            ports.FindFailed: desk.look_ups.failed,
            NotAgain: lambda message, now: desk.not_again(message.client_ids),
            ports.MarkSeen: self._mark_seen,
            ports.CandleSeen: self._candle_seen,
            ports.FundingSeen: self._funding_seen,
            ports.StreamUp: self._stream_up,
            ports.StreamDown: self._stream_down,
            ports.Throttled: self._throttled,
            ports.OrdersCounted: self._orders_counted,
            ports.SymbolPrepared: self._prepared,
            ports.SymbolRefused: self._not_tradable,
            Attach: self._attach,
            Detach: self._detach,
            SymbolDown: self._symbol_down,
            WantFacts: lambda message, now: [ports.PrepareSymbol(message.symbol, history=False)],
            CheckSymbol: self._check_symbol,
            **Holdings(account).handlers,
            **VenueViews(self.symbols, desk, self.dead_man).handlers,
            WithdrawOpenings: self._withdraw_openings,
            ReportTo: self._set_report_to,
            BudgetShare: self._budget_share,
            Sweep: self._sweep,
            Pump: lambda message, now: desk.pumped(now),
            **self.watch.handlers,
            **self.pasts.handlers,
        }

    @property
    def tracker(self) -> Tracker:
        """What is known of every live order."""
        return self.desk.tracker

    @property
    def orders_up(self) -> bool:
        """Whether the order stream is up. May be set before the first step."""
        return self.desk.up

    @orders_up.setter
    def orders_up(self, up: bool) -> None:
        self.desk.up = up

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message; an unknown type is a programming error and crashes the actor."""
        effects = self._handlers[type(message)](message, now)
        if not self._swept:
            self._swept = True
            effects.append(SetTimer("sweep", SWEEP, Sweep()))
        return effects

    # --- prices ------------------------------------------------------------------------------------------------------

    def _price_moved(self, message: PriceMoved, now: int) -> list[Effect]:
        cell = self.board.cells.get(message.symbol)
        attached = self._attached.get(message.symbol)
        if cell is None:
            return []
        cell.told = False
        if attached is None or not attached.alive:
            return []
        return [Tell(attached.actor, Quote(*cell.take(), cell.at))]

    def _submit(self, message: Submit, now: int) -> list[Effect]:
        """A decision. A price that came while it was made, and lies outside its band, is told at once."""
        effects: list[Effect] = []
        if self.desk.exposure.active:
            attached = self._attached.get(message.symbol)
            current = attached is not None and message.heard >= attached.told
            self.desk.exposure.hold(message.symbol, message.long, message.short, current=current)
        cell = self.board.quiet(message.symbol, message.low, message.high)
        if cell is not None and cell.restless:
            effects = self._tell(message.symbol, Quote(*cell.take(), cell.at))
        if message.cancels or message.places:
            return self.desk.submit(message, now) + effects
        return effects

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
        return self._tell(message.candle.symbol, message) + self.watch.candle(message)

    def _funding_seen(self, message: ports.FundingSeen, now: int) -> list[Effect]:
        """Told on, and told again when a symbol is prepared: its actor may not have lived when it came."""
        effects: list[Effect] = []
        for payment in message.payments:
            self._funding.setdefault(payment.symbol, deque(maxlen=PAYMENTS)).append(payment)
            effects += self._tell(payment.symbol, ports.FundingSeen((payment,)))
        return effects

    # --- symbols -----------------------------------------------------------------------------------------------------

    def _attach(self, message: Attach, now: int) -> list[Effect]:
        self.symbols.attach(message)
        if message.working:
            self.dead_man.begin(message.symbol)
        self.board.loud(message.symbol)
        self.pasts.begin(message)
        return [ports.PrepareSymbol(message.symbol, history=not message.hurry)]

    def _prepared(self, message: ports.SymbolPrepared, now: int) -> list[Effect]:
        symbol = message.instrument.symbol
        effects = self._answer_checks(symbol, message)
        attached = self._attached.get(symbol)
        if attached is None:
            return effects + self.watch.candles.prepared(message.instrument)
        if not attached.alive:
            return effects
        if not attached.streams:
            return [*effects, Tell(attached.actor, message)]
        attached.streams = False
        attached.instrument = message.instrument
        self.board.add(message.instrument)
        self.desk.exposure.add(message.instrument)
        effects.append(ports.Subscribe(message.instrument))
        if not self.orders_up:
            # First: the venue's view is worth asking for only once its order stream is up.
            effects.append(Tell(attached.actor, _orders_gate(False)))
        effects.append(Tell(attached.actor, message))
        if self._funding.get(symbol):
            effects.append(Tell(attached.actor, ports.FundingSeen(tuple(self._funding[symbol]))))
        return effects

    def _not_tradable(self, message: ports.SymbolRefused, now: int) -> list[Effect]:
        effects = self._answer_checks(message.symbol, message) + self._tell(message.symbol, message)
        effects += self.pasts.gone(message.symbol)
        return effects if message.symbol in self._attached else effects + self.watch.candles.refused(message)

    def _check_symbol(self, message: CheckSymbol, now: int) -> list[Effect]:
        waiting = self._checks.setdefault(message.symbol, [])
        waiting.append(message)
        return [ports.PrepareSymbol(message.symbol)] if len(waiting) == 1 else []

    def _answer_checks(self, symbol: str, answer: ports.SymbolPrepared | ports.SymbolRefused) -> list[Effect]:
        return [Tell(check.asker, SymbolChecked(check.request, answer)) for check in self._checks.pop(symbol, ())]

    def _detach(self, message: Detach, now: int) -> list[Effect]:
        if not self.symbols.detach(message.symbol):
            return []
        self.board.remove(message.symbol)
        self.desk.forget_symbol(message.symbol)
        end = self.dead_man.hand_over if message.handed_over else self.dead_man.disarm
        effects = end(message.symbol) + self.pasts.gone(message.symbol)
        return effects if self.watch.candles.wants(message.symbol) else [*effects, ports.Unsubscribe(message.symbol)]

    def _symbol_down(self, message: SymbolDown, now: int) -> list[Effect]:
        self.symbols.down(message.symbol)
        self.board.loud(message.symbol)
        return self.desk.symbol_down(message.symbol, now) + self.pasts.gone(message.symbol)

    def _withdraw_openings(self, message: WithdrawOpenings, now: int) -> list[Effect]:
        symbol = message.symbol
        return self.desk.withdraw(lambda plan: plan.kind.opens and plan.request.symbol == symbol, message.reason)

    # --- the venue's news --------------------------------------------------------------------------------------------

    def _order_event(self, message: ports.OrderEvent, now: int) -> list[Effect]:
        report = message.report
        if not self.symbols.ours(report.client_id):
            return self.foreign.event(message, now)
        ended = self.tracker.filled(message.fill) if message.fill is not None else None
        return self.desk.observe(report, now, OrderUpdate(ended or report, message.fill))

    def _stream_up(self, message: ports.StreamUp, now: int) -> list[Effect]:
        if message.stream == "prices":
            self.prices_up = True
            if message.reconnected:
                self.watch.candles.missed()
            return []
        self.orders_up = True
        return self.symbols.tell_all(_orders_gate(True, message.reconnected)) + self.desk.pump(now)

    def _stream_down(self, message: ports.StreamDown, now: int) -> list[Effect]:
        if message.stream == "prices":
            self.prices_up = False
            return []
        self.orders_up = False
        effects = self.desk.withdraw(lambda plan: True, "the order stream is down")
        return effects + self.symbols.tell_all(_orders_gate(False))

    def _throttled(self, message: ports.Throttled, now: int) -> list[Effect]:
        self.budget.pause(now, message.retry_after)
        kind = "venue.banned" if message.banned else "venue.throttled"
        return [ports.Announce(kind, self.account, "", message.detail, "error" if message.banned else "warning")]

    def _orders_counted(self, message: ports.OrdersCounted, now: int) -> list[Effect]:
        self.budget.counted(message.asked, now, message.in_10s, message.in_minute)
        return []

    def _budget_share(self, message: BudgetShare, now: int) -> list[Effect]:
        self.budget.share(message.thousandths)
        return self.desk.pump(now)

    # --- once a second -----------------------------------------------------------------------------------------------

    def _set_report_to(self, message: ReportTo, now: int) -> list[Effect]:
        self._report_to = message.actor
        return []

    def _sweep(self, message: Sweep, now: int) -> list[Effect]:
        effects: list[Effect] = [SetTimer("sweep", SWEEP, Sweep())]
        self._freshness.begin()
        for attached in self._attached.values():
            if attached.alive and attached.instrument is not None:
                effects += self._freshness.look(attached.feed, attached.instrument, attached.actor)
                cell = self.board.cells[attached.symbol]
                effects.append(Tell(attached.actor, Pulse(cell.bid, cell.ask, cell.at, cell.mark)))
        effects += self.desk.look_ups.overdue(now)
        effects += self.dead_man.sweep(now, paused=now < self.budget.paused_until)
        self.desk.exposure.find()
        ages = [(a.symbol, a.feed.stale * SWEEP) for a in self._attached.values() if a.alive and a.instrument]
        effects += self.watch.sweep(ages, now, paused=now < self.budget.paused_until)
        if self._report_to is not None:
            effects.append(Tell(self._report_to, self.row()))
            if self.desk.exposure.shared:
                effects.append(Tell(self._report_to, self.desk.exposure.report(self.account)))
        return effects + self.desk.pump(now)

    def row(self) -> AccountRow:
        """What operators see of this account. Without a symbol there is no price stream, and none that is down."""
        prices = self.prices_up or not any(attached.instrument for attached in self._attached.values())
        return AccountRow(
            self.account, self.orders_up, prices, self.tracker.size, self.desk.waiting,
            self.budget.paused_until, self.board.ticks, self.board.skipped, self.budget.thousandths,
        )  # fmt: skip


def _orders_gate(up: bool, reconnected: bool = False) -> StreamGate:
    return StreamGate("order_stream", up, "" if up else "the order stream is down", resync=reconnected)
