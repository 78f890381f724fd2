"""Random programs of actors: both hosts show the same run, and no order of delivery breaks a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock
from opensqt_actors.runtime.effects import (
    ActorFailed,
    CancelTimer,
    Effect,
    SetTimer,
    Spawn,
    Stop,
    Tell,
)
from opensqt_actors.runtime.kernel import ActorRef, Counters, StepRecord
from opensqt_actors.runtime.scheduler import SeededScheduler
from opensqt_actors.runtime.thespian_host import ThespianHost


@dataclass(frozen=True)
class Do:
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Ask:
    """An effect whose port answers at once with the message."""

    answer: Any


@dataclass(frozen=True)
class Numbered:
    """A message that shows whether its pair keeps its order."""

    number: int


class Puppet:
    def step(self, message: Any, now: int) -> Sequence[Effect]:
        match message:
            case Do(effects):
                return effects
            case "crash":
                raise ValueError("crash")
            case _:
                return ()


def no_puppet() -> Puppet:
    raise LookupError("no puppet")


ids = st.sampled_from([ActorId(name) for name in "abcdef"])
keys = st.sampled_from("xy")
delays = st.integers(-1, 3)
plain = st.sampled_from(["crash", "word", 7])


def effects_with(messages: st.SearchStrategy[Any]) -> st.SearchStrategy[Effect]:
    return st.one_of(
        st.builds(Tell, ids, messages),
        st.builds(Spawn, ids, st.sampled_from([Puppet, Puppet, Puppet, no_puppet]), st.integers(1, 5)),
        st.builds(Stop, ids),
        st.builds(SetTimer, keys, delays, messages),
        st.builds(CancelTimer, keys),
        st.builds(Ask, messages),
    )


messages = st.recursive(
    plain, lambda inner: st.lists(effects_with(inner), max_size=5).map(lambda some: Do(tuple(some))), max_leaves=25
)
commands = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), ids, messages),
        st.tuples(st.just("tell"), st.builds(ActorRef, ids, st.integers(1, 3)), messages),
        st.tuples(st.just("start"), ids, st.none()),
        st.tuples(st.just("advance"), st.integers(0, 4), st.none()),
    ),
    max_size=30,
)


@dataclass
class Run:
    records: list[StepRecord]
    failures: list[tuple[str, int, str]]
    ended: list[ActorRef]
    counters: Counters
    posthumous: list[StepRecord]


def run(kind: str, program: list[tuple[str, Any, Any]]) -> Run:
    clock = ManualClock()
    shown = Run([], [], [], Counters(0, 0, 0, 0, 0, 0, 0), [])

    def record(step: StepRecord) -> None:
        shown.records.append(step)
        ended_by_this = step.failure is not None or Stop(step.actor.id) in step.effects
        if host.ref(step.actor.id) != step.actor and not ended_by_this:
            shown.posthumous.append(step)

    hooks: dict[str, Any] = {
        "on_root_failure": lambda failure: shown.failures.append((failure.child, failure.incarnation, failure.reason)),
        "on_end": shown.ended.append,
        "record": record,
    }
    host: ThespianHost | SeededScheduler
    if kind == "thespian":
        host = ThespianHost(clock, clock.call_later, **hooks)
    else:
        host = SeededScheduler(None if kind == "fifo" else int(kind), clock, **hooks)
    host.bind(Ask, lambda sender, effect: host.tell(sender, effect.answer))
    for verb, subject, message in program:
        if verb == "tell":
            host.tell(subject, message)
        elif verb == "start" and host.ref(subject) is None:
            host.start(subject, Puppet())
        elif verb == "advance":
            (host.advance if isinstance(host, SeededScheduler) else clock.advance)(subject)
        if isinstance(host, SeededScheduler):
            host.run_until_idle()
    host.close()
    assert clock.pending == 0
    shown.counters = host.counters
    return shown


def without_traces(records: list[StepRecord]) -> list[StepRecord]:
    """The detail of a report names lines of the host; the rest must be the same."""
    return [
        StepRecord(r.actor, r.now, r.message.reason, r.effects, r.failure) if isinstance(r.message, ActorFailed) else r
        for r in records
    ]


@given(commands)
def test_the_scheduler_without_a_seed_shows_the_run_of_the_production_host(program: list[Any]) -> None:
    real, simulated = run("thespian", program), run("fifo", program)
    assert without_traces(simulated.records) == without_traces(real.records)
    assert simulated.failures == real.failures
    assert simulated.ended == real.ended
    assert simulated.counters == real.counters


@given(commands, st.sampled_from(["thespian", "fifo", "1", "2", "3"]))
def test_nobody_acts_after_the_end_and_a_closed_host_is_empty(program: list[Any], kind: str) -> None:
    shown = run(kind, program)
    assert shown.posthumous == []
    counters = shown.counters
    assert (counters.actors, counters.timers, counters.backlog) == (0, 0, 0)
    assert counters.messages == len(shown.records)


@given(commands, st.sampled_from(["thespian", "fifo", "1", "2", "3"]))
def test_every_message_is_handed_over_or_counted_as_dropped(program: list[Any], kind: str) -> None:
    """Counted apart from the host: what the performed effects and the commands sent, against its own counters."""
    shown = run(kind, program)
    told = sum(1 for verb, _, _ in program if verb == "tell")
    performed = [effect for record in shown.records if record.failure is None for effect in record.effects]
    told += sum(1 for effect in performed if type(effect) in (Tell, Ask))
    broken = [record for record in shown.records if record.failure is not None and record.effects]
    counters = shown.counters
    handled = counters.messages + counters.dead_letters + counters.stale
    timers = sum(1 for effect in performed if type(effect) is SetTimer)
    reports = counters.failures + sum(1 for effect in performed if type(effect) is Stop)
    slack = sum(len(record.effects) for record in broken)
    assert told <= handled <= told + timers + reports + slack


@given(st.integers(0, 1_000), st.lists(st.sampled_from("abc"), max_size=40))
def test_a_pair_keeps_its_order_on_both_hosts(seed: int, senders: list[str]) -> None:
    program: list[Any] = [("start", ActorId(name), None) for name in "abcf"]
    program += [
        ("tell", ActorId(name), Do((Tell(ActorId("f"), (name, Numbered(number))),)))
        for number, name in enumerate(senders)
    ]
    for kind in ("thespian", str(seed)):
        shown = run(kind, program)
        heard = [record.message for record in shown.records if isinstance(record.message, tuple)]
        assert len(heard) == len(senders)
        for name in "abc":
            numbers = [message.number for who, message in heard if who == name]
            assert numbers == sorted(numbers)
