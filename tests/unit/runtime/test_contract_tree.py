"""What every host promises about children, timers, starting and closing."""

from __future__ import annotations

from typing import Any

import pytest

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, CancelTimer, SetTimer, Spawn, Stop, Tell
from opensqt_actors.runtime.kernel import ActorRef

SECOND = 1_000_000_000


def tell(to: str, message: Any) -> Tell:
    return Tell(ActorId(to), message)


def test_a_child_hears_what_it_is_told_in_the_step_that_spawned_it(rig: Any) -> None:
    child = rig.Obedient()
    rig.do("root", Spawn(ActorId("child"), lambda: child, 1), tell("child", "first"))
    assert child.heard == ["first"]


def test_a_child_that_cannot_be_made_has_failed(rig: Any) -> None:
    def make() -> Any:
        raise ValueError("interval below fees")

    rig.do("root", Spawn(ActorId("child"), make, 3), tell("child", "first"))
    (report,) = rig.heard(ActorFailed)
    assert (report.child, report.incarnation, report.reason) == ("child", 3, "ValueError: interval below fees")
    assert (rig.host.counters.failures, rig.host.counters.dead_letters) == (1, 1)
    assert rig.host.ref(ActorId("child")) is None


def test_what_is_no_behaviour_has_failed_as_a_child(rig: Any) -> None:
    rig.do("root", Spawn(ActorId("child"), lambda: None, 1))
    assert rig.heard(ActorFailed)[0].reason == "AttributeError: 'NoneType' object has no attribute 'step'"
    assert rig.host.counters.actors == 1


def test_spawning_an_id_in_use_fails_the_one_who_asks(rig: Any) -> None:
    kept = rig.spawn("child")
    rig.spawn("other")
    rig.do("other", Spawn(ActorId("child"), rig.Obedient, 2))
    assert rig.heard(ActorFailed)[0].reason == "EffectError: Spawn: 'child' is in use."
    rig.tell("child", "still here")
    assert kept.heard == ["still here"]


def test_a_stopped_child_is_reported_and_its_children_end_before_it_the_youngest_first(rig: Any) -> None:
    rig.spawn("a", incarnation=4)
    rig.spawn("a1", parent="a")
    rig.spawn("a2", parent="a")
    rig.do("root", Stop(ActorId("a")))
    assert [ref.id for ref in rig.ended] == ["a2", "a1", "a"]
    assert rig.heard(ActorStopped) == [ActorStopped(ActorId("a"), 4)]
    assert rig.host.counters.dead_letters == 0


def test_an_actor_that_stops_itself_still_performs_the_rest_of_its_effects(rig: Any) -> None:
    rig.spawn("child")
    rig.do("child", Stop(ActorId("child")), tell("root", "last words"), SetTimer("t", SECOND, 1))
    rig.advance(SECOND)
    assert rig.root.heard[-2:] == ["last words", ActorStopped(ActorId("child"), 1)]
    assert rig.host.counters.timers == 0


def test_a_root_may_stop_itself(rig: Any) -> None:
    rig.do("root", Stop(ActorId("root")))
    assert rig.host.counters.actors == 0
    assert rig.failed_roots == []


def test_stopping_a_child_that_is_gone_is_no_error(rig: Any) -> None:
    rig.do("root", Stop(ActorId("nobody")))
    assert rig.host.counters.failures == 0


def test_stopping_someone_elses_child_fails_the_one_who_asks(rig: Any) -> None:
    rig.spawn("a")
    rig.spawn("a1", parent="a")
    rig.do("root", Stop(ActorId("a1")))
    assert rig.failed_roots[0].reason == "EffectError: Stop: 'a1' is no child of 'root'."


def test_a_timer_is_delivered_once_at_its_time(rig: Any) -> None:
    rig.do("root", SetTimer("t", 3 * SECOND, "due"))
    rig.advance(3 * SECOND - 1)
    assert "due" not in rig.root.heard
    rig.advance(1)
    rig.advance(10 * SECOND)
    assert rig.root.heard.count("due") == 1
    assert rig.host.counters.timers == 0
    assert rig.root.times[-1] == rig.start_time + 3 * SECOND


def test_a_new_timer_of_the_same_key_replaces_the_old(rig: Any) -> None:
    rig.do("root", SetTimer("t", SECOND, "old"), SetTimer("u", SECOND, "other"))
    rig.do("root", SetTimer("t", 2 * SECOND, "new"))
    rig.advance(5 * SECOND)
    assert rig.root.words == ["other", "new"]


