"""The candles from before a SymbolActor's life: what it holds gets its exits first, what it knows of the past later.

Until they have come nothing new opens: amounts and intervals depend on them. What rests stays, exits need none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import WantPast
from opensqt_actors.actors.symbol_messages import AskPast, Phase
from opensqt_actors.domain.orders import Candle
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

SECOND = 1_000_000_000
PATIENCE = 5 * SECOND
"""So long does the past wait for exits that do not come to rest."""
LIMITED = ("past", "waits for the candles of the past, which come after the exits")
_MOST_KEPT = 100


class Past:
    """due: it is still to come; kept: candles that have closed meanwhile, to be told after it."""

    def __init__(self) -> None:
        self.due = False
        self._asked = False
        self._timed = False
        self._kept: list[Candle] = []

    def begin(self, actor: SymbolActor) -> bool:
        """Whether the rules are wanted without it: something is held, or may be, that was not given its exits yet."""
        self.due = bool(actor.slots.held or actor.slots.working) and not actor.protection.told
        self._asked = self._timed = False
        self._kept.clear()
        actor.gates.hold(None)
        return self.due

    def hold(self, actor: SymbolActor) -> list[Effect]:
        """Between decisions, while it is due: nothing more opens; ask for it once what is held has its exits."""
        if not self.due:
            return []
        slots = actor.slots
        actor.gates.hold(len(slots.open_buys) + len(slots.open_sells), LIMITED)
        if actor.protection.told:
            return self.ask(actor)
        if self._timed:
            return []
        self._timed = True
        return [SetTimer("past", PATIENCE, AskPast())]

    def ask(self, actor: SymbolActor) -> list[Effect]:
        """Exits rest, or have had their time."""
        if not self.due or self._asked or actor.phase is not Phase.TRADING:
            return []
        self._asked = True
        return [Tell(actor.exchange, WantPast(actor.symbol))]

    def candle(self, candle: Candle) -> bool:
        """Whether a candle that has just closed is kept for later: older ones are still to come."""
        if self.due and len(self._kept) < _MOST_KEPT:
            self._kept.append(candle)
        return self.due

    def came(self, actor: SymbolActor, candles: tuple[Candle, ...]) -> None:
        """Tell the strategy, which stands where it stood: it has moved on while they were on their way."""
        if not self.due:
            return
        self.due = False
        actor.gates.hold(None)
        if actor.strategy is not None:
            for candle in (*candles, *self._kept):
                actor.strategy.candle(candle)
            actor.strategy.recall(actor.ledger.memory)
        self._kept.clear()


def failed(actor: SymbolActor, message: ports.CandlesFailed) -> list[Effect]:
    """Those that close from now on then do alone."""
    if not actor.past.due:
        return []
    actor.past.came(actor, ())
    sentence = f"begins without the candles of the past: {message.reason}"
    return [ports.Announce("candles.missing", actor.account, actor.symbol, sentence, "warning")]
