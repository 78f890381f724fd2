"""What only the production host has: the event loop, threads, and Thespian's own habits."""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from thespian.actors import Actor, ActorSystem
from thespian.system import simpleSystemBase

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock, SystemClock
from opensqt_actors.runtime.effects import ActorFailed, Effect, SetTimer, Spawn, Stop, Tell
from opensqt_actors.runtime.thespian_host import Carrier, ThespianHost

ROOT = ActorId("root")
CHILD = ActorId("child")


class Child:
    """Crashes on demand; keeps a crowd of its own and a timer."""

    living: ClassVar[weakref.WeakSet[Child]] = weakref.WeakSet()

    def __init__(self) -> None:
        Child.living.add(self)

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        if message == "crash":
            raise ValueError("on demand")
        if message == "late":
            return ()
        return (Spawn(ActorId("grandchild"), Child, 1), SetTimer("t", 10**12, "late"))


class Parent:
    """Starts its child again each time it fails."""

    def __init__(self) -> None:
        self.failures = 0

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        match message:
            case ActorFailed(child, incarnation):
                self.failures += 1
                return (Spawn(child, Child, incarnation + 1), Tell(child, "settle in"))
            case "start":
                return (Spawn(CHILD, Child, 1), Tell(CHILD, "settle in"))
            case "stop":
                return (Stop(CHILD),)
            case _:
                return ()


