"""The scheduler: one run per seed, any legal order over the seeds, and time that only it moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock
from opensqt_actors.runtime.effects import ActorFailed, CancelTimer, Effect, SetTimer, Tell
from opensqt_actors.runtime.kernel import BacklogFull, StepRecord
from opensqt_actors.runtime.scheduler import SeededScheduler

SECOND = 1_000_000_000


class Gossip:
    """Tells every other actor each rumour once."""

    def __init__(self, others: Sequence[ActorId]) -> None:
        self.others = others
        self.known: list[Any] = []

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        if message in self.known:
            return ()
        self.known.append(message)
        return [Tell(other, message) for other in self.others]


class Plain:
    """Answers with what a function makes of a message."""

    def __init__(self, answer: Callable[[Any], Sequence[Effect]] = lambda message: ()) -> None:
        self.answer = answer
        self.heard: list[Any] = []

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        self.heard.append(message)
        return self.answer(message)


def refuse(failure: ActorFailed) -> None:
    raise AssertionError(failure)


def village(seed: int | None, people: int = 5, rumours: int = 4) -> tuple[list[StepRecord], list[Gossip]]:
    records: list[StepRecord] = []
    scheduler = SeededScheduler(seed, on_root_failure=refuse, record=records.append)
    ids = [ActorId(str(number)) for number in range(people)]
    villagers = [Gossip([other for other in ids if other != own]) for own in ids]
    for own, villager in zip(ids, villagers, strict=True):
        scheduler.start(own, villager)
    for rumour in range(rumours):
        scheduler.tell(ids[rumour % people], f"rumour {rumour}")
    scheduler.run_until_idle()
    return records, villagers


@given(st.integers(0, 10_000))
def test_the_same_seed_gives_the_same_run(seed: int) -> None:
    assert village(seed)[0] == village(seed)[0]


def test_different_seeds_show_different_orders() -> None:
    runs = {tuple((r.actor.id, r.message) for r in village(seed)[0]) for seed in range(20)}
    assert len(runs) == 20


@given(st.integers(0, 10_000))
def test_whatever_the_order_everybody_hears_everything(seed: int) -> None:
    for villager in village(seed)[1]:
        assert sorted(villager.known) == [f"rumour {number}" for number in range(4)]


@given(st.integers(0, 10_000))
def test_messages_of_one_pair_keep_their_order_among_many_pairs(seed: int) -> None:
    scheduler = SeededScheduler(seed, on_root_failure=refuse)
    sink = Plain()
    scheduler.start(ActorId("sink"), sink)
    for name in "abc":
        source = Plain(lambda burst: [Tell(ActorId("sink"), item) for item in burst])
        scheduler.start(ActorId(name), source)
        scheduler.tell(ActorId(name), [(name, number) for number in range(10)])
    scheduler.run_until_idle()
    assert len(sink.heard) == 30
    for name in "abc":
        assert [number for who, number in sink.heard if who == name] == list(range(10))


def test_without_a_seed_messages_are_delivered_as_they_were_sent() -> None:
    records, _ = village(None, people=3, rumours=1)
    assert [record.actor.id for record in records] == ["0", "1", "2", "0", "2", "0", "1"]


def test_a_timer_already_due_may_still_be_cancelled() -> None:
    """Over the seeds the cancelling message is sometimes delivered before the timer's: then the timer is stale."""
    seen = set()
    for seed in range(20):
        scheduler = SeededScheduler(seed, on_root_failure=refuse)
        actor = Plain(
            lambda message: {"set": [SetTimer("t", SECOND, "due")], "cancel": [CancelTimer("t")]}.get(message, ())
        )
        scheduler.start(ActorId("a"), actor)
        scheduler.tell(ActorId("a"), "set")
        scheduler.clock.call_at(SECOND, lambda scheduler=scheduler: scheduler.tell(ActorId("a"), "cancel"))
        scheduler.advance(SECOND)
        seen.add((tuple(actor.heard), scheduler.counters.stale))
    assert seen == {(("set", "due", "cancel"), 0), (("set", "cancel"), 1)}


def test_time_stands_still_between_steps_and_jumps_from_instant_to_instant() -> None:
    times: list[tuple[Any, int]] = []
    scheduler = SeededScheduler(
        3, ManualClock(100), on_root_failure=refuse, record=lambda record: times.append((record.message, record.now))
    )
    scheduler.start(ActorId("a"), Plain(lambda after: [SetTimer("t", after, 0)] if after else ()))
    scheduler.clock.call_later(2.0, lambda: scheduler.tell(ActorId("a"), 5 * SECOND))
    scheduler.tell(ActorId("a"), SECOND)
    scheduler.advance(10 * SECOND)
    assert times == [
        (SECOND, 100),
        (0, 100 + SECOND),
        (5 * SECOND, 100 + 2 * SECOND),
        (0, 100 + 7 * SECOND),
    ]
    assert scheduler.clock.now() == 100 + 10 * SECOND


def test_one_step_delivers_one_message() -> None:
    scheduler = SeededScheduler(1, on_root_failure=refuse)
    actor = Plain()
    scheduler.start(ActorId("a"), actor)
    scheduler.tell(ActorId("a"), 1)
    scheduler.tell(ActorId("a"), 2)
    assert scheduler.step()
    assert actor.heard == [1]
    assert scheduler.step()
    assert not scheduler.step()


def test_actors_that_never_come_to_rest_are_noticed() -> None:
    scheduler = SeededScheduler(1, on_root_failure=refuse)
    scheduler.start(ActorId("a"), Plain(lambda message: [Tell(ActorId("a"), message)]))
    scheduler.tell(ActorId("a"), 1)
    with pytest.raises(RuntimeError, match="did not come to rest within 100 messages"):
        scheduler.run_until_idle(limit=100)


def test_telling_beyond_the_bound_from_outside_is_refused() -> None:
    scheduler = SeededScheduler(1, on_root_failure=refuse, max_backlog=2)
    scheduler.start(ActorId("a"), Plain())
    scheduler.tell(ActorId("a"), 1)
    scheduler.tell(ActorId("a"), 2)
    with pytest.raises(BacklogFull, match="2 messages wait already; the next one is for a"):
        scheduler.tell(ActorId("a"), 3)


def test_a_port_must_not_run_the_scheduler() -> None:
    failures: list[ActorFailed] = []
    scheduler = SeededScheduler(1, on_root_failure=failures.append)
    scheduler.bind(str, lambda sender, effect: scheduler.step())
    scheduler.start(ActorId("a"), Plain(lambda message: ["an effect"]))
    scheduler.tell(ActorId("a"), 1)
    scheduler.run_until_idle()
    assert failures[0].reason.startswith("RuntimeError: A step is running")


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="ns must not be negative, got -5"):
        SeededScheduler(1, on_root_failure=refuse).advance(-5)
