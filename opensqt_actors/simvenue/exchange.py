"""The simulated exchange: markets, accounts and the matching between them, on a time that the caller passes in.

Synchronous, deterministic, no I/O and no clock: same seed and same calls, same events. Not the wire: see `server`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from opensqt_actors.simvenue.events import (
    AccountSummary,
    Candle,
    Depth,
    BookTicker,
    Event,
    Fill,
    Income,
    IncomeType,
    MarginType,
    MarketStatus,
    MarkPrice,
    MarketTrade,
    NewOrder,
    Order,
    PositionView,
    Rejection,
    Side,
    Ticker24h,
)
from opensqt_actors.simvenue.markets.model import MarketModel
from opensqt_actors.simvenue.rules import MarketRules


class Exchange:
    """All calls that take `now` (ms since the epoch) first advance the venue to it; time never goes back.

    Refusals are returned as `Rejection`; a `KeyError` means an account or symbol that the caller never added (ask
    `has_market` / `has_account` first where the name comes from outside) - except `place`, `amend`, `cancel`, `order`,
    and the settings, which refuse an unknown symbol with -1121 themselves.
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
        account events are made (an in-process simulation that does not watch the market)."""

    # accounts and markets
    def add_account(self, key: str, balance: Decimal, *, maker: Decimal = ..., taker: Decimal = ..., hedge_mode: bool = False) -> None: ...
    def add_market(self, rules: MarketRules, model: MarketModel, now: int, *, past_candles: int = 0) -> None: ...
    def has_account(self, key: str) -> bool: ...
    def has_market(self, symbol: str) -> bool: ...
    def accounts(self) -> list[str]: ...
    def symbols(self) -> list[str]:
        """All symbols ever listed, in order of listing."""
    def rules(self, symbol: str) -> MarketRules: ...
    def status(self, symbol: str) -> MarketStatus: ...
    def listed_at(self, symbol: str) -> int: ...

    # time
    def advance(self, now: int) -> None:
        """Run everything that is due up to and including `now`: market steps, candle closes, mark prices, funding,
        liquidation, dead-man switches."""
    def skip(self, now: int) -> None:
        """Jump to `now` without the market steps between (a process that was suspended). Funding of the gap is lost."""
    def drain(self) -> list[Event]:
        """Events since the last call, in order (empty when there is a sink)."""

    # orders
    def place(self, key: str, order: NewOrder, now: int) -> Order | Rejection:
        """The order as it stands after matching. FOK that cannot fill and GTX that would cross are refused."""
    def amend(self, key: str, symbol: str, now: int, *, order_id: int | None = None, client_id: str | None = None,
              side: Side | None = None, quantity: Decimal | None = None, price: Decimal | None = None) -> Order | Rejection: ...
    def cancel(self, key: str, symbol: str, now: int, *, order_id: int | None = None, client_id: str | None = None) -> Order | Rejection: ...
    def cancel_all(self, key: str, now: int, symbol: str | None = None) -> list[Order]: ...
    def set_countdown(self, key: str, symbol: str, countdown_ms: int, now: int) -> Rejection | None:
        """Dead-man switch: cancel all of the symbol's orders after that time unless called again; 0 switches it off."""

    # queries on an account
    def order(self, key: str, symbol: str, *, order_id: int | None = None, client_id: str | None = None) -> Order | Rejection: ...
    def open_orders(self, key: str, symbol: str | None = None) -> list[Order]:
        """By order id."""
    def orders(self, key: str, symbol: str | None = None, *, from_id: int | None = None, start: int | None = None, end: int | None = None, limit: int = 500) -> list[Order]:
        """Open and closed ones, by order id. With from_id or start the oldest `limit` from there, else the newest."""
    def fills(self, key: str, symbol: str | None = None, *, from_id: int | None = None, start: int | None = None, end: int | None = None, order_id: int | None = None, limit: int = 500) -> list[Fill]:
        """In the order they happened. `from_id` (inclusive trade id) needs a symbol. With from_id or start the oldest
        `limit` from there, else the newest."""
    def income(self, key: str, *, symbol: str | None = None, type: IncomeType | None = None, start: int | None = None, end: int | None = None, limit: int = 100) -> list[Income]: ...
    def summary(self, key: str) -> AccountSummary: ...
    def position(self, key: str, symbol: str) -> PositionView: ...
    def positions(self, key: str, *, all_symbols: bool = False) -> list[PositionView]:
        """Symbols with a position or an open order; with `all_symbols` every listed one."""
    def fees(self, key: str) -> tuple[Decimal, Decimal]:
        """Maker and taker rate."""
    def hedge_mode(self, key: str) -> bool: ...
    def duplicate_client_ids(self, key: str) -> dict[str, int]:
        """Client ids under which more than one order was ever accepted (within the history's bound), and how many."""

    # settings of an account
    def set_leverage(self, key: str, symbol: str, leverage: int, now: int) -> Rejection | None: ...
    def set_margin_type(self, key: str, symbol: str, margin_type: MarginType, now: int) -> Rejection | None: ...
    def set_hedge_mode(self, key: str, hedge_mode: bool, now: int) -> Rejection | None: ...
    def set_fees(self, key: str, maker: Decimal, taker: Decimal) -> None: ...
    def transfer(self, key: str, amount: Decimal, now: int) -> None:
        """Put money in or take it out (an operator's act; income type TRANSFER)."""

    # markets
    def book_ticker(self, symbol: str) -> BookTicker: ...
    def depth(self, symbol: str, levels: int) -> Depth: ...
    def mark_price(self, symbol: str) -> MarkPrice: ...
    def last_price(self, symbol: str) -> int: ...
    def ticker(self, symbol: str, now: int) -> Ticker24h: ...
    def candles(self, symbol: str, interval: str, *, start: int | None = None, end: int | None = None, limit: int = 500) -> list[Candle]:
        """Closed candles and the current one (last). Any interval of whole minutes up to a day ("1m" ... "1d").
        Raises ValueError for another interval."""
    def market_trades(self, symbol: str, *, from_id: int | None = None, start: int | None = None, end: int | None = None, limit: int = 500) -> list[MarketTrade]:
        """Recent public trades (the last 1,000 are kept)."""
    def set_price(self, symbol: str, price: int, now: int) -> None:
        """Trade at that price (ticks) now, sweeping all that lies between; any market, also a paused one."""
    def pause(self, symbol: str, now: int) -> None:
        """The market's own moves stop; orders are still taken and matched."""
    def resume(self, symbol: str, now: int) -> None: ...
    def paused(self, symbol: str) -> bool: ...
    def delist(self, symbol: str, now: int, *, settle: bool = False) -> None:
        """Status SETTLING: orders are cancelled (reason DELISTED), none taken any more, prices stand still. With `settle`
        positions are closed at the mark price without a fee, client ids `settlement_autoclose-...`."""
    def set_funding_rate(self, symbol: str, rate: Decimal) -> None: ...
    def charge_funding(self, symbol: str, now: int, rate: Decimal | None = None) -> None:
        """Charge funding on all open positions of the symbol now, at `rate` or the market's own."""