class StubbornCalls:
    """A scheduler whose cancelled calls come all the same."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []
        self.delays: list[float] = []

    def call_later(self, delay: float, callback: Callable[[], object]) -> StubbornCalls:
        self.calls.append(callback)
        self.delays.append(delay)
        return self

    def cancel(self) -> None:
        pass


def make_host(clock: ManualClock | None = None) -> ThespianHost:
    clock = clock or ManualClock()
    return ThespianHost(clock, clock.call_later, on_root_failure=pytest.fail)


def test_a_thousand_crashes_leave_nothing_behind() -> None:
    clock = ManualClock()
    host = make_host(clock)
    parent = Parent()
    host.start(ROOT, parent)
    host.tell(ROOT, "start")
    system = host._base
    registered, attributes = len(system.actorRegistry), len(vars(host._outside.instance))
    gc.collect()
    gc.disable()
    try:
        for _ in range(1_000):
            host.tell(CHILD, "crash")
        alive = len(Child.living)
    finally:
        gc.enable()
    assert parent.failures == 1_000
    assert alive == 2
    assert len(system.actorRegistry) == registered
    assert len(vars(host._outside.instance)) == attributes
    assert (len(system._pendingSends), len(system._wakeUps), clock.pending) == (0, 0, 1)
    assert (host.counters.failures, host.counters.actors, host.counters.dead_letters) == (1_000, 3, 0)
    host.tell(ROOT, "stop")
    assert len(system.actorRegistry) == registered - 2


def test_a_step_runs_once_where_thespian_alone_would_run_it_again() -> None:
    class Naive(Actor):  # type: ignore[misc]
        ran: ClassVar[list[Any]] = []

        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "order":
                self.ran.append(message)
                raise ValueError("after the order")

    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    system.tell(system.createActor(Naive), "order")
    assert len(Naive.ran) > 1

    host = make_host()
    host.start(ROOT, Parent())
    host.tell(ROOT, "start")
    host.tell(CHILD, "crash")
    assert host.counters.failures == 1


def test_timers_run_on_the_event_loop() -> None:
    class Sleeper:
        def step(self, message: Any, now: int) -> Sequence[Effect]:
            return [SetTimer("t", 1_000_000, "due")] if message == "set" else [message]

    async def run() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[tuple[str, float]] = loop.create_future()
        host = ThespianHost(SystemClock(), loop.call_later, on_root_failure=pytest.fail)
        host.bind(str, lambda sender, effect: woken.set_result((effect, loop.time())))
        host.start(ROOT, Sleeper())
        start = loop.time()
        host.tell(ROOT, "set")
        effect, end = await woken
        return effect, end - start

    effect, waited = asyncio.run(run())
    assert effect == "due"
    assert waited >= 0.000_9


def test_a_call_that_comes_although_cancelled_is_dropped_and_counted() -> None:
    calls = StubbornCalls()
    host = ThespianHost(ManualClock(), calls.call_later, on_root_failure=pytest.fail)
    host.start(ROOT, Parent())
    host.tell(ROOT, "start")
    host.tell(CHILD, "crash")
    (late, current) = calls.calls
    late()
    assert (host.counters.stale, host.counters.messages) == (1, 5)
    current()
    assert (host.counters.stale, host.counters.messages) == (1, 6)


def test_the_loop_is_asked_in_seconds_and_never_for_a_time_gone_by() -> None:
    class Setter:
        def step(self, message: Any, now: int) -> Sequence[Effect]:
            return [SetTimer("t", message, "due")]

    calls = StubbornCalls()
    host = ThespianHost(ManualClock(), calls.call_later, on_root_failure=pytest.fail)
    host.start(ROOT, Setter())
    host.tell(ROOT, 250_000_000)
    host.tell(ROOT, -1)
    assert calls.delays == [0.25, 0.0]


def test_work_that_goes_on_gives_the_loop_its_turn_and_keeps_its_order() -> None:
    seen: list[Any] = []

    class Counts:
        """Each number is followed by the one below it; every step also asks for something from outside."""

        def step(self, message: Any, now: int) -> Sequence[Effect]:
            return [message, *([Tell(ROOT, message - 1)] if message else [])]

    calls = StubbornCalls()
    host = ThespianHost(ManualClock(), calls.call_later, on_root_failure=pytest.fail, turn=1)
    host.bind(int, lambda sender, effect: seen.append(effect))
    host.start(ROOT, Counts())
    host.tell(ROOT, 2)
    assert (seen, calls.delays) == ([2], [0.0])
    host.tell(ROOT, 0)
    assert (seen, host.counters.backlog) == ([2], 2), "what is told meanwhile waits for the loop, and for its turn"
    for _ in range(3):
        calls.calls.pop()()
    assert seen == [2, 1, 0, 0]
    assert (calls.calls, host.counters.backlog) == ([], 0)
    host.tell(ROOT, 0)
    assert seen == [2, 1, 0, 0, 0]


def test_a_leftover_drain_does_not_run_inside_another() -> None:
    clock = ManualClock()
    host = make_host(clock)
    drained: list[int] = []

    class Nosy:
        def step(self, message: Any, now: int) -> Sequence[Effect]:
            return ["look"] if message else ()

    host.bind(str, lambda sender, effect: (host._drain_rest(), drained.append(host.counters.backlog)))
    host.start(ROOT, Nosy())
    host.start(CHILD, Nosy())
    host.tell(ROOT, 1)
    assert drained == [0]


def test_a_tell_from_another_thread_is_refused() -> None:
    host = make_host()
    host.start(ROOT, Parent())
    errors: list[RuntimeError] = []

    def intrude() -> None:
        with pytest.raises(RuntimeError, match="call_soon_threadsafe") as refused:
            host.tell(ROOT, 1)
        errors.append(refused.value)

    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()
    assert len(errors) == 1
    assert host.counters.messages == 0


def test_two_hosts_share_nothing() -> None:
    first, second = make_host(), make_host()
    first.start(ROOT, Parent())
    second.start(ROOT, Parent())
    first.tell(ROOT, "start")
    assert (first.counters.actors, second.counters.actors) == (3, 1)
    assert not hasattr(ActorSystem, "systemBase")


# What follows guards the names of Thespian that are touched but not promised by it.


def test_thespian_is_the_version_whose_inside_is_known() -> None:
    assert importlib.metadata.version("thespian") == "4.0.1"


def test_the_private_names_that_the_host_touches_are_there() -> None:
    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    base = system._systemBase
    assert type(base._pendingSends) is list
    assert type(base.actorRegistry) is dict
    outside = base.actorRegistry[system.systemAddress.actorAddressString]
    assert outside.address is system.systemAddress
    assert callable(base._runSingleSend)
    carrier = base.actorRegistry[system.createActor(Actor).actorAddressString].instance
    assert callable(vars(carrier)["_receive"])
    assert callable(vars(outside.instance)["_receive"])


def test_an_exit_is_queued_as_thespian_queues_its_own() -> None:
    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    base, address = system._systemBase, system.createActor(Actor)
    base.actor_send(system.systemAddress, address, "theirs")
    (theirs,) = base._pendingSends
    ours = simpleSystemBase.PendingSend(system.systemAddress, "ours", address)
    assert type(theirs) is type(ours)
    assert vars(theirs) == {**vars(ours), "msg": "theirs"}


def test_what_thespian_sends_itself_waits_in_the_queue_of_the_host() -> None:
    host = make_host()
    assert host._base._pendingSends is host._pending
    host._base.actor_send(host._outside.address, host._outside.address, "notice")
    assert [send.msg for send in host._pending] == ["notice"]
    host.start(ROOT, Parent())
    host.tell(ROOT, "go")
    assert not host._pending
    assert host.counters.messages == 1


def test_thespian_delivers_to_a_carrier_just_as_the_host_does() -> None:
    host = make_host()
    host.start(ROOT, Parent())
    host.tell(ROOT, "start")
    carrier = host._cells[CHILD].mailbox
    assert type(carrier) is Carrier
    host._base.actor_send(host._outside.address, carrier.myAddress, "settle in")
    host._base._runSingleSend(host._pending.popleft())
    assert host.counters.messages == 3


def test_thespian_does_not_look_for_wake_ups_before_each_message() -> None:
    host = make_host()
    host.start(ROOT, Parent())
    host._base._pop_expired_wakeups = pytest.fail
    host.tell(ROOT, "start")
    assert host.counters.messages == 2


def test_thespian_keeps_an_entry_for_the_dead_which_the_host_removes() -> None:
    class Mortal(Actor):  # type: ignore[misc]
        def receiveMessage(self, message: Any, sender: Any) -> None:
            pass

    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    registry = system._systemBase.actorRegistry
    address = system.createActor(Mortal)
    system.tell(address, simpleSystemBase.ActorExitRequest())
    assert registry[address.actorAddressString] is None
