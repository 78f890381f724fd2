"""Failure catalogue, orders and fills: what a venue, a network and a partial fill do to single orders."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from fleet.connection import SECOND
from fleet.scenario import (
    CALM,
    GRID,
    agreed,
    calm,
    effects,
    exits,
    explain,
    fill_down,
    held,
    move,
    openings,
    orders,
    said,
    slots,
    status,
)
from fleet.world import ACCOUNT, World
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.domain.ids import OrderKind, decode
from opensqt_actors.domain.orders import OrderRequest, RefusalCode
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.settings import GridMode


@pytest.mark.parametrize("lost", [False, True], ids=["its event comes", "its event is lost, too"])
def test_f01_an_order_whose_answer_is_lost_is_looked_up_and_rests_once(lost: bool) -> None:
    world = calm(laid=0.0)
    world.faults.arm("place.timeout_after", 3)
    if lost:
        world.faults.arm("event.lost", 100)
    sent = effects(world, ports.SendPlaces)
    world.advance(10)
    name = world.names[0]
    ids = [request.client_id for _, effect in sent for request in effect.orders]
    assert len(ids) == len(set(ids)) == len(openings(world, name)) == GRID.buy_window
    assert not lost or world.venue.requests["find"] > 0
    agreed(world)


def test_f01_an_order_that_never_arrived_is_sent_again_only_when_the_venue_does_not_know_it() -> None:
    world = calm(laid=0.0)
    world.faults.arm("place.timeout_before", 2)
    asked = effects(world, ports.SendPlaces, ports.FindOrder)
    world.advance(20)
    lost = [request.client_id for request in asked[0][1].orders]
    looked_up = [effect.client_id for _, effect in asked if isinstance(effect, ports.FindOrder)]
    assert set(lost) <= set(looked_up)
    assert len(openings(world, world.names[0])) == GRID.buy_window
    agreed(world)


def test_f02_a_fill_that_follows_a_failure_is_booked_and_no_second_order_is_placed() -> None:
    world = calm(laid=0.0)
    name = world.names[0]
    world.faults.arm("place.lies", GRID.buy_window)
    world.advance(0.4)
    nearest = orders(world, name)[:1] or pytest.fail("nothing was placed")
    move(world, name, nearest[0].price - 2)
    world.advance(3)
    key = decode(nearest[0].client_id)
    assert key is not None
    assert held(world, name)[key.level] == nearest[0].quantity
    assert not world.venue.violations
    agreed(world)


def test_f03_a_cancel_that_meets_a_filled_order_books_the_fill_once_and_does_not_loop() -> None:
    world = calm()
    name = world.names[0]
    buys = orders(world, name)
    world.mischief.tell_supervisor(operator.PauseSymbol, name)
    cancels = effects(world, ports.SendCancels)
    while not cancels:
        world.advance(0.001)
    move(world, name, buys[1].price - 2)
    world.advance(5)
    assert world.venue.refused["cancel:unknown_order"] == 2
    asked = [cancel.client_id for _, effect in cancels for cancel in effect.cancels]
    assert len(asked) == len(set(asked)) == len(buys)
    assert sum(held(world, name).values()) == sum(order.quantity for order in buys[:2])
    assert len(exits(world, name)) == 2
    world.ask(lambda request: operator.ResumeSymbol(request, ACCOUNT, name))
    agreed(world)


def test_f09_a_wide_ladder_is_laid_from_the_nearest_level_on_and_within_the_published_limit() -> None:
    wide = replace(GRID, buy_window=80, interval_percent=Decimal("0.2"), max_open_orders=80)
    published = ports.Published(orders_per_10s=50, place_batch=5, cancel_batch=10)
    world = calm(replace(CALM, grid=wide, published=published), laid=0.0)
    world.advance(30)
    sent = list(world.venue.sent)
    assert sum(count for _, count in sent) == 80
    assert max(sum(n for other, n in sent if at <= other < at + 10 * SECOND - SECOND // 10) for at, _ in sent) <= 50
    assert sent[-1][0] - sent[0][0] >= 9 * SECOND
    assert not world.venue.refused
    assert sorted(world.tables.orders, key=lambda i: -world.tables.orders[i].intent.price) == list(world.tables.orders)
    agreed(world)


def test_f10_want_of_margin_is_asked_for_once_a_lock_and_told_once() -> None:
    one_level = PreflightSettings(max_leverage=20, required_positions=1)
    world = calm(replace(CALM, balance=Decimal(3), preflight=one_level), laid=0.0)
    world.advance(100)
    refused = world.venue.refused["insufficient_margin"]
    assert 0 < refused <= 5 * GRID.buy_window
    assert 1 <= len(said(world, "margin.locked")) <= 5
    assert any("margin" in level.reason for level in explain(world, world.names[0]).levels)


def test_f11_an_order_that_is_refused_for_the_same_reason_is_tried_thrice_and_then_once_a_minute() -> None:
    world = calm(laid=0.0)
    tries: list[int] = []

    def veto(request: OrderRequest) -> RefusalCode | None:
        key = decode(request.client_id)
        if key is None or key.level != -2:
            return None
        tries.append(world.clock.now())
        return RefusalCode.RULE

    world.venue.veto = veto
    world.advance(10)
    assert len(tries) == 3
    world.advance(170)
    assert 4 <= len(tries) <= 6
    assert all(later - earlier >= 55 * SECOND for earlier, later in pairwise(tries[2:]))
    assert len(said(world, "order.refused")) == 1
    level = next(level for level in explain(world, world.names[0]).levels if level.level == -2)
    assert "refused" in level.reason
    assert len(openings(world, world.names[0])) == GRID.buy_window - 1


@pytest.mark.parametrize("fallback", ["pause", "downgrade"])
def test_f12_a_post_only_order_that_is_refused_far_from_the_touch_is_tried_a_few_times(fallback: str) -> None:
    world = calm(replace(CALM, execution=replace(CALM.execution, post_only_fallback=fallback)), laid=0.0)
    tries: list[bool] = []

    def veto(request: OrderRequest) -> RefusalCode | None:
        key = decode(request.client_id)
        if key is None or key.level != -3:
            return None
        tries.append(request.post_only)
        return RefusalCode.WOULD_CROSS if request.post_only else None

    world.venue.veto = veto
    world.advance(30)
    assert tries[:4] == [True] * 4
    assert tries[4:] == ([False] if fallback == "downgrade" else [])
    rests = any(decode(order.client_id).level == -3 for order in openings(world, world.names[0]))  # type: ignore[union-attr]
    assert rests is (fallback == "downgrade")
    agreed(world)


@pytest.mark.parametrize("seed", [1, 2])
def test_f13_an_exit_is_never_more_nor_less_than_what_was_filled_in_parts(seed: int) -> None:
    big = replace(GRID, amount=Decimal(20_000), interval_percent=Decimal("0.3"))
    world = World(seed, replace(CALM, grid=big, balance=Decimal(10**7))).start()
    world.advance(60)
    fills = world.engine.fills(ACCOUNT, world.names[0], limit=100_000)
    assert len(fills) > len({fill.order_id for fill in fills}) > 3
    agreed(world)
    assert held(world, world.names[0])
    for slot in slots(world, world.names[0]):
        if slot.position and slot.order is not None and not slot.order.opens:
            assert slot.order.remaining == abs(slot.position)


def test_f14_what_lies_below_the_least_notional_is_never_sent_and_the_slot_names_the_rule() -> None:
    world = calm()
    name = world.names[0]
    world.ask(lambda request: operator.RemoveSymbol(request, ACCOUNT, name, operator.RemoveMode.LEAVE))
    world.advance(2)
    refusal = world.add(name, replace(GRID, amount=Decimal(2)))
    assert isinstance(refusal, operator.Refusal)
    assert refusal.sentence.startswith("amount: 2 USDT a level is too little")
    assert isinstance(world.add(name, replace(GRID, mode=GridMode.NEUTRAL, amount=Decimal("5.8"))), operator.Done)
    sent = world.venue.requests["place"]
    world.advance(5)
    view = explain(world, name)
    small = [level for level in view.levels if "minimum" in level.reason or "least" in level.reason]
    assert small, [(level.level, level.reason) for level in view.levels]
    assert world.venue.requests["place"] - sent <= 10
    assert not world.venue.refused


@pytest.mark.parametrize("seed", [3, 4])
def test_f20_reduce_only_exits_are_together_never_more_than_the_position(seed: int) -> None:
    rates = {"event.reordered": 0.1, "event.late": 0.02, "cancel.timeout_after": 0.1, "place.timeout_after": 0.1}
    world = World(seed, replace(CALM, grid=replace(GRID, mode=GridMode.LONG), rates=rates)).start()
    name = world.names[0]
    for _ in range(400):
        world.advance(0.1)
        asked = sum(order.quantity - order.executed for order in orders(world, name, OrderKind.EXIT_SELL))
        assert asked <= max(world.engine.position(ACCOUNT, name).amount, 0)
    assert world.venue.refused["reduce_only_rejected"] == 0
    assert status(world).symbols[0].round_trips > 0
    agreed(world)


def test_f20_an_exit_of_what_was_closed_in_part_elsewhere_is_not_sent_again_and_again() -> None:
    world = calm()
    name = world.names[0]
    buys = fill_down(world, name, 2)
    world.advance(2)
    assert sum(order.quantity for order in exits(world, name)) == sum(order.quantity for order in buys)
    refused: list[int] = []

    def veto(request: OrderRequest) -> RefusalCode | None:
        if not request.reduce_only:
            return None
        refused.append(world.clock.now())
        return RefusalCode.REDUCE_ONLY

    world.venue.veto = veto
    move(world, name, exits(world, name)[-1].price + 1)
    fill_down(world, name, 1)
    world.advance(60)
    assert 1 <= len(refused) <= 8
    world.venue.veto = lambda request: None
    world.advance(120)
    agreed(world)
