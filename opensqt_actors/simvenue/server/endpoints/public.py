"""Requests that need no key: markets and their rules, prices, depth, candles, trades, funding."""

from __future__ import annotations

from typing import Any

from opensqt_actors.simvenue.events import BookTicker, Candle, MarketTrade, MarkPrice, Ticker24h
from opensqt_actors.simvenue.rules import MarketRules
from opensqt_actors.simvenue.server import shapes
from opensqt_actors.simvenue.server.endpoints.call import Call, by_limit, by_symbol, route
from opensqt_actors.simvenue.server.errors import VenueError
from opensqt_actors.simvenue.server.limits import Limits
from opensqt_actors.simvenue.server.shapes import Json

INTERVALS = frozenset({"1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"})
DEPTHS = (5, 10, 20, 50, 100, 500, 1_000)
_KLINE_WEIGHT = by_limit((99, 1), (499, 2), (1_000, 5), (10_000, 10), default=500)


@route("GET", "/fapi/v1/ping")
def ping(_: Call) -> Json:
    return {}


@route("GET", "/fapi/v1/time")
def server_time(call: Call) -> Json:
    return {"serverTime": call.told()}


def rate_limits(limits: Limits) -> list[Json]:
    """The limits in force, in exchangeInfo's shape."""
    return [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limits.weight_per_minute},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": limits.orders_per_minute},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": limits.orders_per_10s},
    ]


@route("GET", "/fapi/v1/exchangeInfo")
def exchange_info(call: Call) -> Json:
    exchange = call.core.exchange
    return {
        "timezone": "UTC",
        "serverTime": call.told(),
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits(call.core.limiter.limits),
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in call.core.margin_assets()
        ],
        "symbols": [
            shapes.market(exchange.rules(symbol), exchange.status(symbol), exchange.listed_at(symbol))
            for symbol in exchange.symbols()
        ],
    }


@route("GET", "/fapi/v1/depth", weight=by_limit((50, 2), (100, 5), (500, 10), (1_000, 20), default=500))
def depth(call: Call) -> Json:
    symbol = call.symbol()
    levels = call.limit(500, 1_000)
    if levels not in DEPTHS:
        raise VenueError(-4021, f"{levels} is not valid depth limit.")
    rules = call.rules(symbol)
    book = call.core.exchange.depth(symbol, levels)
    now = call.told()
    return {
        "lastUpdateId": book.update_id,
        "E": now,
        "T": now,
        "bids": [[rules.price_text(price), rules.quantity_text(size)] for price, size in book.bids],
        "asks": [[rules.price_text(price), rules.quantity_text(size)] for price, size in book.asks],
    }


def _chosen(call: Call) -> tuple[list[str], bool]:
    """The symbols asked for, and whether it was a single one."""
    symbol = call.symbol(optional=True)
    return ([symbol], True) if symbol else (call.core.exchange.symbols(), False)


def _answer(rows: list[Json], *, single: bool) -> Any:
    return rows[0] if single else rows


def ticker_row(ticker: Ticker24h, rules: MarketRules) -> Json:
    """One row of /fapi/v1/ticker/24hr."""
    change = ticker.last - ticker.open
    average = (
        rules.money(ticker.quote_volume) / rules.quantity(ticker.volume) if ticker.volume else rules.price(ticker.last)
    )
    return {
        "symbol": ticker.symbol,
        "priceChange": rules.price_text(change),
        "priceChangePercent": f"{change * 100 / ticker.open:.3f}" if ticker.open else "0.000",
        "weightedAvgPrice": shapes.average(average, rules),
        "lastPrice": rules.price_text(ticker.last),
        "lastQty": rules.quantity_text(ticker.last_quantity),
        "openPrice": rules.price_text(ticker.open),
        "highPrice": rules.price_text(ticker.high),
        "lowPrice": rules.price_text(ticker.low),
        "volume": rules.quantity_text(ticker.volume),
        "quoteVolume": shapes.money(rules.money(ticker.quote_volume)),
        "openTime": ticker.open_time,
        "closeTime": ticker.close_time,
        "firstId": ticker.first_trade,
        "lastId": ticker.last_trade,
        "count": ticker.trades,
    }


@route("GET", "/fapi/v1/ticker/24hr", weight=by_symbol(1, 40))
def ticker_24h(call: Call) -> Any:
    symbols, single = _chosen(call)
    return _answer(
        [ticker_row(call.core.exchange.ticker(symbol, call.now), call.rules(symbol)) for symbol in symbols],
        single=single,
    )


@route("GET", "/fapi/v1/ticker/price", "/fapi/v2/ticker/price", weight=by_symbol(1, 2))
def ticker_price(call: Call) -> Any:
    symbols, single = _chosen(call)
    now = call.told()
    rows = [
        {"symbol": symbol, "price": call.rules(symbol).price_text(call.core.exchange.last_price(symbol)), "time": now}
        for symbol in symbols
    ]
    return _answer(rows, single=single)


