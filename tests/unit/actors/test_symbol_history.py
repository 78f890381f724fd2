"""Candles that closed before a symbol was added reach its strategy, whenever that is made."""

from __future__ import annotations

from msgspec.structs import replace
from support.symbol_bench import FINE, Bench

from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.orders import Candle


def test_a_new_symbol_hands_its_history_to_the_strategy_that_its_first_price_makes() -> None:
    seen: list[Candle] = []

    class Listening(Grid):
        def candle(self, candle: Candle) -> None:
            seen.append(candle)

    history = tuple(Candle("XUSDT", minute, 1.0, 2.0, 0.5, 1.5, 10.0, closed=True) for minute in range(1, 4))
    bench = Bench()
    bench.actor.strategies = {"grid": Listening}
    bench.begin(replace(FINE, history=history))
    assert seen == list(history)
