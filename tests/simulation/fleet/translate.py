"""The engine's values as the venue's adapter tells them to the trading side."""

from __future__ import annotations

from decimal import Decimal

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Candle, Fill, OrderReport, OrderStatus, RefusalCode, Side
from opensqt_actors.simvenue import events as engine
from opensqt_actors.simvenue.rules import MarketRules

MS = 1_000_000
_STATUS = {
    engine.OrderStatus.NEW: OrderStatus.NEW,
    engine.OrderStatus.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
    engine.OrderStatus.FILLED: OrderStatus.FILLED,
    engine.OrderStatus.CANCELED: OrderStatus.CANCELED,
    engine.OrderStatus.EXPIRED: OrderStatus.EXPIRED,
    engine.OrderStatus.EXPIRED_IN_MATCH: OrderStatus.EXPIRED,
}
REFUSALS = {
    -2019: RefusalCode.INSUFFICIENT_MARGIN,
    -2018: RefusalCode.INSUFFICIENT_MARGIN,
    -2027: RefusalCode.INSUFFICIENT_MARGIN,
    -5022: RefusalCode.WOULD_CROSS,
    -2022: RefusalCode.REDUCE_ONLY,
    -4116: RefusalCode.DUPLICATE_ID,
    -2011: RefusalCode.UNKNOWN_ORDER,
    -2013: RefusalCode.UNKNOWN_ORDER,
    -2025: RefusalCode.TOO_MANY_ORDERS,
    -4141: RefusalCode.SYMBOL_CLOSED,
    -1121: RefusalCode.SYMBOL_CLOSED,
}


def instrument_of(rules: MarketRules) -> Instrument:
    """The rules as the trading side knows them."""
    return Instrument(
        rules.symbol, rules.base, rules.quote, rules.tick, rules.step, Decimal(1), rules.min_qty, rules.max_qty,
        rules.min_notional,
    )  # fmt: skip


def report_of(order: engine.Order) -> OrderReport:
    """An order as the adapter reports it."""
    return OrderReport(
        ClientId(order.client_id), order.symbol, str(order.order_id), Side(order.side.value.lower()),
        _STATUS[order.status], order.price, order.quantity, order.executed, order.updated * MS,
    )  # fmt: skip


def fill_of(fill: engine.Fill, rules: MarketRules, *, named: bool = True) -> Fill:
    """A trade as the adapter reports it; the trade list does not name client ids."""
    return Fill(
        fill.symbol, fill.trade_id, ClientId(fill.client_id if named else ""), str(fill.order_id),
        Side(fill.side.value.lower()), fill.price, fill.quantity, fill.commission, rules.quote, fill.maker,
        fill.time * MS,
    )  # fmt: skip


def candle_of(candle: engine.Candle, rules: MarketRules, closed: bool) -> Candle:
    """A candle in quote currency."""
    tick, step = float(rules.tick), float(rules.step)
    return Candle(
        rules.symbol, candle.open_time * MS, candle.open * tick, candle.high * tick, candle.low * tick,
        candle.close * tick, candle.volume * step, closed,
    )  # fmt: skip
