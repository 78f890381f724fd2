"""The contract between a market and the model that moves its price. A model decides prices and flow, never orders."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple, Protocol

from msgspec import Struct

from opensqt_actors.simvenue.rules import MarketRules

_MASK = 0xFFFF_FFFF_FFFF_FFFF


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


class Liquidity(Struct, frozen=True):
    """The background book. `touch` is the usual size of its best level in dollars, `levels` how many it has on each
    side (0: no background at all), `gap` the distance between its levels as a part of the price. `split` is the
    probability that an order which the price goes through fills in two trades instead of one."""

    touch: float = 3_000.0
    levels: int = 20
    gap: float = 0.0001
    split: float = 0.0


class CommonFactor:
    """A shock that all markets of a venue feel, a function of the seed and the time alone: whoever asks, in whatever
    order, gets the same."""

    __slots__ = ("_seed", "_time", "_value")

    def __init__(self, seed: int) -> None:
        self._seed = (seed * 0x9E3779B97F4A7C15 + 0x5851F42D4C957F2D) & _MASK
        self._time = -1
        self._value = 0.0

    def at(self, now: int) -> float:
        """A draw of mean 0 and variance 1, nearly normal: the sum of four 16-bit uniform numbers of a hash."""
        if now != self._time:
            mixed = (self._seed ^ (now * 0xD6E8FEB86659FD93)) & _MASK  # splitmix64's finaliser
            mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
            mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
            mixed ^= mixed >> 31
            total = (mixed & 0xFFFF) + (mixed >> 16 & 0xFFFF) + (mixed >> 32 & 0xFFFF) + (mixed >> 48)
            self._time, self._value = now, (total / 65_535 - 2.0) * 1.7320508075688772
        return self._value


class MarketModel(Protocol):
    """Where a market's prices come from. It owns the randomness that it is given: same seed, same moves."""

    @property
    def interval_ms(self) -> int:
        """Steps happen at whole multiples of this since the epoch; 0: never by themselves."""

    @property
    def liquidity(self) -> Liquidity: ...

    def open(self, rules: MarketRules, random: Random, common: CommonFactor, now: int) -> Move:
        """Start at `now`: the first price. `random` is this market's own, `common` is shared by the venue."""

    def step(self, now: int) -> Sequence[Move]:
        """The moves since the last step, in order; empty when nothing happens."""

    def resume(self, now: int) -> None:
        """The market stood still until `now` and goes on."""

    def past(self, count: int) -> Sequence[PastCandle]:
        """Up to `count` one-minute candles that led to the first price, oldest first; empty when it has none."""
