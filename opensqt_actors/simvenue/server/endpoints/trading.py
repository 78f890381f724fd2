"""Orders: place, amend, cancel and look up, one at a time and in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson
from msgspec.structs import replace

from opensqt_actors.simvenue.events import (
    NewOrder,
    Order,
    OrderStatus,
    OrderType,
    PositionSide,
    Rejection,
    SelfTrade,
    Side,
    TimeInForce,
)
from opensqt_actors.simvenue.server import shapes
from opensqt_actors.simvenue.server.endpoints.call import Call, Security, by_symbol, route
from opensqt_actors.simvenue.server.errors import VenueError, illegal, mandatory, refused
from opensqt_actors.simvenue.server.faults import Request
from opensqt_actors.simvenue.server.shapes import Json

MOST_PLACED = 5
MOST_CANCELLED = 10
CONDITIONAL = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})


def batch_of(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """The orders of a batch, their values as texts. Raises VenueError -1102, -1130."""
    text = parameters.get("batchOrders")
    if not text:
        raise mandatory("batchOrders")
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise illegal("batchOrders") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise illegal("batchOrders")
    return [{str(name): _text(value) for name, value in entry.items()} for entry in entries]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _one(_: Mapping[str, str]) -> tuple[int, int]:
    return 1, 1


def _many(parameters: Mapping[str, str]) -> tuple[int, int]:
    try:
        return len(batch_of(parameters)), 1
    except VenueError:
        return 1, 1


def _new_order(call: Call) -> NewOrder:
    symbol = call.required("symbol")
    side = call.choice("side", Side, VenueError(-1117, "Invalid side."))
    if side is None:
        raise mandatory("side")
    kind = call.required("type")
    if kind in CONDITIONAL:
        raise VenueError(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    if kind not in shapes.ORDER_TYPES:
        raise VenueError(-1116, "Invalid orderType.")
    price = call.decimal("price")
    force = call.choice("timeInForce", TimeInForce, VenueError(-1115, "Invalid timeInForce."))
    if call.text("priceMatch") not in {None, "NONE"}:
        raise illegal("priceMatch")
    if kind == "LIMIT":
        if force is None:
            raise mandatory("timeInForce")
        if price is None:
            raise mandatory("price")
    else:
        for name in ("price", "timeInForce"):
            if call.text(name) is not None:
                raise VenueError(-1106, f"Parameter '{name}' sent when not required.")
    quantity = call.decimal("quantity")
    if quantity is None:
        raise mandatory("quantity")
    return NewOrder(
        symbol=symbol,
        side=side,
        type=OrderType(kind),
        quantity=quantity,
        price=price,
        time_in_force=force or TimeInForce.GTC,
        reduce_only=bool(call.flag("reduceOnly")),
        client_id=call.text("newClientOrderId"),
        position_side=call.choice("positionSide", PositionSide, illegal("positionSide")) or PositionSide.BOTH,
        self_trade=call.choice("selfTradePreventionMode", SelfTrade, illegal("selfTradePreventionMode"))
        or SelfTrade.NONE,
    )


def _accepted(call: Call, result: Order | Rejection) -> Order:
    if isinstance(result, Rejection):
        raise refused(result)
    return result


@route("POST", "/fapi/v1/order", weight=0, security=Security.SIGNED, orders=_one)
def place(call: Call) -> Json:
    wanted = _new_order(call)
    placed = _accepted(call, call.core.exchange.place(call.account, wanted, call.now))
    if call.text("newOrderRespType") not in {"RESULT", "FULL"}:
        # An ACK is given before matching: it never tells of fills.
        placed = replace(
            placed,
            status=OrderStatus.NEW,
            executed=0,
            quote=Decimal(0),
            average_price=Decimal(0),
            updated=placed.created,
        )
    return shapes.order(placed, call.rules(placed.symbol))


def _identity(call: Call) -> tuple[int | None, str | None]:
    order_id, client_id = call.whole("orderId"), call.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise VenueError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    # The venue looks at the order id first.
    return order_id, None if order_id is not None else client_id


@route("PUT", "/fapi/v1/order", weight=0, security=Security.SIGNED, orders=_one)
def amend(call: Call) -> Json:
    symbol = call.required("symbol")
    order_id, client_id = _identity(call)
    side = call.choice("side", Side, VenueError(-1117, "Invalid side."))
    quantity, price = call.decimal("quantity"), call.decimal("price")
    for name, value in (("side", side), ("quantity", quantity), ("price", price)):
        if value is None:
            raise mandatory(name)
    result = call.core.exchange.amend(
        call.account,
        symbol,
        call.now,
        order_id=order_id,
        client_id=client_id,
        side=side,
        quantity=quantity,
        price=price,
    )
    return shapes.order(_accepted(call, result), call.rules(symbol))


@route("DELETE", "/fapi/v1/order", security=Security.SIGNED)
def cancel(call: Call) -> Json:
    symbol = call.required("symbol")
    order_id, client_id = _identity(call)
    result = call.core.exchange.cancel(call.account, symbol, call.now, order_id=order_id, client_id=client_id)
    return shapes.order(_accepted(call, result), call.rules(symbol))


def _look_up(call: Call) -> Order:
    symbol = call.symbol()
    order_id, client_id = _identity(call)
    return _accepted(call, call.core.exchange.order(call.account, symbol, order_id=order_id, client_id=client_id))


@route("GET", "/fapi/v1/order", security=Security.SIGNED)
def query(call: Call) -> Json:
    found = _look_up(call)
    return shapes.stored_order(found, call.rules(found.symbol))


@route("GET", "/fapi/v1/openOrder", security=Security.SIGNED)
def open_order(call: Call) -> Json:
    found = _look_up(call)
    if not found.status.open:
        raise VenueError(-2013, "Order does not exist.")
    return shapes.stored_order(found, call.rules(found.symbol))


def _each(call: Call, entries: list[dict[str, str]], method: str, action: Callable[[Call], Json]) -> list[Json]:
    answers: list[Json] = []
    for entry in entries:
        try:
            fault = call.core.faults.on_batch_item(
                Request(
                    "/fapi/v1/batchOrders",
                    method,
                    call.account,
                    (entry.get("symbol", ""),),
                    (entry.get("newClientOrderId") or entry.get("origClientOrderId") or "",),
                    (entry.get("timeInForce", ""),),
                )
            )
            if fault is not None:
                raise VenueError(fault.code if fault.code is not None else -1000, fault.msg)
            answers.append(action(call.instead(entry)))
        except VenueError as error:
            if method != "DELETE":
                call.core.stats.orders["rejected"] += 1
            call.core.stats.rejections[error.code] += 1
            answers.append(error.body())
    return answers


@route("POST", "/fapi/v1/batchOrders", weight=5, security=Security.SIGNED, orders=_many)
def place_batch(call: Call) -> list[Json]:
    entries = batch_of(call.parameters)
    if not 1 <= len(entries) <= MOST_PLACED:
        raise VenueError(-4082, "Invalid number of batch place orders.")
    return _each(call, entries, "POST", place)


@route("PUT", "/fapi/v1/batchOrders", weight=5, security=Security.SIGNED, orders=_many)
def amend_batch(call: Call) -> list[Json]:
    entries = batch_of(call.parameters)
    if not 1 <= len(entries) <= MOST_PLACED:
        raise VenueError(-4082, "Invalid number of batch place orders.")
    return _each(call, entries, "PUT", amend)


def cancelled_ids(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """The orders that a batch cancel names. Parameter names are taken in any case. Raises VenueError -1102, -1130."""
    lower = {name.lower(): value for name, value in parameters.items()}
    for key, name in (("orderidlist", "orderId"), ("origclientorderidlist", "origClientOrderId")):
        if lower.get(key):
            try:
                ids = orjson.loads(lower[key])
            except orjson.JSONDecodeError:
                raise illegal(key) from None
            if not isinstance(ids, list):
                raise illegal(key)
            return [{"symbol": parameters.get("symbol", ""), name: _text(item)} for item in ids]
    raise mandatory("orderIdList")


@route("DELETE", "/fapi/v1/batchOrders", security=Security.SIGNED)
def cancel_batch(call: Call) -> list[Json]:
    call.symbol()
    entries = cancelled_ids(call.parameters)
    if not 1 <= len(entries) <= MOST_CANCELLED:
        raise illegal("orderIdList")
    return _each(call, entries, "DELETE", cancel)


@route("DELETE", "/fapi/v1/allOpenOrders", security=Security.SIGNED)
def cancel_all(call: Call) -> Json:
    call.core.exchange.cancel_all(call.account, call.now, call.symbol())
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


@route("POST", "/fapi/v1/countdownCancelAll", weight=10, security=Security.SIGNED)
def countdown(call: Call) -> Json:
    symbol = call.symbol()
    length = call.whole("countdownTime")
    if length is None:
        raise mandatory("countdownTime")
    if length < 0:
        raise illegal("countdownTime")
    rejection = call.core.exchange.set_countdown(call.account, symbol, length, call.now)
    if rejection is not None:
        raise refused(rejection)
    return {"symbol": symbol, "countdownTime": str(length)}


@route("GET", "/fapi/v1/openOrders", weight=by_symbol(1, 40), security=Security.SIGNED)
def open_orders(call: Call) -> Any:
    symbol = call.symbol(optional=True)
    found = call.core.exchange.open_orders(call.account, symbol or None)
    return [shapes.stored_order(order, call.rules(order.symbol)) for order in found]


@route("GET", "/fapi/v1/allOrders", weight=5, security=Security.SIGNED)
def all_orders(call: Call) -> Any:
    symbol = call.symbol()
    found = call.core.exchange.orders(
        call.account,
        symbol,
        from_id=call.whole("orderId"),
        start=call.whole("startTime"),
        end=call.whole("endTime"),
        limit=call.limit(500, 1_000),
    )
    return [shapes.stored_order(order, call.rules(symbol)) for order in found]


@route("GET", "/fapi/v1/userTrades", weight=5, security=Security.SIGNED)
def user_trades(call: Call) -> Any:
    symbol = call.symbol()
    found = call.core.exchange.fills(
        call.account,
        symbol,
        from_id=call.whole("fromId"),
        start=call.whole("startTime"),
        end=call.whole("endTime"),
        order_id=call.whole("orderId"),
        limit=call.limit(500, 1_000),
    )
    return [shapes.fill(fill, call.rules(symbol)) for fill in found]
