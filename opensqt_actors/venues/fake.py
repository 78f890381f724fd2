"""A venue in memory that keeps the contract of `Venue`: for tests of drivers and actors, driven by hand, without time.

Prices move only through `set_price`, troubles come only through `trouble`. It has one account, maker fills at the
order's price and taker fills at the quote, no leverage brackets, no liquidation: that is the simulated venue's job.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum, auto

from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.actors.ports import CandleSeen, MarkSeen, OrderEvent, Published, StreamDown, StreamUp
from opensqt_actors.domain.ids import ClientId
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
)
from opensqt_actors.venues.port import EventSink, FundingDue, QuoteSink, VenueError

MINUTE = 60_000_000_000
_SIGN = {Side.BUY: 1, Side.SELL: -1}


class Trouble(Enum):
    """What befalls the next request of a kind. The two UNKNOWNs look alike to the caller."""

    UNKNOWN_BUT_DONE = auto()
    UNKNOWN_AND_LOST = auto()
    NOT_SENT = auto()


class _Book(Struct):
    """The quote of one symbol, ticks; None before the first price. entry_cost: signed quanta paid for the position."""

    instrument: Instrument
    bid: int = 0
    position: int = 0
    entry_cost: int = 0
    last_trade: int = 0

    @property
    def ask(self) -> int:
        return self.bid + 1


class FakeVenue:
    """See `Venue`. now: ns, moved by the test. leverage: 10 unless changed."""

    def __init__(
        self, instruments: Iterable[Instrument], *, balance: Decimal = Decimal(100_000), fees: Fees | None = None
    ) -> None:
        self.published = Published(place_batch=5, cancel_batch=10)
        self.now = 1_700_000_000_000_000_000
        self.balance = balance
        self.can_trade = True
        self.hedged = False
        self.dead_man: dict[str, int] = {}
        self.payments: list[FundingPayment] = []
        self.requests: list[str] = []
        self.not_trading: dict[str, str] = {}
        self.hidden: dict[str, Instrument] = {}
        self._fees = fees or Fees(Decimal("0.0002"), Decimal("0.0005"))
        self._books = {instrument.symbol: _Book(instrument) for instrument in instruments}
        self._orders: dict[ClientId, tuple[OrderRequest, OrderReport]] = {}
        self._fills: list[Fill] = []
        self._candles: dict[str, list[Candle]] = {}
        self._leverage: dict[str, int] = {}
        self._subscribed: set[str] = set()
        self._heard: dict[str, int] = {}
        self._troubles: dict[str, deque[Trouble]] = {}
        self._next_order = 1
        self._up = False
        self._was_up = False
        self._prices_told = False
        self._on_quote: QuoteSink
        self._on_event: EventSink

    def set_price(self, symbol: str, bid: int) -> None:
        """Move the market: the ask is one tick above. Resting orders that the price passes fill, best first."""
        book = self._books[symbol]
        book.bid = bid
        crossed = [
            (request, report)
            for request, report in self._resting(symbol)
            if request.price is not None
            and (request.price >= book.ask if request.side is Side.BUY else request.price <= book.bid)
        ]
        for request, report in sorted(crossed, key=lambda pair: -_SIGN[pair[0].side] * (pair[0].price or 0)):
            self._fill(request, report.quantity - report.filled, request.price or 0, maker=True)
        self._quote(symbol)

    def fill_part(self, client_id: ClientId, steps: int) -> None:
        """Fill a part of a resting order."""
        request, _ = self._orders[client_id]
        self._fill(request, steps, request.price or 0, maker=True)

    def close_candle(self, candle: Candle) -> None:
        """A candle has closed."""
        self._candles.setdefault(candle.symbol, []).append(candle)
        if candle.symbol in self._subscribed:
            self._on_event(CandleSeen(candle))

    def mark(self, symbol: str, ticks: int) -> None:
        """Tell a mark price."""
        if symbol in self._subscribed:
            self._on_event(MarkSeen(symbol, ticks))

    def pay_funding(self, payment: FundingPayment) -> None:
        """Book a payment; the stream only says that there is one."""
        self.payments.append(payment)
        self._on_event(FundingDue())

    def lose_orders_stream(self, reason: str = "lost") -> None:
        """From now on order events are not told."""
        self._up = False
        self._on_event(StreamDown("orders", reason))

    def regain_orders_stream(self) -> None:
        """Order events are told again; what happened meanwhile is not."""
        reconnected, self._up, self._was_up = self._was_up, True, True
        self._on_event(StreamUp("orders", reconnected))

    def trouble(self, kind: str, *troubles: Trouble) -> None:
        """What befalls the next requests of a kind: place, cancel, or the name of a query."""
        self._troubles.setdefault(kind, deque()).extend(troubles)

    async def open(self, on_quote: QuoteSink, on_event: EventSink) -> None:
        self._on_quote, self._on_event = on_quote, on_event
        self.regain_orders_stream()

    async def close(self) -> None:
        self._up = False
        self._subscribed.clear()

    async def refresh(self) -> None:
        self._asked("refresh")
        for symbol, instrument in self.hidden.items():
            self._books.setdefault(symbol, _Book(instrument))

    def instruments(self) -> Mapping[str, Instrument]:
        return {s: book.instrument for s, book in self._books.items() if s not in self.not_trading}

    def closed(self) -> Mapping[str, str]:
        return self.not_trading

    def usage(self) -> Mapping[str, int]:
        return {"requests": len(self.requests), "clock_offset_ns": 0}

    def last_frame(self, symbol: str) -> int | None:
        return self._heard.get(symbol)

    async def resubscribe(self, symbol: str) -> None:
        self.requests.append(f"resubscribe {symbol}")

    async def fees(self, symbol: str) -> Fees:
        self._asked("fees", symbol)
        return self._fees

    async def leverage(self, symbol: str) -> int:
        self._asked("leverage", symbol)
        return self._leverage.get(symbol, 10)

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        self._asked("set_leverage", symbol)
        self._leverage[symbol] = leverage
        return leverage

    async def arm_dead_man(self, symbol: str, seconds: int) -> None:
        self._asked("arm_dead_man", symbol)
        self.dead_man[symbol] = seconds

    async def account(self) -> AccountState:
        self._asked("account")
        return AccountState(self.balance, self._available(), self.hedged, self.can_trade, self.balance)

    async def place(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        self.requests.append(f"place {len(orders)}")
        trouble = self._next_trouble("place")
        if trouble is Trouble.NOT_SENT:
            return [NotSent(order.client_id, "not connected") for order in orders]
        if trouble is Trouble.UNKNOWN_AND_LOST:
            return [OutcomeUnknown(order.client_id, "no answer") for order in orders]
        outcomes = [self._place(order) for order in orders]
        if trouble is Trouble.UNKNOWN_BUT_DONE:
            return [OutcomeUnknown(order.client_id, "no answer") for order in orders]
        return outcomes

    async def cancel(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        self.requests.append(f"cancel {len(cancels)}")
        trouble = self._next_trouble("cancel")
        if trouble is Trouble.NOT_SENT:
            return [NotSent(cancel.client_id, "not connected") for cancel in cancels]
        if trouble is Trouble.UNKNOWN_AND_LOST:
            return [OutcomeUnknown(cancel.client_id, "no answer") for cancel in cancels]
        outcomes = [self._cancel(cancel) for cancel in cancels]
        if trouble is Trouble.UNKNOWN_BUT_DONE:
            return [OutcomeUnknown(cancel.client_id, "no answer") for cancel in cancels]
        return outcomes

    async def find(self, symbol: str, client_id: ClientId) -> OrderReport | None:
        self._asked("find", symbol)
        found = self._orders.get(client_id)
        return found[1] if found is not None and found[0].symbol == symbol else None

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        self._asked("open_orders", symbol)
        return [report for _, report in self._resting(symbol)]

    async def trades(self, symbol: str, after_trade: int, since: int) -> Sequence[Fill]:
        self._asked("trades", symbol)
        mine = [replace(fill, client_id=ClientId("")) for fill in self._fills if fill.symbol == symbol]
        return [fill for fill in mine if (fill.trade_id > after_trade if after_trade else fill.at >= since)]

    async def order_trades(self, symbol: str, venue_id: str) -> Sequence[Fill]:
        self._asked("order_trades", symbol)
        mine = [fill for fill in self._fills if fill.symbol == symbol and fill.venue_id == venue_id]
        return [replace(fill, client_id=ClientId("")) for fill in mine]

    async def position(self, symbol: str) -> Position:
        self._asked("position", symbol)
        book = self._books[symbol]
        if not book.position:
            return Position(symbol, 0, Decimal(0))
        return Position(symbol, book.position, book.entry_cost * book.instrument.tick / book.position)

    async def positions(self) -> Sequence[Position]:
        held = [symbol for symbol, book in self._books.items() if book.position]
        return [await self.position(symbol) for symbol in held]

    async def funding(self, since: int) -> Sequence[FundingPayment]:
        self._asked("funding")
        return [payment for payment in self.payments if payment.at >= since]

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        self._asked("candles", symbol)
        return self._candles.get(symbol, [])[-limit:]

    async def subscribe(self, instrument: Instrument) -> None:
        self._subscribed.add(instrument.symbol)
        if not self._prices_told:
            self._prices_told = True
            self._on_event(StreamUp("prices", False))
        if self._books[instrument.symbol].bid:
            self._quote(instrument.symbol)

    async def unsubscribe(self, symbol: str) -> None:
        self._subscribed.discard(symbol)

    def _asked(self, query: str, symbol: str = "") -> None:
        self.requests.append(f"{query} {symbol}".strip())
        if self._next_trouble(query) is not None:
            raise VenueError(f"{query}: no answer")
        if symbol and symbol not in self.instruments():
            raise VenueError(f"{symbol} does not trade on this venue", final=True)

    def _next_trouble(self, kind: str) -> Trouble | None:
        waiting = self._troubles.get(kind)
        return waiting.popleft() if waiting else None

    def _place(self, order: OrderRequest) -> PlaceOutcome:
        refused = self._refusal(order)
        if refused is not None:
            return refused
        book = self._books[order.symbol]
        report = OrderReport(
            client_id=order.client_id,
            symbol=order.symbol,
            venue_id=str(self._next_order),
            side=order.side,
            status=OrderStatus.NEW,
            price=order.price or 0,
            quantity=order.quantity,
            filled=0,
            at=self.now,
        )
        self._next_order += 1
        self._report(order, report, None)
        touch = book.ask if order.side is Side.BUY else book.bid
        if order.price is None or _SIGN[order.side] * (order.price - touch) >= 0:
            self._fill(order, order.quantity, touch, maker=False)
        return Accepted(self._orders[order.client_id][1])

    def _refusal(self, order: OrderRequest) -> Refused | None:
        def no(code: RefusalCode, venue_code: str, message: str) -> Refused:
            return Refused(order.client_id, code, venue_code, message)

        if order.symbol not in self.instruments():
            return no(RefusalCode.SYMBOL_CLOSED, "-1121", "Invalid symbol.")
        book = self._books[order.symbol]
        known = self._orders.get(order.client_id)
        touch = book.ask if order.side is Side.BUY else book.bid
        price = order.price if order.price is not None else touch
        if known is not None and not known[1].status.terminal:
            return no(RefusalCode.DUPLICATE_ID, "-4116", "ClientOrderId is duplicated.")
        too_small = book.instrument.too_small(price, order.quantity)
        if too_small is not None and not order.reduce_only:
            return no(RefusalCode.RULE, "-4164", too_small)
        if order.reduce_only and _SIGN[order.side] * book.position >= 0:
            return no(RefusalCode.REDUCE_ONLY, "-2022", "ReduceOnly Order is rejected.")
        if order.post_only and order.price is not None and _SIGN[order.side] * (order.price - touch) >= 0:
            return no(RefusalCode.WOULD_CROSS, "-5022", "The order would cross.")
        if not order.reduce_only and book.instrument.money(price * order.quantity) > 10 * self._available():
            return no(RefusalCode.INSUFFICIENT_MARGIN, "-2019", "Margin is insufficient.")
        return None

    def _cancel(self, cancel: CancelRequest) -> CancelOutcome:
        found = self._orders.get(cancel.client_id)
        if found is None or found[1].status.terminal:
            return Refused(cancel.client_id, RefusalCode.UNKNOWN_ORDER, "-2011", "Unknown order sent.")
        self._report(found[0], replace(found[1], status=OrderStatus.CANCELED, at=self.now), None)
        return Cancelled(cancel.client_id)

    def _fill(self, order: OrderRequest, steps: int, price: int, *, maker: bool) -> None:
        book, report = self._books[order.symbol], self._orders[order.client_id][1]
        book.last_trade += 1
        signed = _SIGN[order.side] * steps
        if book.position * signed < 0:
            kept = max(0, abs(book.position) - steps)
            book.entry_cost = book.entry_cost * kept // abs(book.position)
            opened = signed + book.position if abs(signed) > abs(book.position) else 0
            book.entry_cost += opened * price
        else:
            book.entry_cost += signed * price
        book.position += signed
        rate = self._fees.maker if maker else self._fees.taker
        filled = report.filled + steps
        fill = Fill(
            symbol=order.symbol,
            trade_id=book.last_trade,
            client_id=order.client_id,
            venue_id=report.venue_id,
            side=order.side,
            price=price,
            quantity=steps,
            fee=book.instrument.money(price * steps) * rate,
            fee_asset=book.instrument.quote,
            maker=maker,
            at=self.now,
        )
        self._fills.append(fill)
        done = filled == report.quantity
        status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        self._report(order, replace(report, status=status, filled=filled, at=self.now), fill)

    def _report(self, order: OrderRequest, report: OrderReport, fill: Fill | None) -> None:
        self._orders[order.client_id] = (order, report)
        if self._up:
            self._on_event(OrderEvent(report, fill))

    def _resting(self, symbol: str) -> list[tuple[OrderRequest, OrderReport]]:
        return [pair for pair in self._orders.values() if pair[0].symbol == symbol and not pair[1].status.terminal]

    def _available(self) -> Decimal:
        used = Decimal(0)
        for book in self._books.values():
            at_risk = sum(
                (r.price or book.bid) * (s.quantity - s.filled) for r, s in self._resting(book.instrument.symbol)
            )
            used += book.instrument.money(abs(book.entry_cost) + at_risk) / 10
        return max(Decimal(0), self.balance - used)

    def _quote(self, symbol: str) -> None:
        book = self._books[symbol]
        if symbol in self._subscribed:
            self._heard[symbol] = self.now
            bid, ask = book.instrument.price(book.bid), book.instrument.price(book.ask)
            self._on_quote(symbol, f"{bid:f}", f"{ask:f}", self.now)
