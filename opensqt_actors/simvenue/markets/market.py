"""One listed market: its rules, book, model, candles, trades and prices. Not the matching, and no account in sight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from random import Random

from opensqt_actors.simvenue.book import Book
from opensqt_actors.simvenue.events import (
    BookTicker,
    Candle,
    CandleUpdate,
    Depth,
    Event,
    MarketStatus,
    MarketTrade,
    MarkPrice,
    Side,
    Ticker24h,
)
from opensqt_actors.simvenue.markets.candles import MINUTE, Candles, interval_ms
from opensqt_actors.simvenue.markets.model import CommonFactor, MarketModel, Move
from opensqt_actors.simvenue.rules import MarketRules

TRADES_KEPT = 1_000
HOUR = 3_600_000


def first_id(now: int) -> int:
    """Where ids begin that are handed out from `now` on: beyond those of an earlier start, unless that one handed out
    more than ten thousand a second."""
    return now // 1_000 * 10_000 + 1


class Market:
    """State of one market. `reference` is where it last moved to, `mark` the mark price, both in ticks."""

    __slots__ = (
        "_emit",
        "_intervals",
        "_quoted",
        "_reported",
        "_step",
        "book",
        "candles",
        "funding_rate",
        "last_quantity",
        "listed",
        "mark",
        "model",
        "next_funding",
        "paused",
        "random",
        "reference",
        "rules",
        "status",
        "ticker",
        "trade_id",
        "trades",
        "watched",
    )

    def __init__(
        self,
        rules: MarketRules,
        model: MarketModel,
        seed: int,
        common: CommonFactor,
        now: int,
        emit: Callable[[Event], None],
        intervals: tuple[str, ...],
        *,
        watched: bool,
        past_candles: int = 0,
    ) -> None:
        self.rules, self.model, self._emit, self.watched = rules, model, emit, watched
        self._intervals = tuple((name, interval_ms(name)) for name in intervals)
        self.random = Random(f"market:{seed}:{rules.symbol}:flow")
        first = model.open(rules, Random(f"market:{seed}:{rules.symbol}"), common, now)
        liquidity = model.liquidity
        unit = float(rules.quantum / rules.scale) * first.price  # what one step is worth in dollars
        self.book = Book(
            base=int(liquidity.touch / unit),
            levels=liquidity.levels,
            gap=max(first.spread, int(liquidity.gap * first.price)),
        )
        self.reference = self.mark = first.price
        self.book.quote(first.price, first.price + first.spread)
        self.status = MarketStatus.TRADING
        self.paused = False
        self.listed = now
        self.funding_rate = Decimal("0.0001")
        period = rules.funding_interval * HOUR
        self.next_funding = (now // period + 1) * period
        self.candles = Candles(first.price, now)
        self._past(past_candles)
        self.trade_id = first_id(now) - 1
        self.trades: deque[MarketTrade] = deque(maxlen=TRADES_KEPT)
        self.last_quantity = 0
        self._step = 0
        self._quoted = (0, 0, 0, 0)
        self._reported = -1
        self.ticker = BookTicker(rules.symbol, 0, 0, 0, 0, 0, now)
        self.report_quote(now)

    def _past(self, count: int) -> None:
        minutes = self.model.past(count) if count else ()
        open_time = self.candles.open_time - len(minutes) * MINUTE
        for minute in minutes:
            value = minute.volume * (minute.high + minute.low) // 2
            self.candles.closed.append(
                Candle(
                    open_time,
                    open_time + MINUTE - 1,
                    minute.open,
                    minute.high,
                    minute.low,
                    minute.close,
                    minute.volume,
                    value,
                    1,
                    minute.volume // 2,
                    value // 2,
                    0,
                    0,
                )
            )
            open_time += MINUTE

    # --- what happens to it ---

    def requote(self, move: Move) -> None:
        """The background follows a move: a rise ends on the ask, a fall on the bid; without a change it stays."""
        price, spread = move.price, max(1, move.spread)
        if price > self.reference:
            self.book.quote(max(1, price - spread), price)
        elif price < self.reference:
            self.book.quote(price, price + spread)
        else:
            self.book.quote(self.book.bid, self.book.ask)
        self.reference = price

    def trade(self, price: int, quantity: int, buyer_is_maker: bool, now: int) -> int:
        """Print a public trade; returns its id."""
        self.trade_id = trade_id = self.trade_id + 1
        self.last_quantity = quantity
        candles = self.candles
        if now >= candles.next_open:
            self.roll(now)
        candles.trade(price, quantity, buyer_is_maker, trade_id)
        trade = MarketTrade(self.rules.symbol, trade_id, price, quantity, buyer_is_maker, now)
        self.trades.append(trade)
        if self.watched:
            self._emit(trade)
        return trade_id

    def report_quote(self, now: int) -> None:
        """Send the best bid and ask if they changed."""
        quoted = self.book.top()
        if quoted != self._quoted:
            self._quoted = quoted
            self._step += 1
            self.ticker = BookTicker(self.rules.symbol, self._step, *quoted, now)
            if self.watched:
                self._emit(self.ticker)

    def roll(self, now: int) -> None:
        """Close the candles whose time is over."""
        candles = self.candles
        while candles.roll(now):
            self._reported = -1
            if not self.watched:
                continue
            boundary = candles.closed[-1].close_time + 1
            for name, length in self._intervals:
                if boundary % length == 0:
                    candle = candles.newest(length, closed=True)
                    self._emit(CandleUpdate(self.rules.symbol, name, candle, True, now))

    def report_candles(self, now: int) -> None:
        """Send the running candles if something was traded since the last time."""
        if self.watched and self.candles.last_id != self._reported:
            self._reported = self.candles.last_id
            for name, length in self._intervals:
                candle = self.candles.newest(length, closed=False)
                self._emit(CandleUpdate(self.rules.symbol, name, candle, False, now))

    def remark(self, now: int) -> bool:
        """The mark price follows the market; returns whether it changed."""
        changed, self.mark = self.mark != self.reference, self.reference
        if self.watched:
            self._emit(self.mark_price(now))
        return changed

    # --- what one can ask ---

    def mark_price(self, now: int) -> MarkPrice:
        return MarkPrice(self.rules.symbol, self.mark, self.funding_rate, self.next_funding, now)

    def depth(self, levels: int) -> Depth:
        return Depth(
            self._step,
            tuple(self.book.side_levels(Side.BUY, levels)),
            tuple(self.book.side_levels(Side.SELL, levels)),
        )

    def day(self, now: int) -> Ticker24h:
        return self.candles.day(self.rules.symbol, self.last_quantity, now)
