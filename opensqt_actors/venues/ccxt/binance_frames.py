"""The frame hooks of Binance USD-M: what each pushed frame means, told to the sinks at once and in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from opensqt_actors.actors.ports import CandleSeen, MarkSeen
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Candle
from opensqt_actors.venues.ccxt.binance_values import MILLISECOND, candle_event_of, order_event_of
from opensqt_actors.venues.ccxt.expected import Expected
from opensqt_actors.venues.port import EventSink, FundingDue, QuoteSink

_OF_NO_INTEREST = frozenset({"ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL", "TRADE_LITE", "STRATEGY_UPDATE", "GRID_UPDATE"})


def quote_streams(symbol: str) -> tuple[str, ...]:
    """Stream names of the quotes slot."""
    return (f"{symbol.lower()}@bookTicker",)


def candle_streams(symbol: str) -> tuple[str, ...]:
    """Stream names of the candles slot."""
    return (f"{symbol.lower()}@kline_1m", f"{symbol.lower()}@markPrice@1s")


class Frames:
    """One hook per kind of connection. expired: told of a listenKeyExpired frame. Hooks may raise: feeds catch it.

    ours: how the client ids of this account's registry begin, "" = not known. Then what other processes do with the
    symbols that they have of the account is not read: each of four shards hears of the orders of all four.
    watched: the symbols that are read in any case.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        on_quote: QuoteSink,
        on_event: EventSink,
        expired: Callable[[dict[str, Any]], None],
        expected: Expected,
        ours: str = "",
    ) -> None:
        self._instruments = instruments
        self._on_quote = on_quote
        self._on_event = on_event
        self._expired = expired
        self._expected = expected
        self._ours = ours
        self.watched: set[str] = set()
        self.last_quote: dict[str, int] = {}
        self.last_candle: dict[str, int] = {}
        self.ignored = 0

    def quote(self, frame: dict[str, Any]) -> None:
        """The hot one: best bid and ask."""
        if frame.get("e") == "bookTicker":
            symbol = frame["s"]
            self.last_quote[symbol] = time.time_ns()
            self._on_quote(symbol, frame["b"], frame["a"], frame["E"] * MILLISECOND)
        else:
            self.ignored += 1

    def market(self, frame: dict[str, Any]) -> None:
        """Candles and mark prices."""
        match frame.get("e"):
            case "kline":
                self.candle(candle_event_of(frame))
            case "markPriceUpdate":
                instrument = self._instruments.get(frame["s"])
                if instrument is not None:
                    mark = round(float(frame["p"]) * instrument.ticks_per_unit)
                    self._on_event(MarkSeen(instrument.symbol, mark))
            case _:
                self.ignored += 1

    def candle(self, candle: Candle) -> None:
        """Tell a candle; a closed one only once, and none that is older than the newest closed one."""
        last = self.last_candle.get(candle.symbol, 0)
        if candle.open_time <= last:
            return
        if candle.closed:
            self.last_candle[candle.symbol] = candle.open_time
        self._on_event(CandleSeen(candle))

    def user(self, frame: dict[str, Any]) -> None:
        """Orders, account, and the end of a listen key."""
        kind = frame.get("e")
        if kind == "ORDER_TRADE_UPDATE":
            client_id, symbol = frame["o"]["c"], frame["o"]["s"]
            self._expected.seen(client_id)
            if self._ours and symbol not in self.watched and client_id.startswith(self._ours):
                return None
            instrument = self._instruments.get(symbol)
            if instrument is not None:
                return self._on_event(order_event_of(frame, instrument))
        elif kind == "ACCOUNT_UPDATE":
            if frame["a"].get("m") == "FUNDING_FEE":
                self._on_event(FundingDue())
            return None
        elif kind == "listenKeyExpired":
            return self._expired(frame)
        if kind not in _OF_NO_INTEREST:
            self.ignored += 1
        return None

    def forget(self, symbol: str) -> None:
        """The symbol has left."""
        self.watched.discard(symbol)
        self.last_quote.pop(symbol, None)
        self.last_candle.pop(symbol, None)
