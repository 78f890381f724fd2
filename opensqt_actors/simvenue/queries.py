"""The read side of the exchange: what one can ask about its accounts and markets. Nothing here changes anything."""

from __future__ import annotations

from decimal import Decimal

from opensqt_actors.simvenue import checks
from opensqt_actors.simvenue.account import Account
from opensqt_actors.simvenue.book import LiveOrder
from opensqt_actors.simvenue.calendar import Calendar
from opensqt_actors.simvenue.events import (
    AccountSummary,
    BookTicker,
    Candle,
    Depth,
    Fill,
    Income,
    IncomeType,
    MarketStatus,
    MarketTrade,
    MarkPrice,
    Order,
    PositionView,
    Rejection,
    Ticker24h,
)
from opensqt_actors.simvenue.log import page
from opensqt_actors.simvenue.markets.candles import interval_ms
from opensqt_actors.simvenue.markets.market import Market
from opensqt_actors.simvenue.rules import MarketRules


class Queries:
    """Answers from the state at the time that the venue has reached. An unknown account or symbol is a KeyError, except
    in `order`, which refuses it."""

    _accounts: dict[str, Account]
    _markets: dict[str, Market]
    _calendar: Calendar

    @property
    def now(self) -> int:
        """The time that the venue has reached."""
        return self._calendar.now

    def has_account(self, key: str) -> bool:
        return key in self._accounts

    def has_market(self, symbol: str) -> bool:
        return symbol in self._markets

    def countdowns(self, key: str) -> dict[str, int]:
        """Dead-man switches that run: milliseconds until each symbol's orders are cancelled."""
        return {symbol: due - self.now for symbol, due in sorted(self._accounts[key].countdowns.items())}

    def accounts(self) -> list[str]:
        return list(self._accounts)

    def symbols(self) -> list[str]:
        """All symbols ever listed, in order of listing."""
        return list(self._markets)

    def rules(self, symbol: str) -> MarketRules:
        return self._markets[symbol].rules

    def status(self, symbol: str) -> MarketStatus:
        return self._markets[symbol].status

    def listed_at(self, symbol: str) -> int:
        return self._markets[symbol].listed

    def _find(
        self, key: str, symbol: str, order_id: int | None, client_id: str | None, unknown: Rejection
    ) -> LiveOrder | Rejection:
        if symbol not in self._markets:
            return checks.UNKNOWN_SYMBOL
        if order_id is None and client_id is None:
            return checks.NO_ID
        return self._accounts[key].find(symbol, order_id, client_id) or unknown

    # --- queries on an account ---

    def order(
        self, key: str, symbol: str, *, order_id: int | None = None, client_id: str | None = None
    ) -> Order | Rejection:
        """An order, open or kept in the history; -2013 when there is none such. Of several orders that had the same
        client id one after the other, the open one, else the newest."""
        found = self._find(key, symbol, order_id, client_id, checks.NO_SUCH_ORDER)
        return found if isinstance(found, Rejection) else found.view(self._markets[symbol].rules)

    def open_orders(self, key: str, symbol: str | None = None) -> list[Order]:
        """By order id."""
        return [order.view(self._markets[order.symbol].rules) for order in self._accounts[key].open_orders(symbol)]

    def orders(
        self,
        key: str,
        symbol: str | None = None,
        *,
        from_id: int | None = None,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """Open and closed ones, by order id. With from_id or start the oldest `limit` from there, else the newest."""
        return self._accounts[key].orders(symbol, from_id, start, end, limit)

    def fills(
        self,
        key: str,
        symbol: str | None = None,
        *,
        from_id: int | None = None,
        start: int | None = None,
        end: int | None = None,
        order_id: int | None = None,
        limit: int = 500,
    ) -> list[Fill]:
        """In the order they happened. `from_id` is a trade id, inclusive, and needs a symbol. With from_id or start the
        oldest `limit` from there, else the newest."""
        if from_id is not None and symbol is None:
            raise ValueError("from_id needs a symbol: trade ids are numbered per symbol.")
        return self._accounts[key].fills(symbol, from_id, start, end, order_id, limit)

    def income(
        self,
        key: str,
        *,
        symbol: str | None = None,
        type: IncomeType | None = None,  # noqa: A002 - the name of the field, as in Income
        start: int | None = None,
        end: int | None = None,
        limit: int = 100,
    ) -> list[Income]:
        """In the order of their tran ids. With start the oldest `limit` from there, else the newest."""
        return self._accounts[key].income(symbol, type, start, end, limit)

    def summary(self, key: str) -> AccountSummary:
        return self._accounts[key].summary()

    def position(self, key: str, symbol: str) -> PositionView:
        """A symbol's position, flat or not."""
        account = self._accounts[key]
        position = account.position(self._markets[symbol])
        return position.view(account.liquidation_price(position, account.cushion()))

    def positions(self, key: str, *, all_symbols: bool = False) -> list[PositionView]:
        """Symbols with a position or an open order; with `all_symbols` every listed one."""
        account = self._accounts[key]
        names = self._markets if all_symbols else [s for s, p in account.positions.items() if not p.idle]
        cushion = account.cushion()
        found = [account.position(self._markets[symbol]) for symbol in names]
        return [position.view(account.liquidation_price(position, cushion)) for position in found]

    def fees(self, key: str) -> tuple[Decimal, Decimal]:
        """Maker and taker rate."""
        return self._accounts[key].maker, self._accounts[key].taker

    def hedge_mode(self, key: str) -> bool:
        return self._accounts[key].hedge_mode

    def duplicate_client_ids(self, key: str) -> dict[str, int]:
        """Client ids under which more than one order was accepted (as far as the history reaches), and how many."""
        return dict(self._accounts[key].duplicates)

    # --- markets ---

    def book_ticker(self, symbol: str) -> BookTicker:
        """Best bid and ask as last reported."""
        return self._markets[symbol].ticker

    def depth(self, symbol: str, levels: int) -> Depth:
        return self._markets[symbol].depth(levels)

    def mark_price(self, symbol: str) -> MarkPrice:
        return self._markets[symbol].mark_price(self._calendar.now)

    def last_price(self, symbol: str) -> int:
        """Price of the last trade, or the opening price before the first one (ticks)."""
        return self._markets[symbol].candles.last

    def ticker(self, symbol: str, now: int) -> Ticker24h:
        """Statistics of the 24 hours before `now`, as far as the venue has reached it."""
        return self._markets[symbol].day(now)

    def candles(
        self, symbol: str, interval: str, *, start: int | None = None, end: int | None = None, limit: int = 500
    ) -> list[Candle]:
        """Closed candles and the current one (last), of any whole-minute interval up to a day ("1m" ... "1d"), from the
        1,500 minutes that are kept. With start the oldest `limit` from there, else the newest. ValueError for another
        interval."""
        return self._markets[symbol].candles.series(interval_ms(interval), start, end, limit)

    def market_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
    ) -> list[MarketTrade]:
        """Public trades, the last 1,000. With from_id or start the oldest `limit` from there, else the newest."""
        found = [
            trade
            for trade in self._markets[symbol].trades
            if (from_id is None or trade.trade_id >= from_id)
            and (start is None or trade.time >= start)
            and (end is None or trade.time <= end)
        ]
        return page(found, limit, oldest=from_id is not None or start is not None)

    def paused(self, symbol: str) -> bool:
        return self._markets[symbol].paused
