"""Market data frames: engine events to the JSON that the venue's streams carry, encoded once."""

from __future__ import annotations

from typing import Any

import orjson

from opensqt_actors.simvenue.events import BookTicker, CandleUpdate, Depth, MarketTrade, MarkPrice, Ticker24h
from opensqt_actors.simvenue.rules import MarketRules
from opensqt_actors.simvenue.server.endpoints.public import ticker_row
from opensqt_actors.simvenue.server.shapes import money


def book_ticker(event: BookTicker, rules: MarketRules, now: int) -> bytes:
    # By hand: this is the hot one, and all its parts are plain ASCII.
    return (
        f'{{"e":"bookTicker","u":{event.update_id},"s":"{event.symbol}",'
        f'"b":"{rules.price_text(event.bid)}","B":"{rules.quantity_text(event.bid_size)}",'
        f'"a":"{rules.price_text(event.ask)}","A":"{rules.quantity_text(event.ask_size)}",'
        f'"T":{event.time},"E":{now}}}'
    ).encode()


def aggregate_trade(event: MarketTrade, rules: MarketRules, now: int) -> bytes:
    return orjson.dumps(
        {
            "e": "aggTrade",
            "E": now,
            "a": event.trade_id,
            "s": event.symbol,
            "p": rules.price_text(event.price),
            "q": rules.quantity_text(event.quantity),
            "f": event.trade_id,
            "l": event.trade_id,
            "T": event.time,
            "m": event.buyer_is_maker,
        }
    )


def trade(event: MarketTrade, rules: MarketRules, now: int) -> bytes:
    return orjson.dumps(
        {
            "e": "trade",
            "E": now,
            "T": event.time,
            "s": event.symbol,
            "t": event.trade_id,
            "p": rules.price_text(event.price),
            "q": rules.quantity_text(event.quantity),
            "X": "MARKET",
            "m": event.buyer_is_maker,
        }
    )


def kline(event: CandleUpdate, rules: MarketRules, now: int) -> bytes:
    candle = event.candle
    return orjson.dumps(
        {
            "e": "kline",
            "E": now,
            "s": event.symbol,
            "k": {
                "t": candle.open_time,
                "T": candle.close_time,
                "s": event.symbol,
                "i": event.interval,
                "f": candle.first_trade,
                "L": candle.last_trade,
                "o": rules.price_text(candle.open),
                "c": rules.price_text(candle.close),
                "h": rules.price_text(candle.high),
                "l": rules.price_text(candle.low),
                "v": rules.quantity_text(candle.volume),
                "n": candle.trades,
                "x": event.closed,
                "q": money(rules.money(candle.quote_volume)),
                "V": rules.quantity_text(candle.buy_volume),
                "Q": money(rules.money(candle.buy_quote_volume)),
                "B": "0",
            },
        }
    )


def mark_price(event: MarkPrice, rules: MarketRules, now: int) -> dict[str, Any]:
    price = rules.price_text(event.price)
    return {
        "e": "markPriceUpdate",
        "E": now,
        "s": event.symbol,
        "p": price,
        "ap": price,
        "P": price,
        "i": price,
        "r": format(event.funding_rate, ".8f"),
        "T": event.next_funding,
    }


def ticker(statistics: Ticker24h, rules: MarketRules, now: int) -> dict[str, Any]:
    row = ticker_row(statistics, rules)
    return {
        "e": "24hrTicker",
        "E": now,
        "s": row["symbol"],
        "p": row["priceChange"],
        "P": row["priceChangePercent"],
        "w": row["weightedAvgPrice"],
        "c": row["lastPrice"],
        "Q": row["lastQty"],
        "o": row["openPrice"],
        "h": row["highPrice"],
        "l": row["lowPrice"],
        "v": row["volume"],
        "q": row["quoteVolume"],
        "O": row["openTime"],
        "C": row["closeTime"],
        "F": row["firstId"],
        "L": row["lastId"],
        "n": row["count"],
    }


def mini_ticker(full: dict[str, Any]) -> dict[str, Any]:
    """The short form of a 24hrTicker frame."""
    return {"e": "24hrMiniTicker"} | {name: full[name] for name in ("E", "s", "c", "o", "h", "l", "v", "q")}


def depth(symbol: str, book: Depth, rules: MarketRules, now: int, before: int) -> bytes:
    """A partial book: the whole of its levels, every time."""
    return orjson.dumps(
        {
            "e": "depthUpdate",
            "E": now,
            "T": now,
            "s": symbol,
            "U": before + 1,
            "u": book.update_id,
            "pu": before,
            "b": [[rules.price_text(price), rules.quantity_text(size)] for price, size in book.bids],
            "a": [[rules.price_text(price), rules.quantity_text(size)] for price, size in book.asks],
        }
    )