def test_a_cancelled_timer_never_arrives(rig: Any) -> None:
    rig.do("root", SetTimer("t", SECOND, "due"))
    rig.do("root", CancelTimer("t"), CancelTimer("never set"))
    rig.advance(5 * SECOND)
    assert "due" not in rig.root.heard


def test_a_timer_set_again_from_its_own_message_goes_on(rig: Any) -> None:
    again = rig.doing(())
    rig.do("root", SetTimer("t", SECOND, rig.doing((SetTimer("t", SECOND, again),))))
    rig.advance(5 * SECOND)
    assert rig.root.times[-1] == rig.start_time + 2 * SECOND
    assert rig.root.heard[-1] is again


def test_a_time_gone_by_means_at_once(rig: Any) -> None:
    rig.do("root", SetTimer("t", -SECOND, "due"))
    rig.advance(0)
    assert rig.root.heard[-1] == "due"
    assert rig.root.times[-1] == rig.start_time


def test_timers_end_with_their_actor(rig: Any) -> None:
    rig.spawn("child")
    rig.do("child", SetTimer("t", SECOND, "due"))
    rig.crash("child", ValueError())
    reborn = rig.spawn("child", incarnation=2)
    rig.do("child", SetTimer("t", 2 * SECOND, "mine"))
    rig.advance(5 * SECOND)
    assert reborn.words == ["mine"]
    assert rig.clock.pending == 0


def test_an_actor_may_hold_many_timers_but_not_any_number(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opensqt_actors.runtime.kernel.MAX_TIMERS", 3)
    rig.do("root", *(SetTimer(str(n), SECOND, n) for n in range(3)))
    rig.do("root", SetTimer("2", SECOND, "replaced"))
    assert rig.failed_roots == []
    rig.do("root", SetTimer("3", SECOND, 3))
    assert rig.failed_roots[0].reason == "EffectError: SetTimer: 'root' holds 3 timers already."


def test_starting_an_id_in_use_is_refused(rig: Any) -> None:
    with pytest.raises(ValueError, match="'root' is in use"):
        rig.host.start(ActorId("root"), rig.Obedient())


def test_closing_ends_every_actor_the_youngest_first_and_leaves_no_timer(rig: Any) -> None:
    rig.spawn("a")
    rig.spawn("a1", parent="a")
    rig.do("a", SetTimer("t", SECOND, 1))
    rig.host.start(ActorId("second root"), rig.Obedient())
    rig.host.close()
    rig.host.close()
    assert [ref.id for ref in rig.ended] == ["second root", "a1", "a", "root"]
    assert rig.clock.pending == 0
    assert rig.host.counters.backlog == 0


def test_a_closed_host_delivers_nothing_and_starts_nothing(rig: Any) -> None:
    rig.host.close()
    rig.tell("root", "too late")
    rig.tell(rig.root_ref, "too late")
    assert rig.root.heard == []
    assert rig.host.counters.dead_letters == 2
    with pytest.raises(RuntimeError, match="closed"):
        rig.host.start(ActorId("root"), rig.Obedient())


def test_a_port_may_close_the_host(rig: Any) -> None:
    rig.bind(lambda sender, effect: rig.host.close())
    rig.spawn("child")
    rig.do(
        "child",
        tell("root", "before"),
        Stop(ActorId("child")),
        rig.Request("close"),
        SetTimer("t", SECOND, 1),
        Spawn(ActorId("x"), rig.Obedient, 1),
        Stop(ActorId("child")),
        tell("root", "after"),
    )
    assert "before" not in rig.root.heard
    assert [ref.id for ref in rig.ended] == ["child", "root"]
    counters = rig.host.counters
    assert (counters.dead_letters, counters.failures) == (2, 0)
    assert (counters.actors, counters.timers, counters.backlog) == (0, 0, 0)
    assert rig.clock.pending == 0


def test_a_port_that_closes_the_host_and_raises_is_counted(rig: Any) -> None:
    def close_and_raise(sender: ActorRef, effect: Any) -> None:
        rig.host.close()
        raise RuntimeError("after closing")

    rig.bind(close_and_raise)
    rig.do("root", rig.Request("close"))
    assert rig.host.counters.failures == 1
    assert rig.failed_roots == []
