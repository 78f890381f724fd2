"""The table of an order's life: every pair decided, each followed, and nothing but the venue ends an order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from opensqt_actors.actors.exchange_messages import OrderPlan
from opensqt_actors.actors.tracker import Tracked, Tracker
from opensqt_actors.actors.tracker_table import CANCEL_OUT, TRANSITIONS, Stage, Trigger
from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus, Side

NOW = 10**18
KIND = OrderKind.EXIT_SELL
ID = IdCoder("aa", 1).encode(0, KIND, 1)
VENUES_WORD = {Trigger.LIVE, Trigger.OVER, Trigger.DONE}


class Life:
    """One order of 10 steps, moved through the tracker's own methods; order is None once it has ended."""

    def __init__(self) -> None:
        self.tracker = Tracker(5)
        self.tracker.queue(OrderPlan(OrderRequest(ID, "XUSDT", Side.SELL, 100, 10), 0, KIND, 1), NOW)

    @property
    def order(self) -> Tracked | None:
        return self.tracker.get(ID)

    @property
    def stage(self) -> Stage:
        order = self.order
        return Stage.ENDED if order is None and self.tracker.has_ended(ID) else order.stage if order else Stage.QUEUED

    def happens(self, trigger: Trigger) -> None:
        order = self.order
        told: dict[Trigger, Callable[[Tracked], object]] = {
            Trigger.SEND: lambda o: self.tracker.sending(o, NOW),
            Trigger.CANCEL: lambda o: self.tracker.cancelling(o, NOW),
            Trigger.LOOK: lambda o: self.tracker.looking(o, NOW),
            Trigger.AGAIN: lambda o: self.tracker.again(o, NOW),
            Trigger.KEPT: lambda o: self.tracker.resting(o, NOW),
        }
        if trigger is Trigger.DONE:
            self.tracker.filled(Fill("XUSDT", 1, ID, "v", Side.SELL, 100, 10, Decimal(0), "USDT", True, NOW))
        elif trigger is Trigger.LIVE:
            self.report(OrderStatus.NEW, 0)
        elif trigger is Trigger.OVER:
            self.report(OrderStatus.CANCELED, 4)
        elif order is not None:
            told[trigger](order)

    def report(self, status: OrderStatus, filled: int) -> None:
        self.tracker.observe(OrderReport(ID, "XUSDT", "v", Side.SELL, status, 100, 10, filled, NOW), KIND, NOW)


PATHS: dict[Stage, tuple[Trigger, ...]] = {
    Stage.QUEUED: (),
    Stage.SENDING: (Trigger.SEND,),
    Stage.RESTING: (Trigger.SEND, Trigger.LIVE),
    Stage.CANCELLING: (Trigger.SEND, Trigger.LIVE, Trigger.CANCEL),
    Stage.LOOKING: (Trigger.SEND, Trigger.LOOK),
    Stage.DOUBTING: (Trigger.SEND, Trigger.LIVE, Trigger.CANCEL, Trigger.LOOK),
    Stage.ENDING: (Trigger.SEND, Trigger.OVER),
    Stage.ENDED: (Trigger.SEND, Trigger.DONE),
}


def at(stage: Stage) -> Life:
    life = Life()
    for trigger in PATHS[stage]:
        life.happens(trigger)
    assert life.stage is stage
    return life


def test_every_pair_is_decided() -> None:
    assert set(TRANSITIONS) == {(stage, trigger) for stage in Stage for trigger in Trigger}


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("stage", Stage)
def test_the_tracker_follows_the_table(stage: Stage, trigger: Trigger) -> None:
    life = at(stage)
    life.happens(trigger)
    assert life.stage is TRANSITIONS[stage, trigger]


def test_the_end_absorbs_and_what_is_over_never_lives_again() -> None:
    for trigger in Trigger:
        assert TRANSITIONS[Stage.ENDED, trigger] is Stage.ENDED
        assert TRANSITIONS[Stage.ENDING, trigger] in (Stage.ENDING, Stage.ENDED)


def test_nothing_but_the_venues_word_ends_an_order() -> None:
    """A time-out has it looked up, an answer that did not come says nothing."""
    ends = {t for (s, t), after in TRANSITIONS.items() if after in (Stage.ENDING, Stage.ENDED) and s is not after}
    assert ends == {Trigger.OVER, Trigger.DONE} < VENUES_WORD


def test_a_request_leaves_only_from_where_it_may() -> None:
    sent_from = {s for s in Stage if TRANSITIONS[s, Trigger.SEND] is Stage.SENDING}
    assert sent_from == {Stage.QUEUED, Stage.SENDING}
    for stage in set(Stage) - sent_from - {Stage.ENDED}:
        life = at(stage)
        assert life.order is not None
        assert not life.tracker.sending(life.order, NOW)


def test_a_fill_after_a_cancel_and_an_event_before_its_answer_are_taken() -> None:
    """Written out, and not read from the table."""
    for stage in (Stage.CANCELLING, Stage.DOUBTING, Stage.ENDING):
        life = at(stage)
        life.happens(Trigger.DONE)
        assert life.stage is Stage.ENDED
    early = at(Stage.SENDING)
    early.happens(Trigger.LIVE)
    assert early.stage is Stage.RESTING
    late = at(Stage.CANCELLING)
    late.happens(Trigger.LIVE)
    assert late.stage is Stage.CANCELLING


def test_an_order_that_is_sent_again_has_no_cancel_out() -> None:
    life = at(Stage.DOUBTING)
    assert life.stage in CANCEL_OUT
    life.happens(Trigger.AGAIN)
    assert life.order is not None
    assert not life.order.cancel_sent
