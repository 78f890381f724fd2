"""The venue as the fleet sees it: the simulated engine behind every effect that leaves for a venue, with latencies.

It outlives the process: what a dead process had sent still arrives. What is asked for fails by seed in every way that
the adapter knows: before or after the venue has carried it out, for certain or not, with or without an answer.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from fleet.connection import SECOND, Connection, Latency, Line
from fleet.faults import REFUSED, Faults
from fleet.translate import MS, REFUSALS, candle_of, fill_of, instrument_of, report_of
from msgspec.structs import replace

from opensqt_actors.actors import ports
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import (
    Accepted,
    AccountState,
    Cancelled,
    CancelOutcome,
    CancelRequest,
    Fees,
    Fill,
    NotSent,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
    PlaceOutcome,
    Position,
    RefusalCode,
    Refused,
    Truth,
)
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock
from opensqt_actors.runtime.kernel import ActorRef, Host
from opensqt_actors.simvenue import events as engine
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.venues.procedures import filled_by, tell_of_others

LATEST = {"place": ports.REQUEST_WINDOW // MS - 100, "cancel": 4_900}
"""ms: what comes later than that the venue refuses as too old; see `Tuning` of the adapter."""
__all__ = ["MS", "SECOND", "Latency", "SimulatedVenue"]

GRACE = SECOND // 2


class SimulatedVenue(Connection):
    """One account on the engine, and the ways to it.

    on_arrival: an order reaches the venue; on_send: it leaves the process; failpoint: a named moment around a send, at
    which the process may die; process_now: the process's own clock, ns; twins: client ids
    of requests that came twice; may_double: whether one may.
    veto: a class of refusal for an order, or None; offline: no request gets through, none is answered.
    """

    def __init__(
        self, exchange: Exchange, account: str, clock: ManualClock, seed: int, faults: Faults, latency: Latency
    ) -> None:
        super().__init__(exchange, account, clock, seed, faults, latency)
        self.on_arrival: Callable[[OrderRequest], None] = lambda request: None
        self.on_send: Callable[[OrderRequest, int], None] = lambda request, now: None
        self.may_double: Callable[[OrderRequest], bool] = lambda request: True
        self.veto: Callable[[OrderRequest], RefusalCode | None] = lambda request: None
        self.offline = False
        self.hedged = False
        self.can_trade = True
        self.failpoint: Callable[[str], None] = lambda name: None
        self.process_now: Callable[[], int] = clock.now
        self.sent: deque[tuple[int, int]] = deque()
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.paused_until = 0
        self._paused_since = 0
        self._told_pause: Line | None = None
        self._unanswered: dict[str, int] = {}

    def connect(self, host: Host, board: PriceBoard, exchange: ActorId) -> None:
        """A process connects; its order stream comes up after a moment."""
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
        self._connect_streams(Line(host, board, exchange))

    # --- requests ----------------------------------------------------------------------------------------------------

    def _exchange(self, sender: ActorRef, delay: int, carry_out: Callable[[], object | None]) -> None:
        """Carry a request out when it arrives, and answer when the answer does, if the sender still lives."""
        line = self.line

        def arrive() -> None:
            if line is not None and line.cut and self.clock.now() > line.cut + GRACE:
                return
            answer = carry_out()
            if answer is not None:
                late = self.faults.strike("answer.late")
                wait = self.faults.random.randint(500, 8_000) * MS if late else self._wait(self.latency.answer)
                self._after(wait, lambda: reply(answer))

        def reply(answer: object) -> None:
            if line is not None and line.open:
                line.host.tell(sender, answer)

        self._after(delay, arrive)

    def _paused(self, request: str, *, checked: bool = True) -> int:
        """ns for which the venue takes no request; told anew to a process that does not know of it.

        checked: whether the ExchangeActor should have known that.
        """
        now, line = self.clock.now(), self.line
        left = self.paused_until - now
        if left <= 0 or line is None:
            return 0
        if self._told_pause is not line:
            self._tell_pause(left, "still banned")
        elif checked and now > self._paused_since and not self._forgetful:
            self.violations.append(f"a request was made while the venue wanted a pause: {request}")
        return left

    def _tell_pause(self, wait: int, detail: str, *, banned: bool = True) -> None:
        line = self.line
        if line is not None:
            self._told_pause = line
            self._paused_since = self.clock.now()
            self.paused_until = max(self.paused_until, self._paused_since + wait)
            self._tell(line, ports.Throttled(wait, banned, detail))

    @property
    def _forgetful(self) -> bool:
        """Whether the actor that keeps the pause in mind has failed, or its clock; the adapter keeps it, too."""
        counts = self.faults.counts
        return bool(counts["exchange.crashed"] or counts["shard.crashed"] or counts["clock.jumped"])

    def _ban(self) -> int:
        """A 418 instead of an answer; ns to wait."""
        if not self.faults.strike("venue.banned"):
            return 0
        wait = self.faults.random.randint(2_000, 15_000) * MS
        self._tell_pause(wait, "banned")
        return wait

    @staticmethod
    def _unheard(answer: object) -> None:
        """What was carried out and whose answer is lost."""

    def _delay(self, kind: str) -> int:
        if self.faults.strike(f"{kind}.late"):
            return self.faults.random.randint(500, LATEST[kind]) * MS
        return self._wait(self.latency.request)

    def _send_places(self, sender: ActorRef, effect: ports.SendPlaces) -> None:
        self.failpoint("place.before_send")
        self._places(sender, effect)
        self.failpoint("place.after_send")

    def _places(self, sender: ActorRef, effect: ports.SendPlaces) -> None:
        self.requests["place"] += 1
        self.sent.append((self.clock.now(), len(effect.orders)))
        for request in effect.orders:
            self.on_send(request, self.clock.now())
        faults = self.faults
        ids = [order.client_id for order in effect.orders]
        self._unanswered.update((client_id, self.clock.now() + ports.REQUEST_WINDOW) for client_id in ids)
        held = self._paused("place") or self._ban()
        if held:
            answer = ports.PlacesAnswered(tuple(NotSent(i, "banned", held) for i in ids))
            return self._exchange(sender, 0, lambda: answer)
        if faults.strike("place.not_sent"):
            answer = ports.PlacesAnswered(tuple(NotSent(i, "connection refused", SECOND // 10) for i in ids))
            return self._exchange(sender, 0, lambda: answer)
        if faults.strike("place.throttled"):
            wait = faults.random.randint(500, 5_000) * MS
            answer = ports.PlacesAnswered(tuple(NotSent(i, "too many requests", wait) for i in ids))
            self._tell_pause(wait, "too many requests", banned=False)
            return self._exchange(sender, 0, lambda: answer)
        if self.offline or faults.strike("place.timeout_before"):
            answer = ports.PlacesAnswered(tuple(OutcomeUnknown(i, "timed out") for i in ids))
            return self._exchange(sender, SECOND, lambda: answer)
        delay = self._delay("place")
        if faults.strike("place.timeout_after"):
            unknown = ports.PlacesAnswered(tuple(OutcomeUnknown(i, "timed out") for i in ids))
            self._exchange(sender, delay + SECOND, lambda: unknown)
            return self._exchange(sender, delay, lambda: self._unheard(self._place_all(effect)))
        if all(map(self.may_double, effect.orders)) and faults.strike("place.doubled"):
            self.twins.update(ids)
            again = min(delay + faults.random.randint(1, 400) * MS, LATEST["place"] * MS)
            self._exchange(sender, again, lambda: self._place_again(effect))
        return self._exchange(sender, delay, lambda: self._place_all(effect))

    def _place_again(self, effect: ports.SendPlaces) -> None:
        """Only what the venue has taken before comes twice: a refusal is final."""
        for request in filter(self.may_double, effect.orders):
            known = self.engine.order(self.account, request.symbol, client_id=request.client_id)
            if not isinstance(known, engine.Rejection):
                self._place(request)

    def _place_all(self, effect: ports.SendPlaces) -> ports.PlacesAnswered:
        return ports.PlacesAnswered(tuple(self._place(request) for request in effect.orders))

    def _place(self, request: OrderRequest) -> PlaceOutcome:
        self.on_arrival(request)
        vetoed = self.veto(request)
        if vetoed is not None:
            self.refused[vetoed.value] += 1
            return Refused(request.client_id, vetoed, "-1", "the venue does not want it")
        for kind, (refusal, venue_code, sentence) in REFUSED.items():
            if self.faults.strike(kind):
                return Refused(request.client_id, refusal, venue_code, sentence)
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
            code = REFUSALS.get(answer.code, RefusalCode.RULE)
            self.refused[code.value] += 1
            return Refused(request.client_id, code, str(answer.code), answer.message)
        if self.faults.strike("place.lies"):
            return Refused(request.client_id, RefusalCode.OTHER, "-1000", "an unknown error occurred")
        return Accepted(report_of(answer))

    def _send_cancels(self, sender: ActorRef, effect: ports.SendCancels) -> None:
        self.failpoint("cancel.before_send")
        self._cancels(sender, effect)
        self.failpoint("cancel.after_send")

    def _cancels(self, sender: ActorRef, effect: ports.SendCancels) -> None:
        self.requests["cancel"] += 1
        faults = self.faults
        ids = [cancel.client_id for cancel in effect.cancels]
        held = self._paused("cancel") or self._ban()
        if held:
            answer = ports.CancelsAnswered(tuple(NotSent(i, "banned", held) for i in ids))
            return self._exchange(sender, 0, lambda: answer)
        if faults.strike("cancel.not_sent"):
            answer = ports.CancelsAnswered(tuple(NotSent(i, "connection refused", SECOND // 10) for i in ids))
            return self._exchange(sender, 0, lambda: answer)
        if self.offline or faults.strike("cancel.timeout_before"):
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
        if self.faults.strike("cancel.refused"):
            return Refused(cancel.client_id, RefusalCode.UNKNOWN_ORDER, "-2011", "unknown order sent")
        answer = self.engine.cancel(self.account, cancel.symbol, self.now_ms, client_id=cancel.client_id)
        if isinstance(answer, engine.Rejection):
            code = REFUSALS.get(answer.code, RefusalCode.OTHER)
            self.refused[f"cancel:{code.value}"] += 1
            return Refused(cancel.client_id, code, str(answer.code), answer.message)
        return Cancelled(cancel.client_id)

    def _find_order(self, sender: ActorRef, effect: ports.FindOrder) -> None:
        self.requests["find"] += 1

        held = self._paused("find")
        rules = self.engine.rules(effect.symbol)

        def find() -> object:
            if held:
                return ports.FindFailed(effect.symbol, effect.client_id, "banned", held)
            if self.offline or self.faults.strike("find.failed"):
                return ports.FindFailed(effect.symbol, effect.client_id, "timed out")
            found = self.engine.order(self.account, effect.symbol, client_id=effect.client_id)
            if isinstance(found, engine.Rejection):
                if self._may_still_come(effect.client_id):
                    self._after(SECOND // 10, lambda: self._exchange(sender, 0, find))
                    return None
                return ports.OrderNotKnown(effect.symbol, effect.client_id)
            fills = self.engine.fills(self.account, effect.symbol, order_id=found.order_id, limit=1_000)
            return ports.OrderFound(report_of(found), tuple(fill_of(fill, rules) for fill in fills))

        self._exchange(sender, self._wait(self.latency.request), find)

    def _may_still_come(self, client_id: str) -> bool:
        """Whether a request of this process may still be on its way; the adapter knows that of its own only."""
        return self._unanswered.get(client_id, 0) > self.clock.now()

    def _fetch_truth(self, sender: ActorRef, effect: ports.FetchTruth) -> None:
        """Requests one after the other, in the order in which the adapter makes them: the venue moves on meanwhile."""
        self.requests["truth"] += 1
        started = self.process_now()
        held = self._paused("truth")
        rules = self.engine.rules(effect.symbol)
        symbol, account = effect.symbol, self.account
        line = self.line
        open_orders: list[OrderReport] = []
        found: list[tuple[ClientId, OrderReport | None]] = []
        position: list[Position] = []
        trades: list[Fill] = []

        def fetch_open() -> None:
            self.engine.advance(self.now_ms)
            open_orders.extend(report_of(order) for order in self.engine.open_orders(account, symbol))
            self._after(self._wait(self.latency.request), fetch_position)

        def fetch_position() -> None:
            held = self.engine.position(account, symbol)
            position.append(Position(symbol, held.amount, held.entry_price))
            self._after(self._wait(self.latency.request), fetch_trades)

        def fetch_trades() -> None:
            after = effect.after_trade
            trades[:] = (
                fill_of(fill, rules, named=False)
                for fill in self.engine.fills(
                    account, symbol, from_id=after + 1 if after else None,
                    start=None if after else effect.since // MS, limit=100_000,
                )
            )  # fmt: skip
            self._after(self._wait(self.latency.request), tell if found else look_up)

        def look_up() -> None:
            still = {report.client_id for report in open_orders}
            whole = filled_by(trades, effect.if_filled)
            missing = [client_id for client_id in effect.client_ids if client_id not in still]
            asked = [client_id for client_id in missing if client_id not in whole]
            orders = {client_id: self.engine.order(account, symbol, client_id=client_id) for client_id in asked}
            for client_id, order in orders.items():
                if isinstance(order, engine.Rejection) and self._may_still_come(client_id):
                    return self._after(SECOND // 10, look_up)
            looked_up = {c: None if isinstance(o, engine.Rejection) else report_of(o) for c, o in orders.items()}
            found.extend((client_id, whole.get(client_id) or looked_up.get(client_id)) for client_id in missing)
            again = tell_of_others([report for report in looked_up.values() if report is not None], trades)
            return self._after(self._wait(self.latency.request), fetch_trades) if again else tell()

        def tell() -> None:
            known = dict(effect.venue_ids)
            known.update({report.venue_id: report.client_id for report in open_orders})
            known.update({report.venue_id: report.client_id for _, report in found if report is not None})
            answer: object = ports.TruthFetched(
                Truth(
                    symbol, tuple(open_orders), tuple(found), position[0],
                    tuple(self._named(fill, known) for fill in trades), started,
                )
            )  # fmt: skip
            if self.offline or self.faults.strike("truth.failed"):
                answer = ports.TruthFailed(symbol, "timed out")
            if line is not None and line.open:
                line.host.tell(sender, answer)

        if held:
            return self._exchange(sender, 0, lambda: ports.TruthFailed(symbol, "banned", held))
        return self._after(self._wait(self.latency.request), fetch_open)

    @staticmethod
    def _named(fill: Fill, known: dict[str, ClientId]) -> Fill:
        """A trade with its client id, where the order is known."""
        return replace(fill, client_id=known.get(fill.venue_id, fill.client_id))

    def _prepare(self, sender: ActorRef, effect: ports.PrepareSymbol) -> None:
        self.requests["prepare"] += 1
        held = self._paused("prepare", checked=False)

        def prepare() -> object:
            if held or self.offline or self.faults.strike("prepare.failed"):
                return ports.SymbolRefused(effect.symbol, "the venue did not answer", False)
            if not self.engine.has_market(effect.symbol):
                return ports.SymbolRefused(effect.symbol, f"this venue does not trade {effect.symbol}", True)
            maker, taker = self.engine.fees(self.account)
            history = self.engine.candles(effect.symbol, "1m", limit=100)[:-1] if effect.history else []
            rules = self.engine.rules(effect.symbol)
            return ports.SymbolPrepared(
                instrument_of(rules),
                Fees(maker, taker),
                self._account_state(),
                self.engine.position(self.account, effect.symbol).leverage,
                tuple(candle_of(candle, rules, True) for candle in history),
                self.clock.now() - self.process_now(),
            )

        self._exchange(sender, self._wait(self.latency.request), prepare)

    def _account_state(self) -> AccountState:
        summary = self.engine.summary(self.account)
        return AccountState(summary.wallet, summary.available, self.hedged, self.can_trade, summary.margin_balance)

    def _fetch_account(self, sender: ActorRef, effect: ports.FetchAccount) -> None:
        self.requests["account"] += 1
        held = self._paused("account")

        def fetch() -> object:
            return (
                ports.AccountFailed("no answer")
                if held or self.offline
                else ports.AccountFetched(self._account_state())
            )

        self._exchange(sender, self._wait(self.latency.request), fetch)

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
            candles = tuple(candle_of(candle, self.engine.rules(effect.symbol), True) for candle in past)
            return ports.CandlesFetched(effect.symbol, effect.interval, candles)

        self._exchange(sender, self._wait(self.latency.request), fetch)

    def _subscribe(self, sender: ActorRef, effect: ports.Subscribe) -> None:
        symbol = effect.instrument.symbol

        def subscribed() -> None:
            if self.line is not None and symbol not in self.deaf:
                self.subscribed.add(symbol)
                self.on_engine_event(self.engine.book_ticker(symbol))

        self._after(self._wait(self.latency.request), subscribed)

    def _unsubscribe(self, sender: ActorRef, effect: ports.Unsubscribe) -> None:
        self.subscribed.discard(effect.symbol)
