"""Matching: price-time priority, the order types, amendments, market moves."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from opensqt_actors.simvenue.events import (
    AccountUpdate,
    Execution,
    ExpiryReason,
    MarketTrade,
    Order,
    OrderStatus,
    OrderUpdate,
    Rejection,
    SelfTrade,
    Side,
    TimeInForce,
)
from opensqt_actors.simvenue.markets.model import CommonFactor, Liquidity, Move, PastCandle
from opensqt_actors.simvenue.markets.scripted import ScriptedModel
from opensqt_actors.simvenue.rules import MarketRules

A, B = "sim-a", "sim-b"
D = Decimal


def statuses(desk: Any, *orders: Order) -> list[OrderStatus]:
    return [desk.look(order).status for order in orders]


def test_a_better_price_trades_first(desk: Any) -> None:
    dear = desk.sell(A, 1, "100.2")
    cheap = desk.sell(A, 1, "100.1")
    taker = desk.buy(B, 1, "100.2")
    assert taker.status is OrderStatus.FILLED
    assert taker.average_price == D("100.1")
    assert statuses(desk, dear, cheap) == [OrderStatus.NEW, OrderStatus.FILLED]


def test_at_one_price_the_older_order_trades_first(desk: Any) -> None:
    first, second, third = (desk.sell(A, 1, 100) for _ in range(3))
    desk.buy(B, 2, 100)
    assert statuses(desk, first, second, third) == [OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.NEW]


def test_a_trade_happens_at_the_resting_orders_price(desk: Any) -> None:
    desk.buy(A, 1, 101)
    taker = desk.sell(B, 1, 99)
    assert taker.average_price == 101


def test_a_partial_fill_leaves_the_rest_in_its_place(desk: Any) -> None:
    first = desk.sell(A, 3, 100)
    second = desk.sell(A, 1, 100)
    desk.buy(B, 1, 100)
    partial = desk.look(first)
    assert (partial.status, partial.executed) == (OrderStatus.PARTIALLY_FILLED, 100)
    desk.buy(B, 2, 100)
    assert statuses(desk, first, second) == [OrderStatus.FILLED, OrderStatus.NEW]


def test_what_a_limit_order_cannot_take_rests_at_its_price(desk: Any) -> None:
    desk.sell(A, 1, 100)
    taker = desk.buy(B, 3, "100.5")
    assert (taker.status, taker.executed) == (OrderStatus.PARTIALLY_FILLED, 100)
    assert desk.exchange.depth(desk.symbol, 5).bids == ((1005, 200),)


def test_a_market_order_takes_level_after_level_and_its_rest_expires(desk: Any) -> None:
    desk.sell(A, 1, 100)
    desk.sell(A, 1, 101)
    order = desk.buy(B, 3)
    assert (order.status, order.executed, order.quote) == (OrderStatus.EXPIRED, 200, 201)
    last = desk.told(B)[-1]
    assert (last.execution, last.expiry) == (Execution.EXPIRED, ExpiryReason.UNFILLED_REMAINDER)


def test_an_ioc_order_never_rests(desk: Any) -> None:
    desk.sell(A, 1, 100)
    order = desk.buy(B, 2, 100, tif=TimeInForce.IOC)
    assert (order.status, order.executed) == (OrderStatus.EXPIRED, 100)
    assert desk.exchange.open_orders(B) == []


def test_a_fok_order_fills_whole_or_is_refused(desk: Any) -> None:
    desk.sell(A, 1, 100)
    desk.sell(A, 1, "100.1")
    assert desk.refused(B, Side.BUY, 3, "100.1", tif=TimeInForce.FOK) == -5021
    assert desk.refused(B, Side.BUY, 2, 100, tif=TimeInForce.FOK) == -5021
    assert desk.fills(B) == []
    assert desk.buy(B, 2, "100.1", tif=TimeInForce.FOK).status is OrderStatus.FILLED


def test_a_post_only_order_that_would_cross_is_refused_and_leaves_no_trace(desk: Any) -> None:
    desk.sell(A, 1, 100)
    desk.heard()
    assert desk.refused(B, Side.BUY, 1, 100, tif=TimeInForce.GTX, client_id="maker-only") == -5022
    assert desk.heard() == []
    unknown = desk.exchange.order(B, desk.symbol, client_id="maker-only")
    assert isinstance(unknown, Rejection)
    assert unknown.code == -2013


def test_a_post_only_order_rests_on_its_own_side(desk: Any) -> None:
    desk.sell(A, 1, 100)
    assert desk.buy(B, 1, "99.9", tif=TimeInForce.GTX).status is OrderStatus.NEW


def test_a_smaller_quantity_keeps_its_place_in_the_queue(desk: Any) -> None:
    first, second = desk.sell(A, 2, 100), desk.sell(A, 1, 100)
    desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=first.order_id, quantity=D(1), price=D(100))
    desk.buy(B, 1, 100)
    assert statuses(desk, first, second) == [OrderStatus.FILLED, OrderStatus.NEW]


@pytest.mark.parametrize(("quantity", "price"), [(3, 100), (2, "100.1")])
def test_more_quantity_or_another_price_goes_to_the_end_of_the_queue(desk: Any, quantity: int, price: object) -> None:
    first = desk.sell(A, 2, 100)
    second, third = desk.sell(A, 1, 100), desk.sell(A, 1, "100.1")
    amended = desk.exchange.amend(
        A, desk.symbol, desk.tick(), order_id=first.order_id, quantity=D(quantity), price=D(str(price))
    )
    assert isinstance(amended, Order)
    desk.buy(B, 1, 100)
    desk.buy(B, 1, "100.1") if price == "100.1" else None
    assert desk.look(second).status is OrderStatus.FILLED
    assert desk.look(first).executed == 0
    assert desk.look(third).status is (OrderStatus.FILLED if price == "100.1" else OrderStatus.NEW)


def test_an_amendment_keeps_both_ids_and_is_told(desk: Any) -> None:
    order = desk.buy(A, 1, 99, client_id="mine")
    desk.heard()
    amended = desk.exchange.amend(A, desk.symbol, desk.tick(), client_id="mine", quantity=D(2), price=D(98))
    assert isinstance(amended, Order)
    assert (amended.order_id, amended.client_id, amended.price, amended.quantity) == (order.order_id, "mine", 980, 200)
    assert [event.execution for event in desk.told(A)] == [Execution.AMENDMENT]


def test_an_order_amended_across_the_market_trades(desk: Any) -> None:
    desk.sell(B, 1, 100)
    order = desk.buy(A, 1, 99)
    amended = desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=order.order_id, price=D(100))
    assert isinstance(amended, Order)
    assert amended.status is OrderStatus.FILLED
    assert not desk.fills(A)[-1].maker


def test_a_post_only_order_amended_across_the_market_is_cancelled(desk: Any) -> None:
    desk.sell(B, 1, 100)
    order = desk.buy(A, 1, 99, tif=TimeInForce.GTX)
    amended = desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=order.order_id, price=D(100))
    assert isinstance(amended, Order)
    assert amended.status is OrderStatus.CANCELED


def test_an_amendment_below_what_is_executed_cancels(desk: Any) -> None:
    order = desk.buy(A, 2, 100)
    desk.sell(B, 1, 100)
    amended = desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=order.order_id, quantity=D(1))
    assert isinstance(amended, Order)
    assert (amended.status, amended.executed) == (OrderStatus.CANCELED, 100)


def test_amendments_that_cannot_be_are_refused(desk: Any) -> None:
    order = desk.buy(A, 1, 100)

    def code(**changes: Any) -> int:
        answer = desk.exchange.amend(A, desk.symbol, desk.tick(), **changes)
        assert isinstance(answer, Rejection)
        return answer.code

    assert code(order_id=order.order_id, quantity=D(1), price=D(100)) == -5027
    assert code(order_id=1, quantity=D(1)) == -2013
    assert code(quantity=D(1)) == -1102
    assert code(order_id=order.order_id, side=Side.SELL, quantity=D(2)) == -2013
    assert code(order_id=order.order_id, price=D("100.05")) == -1111
    assert code(order_id=order.order_id, quantity=D("0.01")) == -4164
    assert code(order_id=order.order_id, price=D(120)) == -4016
    assert code(order_id=order.order_id, quantity=D(100_000)) in {-2019, -2027}
    assert desk.look(order) == order


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        (SelfTrade.NONE, OrderStatus.FILLED, OrderStatus.FILLED),
        (SelfTrade.EXPIRE_MAKER, OrderStatus.EXPIRED_IN_MATCH, OrderStatus.NEW),
        (SelfTrade.EXPIRE_TAKER, OrderStatus.NEW, OrderStatus.EXPIRED_IN_MATCH),
        (SelfTrade.EXPIRE_BOTH, OrderStatus.EXPIRED_IN_MATCH, OrderStatus.EXPIRED_IN_MATCH),
    ],
)
def test_self_trade_prevention(desk: Any, mode: SelfTrade, maker: OrderStatus, taker: OrderStatus) -> None:
    resting = desk.sell(A, 1, 100)
    incoming = desk.buy(A, 1, 100, self_trade=mode)
    assert statuses(desk, resting, incoming) == [maker, taker]


def test_a_price_that_goes_through_an_order_fills_it_at_its_own_price(market: Any) -> None:
    near, far = market.buy(A, 1, "99.5"), market.buy(A, 1, "98.0")
    market.price("99.0")
    assert statuses(market, near, far) == [OrderStatus.FILLED, OrderStatus.NEW]
    fill = market.fills(A)[-1]
    assert (fill.price, fill.maker) == (995, True)


def test_a_jump_sweeps_all_levels_between_best_first(market: Any) -> None:
    orders = [market.sell(A, 1, price) for price in ("100.9", "100.5", "100.7")]
    market.price("101.5")
    assert statuses(market, *orders) == [OrderStatus.FILLED] * 3
    assert [fill.price for fill in market.fills(A)] == [1005, 1007, 1009]


def test_flow_at_the_touch_eats_the_queue_before_an_order_fills(market: Any) -> None:
    order = market.buy(A, 1, "99.5")
    market.price("99.5")  # one step trades there, behind thousands
    assert market.look(order).status is OrderStatus.NEW
    market.price("99.4")
    assert market.look(order).status is OrderStatus.FILLED


class Moves:
    """A market that makes one given move at each whole second."""

    interval_ms = 1_000
    liquidity = Liquidity(touch=100, levels=5)

    def __init__(self, *moves: Move) -> None:
        self._moves = list(moves)

    def open(self, rules: MarketRules, random: Random, common: CommonFactor, now: int) -> Move:
        return Move(1_000, 10, 0, True)

    def step(self, now: int) -> list[Move]:
        return [self._moves.pop(0)] if self._moves else []

    def resume(self, now: int) -> None:
        pass

    def past(self, count: int) -> list[PastCandle]:
        return []


def test_flow_at_an_orders_price_fills_it_in_parts(open_desk: Any) -> None:
    desk = open_desk(model=Moves(Move(995, 10, 10, False), Move(995, 10, 10, False), Move(995, 10, 500, False)))
    order = desk.buy(A, 7, "99.5")
    ahead = desk.exchange._markets[desk.symbol].book.first(Side.BUY, 995).ahead
    assert 20 < ahead < 500
    desk.tick(1_000)
    desk.tick(1_000)
    assert desk.look(order).executed == 0
    desk.tick(1_000)
    partial = desk.look(order)
    assert (partial.status, partial.executed) == (OrderStatus.PARTIALLY_FILLED, 520 - ahead)


def test_an_order_inside_the_spread_has_nobody_before_it(open_desk: Any) -> None:
    desk = open_desk(model=Moves(Move(1_005, 2, 30, False), Move(1_004, 10, 0, False)))
    order = desk.sell(A, 1, "100.5")
    desk.tick(1_000)  # the market rises to the order's price, and thirty steps trade there
    partial = desk.look(order)
    assert (partial.status, partial.executed) == (OrderStatus.PARTIALLY_FILLED, 30)
    desk.tick(1_000)
    assert desk.look(order) == partial


def test_an_order_that_the_quotes_lock_with_fills(open_desk: Any) -> None:
    desk = open_desk(model=Moves(Move(1_005, 10, 1, True)))
    order = desk.buy(A, 1, "100.5")
    desk.tick(1_000)  # the background's ask comes to the order's price
    assert desk.look(order).status is OrderStatus.FILLED


def test_an_order_may_fill_in_two_trades_when_the_price_goes_through(open_desk: Any) -> None:
    desk = open_desk(model=ScriptedModel(Liquidity(split=1.0)))
    order = desk.buy(A, 1, 99)
    desk.price(98)
    assert desk.look(order).status is OrderStatus.FILLED
    sizes = [fill.quantity for fill in desk.fills(A)]
    assert len(sizes) > 1
    assert sum(sizes) == 100


def test_a_taker_pays_through_the_background_and_it_grows_back(market: Any) -> None:
    before = market.exchange.depth(market.symbol, 1).asks[0]
    order = market.buy(A, 5)
    assert order.status is OrderStatus.FILLED
    assert market.exchange.depth(market.symbol, 1).asks[0] == (before[0], before[1] - 500)
    market.price("100.0")
    assert market.exchange.depth(market.symbol, 1).asks[0][1] > 0
    assert not market.fills(A)[-1].maker


def test_a_cancelled_order_is_told_and_cannot_be_cancelled_again(desk: Any) -> None:
    order = desk.buy(A, 1, 99, client_id="gone")
    desk.heard()
    cancelled = desk.exchange.cancel(A, desk.symbol, desk.tick(), client_id="gone")
    assert isinstance(cancelled, Order)
    assert cancelled.status is OrderStatus.CANCELED
    assert [event.execution for event in desk.told(A)] == [Execution.CANCELED]
    again = desk.exchange.cancel(A, desk.symbol, desk.tick(), order_id=order.order_id)
    assert again == Rejection(-2011, "Unknown order sent.")
    assert desk.exchange.depth(desk.symbol, 5).bids == ()


def test_cancel_all_leaves_other_accounts_alone(desk: Any) -> None:
    mine = [desk.buy(A, 1, 99 - i) for i in range(3)]
    other = desk.buy(B, 1, 99)
    assert [order.order_id for order in desk.exchange.cancel_all(A, desk.tick(), desk.symbol)] == [
        order.order_id for order in mine
    ]
    assert desk.look(other).status is OrderStatus.NEW


def test_events_of_a_trade_come_in_order_with_rising_sequence_numbers(desk: Any) -> None:
    desk.sell(A, 1, 100)
    desk.heard()
    desk.buy(B, 1, 100)
    events = [event for event in desk.heard() if not isinstance(event, MarketTrade)]
    mine = [event for event in events if getattr(event, "account", None) == B]
    assert [type(event) for event in mine] == [OrderUpdate, AccountUpdate, OrderUpdate]
    assert [event.sequence for event in mine] == [1, 2, 3]
    trade = mine[2]
    assert isinstance(trade, OrderUpdate)
    assert trade.fill is not None
    assert (trade.execution, trade.order.status, trade.fill.quantity) == (Execution.TRADE, OrderStatus.FILLED, 100)


def test_trade_ids_go_up_by_one_and_both_sides_carry_the_same(desk: Any) -> None:
    for _ in range(3):
        desk.sell(A, 1, 100)
        desk.buy(B, 1, 100)
    ids = [fill.trade_id for fill in desk.fills(A)]
    assert ids == [fill.trade_id for fill in desk.fills(B)] == list(range(ids[0], ids[0] + 3))
    assert [trade.trade_id for trade in desk.exchange.market_trades(desk.symbol)] == ids
