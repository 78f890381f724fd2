"""What every host promises when an actor or a hook raises."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, Spawn, Stop, Tell
from opensqt_actors.runtime.kernel import ActorRef


def tell(to: str, message: Any) -> Tell:
    return Tell(ActorId(to), message)


def test_a_crash_is_reported_once_to_the_parent(rig: Any) -> None:
    child = rig.spawn("child", incarnation=7)
    rig.crash("child", ValueError("price of\nBTCUSDT is missing"))
    (report,) = rig.heard(ActorFailed)
    assert (report.child, report.incarnation) == ("child", 7)
    assert report.reason == "ValueError: price of BTCUSDT is missing"
    assert "in step" in report.detail
    assert len(child.heard) == 1
    assert rig.host.ref(ActorId("child")) is None
    assert rig.host.counters.failures == 1


def test_a_crash_of_a_root_goes_to_the_callback(rig: Any) -> None:
    rig.crash("root", ValueError("no"))
    (report,) = rig.failed_roots
    assert (report.child, report.incarnation, report.reason) == ("root", 1, "ValueError: no")
    assert rig.host.start(ActorId("root"), rig.Obedient()) == ActorRef(ActorId("root"), 2)


def test_what_is_queued_for_a_crashed_actor_is_dropped_and_counted(rig: Any) -> None:
    child = rig.spawn("child")
    rig.do("root", tell("child", rig.raising(ValueError())), tell("child", 1), tell("child", 2))
    assert len(child.heard) == 1
    assert rig.host.counters.dead_letters == 2
    assert rig.heard(ActorFailed)[0].reason == "ValueError"


def test_what_is_queued_for_a_crashed_actor_does_not_reach_the_next_incarnation(rig: Any) -> None:
    child = rig.Obedient()
    rig.spawn("child")
    rig.do(
        "root",
        tell("child", 1),
        tell("child", 2),
        Stop(ActorId("child")),
        Spawn(ActorId("child"), lambda: child, 2),
        tell("child", 3),
    )
    assert child.heard == [3]
    assert rig.host.counters.dead_letters == 2


def test_a_crash_takes_the_children_along_the_youngest_first(rig: Any) -> None:
    rig.spawn("a")
    rig.spawn("a1", parent="a")
    rig.spawn("a2", parent="a")
    rig.spawn("a1x", parent="a1")
    rig.crash("a", ValueError())
    assert [ref.id for ref in rig.ended] == ["a2", "a1x", "a1", "a"]
    assert [report.child for report in rig.heard(ActorFailed)] == ["a"]
    assert rig.heard(ActorStopped) == []
    assert rig.host.counters.actors == 1


def test_other_actors_do_not_notice_a_crash(rig: Any) -> None:
    other = rig.spawn("other")
    rig.spawn("child")
    rig.do("root", tell("child", rig.raising(ValueError())), tell("other", "still here"))
    assert other.heard == ["still here"]


def test_an_effect_without_a_port_fails_the_actor_and_none_of_the_effects_happens(rig: Any) -> None:
    rig.spawn("child")
    rig.do("child", tell("root", "before"), rig.Request("?"), tell("root", "after"))
    assert rig.heard(ActorFailed)[0].reason == "EffectError: No port is bound to Request."
    assert "before" not in rig.root.heard


def test_an_error_that_is_no_exception_ends_the_actor_and_reaches_the_caller(rig: Any) -> None:
    rig.spawn("child")
    other = rig.spawn("other")
    for error in (KeyboardInterrupt(), asyncio.CancelledError(), SystemExit(3)):
        with pytest.raises(type(error)):
            rig.crash("child", error)
        rig.advance(0)
        assert rig.heard(ActorFailed)[-1].reason.startswith(type(error).__name__)
        rig.spawn("child", incarnation=2)
        rig.tell("other", error)
    assert len(other.heard) == 3


def test_messages_behind_such_an_error_are_delivered_later(rig: Any) -> None:
    rig.spawn("child")
    other = rig.spawn("other")
    with pytest.raises(KeyboardInterrupt):
        rig.do("root", tell("child", rig.raising(KeyboardInterrupt())), *(tell("other", n) for n in range(5)))
    rig.advance(0)
    assert other.heard == [0, 1, 2, 3, 4]
    assert len(rig.heard(ActorFailed)) == 1


def test_an_actor_that_adds_to_a_full_backlog_fails(rig: Any) -> None:
    flood = [tell("child", 1)] * rig.max_backlog
    rig.spawn("child")
    rig.do("root", tell("root", rig.doing(flood)), *flood)
    assert rig.failed_roots[0].reason.startswith("BacklogFull: 1000 messages wait already; root ")


def test_a_port_that_tells_into_a_full_backlog_is_refused(rig: Any) -> None:
    def answer_too_much(sender: ActorRef, effect: Any) -> None:
        for _ in range(rig.max_backlog + 1):
            rig.host.tell(sender, 1)

    rig.bind(answer_too_much)
    rig.do("root", rig.Request("flood"))
    assert rig.failed_roots[0].reason == "BacklogFull: 1000 messages wait already; the next one is for root."


@pytest.mark.parametrize("hook", ["on_root_failure", "on_end", "record"])
def test_an_error_in_a_hook_reaches_the_caller_and_disturbs_no_actor(make_rig: Any, hook: str) -> None:
    def broken(value: object) -> None:
        raise RuntimeError("hook")

    rig = make_rig(**{hook: broken})
    other = rig.Obedient()
    rig.host.start(ActorId("other"), other)
    with pytest.raises(RuntimeError, match="hook"):
        rig.crash("root", ValueError())
    with pytest.raises(RuntimeError, match="hook") if hook == "record" else nullcontext():
        rig.tell("other", "still here")
    assert other.heard == ["still here"]
    assert rig.host.counters.failures == 1


def test_a_hook_may_start_the_root_again(make_rig: Any) -> None:
    def restart(failure: ActorFailed) -> None:
        rig.host.start(failure.child, reborn)
        rig.host.tell(failure.child, "welcome back")

    rig = make_rig(on_root_failure=restart)
    reborn = rig.Obedient()
    rig.crash("root", ValueError())
    assert reborn.heard == ["welcome back"]
