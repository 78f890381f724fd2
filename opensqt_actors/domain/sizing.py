"""What volatility does to a grid: the interval as a whole multiple of its base, the amount as a share of itself."""

from __future__ import annotations

import math

from opensqt_actors.domain.lattice import Lattice

HYSTERESIS = 0.25
LEAST_FACTOR = 0.1
STRENGTH = 50.0
_ONE = 1 << 20


def spacing(lattice: Lattice, price: int) -> float:
    """Distance of two neighbouring levels at a price, both in ticks."""
    return float(lattice.base) if lattice.ratio is None else price * float(lattice.ratio - 1)


def next_multiple(present: int, raw: float, most: int) -> int:
    """The interval multiple after a closed candle: clamp(ceil(raw), 1, most), with a quarter of a step of hysteresis.

    raw: average true range x scale / spacing, not rounded, not clamped. A multiple m is meant for m - 1 < raw <= m; it
    stays while m - 1.25 <= raw <= m + 0.25 and is computed anew outside. So a raw value that dances by up to a quarter
    around a whole number flips nothing: two neighbouring multiples overlap there by half a step.
    """
    stays = present - 1 - HYSTERESIS <= raw <= present + HYSTERESIS
    wanted = present if stays else math.ceil(raw)
    return max(1, min(wanted, most))


class IntervalMultiple:
    """One grid's interval multiple. `value` is to be journalled when it changes: the past of `raw` is part of it."""

    __slots__ = ("most", "scale", "value")

    def __init__(self, scale: float, most: int, value: int = 1) -> None:
        self.scale = scale
        self.most = most
        self.value = max(1, min(value, most)) if scale else 1

    def closed(self, atr: float | None, distance: float) -> bool:
        """A candle closed. True: `value` changed. An unknown average true range changes nothing.

        atr and distance (`spacing` at the centre): ticks, distance above 0.
        """
        if atr is None or not self.scale:
            return False
        before = self.value
        self.value = next_multiple(before, atr * self.scale / distance, self.most)
        return self.value != before


def size_factor(volatility: float | None) -> float:
    """Share of the full amount: max(0.1, 1 - 50 * volatility). An unknown volatility counts as the highest."""
    if volatility is None:
        return LEAST_FACTOR
    return max(LEAST_FACTOR, 1.0 - STRENGTH * volatility)


def scaled(amount: int, factor: float) -> int:
    """An amount in quanta times a share from 0 to 1, rounded down; exact for the whole amount."""
    return amount * int(factor * _ONE) >> 20
