"""One-minute candles of a market and what is made of them: longer intervals, the 24-hour ticker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from opensqt_actors.simvenue.events import Candle, Ticker24h

MINUTE = 60_000
KEPT = 1_500
_DAY = 1_440 * MINUTE
_UNITS = {"m": 1, "h": 60, "d": 1_440}


def interval_ms(name: str) -> int:
    """Length of an interval such as "1m", "15m", "4h", "1d". Raises ValueError for what is not whole minutes up to a
    day."""
    number, unit = name[:-1], name[-1:]
    if number.isdigit() and unit in _UNITS and 1 <= int(number) * _UNITS[unit] <= _UNITS["d"]:
        return int(number) * _UNITS[unit] * MINUTE
    raise ValueError(f"{name!r} is not an interval of whole minutes up to a day, such as 1m, 15m, 4h or 1d.")


def merge(parts: Iterable[Candle], length: int) -> list[Candle]:
    """Candles of a longer interval from adjacent ones in order."""
    merged: list[Candle] = []
    for part in parts:
        open_time = part.open_time - part.open_time % length
        if merged and merged[-1].open_time == open_time:
            last = merged[-1]
            merged[-1] = Candle(
                open_time,
                last.close_time,
                last.open,
                max(last.high, part.high),
                min(last.low, part.low),
                part.close,
                last.volume + part.volume,
                last.quote_volume + part.quote_volume,
                last.trades + part.trades,
                last.buy_volume + part.buy_volume,
                last.buy_quote_volume + part.buy_quote_volume,
                last.first_trade if last.trades else part.first_trade,
                part.last_trade if part.trades else last.last_trade,
            )
        else:
            merged.append(part._replace(open_time=open_time, close_time=open_time + length - 1))
    return merged


class Candles:
    """The current one-minute candle and the last 1,500 closed ones. A minute without trades has a flat candle."""

    __slots__ = (
        "_day",
        "_day_stamp",
        "buy_quote",
        "buy_volume",
        "closed",
        "first",
        "high",
        "last",
        "last_id",
        "low",
        "next_open",
        "open",
        "open_time",
        "quote",
        "trades",
        "volume",
    )

    def __init__(self, price: int, now: int) -> None:
        self.closed: deque[Candle] = deque(maxlen=KEPT)
        self.last = price
        self.last_id = 0
        self._day: Candle | None = None
        self._day_stamp = -1
        self._begin(now - now % MINUTE)

    def _begin(self, open_time: int) -> None:
        self.open_time = open_time
        self.next_open = open_time + MINUTE
        self.open = self.high = self.low = self.last
        self.volume = self.quote = self.trades = self.buy_volume = self.buy_quote = self.first = 0

    def trade(self, price: int, quantity: int, buyer_is_maker: bool, trade_id: int) -> None:
        """Book a trade into the current minute."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        if not self.trades:
            self.first = trade_id
        self.last = price
        self.last_id = trade_id
        self.trades += 1
        self.volume += quantity
        value = price * quantity
        self.quote += value
        if not buyer_is_maker:
            self.buy_volume += quantity
            self.buy_quote += value

    def current(self) -> Candle:
        """The minute that is not over yet."""
        return Candle(
            self.open_time,
            self.next_open - 1,
            self.open,
            self.high,
            self.low,
            self.last,
            self.volume,
            self.quote,
            self.trades,
            self.buy_volume,
            self.buy_quote,
            self.first,
            self.last_id if self.trades else 0,
        )

    def roll(self, now: int) -> bool:
        """Close the current minute if it is over, and begin the next one. Call again while it returns True."""
        if now < self.next_open:
            return False
        self.closed.append(self.current())
        # Nobody asks for more flat minutes than are kept.
        self._begin(max(self.next_open, now - now % MINUTE - KEPT * MINUTE))
        return True

    def series(self, length: int, start: int | None, end: int | None, limit: int) -> list[Candle]:
        """Candles of that length in ms, the current one last. With `start` the oldest `limit` from there, else the
        newest ones."""
        merged = merge([*self.closed, self.current()], length)
        chosen = [
            candle
            for candle in merged
            if (start is None or candle.open_time >= start) and (end is None or candle.open_time <= end)
        ]
        return chosen[:limit] if start is not None else chosen[max(0, len(chosen) - limit) :]

    def newest(self, length: int, *, closed: bool) -> Candle:
        """The running candle of that length, or (`closed`, just after a roll) the one that ended last."""
        count = length // MINUTE
        begin = self.closed[-1].open_time if closed else self.open_time
        begin -= begin % length
        recent = [self.closed[-i] for i in range(min(count, len(self.closed)), 0, -1)]
        parts = [candle for candle in recent if candle.open_time >= begin]
        if not closed:
            parts.append(self.current())
        return merge(parts, length)[-1]

    def day(self, symbol: str, last_quantity: int, now: int) -> Ticker24h:
        """Statistics of the last 24 hours."""
        if self._day_stamp != self.open_time:
            since = self.next_open - _DAY
            closed = merge((c for c in self.closed if c.open_time >= since), 1 << 62)
            self._day, self._day_stamp = (closed[0] if closed else None), self.open_time
        current = self.current()
        parts = [current] if self._day is None else [self._day, current._replace(open_time=0)]
        whole = merge(parts, 1 << 62)[0]
        return Ticker24h(
            symbol,
            max(now - _DAY, 0),
            now,
            whole.open,
            whole.high,
            whole.low,
            whole.close,
            last_quantity,
            whole.volume,
            whole.quote_volume,
            whole.trades,
            whole.first_trade,
            whole.last_trade,
        )
