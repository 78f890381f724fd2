"""The SymbolActor: how it leaves its market, is flattened, and stops."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.market import SPEC, Market, holding

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import WantTruth
from opensqt_actors.actors.symbol import Flatten, Remove, Resume, Start, StopTrading, SymbolDone
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import Fees, OrderStatus, RefusalCode
from opensqt_actors.domain.settings import GridMode, RemoveMode, SymbolState


def test_a_graceful_removal_waits_for_the_exits() -> None:
    market = holding()
    market.step(Remove(RemoveMode.GRACEFUL))
    assert market.actor.state is SymbolState.REMOVING
    for level in (-2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert not market.told(SymbolDone)
    market.fills(market.plan(-1))
    assert market.told(SymbolDone) == [SymbolDone("main", "XUSDT")]
    market.quote(9_970.0)
    assert not market.told(SymbolDone)


@pytest.mark.parametrize(("mode", "reduce_only"), [(GridMode.LONG, True), (GridMode.NEUTRAL, False)])
def test_flattening_closes_at_market_when_no_order_is_left_to_meet_it(mode: GridMode, reduce_only: bool) -> None:
    market = holding(mode)
    market.step(Remove(RemoveMode.FLATTEN))
    cancelled = market.cancels()
    assert len(cancelled) == market.actor.slots.working
    levels_at_work = [slot.level for slot in market.actor.slots.by_level.values() if slot.order is not None]
    for level in levels_at_work:
        assert not market.places()
        market.update(market.plan(level), OrderStatus.CANCELED)
    (plan,) = market.places()
    assert plan.kind is OrderKind.FLATTEN_SELL
    assert (plan.request.price, plan.request.post_only, plan.request.reduce_only) == (None, False, reduce_only)
    market.update(plan, OrderStatus.NEW)
    assert not market.cancels()
    market.update(plan, OrderStatus.FILLED, plan.request.quantity, replace(market.fill(plan), price=99_000))
    assert market.told(SymbolDone)


def test_a_flatten_order_that_is_refused_is_tried_again_and_not_in_a_loop() -> None:
    market = holding()
    market.step(Remove(RemoveMode.FLATTEN))
    for level in (-1, -2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    (plan,) = market.places()
    market.fails(plan, RefusalCode.RULE.value)
    assert not market.places()
    timer = market.timer("recheck")
    assert timer is not None
    market.step(timer.message, timer.after)
    assert market.places()


def test_flattened_it_closes_and_stays_without_orders_until_it_is_resumed() -> None:
    market = holding()
    market.step(Flatten())
    assert len(market.cancels()) == market.actor.slots.working == 3
    for level in (-1, -2, -3):
        assert not market.places()
        market.update(market.plan(level), OrderStatus.CANCELED)
    (plan,) = market.places()
    assert (plan.kind, plan.request.price, plan.request.reduce_only) == (OrderKind.FLATTEN_SELL, None, True)
    market.update(plan, OrderStatus.FILLED, plan.request.quantity, replace(market.fill(plan), price=99_000))
    assert (market.actor.slots.position, market.actor.slots.working) == (0, 0)
    assert market.actor.state is SymbolState.PAUSED
    market.quote(9_900.0)
    assert not market.places()
    assert not market.told(SymbolDone)
    market.step(Flatten())
    assert not market.places()
    assert not market.cancels()
    market.step(Resume())
    assert market.places()


def test_flattened_and_then_removed_it_leaves_as_the_removal_says() -> None:
    market = holding()
    market.step(Flatten())
    market.step(Remove(RemoveMode.LEAVE))
    for level in (-1, -2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert not market.places()
    assert market.told(SymbolDone)
    assert market.actor.slots.position > 0


def test_a_refused_market_that_holds_something_can_be_closed_without_being_removed() -> None:
    market = holding()
    market.prepare(Fees(Decimal("0.01"), Decimal("0.01")))
    market.step(Flatten())
    assert market.told(WantTruth)


def test_leaving_cancels_everything_and_keeps_the_position() -> None:
    market = holding()
    market.step(Remove(RemoveMode.LEAVE))
    assert len(market.cancels()) == 3
    for level in (-1, -2, -3):
        assert not market.told(SymbolDone)
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert market.told(SymbolDone)
    assert market.actor.slots.position > 0


def test_a_removal_that_was_under_way_goes_on_after_a_restart() -> None:
    market = Market(replace(SPEC, state=SymbolState.REMOVING, remove_mode=RemoveMode.FLATTEN))
    market.prepare()
    market.truth()
    assert market.told(SymbolDone)


def test_a_pause_outlives_a_restart() -> None:
    market = Market(replace(SPEC, state=SymbolState.PAUSED))
    market.prepare()
    market.truth()
    market.quote()
    assert not market.places()
    assert market.actor.state is SymbolState.PAUSED


@pytest.mark.parametrize("mode", list(RemoveMode))
def test_a_refused_market_can_be_removed(mode: RemoveMode) -> None:
    market = Market()
    market.step(Start())
    market.step(ports.SymbolRefused("XUSDT", "delisted", True))
    market.step(Remove(mode))
    assert market.told(SymbolDone)


def test_a_refused_market_that_holds_something_can_be_flattened() -> None:
    market = holding()
    market.prepare(Fees(Decimal("0.01"), Decimal("0.01")))
    assert market.actor.state is SymbolState.REFUSED
    assert set(market.cancels()) == {market.plan(level).request.client_id for level in (-2, -3)}
    market.step(Remove(RemoveMode.FLATTEN))
    assert market.told(WantTruth)


@pytest.mark.parametrize(("exits", "left"), [(False, {-1}), (True, set())])
def test_stopping_takes_back_what_should_not_stay_and_says_when_it_is_done(exits: bool, left: set[int]) -> None:
    market = holding()
    market.step(StopTrading(True, exits))
    gone = {-1, -2, -3} - left
    assert set(market.cancels()) == {market.plan(level).request.client_id for level in gone}
    for level in gone:
        assert not market.told(SymbolDone)
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert market.told(SymbolDone)
    market.quote(9_000.0)
    assert not market.places()


def test_stopping_before_anything_rests_is_done_at_once() -> None:
    market = Market()
    market.step(StopTrading(True, False))
    assert market.told(SymbolDone)


def test_stopping_while_the_venues_view_is_awaited_takes_openings_back_once_it_is_there() -> None:
    market = Market().trade()
    market.stream(False)
    market.step(StopTrading(True, False))
    assert not market.told(SymbolDone)
    market.stream(True)
    market.truth(open_orders=tuple(market.report(market.plan(k), OrderStatus.NEW) for k in (-1, -2, -3)))
    assert len(market.cancels()) == 3
