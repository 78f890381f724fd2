"""The SymbolActor: from its start to its end, message by message."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from support.market import EMPTY, FEES, GRID, SECOND, SPEC, Market

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import (
    Attach,
    CancelFailed,
    OrderUpdate,
    Pulse,
    StreamGate,
    Submit,
    WantTruth,
    WithdrawOpenings,
)
from opensqt_actors.actors.risk_messages import RiskChanged
from opensqt_actors.actors.symbol import (
    Describe,
    Execution,
    Flatten,
    Pause,
    Phase,
    Remove,
    Resume,
    RowChanged,
    Start,
    StopTrading,
    SymbolDone,
    SymbolUnable,
)
from opensqt_actors.actors.symbol_messages import Reconcile, Unlock
from opensqt_actors.actors.views import SymbolView
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import Candle, Fees, FundingPayment, OrderStatus, RefusalCode
from opensqt_actors.domain.pnl import KNOWN_LEVELS, Earned, EarnedByLevel
from opensqt_actors.domain.records import FillSaved, FundingSaved, LatticeSaved, OrderSaved, SlotSaved, TotalsSaved
from opensqt_actors.domain.settings import GridMode, RemoveMode, SymbolState


def levels(market: Market) -> list[int]:
    """Where opening orders are at work."""
    return sorted((*market.actor.slots.open_buys, *market.actor.slots.open_sells), reverse=True)


# --- starting --------------------------------------------------------------------------------------------------------


def test_it_starts_with_the_rules_then_the_venues_view_then_a_price() -> None:
    market = Market()
    market.step(Start())
    assert market.told(Attach) == [Attach("XUSDT", 4, market.actor.me, "aa")]
    assert market.actor.state is SymbolState.STARTING
    market.prepare()
    assert market.told(WantTruth)
    market.truth()
    assert market.actor.phase is Phase.TRADING
    assert not market.places()
    assert market.actor.why == "waiting for the first price"
    market.quote()
    assert [plan.request.price for plan in market.places()] == [99_500, 99_000, 98_500]
    assert market.written(LatticeSaved) == [LatticeSaved("main", "XUSDT", 100_000, 500, None)]
    assert market.told(RowChanged)
    assert market.actor.state is SymbolState.TRADING


def test_a_price_that_comes_too_early_is_kept() -> None:
    market = Market()
    market.prepare()
    market.quote()
    assert not market.places()
    market.truth()
    assert market.places()


def test_a_price_that_stands_still_is_learnt_from_the_pulse() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.step(Pulse(100_000, 100_001, 5, 99_990))
    assert market.places()
    assert market.actor.mark == 99_990
    market.step(Pulse(100_001, 100_002, 6, 0))
    assert not market.told(Submit)
    assert market.actor.mark == 100_001


def test_the_lattice_of_earlier_days_stays() -> None:
    market = Market(restored=replace(EMPTY, lattice=LatticeSaved("main", "XUSDT", 77_000, 500, None)))
    candle = Candle("XUSDT", 1, 1.0, 1.0, 1.0, 1.0, 1.0, True)
    market.step(Start())
    prepared = next(iter([market.prepare()]))
    assert prepared
    market.truth()
    market.quote(7_710.0)
    assert [plan.request.price for plan in market.places()] == [76_500, 76_000, 75_500]
    market.step(ports.CandleSeen(candle))
    assert not market.places()


@pytest.mark.parametrize(
    ("spec", "fees", "sentence"),
    [
        (SPEC, Fees(Decimal("0.003"), Decimal("0.003")), "interval"),
        (replace(SPEC, strategy="nosuch"), FEES, "strategy 'nosuch' is not installed; there are grid"),
        (replace(SPEC, grid=replace(GRID, interval=Decimal("0.04"))), FEES, "interval"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_sentence(spec: object, fees: Fees, sentence: str) -> None:
    market = Market(spec)  # type: ignore[arg-type]
    market.prepare(fees)
    market.truth()
    market.quote()
    (unable,) = market.told(SymbolUnable)
    assert sentence in unable.sentence
    assert market.actor.state is SymbolState.REFUSED
    assert not market.places()
    for message in (Reconcile(), ports.TruthFailed("XUSDT", "late")):
        market.step(message)
        assert not market.sent


def test_a_market_that_the_venue_refuses_for_good_waits_for_an_operator() -> None:
    market = Market()
    market.step(Start())
    market.step(ports.SymbolRefused("XUSDT", "not open for trading", True))
    assert market.told(SymbolUnable)[0].sentence == "not open for trading"
    market.step(Resume())
    assert market.told(Attach)


def test_a_venue_that_does_not_answer_is_asked_again() -> None:
    market = Market()
    market.step(Start())
    market.step(ports.SymbolRefused("XUSDT", "timed out", False))
    timer = market.timer("attach")
    assert timer is not None
    assert isinstance(timer.message, Start)
    market.trade()
    market.step(ports.SymbolRefused("XUSDT", "an answer to somebody else's question", True))
    assert market.actor.phase is Phase.TRADING


def test_news_of_orders_before_the_rules_is_left_to_the_venues_view() -> None:
    market = Market()
    traded = Market().trade()
    market.step(Start())
    market.fills(traded.plan(-1))
    assert not market.sent


# --- orders ----------------------------------------------------------------------------------------------------------


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
    for _ in range(8):
        (plan,) = market.places()
        assert (plan.kind, plan.request.post_only) == (OrderKind.EXIT_SELL, True)
        market.fails(plan, RefusalCode.WOULD_CROSS.value)
        timer = market.timer("recheck")
        assert timer is not None
        assert timer.after <= SECOND // 5
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
    plans = [market.plan(level) for level in levels(market)]
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
        plans = [market.plan(level) for level in levels(market)]
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


# --- gates -----------------------------------------------------------------------------------------------------------


def test_a_closed_gate_takes_openings_back_and_leaves_exits() -> None:
    market = Market().trade()
    market.fills(market.plan(-1))
    exit_plan = market.plan(-1)
    market.update(exit_plan, OrderStatus.NEW)
    market.step(Pause())
    assert set(market.cancels()) == {market.plan(-2).request.client_id, market.plan(-3).request.client_id}
    assert market.told(WithdrawOpenings) == [WithdrawOpenings("XUSDT", "paused by an operator")]
    assert market.actor.state is SymbolState.PAUSED
    for level in (-2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert not levels(market)
    market.step(Resume())
    assert [plan.level for plan in market.places()] == [-2, -3]
    assert market.actor.state is SymbolState.TRADING


def test_the_openings_come_back_only_when_every_gate_is_open() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.step(RiskChanged((("risk", "risk is triggered: panic"),)))
    market.step(StreamGate("stale_price", False, "no frame"))
    market.quote()
    assert not market.places()
    assert market.actor.why == "risk is triggered: panic"
    market.step(RiskChanged())
    assert not market.places()
    market.step(StreamGate("stale_price", True))
    assert market.places()
    assert not market.told(WithdrawOpenings)


def test_while_risk_is_triggered_cancels_are_urgent() -> None:
    market = Market().trade()
    market.step(RiskChanged((("risk", "risk is triggered: panic"),)))
    (submit,) = market.told(Submit)
    assert submit.urgent
    assert len(submit.cancels) == 3


def test_f35_after_the_order_stream_was_away_the_venues_view_comes_first() -> None:
    market = Market().trade()
    market.stream(False)
    assert not market.told(Submit)
    market.quote(9_970.0)
    assert not market.told(Submit)
    market.stream(True)
    assert market.told(WantTruth)
    assert not market.places()
    market.truth(open_orders=tuple(market.report(market.plan(k), OrderStatus.NEW) for k in (-1, -2, -3)))
    assert market.actor.phase is Phase.TRADING


def test_a_view_that_was_asked_for_before_the_stream_broke_will_not_do() -> None:
    market = Market()
    market.prepare()
    market.stream(False)
    market.stream(True)
    assert not market.told(WantTruth)
    market.truth()
    assert market.actor.phase is Phase.SYNCING
    assert market.told(WantTruth)
    market.truth()
    assert market.actor.phase is Phase.TRADING


def test_without_the_order_stream_it_does_not_trade() -> None:
    market = Market()
    market.prepare()
    market.stream(False)
    market.truth()
    market.quote()
    assert market.actor.phase is Phase.SYNCING
    assert not market.places()


def test_a_new_exchange_actor_is_asked_for_everything_again() -> None:
    market = Market().trade()
    market.step(StreamGate("stale_price", False, "no frame"))
    market.stream(False)
    market.step(Start())
    assert market.told(Attach)
    assert not market.actor.gates
    market.prepare()
    assert market.told(WantTruth)


# --- leaving ---------------------------------------------------------------------------------------------------------


def held(mode: GridMode = GridMode.LONG) -> Market:
    """A market that holds one level, with its exit at work."""
    market = Market(replace(SPEC, grid=replace(GRID, mode=mode))).trade()
    market.fills(market.plan(-1))
    market.update(market.plan(-1), OrderStatus.NEW)
    return market


def test_a_graceful_removal_waits_for_the_exits() -> None:
    market = held()
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
    market = held(mode)
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
    market = held()
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
    market = held()
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
    market = held()
    market.step(Flatten())
    market.step(Remove(RemoveMode.LEAVE))
    for level in (-1, -2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert not market.places()
    assert market.told(SymbolDone)
    assert market.actor.slots.position > 0


def test_a_refused_market_that_holds_something_can_be_closed_without_being_removed() -> None:
    market = held()
    market.prepare(Fees(Decimal("0.01"), Decimal("0.01")))
    market.step(Flatten())
    assert market.told(WantTruth)


def test_leaving_cancels_everything_and_keeps_the_position() -> None:
    market = held()
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
    market = held()
    market.prepare(Fees(Decimal("0.01"), Decimal("0.01")))
    assert market.actor.state is SymbolState.REFUSED
    assert set(market.cancels()) == {market.plan(level).request.client_id for level in (-2, -3)}
    market.step(Remove(RemoveMode.FLATTEN))
    assert market.told(WantTruth)


@pytest.mark.parametrize(("exits", "left"), [(False, {-1}), (True, set())])
def test_stopping_takes_back_what_should_not_stay_and_says_when_it_is_done(exits: bool, left: set[int]) -> None:
    market = held()
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


# --- the rest --------------------------------------------------------------------------------------------------------


def test_funding_is_booked_once() -> None:
    market = Market().trade()
    payment = FundingPayment("XUSDT", "9", Decimal("-0.25"), 1)
    market.step(ports.FundingSeen((payment, payment)))
    assert market.written(FundingSaved) == [FundingSaved("main", payment)]
    assert market.actor.totals.funding == Decimal("-0.25")
    market.step(ports.FundingSeen((payment,)))
    assert not market.sent
    again = Market(restored=replace(EMPTY, known_funding=frozenset({"9"})))
    again.step(ports.FundingSeen((payment,)))
    assert not again.sent


def test_an_operator_sees_every_level_with_its_order_or_the_reason_why_it_has_none() -> None:
    market = held()
    market.step(Describe(5))
    (reply,) = market.effects(ports.Reply)
    view = reply.payload
    assert isinstance(view, SymbolView)
    assert reply.request == 5
    assert [level.level for level in view.levels] == [0, -1, -2, -3]
    assert [level.order_kind for level in view.levels] == ["", "exit_sell", "open_buy", "open_buy"]
    assert [bool(level.reason_code) for level in view.levels] == [True, False, False, False]
    assert view.centre == Decimal(10_000)
    assert view.levels[1].exit_price == Decimal(10_000)
    assert view.row.open_orders == 3


def described(market: Market) -> SymbolView:
    market.step(Describe(5))
    view = market.effects(ports.Reply)[0].payload
    assert isinstance(view, SymbolView)
    return view


@pytest.mark.parametrize("mode", [GridMode.LONG, GridMode.SHORT])
def test_each_slot_tells_its_cost_its_open_and_its_earned_profit_and_they_add_up(mode: GridMode) -> None:
    sign, level = (1, -1) if mode is GridMode.LONG else (-1, 1)
    spec = replace(SPEC, grid=replace(GRID, mode=mode, buy_window=3, sell_window=3))
    market = Market(spec).trade()
    market.fills(market.plan(level))
    market.update(market.plan(level), OrderStatus.NEW)
    view = described(market)
    shown = next(slot for slot in view.levels if slot.level == level)
    mark = (Decimal("10000.0") + Decimal("10000.1")) / 2
    assert shown.cost == shown.position * shown.price
    assert shown.position * sign > 0
    assert abs(shown.unrealized_pnl - shown.position * (mark - shown.price)) <= abs(shown.position) * Decimal("0.05")
    assert (shown.realized_pnl, shown.fees, shown.round_trips) == (0, 1, 0)
    assert sum(slot.unrealized_pnl for slot in view.levels) == view.row.unrealized_pnl

    profit = sign * shown.position.copy_abs() * ((shown.order_price or 0) - shown.price)
    market.fills(market.plan(level))
    view = described(market)
    shown = next(slot for slot in view.levels if slot.level == level)
    assert (shown.cost, shown.unrealized_pnl) == (0, 0)
    assert (shown.fees, shown.round_trips) == (2, 1)
    assert shown.realized_pnl == view.row.grid_pnl == profit > 0
    assert view.row.fees == sum(slot.fees for slot in view.levels)


def test_what_levels_have_earned_is_forgotten_when_they_mean_other_prices() -> None:
    market = held()
    market.fills(market.plan(-1))
    assert market.actor.ledger.earned.of(-1).round_trips == 1
    market.actor.ledger.anchor(200_000)
    assert market.actor.ledger.earned.of(-1) == Earned()
    assert market.actor.totals.realized == 5_010


def test_the_memory_of_what_levels_have_earned_is_bounded() -> None:
    earned = EarnedByLevel()
    for level in range(KNOWN_LEVELS + 1):
        earned.add(level, 7, Decimal(1), round_trip=True)
    assert earned.of(0) == Earned()
    assert earned.of(KNOWN_LEVELS) == Earned(7, Decimal(1), 1)


def test_before_the_rules_there_is_little_to_show() -> None:
    market = Market()
    market.step(Describe(5))
    view = market.effects(ports.Reply)[0].payload
    assert (view.levels, view.centre, view.row.state) == ((), None, SymbolState.STARTING)


def test_before_the_first_price_the_restored_levels_are_shown() -> None:
    market = Market(restored=replace(EMPTY, lattice=LatticeSaved("main", "XUSDT", 100_000, 500, None)))
    market.prepare()
    market.step(Describe(5))
    assert market.effects(ports.Reply)[0].payload.band_low is None


def test_an_unknown_message_crashes_the_actor() -> None:
    with pytest.raises(KeyError):
        Market().step("hello")


def test_a_strategy_that_raises_crashes_the_step_and_nothing_comes_of_it() -> None:
    class Broken(Grid):
        def decide(self, *_: object) -> object:  # type: ignore[override]
            raise RuntimeError("broken")

    market = Market(strategies={"grid": Broken})  # type: ignore[dict-item]
    market.prepare()
    market.truth()
    with pytest.raises(RuntimeError, match="broken"):
        market.quote()
