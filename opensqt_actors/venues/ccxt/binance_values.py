"""Binance USD-M's JSON as our values: rules, orders, trades, candles, positions. Pure: no I/O, no clock.

Decimals arrive as strings and become ticks and steps through `Instrument`; nothing passes through a float but candles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from opensqt_actors.actors.ports import OrderEvent, Published
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    AccountState,
    Candle,
    Fees,
    Fill,
    FundingPayment,
    OrderReport,
    OrderRequest,
    OrderStatus,
    Position,
    RefusalCode,
    Side,
)

MILLISECOND = 1_000_000
PLACE_BATCH = 5
CANCEL_BATCH = 10
VIEW_WEIGHT = 11
"""openOrders of a symbol 1, positionRisk 5, userTrades 5."""

STATUSES = {
    "NEW": OrderStatus.NEW,
    "NEW_ADL": OrderStatus.NEW,
    "NEW_INSURANCE": OrderStatus.NEW,
    "PENDING_CANCEL": OrderStatus.NEW,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_WIRE_SIDE = {Side.BUY: "BUY", Side.SELL: "SELL"}
_VENUES_OWN = {"autoclose-": "liquidation", "adl_autoclose": "auto_deleveraging", "settlement_autoclose-": "settlement"}
_WINDOWS = {("ORDERS", "SECOND", 10): "orders_per_10s", ("ORDERS", "MINUTE", 1): "orders_per_minute"}


def instruments_of(info: Mapping[str, Any]) -> tuple[dict[str, Instrument], dict[str, str]]:
    """exchangeInfo -> (perpetuals that trade, the status of those that do not), by market id."""
    open_now: dict[str, Instrument] = {}
    closed: dict[str, str] = {}
    for row in info["symbols"]:
        if not str(row.get("contractType", "")).endswith("PERPETUAL"):
            continue
        if row["status"] == "TRADING":
            open_now[row["symbol"]] = _instrument(row)
        else:
            closed[row["symbol"]] = row["status"]
    return open_now, closed


def _instrument(row: Mapping[str, Any]) -> Instrument:
    filters = {entry["filterType"]: entry for entry in row["filters"]}
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    tick, step = Decimal(price["tickSize"]).normalize(), Decimal(lot["stepSize"]).normalize()
    largest = min(Decimal(entry["maxQty"]) for entry in (lot, filters.get("MARKET_LOT_SIZE", lot)))
    return Instrument(
        symbol=row["symbol"],
        base=row["baseAsset"],
        quote=row["quoteAsset"],
        tick=tick,
        step=step,
        min_quantity=max(1, int((Decimal(lot["minQty"]) / step).to_integral_value(ROUND_CEILING))),
        max_quantity=int((largest / step).to_integral_value(ROUND_FLOOR)),
        min_notional=Decimal(filters.get("MIN_NOTIONAL", {}).get("notional", "0")),
        min_price=int((Decimal(price["minPrice"]) / tick).to_integral_value(ROUND_CEILING)),
        max_price=int((Decimal(price["maxPrice"]) / tick).to_integral_value(ROUND_FLOOR)),
    )


def published_of(info: Mapping[str, Any]) -> Published:
    """exchangeInfo -> the limits of this account's order rate and this address' request weight."""
    found = {"orders_per_10s": 0, "orders_per_minute": 0, "weight_per_minute": 0}
    for row in info.get("rateLimits", ()):
        key = (row["rateLimitType"], row["interval"], row["intervalNum"])
        if key in _WINDOWS:
            found[_WINDOWS[key]] = int(row["limit"])
        elif key == ("REQUEST_WEIGHT", "MINUTE", 1):
            found["weight_per_minute"] = int(row["limit"])
    return Published(**found, view_weight=VIEW_WEIGHT, place_batch=PLACE_BATCH, cancel_batch=CANCEL_BATCH)


def order_params(order: OrderRequest, instrument: Instrument) -> dict[str, str]:
    """An order in the venue's words: exact decimals, no exponent."""
    params = {
        "symbol": order.symbol,
        "side": _WIRE_SIDE[order.side],
        "quantity": f"{instrument.quantity(order.quantity):f}",
        "newClientOrderId": order.client_id,
        "newOrderRespType": "RESULT",
    }
    if order.price is None:
        params["type"] = "MARKET"
    else:
        params["type"] = "LIMIT"
        params["timeInForce"] = "GTX" if order.post_only else "GTC"
        params["price"] = f"{instrument.price(order.price):f}"
    if order.reduce_only:
        params["reduceOnly"] = "true"
    return params


def report_of(row: Mapping[str, Any], instrument: Instrument) -> OrderReport:
    """An order of the REST API."""
    status, filled = STATUSES[row["status"]], instrument.quantity_to_steps(Decimal(row["executedQty"]))
    return OrderReport(
        client_id=ClientId(row["clientOrderId"]),
        symbol=row["symbol"],
        venue_id=str(row["orderId"]),
        side=_SIDES[row["side"]],
        status=status,
        price=instrument.price_to_ticks(Decimal(row["price"])),
        quantity=instrument.quantity_to_steps(Decimal(row["origQty"])),
        filled=filled,
        at=int(row.get("updateTime") or row.get("time") or 0) * MILLISECOND,
        reason=_reason(row["clientOrderId"], status, row.get("timeInForce", ""), filled),
    )


