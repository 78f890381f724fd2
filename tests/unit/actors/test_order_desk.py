"""Orders on their way to the venue: priorities, intents, answers, what is taken back again."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.account import NOW, SECOND, Bench

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import ON_THE_WAY, Limits
from opensqt_actors.actors.exchange_messages import (
    CancelOpeningBuys,
    Detach,
    NotAgain,
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
from opensqt_actors.domain.orders import Accepted, Cancelled, NotSent, OrderStatus, RefusalCode, Refused
from opensqt_actors.domain.records import OrderSaved

SELL, EXIT = OrderKind.OPEN_SELL, OrderKind.EXIT_SELL


@pytest.fixture
def bench() -> Bench:
    return Bench("AUSDT", "BUSDT")


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


def test_openings_that_wait_fill_the_few_requests_that_may_be_out() -> None:
    bench = Bench("AUSDT", limits=Limits(1e6, 10**6))
    out: list[ports.CommitIntents] = []
    for level in range(40):
        bench.submit(bench.plan(level=level))
        out += bench.effects(ports.CommitIntents)
    assert [len(commit.intents) for commit in out] == [1, 1, 1, 1]
    bench.step(ports.IntentsFailed(out[0].batch, "no"))
    assert [len(commit.intents) for commit in bench.effects(ports.CommitIntents)] == [5]


def test_an_exit_waits_neither_for_openings_that_are_out_nor_for_cancels() -> None:
    bench = Bench("AUSDT", limits=Limits(1e6, 10**6), published=ports.Published(place_batch=5, cancel_batch=1))
    resting = [bench.plan(level=level) for level in range(-30, 0)]
    for some in (resting[at : at + 5] for at in range(0, 30, 5)):
        bench.submit(*some)
        bench.commit()
        bench.step(ports.PlacesAnswered(tuple(Accepted(bench.report(plan, OrderStatus.NEW)) for plan in some)))
    bench.submit(cancels=tuple(plan.request.client_id for plan in resting))
    assert len(bench.effects(ports.SendCancels)) == 30
    for level in range(5):
        bench.submit(bench.plan(level=level))
        assert not bench.effects(ports.CommitIntents), "openings wait behind the cancels"
    exits = [bench.plan(level=level, kind=EXIT) for level in range(10, 25)]
    sent: list[str] = []
    for plan in exits:
        bench.submit(plan)
        sent += [intent.client_id for commit in bench.effects(ports.CommitIntents) for intent in commit.intents]
    assert sent == [plan.request.client_id for plan in exits[: bench.actor.desk.most_placing]]
    assert bench.actor.desk.most_placing == 12


def test_an_exit_for_which_the_budget_has_no_room_does_not_wait_for_the_answers_to_cancels() -> None:
    bench = Bench("AUSDT", limits=Limits(2.0, 6), published=ports.Published(place_batch=5, cancel_batch=1))
    resting = [bench.plan(level=level) for level in range(-6, 0)]
    for some in (resting[:5], resting[5:]):
        bench.submit(*some)
        bench.commit()
        bench.step(ports.PlacesAnswered(tuple(Accepted(bench.report(plan, OrderStatus.NEW)) for plan in some)))
    bench.submit(bench.plan(level=3, kind=EXIT), cancels=tuple(plan.request.client_id for plan in resting))
    assert len(bench.effects(ports.SendCancels)) == 6
    timer = bench.timer("pump")
    assert timer is not None
    bench.step(Pump(), timer.after)
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


def test_f26_what_another_program_sends_on_the_account_is_left_out_of_the_budget() -> None:
    bench = Bench("AUSDT", published=ports.Published(orders_per_10s=20, place_batch=5))
    bench.now += 5 * SECOND - bench.now % (10 * SECOND)
    bench.step(ports.OrdersCounted(bench.now, 18, 0))
    bench.submit(*(bench.plan(level=level) for level in range(4)))
    assert len(bench.commit()) == 2
    assert bench.actor.desk.waiting == 2
    bench.step(Pump(), 10 * SECOND + ON_THE_WAY)
    assert len(bench.commit()) == 2


def test_a_restored_exit_is_sent_again_without_a_new_intent(bench: Bench) -> None:
    plan = bench.plan(kind=EXIT, again=True)
    bench.submit(plan)
    assert bench.sent_ids() == [plan.request.client_id]
    assert not bench.effects(ports.CommitIntents)
    bench.submit(plan)
    assert bench.sent_ids() == []


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
    assert not bench.sent_ids()
    assert not bench.effects(ports.CommitIntents)
