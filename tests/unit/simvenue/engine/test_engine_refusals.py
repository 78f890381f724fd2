"""Refusals: each with the venue's own code, and without any effect."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opensqt_actors.simvenue.events import (
    MarginType,
    MarketStatus,
    NewOrder,
    OrderType,
    PositionSide,
    Rejection,
    Side,
    TimeInForce,
)

A, B = "sim-a", "sim-b"
D = Decimal


@pytest.mark.parametrize(
    ("code", "quantity", "price", "more"),
    [
        (-4001, 1, -5, {}),
        (-1111, 1, "100.05", {}),
        (-4003, 0, 100, {}),
        (-1111, "0.105", 100, {}),
        (-4005, 1_000_000, 100, {}),
        (-4016, 1, 116, {}),
        (-4164, "0.04", 100, {}),
        (-4015, 1, 100, {"client_id": "has a space"}),
        (-4015, 1, 100, {"client_id": "x" * 37}),
        (-4015, 1, 100, {"client_id": ""}),
        (-4061, 1, 100, {"position_side": PositionSide.LONG}),
        (-2022, 1, 100, {"reduce_only": True}),
        (-4131, 1, None, {}),
    ],
)
def test_a_bad_order_is_refused_by_code(desk: Any, code: int, quantity: object, price: object, more: Any) -> None:
    if code == -4131:
        desk.sell(B, 1, 120)
    elif code == -4005:
        desk.exchange.transfer(A, D(10**12), desk.tick())
    before = desk.exchange.summary(A)
    desk.heard()
    assert desk.refused(A, Side.BUY, quantity, price, **more) == code
    assert desk.heard() == []
    assert desk.exchange.summary(A) == before


def test_a_sell_far_below_the_mark_is_refused(desk: Any) -> None:
    assert desk.refused(A, Side.SELL, 1, 84) == -4024


def test_an_unknown_symbol_is_refused_everywhere(desk: Any) -> None:
    exchange, now = desk.exchange, desk.tick()
    order = NewOrder("NOPEUSDT", Side.BUY, OrderType.LIMIT, D(1), D(100))
    answers = [
        exchange.place(A, order, now),
        exchange.amend(A, "NOPEUSDT", now, order_id=1),
        exchange.cancel(A, "NOPEUSDT", now, order_id=1),
        exchange.order(A, "NOPEUSDT", order_id=1),
        exchange.set_leverage(A, "NOPEUSDT", 5, now),
        exchange.set_margin_type(A, "NOPEUSDT", MarginType.ISOLATED, now),
        exchange.set_countdown(A, "NOPEUSDT", 1_000, now),
    ]
    assert [answer.code if isinstance(answer, Rejection) else answer for answer in answers] == [-1121] * 7


def test_prices_and_quantities_must_lie_on_tick_and_step(open_desk: Any, abc: Any) -> None:
    desk = open_desk(rules=abc(tick=D("0.5"), step=D("0.05"), min_qty=4))
    assert desk.refused(A, Side.BUY, 1, "100.3") == -4014
    assert desk.refused(A, Side.BUY, "1.02", 100) == -4023
    assert desk.refused(A, Side.BUY, "0.15", 100) == -4004
    assert desk.refused(A, Side.BUY, 1, D("NaN")) == -4001
    assert desk.refused(A, Side.BUY, D("Infinity"), 100) == -4003


def test_a_market_order_has_its_own_largest_size(open_desk: Any, abc: Any) -> None:
    desk = open_desk(rules=abc(max_qty=1_000, market_max_qty=500))
    assert desk.refused(A, Side.BUY, 6) == -4005
    desk.buy(A, 6, 100)


def test_price_belongs_to_limit_orders_only(desk: Any) -> None:
    def code(kind: OrderType, price: Decimal | None) -> int:
        answer = desk.exchange.place(A, NewOrder(desk.symbol, Side.BUY, kind, D(1), price), desk.tick())
        assert isinstance(answer, Rejection)
        return answer.code

    assert code(OrderType.LIMIT, None) == -1102
    assert code(OrderType.MARKET, D(100)) == -1106
    assert code(OrderType.LIQUIDATION, None) == -1116


def test_a_client_id_is_free_again_once_its_order_has_ended(desk: Any) -> None:
    first = desk.buy(A, 1, 99, client_id="same")
    assert desk.refused(A, Side.BUY, 1, 99, client_id="same") == -4116
    desk.buy(B, 1, 99, client_id="same")
    desk.exchange.cancel(A, desk.symbol, desk.tick(), order_id=first.order_id)
    assert desk.exchange.duplicate_client_ids(A) == {}
    second = desk.buy(A, 1, 99, client_id="same")
    assert desk.exchange.duplicate_client_ids(A) == {"same": 2}
    found = desk.exchange.order(A, desk.symbol, client_id="same")
    assert found == second


def test_open_orders_are_limited_per_symbol(open_desk: Any, abc: Any) -> None:
    desk = open_desk(rules=abc(max_orders=2))
    first = desk.buy(A, 1, 99)
    desk.buy(A, 1, 98)
    assert desk.refused(A, Side.BUY, 1, 97) == -2025
    desk.exchange.cancel(A, desk.symbol, desk.tick(), order_id=first.order_id)
    desk.buy(A, 1, 97)


def test_an_order_beyond_the_margin_is_refused(open_desk: Any) -> None:
    desk = open_desk(balance=100)
    desk.buy(A, 15, 100)  # 75 of margin at 20x
    assert desk.refused(A, Side.BUY, 6, 100) == -2019
    desk.buy(A, 5, 100)
    desk.sell(A, 19, 105)  # both sides together need no more than the larger of the two
    assert desk.refused(B, Side.BUY, 21, 100) == -2019


def test_orders_that_only_lower_the_risk_need_no_margin(open_desk: Any) -> None:
    desk = open_desk(balance=100)
    desk.sell(B, 10, 100)
    desk.buy(A, 10, 100)
    desk.buy(A, 9, 100)
    desk.sell(A, 10, 110)
    assert desk.refused(A, Side.BUY, 5, 100) == -2019


def test_an_empty_wallet_is_named_as_such(open_desk: Any) -> None:
    desk = open_desk(balance=0)
    assert desk.refused(A, Side.BUY, 1, 100) == -2018


def test_a_position_is_limited_by_its_leverage(open_desk: Any) -> None:
    desk = open_desk(balance=10**9)
    assert desk.exchange.set_leverage(A, desk.symbol, 50, desk.tick()) is None
    assert desk.refused(A, Side.BUY, 600, 100) == -2027
    assert desk.exchange.set_leverage(A, desk.symbol, 20, desk.tick()) is None
    desk.buy(A, 600, 100)


def test_leverage_outside_the_brackets_is_refused(desk: Any) -> None:
    for leverage in (0, 51):
        answer = desk.exchange.set_leverage(A, desk.symbol, leverage, desk.tick())
        assert isinstance(answer, Rejection)
        assert answer.code == -4028


def test_leverage_is_not_lowered_beyond_the_margin_nor_raised_beyond_the_position(open_desk: Any) -> None:
    desk = open_desk(balance=100)
    desk.buy(A, 15, 100)
    answer = desk.exchange.set_leverage(A, desk.symbol, 10, desk.tick())
    assert answer == Rejection(-2019, "Margin is insufficient.")
    assert desk.exchange.position(A, desk.symbol).leverage == 20
    rich = open_desk(balance=10**8)
    rich.sell(B, 1_000, 100)
    rich.buy(A, 1_000, 100)
    answer = rich.exchange.set_leverage(A, rich.symbol, 50, rich.tick())
    assert isinstance(answer, Rejection)
    assert answer.code == -2027


def test_settings_that_are_so_already_say_so(desk: Any) -> None:
    exchange, symbol = desk.exchange, desk.symbol
    assert exchange.set_margin_type(A, symbol, MarginType.CROSSED, desk.tick()).code == -4046
    assert exchange.set_hedge_mode(A, False, desk.tick()).code == -4059


def test_modes_do_not_change_under_orders_or_positions(desk: Any) -> None:
    exchange, symbol = desk.exchange, desk.symbol
    order = desk.buy(A, 1, 100)
    assert exchange.set_margin_type(A, symbol, MarginType.ISOLATED, desk.tick()).code == -4047
    assert exchange.set_hedge_mode(A, True, desk.tick()).code == -4067
    desk.sell(B, 1, 100)
    assert desk.look(order).executed == 100
    assert exchange.set_margin_type(A, symbol, MarginType.ISOLATED, desk.tick()).code == -4048
    assert exchange.set_hedge_mode(A, True, desk.tick()).code == -4068


def test_hedge_mode_is_stored_and_takes_no_orders(desk: Any) -> None:
    assert desk.exchange.set_hedge_mode(A, True, desk.tick()) is None
    assert desk.exchange.hedge_mode(A)
    assert desk.refused(A, Side.BUY, 1, 100) == -4061
    assert desk.refused(A, Side.BUY, 1, 100, position_side=PositionSide.LONG) == -1020


def test_amendments_are_refused_in_a_closed_market_and_without_end(open_desk: Any) -> None:
    desk = open_desk()
    order = desk.buy(A, 1, 90)
    desk.exchange._accounts[A].live[order.order_id].amended = 10_000
    answer = desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=order.order_id, quantity=D(2))
    assert answer.code == -5026
    desk.exchange._markets[desk.symbol].status = MarketStatus.SETTLING
    answer = desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=order.order_id, quantity=D(2))
    assert answer.code == -5024


@pytest.mark.parametrize(("change", "code"), [({"quantity": "1.001"}, -1111), ({"price": "-1"}, -4001)])
def test_an_amendment_passes_the_same_filters(desk: Any, change: dict[str, str], code: int) -> None:
    order = desk.buy(A, 1, 90)
    changes = {name: D(value) for name, value in change.items()}
    answer = desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=order.order_id, **changes)
    assert answer.code == code


def test_a_wrong_side_of_the_book_is_no_reason_to_refuse_post_only(desk: Any) -> None:
    desk.buy(B, 1, 99)
    desk.buy(A, 1, 101, tif=TimeInForce.GTX)
