"""Market streams: who has subscribed to what, and the frames for it, each encoded once and fanned out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from opensqt_actors.simvenue.events import BookTicker, CandleUpdate, Event, MarketTrade, MarkPrice
from opensqt_actors.simvenue.server import frames
from opensqt_actors.simvenue.server.connection import Connection, text_frame
from opensqt_actors.simvenue.server.core import Core

INTERVALS = ("1m", "3m", "5m")
MOST_STREAMS = 1_024
_ONE = re.compile(
    r"[a-z0-9_]+@(bookTicker|aggTrade|trade|ticker|miniTicker|markPrice(@1s)?"
    r"|kline_(1m|3m|5m)|depth(5|10|20)(@(100|250|500)ms)?)"
)
_ALL = frozenset({"!bookTicker", "!markPrice@arr", "!markPrice@arr@1s", "!ticker@arr", "!miniTicker@arr"})
KLINE_EVERY = 250
TICKER_EVERY = 1_000
DEPTH_EVERY = 100


def offered(stream: str) -> bool:
    """Whether there is a stream of this form (its symbol need not exist)."""
    return stream in _ALL or _ONE.fullmatch(stream) is not None


class MarketStreams:
    """Subscriptions by stream. `publish` takes events, `tick` sends what goes by the clock; the caller flushes."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._by_stream: dict[str, dict[Connection, None]] = {}
        self._klines: dict[tuple[str, str], CandleUpdate] = {}
        self._marks: dict[str, MarkPrice] = {}
        self._marks_every_3s: set[str] = set()
        self._books: dict[str, int] = {}
        self._due = {"kline": 0, "ticker": 0, "depth": 0, "mark": 0}
        self.dirty: dict[Connection, None] = {}

    def subscribe(self, connection: Connection, streams: Iterable[str]) -> None:
        """Streams that are not `offered` must not come here. A silenced symbol is heard again."""
        for stream in streams:
            connection.streams[stream] = None
            self._by_stream.setdefault(stream, {})[connection] = None
            connection.silent_symbols.discard(stream.partition("@")[0].upper())

    def unsubscribe(self, connection: Connection, streams: Iterable[str]) -> None:
        for stream in list(streams):
            connection.streams.pop(stream, None)
            listeners = self._by_stream.get(stream)
            if listeners is not None:
                listeners.pop(connection, None)
                if not listeners:
                    del self._by_stream[stream]

    def drop(self, connection: Connection) -> None:
        """The connection is gone."""
        self.unsubscribe(connection, connection.streams)
        self.dirty.pop(connection, None)

    def publish(self, events: Sequence[Event], now: int) -> None:
        """Send, or keep for the clock, what the events say. Of several quotes of a symbol only the newest is sent."""
        if not self._by_stream:
            return
        quotes: dict[str, BookTicker] = {}
        for event in events:
            if isinstance(event, BookTicker):
                quotes[event.symbol] = event
            elif isinstance(event, MarketTrade):
                self._trade(event, now)
            elif isinstance(event, CandleUpdate):
                if event.closed:
                    self._klines.pop((event.symbol, event.interval), None)
                    self._kline(event, now)
                else:
                    self._klines[event.symbol, event.interval] = event
            elif isinstance(event, MarkPrice):
                self._marks[event.symbol] = event
        everything = self._by_stream.get("!bookTicker")
        for symbol, quote in quotes.items():
            stream = f"{symbol.lower()}@bookTicker"
            if everything or stream in self._by_stream:
                payload = frames.book_ticker(quote, self._core.exchange.rules(symbol), now)
                self._send(stream, symbol, payload)
                if everything:
                    self._send("!bookTicker", symbol, payload)

    def tick(self, now: int) -> None:
        """Send candles, marks, tickers and partial books whose time has come."""
        if not self._by_stream:
            self._klines.clear()
            self._marks.clear()
            return
        if self._is_due("kline", KLINE_EVERY, now):
            for event in self._klines.values():
                self._kline(event, now)
            self._klines.clear()
        if self._is_due("mark", 1_000, now):
            self._send_marks(now)
        if self._is_due("ticker", TICKER_EVERY, now):
            self._send_tickers(now)
        if self._is_due("depth", DEPTH_EVERY, now):
            self._send_depths(now)

    def _is_due(self, what: str, every: int, now: int) -> bool:
        slot = now // every
        if slot == self._due[what]:
            return False
        self._due[what] = slot
        return True

    def _trade(self, event: MarketTrade, now: int) -> None:
        lower = event.symbol.lower()
        for name, encode in (("aggTrade", frames.aggregate_trade), ("trade", frames.trade)):
            stream = f"{lower}@{name}"
            if stream in self._by_stream:
                payload = encode(event, self._core.exchange.rules(event.symbol), now)
                self._send(stream, event.symbol, payload, event.trade_id)

    def _kline(self, event: CandleUpdate, now: int) -> None:
        stream = f"{event.symbol.lower()}@kline_{event.interval}"
        if stream in self._by_stream:
            payload = frames.kline(event, self._core.exchange.rules(event.symbol), now)
            # A closed candle is told exactly once: the next candle's first update must not replace it.
            self._send(stream, event.symbol, payload, event.candle.open_time if event.closed else None)

    def _send_marks(self, now: int) -> None:
        third = now // 1_000 % 3 == 0
        rows: dict[str, dict[str, Any]] = {}
        for symbol, event in self._marks.items():
            row = rows[symbol] = frames.mark_price(event, self._core.exchange.rules(symbol), now)
            self._encode_to(f"{symbol.lower()}@markPrice@1s", symbol, row)
        self._marks_every_3s.update(rows)
        self._list_to("!markPrice@arr@1s", rows)
        self._marks.clear()
        if third:
            slow = {}
            for symbol in self._marks_every_3s:
                rules = self._core.exchange.rules(symbol)
                slow[symbol] = rows.get(symbol) or frames.mark_price(self._core.exchange.mark_price(symbol), rules, now)
                self._encode_to(f"{symbol.lower()}@markPrice", symbol, slow[symbol])
            self._list_to("!markPrice@arr", slow)
            self._marks_every_3s.clear()

    def _send_tickers(self, now: int) -> None:
        everything = any(stream in self._by_stream for stream in ("!ticker@arr", "!miniTicker@arr"))
        full: dict[str, dict[str, Any]] = {}
        for symbol in self._core.exchange.symbols():
            lower = symbol.lower()
            if everything or f"{lower}@ticker" in self._by_stream or f"{lower}@miniTicker" in self._by_stream:
                statistics = self._core.exchange.ticker(symbol, self._core.clock.now())
                full[symbol] = frames.ticker(statistics, self._core.exchange.rules(symbol), now)
                self._encode_to(f"{lower}@ticker", symbol, full[symbol])
                self._encode_to(f"{lower}@miniTicker", symbol, frames.mini_ticker(full[symbol]))
        self._list_to("!ticker@arr", full)
        self._list_to("!miniTicker@arr", {symbol: frames.mini_ticker(row) for symbol, row in full.items()})

    def _send_depths(self, now: int) -> None:
        for stream in [name for name in self._by_stream if "@depth" in name]:
            symbol = stream.partition("@")[0].upper()
            if not self._core.exchange.has_market(symbol):
                continue
            levels = int(stream.split("@")[1].removeprefix("depth"))
            book = self._core.exchange.depth(symbol, levels)
            before = self._books.get(stream, book.update_id - 1)
            if book.update_id != before:
                self._books[stream] = book.update_id
                payload = frames.depth(symbol, book, self._core.exchange.rules(symbol), now, before)
                self._send(stream, symbol, payload)

    def _encode_to(self, stream: str, symbol: str, row: dict[str, Any]) -> None:
        if stream in self._by_stream:
            self._send(stream, symbol, orjson.dumps(row))

    def _list_to(self, stream: str, rows: dict[str, dict[str, Any]]) -> None:
        listeners = self._by_stream.get(stream)
        if not listeners or not rows:
            return
        whole = orjson.dumps(list(rows.values()))
        for connection in listeners:
            payload = whole
            if connection.silent_symbols:
                payload = orjson.dumps([row for symbol, row in rows.items() if symbol not in connection.silent_symbols])
            self._deliver(connection, stream, "", payload, stream)

    def _send(self, stream: str, symbol: str, payload: bytes, instance: object = None) -> None:
        listeners = self._by_stream.get(stream)
        if not listeners:
            return
        raw: bytes | None = None
        combined: bytes | None = None
        key = (stream, symbol, instance)
        for connection in listeners:
            if connection.silent or symbol in connection.silent_symbols:
                continue
            if connection.combined:
                if combined is None:
                    combined = text_frame(_wrap(stream, payload))
                connection.offer(key, combined)
            else:
                if raw is None:
                    raw = text_frame(payload)
                connection.offer(key, raw)
            self.dirty[connection] = None

    def _deliver(self, connection: Connection, stream: str, symbol: str, payload: bytes, key: object) -> None:
        if connection.silent or symbol in connection.silent_symbols:
            return
        connection.offer(key, text_frame(_wrap(stream, payload) if connection.combined else payload))
        self.dirty[connection] = None


def _wrap(stream: str, payload: bytes) -> bytes:
    return b'{"stream":"' + stream.encode() + b'","data":' + payload + b"}"
