"""Orders whose fate nobody knows: looked up, never guessed, one order whatever happens."""

from __future__ import annotations

import pytest
from support.account import SECOND, Bench

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.exchange_messages import (
    CancelFailed,
    NotAgain,
    OrderUpdate,
    PlaceFailed,
    Pump,
    Sweep,
    SymbolDown,
    WantTruth,
)
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import OrderStatus, OutcomeUnknown, Position, RefusalCode, Refused, Truth

BUY, EXIT = OrderKind.OPEN_BUY, OrderKind.EXIT_SELL


@pytest.fixture
def bench() -> Bench:
    return Bench("AUSDT", "BUSDT")


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
        assert bench.sent_ids() == [plan.request.client_id]
        assert not bench.effects(ports.CommitIntents)
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert bench.told(PlaceFailed, "AUSDT")


@pytest.mark.parametrize("filled", [0, 10])
def test_f02_an_exit_that_waits_to_be_sent_again_and_turns_out_to_be_there_is_not_sent(filled: int) -> None:
    bench = Bench("AUSDT", limits=Limits(1.0, 1))
    plan = bench.plan(kind=EXIT)
    bench.submit(plan)
    bench.commit()
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert not bench.sent_ids()
    bench.event(
        plan, OrderStatus.FILLED if filled else OrderStatus.NEW, filled, bench.fill(plan, 10) if filled else None
    )
    bench.step(Pump(), 2 * SECOND)
    assert not bench.sent_ids()
    assert bench.actor.desk.waiting == 0
    bench.submit(bench.plan(level=5, kind=EXIT))
    assert bench.commit()


def test_f02_a_refusal_of_one_of_two_requests_for_an_exit_is_not_believed_while_the_other_is_unanswered(
    bench: Bench,
) -> None:
    """The first answer is late, and the second request may have been carried out: its answer or a look-up says."""
    plan = bench.plan(kind=EXIT)
    client_id = plan.request.client_id
    refused = ports.PlacesAnswered((Refused(client_id, RefusalCode.RATE_LIMITED, "-1015", "too many"),))
    bench.submit(plan)
    bench.commit()
    while not bench.effects(ports.FindOrder):
        bench.step(Sweep(), SECOND)
    bench.step(ports.OrderNotKnown("AUSDT", client_id))
    assert bench.sent_ids() == [client_id]
    bench.step(refused)
    assert not bench.told(PlaceFailed)
    assert bench.effects(ports.FindOrder) == [ports.FindOrder("AUSDT", client_id)]
    bench.step(refused)
    assert [failure.client_id for failure in bench.told(PlaceFailed)] == [client_id]


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
    updates = [update for update in bench.told(OrderUpdate, "AUSDT") if update.fill]
    assert [update.fill for update in updates] == [trade]
    assert [update.report.status for update in updates if update.report] == [OrderStatus.FILLED], "its end comes along"
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


def test_an_exit_of_a_dead_symbol_is_not_sent_again(bench: Bench) -> None:
    plan = bench.plan(kind=EXIT)
    bench.submit(plan)
    bench.commit()
    bench.step(SymbolDown("AUSDT"))
    bench.step(ports.PlacesAnswered((OutcomeUnknown(plan.request.client_id, "timed out"),)))
    bench.step(ports.OrderNotKnown("AUSDT", plan.request.client_id))
    assert not bench.effects(ports.SendPlaces)
    assert bench.actor.tracker.size == 0


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
