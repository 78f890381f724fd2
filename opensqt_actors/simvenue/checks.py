"""Admission: whether an order, an amendment or a setting is taken, with the codes and sentences of Binance.

It changes nothing. The sentences are the venue's own, because clients and people know them.
"""

from __future__ import annotations

import re
from decimal import Decimal

from msgspec import Struct

from opensqt_actors.simvenue.account import Account, Position
from opensqt_actors.simvenue.book import LiveOrder
from opensqt_actors.simvenue.events import (
    MarketStatus,
    NewOrder,
    OrderType,
    PositionSide,
    Rejection,
    Side,
    TimeInForce,
)
from opensqt_actors.simvenue.markets.market import Market
from opensqt_actors.simvenue.matching import priority
from opensqt_actors.simvenue.rules import MarketRules

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
MAX_AMENDMENTS = 10_000

UNKNOWN_SYMBOL = Rejection(-1121, "Invalid symbol.")
UNKNOWN_ON_CANCEL = Rejection(-2011, "Unknown order sent.")
NO_SUCH_ORDER = Rejection(-2013, "Order does not exist.")
NO_ID = Rejection(-1102, "Either orderId or origClientOrderId must be sent.")
PRECISION = Rejection(-1111, "Precision is over the maximum defined for this asset.")
REDUCE_ONLY = Rejection(-2022, "ReduceOnly Order is rejected.")
MARGIN = Rejection(-2019, "Margin is insufficient.")
BALANCE = Rejection(-2018, "Balance is insufficient.")
POST_ONLY = Rejection(
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected."
    " The order will not be recorded in the order history",
)

FILL_OR_KILL = Rejection(-5021, "Due to the order could not be filled immediately, the FOK order has been rejected.")


class Ticket(Struct, frozen=True):
    """An order's numbers once admitted: `price` in ticks (0 for MARKET), `quantity` in steps."""

    price: int
    quantity: int


def price_in_ticks(rules: MarketRules, price: Decimal) -> int | Rejection:
    """A client's price, on the tick."""
    if not price.is_finite() or price <= 0:
        return Rejection(-4001, "Price less than 0.")
    if price != round(price, rules.price_digits):
        return PRECISION
    if price % rules.tick:
        return Rejection(-4014, "Price not increased by tick size.")
    return rules.to_ticks(price)


def quantity_in_steps(rules: MarketRules, quantity: Decimal, kind: OrderType) -> int | Rejection:
    """A client's quantity, on the step and within the size limits."""
    if not quantity.is_finite() or quantity <= 0:
        return Rejection(-4003, "Quantity less than or equal to zero.")
    if quantity != round(quantity, rules.quantity_digits):
        return PRECISION
    if quantity % rules.step:
        return Rejection(-4023, "Qty not increased by step size.")
    steps = rules.to_steps(quantity)
    if steps < rules.min_qty:
        return Rejection(-4004, "Quantity less than min quantity.")
    if steps > (rules.market_max_qty if kind is OrderType.MARKET else rules.max_qty):
        return Rejection(-4005, "Quantity greater than max quantity.")
    return steps


def price_in_limits(market: Market, side: Side, price: int) -> Rejection | None:
    """Percent-price filter around the mark price: buys have a cap, sells a floor."""
    rules = market.rules
    if side is Side.BUY:
        cap = rules.tick * market.mark * rules.multiplier_up
        if rules.tick * price > cap:
            return Rejection(-4016, f"Limit price can't be higher than {cap:.{rules.price_digits}f}.")
    else:
        floor = rules.tick * market.mark * rules.multiplier_down
        if rules.tick * price < floor:
            return Rejection(-4024, f"Limit price can't be lower than {floor:.{rules.price_digits}f}.")
    return None


def crosses(market: Market, side: Side, price: int) -> bool:
    """Whether a limit order at this price would trade at once."""
    best = market.book.best(side.opposite)
    return bool(best) and (price >= best if side is Side.BUY else price <= best)


