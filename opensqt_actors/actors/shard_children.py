"""What a shard keeps of each of its actors, and what the next life of a symbol's actor starts from."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports, symbol
from opensqt_actors.actors.risk_messages import Listen
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect
from opensqt_actors.runtime.supervision import RestartHistory


class Child(Struct):
    """One child: how to make it, how often it was started, and how often it failed lately.

    releasing: it is on its way to another shard; outdated: answers of the journal that are still to come for an
    earlier owner of its name.
    """

    id: ActorId
    history: RestartHistory
    incarnation: int = 0
    spec: SymbolSpec | None = None
    alive: bool = False
    loading: bool = False
    done: bool = False
    releasing: bool = False
    outdated: int = 0
    restarts: int = 0
    waiting: list[Any] = field(default_factory=list)

    def born(self, now: int) -> None:
        """A new life. Its number is the time, so that it is new even after a restart of the whole shard."""
        self.incarnation = max(self.incarnation + 1, now)
        self.alive = True


def nobody(message: Any) -> list[Effect]:
    """The answer to a question that nobody can answer now."""
    if not isinstance(message, symbol.Describe | symbol.ReconcileNow):
        return []
    sentence = "its actor is being started; try again in a moment"
    return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]


def listening(actor: ActorId, spec: SymbolSpec) -> Listen:
    return Listen(actor, spec.account, spec.symbol)


def after(spec: SymbolSpec, message: Any) -> SymbolSpec:
    """What the next life of a symbol's actor starts from, once it has been told this."""
    match message:
        case symbol.Pause():
            return replace(spec, state=SymbolState.PAUSED)
        case symbol.Resume():
            return replace(spec, state=SymbolState.TRADING)
        case symbol.Remove(mode):
            return replace(spec, state=SymbolState.REMOVING, remove_mode=mode)
        case _:
            return spec
