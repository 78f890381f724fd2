"""Orders that no slot has: what is remembered of them, and what news of them means."""

from __future__ import annotations

import pytest

from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.orders import OrderReport, OrderStatus, Side
from opensqt_actors.domain.slotless import KNOWN_ENDS, SlotlessOrders

CODER = IdCoder("aa", 7)


def client_id(number: int = 0) -> ClientId:
    return CODER.encode(number, OrderKind.OPEN_BUY, 1)


def report(status: OrderStatus, number: int = 0, *, venue_id: str = "v1", filled: int = 0) -> OrderReport:
    return OrderReport(client_id(number), "XUSDT", venue_id, Side.BUY, status, 100, 10, filled, 1)


@pytest.fixture
def orders() -> SlotlessOrders:
    return SlotlessOrders()


def test_an_order_that_was_given_up_and_rests_is_an_orphan_whose_intent_is_written(orders: SlotlessOrders) -> None:
    orders.give_up(client_id())
    news = report(OrderStatus.NEW)
    assert orders.report(news) is True
    assert (orders.late, orders.unwritten, orders.orphans) == ({client_id(): news}, set(), {client_id()})


def test_an_order_without_an_intent_that_rests_is_an_orphan_without_news(orders: SlotlessOrders) -> None:
    orders.give_up(client_id(), written=False)
    assert orders.report(report(OrderStatus.NEW)) is True
    assert (orders.late, orders.unwritten, orders.orphans) == ({}, set(), {client_id()})


def test_late_news_of_an_ended_order_makes_it_no_orphan(orders: SlotlessOrders) -> None:
    orders.end(client_id(), "v1")
    assert orders.report(report(OrderStatus.NEW)) is False
    assert orders.report(report(OrderStatus.FILLED, venue_id="v2", filled=10)) is False
    assert (orders.late, orders.orphans, orders.strangers) == ({}, set(), {})


def test_a_twin_of_an_ended_order_is_an_orphan_and_written_down_under_the_same_intent(orders: SlotlessOrders) -> None:
    orders.end(client_id(), "v1")
    twin = report(OrderStatus.NEW, venue_id="v2")
    assert orders.report(twin) is True
    assert (orders.late, orders.unwritten, orders.orphans) == ({client_id(): twin}, set(), {client_id()})


def test_a_stranger_is_no_orphan_and_gone_with_its_end(orders: SlotlessOrders) -> None:
    assert orders.report(report(OrderStatus.NEW)) is False
    assert (set(orders.strangers), orders.orphans) == ({client_id()}, set())
    assert orders.report(report(OrderStatus.CANCELED)) is False
    assert (orders.strangers, orders.orphans) == ({}, set())


def test_the_end_of_an_order_that_nobody_has_met_is_nothing(orders: SlotlessOrders) -> None:
    assert orders.report(report(OrderStatus.CANCELED)) is False
    assert (orders.late, orders.orphans, orders.strangers) == ({}, set(), {})


def test_only_a_stranger_can_be_disowned(orders: SlotlessOrders) -> None:
    orders.disown(client_id())
    assert not orders.orphans
    orders.report(report(OrderStatus.NEW))
    orders.disown(client_id())
    assert (orders.strangers, orders.orphans) == ({}, {client_id()})


def test_the_memory_of_orders_given_up_is_bounded_and_forgets_the_oldest(orders: SlotlessOrders) -> None:
    for number in range(KNOWN_ENDS):
        orders.give_up(client_id(number))
    assert orders.report(report(OrderStatus.NEW)) is True, "as many as may be remembered are"
    orders.give_up(client_id(KNOWN_ENDS))
    assert orders.report(report(OrderStatus.NEW, 0)) is False, "it is not known any more"
    assert orders.report(report(OrderStatus.NEW, 1)) is True
