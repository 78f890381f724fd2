"""Histories: what can be asked about the past, and that it stays bounded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.simvenue.events import NewOrder, Order, OrderStatus, OrderType, Rejection, Side
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.log import Log
from opensqt_actors.simvenue.markets.scripted import ScriptedModel

A, B = "sim-a", "sim-b"


def trades(desk: Any, count: int) -> None:
    for _ in range(count):
        desk.sell(B, 1, 100)
        desk.buy(A, 1, 100)


def test_fills_are_found_by_trade_id_time_and_order(desk: Any) -> None:
    trades(desk, 5)
    every = desk.fills(A)
    ask = desk.exchange.fills
    assert ask(A, desk.symbol, from_id=every[2].trade_id) == every[2:]
    assert ask(A, desk.symbol, from_id=every[1].trade_id, limit=2) == every[1:3]
    assert ask(A, desk.symbol, limit=2) == every[3:]
    assert ask(A, desk.symbol, start=every[1].time, end=every[2].time) == every[1:3]
    assert ask(A, desk.symbol, from_id=1, start=every[1].time, end=every[2].time) == every[1:3]
    assert ask(A, desk.symbol, order_id=every[3].order_id) == every[3:4]
    assert ask(A) == every
    assert ask(A, "NOPEUSDT") == []
    with pytest.raises(ValueError, match="symbol"):
        ask(A, from_id=1)


def test_orders_are_found_by_id_and_time(desk: Any) -> None:
    trades(desk, 2)
    desk.buy(A, 1, 99)
    every = desk.exchange.orders(A)
    assert [order.status for order in every] == [OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.NEW]
    assert desk.exchange.orders(A, desk.symbol, from_id=every[1].order_id) == every[1:]
    assert desk.exchange.orders(A, desk.symbol, limit=1) == every[2:]
    assert desk.exchange.orders(A, start=every[0].created, end=every[1].created, limit=1) == every[:1]
    assert desk.exchange.open_orders(A) == every[2:]
    assert desk.exchange.open_orders(A, "NOPEUSDT") == []


def test_an_order_can_be_asked_for_by_either_id(desk: Any) -> None:
    order = desk.buy(A, 1, 99, client_id="by-name")
    assert desk.exchange.order(A, desk.symbol, order_id=order.order_id) == order
    assert desk.exchange.order(A, desk.symbol, client_id="by-name") == order
    assert desk.exchange.order(B, desk.symbol, client_id="by-name") == Rejection(-2013, "Order does not exist.")
    neither = desk.exchange.order(A, desk.symbol)
    assert isinstance(neither, Rejection)
    assert neither.code == -1102


def test_a_venue_made_client_id_is_unique(desk: Any) -> None:
    ids = {desk.buy(A, 1, 99).client_id for _ in range(3)}
    assert len(ids) == 3


def test_histories_are_bounded_and_count_what_they_drop(open_desk: Any, abc: Any) -> None:
    desk = open_desk()
    desk.exchange = Exchange(now=desk.now, history=10)
    for key in (A, B):
        desk.exchange.add_account(key, Decimal(1_000_000))
    desk.exchange.add_market(abc(), ScriptedModel(), desk.now)
    first = desk.buy(A, 1, 90, client_id="first")
    desk.exchange.cancel(A, desk.symbol, desk.tick(), order_id=first.order_id)
    kept = desk.buy(A, 1, 90, client_id="kept")
    for _ in range(15):
        desk.buy(A, 1, 101)
    summary = desk.exchange.summary(A)
    assert (summary.fills, summary.fills_dropped, summary.orders_dropped) == (15, 5, 6)
    assert summary.income_dropped == 5
    assert desk.fills(A)[-1].trade_id - desk.fills(A)[0].trade_id == 9
    assert isinstance(desk.exchange.order(A, desk.symbol, client_id="first"), Rejection)
    assert desk.exchange.order(A, desk.symbol, client_id="kept") == kept
    assert len(desk.exchange.orders(A)) == 11


def test_a_venue_that_is_started_again_uses_no_id_twice(abc: Any) -> None:
    def ids(now: int) -> set[tuple[str, int]]:
        exchange = Exchange(now=now)
        exchange.add_account(A, Decimal(1_000_000))
        exchange.add_market(abc(), ScriptedModel(), now)
        buy = NewOrder("ABCUSDT", Side.BUY, OrderType.MARKET, Decimal(1))
        orders = [exchange.place(A, buy, now + i) for i in range(50)]
        found = {("order", order.order_id) for order in orders if isinstance(order, Order)}
        found |= {("trade", fill.trade_id) for fill in exchange.fills(A)}
        return found | {("income", line.tran_id) for line in exchange.income(A)}

    first, second = ids(1_700_000_000_000), ids(1_700_000_001_000)
    assert min(len(first), len(second)) >= 150
    assert not first & second
    assert max(number for _, number in second) < 2**53


def test_positions_list_what_is_held_or_ordered(desk: Any, abc: Any) -> None:
    desk.exchange.add_market(abc(symbol="XYZUSDT"), ScriptedModel(), desk.now)
    assert desk.exchange.positions(A) == []
    order = desk.buy(A, 1, 99)
    assert [position.symbol for position in desk.exchange.positions(A)] == [desk.symbol]
    desk.exchange.cancel(A, desk.symbol, desk.tick(), order_id=order.order_id)
    assert desk.exchange.positions(A) == []
    assert [p.symbol for p in desk.exchange.positions(A, all_symbols=True)] == [desk.symbol, "XYZUSDT"]


def test_accounts_and_markets_are_listed_once(desk: Any, abc: Any) -> None:
    with pytest.raises(ValueError, match="sim-a"):
        desk.exchange.add_account(A, Decimal(1))
    with pytest.raises(ValueError, match="ABCUSDT"):
        desk.exchange.add_market(abc(), ScriptedModel(), desk.now)
    assert desk.exchange.accounts() == [A, B]
    assert desk.exchange.has_account(A)
    assert not desk.exchange.has_account("sim-c")
    assert desk.exchange.has_market(desk.symbol)
    assert desk.exchange.rules(desk.symbol) == abc()


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 40), st.integers(0, 60), st.integers(0, 60))
def test_a_log_selects_like_a_plain_list(steps: list[int], dropped: int, start: int, end: int) -> None:
    log: Log[int] = Log()
    plain: list[int] = []
    value = 0
    for step in steps:
        value += step
        log.append(value)
        plain.append(value)
    for _ in range(min(dropped, len(plain))):
        assert log.drop_oldest() == plain.pop(0)
    assert list(log) == plain
    assert len(log) == len(plain)
    assert log.select(int, start, end) == [v for v in plain if start <= v <= end]
    assert log.select(int, None, None) == plain


def test_a_log_gives_memory_back() -> None:
    log: Log[int] = Log()
    for value in range(10_000):
        log.append(value)
        if len(log) > 100:
            log.drop_oldest()
    assert list(log) == list(range(9_900, 10_000))
    assert len(log._items) < 3_000
    assert log.dropped == 9_900