def small_notional(rules: MarketRules, value: int) -> Rejection | None:
    """Minimum notional; `value` in ticks x steps."""
    if rules.quantum * value >= rules.min_notional:
        return None
    least = format(rules.min_notional.normalize(), "f")
    return Rejection(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")


def admit(market: Market, account: Account, order: NewOrder) -> Ticket | Rejection:
    """All checks of a new order for a known symbol, in the venue's order: form, filters, account, price, margin."""
    if market.status is not MarketStatus.TRADING:
        return Rejection(-4141, "Symbol is closed.")
    refused = _form(account, order)
    if refused:
        return refused
    quantity = quantity_in_steps(market.rules, order.quantity, order.type)
    if isinstance(quantity, Rejection):
        return quantity
    price = 0
    if order.price is not None and order.type is OrderType.LIMIT:
        ticks = price_in_ticks(market.rules, order.price)
        if isinstance(ticks, Rejection):
            return ticks
        price = ticks
    ticket = Ticket(price, quantity)
    return _filters(market, order, ticket) or _account(market, account, order, ticket) or ticket


def _form(account: Account, order: NewOrder) -> Rejection | None:
    if order.client_id is not None and not CLIENT_ID.fullmatch(order.client_id):
        return Rejection(-4015, "Client order id is not valid.")
    if (order.position_side is PositionSide.BOTH) is account.hedge_mode:
        return Rejection(-4061, "Order's position side does not match user's setting.")
    if account.hedge_mode:
        return Rejection(-1020, "This operation is not supported: the simulated venue trades in one-way mode only.")
    match order.type:
        case OrderType.LIMIT if order.price is None:
            return Rejection(-1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed.")
        case OrderType.MARKET if order.price is not None:
            return Rejection(-1106, "Parameter 'price' sent when not required.")
        case OrderType.LIQUIDATION:
            return Rejection(-1116, "Invalid orderType.")
        case _:
            return None


def _filters(market: Market, order: NewOrder, ticket: Ticket) -> Rejection | None:
    if order.type is OrderType.LIMIT:
        refused = price_in_limits(market, order.side, ticket.price)
    else:
        best = market.book.best(order.side.opposite)
        refused = price_in_limits(market, order.side, best) if best else None
        if refused:
            refused = Rejection(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")
    if refused is None and not order.reduce_only:
        refused = small_notional(market.rules, (ticket.price or market.mark) * ticket.quantity)
    return refused


def _account(market: Market, account: Account, order: NewOrder, ticket: Ticket) -> Rejection | None:
    if order.client_id is not None and order.client_id in account.open_ids:
        return Rejection(-4116, "ClientOrderId is duplicated.")
    position = account.position(market)
    if position.resting >= market.rules.max_orders:
        return Rejection(-2025, "Reach max open order limit.")
    if order.reduce_only and not _reduces(position, order.side, ticket.price):
        return REDUCE_ONLY
    limit = order.type is OrderType.LIMIT
    if limit and order.time_in_force is TimeInForce.GTX and crosses(market, order.side, ticket.price):
        return POST_ONLY
    fill_or_kill = limit and order.time_in_force is TimeInForce.FOK
    if fill_or_kill and not market.book.available(order.side.opposite, ticket.price, ticket.quantity):
        return FILL_OR_KILL
    if order.reduce_only:
        return None
    price = ticket.price or market.book.best(order.side.opposite) or market.mark
    return margin_for(account, position, order.side, price * ticket.quantity)


def _reduces(position: Position, side: Side, price: int) -> bool:
    """Whether there is something left to reduce for an order at this price, after those of higher priority."""
    if position.amount * side.sign >= 0:
        return False
    if not price:
        return True
    rank = price if side is Side.SELL else -price
    before = sum(order.remaining for order in position.reducing if priority(order)[0] <= rank)
    return before < abs(position.amount)


def margin_for(account: Account, position: Position, side: Side, value: int) -> Rejection | None:
    """Whether the account can carry an order worth `value` (ticks x steps) more on that side."""
    bids, asks = (value, 0) if side is Side.BUY else (0, value)
    needed = position.initial_margin(bids, asks)
    more = needed - position.initial_margin()
    if more <= 0:
        return None
    if account.wallet <= 0:
        return BALANCE
    if more > account.available():
        return MARGIN
    if needed * position.leverage > position.market.rules.cap_at(position.leverage):
        return Rejection(-2027, "Exceeded the maximum allowable position at current leverage.")
    return None


def admit_amendment(
    market: Market, account: Account, order: LiveOrder, quantity: Decimal | None, price: Decimal | None
) -> Ticket | Rejection:
    """Checks of an amendment of an open order; what is not given stays as it is. A refused one changes nothing."""
    if market.status is not MarketStatus.TRADING:
        return Rejection(-5024, "Symbol is not in trading status. Order amendment is not permitted.")
    if order.type is not OrderType.LIMIT:
        return Rejection(-5025, "Only limit order is supported.")
    if order.amended >= MAX_AMENDMENTS:
        return Rejection(-5026, "Exceed maximum modify order limit.")
    steps = order.quantity if quantity is None else quantity_in_steps(market.rules, quantity, OrderType.LIMIT)
    if isinstance(steps, Rejection):
        return steps
    ticks = order.price if price is None else price_in_ticks(market.rules, price)
    if isinstance(ticks, Rejection):
        return ticks
    if (ticks, steps) == (order.price, order.quantity):
        return Rejection(-5027, "No need to modify the order.")
    refused = price_in_limits(market, order.side, ticks)
    if refused is None and not order.reduce_only and steps > order.executed:
        refused = small_notional(market.rules, ticks * steps)
        more = ticks * (steps - order.executed) - order.price * order.remaining
        if refused is None and more > 0:
            refused = margin_for(account, account.position(market), order.side, more)
    return refused or Ticket(ticks, steps)
