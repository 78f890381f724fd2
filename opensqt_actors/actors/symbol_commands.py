"""What operators ask of a SymbolActor: pause, resume, leave the market, come to rest before the process ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opensqt_actors.actors.symbol_messages import Flatten, Pause, Phase, Remove, Resume, Start, StopTrading
from opensqt_actors.domain.settings import RemoveMode
from opensqt_actors.runtime.effects import Effect

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

PAUSED = "paused by an operator"
FLATTENED = "closed by an operator"


def handlers(actor: SymbolActor) -> dict[type, Callable[[Any, int], list[Effect]]]:
    """By the type of the command."""
    return {
        Pause: lambda message, now: _pause(actor, now),
        Resume: lambda message, now: _resume(actor, now),
        Flatten: lambda message, now: _flatten(actor, now),
        Remove: lambda message, now: _remove(actor, message, now),
        StopTrading: lambda message, now: _stop_trading(actor, message, now),
    }


def leave(actor: SymbolActor, mode: RemoveMode) -> None:
    """From now on it is on its way out."""
    actor.leaving = mode
    actor.flattened = False  # how it leaves is the mode's business
    actor.done = False
    actor.gates.close("removing", f"being removed ({mode.value})")


def _pause(actor: SymbolActor, now: int) -> list[Effect]:
    actor.gates.close("paused", PAUSED)
    return [*actor.act(now), actor.tell_row()]


def _resume(actor: SymbolActor, now: int) -> list[Effect]:
    actor.gates.open("paused")
    actor.gates.open("flattened")
    actor.flattened = False
    if actor.phase is Phase.REFUSED:
        return actor.start(Start(), now)
    return [*actor.act(now), actor.tell_row()]


def _flatten(actor: SymbolActor, now: int) -> list[Effect]:
    """Again for one that is closed already: no order, and what filled meanwhile is closed as well."""
    actor.flattened = True
    actor.gates.close("flattened", FLATTENED)
    if actor.phase is Phase.REFUSED and actor.instrument is not None:
        actor.phase = Phase.SYNCING
        return [*actor.ask_truth(now), actor.tell_row()]
    return [*actor.act(now), actor.tell_row()]


def _remove(actor: SymbolActor, message: Remove, now: int) -> list[Effect]:
    leave(actor, message.mode)
    if actor.phase is Phase.REFUSED and message.mode is RemoveMode.FLATTEN and actor.instrument is not None:
        actor.phase = Phase.SYNCING
        return [*actor.ask_truth(now), actor.tell_row()]
    if actor.phase is Phase.REFUSED:
        return [*actor.finished(), actor.tell_row()]
    return [*actor.act(now), actor.tell_row()]


def _stop_trading(actor: SymbolActor, message: StopTrading, now: int) -> list[Effect]:
    actor.stopping = message
    actor.done = False
    actor.gates.close("stopping", "the process is about to end")
    if actor.phase is Phase.TRADING:
        return actor.act(now)
    return actor.ledger.flush(now) + actor.finished()
