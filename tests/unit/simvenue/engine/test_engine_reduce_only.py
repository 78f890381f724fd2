"""Reduce-only orders: never more than the position, whatever happens to it."""

from __future__ import annotations

from typing import Any

from opensqt_actors.simvenue.events import ExpiryReason, OrderStatus, Side

A, B = "sim-a", "sim-b"


def hold(desk: Any, quantity: int, price: int = 100) -> None:
    """Account A buys so much from B."""
    desk.sell(B, quantity, price)
    desk.buy(A, quantity, price)
    desk.heard()


def test_reduce_only_needs_a_position_to_reduce(desk: Any) -> None:
    assert desk.refused(A, Side.SELL, 1, 101, reduce_only=True) == -2022
    hold(desk, 1)
    assert desk.refused(A, Side.BUY, 1, 99, reduce_only=True) == -2022
    desk.sell(A, 1, 101, reduce_only=True)


def test_reduce_only_needs_no_smallest_notional(desk: Any) -> None:
    hold(desk, 1)
    desk.sell(A, "0.01", 101, reduce_only=True)


def test_a_larger_reduce_only_order_trades_only_the_position(desk: Any) -> None:
    hold(desk, 1)
    desk.buy(B, 5, 99)
    order = desk.sell(A, 3, 99, reduce_only=True)
    assert (order.executed, order.status) == (100, OrderStatus.EXPIRED)
    assert desk.amount(A) == 0
    assert desk.told(A)[-1].expiry is ExpiryReason.REDUCE_ONLY


def test_exits_that_cover_the_position_leave_no_room_for_another(desk: Any) -> None:
    hold(desk, 2)
    desk.sell(A, 1, 101, reduce_only=True)
    desk.sell(A, 1, 102, reduce_only=True)
    assert desk.refused(A, Side.SELL, 1, 103, reduce_only=True) == -2022


def test_a_nearer_exit_knocks_out_the_farthest(desk: Any) -> None:
    hold(desk, 2)
    near, far = desk.sell(A, 1, 102, reduce_only=True), desk.sell(A, 1, 103, reduce_only=True)
    nearest = desk.sell(A, 1, 101, reduce_only=True)
    assert [desk.look(order).status for order in (nearest, near, far)] == [
        OrderStatus.NEW,
        OrderStatus.NEW,
        OrderStatus.EXPIRED,
    ]


def test_exits_expire_when_the_position_is_closed_otherwise(desk: Any) -> None:
    hold(desk, 2)
    exits = [desk.sell(A, 1, price, reduce_only=True) for price in (101, 102)]
    desk.buy(B, 2, 99)
    desk.sell(A, 2, 99)
    assert desk.amount(A) == 0
    assert [desk.look(order).status for order in exits] == [OrderStatus.EXPIRED] * 2


def test_a_resting_exit_is_filled_only_up_to_the_position(desk: Any) -> None:
    hold(desk, 1)
    order = desk.sell(A, 3, 101, reduce_only=True)
    desk.buy(B, 3, 101)
    assert (desk.look(order).executed, desk.look(order).status) == (100, OrderStatus.EXPIRED)
    assert desk.amount(A) == 0


def test_a_sweep_never_turns_a_position_round_by_exits(market: Any) -> None:
    market.buy(A, 1, 100)
    order = market.sell(A, 5, "100.5", reduce_only=True)
    market.price("102.0")
    assert market.amount(A) == 0
    assert market.look(order).executed == 100


def test_an_amended_exit_stays_within_the_position(desk: Any) -> None:
    hold(desk, 2)
    first = desk.sell(A, 1, 101, reduce_only=True)
    second = desk.sell(A, 1, 102, reduce_only=True)
    desk.exchange.amend(A, desk.symbol, desk.tick(), order_id=first.order_id, quantity=desk.rules.quantity(200))
    assert desk.look(first).status is OrderStatus.NEW
    assert desk.look(second).status is OrderStatus.EXPIRED
