"""The price levels of one grid: whole numbers k with a price in ticks each. Never moves while a symbol has exposure."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal

from opensqt_actors.domain.errors import InvalidValue

_EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)
_CACHE_BOUND = 100_000


class Lattice:
    """price(k) = anchor + k * base (arithmetic), or anchor * ratio**k rounded to a tick (geometric).

    anchor: ticks; base: ticks, the level spacing (at the anchor when geometric); ratio: above 1, or None.
    Geometric prices are computed in decimal arithmetic, so that every machine gets the same ticks.
    """

    __slots__ = ("_cache", "_log", "anchor", "base", "ratio")

    def __init__(self, anchor: int, base: int, ratio: Decimal | None = None) -> None:
        if anchor <= 0:
            raise InvalidValue("anchor", f"must be above 0 ticks, not {anchor}")
        if base <= 0:
            raise InvalidValue("interval", "is smaller than one tick of this market; choose a larger one")
        if ratio is not None and ratio <= 1:
            raise InvalidValue("interval_percent", f"must be above 0, not {(ratio - 1) * 100}")
        self.anchor = anchor
        self.base = base
        self.ratio = ratio
        self._log = math.log(float(ratio)) if ratio is not None else 0.0
        self._cache: dict[int, int] = {}

    @staticmethod
    def geometric(anchor: int, percent: Decimal) -> Lattice:
        """A lattice whose neighbouring levels are `percent` % apart."""
        ratio = 1 + percent / 100
        base = int((anchor * (ratio - 1)).to_integral_value(ROUND_HALF_EVEN))
        return Lattice(anchor, base, ratio)

    def price(self, level: int) -> int:
        """Ticks of a level."""
        if self.ratio is None:
            return self.anchor + level * self.base
        price = self._cache.get(level)
        if price is None:
            exact = _EXACT.multiply(Decimal(self.anchor), _EXACT.power(self.ratio, level))
            price = int(exact.to_integral_value(ROUND_HALF_EVEN))
            if len(self._cache) >= _CACHE_BOUND:
                self._cache.clear()
            self._cache[level] = price
        return price

    def floor(self, price: int) -> int:
        """The highest level whose price is not above `price` ticks (at least one tick)."""
        if self.ratio is None:
            return (price - self.anchor) // self.base
        level = math.floor(math.log(max(price, 1) / self.anchor) / self._log)
        while self.price(level) > price:
            level -= 1
        while self.price(level + 1) <= price:
            level += 1
        return level

    def nearest(self, price: int, multiple: int = 1) -> int:
        """The level that is a multiple of `multiple` and nearest to `price`; the upper one of two equally near."""
        low = self.floor(price)
        low -= low % multiple
        high = low + multiple
        return low if price - self.price(low) < self.price(high) - price else high
