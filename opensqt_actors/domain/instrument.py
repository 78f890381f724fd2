"""One market's trading rules, and the only place where decimals become integers and back.

Prices are whole ticks, quantities whole steps (venue units: contracts where the venue trades contracts),
money is a whole number of quanta, where one quantum = tick x step x contract size in the quote currency.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import cached_property

from msgspec import Struct

from opensqt_actors.domain.errors import InvalidValue


class Instrument(Struct, frozen=True, dict=True):
    """Rules of one perpetual. `symbol` is the venue's market id (BTCUSDT).

    tick: price increment in quote currency; step: quantity increment in venue units;
    contract_size: base units per venue unit (1 on Binance); min_quantity and max_quantity: steps;
    min_notional: quote currency, 0 where the venue has none; min_price and max_price: ticks, 0 = no limit.
    """

    symbol: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    contract_size: Decimal = Decimal(1)
    min_quantity: int = 1
    max_quantity: int = 0
    min_notional: Decimal = Decimal(0)
    min_price: int = 0
    max_price: int = 0

    def __post_init__(self) -> None:
        for name in ("tick", "step", "contract_size"):
            if getattr(self, name) <= 0:
                raise InvalidValue(f"{self.symbol}.{name}", f"must be above 0, not {getattr(self, name)}")

    @cached_property
    def quantum(self) -> Decimal:
        """Value of one tick times one step, in quote currency."""
        return self.tick * self.step * self.contract_size

    @cached_property
    def ticks_per_unit(self) -> float:
        """1 / tick as a float, for the hot path: `round(float(text) * ticks_per_unit)` is exact below 2**52 ticks."""
        return float(1 / self.tick)

    @cached_property
    def min_notional_quanta(self) -> int:
        """The least order value in quanta, rounded up."""
        return int((self.min_notional / self.quantum).to_integral_value(ROUND_CEILING))

    def price_to_ticks(self, price: Decimal, rounding: str = ROUND_HALF_EVEN) -> int:
        """Price in quote currency -> ticks."""
        return int((price / self.tick).to_integral_value(rounding))

    def exact_ticks(self, price: Decimal) -> int:
        """Price -> ticks, refusing a price between two ticks."""
        ticks = price / self.tick
        if ticks != ticks.to_integral_value():
            raise InvalidValue(f"{self.symbol} price", f"{price} is not a multiple of the tick {self.tick}")
        return int(ticks)

    def quantity_to_steps(self, quantity: Decimal, rounding: str = ROUND_FLOOR) -> int:
        """Quantity in venue units -> steps."""
        return int((quantity / self.step).to_integral_value(rounding))

    def price(self, ticks: int) -> Decimal:
        """Ticks -> price in quote currency."""
        return ticks * self.tick

    def quantity(self, steps: int) -> Decimal:
        """Steps -> quantity in venue units."""
        return steps * self.step

    def money(self, quanta: int) -> Decimal:
        """Quanta -> quote currency, exact."""
        return quanta * self.quantum

    def quanta(self, money: Decimal, rounding: str = ROUND_FLOOR) -> int:
        """Quote currency -> quanta."""
        return int((money / self.quantum).to_integral_value(rounding))

    def steps_for(self, amount: int, ticks: int) -> int:
        """Steps that `amount` quanta buy at `ticks`, rounded down, at most the venue's largest order."""
        steps = amount // ticks if ticks > 0 else 0
        return min(steps, self.max_quantity) if self.max_quantity else steps

    def too_small(self, ticks: int, steps: int) -> str | None:
        """Why an order of this size would be refused, or None."""
        if steps < self.min_quantity:
            return f"quantity {self.quantity(steps)} is below the venue's minimum {self.quantity(self.min_quantity)}"
        if ticks * steps < self.min_notional_quanta:
            return f"notional {self.money(ticks * steps)} is below the venue's minimum {self.min_notional}"
        return None

    def tradable(self, ticks: int, steps: int) -> bool:
        """Whether the venue takes an order of this size."""
        return steps >= self.min_quantity and ticks * steps >= self.min_notional_quanta