def book_row(ticker: BookTicker, rules: MarketRules) -> Json:
    return {
        "symbol": ticker.symbol,
        "bidPrice": rules.price_text(ticker.bid),
        "bidQty": rules.quantity_text(ticker.bid_size),
        "askPrice": rules.price_text(ticker.ask),
        "askQty": rules.quantity_text(ticker.ask_size),
        "time": ticker.time,
        "lastUpdateId": ticker.update_id,
    }


@route("GET", "/fapi/v1/ticker/bookTicker", weight=by_symbol(2, 5))
def ticker_book(call: Call) -> Any:
    symbols, single = _chosen(call)
    exchange = call.core.exchange
    return _answer([book_row(exchange.book_ticker(symbol), call.rules(symbol)) for symbol in symbols], single=single)


def premium_row(mark: MarkPrice, rules: MarketRules) -> Json:
    price = rules.price_text(mark.price)
    return {
        "symbol": mark.symbol,
        "markPrice": price,
        "indexPrice": price,
        "estimatedSettlePrice": price,
        "lastFundingRate": format(mark.funding_rate, ".8f"),
        "interestRate": "0.00010000",
        "nextFundingTime": mark.next_funding,
        "time": mark.time,
    }


@route("GET", "/fapi/v1/premiumIndex", weight=by_symbol(1, 10))
def premium_index(call: Call) -> Any:
    symbols, single = _chosen(call)
    exchange = call.core.exchange
    return _answer([premium_row(exchange.mark_price(symbol), call.rules(symbol)) for symbol in symbols], single=single)


def kline_row(candle: Candle, rules: MarketRules) -> list[Any]:
    return [
        candle.open_time,
        rules.price_text(candle.open),
        rules.price_text(candle.high),
        rules.price_text(candle.low),
        rules.price_text(candle.close),
        rules.quantity_text(candle.volume),
        candle.close_time,
        shapes.money(rules.money(candle.quote_volume)),
        candle.trades,
        rules.quantity_text(candle.buy_volume),
        shapes.money(rules.money(candle.buy_quote_volume)),
        "0",
    ]


@route("GET", "/fapi/v1/klines", weight=_KLINE_WEIGHT)
def klines(call: Call) -> Any:
    symbol = call.symbol()
    interval = call.required("interval")
    if interval not in INTERVALS:
        raise VenueError(-1120, "Invalid interval.")
    candles = call.core.exchange.candles(
        symbol,
        interval,
        start=call.whole("startTime"),
        end=call.whole("endTime"),
        limit=call.limit(500, 1_500),
    )
    rules = call.rules(symbol)
    return [kline_row(candle, rules) for candle in candles]


def _trades(call: Call) -> list[MarketTrade]:
    return call.core.exchange.market_trades(
        call.symbol(),
        from_id=call.whole("fromId"),
        start=call.whole("startTime"),
        end=call.whole("endTime"),
        limit=call.limit(500, 1_000),
    )


@route("GET", "/fapi/v1/aggTrades", weight=20)
def aggregate_trades(call: Call) -> Any:
    rules = call.rules(call.symbol())
    return [
        {
            "a": trade.trade_id,
            "p": rules.price_text(trade.price),
            "q": rules.quantity_text(trade.quantity),
            "f": trade.trade_id,
            "l": trade.trade_id,
            "T": trade.time,
            "m": trade.buyer_is_maker,
        }
        for trade in _trades(call)
    ]


@route("GET", "/fapi/v1/trades", weight=5)
def trades(call: Call) -> Any:
    rules = call.rules(call.symbol())
    return [
        {
            "id": trade.trade_id,
            "price": rules.price_text(trade.price),
            "qty": rules.quantity_text(trade.quantity),
            "quoteQty": shapes.money(rules.money(trade.price * trade.quantity)),
            "time": trade.time,
            "isBuyerMaker": trade.buyer_is_maker,
        }
        for trade in _trades(call)
    ]


@route("GET", "/fapi/v1/fundingRate")
def funding_rates(call: Call) -> Any:
    """Fundings charged since the venue was started, oldest first."""
    symbol = call.symbol(optional=True)
    start, end = call.whole("startTime"), call.whole("endTime")
    rows = [
        {
            "symbol": name,
            "fundingTime": record.time,
            "fundingRate": format(record.rate, ".8f"),
            "markPrice": call.rules(name).price_text(record.mark),
        }
        for name in ([symbol] if symbol else call.core.exchange.symbols())
        for record in call.core.funding.get(name, ())
        if (start is None or record.time >= start) and (end is None or record.time <= end)
    ]
    rows.sort(key=lambda row: (row["fundingTime"], row["symbol"]))
    limit = call.limit(100, 1_000)
    return rows[:limit] if start is not None else rows[-limit:]


@route("GET", "/fapi/v1/fundingInfo")
def funding_info(call: Call) -> Any:
    return [
        {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": call.rules(symbol).funding_interval,
            "disclaimer": False,
        }
        for symbol in call.core.exchange.symbols()
    ]
