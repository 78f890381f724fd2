"""When everything that the symbols of a shard hold has its exits, for the first time in its life: said once."""

from __future__ import annotations

from msgspec import Struct

from opensqt_actors.actors import ports
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect

PROTECTED = "shard.protected"


class SymbolProtected(Struct, frozen=True):
    """From a SymbolActor, once in its life: what it holds has its exits at rest. levels: how many hold something."""

    account: str
    symbol: str
    levels: int


class FirstProtection:
    """Who has still to say so. Symbols that are added later are not waited for."""

    def __init__(self) -> None:
        self._awaited: set[ActorId] = set()
        self._symbols = 0
        self._levels = 0
        self._said = False

    def begins(self, actor: ActorId) -> None:
        """A symbol is on its way to trading."""
        if not self._said:
            self._awaited.add(actor)

    def protected(self, actor: ActorId, levels: int) -> list[Effect]:
        """A symbol has its exits."""
        if actor in self._awaited:
            self._symbols += 1
            self._levels += levels
        return self.ends(actor)

    def ends(self, actor: ActorId) -> list[Effect]:
        """Nothing more is to be expected of a symbol: it has its exits, or it cannot trade, or it has left."""
        if self._said or actor not in self._awaited:
            return []
        self._awaited.discard(actor)
        if self._awaited:
            return []
        self._said = True
        sentence = f"what is held has its exits: {self._levels} levels of {self._symbols} symbols"
        return [ports.Announce(PROTECTED, "", "", sentence)]
