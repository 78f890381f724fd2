"""Orders on their way to the venue: priorities, intents, answers, look-ups, one order whatever happens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.account import NOW, SECOND, Bench

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import ON_THE_WAY, Limits
from opensqt_actors.actors.exchange_messages import (
    AdoptOrder,
    CancelFailed,
    CancelOpeningBuys,
    Detach,
    NotAgain,
    OrderAdopted,
    OrderUpdate,
    PlaceFailed,
    PlacesWithdrawn,
    Pump,
    Sweep,
    SymbolDown,
    WantTruth,
    WithdrawOpenings,
)
from opensqt_actors.actors.tracker import Stage
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    NotSent,
    OrderStatus,
    OutcomeUnknown,
    Position,
    RefusalCode,
    Refused,
    Truth,
)
from opensqt_actors.domain.records import OrderSaved

BUY, SELL = OrderKind.OPEN_BUY, OrderKind.OPEN_SELL
EXIT = OrderKind.EXIT_SELL


@pytest.fixture
def bench() -> Bench:
    return Bench("AUSDT", "BUSDT")


def sent_ids(bench: Bench) -> list[str]:
    return [order.client_id for effect in bench.effects(ports.SendPlaces) for order in effect.orders]


def test_an_order_leaves_only_after_its_intent_is_durable(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    assert not bench.effects(ports.SendPlaces)
    (commit,) = bench.effects(ports.CommitIntents)
    (intent,) = commit.intents
    assert (intent.client_id, intent.price, intent.quantity, intent.at) == (plan.request.client_id, 100, 10, NOW)
    assert bench.commit() == [plan.request]


def test_f34_an_order_whose_intent_cannot_be_written_is_not_sent(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    (commit,) = bench.effects(ports.CommitIntents)
    bench.step(ports.IntentsFailed(commit.batch, "the database is away"))
    (failed,) = bench.told(PlaceFailed, "AUSDT")
    assert (failed.code, failed.journalled) == ("journal", False)
    assert "the database is away" in failed.sentence
    assert bench.actor.tracker.size == 0


def test_cancels_go_before_exits_and_exits_before_openings() -> None:
    bench = Bench("AUSDT", limits=Limits(1.0, 1))
    resting = bench.plan(level=9)
    bench.rest(resting)
    opening, exit_plan = bench.plan(level=1), bench.plan(level=2, kind=EXIT)
    bench.submit(opening, exit_plan, cancels=(resting.request.client_id,))
    assert bench.effects(ports.SendCancels)
    assert not bench.effects(ports.CommitIntents)
    bench.step(Pump(), SECOND)
    assert bench.commit() == [exit_plan.request]
    bench.step(Pump(), SECOND)
    assert bench.commit() == [opening.request]


def test_a_full_budget_names_the_moment_to_go_on() -> None:
    bench = Bench("AUSDT", limits=Limits(2.0, 1))
    bench.submit(bench.plan(level=1), bench.plan(level=2))
    timer = bench.timer("pump")
    assert timer is not None
    assert timer.after == pytest.approx(SECOND // 2, abs=2)
    bench.step(ports.Throttled(10 * SECOND, False, "429"))
    bench.step(Pump(), SECOND)
    assert not bench.effects(ports.CommitIntents)
    bench.step(Pump(), 9 * SECOND)
    assert bench.effects(ports.CommitIntents)


def test_f08_nothing_at_all_is_sent_while_the_venue_wants_a_pause(bench: Bench) -> None:
    plan, waiting = bench.plan(level=1), bench.plan(level=2)
    bench.rest(plan)
    bench.submit(waiting)
    commit = bench.effects(ports.CommitIntents)[0]
    bench.step(ports.Throttled(5 * SECOND, True, "418 until later"))
    assert bench.effects(ports.Announce)[0].kind == "venue.banned"
    bench.step(ports.IntentsCommitted(commit.batch))
    assert not bench.effects(ports.SendPlaces)
    assert bench.told(PlaceFailed)[0].code == "withdrawn"
    bench.submit(cancels=(plan.request.client_id,))
    assert not bench.effects(ports.SendCancels)
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    assert not bench.effects(ports.FetchTruth)
    assert bench.told(ports.TruthFailed, "AUSDT")[0].retry_after == 5 * SECOND
    bench.step(Sweep(), 4 * SECOND)
    assert not bench.effects(ports.FindOrder)
    bench.step(Pump(), SECOND)
    assert bench.effects(ports.SendCancels)


def test_batches_are_as_large_as_the_venue_takes_them(bench: Bench) -> None:
    bench.submit(*(bench.plan(level=level) for level in range(12)))
    assert [len(effect.intents) for effect in bench.effects(ports.CommitIntents)] == [5, 5, 2]
    bench.commit()
    bench.sent = []
    bench = Bench("AUSDT", "BUSDT")
    plans = [bench.plan(level=level) for level in range(12)] + [bench.plan("BUSDT", level) for level in range(3)]
    bench.rest(*plans)
    bench.submit(cancels=tuple(plan.request.client_id for plan in plans))
    assert [len(effect.cancels) for effect in bench.effects(ports.SendCancels)] == [10, 2, 3]


def test_not_more_requests_are_out_than_allowed() -> None:
    bench = Bench("AUSDT", limits=Limits(1e6, 10**6), published=ports.Published(place_batch=1))
    bench.submit(*(bench.plan(level=level) for level in range(40)))
    commits = bench.effects(ports.CommitIntents)
    assert len(commits) == 16
    bench.step(ports.IntentsFailed(commits[0].batch, "no"))
    assert len(bench.effects(ports.CommitIntents)) == 1


def test_an_accepted_order_is_told_and_rests(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((Accepted(bench.report(plan, OrderStatus.NEW)),)))
    (update,) = bench.told(OrderUpdate, "AUSDT")
    assert update.report == bench.report(plan, OrderStatus.NEW)
    tracked = bench.actor.tracker.get(plan.request.client_id)
    assert tracked is not None
    assert tracked.stage is Stage.RESTING


@pytest.mark.parametrize("code", [RefusalCode.INSUFFICIENT_MARGIN, RefusalCode.WOULD_CROSS, RefusalCode.RULE])
def test_a_refusal_goes_back_to_the_symbol_with_its_reason(bench: Bench, code: RefusalCode) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((Refused(plan.request.client_id, code, "-1", "no"),)))
    assert bench.told(PlaceFailed, "AUSDT") == [PlaceFailed(plan.request.client_id, code.value, "no", 0)]
    assert bench.actor.tracker.size == 0


def test_one_bad_order_does_not_fail_its_batch(bench: Bench) -> None:
    good, bad = bench.plan(level=1), bench.plan(level=2)
    bench.submit(good, bad)
    bench.commit()
    refusal = Refused(bad.request.client_id, RefusalCode.RULE, "-1", "no")
    bench.step(ports.PlacesAnswered((Accepted(bench.report(good, OrderStatus.NEW)), refusal)))
    assert len(bench.told(OrderUpdate)) == len(bench.told(PlaceFailed)) == 1


def test_f02_a_refusal_of_an_order_that_is_seen_to_rest_is_not_believed(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.event(plan, OrderStatus.PARTIALLY_FILLED, 3, bench.fill(plan, 3))
    bench.step(ports.PlacesAnswered((Refused(plan.request.client_id, RefusalCode.RULE, "-1", "no"),)))
    assert not bench.told(PlaceFailed)
    assert bench.actor.tracker.size == 1


@pytest.mark.parametrize("kind", [BUY, EXIT])
def test_f01_an_unknown_outcome_is_looked_up_and_never_sent_again_blindly(bench: Bench, kind: OrderKind) -> None:
    plan = bench.plan(kind=kind)
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    assert bench.effects(ports.FindOrder) == [ports.FindOrder("AUSDT", plan.request.client_id)]
    assert not bench.effects(ports.SendPlaces)
    bench.step(ports.OrderFound(bench.report(plan, OrderStatus.NEW), ()))
    assert bench.told(OrderUpdate, "AUSDT")
    bench.step(Sweep(), 100 * SECOND)
    assert not bench.effects(ports.FindOrder)


def test_f15_an_exit_that_goes_once_more_is_written_down_as_sent_now_before_it_goes(bench: Bench) -> None:
    plan = bench.plan(kind=EXIT, again=True)
    bench.submit(plan)
    kinds = [type(effect) for effect in bench.sent]
    assert kinds.index(ports.Persist) < kinds.index(ports.SendPlaces)
    [(entry,)] = [effect.entries for effect in bench.effects(ports.Persist)]
    assert isinstance(entry, OrderSaved)
    assert (entry.client_id, entry.status, entry.filled, entry.at) == (
        plan.request.client_id, OrderStatus.PENDING, 0, bench.now
    )  # fmt: skip


def test_a_duplicate_id_means_that_the_order_is_there_already(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((Refused(plan.request.client_id, RefusalCode.DUPLICATE_ID, "-4116", "twice"),)))
    assert bench.effects(ports.FindOrder)


def test_an_opening_that_never_arrived_is_decided_anew(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert bench.told(PlaceFailed, "AUSDT")[0].code == "not_sent"
    assert not bench.effects(ports.SendPlaces)


def test_an_exit_that_never_arrived_goes_out_again_under_the_same_id_a_few_times(bench: Bench) -> None:
    plan = bench.plan(kind=EXIT)
    bench.submit(plan)
    bench.commit()
    for _ in range(5):
        bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
        bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
        assert sent_ids(bench) == [plan.request.client_id]
        assert not bench.effects(ports.CommitIntents)
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert bench.told(PlaceFailed, "AUSDT")


def test_f26_what_another_program_sends_on_the_account_is_left_out_of_the_budget() -> None:
    bench = Bench("AUSDT", published=ports.Published(orders_per_10s=20, place_batch=5))
    bench.now += 5 * SECOND - bench.now % (10 * SECOND)
    bench.step(ports.OrdersCounted(bench.now, 18, 0))
    bench.submit(*(bench.plan(level=level) for level in range(4)))
    assert len(bench.commit()) == 2
    assert bench.actor.desk.waiting == 2
    bench.step(Pump(), 10 * SECOND + ON_THE_WAY)
    assert len(bench.commit()) == 2


@pytest.mark.parametrize("filled", [0, 10])
def test_f02_an_exit_that_waits_to_be_sent_again_and_turns_out_to_be_there_is_not_sent(filled: int) -> None:
    bench = Bench("AUSDT", limits=Limits(1.0, 1))
    plan = bench.plan(kind=EXIT)
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert not sent_ids(bench)
    bench.event(
        plan, OrderStatus.FILLED if filled else OrderStatus.NEW, filled, bench.fill(plan, 10) if filled else None
    )
    bench.step(Pump(), 2 * SECOND)
    assert not sent_ids(bench)
    assert bench.actor.desk.waiting == 0
    bench.submit(bench.plan(level=5, kind=EXIT))
    assert bench.commit()


def test_a_restored_exit_is_sent_again_without_a_new_intent(bench: Bench) -> None:
    plan = bench.plan(kind=EXIT, again=True)
    bench.submit(plan)
    assert sent_ids(bench) == [plan.request.client_id]
    assert not bench.effects(ports.CommitIntents)
    bench.submit(plan)
    assert sent_ids(bench) == []


def test_a_look_up_that_fails_is_repeated_with_growing_patience(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    waits = []
    for _ in range(8):
        bench.step(ports.FindFailed("AUSDT", plan.request.client_id, "timed out"))
        assert not bench.effects(ports.FindOrder)
        waited = 0
        while not bench.effects(ports.FindOrder):
            bench.step(Sweep(), SECOND)
            waited += 1
            assert waited <= 11
        waits.append(waited)
    assert max(waits) > 2


def test_one_look_up_of_an_order_is_out_at_a_time(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(Sweep(), 100 * SECOND)
    assert not bench.effects(ports.FindOrder)


def test_an_answer_that_never_comes_is_looked_for(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(Sweep(), 4 * SECOND)
    assert not bench.effects(ports.FindOrder)
    bench.step(Sweep(), SECOND)
    assert bench.effects(ports.FindOrder)


def test_a_confirmed_order_that_the_venue_denies_is_believed_gone_only_when_it_keeps_denying(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.submit(cancels=(plan.request.client_id,))
    bench.step(ports.CancelsAnswered((Refused(plan.request.client_id, RefusalCode.UNKNOWN_ORDER, "-2011", "?"),)))
    assert bench.effects(ports.FindOrder)
    for _ in range(2):
        bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
        assert not bench.told(OrderUpdate)
        bench.step(Sweep(), 11 * SECOND)
        assert bench.effects(ports.FindOrder)
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    (update,) = bench.told(OrderUpdate, "AUSDT")
    assert update.report is not None
    assert update.report.status is OrderStatus.CANCELED
    assert bench.actor.tracker.size == 0


def test_f03_a_cancel_that_meets_a_filled_order_books_the_fill_once(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.submit(cancels=(plan.request.client_id,))
    bench.step(ports.CancelsAnswered((Refused(plan.request.client_id, RefusalCode.UNKNOWN_ORDER, "-2011", "?"),)))
    trade = bench.fill(plan, 10)
    bench.step(ports.OrderFound(bench.report(plan, OrderStatus.FILLED, 10), (trade,)))
    assert [update.fill for update in bench.told(OrderUpdate, "AUSDT") if update.fill] == [trade]
    assert not bench.told(CancelFailed)
    assert bench.actor.tracker.size == 0
    bench.submit(cancels=(plan.request.client_id,))
    assert not bench.effects(ports.SendCancels)


def test_a_cancel_whose_order_is_found_resting_has_failed(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.submit(cancels=(plan.request.client_id,))
    bench.step(ports.CancelsAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderFound(bench.report(plan, OrderStatus.NEW), ()))
    assert bench.told(CancelFailed, "AUSDT") == [CancelFailed(plan.request.client_id)]
    bench.submit(cancels=(plan.request.client_id,))
    assert bench.effects(ports.SendCancels)


def test_a_cancel_that_was_taken_waits_for_the_event(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.submit(cancels=(plan.request.client_id,))
    bench.step(ports.CancelsAnswered((Cancelled(plan.request.client_id),)))
    assert bench.actor.tracker.size == 1
    bench.event(plan, OrderStatus.CANCELED)
    assert bench.actor.tracker.size == 0


def test_a_cancel_that_did_not_leave_is_repeated_after_a_moment(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.submit(cancels=(plan.request.client_id,))
    bench.step(ports.CancelsAnswered((NotSent(plan.request.client_id, "connection refused"),)))
    assert not bench.effects(ports.SendCancels)
    timer = bench.timer("pump")
    assert timer is not None
    bench.step(timer.message, timer.after)
    assert bench.effects(ports.SendCancels)


def test_an_order_that_only_the_symbol_knows_is_cancelled_all_the_same(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(cancels=(plan.request.client_id,))
    assert bench.effects(ports.SendCancels)


def test_a_cancel_of_nothing_that_could_be_ours_is_ignored(bench: Bench) -> None:
    bench.submit(cancels=("web_1",))  # type: ignore[arg-type]
    assert not bench.effects(ports.SendCancels)


def test_risk_takes_back_the_opening_buys_of_all_symbols_first() -> None:
    bench = Bench("AUSDT", "BUSDT", limits=Limits(1e6, 1_000))
    buys = [bench.plan("AUSDT", 1), bench.plan("BUSDT", 1)]
    others = [bench.plan("AUSDT", 2, SELL), bench.plan("BUSDT", 2, EXIT)]
    bench.rest(*buys, *others)
    waiting = bench.plan("AUSDT", 3)
    bench.actor.budget.take(bench.now, 1_000_000)
    bench.submit(waiting)
    bench.step(CancelOpeningBuys("panic"))
    cancelled = {cancel.client_id for effect in bench.effects(ports.SendCancels) for cancel in effect.cancels}
    assert cancelled == {plan.request.client_id for plan in buys}
    assert bench.told(PlaceFailed, "AUSDT")[0].client_id == waiting.request.client_id


def test_a_risk_cancel_leaves_at_once_however_many_places_wait_or_are_out() -> None:
    names = [f"S{number}USDT" for number in range(40)]
    bench = Bench(*names, limits=Limits(1_000.0, 520), published=ports.Published(place_batch=5, cancel_batch=10))
    resting = [bench.plan(name, -level) for name in names for level in range(1, 11)]
    for some in (resting[at : at + 5] for at in range(0, 400, 5)):
        bench.submit(*some)
        bench.commit()
        bench.step(ports.PlacesAnswered(tuple(Accepted(bench.report(plan, OrderStatus.NEW)) for plan in some)))
    for level in range(20, 60):
        bench.submit(bench.plan(names[0], level, EXIT), bench.plan(names[0], -level))
    sent = bench.step(CancelOpeningBuys("panic"), SECOND)
    cancels = [effect for effect in sent if isinstance(effect, ports.SendCancels)]
    assert [cancel.client_id for effect in cancels for cancel in effect.cancels] == [
        plan.request.client_id for plan in resting
    ]
    assert sent[: len(cancels)] == cancels


def test_a_cancel_does_not_wait_until_places_are_answered() -> None:
    bench = Bench("AUSDT", limits=Limits(1e6, 10**6))
    resting = bench.plan(level=-1)
    bench.rest(resting)
    for level in range(2, 40):
        bench.submit(bench.plan(level=-level))
    assert bench.actor.desk.waiting
    bench.submit(cancels=(resting.request.client_id,))
    assert len(bench.effects(ports.SendCancels)) == 1


def test_orders_that_are_taken_back_are_told_to_each_symbol_in_one_message() -> None:
    bench = Bench("AUSDT", "BUSDT", limits=Limits(1.0, 1))
    waiting = [bench.plan(name, -level) for name in ("AUSDT", "BUSDT") for level in range(1, 4)]
    bench.submit(bench.plan(level=-9))
    bench.submit(*waiting[:3])
    bench.submit(*waiting[3:])
    bench.step(CancelOpeningBuys("panic"))
    assert [
        [failure.client_id for failure in message.failures]
        for name in ("AUSDT", "BUSDT")
        for message in bench.told(PlacesWithdrawn, name)
    ] == [[plan.request.client_id for plan in waiting[:3]], [plan.request.client_id for plan in waiting[3:]]]


def test_a_closed_gate_takes_back_openings_that_wait_or_are_being_written() -> None:
    bench = Bench("AUSDT", "BUSDT", limits=Limits(1.0, 1), published=ports.Published(place_batch=1))
    written, waiting = bench.plan(level=1), bench.plan(level=2)
    exit_plan, other = bench.plan(level=3, kind=EXIT), bench.plan("BUSDT", 1)
    bench.submit(written)
    commit = bench.effects(ports.CommitIntents)[0]
    bench.submit(waiting, exit_plan)
    bench.submit(other)
    bench.step(WithdrawOpenings("AUSDT", "paused"))
    (failed,) = bench.told(PlaceFailed, "AUSDT")
    assert (failed.client_id, failed.code, failed.journalled) == (waiting.request.client_id, "withdrawn", False)
    bench.step(ports.IntentsCommitted(commit.batch))
    (failed,) = bench.told(PlaceFailed, "AUSDT")
    assert (failed.client_id, failed.journalled) == (written.request.client_id, True)
    bench.step(Pump(), SECOND)
    assert bench.commit() == [exit_plan.request]
    bench.step(Pump(), SECOND)
    assert bench.commit() == [other.request]


def test_f30_of_a_dead_symbol_the_openings_are_cancelled_and_the_exits_stay(bench: Bench) -> None:
    buy, exit_plan, sending = bench.plan(level=1), bench.plan(level=2, kind=EXIT), bench.plan(level=3)
    bench.rest(buy, exit_plan)
    bench.submit(sending)
    commit = bench.effects(ports.CommitIntents)[0]
    bench.step(SymbolDown("AUSDT"))
    (cancel,) = bench.effects(ports.SendCancels)
    assert [request.client_id for request in cancel.cancels] == [buy.request.client_id]
    bench.step(ports.IntentsCommitted(commit.batch))
    assert not bench.effects(ports.SendPlaces)


def test_f30_an_opening_of_a_dead_symbol_that_comes_to_rest_later_is_cancelled(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(SymbolDown("AUSDT"))
    assert not bench.effects(ports.SendCancels)
    bench.event(plan, OrderStatus.NEW)
    assert bench.effects(ports.SendCancels)
    assert not bench.told(OrderUpdate)


def test_an_exit_of_a_dead_symbol_is_not_sent_again(bench: Bench) -> None:
    plan = bench.plan(kind=EXIT)
    bench.submit(plan)
    bench.commit()
    bench.step(SymbolDown("AUSDT"))
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert not bench.effects(ports.SendPlaces)
    assert bench.actor.tracker.size == 0


def test_nothing_is_placed_while_the_order_stream_is_down(bench: Bench) -> None:
    being_written = bench.plan(level=1)
    bench.submit(being_written)
    commit = bench.effects(ports.CommitIntents)[0]
    bench.step(ports.StreamDown("orders", "reset"))
    bench.step(ports.IntentsCommitted(commit.batch))
    assert bench.told(PlaceFailed)[0].client_id == being_written.request.client_id
    bench.submit(bench.plan(level=2))
    assert not bench.effects(ports.CommitIntents)
    assert bench.timer("pump") is None
    bench.step(ports.StreamUp("orders", True))
    assert bench.effects(ports.CommitIntents)


def test_a_missing_fill_of_an_ended_order_is_asked_for_and_not_for_ever(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.event(plan, OrderStatus.CANCELED, 4)
    looks = 0
    for _ in range(40):
        bench.step(Sweep(), 5 * SECOND)
        if bench.effects(ports.FindOrder):
            looks += 1
            bench.step(ports.FindFailed("AUSDT", plan.request.client_id, "timed out"))
    assert 3 <= looks <= 10
    assert bench.actor.tracker.size == 0


def test_an_order_that_should_rest_and_does_not_is_looked_up(bench: Bench) -> None:
    gone, rests = bench.plan(level=1), bench.plan(level=2)
    bench.rest(gone, rests)
    bench.step(WantTruth("AUSDT", (), (), 0, 0), SECOND)
    open_orders = (bench.report(rests, OrderStatus.NEW),)
    truth = Truth("AUSDT", open_orders, (), Position("AUSDT", 0, bench.fill(gone, 1).fee), (), bench.now)
    bench.step(ports.TruthFetched(truth), SECOND)
    bench.step(Sweep(), SECOND)
    assert bench.effects(ports.FindOrder) == [ports.FindOrder("AUSDT", gone.request.client_id)]


def test_a_symbol_that_left_has_nothing_on_its_way_any_more(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    commit = bench.effects(ports.CommitIntents)[0]
    bench.step(Detach("AUSDT"))
    assert bench.effects(ports.Unsubscribe) == [ports.Unsubscribe("AUSDT")]
    bench.step(ports.IntentsCommitted(commit.batch))
    assert not bench.effects(ports.SendPlaces)
    bench.step(ports.IntentsFailed(99, "unknown batch"))
    for message in (
        ports.OrderNotKnown("AUSDT", plan.request.client_id),
        ports.FindFailed("AUSDT", plan.request.client_id, "x"),
        ports.CancelsAnswered((NotSent(plan.request.client_id, "x"),)),
        ports.PlacesAnswered((NotSent(plan.request.client_id, "x"),)),
    ):
        bench.step(message)
        assert not bench.told(PlaceFailed)


def test_waiting_requests_are_counted_for_the_screen() -> None:
    bench = Bench("AUSDT", limits=Limits(1.0, 1))
    bench.submit(*(bench.plan(level=level) for level in range(4)))
    row = bench.actor.row()
    assert (row.waiting, row.live_orders) == (3, 4)
    assert replace(row, waiting=0).account == "main"


def test_an_exit_that_has_nothing_left_to_close_is_not_sent_again(bench: Bench) -> None:
    plan = bench.plan(kind=EXIT)
    bench.submit(plan)
    bench.commit()
    bench.step(NotAgain("AUSDT", (plan.request.client_id,)))
    assert not bench.told(PlaceFailed)
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    assert bench.effects(ports.FindOrder)
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert not bench.effects(ports.SendPlaces)
    assert bench.told(PlaceFailed, "AUSDT")[0].code == "not_sent"


@pytest.mark.parametrize("again", [False, True])
def test_an_exit_that_waits_for_its_turn_is_taken_back_when_nothing_is_left_to_close(again: bool) -> None:
    bench = Bench("AUSDT", limits=Limits(1.0, 1))
    first, plan = bench.plan(level=1, kind=EXIT), bench.plan(level=2, kind=EXIT, again=again)
    bench.submit(first)
    bench.commit()
    bench.submit(plan)
    bench.step(NotAgain("AUSDT", (plan.request.client_id,)))
    (failure,) = bench.told(PlaceFailed, "AUSDT")
    assert (failure.client_id, failure.code, failure.journalled) == (plan.request.client_id, "withdrawn", again)
    bench.step(Pump(), 2 * SECOND)
    assert not sent_ids(bench)
    assert not bench.effects(ports.CommitIntents)


def test_an_adopted_order_is_written_down_before_its_slot_hears_of_it(bench: Bench) -> None:
    plan = bench.plan()
    bench.event(plan, OrderStatus.NEW)
    bench.step(AdoptOrder(plan))
    (commit,) = bench.effects(ports.CommitIntents)
    assert [intent.client_id for intent in commit.intents] == [plan.request.client_id]
    assert not bench.told(OrderAdopted)
    bench.step(ports.IntentsCommitted(commit.batch))
    assert bench.told(OrderAdopted, "AUSDT") == [
        OrderAdopted(plan.request.client_id, bench.report(plan, OrderStatus.NEW))
    ]
    assert not bench.effects(ports.SendPlaces)
    tracked = bench.actor.tracker.get(plan.request.client_id)
    assert tracked is not None
    assert tracked.stage is Stage.RESTING


def test_an_adoption_that_cannot_be_written_is_cancelled_and_its_slot_hears_of_it(bench: Bench) -> None:
    plan = bench.plan()
    bench.event(plan, OrderStatus.NEW)
    bench.step(AdoptOrder(plan))
    (commit,) = bench.effects(ports.CommitIntents)
    bench.step(ports.IntentsFailed(commit.batch, "a client id of these is journalled already"))
    assert [failed.code for failed in bench.told(PlaceFailed, "AUSDT")] == ["journal"]
    assert not bench.told(PlaceFailed)[0].journalled
    (cancel,) = bench.effects(ports.SendCancels)
    assert [request.client_id for request in cancel.cancels] == [plan.request.client_id]


def test_an_order_that_has_ended_is_not_adopted(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.event(plan, OrderStatus.CANCELED)
    assert bench.step(AdoptOrder(plan)) == []


def test_an_order_that_the_exchange_has_never_heard_of_is_looked_up_once_it_is_adopted(bench: Bench) -> None:
    plan = bench.plan()
    bench.step(AdoptOrder(plan))
    (commit,) = bench.effects(ports.CommitIntents)
    bench.step(ports.IntentsCommitted(commit.batch))
    bench.step(Sweep(), SECOND)
    assert [find.client_id for find in bench.effects(ports.FindOrder)] == [plan.request.client_id]
