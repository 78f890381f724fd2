"""The venue as the fleet sees it: the simulated engine behind every effect that leaves for a venue, with latencies.

It outlives the process: what a dead process had sent still arrives. Each account has one order stream that can break.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from fleet.faults import Faults

from opensqt_actors.actors import ports
from opensqt_actors.actors.prices import PriceBoard, PriceMoved
from opensqt_actors.domain.ids import ClientId, decode
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    Accepted,
    AccountState,
    Cancelled,
    CancelOutcome,
    CancelRequest,
    Candle,
    Fees,
    Fill,
    FundingPayment,
    NotSent,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OutcomeUnknown,
    PlaceOutcome,
    Position,
    RefusalCode,
    Refused,
    Side,
    Truth,
)
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock
from opensqt_actors.runtime.kernel import ActorRef, Host
from opensqt_actors.simvenue import events as engine
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.rules import MarketRules

MS = 1_000_000
SECOND = 1_000_000_000
REQUEST_LIFE = 5 * SECOND
GRACE = SECOND // 2
_STATUS = {
    engine.OrderStatus.NEW: OrderStatus.NEW,
    engine.OrderStatus.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
    engine.OrderStatus.FILLED: OrderStatus.FILLED,
    engine.OrderStatus.CANCELED: OrderStatus.CANCELED,
    engine.OrderStatus.EXPIRED: OrderStatus.EXPIRED,
    engine.OrderStatus.EXPIRED_IN_MATCH: OrderStatus.EXPIRED,
}
_REFUSALS = {
    -2019: RefusalCode.INSUFFICIENT_MARGIN,
    -2018: RefusalCode.INSUFFICIENT_MARGIN,
    -2027: RefusalCode.INSUFFICIENT_MARGIN,
    -5022: RefusalCode.WOULD_CROSS,
    -2022: RefusalCode.REDUCE_ONLY,
    -4116: RefusalCode.DUPLICATE_ID,
    -2011: RefusalCode.UNKNOWN_ORDER,
    -2013: RefusalCode.UNKNOWN_ORDER,
    -2025: RefusalCode.TOO_MANY_ORDERS,
    -4141: RefusalCode.SYMBOL_CLOSED,
    -1121: RefusalCode.SYMBOL_CLOSED,
}


def instrument_of(rules: MarketRules) -> Instrument:
    """The rules as the trading side knows them."""
    return Instrument(
        rules.symbol, rules.base, rules.quote, rules.tick, rules.step, Decimal(1), rules.min_qty, rules.max_qty,
        rules.min_notional,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Latency:
    """Bounds in ms of what a request, an answer and an event take on their way."""

    request: tuple[int, int] = (3, 40)
    answer: tuple[int, int] = (3, 40)
    event: tuple[int, int] = (3, 60)


@dataclass(slots=True)
class Line:
    """The connection of one process. cut: when it was lost; what was under way then arrives at once or never."""

    host: Host
    board: PriceBoard
    exchange: ActorId
    open: bool = True
    orders_up: bool = False
    had_been_up: bool = False
    cut: int = 0


class SimulatedVenue:
    """One account on the engine. `line` is the process that is connected now."""

    def __init__(
        self, engine_: Exchange, account: str, clock: ManualClock, seed: int, faults: Faults, latency: Latency
    ) -> None:
        self.engine = engine_
        self.account = account
        self.clock = clock
        self.faults = faults
        self.latency = latency
        self.random = Random(f"latency:{seed}")
        self.line: Line | None = None
        self.subscribed: set[str] = set()
        self.on_arrival: Callable[[OrderRequest], None] = lambda request: None
        self.on_send: Callable[[OrderRequest, int], None] = lambda request, now: None
        self.violations: list[str] = []
        self.sent: deque[tuple[int, int]] = deque()
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._last_event = 0
        self._in_flight = 0
        self._unanswered: dict[str, int] = {}

    # --- connection --------------------------------------------------------------------------------------------------

    def connect(self, host: Host, board: PriceBoard, exchange: ActorId) -> None:
        """A process connects; its order stream comes up after a moment."""
        self.line = line = Line(host, board, exchange)
        self.subscribed.clear()
        self._unanswered.clear()
        for effect, port in (
            (ports.SendPlaces, self._send_places),
            (ports.SendCancels, self._send_cancels),
            (ports.FindOrder, self._find_order),
            (ports.FetchTruth, self._fetch_truth),
            (ports.PrepareSymbol, self._prepare),
            (ports.FetchAccount, self._fetch_account),
            (ports.FetchPositions, self._fetch_positions),
            (ports.FetchCandles, self._fetch_candles),
            (ports.Subscribe, self._subscribe),
            (ports.Unsubscribe, self._unsubscribe),
        ):
            host.bind(effect, port)
        self._after(self.random.randint(20, 400) * MS, lambda: self._up(line))

    def disconnect(self) -> None:
        """The process is gone."""
        if self.line is not None:
            self.line.open = False
            self.line.cut = self.clock.now()
            self.line = None

    def _up(self, line: Line) -> None:
        if line.open:
            line.orders_up = True
            self._tell(line, ports.StreamUp("orders", line.had_been_up))
            if not line.had_been_up:
                self._tell(line, ports.StreamUp("prices", False))
            line.had_been_up = True
            self._funding_event()

    def break_stream(self, down: int = SECOND // 2) -> None:
        """The order stream breaks for `down` ns; what happens meanwhile is never told."""
        line = self.line
        if line is not None and line.orders_up:
            line.orders_up = False
            self._tell(line, ports.StreamDown("orders", "connection reset"))
            self._after(down, lambda: self._up(line))

    def _tell(self, line: Line, message: object) -> None:
        if line.open:
            line.host.tell(line.exchange, message)

    def _after(self, ns: int, call: Callable[[], None]) -> None:
        self._in_flight += 1

        def made() -> None:
            self._in_flight -= 1
            call()

        self.clock.call_at(self.clock.now() + ns, made)

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self._in_flight == 0

    def _wait(self, bounds: tuple[int, int]) -> int:
        return self.random.randint(*bounds) * MS

    @property
    def now_ms(self) -> int:
        """The venue's time."""
        return self.clock.now() // MS

    # --- what the engine tells ---------------------------------------------------------------------------------------

    def on_engine_event(self, event: engine.Event) -> None:
        """The engine's sink."""
        match event:
            case engine.BookTicker(symbol, _, bid, _, ask, _, time):
                line = self.line
                if line is not None and symbol in self.subscribed and bid and ask:
                    rules = self.engine.rules(symbol)
                    if line.board.offer(symbol, rules.price_text(bid), rules.price_text(ask), time * MS):
                        line.host.tell(line.exchange, PriceMoved(symbol))
            case engine.MarkPrice(symbol, price):
                self._market(symbol, ports.MarkSeen(symbol, price))
            case engine.CandleUpdate(symbol, "1m", candle, closed):
                self._market(symbol, ports.CandleSeen(self._candle(symbol, candle, closed)))
            case engine.OrderUpdate():
                if event.account == self.account:
                    self._order_event(event)
            case engine.AccountUpdate(account, _, _, engine.UpdateReason.FUNDING_FEE):
                if account == self.account:
                    self._funding_event()
            case _:
                pass

    def _market(self, symbol: str, message: object) -> None:
        if self.line is not None and symbol in self.subscribed:
            self._tell(self.line, message)

    def _candle(self, symbol: str, candle: engine.Candle, closed: bool) -> Candle:
        tick = float(self.engine.rules(symbol).tick)
        step = float(self.engine.rules(symbol).step)
        return Candle(
            symbol, candle.open_time * MS, candle.open * tick, candle.high * tick, candle.low * tick,
            candle.close * tick, candle.volume * step, closed,
        )  # fmt: skip

    def _order_event(self, event: engine.OrderUpdate) -> None:
        if event.execution is engine.Execution.NEW:
            self._check_slot(event.order)
        line = self.line
        if line is None or not line.orders_up:
            return
        if self.faults.strike("stream.reset"):
            self.break_stream(self.faults.random.randint(50, 3_000) * MS)
            return
        if self.faults.strike("event.lost"):
            return
        report = self.report(event.order)
        message = ports.OrderEvent(report, self.fill(event.fill) if event.fill is not None else None)
        if self.faults.strike("event.reordered"):
            self._after(self.faults.random.randint(0, 500) * MS, lambda: self._event(line, message))
            return
        if self.faults.strike("event.late"):
            self._last_event = self.clock.now() + self.faults.random.randint(1_000, 8_000) * MS
        self._last_event = max(self._last_event, self.clock.now() + self._wait(self.latency.event))
        for _ in range(2 if self.faults.strike("event.doubled") else 1):
            self._after(self._last_event - self.clock.now(), lambda: self._event(line, message))

    def _event(self, line: Line, message: ports.OrderEvent) -> None:
        if line.orders_up:
            self._tell(line, message)

    def manual_order(self, symbol: str) -> None:
        """Somebody rests an order of their own, far from the market, and leaves it there."""
        rules = self.engine.rules(symbol)
        price = self.engine.book_ticker(symbol).bid // 2
        steps = int(rules.min_notional * 3 / rules.money(price)) + 1
        order = engine.NewOrder(
            symbol=symbol,
            side=engine.Side.BUY,
            type=engine.OrderType.LIMIT,
            quantity=rules.quantity(max(steps, rules.min_qty)),
            price=rules.price(price),
            client_id=f"web_{self.random.randrange(10**9)}",
        )
        self.engine.place(self.account, order, self.now_ms)

    def market_order(self, symbol: str, worth: int) -> None:
        """Somebody buys by hand for about so much quote currency."""
        rules = self.engine.rules(symbol)
        steps = int(worth / rules.money(self.engine.book_ticker(symbol).ask))
        order = engine.NewOrder(symbol, engine.Side.BUY, engine.OrderType.MARKET, rules.quantity(steps))
        self.engine.place(self.account, order, self.now_ms)

    def _funding_event(self) -> None:
        newest = self.engine.income(self.account, type=engine.IncomeType.FUNDING_FEE, limit=50)
        payments = tuple(FundingPayment(i.symbol, str(i.tran_id), i.amount, i.time * MS) for i in newest)
        if self.line is not None and payments:
            self._tell(self.line, ports.FundingSeen(payments))

    def _check_slot(self, order: engine.Order) -> None:
        """No slot ever has two live orders on the venue."""
        key = decode(order.client_id)
        if key is None:
            return
        for other in self.engine.open_orders(self.account, order.symbol):
            theirs = decode(other.client_id)
            if other.order_id != order.order_id and theirs is not None and theirs.level == key.level:
                self.violations.append(f"two live orders on level {key.level}: {order.client_id}, {other.client_id}")

    def report(self, order: engine.Order) -> OrderReport:
        """An order of the engine as the adapter reports it."""
        return OrderReport(
            ClientId(order.client_id), order.symbol, str(order.order_id), Side(order.side.value.lower()),
            _STATUS[order.status], order.price, order.quantity, order.executed, order.updated * MS,
        )  # fmt: skip

    def fill(self, fill: engine.Fill, *, named: bool = True) -> Fill:
        """A trade as the adapter reports it; the trade list does not name client ids."""
        return Fill(
            fill.symbol, fill.trade_id, ClientId(fill.client_id if named else ""), str(fill.order_id),
            Side(fill.side.value.lower()), fill.price, fill.quantity, fill.commission,
            self.engine.rules(fill.symbol).quote, fill.maker, fill.time * MS,
        )  # fmt: skip

    # --- requests ----------------------------------------------------------------------------------------------------

    def _exchange(self, sender: ActorRef, delay: int, carry_out: Callable[[], object | None]) -> None:
        """Carry a request out when it arrives, and answer when the answer does, if the sender still lives."""
        line = self.line

        def arrive() -> None:
            if line is not None and line.cut and self.clock.now() > line.cut + GRACE:
                return
            answer = carry_out()
            if answer is not None:
                self._after(self._wait(self.latency.answer), lambda: reply(answer))

        def reply(answer: object) -> None:
            if line is not None and line.open:
                line.host.tell(sender, answer)

        self._after(delay, arrive)

    @staticmethod
    def _unheard(answer: object) -> None:
        """What was carried out and whose answer is lost."""

    def _delay(self, kind: str) -> int:
        if self.faults.strike(f"{kind}.late"):
            return self.faults.random.randint(1_000, 4_900) * MS
        return self._wait(self.latency.request)

    def _send_places(self, sender: ActorRef, effect: ports.SendPlaces) -> None:
        self.requests["place"] += 1
        self.sent.append((self.clock.now(), len(effect.orders)))
        for request in effect.orders:
            self.on_send(request, self.clock.now())
        faults = self.faults
        ids = [order.client_id for order in effect.orders]
        self._unanswered.update((client_id, self.clock.now() + REQUEST_LIFE) for client_id in ids)
        if faults.strike("place.not_sent"):
            answer = ports.PlacesAnswered(tuple(NotSent(i, "connection refused", SECOND // 10) for i in ids))
            return self._exchange(sender, 0, lambda: answer)
        if faults.strike("place.throttled"):
            wait = faults.random.randint(500, 5_000) * MS
            answer = ports.PlacesAnswered(tuple(NotSent(i, "too many requests", wait) for i in ids))
            if self.line is not None:
                self._tell(self.line, ports.Throttled(wait, False, "too many requests"))
            return self._exchange(sender, 0, lambda: answer)
        if faults.strike("place.timeout_before"):
            answer = ports.PlacesAnswered(tuple(OutcomeUnknown(i, "timed out") for i in ids))
            return self._exchange(sender, SECOND, lambda: answer)
        delay = self._delay("place")
        if faults.strike("place.timeout_after"):
            unknown = ports.PlacesAnswered(tuple(OutcomeUnknown(i, "timed out") for i in ids))
            self._exchange(sender, delay + SECOND, lambda: unknown)
            return self._exchange(sender, delay, lambda: self._unheard(self._place_all(effect)))
        return self._exchange(sender, delay, lambda: self._place_all(effect))

    def _place_all(self, effect: ports.SendPlaces) -> ports.PlacesAnswered:
        return ports.PlacesAnswered(tuple(self._place(request) for request in effect.orders))

    def _place(self, request: OrderRequest) -> PlaceOutcome:
        self.on_arrival(request)
        if self.faults.strike("place.refused"):
            return Refused(request.client_id, RefusalCode.RULE, "-1013", "a filter says no")
        if self.faults.strike("place.margin"):
            return Refused(request.client_id, RefusalCode.INSUFFICIENT_MARGIN, "-2019", "margin is insufficient")
        rules = self.engine.rules(request.symbol)
        order = engine.NewOrder(
            symbol=request.symbol,
            side=engine.Side(request.side.value.upper()),
            type=engine.OrderType.MARKET if request.price is None else engine.OrderType.LIMIT,
            quantity=rules.quantity(request.quantity),
            price=None if request.price is None else rules.price(request.price),
            time_in_force=engine.TimeInForce.GTX if request.post_only else engine.TimeInForce.GTC,
            reduce_only=request.reduce_only,
            client_id=request.client_id,
        )
        answer = self.engine.place(self.account, order, self.now_ms)
        if isinstance(answer, engine.Rejection):
            code = _REFUSALS.get(answer.code, RefusalCode.RULE)
            self.refused[code.value] += 1
            return Refused(request.client_id, code, str(answer.code), answer.message)
        return Accepted(self.report(answer))

    def _send_cancels(self, sender: ActorRef, effect: ports.SendCancels) -> None:
        self.requests["cancel"] += 1
        faults = self.faults
        ids = [cancel.client_id for cancel in effect.cancels]
        if faults.strike("cancel.not_sent"):
            answer = ports.CancelsAnswered(tuple(NotSent(i, "connection refused", SECOND // 10) for i in ids))
            return self._exchange(sender, 0, lambda: answer)
        if faults.strike("cancel.timeout_before"):
            answer = ports.CancelsAnswered(tuple(OutcomeUnknown(i, "timed out") for i in ids))
            return self._exchange(sender, SECOND, lambda: answer)
        delay = self._delay("cancel")
        if faults.strike("cancel.timeout_after"):
            unknown = ports.CancelsAnswered(tuple(OutcomeUnknown(i, "timed out") for i in ids))
            self._exchange(sender, delay + SECOND, lambda: unknown)
            return self._exchange(sender, delay, lambda: self._unheard(self._cancel_all(effect)))
        return self._exchange(sender, delay, lambda: self._cancel_all(effect))

    def _cancel_all(self, effect: ports.SendCancels) -> ports.CancelsAnswered:
        return ports.CancelsAnswered(tuple(self._cancel(cancel) for cancel in effect.cancels))

    def _cancel(self, cancel: CancelRequest) -> CancelOutcome:
        answer = self.engine.cancel(self.account, cancel.symbol, self.now_ms, client_id=cancel.client_id)
        if isinstance(answer, engine.Rejection):
            code = _REFUSALS.get(answer.code, RefusalCode.OTHER)
            self.refused[f"cancel:{code.value}"] += 1
            return Refused(cancel.client_id, code, str(answer.code), answer.message)
        return Cancelled(cancel.client_id)

    def _find_order(self, sender: ActorRef, effect: ports.FindOrder) -> None:
        self.requests["find"] += 1

        def find() -> object:
            if self.faults.strike("find.failed"):
                return ports.FindFailed(effect.symbol, effect.client_id, "timed out")
            found = self.engine.order(self.account, effect.symbol, client_id=effect.client_id)
            if isinstance(found, engine.Rejection):
                if self._may_still_come(effect.client_id):
                    self._after(SECOND // 10, lambda: self._exchange(sender, 0, find))
                    return None
                return ports.OrderNotKnown(effect.symbol, effect.client_id)
            fills = self.engine.fills(self.account, effect.symbol, order_id=found.order_id, limit=1_000)
            return ports.OrderFound(self.report(found), tuple(self.fill(fill) for fill in fills))

        self._exchange(sender, self._wait(self.latency.request), find)

    def _may_still_come(self, client_id: str) -> bool:
        """Whether a request of this process may still be on its way; the adapter knows that of its own only."""
        return self._unanswered.get(client_id, 0) > self.clock.now()

    def _fetch_truth(self, sender: ActorRef, effect: ports.FetchTruth) -> None:
        """Four requests, one after the other: the venue moves on between them."""
        self.requests["truth"] += 1
        started = self.clock.now()
        symbol, account = effect.symbol, self.account
        line = self.line
        open_orders: list[OrderReport] = []
        found: list[tuple[ClientId, OrderReport | None]] = []
        position: list[Position] = []

        def fetch_open() -> None:
            self.engine.advance(self.now_ms)
            open_orders.extend(self.report(order) for order in self.engine.open_orders(account, symbol))
            self._after(self._wait(self.latency.request), look_up)

        def look_up() -> None:
            still = {report.client_id for report in open_orders}
            asked = [client_id for client_id in effect.client_ids if client_id not in still]
            orders = [self.engine.order(account, symbol, client_id=client_id) for client_id in asked]
            for client_id, order in zip(asked, orders, strict=True):
                if isinstance(order, engine.Rejection) and self._may_still_come(client_id):
                    return self._after(SECOND // 10, look_up)
            for client_id, order in zip(asked, orders, strict=True):
                found.append((client_id, None if isinstance(order, engine.Rejection) else self.report(order)))
            return self._after(self._wait(self.latency.request), fetch_position)

        def fetch_position() -> None:
            held = self.engine.position(account, symbol)
            position.append(Position(symbol, held.amount, held.entry_price))
            self._after(self._wait(self.latency.request), fetch_trades)

        def fetch_trades() -> None:
            after = effect.after_trade
            fills = self.engine.fills(
                account, symbol, from_id=after + 1 if after else None, start=None if after else effect.since // MS,
                limit=100_000,
            )  # fmt: skip
            known = dict(effect.venue_ids)
            known.update({report.venue_id: report.client_id for report in open_orders})
            known.update({report.venue_id: report.client_id for _, report in found if report is not None})
            answer: object = ports.TruthFetched(
                Truth(
                    symbol, tuple(open_orders), tuple(found), position[0],
                    tuple(self._named(self.fill(fill, named=False), known) for fill in fills), started,
                )
            )  # fmt: skip
            if self.faults.strike("truth.failed"):
                answer = ports.TruthFailed(symbol, "timed out")
            if line is not None and line.open:
                line.host.tell(sender, answer)

        self._after(self._wait(self.latency.request), fetch_open)

    @staticmethod
    def _named(fill: Fill, known: dict[str, ClientId]) -> Fill:
        """A trade with its client id, where the order is known."""
        return replace(fill, client_id=known.get(fill.venue_id, fill.client_id))

    def _prepare(self, sender: ActorRef, effect: ports.PrepareSymbol) -> None:
        self.requests["prepare"] += 1

        def prepare() -> object:
            if self.faults.strike("prepare.failed"):
                return ports.SymbolRefused(effect.symbol, "the venue did not answer", False)
            if not self.engine.has_market(effect.symbol):
                return ports.SymbolRefused(effect.symbol, f"this venue does not trade {effect.symbol}", True)
            maker, taker = self.engine.fees(self.account)
            history = self.engine.candles(effect.symbol, "1m", limit=100)[:-1]
            return ports.SymbolPrepared(
                instrument_of(self.engine.rules(effect.symbol)),
                Fees(maker, taker),
                self._account_state(),
                self.engine.position(self.account, effect.symbol).leverage,
                tuple(self._candle(effect.symbol, candle, True) for candle in history),
                0,
            )

        self._exchange(sender, self._wait(self.latency.request), prepare)

    def _account_state(self) -> AccountState:
        summary = self.engine.summary(self.account)
        return AccountState(summary.wallet, summary.available, False, True, summary.margin_balance)

    def _fetch_account(self, sender: ActorRef, effect: ports.FetchAccount) -> None:
        self.requests["account"] += 1
        self._exchange(sender, self._wait(self.latency.request), lambda: ports.AccountFetched(self._account_state()))

    def _fetch_positions(self, sender: ActorRef, effect: ports.FetchPositions) -> None:
        self.requests["positions"] += 1

        def fetch() -> object:
            held = [self.engine.position(self.account, symbol) for symbol in self.engine.symbols()]
            return ports.PositionsFetched(
                tuple(
                    Position(view.symbol, view.amount, view.entry_price, view.liquidation_price)
                    for view in held
                    if view.amount
                )
            )

        self._exchange(sender, self._wait(self.latency.request), fetch)

    def _fetch_candles(self, sender: ActorRef, effect: ports.FetchCandles) -> None:
        self.requests["candles"] += 1

        def fetch() -> object:
            past = self.engine.candles(effect.symbol, effect.interval, limit=effect.limit + 1)[:-1]
            candles = tuple(self._candle(effect.symbol, candle, True) for candle in past)
            return ports.CandlesFetched(effect.symbol, effect.interval, candles)

        self._exchange(sender, self._wait(self.latency.request), fetch)

    def _subscribe(self, sender: ActorRef, effect: ports.Subscribe) -> None:
        symbol = effect.instrument.symbol

        def subscribed() -> None:
            if self.line is not None:
                self.subscribed.add(symbol)
                self.on_engine_event(self.engine.book_ticker(symbol))

        self._after(self._wait(self.latency.request), subscribed)

    def _unsubscribe(self, sender: ActorRef, effect: ports.Unsubscribe) -> None:
        self.subscribed.discard(effect.symbol)
