"""Measure the actor host: a hop, a backlog, and the life of an actor; bare Thespian beside it. Prints one JSON line.

`hop_us`: one message between two actors, behaviour and effect included. `messages_per_s`: a backlog, worked off while
it stands. Every figure is the best of several runs; the rivals run alternately with ours.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

from thespian.actors import Actor, ActorSystem

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock, SystemClock
from opensqt_actors.runtime.effects import ActorFailed, Effect, Spawn, Stop, Tell
from opensqt_actors.runtime.scheduler import SeededScheduler
from opensqt_actors.runtime.thespian_host import ThespianHost


class Player:
    """Returns the ball, one lower, until it is down."""

    def __init__(self, peer: str) -> None:
        self.peer = ActorId(peer)

    def step(self, message: int, now: int) -> Sequence[Effect]:
        """Answer a positive number with one less."""
        return [Tell(self.peer, message - 1)] if message > 0 else ()


class Sink:
    """Takes anything; raises on `crash`."""

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        """Do nothing."""
        if message == "crash":
            raise ValueError("as asked")
        return ()


class Source:
    """Tells the sink as many messages at once as it is told; keeps one child alive."""

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        """Answer a number with a burst, a failure with a restart."""
        match message:
            case int():
                return [Tell(ActorId("sink"), None)] * message
            case ActorFailed(child, incarnation):
                return [Spawn(child, Sink, incarnation + 1)]
            case "spawn":
                return [Spawn(ActorId("child"), Sink, 1)]
            case "stop":
                return [Stop(ActorId("child"))]
            case _:
                return ()


class BarePlayer(Actor):  # type: ignore[misc]
    """The same game on Thespian alone: no guard, no effects, no clock."""

    peer: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - the name is Thespian's
        """Answer a positive number with one less."""
        if isinstance(message, int) and message > 0:
            self.send(sender if self.peer is None else self.peer, message - 1)


def fail(failure: ActorFailed) -> None:
    """End the benchmark: no actor may fail unasked."""
    raise RuntimeError(failure.reason)


def make_host(backlog: int = 1_000) -> ThespianHost:
    """Host with two players, a source and a sink."""
    host = ThespianHost(SystemClock(), ManualClock().call_later, on_root_failure=fail, max_backlog=backlog + 10)
    host.start(ActorId("a"), Player("b"))
    host.start(ActorId("b"), Player("a"))
    host.start(ActorId("source"), Source())
    host.start(ActorId("sink"), Sink())
    return host


def seconds(action: Callable[[], object]) -> float:
    """How long an action took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ours(hops: int) -> float:
    """Seconds for so many hops on the production host."""
    host = make_host()
    return seconds(lambda: host.tell(ActorId("a"), hops))


def bare(hops: int) -> float:
    """Seconds for so many hops on Thespian as it comes."""
    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    first, second = system.createActor(BarePlayer), system.createActor(BarePlayer)
    registry = system._systemBase.actorRegistry  # noqa: SLF001 - the ball must not come from outside each time
    registry[first.actorAddressString].instance.peer = second
    registry[second.actorAddressString].instance.peer = first
    return seconds(lambda: system.tell(first, hops))


def simulated(hops: int) -> float:
    """Seconds for so many hops on the seeded scheduler."""
    scheduler = SeededScheduler(1, on_root_failure=fail)
    scheduler.start(ActorId("a"), Player("b"))
    scheduler.start(ActorId("b"), Player("a"))
    scheduler.tell(ActorId("a"), hops)
    return seconds(scheduler.run_until_idle)


def backlog(messages: int) -> float:
    """Seconds to queue so many messages in one step and to work them off."""
    host = make_host(messages)
    return seconds(lambda: host.tell(ActorId("source"), messages))


def outside(messages: int) -> float:
    """Seconds for so many messages told from outside, as a socket callback tells them."""
    host = make_host()
    sink = ActorId("sink")

    def tell_all() -> None:
        for _ in range(messages):
            host.tell(sink, None)

    return seconds(tell_all)


def lives(count: int) -> float:
    """Seconds to spawn and to stop a child so often."""
    host = make_host()
    source = ActorId("source")

    def live() -> None:
        for _ in range(count):
            host.tell(source, "spawn")
            host.tell(source, "stop")

    return seconds(live)


def crashes(count: int) -> float:
    """Seconds to crash and to restart a child so often."""
    host = make_host()
    child = ActorId("child")
    host.tell(ActorId("source"), "spawn")

    def crash() -> None:
        for _ in range(count):
            host.tell(child, "crash")

    return seconds(crash)


def main() -> None:
    """Run everything and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hops", type=int, default=100_000)
    parser.add_argument("--backlog", type=int, default=1_000_000)
    parser.add_argument("--lives", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()

    best: dict[str, float] = {}
    work: dict[str, tuple[Callable[[int], float], int]] = {
        "ours": (ours, args.hops),
        "bare": (bare, args.hops),
        "simulated": (simulated, args.hops),
        "outside": (outside, args.hops),
        "lives": (lives, args.lives),
        "crashes": (crashes, args.lives),
    }
    for _ in range(args.runs):
        for name, (action, count) in work.items():
            best[name] = min(best.get(name, float("inf")), action(count) / count)
    standing = min(backlog(args.backlog) for _ in range(2)) / args.backlog
    print(
        json.dumps(
            {
                "bench": "actor_hop",
                "hop_us": round(best["ours"] * 1e6, 2),
                "messages_per_s": round(1 / best["ours"]),
                "backlog": args.backlog,
                "backlog_messages_per_s": round(1 / standing),
                "tell_from_outside_us": round(best["outside"] * 1e6, 2),
                "spawn_and_stop_per_s": round(1 / best["lives"]),
                "crash_and_restart_per_s": round(1 / best["crashes"]),
                "scheduler_hop_us": round(best["simulated"] * 1e6, 2),
                "bare_thespian_hop_us": round(best["bare"] * 1e6, 2),
                "python": platform.python_version(),
            }
        )
    )


if __name__ == "__main__":
    main()
