"""The simulated exchange: markets, accounts and the matching between them, on a time that the caller passes in.

Synchronous, deterministic, no I/O and no clock: same seed and same calls, same events. Not the wire: see `server`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from opensqt_actors.simvenue import checks
from opensqt_actors.simvenue.account import Account
from opensqt_actors.simvenue.book import LiveOrder
from opensqt_actors.simvenue.calendar import Calendar
from opensqt_actors.simvenue.events import (
    ConfigUpdate,
    Event,
    ExpiryReason,
    MarginType,
    MarketStatus,
    NewOrder,
    Order,
    OrderStatus,
    Rejection,
    Side,
    StatusChange,
    TimeInForce,
)
from opensqt_actors.simvenue.markets.market import HOUR, Market, first_id
from opensqt_actors.simvenue.markets.model import CommonFactor, MarketModel, Move
from opensqt_actors.simvenue.matching import Matching
from opensqt_actors.simvenue.queries import Queries
from opensqt_actors.simvenue.rules import MarketRules

MAX_WAITING = 5_000_000


class EventsNotDrained(RuntimeError):
    """Millions of events wait because nobody drains them: pass a sink, or call `drain`."""


class Exchange(Queries):
    """All calls that take `now` (ms since the epoch) first advance the venue to it; time never goes back.

    What a trader may get wrong is answered with a `Rejection`: `place`, `amend`, `cancel`, `order` and the settings
    refuse an unknown symbol with -1121. Elsewhere an unknown account or symbol is a `KeyError` (see `has_account`,
    `has_market`).
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        now: int = 0,
        sink: Callable[[Event], None] | None = None,
        intervals: Sequence[str] = ("1m", "3m", "5m"),
        history: int = 200_000,
        market_events: bool = True,
    ) -> None:
        """`sink` gets each event as it happens; without it they wait for `drain`. `intervals` are those of the candle
        events. `history` bounds fills, closed orders and income kept per account. With `market_events=False` only
        account events are made (an in-process simulation that does not watch the market). Ids of orders and income
        begin with `now`, those of trades with the listing's time: a venue that is started again never uses one twice.
        """
        self._waiting: list[Event] = []
        self._emit: Callable[[Event], None] = sink if sink is not None else self._wait
        self._seed, self._common = seed, CommonFactor(seed)
        self._intervals, self._history, self._watched = tuple(intervals), history, market_events
        self._accounts: dict[str, Account] = {}
        self._markets: dict[str, Market] = {}
        self._matching = Matching(self._accounts, self._emit, first_id(now))
        self._calendar = Calendar(now)

    def _wait(self, event: Event) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise EventsNotDrained(f"{MAX_WAITING} events wait: give the exchange a sink, or call drain().")
        self._waiting.append(event)

    # --- accounts and markets ---

    def add_account(
        self,
        key: str,
        balance: Decimal,
        *,
        maker: Decimal = Decimal("0.0002"),
        taker: Decimal = Decimal("0.0005"),
        hedge_mode: bool = False,
    ) -> None:
        """Open an account with a wallet balance and its fee rates. ValueError when the key is taken."""
        if key in self._accounts:
            raise ValueError(f"There is an account {key!r} already.")
        self._accounts[key] = Account(key, balance, maker, taker, self._history, hedge=hedge_mode)

    def add_market(self, rules: MarketRules, model: MarketModel, now: int, *, past_candles: int = 0) -> None:
        """List a market; its prices start with the model's first one. Up to `past_candles` one-minute candles before
        that come from the model too. ValueError when the symbol is listed already."""
        self.advance(now)
        if rules.symbol in self._markets:
            raise ValueError(f"{rules.symbol} is listed already.")
        market = Market(
            rules,
            model,
            self._seed,
            self._common,
            self._calendar.now,
            self._emit,
            self._intervals,
            watched=self._watched,
            past_candles=past_candles,
        )
        self._markets[rules.symbol] = market
        self._calendar.follow(market)
        if self._watched:
            self._emit(StatusChange(rules.symbol, MarketStatus.TRADING, self._calendar.now))

    # --- time ---

    def advance(self, now: int) -> None:
        """Run everything that is due up to and including `now`: market steps, candle closes, mark prices, funding,
        liquidation, dead-man switches."""
        calendar = self._calendar
        while calendar.due <= now:
            self._happen(calendar)
        calendar.now = max(calendar.now, now)

    def _happen(self, calendar: Calendar) -> None:
        """One moment, in this order: candles close, markets move, marks and funding, dead-man switches."""
        now, second, stepping = calendar.next()
        if second:
            for market in self._markets.values():
                market.roll(now)
        for market in stepping:
            if not market.paused:
                for move in market.model.step(now):
                    self._matching.move(market, move, now)
        if second:
            self._each_second(now)
        for account in self._accounts.values():
            for symbol in [symbol for symbol, due in account.countdowns.items() if due <= now]:
                del account.countdowns[symbol]
                self._cancel_all(account, symbol, now)
        self._remind()

    def _remind(self) -> None:
        self._calendar.remind(min((d for a in self._accounts.values() for d in a.countdowns.values()), default=0))

    def _each_second(self, now: int) -> None:
        for market in self._markets.values():
            if market.status is not MarketStatus.TRADING:
                continue
            self._matching.remark(market, now)
            market.report_candles(now)
            if now >= market.next_funding:
                market.next_funding = now + market.rules.funding_interval * HOUR
                self._matching.charge_funding(market, market.funding_rate, now)
        self._watch_margins(now)

    def _watch_margins(self, now: int) -> None:
        for account in self._accounts.values():
            if account.under_water():
                self._matching.liquidate(account, now)

    def skip(self, now: int) -> None:
        """Jump to `now` without the market steps between (a process that was suspended). Funding of the gap is lost."""
        self._calendar.skip(now)
        for market in self._markets.values():
            market.roll(self._calendar.now)
            period = market.rules.funding_interval * HOUR
            market.next_funding = max(market.next_funding, (self._calendar.now // period + 1) * period)
            if not market.paused:
                market.model.resume(self._calendar.now)

    def drain(self) -> list[Event]:
        """Events since the last call, in order (empty when there is a sink)."""
        waiting = self._waiting.copy()
        self._waiting.clear()
        return waiting

    # --- orders ---

    def place(self, key: str, order: NewOrder, now: int) -> Order | Rejection:
        """The order as it stands after matching. FOK that cannot fill and GTX that would cross are refused."""
        self.advance(now)
        market = self._markets.get(order.symbol)
        if market is None:
            return checks.UNKNOWN_SYMBOL
        account = self._accounts[key]
        ticket = checks.admit(market, account, order)
        if isinstance(ticket, Rejection):
            return ticket
        order_id = self._matching.next_order_id()
        live = LiveOrder(
            order_id=order_id,
            client_id=order.client_id if order.client_id is not None else f"venue-{order_id}",
            account=key,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            price=ticket.price,
            quantity=ticket.quantity,
            reduce_only=order.reduce_only,
            self_trade=order.self_trade,
            created=self.now,
            updated=self.now,
        )
        self._matching.submit(market, account, live, self.now)
        return live.view(market.rules)

    def amend(
        self,
        key: str,
        symbol: str,
        now: int,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        side: Side | None = None,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
    ) -> Order | Rejection:
        """Change an open limit order. A smaller quantity at the same price keeps its place in the queue, anything else
        goes to the end. A quantity not above what is executed, or a post-only order moved across the market, cancels
        it, as on Binance."""
        self.advance(now)
        found = self._find(key, symbol, order_id, client_id, checks.NO_SUCH_ORDER)
        if isinstance(found, Rejection):
            return found
        market, account = self._markets[symbol], self._accounts[key]
        if not found.status.open or (side is not None and side is not found.side):
            return checks.NO_SUCH_ORDER
        ticket = checks.admit_amendment(market, account, found, quantity, price)
        if isinstance(ticket, Rejection):
            return ticket
        post_only = found.time_in_force is TimeInForce.GTX and checks.crosses(market, found.side, ticket.price)
        if ticket.quantity <= found.executed or (post_only and ticket.price != found.price):
            self._cancel(market, found, self.now)
        elif ticket.price == found.price and ticket.quantity < found.quantity:
            self._matching.shrink(market, found, ticket.quantity, self.now)
        else:
            self._matching.reprice(market, found, ticket.quantity, ticket.price, self.now)
        return found.view(market.rules)

    def cancel(
        self, key: str, symbol: str, now: int, *, order_id: int | None = None, client_id: str | None = None
    ) -> Order | Rejection:
        """Cancel an open order; -2011 when there is none such."""
        self.advance(now)
        found = self._find(key, symbol, order_id, client_id, checks.UNKNOWN_ON_CANCEL)
        if isinstance(found, Rejection):
            return found
        if not found.status.open:
            return checks.UNKNOWN_ON_CANCEL
        self._cancel(self._markets[symbol], found, self.now)
        return found.view(self._markets[symbol].rules)

    def cancel_all(self, key: str, now: int, symbol: str | None = None) -> list[Order]:
        """Cancel the open orders of a symbol, or of all."""
        self.advance(now)
        return self._cancel_all(self._accounts[key], symbol, self.now)

    def set_countdown(self, key: str, symbol: str, countdown_ms: int, now: int) -> Rejection | None:
        """Dead-man switch: cancel all of the symbol's orders after that time unless called again; 0 switches it off."""
        self.advance(now)
        if symbol not in self._markets:
            return checks.UNKNOWN_SYMBOL
        account = self._accounts[key]
        account.countdowns.pop(symbol, None)
        if countdown_ms > 0:
            account.countdowns[symbol] = self.now + countdown_ms
        self._remind()
        return None

    def _cancel(self, market: Market, order: LiveOrder, now: int, reason: ExpiryReason = ExpiryReason.NONE) -> None:
        self._matching.end(market, order, OrderStatus.CANCELED, reason, now)
        market.report_quote(now)

    def _cancel_all(
        self, account: Account, symbol: str | None, now: int, reason: ExpiryReason = ExpiryReason.NONE
    ) -> list[Order]:
        cancelled = account.open_orders(symbol)
        for order in cancelled:
            self._cancel(self._markets[order.symbol], order, now, reason)
        return [order.view(self._markets[order.symbol].rules) for order in cancelled]

    # --- settings of an account ---

    def set_leverage(self, key: str, symbol: str, leverage: int, now: int) -> Rejection | None:
        """1 to the first bracket's limit (-4028), enough for the position that is held (-2027), with the margin for it
        (-2019)."""
        self.advance(now)
        market = self._markets.get(symbol)
        if market is None:
            return checks.UNKNOWN_SYMBOL
        if not 1 <= leverage <= market.rules.brackets[0].max_leverage:
            return Rejection(-4028, f"Leverage {leverage} is not valid")
        account = self._accounts[key]
        position = account.position(market)
        before, old = position.leverage, position.initial_margin()
        if market.rules.quantum * abs(position.amount * market.mark) > market.rules.cap_at(leverage):
            return Rejection(-2027, "Exceeded the maximum allowable position at current leverage.")
        free = account.available()
        position.lever(leverage)
        if position.initial_margin() > old and free < position.initial_margin() - old:
            position.lever(before)
            return checks.MARGIN
        self._configured(account, symbol, leverage, None)
        return None

    def set_margin_type(self, key: str, symbol: str, margin_type: MarginType, now: int) -> Rejection | None:
        """Stored and reported only: margin is always computed as crossed."""
        self.advance(now)
        market = self._markets.get(symbol)
        if market is None:
            return checks.UNKNOWN_SYMBOL
        account = self._accounts[key]
        position = account.position(market)
        if position.margin_type is margin_type:
            return Rejection(-4046, "No need to change margin type.")
        if account.open_orders(symbol):
            return Rejection(-4047, "Margin type cannot be changed if there exists open orders.")
        if position.amount:
            return Rejection(-4048, "Margin type cannot be changed if there exists position.")
        position.margin_type = margin_type
        self._matching.report_margin_type(account, position, self.now)
        return None

    def set_hedge_mode(self, key: str, hedge_mode: bool, now: int) -> Rejection | None:
        """Stored, so that a trader can see it; an account in hedge mode cannot place orders here (-1020)."""
        self.advance(now)
        account = self._accounts[key]
        if account.hedge_mode is hedge_mode:
            return Rejection(-4059, "No need to change position side.")
        if account.live:
            return Rejection(-4067, "Position side cannot be changed if there exists open orders.")
        if any(position.amount for position in account.positions.values()):
            return Rejection(-4068, "Position side cannot be changed if there exists position.")
        account.hedge_mode = hedge_mode
        self._configured(account, None, None, hedge_mode)
        return None

    def _configured(self, account: Account, symbol: str | None, leverage: int | None, hedge: bool | None) -> None:
        account.sequence += 1
        self._emit(ConfigUpdate(account.key, account.sequence, self.now, symbol, leverage, hedge))

    def set_fees(self, key: str, maker: Decimal, taker: Decimal) -> None:
        """Fee rates from the next trade on."""
        self._accounts[key].maker, self._accounts[key].taker = maker, taker

    def transfer(self, key: str, amount: Decimal, now: int) -> None:
        """Put money in or take it out (an operator's act; income type TRANSFER)."""
        self.advance(now)
        self._matching.transfer(self._accounts[key], amount, self.now)

    # --- the operator's hand on the markets ---

    def set_price(self, symbol: str, price: int, now: int) -> None:
        """Trade at that price (ticks, at least 2) now, sweeping all that lies between; also when paused. Mark price and
        margins follow at once. ValueError when the price is too low or the market is delisted."""
        self.advance(now)
        market = self._markets[symbol]
        if price < 2:
            raise ValueError(f"{symbol}: the price must be at least 2 ticks.")
        if market.status is not MarketStatus.TRADING:
            raise ValueError(f"{symbol} is delisted: its price stands still.")
        spread = max(1, market.book.ask - market.book.bid) if market.book.levels else 1
        self._matching.move(market, Move(price, spread, 1, price >= market.reference), self.now)
        self._matching.remark(market, self.now)
        self._watch_margins(self.now)

    def pause(self, symbol: str, now: int) -> None:
        """The market's own moves stop; orders are still taken and matched."""
        self.advance(now)
        self._markets[symbol].paused = True

    def resume(self, symbol: str, now: int) -> None:
        """The market goes on from the price at which it stands; a replay from where it was in its file."""
        self.advance(now)
        market = self._markets[symbol]
        if market.paused:
            market.paused = False
            market.model.resume(self.now)

    def delist(self, symbol: str, now: int, *, settle: bool = False) -> None:
        """Status SETTLING: orders are cancelled (reason DELISTED), none taken any more, prices stand still. With
        `settle` positions are closed at the mark price without a fee, client ids `settlement_autoclose-...`."""
        self.advance(now)
        market = self._markets[symbol]
        market.status = MarketStatus.SETTLING
        self._calendar.forget(market)
        if self._watched:
            self._emit(StatusChange(symbol, MarketStatus.SETTLING, self.now))
        for account in self._accounts.values():
            self._cancel_all(account, symbol, self.now, ExpiryReason.DELISTED)
            position = account.positions.get(symbol)
            if settle and position is not None and position.amount:
                self._matching.close_out(account, position, "settlement_autoclose-", self.now, by_book=False)

    def set_funding_rate(self, symbol: str, rate: Decimal) -> None:
        """The rate of the coming payments."""
        self._markets[symbol].funding_rate = rate

    def charge_funding(self, symbol: str, now: int, rate: Decimal | None = None) -> None:
        """Charge funding on all open positions of the symbol now, at `rate` or the market's own."""
        self.advance(now)
        market = self._markets[symbol]
        self._matching.charge_funding(market, market.funding_rate if rate is None else rate, self.now)
