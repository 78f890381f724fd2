"""The SupervisorActor of a host that shares its registry with others: it trades what is leased to it, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import StreamGate
from opensqt_actors.actors.fleet import Fleet
from opensqt_actors.actors.shard_messages import AddSymbolActor, DropSymbol, ShareBudget, ToSymbol
from opensqt_actors.actors.supervisor_view import Key, Screen
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.effects import Effect, Tell

GATE = "lease"


# --- from the keeper of the leases -----------------------------------------------------------------------------------


class LeaseGained(Struct, frozen=True):
    """This host trades a symbol from now on. saved: what the risk rules of its last owner have written down."""

    spec: SymbolSpec
    saved: tuple[RiskSaved, ...] = ()


class LeaseLost(Struct, frozen=True):
    """Another host has a symbol, or may have it: it is dropped as it stands, nothing of it can be sent any more."""

    account: str
    symbol: str
    epoch: int


class LeasesClosing(Struct, frozen=True):
    """These were not renewed for half of their life: nothing opens, and what rests to open is cancelled in time."""

    keys: tuple[Key, ...]


class LeasesStopped(Struct, frozen=True):
    """These may be another's by now: nothing of them leaves this host until they are renewed or lost."""

    keys: tuple[Key, ...]


class LeasesAgain(Struct, frozen=True):
    """These were renewed after all, under the same epoch: nobody else has had them."""

    keys: tuple[Key, ...]


class LeaseShares(Struct, frozen=True):
    """What of each account's request budget is this host's: its part of the account's symbols, in thousandths."""

    parts: tuple[tuple[str, int], ...]


# --- to it -----------------------------------------------------------------------------------------------------------


class GiveUp(Struct, frozen=True):
    """This host is done with a symbol and nothing of it is at work: its lease is free. Not answered."""

    account: str
    symbol: str


class SupervisorLeases:
    """specs: what is traded here, which the leases decide; running: whether anything is still to be begun."""

    def __init__(self, fleet: Fleet, specs: dict[Key, SymbolSpec], screen: Screen, running: Callable[[], bool]) -> None:
        self._fleet = fleet
        self._specs = specs
        self._screen = screen
        self._running = running
        self.handlers: Mapping[type, Callable[[Any, int], list[Effect]]] = {
            LeaseGained: self._gained,
            LeaseLost: self._lost,
            LeasesClosing: self._closing,
            LeasesStopped: self._stopped,
            LeasesAgain: self._again,
            LeaseShares: self._shares,
        }

    def _gained(self, message: LeaseGained, now: int) -> list[Effect]:
        spec = message.spec
        if not self._running():
            return [GiveUp(spec.account, spec.symbol)]
        self._specs[spec.account, spec.symbol] = spec
        sentence = f"{spec.symbol} is traded here from now on, epoch {spec.epoch}"
        return [
            Tell(self._fleet.of(spec), AddSymbolActor(spec, message.saved)),
            ports.Announce("lease.gained", spec.account, spec.symbol, sentence),
        ]

    def _lost(self, message: LeaseLost, now: int) -> list[Effect]:
        key = (message.account, message.symbol)
        spec = self._specs.get(key)
        if spec is None or spec.epoch != message.epoch:
            return []
        del self._specs[key]
        self._screen.left(key)
        sentence = f"{spec.symbol} is not traded here any more: its lease of epoch {spec.epoch} is lost"
        return [
            Tell(self._fleet.of(spec), DropSymbol(*key)),
            ports.Announce("lease.lost", *key, sentence, "warning"),
        ]

    def _closing(self, message: LeasesClosing, now: int) -> list[Effect]:
        sentence = "its lease could not be renewed for half of its life"
        told = f"leases of {len(message.keys)} symbols could not be renewed: their openings are cancelled"
        gate = StreamGate(GATE, False, sentence)
        return [*self._gates(message.keys, gate), ports.Announce("lease.closing", "", "", told, "warning")]

    def _stopped(self, message: LeasesStopped, now: int) -> list[Effect]:
        told = f"leases of {len(message.keys)} symbols have run out here: nothing of them is sent any more"
        return [ports.Announce("lease.stopped", "", "", told, "error")]

    def _again(self, message: LeasesAgain, now: int) -> list[Effect]:
        told = f"leases of {len(message.keys)} symbols are renewed again"
        gate = StreamGate(GATE, True, resync=True)
        return [*self._gates(message.keys, gate), ports.Announce("lease.renewed", "", "", told)]

    def _gates(self, keys: tuple[Key, ...], gate: StreamGate) -> list[Effect]:
        specs = [self._specs[key] for key in keys if key in self._specs]
        return [Tell(self._fleet.of(spec), ToSymbol(spec.account, spec.symbol, gate)) for spec in specs]

    def _shares(self, message: LeaseShares, now: int) -> list[Effect]:
        actors = self._fleet.actors()
        return [Tell(actor, ShareBudget(account, part)) for actor in actors for account, part in message.parts]
