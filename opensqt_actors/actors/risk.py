"""The RiskActor: the market's risk state of one shard, from closed candles, broadcast to every SymbolActor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange import CancelOpeningBuys
from opensqt_actors.domain.risk import RiskSettings, VolumeSpikeMonitor
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, Tell


@dataclass(frozen=True, slots=True)
class RiskChanged:
    """The market's risk state. Triggered: no opening orders; the buys have been taken back already."""

    triggered: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Tell this actor every change, beginning with the state now. exchange: it also gets CancelOpeningBuys."""

    actor: ActorId
    exchange: bool = False


@dataclass(frozen=True, slots=True)
class Ignore:
    """This actor has gone."""

    actor: ActorId


class RiskActor:
    """Candles in, RiskChanged out: to the exchanges first, for the buys must go before anything else happens."""

    def __init__(self, settings: RiskSettings) -> None:
        self.monitor = VolumeSpikeMonitor(settings)
        self._listeners: dict[ActorId, None] = {}
        self._exchanges: dict[ActorId, None] = {}

    def step(self, message: Any, now: int) -> list[Effect]:
        """Take one message."""
        match message:
            case ports.CandleSeen(candle):
                return self._broadcast() if self.monitor.candle(candle) else []
            case Listen(actor, exchange):
                (self._exchanges if exchange else self._listeners)[actor] = None
                return [] if exchange else [Tell(actor, self._state())]
            case Ignore(actor):
                self._listeners.pop(actor, None)
                self._exchanges.pop(actor, None)
                return []
            case _:
                raise TypeError(f"RiskActor does not understand {type(message).__name__}")

    def _state(self) -> RiskChanged:
        return RiskChanged(self.monitor.triggered, self.monitor.reason)

    def _broadcast(self) -> list[Effect]:
        state = self._state()
        effects: list[Effect] = []
        if state.triggered:
            effects += [Tell(exchange, CancelOpeningBuys(state.reason)) for exchange in self._exchanges]
        effects += [Tell(actor, state) for actor in self._listeners]
        kind, sentence = ("risk.triggered", state.reason) if state.triggered else ("risk.recovered", "risk has passed")
        effects.append(ports.Announce(kind, "", "", sentence, "warning"))
        return effects
