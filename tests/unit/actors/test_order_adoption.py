"""Orders that rest on the venue and that a slot takes: written down before the slot hears of it, or cancelled."""

from __future__ import annotations

import pytest
from support.account import SECOND, Bench

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import AdoptOrder, OrderAdopted, PlaceFailed, Sweep
from opensqt_actors.actors.tracker import Stage
from opensqt_actors.domain.orders import OrderStatus


@pytest.fixture
def bench() -> Bench:
    return Bench("AUSDT", "BUSDT")


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
