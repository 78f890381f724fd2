"""F37: after a restart what is held gets its exits at once; a price, candles and what opens come later."""

from __future__ import annotations

from msgspec.structs import replace
from support.market import GRID, SECOND, SPEC, Market
from support.past import held, journal, live, told

from opensqt_actors.actors.exchange_messages import Pulse, StreamGate
from opensqt_actors.actors.symbol import Phase
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import OrderStatus, RefusalCode
from opensqt_actors.domain.settings import GridMode


def restarted(*levels: int, mode: GridMode = GridMode.LONG) -> Market:
    """A process that has just come back, with levels that hold something; no price has come."""
    spec = replace(SPEC, grid=replace(GRID, mode=mode))
    market = Market(spec, journal(slots=tuple(held(level) for level in levels)))
    market.prepare()
    market.truth(position=10 * len(levels))
    return market


def test_f37_exits_go_out_before_the_first_price() -> None:
    market = restarted(-1, -2)
    assert market.actor.phase is Phase.TRADING
    assert not market.actor.bid
    plans = market.places()
    assert {plan.kind for plan in plans} == {OrderKind.EXIT_SELL}
    assert {plan.level: (plan.request.price, plan.request.quantity) for plan in plans} == {
        -1: (100_000, 10),
        -2: (99_500, 10),
    }
    assert all(plan.request.post_only and plan.request.reduce_only for plan in plans)


def test_f37_nothing_opens_before_the_first_price_and_the_exits_stay_when_it_comes() -> None:
    market = restarted(-1)
    market.update(market.places()[0], OrderStatus.NEW)
    assert not market.places()
    market.step(Pulse(0, 0, 0, 0), SECOND)
    assert not market.places()
    market.quote(9_980.0)
    assert not market.cancels()
    assert {plan.kind for plan in market.places()} == {OrderKind.OPEN_BUY}


def test_f37_an_exit_that_the_market_has_passed_is_tried_once_and_again_with_the_first_price() -> None:
    market = restarted(-1)
    (plan,) = market.places()
    market.fails(plan, RefusalCode.WOULD_CROSS.value)
    for _ in range(10):
        market.step(Pulse(0, 0, 0, 0), SECOND)
        assert not market.places()
    market.quote(10_100.0)
    (again,) = [plan for plan in market.places() if not plan.kind.opens]
    assert again.request.price == 101_001


def test_f37_an_exit_that_was_not_sent_is_tried_again_without_a_price() -> None:
    market = restarted(-1)
    (plan,) = market.places()
    market.fails(plan, "not_sent")
    timer = market.timer("recheck")
    assert timer is not None
    market.step(timer.message, timer.after)
    assert [again.level for again in market.places()] == [-1]


def test_f37_an_exit_of_the_wrong_size_is_replaced_without_a_price() -> None:
    order = live(-1, OrderKind.EXIT_SELL)
    market = Market(restored=journal(order, slots=(held(-1, 14),)))
    market.prepare()
    market.truth(open_orders=(told(order, OrderStatus.NEW),), position=14)
    assert market.cancels() == [order.intent.client_id]
    market.update(market.plan(-1), OrderStatus.CANCELED)
    assert [plan.request.quantity for plan in market.places()] == [14]


def test_f37_an_opening_order_on_the_level_of_an_exit_gives_way_without_a_price() -> None:
    order = live(-1, OrderKind.OPEN_BUY)
    market = Market(restored=journal(order, slots=(held(-2),)))
    market.prepare()
    market.truth(open_orders=(told(order, OrderStatus.NEW),), position=10)
    assert market.cancels() == [order.intent.client_id]
    assert not market.places()
    market.update(market.plan(-1), OrderStatus.CANCELED)
    assert [(plan.level, plan.request.price) for plan in market.places()] == [(-2, 99_500)]


def test_f37_a_neutral_grid_closes_with_plain_orders() -> None:
    (plan,) = restarted(-1, mode=GridMode.NEUTRAL).places()
    assert not plan.request.reduce_only


def test_resting_openings_are_taken_back_when_a_gate_closes_before_the_first_price() -> None:
    order = live(-1, OrderKind.OPEN_BUY)
    market = Market(restored=journal(order))
    market.prepare()
    market.truth(open_orders=(told(order, OrderStatus.NEW),))
    assert not market.cancels()
    market.step(StreamGate("stale_price", False, "no frame"))
    assert market.cancels() == [order.intent.client_id]
