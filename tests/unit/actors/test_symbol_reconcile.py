"""Corrections of a symbol's slots, and the answers to operators who ask for a comparison."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.market import GRID, SECOND, SPEC, Market
from support.past import held, journal

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import ForeignFill, WantTruth
from opensqt_actors.actors.operator import Refusal
from opensqt_actors.actors.risk_messages import FaultFound, FaultSettled
from opensqt_actors.actors.symbol_messages import Recheck, Reconcile, ReconcileNow
from opensqt_actors.actors.symbol_sync import MOST_NAMED
from opensqt_actors.actors.views import ReconcileView
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, RefusalCode, Side
from opensqt_actors.domain.reconcile import LAG
from opensqt_actors.domain.records import FillSaved, SlotSaved, TotalsSaved
from opensqt_actors.domain.settings import GridMode


def holding(*quantities: int) -> Market:
    """A market at 10,000 with levels -1, -2, ... that hold so much, their exits at rest, and nothing opening."""
    spec = replace(SPEC, grid=replace(GRID, mode=GridMode.LONG, buy_window=0))
    slots = tuple(held(-1 - number, quantity) for number, quantity in enumerate(quantities))
    market = Market(spec, journal(slots=slots))
    market.prepare()
    market.truth(position=sum(quantities))
    for plan in market.places():
        market.update(plan, OrderStatus.NEW)
    market.quote(9_985.0)
    return market


def resting(market: Market) -> tuple[OrderReport, ...]:
    """What rests, as the venue tells it."""
    orders = [slot.level for slot in market.actor.slots.by_level.values() if slot.order is not None]
    return tuple(market.report(market.plan(level), OrderStatus.NEW) for level in orders)


def compare(market: Market, position: int, times: int = 1, message: object = None) -> list[object]:
    """Compare with a venue that holds so much."""
    for number in range(times):
        market.step(message if message is not None and not number else Reconcile(), 2 * SECOND)
        if market.told(WantTruth):
            market.truth(position=position, open_orders=resting(market))
    return market.sent


def test_f18_a_small_difference_that_stays_is_corrected_and_journalled_as_inferred() -> None:
    market = holding(60, 60)
    compare(market, 117)
    assert not market.written(FillSaved)
    compare(market, 117)
    (saved,) = market.written(FillSaved)
    assert (saved.inferred, saved.level, saved.fill.quantity, saved.fee) == (True, -1, 3, Decimal(0))
    assert saved.fill.trade_id < 0
    assert saved.fill.price == (market.actor.bid + market.actor.ask) // 2
    assert market.actor.slots.position == 117
    assert market.written(SlotSaved)[0].position == 57
    assert market.written(TotalsSaved)[-1].realized == 70 + saved.realized
    assert [told.kind for told in market.effects(ports.Announce)] == ["position.corrected"]
    assert "position_mismatch" not in market.actor.gates
    assert market.cancels() == [market.plan(-1).request.client_id]
    market.update(market.plan(-1), OrderStatus.CANCELED)
    assert [plan.request.quantity for plan in market.places()] == [57]
    assert market.actor.slots.illegal == 0


def test_a_correction_keeps_the_books_in_line_with_themselves() -> None:
    market = holding(60, 60)
    compare(market, 118, 2)
    saved = market.written(FillSaved)
    cash = sum(entry.fill.price * entry.fill.quantity for entry in saved)
    before = 120 * 99_500
    assert market.actor.slots.long_cost - sum(entry.realized for entry in saved) == before - cash


def test_a_small_difference_that_does_not_stay_changes_nothing() -> None:
    market = holding(60, 60)
    compare(market, 117)
    compare(market, 120)
    compare(market, 117)
    assert not market.written(FillSaved)
    assert market.actor.slots.position == 120


def test_more_than_the_slots_hold_joins_the_slot_nearest_to_the_market() -> None:
    market = holding(60, 60)
    compare(market, 124, 2)
    assert market.actor.slots.by_level[-1].position == 64
    assert market.actor.slots.position == 124


def test_one_step_is_noise() -> None:
    market = holding(60, 60)
    compare(market, 119, 4)
    assert not market.written(FillSaved)
    assert not market.actor.gates


def test_f18_a_closed_position_closes_the_gate_and_nothing_is_opened_again() -> None:
    market = holding(60, 60)
    compare(market, 0, 2)
    assert "position_mismatch" in market.actor.gates
    assert [told.level for told in market.effects(ports.Announce)] == ["critical"]
    [fault] = market.told(FaultFound)
    assert fault.sentence == "the venue holds 0.000, the slots 0.120"
    assert market.actor.slots.position == 120
    market.quote(9_900.0)
    assert not [plan for plan in market.places() if plan.kind.opens]


def test_f18_an_operator_accepts_what_the_venue_holds_and_the_exits_of_what_is_gone_go() -> None:
    market = holding(60, 60)
    compare(market, 0, 2)
    compare(market, 0, 1, ReconcileNow(7, accept=True))
    (reply,) = market.effects(ports.Reply)
    assert isinstance(reply.payload, ReconcileView)
    assert (reply.request, reply.payload.corrected) == (7, Decimal("-0.120"))
    assert market.actor.slots.position == 0
    assert not market.actor.gates
    assert len(market.told(FaultSettled)) == 1
    assert len(market.cancels()) == 2
    for level in (-1, -2):
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert market.actor.slots.working == 0
    assert not market.actor.slots.bare
    assert market.actor.slots.illegal == 0


def test_a_mismatch_that_goes_by_itself_opens_the_gate_and_leaves_the_breaker_to_its_cool_down() -> None:
    market = holding(60, 60)
    compare(market, 0, 4)
    assert not market.told(FaultFound), "told once"
    compare(market, 120)
    assert "position_mismatch" not in market.actor.gates
    assert not market.told(FaultSettled)
    compare(market, 120, 1, ReconcileNow(7, accept=True))
    assert len(market.told(FaultSettled)) == 1, "an operator who accepts what agrees already ends it"


def test_what_an_operator_accepts_beyond_what_is_held_is_adopted() -> None:
    market = holding(60)
    compare(market, 100, 2)
    compare(market, -20, 2)
    compare(market, -20, 1, ReconcileNow(7, accept=True))
    assert market.actor.slots.position == -20
    assert {entry.inferred for entry in market.written(FillSaved)} == {True}
    assert len({entry.fill.trade_id for entry in market.written(FillSaved)}) == len(market.written(FillSaved))


def test_a_question_is_answered_with_what_was_compared() -> None:
    market = holding(60, 60)
    compare(market, 120, 1, ReconcileNow(3))
    (reply,) = market.effects(ports.Reply)
    view = reply.payload
    assert isinstance(view, ReconcileView)
    assert (reply.request, view.verdict, view.orders, view.missed_fills) == (3, "same", 2, 0)
    assert view.slots_position == view.venue_position == Decimal("0.120")
    assert view.sentence.endswith("they agree")


def test_f18_an_order_of_somebody_else_that_fills_is_a_reason_to_look_at_once_and_holds_openings_back() -> None:
    market = Market().trade()
    market.step(ForeignFill("somebody has sold"), SECOND)
    assert market.told(WantTruth)
    assert market.actor.gates == {"foreign_fill": "somebody has sold"}
    assert len(market.cancels()) == GRID.buy_window
    at_once = market.truth(open_orders=resting(market))
    assert "foreign_fill" in market.actor.gates  # a read of the position may lag behind
    assert market.timer("reconcile") is not None, at_once
    market.step(Reconcile(), LAG)
    market.truth(open_orders=resting(market))
    assert not market.actor.gates


def test_f18_what_somebody_has_closed_is_believed_two_seconds_later() -> None:
    market = holding(60, 60)
    market.step(ForeignFill("somebody has sold"))
    market.truth(position=0, open_orders=resting(market))
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == LAG
    market.step(Reconcile(), LAG)
    market.truth(position=0, open_orders=resting(market))
    assert set(market.actor.gates) == {"position_mismatch"}


def test_f18_a_stranger_that_goes_on_trading_costs_one_look_at_a_time() -> None:
    market = holding(60, 60)
    market.step(ForeignFill("one"))
    for _ in range(50):
        market.step(ForeignFill("another"), SECOND // 100)
        assert not market.told(WantTruth)
    market.truth(position=120, open_orders=resting(market))
    market.step(Reconcile(), LAG // 2)
    market.truth(position=120, open_orders=resting(market))
    assert "foreign_fill" in market.actor.gates
    market.step(Reconcile(), LAG)
    market.truth(position=120, open_orders=resting(market))
    assert not market.actor.gates


def test_a_question_waits_until_a_difference_is_believed() -> None:
    market = holding(60, 60)
    compare(market, 50, 1, ReconcileNow(3))
    assert not market.effects(ports.Reply)
    compare(market, 50)
    (reply,) = market.effects(ports.Reply)
    assert isinstance(reply.payload, ReconcileView)
    assert reply.payload.verdict == "different"


def test_a_question_is_answered_in_the_end_even_when_nothing_is_sure() -> None:
    market = holding(60, 60)
    market.step(ReconcileNow(3))
    for number in range(4):
        market.truth(position=50 + number, open_orders=resting(market))
        assert bool(market.effects(ports.Reply)) is (number == 3)
        market.step(Reconcile(), 2 * SECOND)


def test_a_question_is_not_answered_by_many_looks_in_quick_succession() -> None:
    """Refused exits have the position looked at again and again; only a difference that stays is an answer."""
    market = holding(60, 60)
    market.step(ReconcileNow(3, accept=True))
    for _ in range(8):
        market.truth(position=50, open_orders=resting(market))
        assert not market.effects(ports.Reply)
        market.step(Reconcile(), SECOND // 10)
    market.now += 2 * SECOND
    market.truth(position=50, open_orders=resting(market))
    replies = market.effects(ports.Reply)
    assert [reply.payload.verdict for reply in replies] == ["same"]
    assert replies[0].payload.corrected == Decimal("-0.070")


def look(market: Market, position: int, fill: Fill | None, after: int = 2 * SECOND) -> None:
    """Compare with a venue that holds so much and tells one trade."""
    market.step(Reconcile(), after)
    market.truth(position=position, open_orders=resting(market), fills=(fill,) if fill is not None else ())


def nameless(market: Market, quantity: int) -> Fill:
    """A sale of just now of which nobody knows yet whose it is."""
    return replace(market.fill(market.plan(-1), quantity, trade_id=900), client_id=ClientId(""))


def test_f18_nothing_is_accepted_while_a_trade_may_still_turn_out_to_be_ours() -> None:
    market = holding(60, 60)
    sold = nameless(market, 60)
    market.step(ReconcileNow(7, accept=True))
    market.truth(position=60, open_orders=resting(market), fills=(sold,))
    look(market, 60, sold)
    assert "position_mismatch" in market.actor.gates
    assert market.actor.slots.position == 120
    assert not market.effects(ports.Reply), "it may be named in a moment"
    look(market, 60, sold)
    look(market, 60, sold)
    (reply,) = market.effects(ports.Reply)
    assert (reply.payload.verdict, reply.payload.corrected) == ("different", 0)
    assert "may still turn out to be ours" in reply.payload.sentence
    look(market, 60, sold, 3 * SECOND)
    compare(market, 60, 1, ReconcileNow(8, accept=True))
    assert market.actor.slots.position == 60, "it is nobody's that we know: the operator is right"
    assert market.written(FillSaved)[0].inferred


def test_f18_a_small_difference_is_not_corrected_by_guess_while_a_trade_may_still_turn_out_to_be_ours() -> None:
    market = holding(60, 60)
    sold = nameless(market, 3)
    for _ in range(4):
        look(market, 117, sold)
    assert market.actor.slots.position == 120
    look(market, 117, replace(sold, client_id=market.plan(-1).request.client_id))
    (saved,) = market.written(FillSaved)
    assert (saved.inferred, saved.fill.price) == (False, sold.price)
    assert market.actor.slots.position == 117


def test_f18_a_trade_that_the_order_stream_has_named_keeps_nobody_waiting() -> None:
    market = holding(60, 60)
    sold = nameless(market, 60)
    market.step(ForeignFill("somebody has sold", sold.trade_id))
    market.truth(position=60, open_orders=resting(market), fills=(sold,))
    look(market, 60, sold)
    market.step(ReconcileNow(8, accept=True))
    market.truth(position=60, open_orders=resting(market), fills=(sold,))
    assert market.actor.slots.position == 60


def test_the_trades_of_others_that_are_remembered_are_bounded() -> None:
    market = holding(60)
    for number in range(2 * MOST_NAMED):
        market.step(ForeignFill("somebody trades", number))
    assert len(market.actor.sync._others) == MOST_NAMED


def test_f18_at_a_start_exits_do_not_wait_until_a_nameless_trade_has_a_name() -> None:
    slots = tuple(held(level, 60) for level in (-1, -2))
    market = Market(replace(SPEC, grid=replace(GRID, mode=GridMode.LONG, buy_window=0)), journal(slots=slots))
    market.prepare()
    trade = Fill(
        "XUSDT", 900, ClientId(""), "v9", Side.SELL, 99_500, 3, Decimal(1), "USDT", True, market.now
    )  # fmt: skip
    market.truth(position=117, fills=(trade,))
    assert not market.places()
    for _ in range(2):
        market.step(Reconcile(), LAG // 2)
        market.truth(position=117, fills=(trade,))
    assert market.actor.slots.position == 120, "nothing is corrected by guess"
    assert market.places(), "but what is held has its exits"
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after <= LAG, "and it is looked at again soon"


@pytest.mark.parametrize("started", [False, True])
def test_a_question_that_cannot_be_answered_is_refused_with_a_sentence(started: bool) -> None:
    market = holding(60) if started else Market()
    market.step(ReconcileNow(3))
    if started:
        market.step(ports.TruthFailed("XUSDT", "timed out", 0))
    (reply,) = market.effects(ports.Reply)
    assert isinstance(reply.payload, Refusal)
    assert reply.payload.code == "unavailable"


def test_questions_that_wait_are_bounded() -> None:
    market = holding(60)
    for number in range(16):
        market.step(ReconcileNow(number))
    market.step(ReconcileNow(16))
    assert isinstance(market.effects(ports.Reply)[0].payload, Refusal)


def test_f20_while_the_venue_holds_less_no_exit_is_sent_that_it_would_refuse() -> None:
    market = holding(60, 60)
    compare(market, 60, 2)
    assert "position_mismatch" in market.actor.gates
    gone = market.plan(-1)
    market.update(gone, OrderStatus.CANCELED)  # by the venue, whose position bears one of the two
    assert not market.places()
    assert "the venue holds less" in market.actor.slots.by_level[-1].blocked_reason
    market.update(market.plan(-2), OrderStatus.CANCELED)
    assert [plan.request.quantity for plan in market.places()] == [60]
    compare(market, 120)
    market.step(Reconcile(), 20 * SECOND)
    market.quote(9_986.0)
    assert len([slot for slot in market.actor.slots.held.values() if slot.order is not None]) == 2


def test_f20_an_exit_that_was_refused_for_wrong_books_goes_out_as_soon_as_they_are_right() -> None:
    market = holding(60, 60)
    market.update(market.plan(-1), OrderStatus.CANCELED)
    for _ in range(3):
        market.fails(market.plan(-1), RefusalCode.REDUCE_ONLY.value)
        market.step(Recheck(), 2 * SECOND)
    assert market.actor.slots.by_level[-1].blocked_until > market.now + 30 * SECOND
    while market.actor.sync.asking:  # each refusal asked what the venue holds
        market.truth(position=90, open_orders=resting(market))
    compare(market, 90)
    compare(market, 90, 1, ReconcileNow(7, accept=True))
    assert market.actor.slots.position == 90
    held_now = {slot.level: slot.position for slot in market.actor.slots.held.values()}
    assert [(plan.level, plan.request.quantity) for plan in market.places()] == [(-1, held_now[-1])]
