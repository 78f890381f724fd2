"""The SymbolActor's orders: news of them, and what it does when they are refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.market import SECOND, Market

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import CancelFailed, OrderUpdate, Pulse, WantTruth
from opensqt_actors.actors.symbol import Execution, Pause
from opensqt_actors.actors.symbol_messages import Unlock
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import OrderStatus, RefusalCode
from opensqt_actors.domain.records import FillSaved, OrderSaved, SlotSaved, TotalsSaved

# --- news ------------------------------------------------------------------------------------------------------------


def test_a_fill_is_written_and_then_its_exit_is_asked_for() -> None:
    market = Market().trade()
    market.quote(9_975.0)
    plan = market.plan(-1)
    sent = [type(effect).__name__ for effect in market.fills(plan)]
    assert sent.index("Persist") < sent.index("Tell")
    quantity = plan.request.quantity
    assert [(saved.level, saved.fee) for saved in market.written(FillSaved)] == [(-1, Decimal(1))]
    assert [(saved.position, saved.exit_level) for saved in market.written(SlotSaved)] == [(quantity, 0)]
    (saved,) = market.written(OrderSaved)
    assert (saved.status, saved.filled) == (OrderStatus.FILLED, quantity)
    (exit_plan,) = market.places()
    assert (exit_plan.kind, exit_plan.request.price) == (OrderKind.EXIT_SELL, 100_000)
    assert exit_plan.request.reduce_only


def test_the_same_news_twice_changes_nothing() -> None:
    market = Market().trade()
    plan = market.plan(-1)
    trade = market.fill(plan, trade_id=7)
    market.update(plan, OrderStatus.FILLED, plan.request.quantity, trade)
    assert market.effects(ports.Persist)
    market.update(plan, OrderStatus.FILLED, plan.request.quantity, trade)
    assert not market.effects(ports.Persist)
    assert not market.places()
    assert market.actor.fills == 1


def test_a_round_trip_is_counted_with_its_profit_and_its_fees() -> None:
    market = Market().trade()
    market.quote(9_975.0)
    market.fills(market.plan(-1))
    exit_plan = market.plan(-1)
    market.update(exit_plan, OrderStatus.NEW)
    market.fills(exit_plan)
    totals = market.written(TotalsSaved)[-1]
    quantity = exit_plan.request.quantity
    assert (totals.realized, totals.fees, totals.round_trips) == (500 * quantity, Decimal(2), 1)
    assert market.plan(-1).kind is OrderKind.OPEN_BUY


def test_an_order_whose_slot_has_moved_on_is_cancelled() -> None:
    market = Market().trade()
    market.quote(9_970.0)
    plan = market.plan(-3)
    market.step(Pause())
    market.update(plan, OrderStatus.CANCELED)
    late = replace(market.report(plan, OrderStatus.NEW), venue_id="twin")
    market.step(OrderUpdate(late, None))
    assert market.cancels() == [plan.request.client_id]
    assert [told.kind for told in market.effects(ports.Announce)] == ["order.orphan"]
    assert market.written(OrderSaved)[0].status is OrderStatus.NEW


def test_a_cancel_that_failed_is_asked_for_again() -> None:
    market = Market().trade()
    market.step(Pause())
    cancelled = market.cancels()
    assert len(cancelled) == 3
    market.step(CancelFailed(cancelled[0]))
    assert market.cancels() == [cancelled[0]]


# --- refusals --------------------------------------------------------------------------------------------------------
def test_a_refused_order_is_tried_again_later_and_later() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    waits = []
    plan = market.plan(-1)
    for _ in range(4):
        market.fails(plan, "not_sent")
        assert not market.places()
        timer = market.timer("recheck")
        assert timer is not None
        waits.append(timer.after)
        market.step(timer.message, timer.after)
        (plan,) = market.places()
    assert waits == sorted(set(waits))


def test_the_end_of_an_order_without_an_intent_is_not_written() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    market.fails(market.plan(-1), "journal", journalled=False)
    assert not market.written(OrderSaved)
    market.fails(market.plan(-2), "not_sent", journalled=True)
    assert [saved.status for saved in market.written(OrderSaved)] == [OrderStatus.REJECTED]


def test_f11_a_slot_that_is_refused_for_the_same_reason_asks_once_a_minute() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    plan = market.plan(-1)
    alarms = []
    for _ in range(5):
        market.fails(plan, RefusalCode.RULE.value)
        alarms += [told.sentence for told in market.effects(ports.Announce) if told.kind == "order.refused"]
        timer = market.timer("recheck")
        assert timer is not None
        last = timer.after
        market.step(timer.message, timer.after)
        (plan,) = market.places()
    assert last == 60 * SECOND
    assert len(alarms) == 1
    assert "refused 3 times" in alarms[0]


@pytest.mark.parametrize(("fallback", "taker"), [("pause", False), ("downgrade", True)])
def test_f12_an_order_that_would_cross_is_retried_and_then_does_as_configured(fallback: str, taker: bool) -> None:
    market = Market(execution=Execution(post_only_fallback=fallback))
    market.prepare()
    market.truth()
    market.quote()
    plan = market.plan(-1)
    for _ in range(4):
        market.fails(plan, RefusalCode.WOULD_CROSS.value)
        timer = market.timer("recheck")
        assert timer is not None
        last = timer.after
        market.step(timer.message, timer.after)
        (plan,) = market.places()
    assert (last == 60 * SECOND) is not taker
    assert plan.request.post_only is not taker


def test_f12_an_exit_that_would_cross_is_tried_on_whatever_pauses_openings() -> None:
    market = Market(execution=Execution(post_only_fallback="pause")).trade()
    market.quote(9_975.0)
    market.fills(market.plan(-1))
    for wait in (25, 25, 25, 50, 100, 200, 200):
        (plan,) = market.places()
        assert (plan.kind, plan.request.post_only) == (OrderKind.EXIT_SELL, True)
        market.fails(plan, RefusalCode.WOULD_CROSS.value)
        timer = market.timer("recheck")
        assert timer is not None
        assert timer.after == wait * SECOND // 1000
        market.step(timer.message, timer.after)


def test_f12_an_order_becomes_a_taker_only_when_it_would_have_crossed_and_not_for_other_reasons() -> None:
    market = Market(execution=Execution(post_only_fallback="downgrade"))
    market.prepare()
    market.truth()
    market.quote()
    plan = market.plan(-1)
    cross, other = RefusalCode.WOULD_CROSS.value, "not_sent"
    for code in (other, other, other, other, other, cross, cross, cross, other, cross):
        market.fails(plan, code)
        timer = market.timer("recheck")
        assert timer is not None
        assert timer.after <= 10 * SECOND
        market.step(timer.message, timer.after)
        (plan,) = market.places()
        assert plan.request.post_only


def test_f25_a_market_that_takes_no_orders_is_left_alone_for_a_pause_and_told_once() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    plans = [market.plan(level) for level in market.opening_levels()]
    market.fails(plans[0], RefusalCode.SYMBOL_CLOSED.value)
    timer = market.timer("reopen")
    assert timer is not None
    assert timer.after == market.actor.execution.slot_pause
    assert "market_closed" in market.actor.gates
    assert [effect.kind for effect in market.effects(ports.Announce)] == ["market.closed"]
    for plan in plans[1:]:
        market.fails(plan, RefusalCode.SYMBOL_CLOSED.value)
        assert market.timer("reopen") is None
        assert not market.effects(ports.Announce)
    market.step(timer.message, timer.after)
    assert not market.actor.gates
    assert market.places()


def test_f10_want_of_margin_locks_all_openings_once_and_longer_each_time() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    locks = []
    for number in range(8):
        plans = [market.plan(level) for level in market.opening_levels()]
        market.fails(plans[0], RefusalCode.INSUFFICIENT_MARGIN.value)
        timer = market.timer("margin")
        assert timer is not None
        locks.append(timer.after // SECOND)
        assert "margin_lock" in market.actor.gates
        assert market.effects(ports.Announce)[0].kind == "margin.locked"
        for plan in plans[1:]:
            market.fails(plan, RefusalCode.INSUFFICIENT_MARGIN.value)
            assert market.timer("margin") is None
            assert not market.effects(ports.Announce)
        assert not market.places()
        market.step(Unlock(), timer.after)
        if not market.places():
            recheck = market.timer("recheck")
            assert recheck is not None, number
            market.step(recheck.message, recheck.after)
    assert locks == [10, 20, 40, 80, 160, 320, 600, 600]


def test_a_margin_lock_long_after_the_last_one_begins_anew() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    market.fails(market.plan(-1), RefusalCode.INSUFFICIENT_MARGIN.value)
    market.step(Unlock(), 10 * SECOND)
    market.now += 3_600 * SECOND
    market.step(Pulse(0, 0, 0, 0))
    market.fails(market.plan(-2), RefusalCode.INSUFFICIENT_MARGIN.value)
    timer = market.timer("margin")
    assert timer is not None
    assert timer.after == 10 * SECOND


def test_a_withdrawn_order_costs_its_slot_no_time() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    plan = market.plan(-1)
    market.fails(plan, "withdrawn", journalled=False)
    (again,) = market.places()
    assert again.request.client_id != plan.request.client_id


def test_f20_a_reduce_only_refusal_has_the_position_checked() -> None:
    market = Market().trade()
    market.fills(market.plan(-1))
    market.fails(market.plan(-1), RefusalCode.REDUCE_ONLY.value)
    assert market.told(WantTruth)
