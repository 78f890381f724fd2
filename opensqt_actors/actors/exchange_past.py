"""The candles of the past of symbols that hold something: of none until all that started with it have their exits.

A start asks the venue for much at once, and what is held waits for it. Candles are long, and openings alone need them.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from opensqt_actors.actors.exchange_messages import Attach, WantPast
from opensqt_actors.runtime.effects import CancelTimer, Effect, SetTimer

SECOND = 1_000_000_000
PATIENCE = 2 * SECOND
"""So long do the first that have their exits wait for the others: a symbol that is paused never asks."""


class _NoLonger(Struct, frozen=True):
    """To itself: those that wait have waited long enough."""


class Pasts:
    """`fetch` asks for one symbol's candles."""

    def __init__(self, fetch: Callable[[str], list[Effect]]) -> None:
        self._fetch = fetch
        self._hurrying: set[str] = set()
        self._waiting: dict[str, None] = {}
        self.handlers: dict[type, Callable[..., list[Effect]]] = {
            WantPast: lambda message, now: self._want(message.symbol),
            _NoLonger: lambda message, now: self._fetch_all(),
        }

    def begin(self, message: Attach) -> None:
        """A symbol starts, in a hurry when it holds something without an exit."""
        self._waiting.pop(message.symbol, None)
        if message.hurry:
            self._hurrying.add(message.symbol)
        else:
            self._hurrying.discard(message.symbol)

    def gone(self, symbol: str) -> list[Effect]:
        """It will not ask: it has left, has failed, or may not be traded."""
        self._waiting.pop(symbol, None)
        self._hurrying.discard(symbol)
        return self._look()

    def _want(self, symbol: str) -> list[Effect]:
        """What it holds has its exits, or has waited for them long enough."""
        self._hurrying.discard(symbol)
        first = not self._waiting
        self._waiting[symbol] = None
        effects = self._look()
        return effects if effects or not first else [SetTimer("pasts", PATIENCE, _NoLonger())]

    def _look(self) -> list[Effect]:
        return self._fetch_all() if self._waiting and not self._hurrying else []

    def _fetch_all(self) -> list[Effect]:
        self._hurrying.clear()
        symbols, self._waiting = list(self._waiting), {}
        return [CancelTimer("pasts"), *(effect for symbol in symbols for effect in self._fetch(symbol))]
