"""A market that stands still until somebody sets its price, for tests and for an operator's hand."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from opensqt_actors.simvenue.markets.model import CommonFactor, Liquidity, Move, PastCandle
from opensqt_actors.simvenue.rules import MarketRules


class ScriptedModel:
    """Opens at the rules' reference price with the given spread (ticks) and never moves by itself."""

    def __init__(self, liquidity: Liquidity | None = None, spread: int = 1) -> None:
        self._liquidity = Liquidity() if liquidity is None else liquidity
        self._spread = spread

    @property
    def interval_ms(self) -> int:
        return 0

    @property
    def liquidity(self) -> Liquidity:
        return self._liquidity

    def open(self, rules: MarketRules, random: Random, common: CommonFactor, now: int) -> Move:
        return Move(rules.to_ticks(rules.reference), self._spread, 0, True)

    def step(self, now: int) -> Sequence[Move]:
        return ()

    def resume(self, now: int) -> None:
        """Nothing to resume."""

    def past(self, count: int) -> Sequence[PastCandle]:
        return ()
