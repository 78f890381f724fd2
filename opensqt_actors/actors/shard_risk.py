"""The shard's side of its RiskActor: what is passed to it and from it, and what its next life begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.risk_messages import (
    Connect,
    ExposureReport,
    FaultFound,
    FaultSettled,
    GlobalWord,
    Ignore,
    Inherit,
    Listen,
    RoundTripDone,
    ShardFacts,
)
from opensqt_actors.actors.views import RiskRow
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.effects import Effect, Spawn, Tell

MakeRisk = Callable[[ActorId, ActorId, Sequence[RiskSaved]], Behaviour]
"""Makes a RiskActor from its own id, its parent's, and what an earlier life has written down."""

UNKNOWN = {"risk_unknown": "the risk rules have not been heard yet"}
"""The gate with which a symbol's actor begins: what the rules say is told to it at once, and opens it."""

_UPWARDS = (RiskRow, ShardFacts, ExposureReport)
_OPERATORS = (operator.TripBreaker, operator.ResetBreaker, operator.EmergencyExit, operator.ClearEmergency)


class ShardRisk:
    """Remembers what the RiskActor has written down: its next life must not depend on the database."""

    def __init__(self, me: ActorId, parent: ActorId, make: MakeRisk) -> None:
        self.id = ActorId(f"{me}/risk")
        self._me = me
        self._parent = parent
        self._make = make
        self._saved: dict[Any, RiskSaved] = {}
        self._word = GlobalWord()

    def remember(self, saved: Iterable[RiskSaved]) -> None:
        """What was written down before this shard began."""
        self._saved |= {row.key: row for row in saved}

    def inherit(self, saved: tuple[RiskSaved, ...]) -> list[Effect]:
        """What another shard had written down of a symbol that comes from there."""
        self.remember(saved)
        return [Tell(self.id, Inherit(saved))] if saved else []

    def spawn(self, incarnation: int, exchanges: Iterable[Connect], symbols: Iterable[Listen]) -> list[Effect]:
        """A new life, with everybody who is there."""
        saved = tuple(self._saved.values())
        return [
            Spawn(self.id, lambda: self._make(self.id, self._me, saved), incarnation),
            Tell(self.id, self._word),
            *(Tell(self.id, message) for message in (*exchanges, *symbols)),
        ]

    def passed(self, message: Any, *, alive: bool) -> list[Effect] | None:
        """What becomes of a message that only passes through here; None for another one. alive: the RiskActor is."""
        if isinstance(message, _UPWARDS):
            return [Tell(self._parent, message)]
        if isinstance(message, RoundTripDone | FaultFound | FaultSettled):
            return [Tell(self.id, message)]
        if isinstance(message, RiskSaved):
            self._saved[message.key] = message
            return [Tell(self._parent, message)]
        if isinstance(message, GlobalWord):
            self._word = message
            return [Tell(self.id, message)]
        if isinstance(message, _OPERATORS):
            if alive:
                return [Tell(self.id, message)]
            sentence = "the risk rules are being started again; try again in a moment"
            return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]
        return None

    def gone(self, actor: ActorId) -> Effect:
        """A symbol's actor has gone."""
        return Tell(self.id, Ignore(actor))
