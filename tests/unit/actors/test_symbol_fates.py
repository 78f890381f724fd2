"""Orders that an earlier life may have sent: given up, waited for, sent once more, or cancelled, when it is safe."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.market import GRID, NOW, SECOND, SPEC, Market
from support.past import held, journal, live, told

from opensqt_actors.actors.exchange_messages import PlaceFailed, WantTruth
from opensqt_actors.actors.symbol_messages import Execution, Reconcile
from opensqt_actors.actors.symbol_sync import SOON
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import OrderStatus, RefusalCode
from opensqt_actors.domain.records import LiveOrder, OrderSaved
from opensqt_actors.domain.settings import GridMode
from opensqt_actors.domain.slots import SlotStatus


def exit_on_its_way(kind: OrderKind) -> LiveOrder:
    """The exit of level -1, sent a second ago and not heard of."""
    order = live(-1, kind, at=NOW - SECOND, known=False)
    return replace(order, intent=replace(order.intent, price=100_000 if kind is OrderKind.EXIT_SELL else 99_000))


def test_an_opening_that_never_arrived_is_given_up() -> None:
    order = live(-1, OrderKind.OPEN_BUY, known=False)
    market = Market(restored=journal(order))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),))
    assert market.written(OrderSaved)[0].status is OrderStatus.REJECTED
    assert market.actor.slots.slot(-1).status is SlotStatus.FREE


def test_an_opening_that_may_still_arrive_is_waited_for() -> None:
    order = live(-1, OrderKind.OPEN_BUY, at=NOW - 2 * SECOND, known=False)
    market = Market(restored=journal(order))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),))
    assert market.actor.slots.slot(-1).status is SlotStatus.PENDING
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == Execution().request_life - 2 * SECOND
    market.quote()
    assert -1 not in [plan.level for plan in market.places()]
    market.step(timer.message, timer.after)
    market.truth(found=((order.intent.client_id, None),))
    assert [plan.level for plan in market.places()] == [-1]


def test_f15_an_exit_that_was_on_its_way_goes_out_again_under_the_same_id_at_once() -> None:
    order = live(-1, OrderKind.EXIT_SELL, at=NOW - SECOND, known=False)
    market = Market(restored=journal(order, slots=(held(),)))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),), position=10)
    (plan,) = market.places()
    assert (plan.request.client_id, plan.again, plan.request.quantity) == (order.intent.client_id, True, 10)
    assert market.actor.slots.slot(-1).status is SlotStatus.PENDING
    market.update(plan, OrderStatus.NEW)
    assert market.actor.slots.slot(-1).status is SlotStatus.LOCKED


@pytest.mark.parametrize("resent", [False, True])
def test_f15_an_exit_that_the_last_life_sent_once_more_is_waited_for_from_then_on(resent: bool) -> None:
    order = live(-1, OrderKind.EXIT_SELL, at=NOW - 60 * SECOND, known=False)
    order = replace(order, sent_at=NOW - SECOND if resent else 0)
    market = Market(restored=journal(order, slots=(held(),)))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),), position=10)
    (plan,) = market.places()
    assert plan.again
    market.fails(plan, RefusalCode.WOULD_CROSS)
    holder = market.actor.slots.holder(plan.request.client_id)
    assert (holder is not None) == resent, "a second exit beside it could close twice"


def test_f15_refused_exits_are_looked_at_soon_and_as_soon_as_the_first_of_them_can_no_longer_arrive() -> None:
    """What they would close has no exit until then, so that not a moment is waited longer."""
    life = Execution().request_life
    ages = {-1: SECOND, -2: life - SOON // 2}
    orders = [live(level, OrderKind.EXIT_SELL, at=NOW - age, known=False) for level, age in ages.items()]
    market = Market(restored=journal(*orders, slots=(held(-1), held(-2))))
    market.prepare()
    ids = [order.intent.client_id for order in orders]
    market.truth(found=tuple((client_id, None) for client_id in ids), position=20)
    plans = {plan.level: plan for plan in market.places()}
    market.fails(plans[-1], RefusalCode.WOULD_CROSS)
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == SOON
    market.fails(plans[-2], RefusalCode.WOULD_CROSS)
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == SOON // 2
    market.quote()  # the market is where an exit can rest again
    market.step(timer.message, timer.after)
    market.truth(found=tuple((client_id, None) for client_id in ids), position=20)
    exits = {plan.level: plan for plan in market.places() if not plan.kind.opens}
    assert {level: plan.again for level, plan in exits.items()} == {-2: True, -1: True}
    market.fails(exits[-2], RefusalCode.WOULD_CROSS)
    assert market.actor.slots.holder(ids[1]) is None, "it will not come any more: its slot may ask for another"
    market.fails(exits[-1], RefusalCode.WOULD_CROSS)
    assert market.actor.slots.holder(ids[0]) is not None
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == SOON


@pytest.mark.parametrize("kind", [OrderKind.EXIT_SELL, OrderKind.EXIT_BUY])
@pytest.mark.parametrize("passed", [False, True])
def test_f15_an_exit_that_the_market_has_passed_goes_out_under_its_id_where_the_market_is(
    kind: OrderKind, passed: bool
) -> None:
    sells = kind is OrderKind.EXIT_SELL
    order = exit_on_its_way(kind)
    price = order.intent.price
    slot = held(-1) if sells else replace(held(-1, -10), exit_level=-2)
    mode = GridMode.LONG if sells else GridMode.SHORT
    market = Market(replace(SPEC, grid=replace(GRID, mode=mode)), journal(order, slots=(slot,)))
    market.prepare()
    unknown = {"found": ((order.intent.client_id, None),), "position": 10 if sells else -10}
    market.truth(**unknown)
    (plan,) = market.places()
    assert plan.request.price == price, "there is no price yet"
    bid = price + 300 * (1 if sells else -1) * (1 if passed else -1)
    market.quote(bid / 10)
    market.fails(plan, RefusalCode.WOULD_CROSS)
    timer = market.timer("reconcile")
    assert timer is not None
    market.step(timer.message, timer.after)
    market.truth(**unknown)
    (plan,) = [plan for plan in market.places() if not plan.kind.opens]
    assert (plan.request.client_id, plan.again) == (order.intent.client_id, True)
    assert plan.request.price == (price if not passed else bid + 1 if sells else bid)
    market.update(plan, OrderStatus.NEW)
    assert market.actor.slots.slot(-1).status is SlotStatus.LOCKED
    assert market.plan(-1).request.price == plan.request.price
    assert not market.cancels(), "it is right for as long as the market is past its level"


def test_f15_the_next_life_learns_from_the_venue_at_which_price_an_exit_was_sent_once_more() -> None:
    order = exit_on_its_way(OrderKind.EXIT_SELL)
    market = Market(restored=journal(order, slots=(held(),)))
    market.prepare()
    rests = replace(told(order, OrderStatus.NEW), price=order.intent.price + 300)
    market.truth(open_orders=(rests,), position=10)
    market.quote((order.intent.price + 299) / 10)
    assert market.plan(-1).request.price == rests.price
    assert market.cancels() == []
    market.quote((order.intent.price - 300) / 10)
    assert market.cancels() == [order.intent.client_id], "the market has come back: its level is the right place"


@pytest.mark.parametrize("quantity", [0, 6])
def test_an_exit_of_what_a_correction_took_away_is_not_sent_again(quantity: int) -> None:
    order = live(-1, OrderKind.EXIT_SELL, at=NOW - SECOND, known=False)
    market = Market(restored=journal(order, slots=(held(-1, quantity),) if quantity else ()))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),), position=quantity)
    assert not market.places()
    timer = market.timer("reconcile")
    assert timer is not None
    market.step(timer.message, timer.after)
    market.truth(found=((order.intent.client_id, None),), position=quantity)
    assert market.written(OrderSaved)[0].status is OrderStatus.REJECTED
    assert [plan.request.quantity for plan in market.places() if not plan.kind.opens] == (
        [quantity] if quantity else []
    )


def test_a_restored_exit_of_a_level_that_holds_nothing_is_cancelled() -> None:
    order = live(-1, OrderKind.EXIT_SELL)
    market = Market(restored=journal(order))
    market.prepare()
    market.truth(open_orders=(told(order, OrderStatus.NEW),))
    assert market.cancels() == [order.intent.client_id]


def test_an_order_that_ended_in_an_answer_that_will_not_do_has_ended() -> None:
    market = Market().trade()
    plan = market.plan(-1)
    market.step(Reconcile())
    market.step(Reconcile())  # the answer on its way is older than what is to be known now
    ended = replace(market.report(plan, OrderStatus.CANCELED), filled=0)
    market.truth(found=((plan.request.client_id, ended),))
    assert [saved.client_id for saved in market.written(OrderSaved)] == [plan.request.client_id]
    (want,) = market.told(WantTruth)
    assert plan.request.client_id not in [client_id for _, client_id in want.venue_ids]
    assert market.plan(-1).request.client_id != plan.request.client_id


def test_an_exit_that_could_not_be_sent_again_keeps_its_id_while_the_first_one_may_still_come() -> None:
    order = live(-1, OrderKind.EXIT_SELL, at=NOW - SECOND, known=False)
    market = Market(restored=journal(order, slots=(held(),)))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),), position=10)
    (plan,) = market.places()
    market.step(PlaceFailed(plan.request.client_id, "not_sent", "connection refused"))
    assert not market.places()
    market.step(Reconcile(), SECOND)
    market.truth(found=((order.intent.client_id, None),), position=10)
    assert [again.request.client_id for again in market.places()] == [order.intent.client_id]
    market.now += 10 * SECOND
    market.step(PlaceFailed(plan.request.client_id, "not_sent", "connection refused"))
    assert market.actor.slots.slot(-1).status is SlotStatus.FREE


def test_a_market_order_that_was_on_its_way_is_sent_again_as_one() -> None:
    order = live(-1, OrderKind.FLATTEN_SELL, at=NOW - SECOND, known=False)
    order = replace(order, intent=replace(order.intent, price=0, post_only=False))
    market = Market(restored=journal(order, slots=(held(),)))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),), position=10)
    (plan,) = market.places()
    assert (plan.request.price, plan.request.post_only) == (None, False)


def test_of_two_live_orders_on_a_level_the_newer_one_is_kept_and_the_other_cancelled() -> None:
    older, newer = live(-1, OrderKind.OPEN_BUY, 3), live(-1, OrderKind.OPEN_BUY, 4)
    market = Market(restored=journal(older, newer))
    market.prepare()
    market.truth(open_orders=(told(older, OrderStatus.NEW), told(newer, OrderStatus.NEW)))
    assert market.cancels() == [older.intent.client_id]
    order = market.actor.slots.slot(-1).order
    assert order is not None
    assert order.client_id == newer.intent.client_id
