"""A rig around any host, so that one set of tests asks the same of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock
from opensqt_actors.runtime.effects import ActorFailed, Effect, Spawn
from opensqt_actors.runtime.kernel import ActorRef, StepRecord
from opensqt_actors.runtime.scheduler import SeededScheduler
from opensqt_actors.runtime.thespian_host import ThespianHost

START = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Do:
    """Return these effects."""

    effects: Sequence[Effect]


@dataclass(frozen=True)
class Raise:
    """Raise this error."""

    error: BaseException


@dataclass(frozen=True)
class Request:
    """An effect for a port."""

    what: str


class Obedient:
    """Does what it is told and keeps what it has heard, with the times."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.times: list[int] = []

    @property
    def words(self) -> list[str]:
        return [message for message in self.heard if isinstance(message, str)]

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        self.heard.append(message)
        self.times.append(now)
        match message:
            case Do(effects):
                return effects
            case Raise(error):
                raise error
            case _:
                return ()


class Rig:
    """One host with a root actor, and everything that can be seen of it from outside."""

    Obedient = Obedient
    Request = Request
    start_time = START

    def __init__(self, kind: str, max_backlog: int = 1_000, **hooks: Callable[[Any], None]) -> None:
        self.clock = ManualClock(START)
        self.failed_roots: list[ActorFailed] = []
        self.ended: list[ActorRef] = []
        self.records: list[StepRecord] = []
        self.max_backlog = max_backlog
        options: dict[str, Any] = {
            "on_root_failure": self.failed_roots.append,
            "on_end": self.ended.append,
            "record": self.records.append,
            "max_backlog": max_backlog,
            **hooks,
        }
        self.host: ThespianHost | SeededScheduler
        if kind == "thespian":
            self.host = ThespianHost(self.clock, self.clock.call_later, **options)
        else:
            self.host = SeededScheduler(None if kind == "fifo" else int(kind), self.clock, **options)
        self.root = Obedient()
        self.root_ref = self.host.start(ActorId("root"), self.root)

    def settle(self) -> None:
        if isinstance(self.host, SeededScheduler):
            self.host.run_until_idle()

    def advance(self, ns: int) -> None:
        if isinstance(self.host, SeededScheduler):
            self.host.advance(ns)
        else:
            self.clock.advance(ns)

    def bind(self, port: Callable[[ActorRef, Any], None]) -> None:
        self.host.bind(Request, port)

    def tell(self, to: ActorId | ActorRef, message: Any) -> None:
        self.host.tell(to, message)
        self.settle()

    @staticmethod
    def doing(effects: Any) -> Do:
        return Do(effects)

    @staticmethod
    def raising(error: BaseException) -> Raise:
        return Raise(error)

    def do(self, to: str, *effects: Effect) -> None:
        self.tell(ActorId(to), Do(effects))

    def crash(self, actor: str, error: BaseException) -> None:
        self.tell(ActorId(actor), Raise(error))

    def spawn(self, child: str, parent: str = "root", incarnation: int = 1) -> Obedient:
        behaviour = Obedient()
        self.do(parent, Spawn(ActorId(child), lambda: behaviour, incarnation))
        return behaviour

    def heard(self, kind: type) -> list[Any]:
        """What the root has heard of a type."""
        return [message for message in self.root.heard if isinstance(message, kind)]


HOSTS = ["thespian", "fifo", "1", "20"]


@pytest.fixture(params=HOSTS)
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(request.param)


@pytest.fixture(params=HOSTS)
def make_rig(request: pytest.FixtureRequest) -> Callable[..., Rig]:
    """Rig with hooks or a bound of the test's own."""
    return lambda **options: Rig(request.param, **options)
