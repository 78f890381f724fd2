"""The symbols of one account and the actors that own them: which orders are theirs, and how news reaches an actor.

An actor that is dead is told nothing. What may lead to an order is told after the newest price.
"""

from __future__ import annotations

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_freshness import Feed
from opensqt_actors.actors.exchange_messages import Attach, OrderUpdate, PlaceFailed, PlacesWithdrawn, Quote
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.domain.ids import ClientId, decode
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, Tell


class Attached:
    """A symbol, the actor that owns it, and how fresh its frames are.

    streams: whether they are still to be started for this life of the actor; told: news of fills since it attached;
    asked: truths on their way, the newest since asked_at (ns); outdated: how many of them an earlier life of the actor
    had asked for.
    """

    __slots__ = (
        "actor", "alive", "asked", "asked_at", "feed", "instrument", "number", "outdated", "streams", "symbol", "told",
    )  # fmt: skip

    def __init__(self, symbol: str, number: int, actor: ActorId) -> None:
        self.symbol = symbol
        self.number = number
        self.actor = actor
        self.alive = True
        self.instrument: Instrument | None = None
        self.feed = Feed()
        self.streams = True
        self.told = 0
        self.asked = 0
        self.asked_at = 0
        self.outdated = 0


class Symbols:
    """attached: by name, those whose actor is dead among them; instance: of the client ids that are ours, "" = any."""

    def __init__(self, board: PriceBoard) -> None:
        self.attached: dict[str, Attached] = {}
        self.instance = ""
        self._by_number: dict[int, Attached] = {}
        self._board = board

    def attach(self, message: Attach) -> None:
        """An actor takes a symbol, the first one or the next life of it: it has been told nothing yet."""
        self.instance = message.instance or self.instance
        attached = self.attached.get(message.symbol)
        if attached is None:
            attached = Attached(message.symbol, message.number, message.actor)
            self.attached[message.symbol] = self._by_number[message.number] = attached
        attached.actor = message.actor
        attached.alive = True
        attached.feed.begin()
        attached.outdated = attached.asked
        attached.streams = True
        attached.told = 0

    def detach(self, symbol: str) -> bool:
        """It has left. False: it was not here."""
        attached = self.attached.pop(symbol, None)
        if attached is None:
            return False
        self._by_number.pop(attached.number, None)
        return True

    def down(self, symbol: str) -> None:
        """Its actor has died."""
        attached = self.attached.get(symbol)
        if attached is not None:
            attached.alive = False

    def alive(self, symbol: str) -> bool:
        """Whether there is an actor that hears of a symbol's news."""
        attached = self.attached.get(symbol)
        return attached is not None and attached.alive

    def ours(self, client_id: ClientId) -> bool:
        """Whether an order belongs to a symbol that is attached here."""
        key = decode(client_id)
        return key is not None and key.symbol in self._by_number and key.instance == (self.instance or key.instance)

    def tell(self, symbol: str, message: object) -> list[Effect]:
        """News of one symbol, to its actor."""
        attached = self.attached.get(symbol)
        if attached is None or not attached.alive:
            return []
        if isinstance(message, ports.TruthFetched) or (isinstance(message, OrderUpdate) and message.filled):
            attached.told += 1
        if _leads_to_orders(message):
            return [*self._newest_quote(attached), Tell(attached.actor, message)]
        return [Tell(attached.actor, message)]

    def tell_all(self, message: object) -> list[Effect]:
        """The same news for every symbol."""
        return [Tell(attached.actor, message) for attached in self.attached.values() if attached.alive]

    def _newest_quote(self, attached: Attached) -> list[Effect]:
        """Prices inside the band are not told; what may lead to an order must not be answered at an old one."""
        cell = self._board.cells.get(attached.symbol)
        if cell is None or not cell.bid or cell.quoted == (cell.bid, cell.ask):
            return []
        return [Tell(attached.actor, Quote(*cell.take(), cell.at))]


def _leads_to_orders(message: object) -> bool:
    """Whether a symbol may place something because of this: what fills, ends, was refused, or changes an interval."""
    if isinstance(message, OrderUpdate):
        return message.filled or (message.report is not None and message.report.status.terminal)
    return isinstance(message, PlaceFailed | PlacesWithdrawn | ports.CandleSeen | ports.TruthFetched)
