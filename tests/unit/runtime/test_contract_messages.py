"""What every host promises about messages and ports."""

from __future__ import annotations

from typing import Any

import pytest

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import ActorFailed, CancelTimer, SetTimer, Spawn, Stop, Tell
from opensqt_actors.runtime.kernel import ActorRef, StepRecord

SECOND = 1_000_000_000


def tell(to: str, message: Any) -> Tell:
    return Tell(ActorId(to), message)


def test_a_message_arrives_with_the_time_of_the_clock(rig: Any) -> None:
    rig.clock.advance(5 * SECOND)
    rig.tell("root", "hello")
    assert rig.root.heard == ["hello"]
    assert rig.root.times == [rig.start_time + 5 * SECOND]


def test_messages_between_two_actors_keep_their_order(rig: Any) -> None:
    child = rig.spawn("child")
    rig.do("root", *(tell("child", number) for number in range(20)))
    assert child.heard == list(range(20))


def test_messages_from_outside_to_one_actor_keep_their_order(rig: Any) -> None:
    for number in range(20):
        rig.host.tell(ActorId("root"), number)
    rig.settle()
    assert rig.root.heard == list(range(20))


def test_an_actor_may_tell_itself(rig: Any) -> None:
    rig.do("root", tell("root", "again"))
    assert rig.root.heard[-1] == "again"


def test_a_message_to_an_unknown_actor_is_dropped_and_counted(rig: Any) -> None:
    rig.tell("nobody", 1)
    rig.do("root", tell("nobody", 2))
    assert rig.host.counters.dead_letters == 2
    assert rig.host.counters.failures == 0


def test_a_ref_of_an_earlier_incarnation_reaches_nobody(rig: Any) -> None:
    rig.spawn("child", incarnation=1)
    first = rig.host.ref(ActorId("child"))
    assert first == ActorRef(ActorId("child"), 1)
    rig.do("root", Stop(ActorId("child")))
    rig.tell(first, "to the dead")
    second = rig.spawn("child", incarnation=2)
    rig.tell(first, "to the first")
    rig.tell(ActorRef(ActorId("child"), 2), "to the second")
    assert second.heard == ["to the second"]
    assert (rig.host.counters.dead_letters, rig.host.counters.stale) == (1, 1)


def test_a_list_and_any_other_iterable_of_effects_will_do(rig: Any) -> None:
    rig.tell("root", rig.doing([tell("root", "from a list")]))
    rig.tell("root", rig.doing(tell("root", word) for word in ("from", "a generator")))
    assert rig.root.words == ["from a list", "from", "a generator"]


def test_a_step_that_returns_nothing_at_all_is_a_crash(rig: Any) -> None:
    rig.tell("root", rig.doing(None))
    assert rig.failed_roots[0].reason == "TypeError: 'NoneType' object is not iterable"


def test_the_counters_say_what_is_held(rig: Any) -> None:
    rig.spawn("child")
    rig.do("child", SetTimer("a", SECOND, 1), SetTimer("b", SECOND, 1))
    counters = rig.host.counters
    assert (counters.messages, counters.actors, counters.timers, counters.backlog) == (2, 2, 2, 0)


def test_every_attempt_is_recorded_with_its_effects(rig: Any) -> None:
    rig.do("root", tell("root", "again"))
    rig.crash("root", ValueError("no"))
    root = rig.root_ref
    assert [(r.actor, r.now, r.failure) for r in rig.records] == [
        (root, rig.start_time, None),
        (root, rig.start_time, None),
        (root, rig.start_time, "ValueError: no"),
    ]
    assert rig.records[0].effects == (tell("root", "again"),)
    assert rig.records[1] == StepRecord(root, rig.start_time, "again", ())


def test_a_port_learns_who_asks_and_may_answer_at_once(rig: Any) -> None:
    rig.bind(lambda sender, effect: rig.host.tell(sender, (sender, effect)))
    rig.do("root", rig.Request("price"), tell("root", "after"))
    answer = (rig.root_ref, rig.Request("price"))
    assert answer in rig.root.heard[1:]
    assert len(rig.root.heard) == 3


def test_a_ports_late_answer_to_an_earlier_incarnation_is_dropped(rig: Any) -> None:
    asked: list[ActorRef] = []
    rig.bind(lambda sender, effect: asked.append(sender))
    rig.spawn("child")
    rig.do("child", rig.Request("price"))
    rig.crash("child", ValueError())
    reborn = rig.spawn("child", incarnation=2)
    rig.tell(asked[0], "answer")
    assert reborn.heard == []
    assert rig.host.counters.stale == 1


def test_a_port_that_raises_fails_the_one_who_asked_and_later_effects_do_not_happen(rig: Any) -> None:
    def broken(sender: ActorRef, effect: Any) -> None:
        raise RuntimeError("not connected")

    rig.bind(broken)
    rig.spawn("child")
    rig.do("child", tell("root", "before"), rig.Request("order"), tell("root", "after"))
    assert rig.heard(ActorFailed)[0].reason == "RuntimeError: not connected"
    assert "before" in rig.root.heard
    assert "after" not in rig.root.heard
    assert rig.records[-1].effects or any(record.failure and record.effects for record in rig.records)


def test_a_type_of_effect_has_one_port(rig: Any) -> None:
    rig.bind(lambda sender, effect: None)
    for taken in (rig.Request, Tell, Spawn, Stop, SetTimer, CancelTimer):
        with pytest.raises(ValueError, match=f"{taken.__name__} is performed by something else"):
            rig.host.bind(taken, lambda sender, effect: None)


def test_the_values_of_the_hot_path_compare_hash_and_print_like_any_other() -> None:
    assert tell("a", 1) == tell("a", 1) != tell("a", 2)
    assert len({tell("a", 1), tell("a", 1), tell("b", 1)}) == 2
    assert repr(tell("a", 1)) == "Tell(to='a', message=1)"
