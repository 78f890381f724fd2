"""F27: a grid that may trade, rests nothing and has no reason for it. Looked for once a second, told once.

It changes nothing but asks for the venue's view: whatever it is, an operator has to know of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.symbol_messages import SECOND, Phase
from opensqt_actors.runtime.effects import Effect

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

LEAST_PATIENCE = 5 * SECOND
"""Orders come and go; only what stays empty for so long, and outlasts a comparison with the venue, is wrong."""


class SilenceWatch:
    """told: the alarm was given for the silence that goes on."""

    def __init__(self) -> None:
        self.told = False
        self._since = 0

    def look(self, actor: SymbolActor, now: int) -> list[Effect]:
        """The alarm, once, when a level that nothing keeps from having an order has had none for too long."""
        if actor.slots.working or not _may_trade(actor):
            self._since, self.told = 0, False
            return []
        self._since = self._since or now
        if self.told or now - self._since < max(actor.execution.reconcile_interval, LEAST_PATIENCE):
            return []
        levels = _unexplained(actor, now)
        if not levels:
            self._since = now
            return []
        self.told = True
        sentence = (
            f"nothing rests although the market is in range and no rule keeps orders away from level "
            f"{', '.join(str(level) for level in levels[:5])}"
        )
        return [ports.Announce("grid.silent", actor.account, actor.symbol, sentence, "critical")]


def _may_trade(actor: SymbolActor) -> bool:
    return (
        actor.phase is Phase.TRADING
        and actor.bid > 0
        and actor.gate.opens
        and actor.leaving is None
        and actor.stopping is None
    )


def _unexplained(actor: SymbolActor, now: int) -> list[int]:
    """Levels that the strategy itself says should have an order by now."""
    if actor.strategy is None:
        return []
    reasons = actor.strategy.why(actor.slots, actor.bid, actor.ask, actor.gate, now)
    return sorted(level for level, reason in reasons.items() if reason.code == "due")