def order_event_of(frame: Mapping[str, Any], instrument: Instrument) -> OrderEvent:
    """An ORDER_TRADE_UPDATE, with its fill when it tells one."""
    order = frame["o"]
    client_id, venue_id, side = ClientId(order["c"]), str(order["i"]), _SIDES[order["S"]]
    status, filled = STATUSES[order["X"]], instrument.quantity_to_steps(Decimal(order["z"]))
    at = int(order.get("T") or frame["E"]) * MILLISECOND
    report = OrderReport(
        client_id=client_id,
        symbol=instrument.symbol,
        venue_id=venue_id,
        side=side,
        status=status,
        price=instrument.price_to_ticks(Decimal(order["p"])),
        quantity=instrument.quantity_to_steps(Decimal(order["q"])),
        filled=filled,
        at=at,
        reason=_reason(client_id, status, order.get("f", ""), filled),
    )
    last = Decimal(order["l"])
    if last <= 0 or order.get("t", 0) <= 0:
        return OrderEvent(report, None)
    fill = Fill(
        symbol=instrument.symbol,
        trade_id=order["t"],
        client_id=client_id,
        venue_id=venue_id,
        side=side,
        price=instrument.price_to_ticks(Decimal(order["L"])),
        quantity=instrument.quantity_to_steps(last),
        fee=Decimal(order.get("n") or 0),
        fee_asset=order.get("N") or instrument.quote,
        maker=bool(order.get("m")),
        at=at,
    )
    return OrderEvent(report, fill)


def fill_of(row: Mapping[str, Any], instrument: Instrument) -> Fill:
    """A row of userTrades. The venue does not tell the client id there."""
    return Fill(
        symbol=row["symbol"],
        trade_id=int(row["id"]),
        client_id=ClientId(""),
        venue_id=str(row["orderId"]),
        side=_SIDES[row["side"]],
        price=instrument.price_to_ticks(Decimal(row["price"])),
        quantity=instrument.quantity_to_steps(Decimal(row["qty"])),
        fee=Decimal(row["commission"]),
        fee_asset=row["commissionAsset"],
        maker=bool(row["maker"]),
        at=int(row["time"]) * MILLISECOND,
    )


def _reason(client_id: str, status: OrderStatus, time_in_force: str, filled: int) -> str:
    """Why an order is what it is, where the venue lets it be known."""
    for beginning, reason in _VENUES_OWN.items():
        if client_id.startswith(beginning):
            return reason
    if status is OrderStatus.EXPIRED and time_in_force == "GTX" and filled == 0:
        return RefusalCode.WOULD_CROSS.value
    return ""


def position_of(rows: Iterable[Mapping[str, Any]], instrument: Instrument) -> Position:
    """positionRisk of one symbol, netted over its position sides; prices of the larger side."""
    net, entry, largest = 0, Decimal(0), 0
    liquidation, mark = Decimal(0), Decimal(0)
    for row in rows:
        if row["symbol"] != instrument.symbol:
            continue
        steps = int((Decimal(row["positionAmt"]) / instrument.step).to_integral_value())
        net += steps
        if abs(steps) > largest:
            largest, entry = abs(steps), Decimal(row["entryPrice"])
            liquidation, mark = Decimal(row.get("liquidationPrice") or 0), Decimal(row.get("markPrice") or 0)
    if not net:
        return Position(instrument.symbol, 0, Decimal(0))
    return Position(instrument.symbol, net, entry, liquidation, mark)


def account_of(account: Mapping[str, Any], config: Mapping[str, Any]) -> AccountState:
    """The v3 account and the account's configuration."""
    return AccountState(
        wallet_balance=Decimal(account["totalWalletBalance"]),
        available=Decimal(account["availableBalance"]),
        hedged=bool(config["dualSidePosition"]),
        can_trade=bool(config["canTrade"]),
        equity=Decimal(account["totalMarginBalance"]),
    )


def fees_of(row: Mapping[str, Any]) -> Fees:
    """commissionRate."""
    return Fees(Decimal(row["makerCommissionRate"]), Decimal(row["takerCommissionRate"]))


def payment_of(row: Mapping[str, Any]) -> FundingPayment:
    """A FUNDING_FEE row of income; tranId is unique within an income type."""
    return FundingPayment(row["symbol"], str(row["tranId"]), Decimal(row["income"]), int(row["time"]) * MILLISECOND)


def candle_of(symbol: str, row: list[Any], now_ms: int) -> Candle:
    """A row of klines; it is closed when its close time is over. now_ms: the venue's time."""
    opened, high, low, close, volume = (float(text) for text in row[1:6])
    return Candle(symbol, int(row[0]) * MILLISECOND, opened, high, low, close, volume, int(row[6]) < now_ms)


def candle_event_of(frame: Mapping[str, Any]) -> Candle:
    """A kline frame."""
    k = frame["k"]
    return Candle(
        frame["s"],
        k["t"] * MILLISECOND,
        float(k["o"]),
        float(k["h"]),
        float(k["l"]),
        float(k["c"]),
        float(k["v"]),
        closed=bool(k["x"]),
    )
