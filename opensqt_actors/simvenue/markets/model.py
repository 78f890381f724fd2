"""The contract between a market and the model that moves its price. A model decides prices and flow, never orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from opensqt_actors.simvenue.rules import MarketRules


class Move(NamedTuple):
    """One move of the market: it trades at `price` (ticks), which sweeps everything between the last price and this
    one; then `volume` (steps) of aggressor flow trades at that price, by buyers when `buying`. `spread` (ticks) is the
    background's distance between best bid and ask afterwards, at least 1."""

    price: int
    spread: int
    volume: int
    buying: bool


class PastCandle(NamedTuple):
    """A one-minute candle from before the market was listed: ticks and steps."""

    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class Liquidity:
    """The background book. `touch` is the usual size of its best level in quote money, `levels` how many it has on each
    side (0: no background at all), `gap` the distance between its levels as a part of the price. `split` is the
    probability that an order which the price goes through fills in two trades instead of one."""

    touch: float = 3_000.0
    levels: int = 20
    gap: float = 0.0001
    split: float = 0.0


class MarketModel(Protocol):
    """Where a market's prices come from. It owns the randomness that it is given: same seed, same moves."""

    @property
    def interval_ms(self) -> int:
        """Steps happen at whole multiples of this since the epoch; 0: never by themselves."""

    @property
    def liquidity(self) -> Liquidity: ...

    def open(self, rules: MarketRules, random: Random, common_seed: str, now: int) -> Move:
        """Start at `now`: the first price. `random` is this market's own, `common_seed` is shared by the venue."""

    def step(self, now: int) -> Sequence[Move]:
        """The moves since the last step, in order; empty when nothing happens."""

    def resume(self, now: int) -> None:
        """The market stood still until `now` and goes on."""

    def past(self, count: int) -> Sequence[PastCandle]:
        """Up to `count` one-minute candles that led to the first price, oldest first; empty when it has none."""
