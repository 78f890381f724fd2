"""What must be true before the first order of a symbol, as pure checks over facts. Nothing is asked of a venue here.

`run` is called again whenever a fact has changed; orders may be placed once nothing in it blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Fees
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.sizing import scaled

MILLISECOND = 1_000_000
FAR = 1 << 62


class Weight(Enum):
    """WAIT: passes once a fact comes in. REFUSE: an operator must act. REPORT: said, but trading may begin."""

    WAIT = "wait"
    REFUSE = "refuse"
    REPORT = "report"


class Problem(NamedTuple):
    """One failed check. code: stable; field: what the operator knows it by; sentence: what is, what would be right."""

    code: str
    field: str
    sentence: str
    weight: Weight = Weight.REFUSE


class Planned(NamedTuple):
    """An opening order of the window, before it is placed. price, exit: ticks; quantity: steps."""

    price: int
    exit: int
    quantity: int


class PreflightSettings(Struct, frozen=True):
    """max_leverage: of the symbol on the venue; max_clock_skew: ns, to stay below; hedged: the mode that is wanted.

    required_positions: full levels that the balance must cover, 0 = as many as the position limit has.
    """

    max_leverage: int = 10
    max_clock_skew: int = 1_000 * MILLISECOND
    hedged: bool = False
    required_positions: int = 0


class Facts(Struct, frozen=True):
    """What is known of a symbol and its account. None: not known (yet).

    price: first streamed price in ticks; available: free margin in quote currency; committed: quote value of what the
    grid already holds and has at rest; clock_skew: ns, signed; planned: the window, empty while it is not known;
    foreign_position: signed steps that no slot accounts for; foreign_orders: open orders that are not ours.
    """

    symbol: str
    grid: GridSettings
    order_stream: bool = False
    price: int | None = None
    instrument: Instrument | None = None
    trading: bool | None = None
    can_trade: bool | None = None
    hedged: bool | None = None
    leverage: int | None = None
    available: Decimal | None = None
    committed: Decimal = Decimal(0)
    fees: Fees | None = None
    clock_skew: int | None = None
    planned: tuple[Planned, ...] = ()
    foreign_position: int = 0
    foreign_orders: int = 0
    adopt: bool = False


class Preflight:
    """The checks, in the order in which an operator would want to read their sentences."""

    def __init__(self, settings: PreflightSettings | None = None) -> None:
        self.settings = settings or PreflightSettings()

    def run(self, facts: Facts) -> tuple[Problem, ...]:
        """Every problem; empty when all is well."""
        return tuple(self._problems(facts))

    def _problems(self, facts: Facts) -> Iterator[Problem]:
        yield from _market(facts)
        yield from self._account(facts)
        yield from self._balance(facts)
        yield from _ladder(facts)
        yield from _foreign(facts)
        yield from self._streams(facts)

    def _account(self, facts: Facts) -> Iterator[Problem]:
        settings = self.settings
        if facts.can_trade is None:
            yield _unknown("permission", "api_key", "what the API key may do")
        elif not facts.can_trade:
            yield Problem(
                "permission", "api_key", "may not trade futures; give the key that permission, or use another key"
            )
        if facts.hedged is None:
            yield _unknown("position_mode", "position mode", "the account's position mode")
        elif facts.hedged is not settings.hedged:
            names = {True: "hedge (dual-side)", False: "one-way"}
            yield Problem(
                "position_mode",
                "position mode",
                f"is {names[facts.hedged]}, but must be {names[settings.hedged]}; change it on the venue while no "
                "position is open",
            )
        if facts.leverage is None:
            yield _unknown("leverage", "leverage", f"the leverage of {facts.symbol}")
        elif not 1 <= facts.leverage <= settings.max_leverage:
            yield Problem(
                "leverage",
                "leverage",
                f"of {facts.symbol} is {facts.leverage}, but must be from 1 to {settings.max_leverage}; "
                "lower it on the venue",
            )

    def _balance(self, facts: Facts) -> Iterator[Problem]:
        if facts.available is None:
            yield _unknown("balance", "balance", "the account's free margin")
        elif facts.leverage is not None and facts.leverage >= 1:
            levels = self.required_levels(facts.grid)
            needed = self.margin(facts.grid, facts.leverage, facts.committed)
            if facts.available < needed:
                yield Problem(
                    "balance",
                    "balance",
                    f"free margin is {facts.available:f}, but {levels} levels of {facts.grid.amount:f} at leverage "
                    f"{facts.leverage} still need {needed:.2f}; add funds, or lower amount, max_position or a window",
                )

    def required_levels(self, grid: GridSettings) -> int:
        """How many full levels the balance must cover."""
        if self.settings.required_positions:
            return self.settings.required_positions
        return int((grid.position_limit / grid.amount).to_integral_value(ROUND_CEILING))

    def margin(self, grid: GridSettings, leverage: int, committed: Decimal = Decimal(0)) -> Decimal:
        """Free margin that the levels which the balance must cover still need. leverage: at least 1."""
        return max(self.required_levels(grid) * grid.amount - committed, Decimal(0)) / leverage

    def _streams(self, facts: Facts) -> Iterator[Problem]:
        limit = self.settings.max_clock_skew
        if facts.clock_skew is None:
            yield _unknown("clock_skew", "clock", "the difference to the venue's clock")
        elif abs(facts.clock_skew) >= limit:
            yield Problem(
                "clock_skew",
                "clock",
                f"is {facts.clock_skew / MILLISECOND:+.0f} ms away from the venue's, but must be less than "
                f"{limit / MILLISECOND:.0f} ms; synchronise this host's clock (NTP)",
            )
        if not facts.order_stream:
            yield Problem("order_stream", "order stream", "is not up and verified yet; orders wait for it", Weight.WAIT)
        if facts.price is None:
            yield Problem("price", "price", f"none of {facts.symbol} has been streamed yet", Weight.WAIT)
        elif facts.price <= 0:
            yield Problem("price", "price", f"of {facts.symbol} is {facts.price} ticks; the market is not sound")


def blocking(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Those that keep orders from being placed."""
    return tuple(problem for problem in problems if problem.weight is not Weight.REPORT)


def plan(
    instrument: Instrument, grid: GridSettings, lattice: Lattice, price: int, *, multiple: int = 1, factor: float = 1.0
) -> tuple[Planned, ...]:
    """The opening orders of the window around a price (ticks), nearest first, buys before sells; sizes as they come.

    Levels outside the grid's own price limits are not among them: nothing would be opened there.
    """
    centre = lattice.nearest(price, multiple)
    amount = scaled(instrument.quanta(grid.amount), factor)
    buys = () if grid.mode is GridMode.SHORT else range(1, grid.buy_window + 1)
    sells = () if grid.mode is GridMode.LONG else range(1, grid.sell_window + 1)
    lowest = -FAR if grid.min_price is None else instrument.price_to_ticks(grid.min_price)
    highest = FAR if grid.max_price is None else instrument.price_to_ticks(grid.max_price)
    found: list[Planned] = []
    for direction, steps in ((-1, buys), (1, sells)):
        for step in steps:
            level = centre + direction * step * multiple
            entry, leave = lattice.price(level), lattice.price(level - direction * multiple)
            if lowest <= entry <= highest:
                found.append(Planned(entry, leave, instrument.steps_for(amount, entry)))
    return tuple(found)


def _market(facts: Facts) -> Iterator[Problem]:
    if facts.instrument is None:
        yield _unknown("instrument", "symbol", f"the rules of {facts.symbol} (tick, step, minimum notional)")
    if facts.trading is None:
        yield _unknown("symbol_status", "symbol", f"whether {facts.symbol} is traded")
    elif not facts.trading:
        yield Problem("symbol_status", "symbol", f"{facts.symbol} is not traded now; choose one that is")


def _ladder(facts: Facts) -> Iterator[Problem]:
    """Sizes and profits of the planned orders, each problem once: of the first order that has it."""
    instrument, fees = facts.instrument, facts.fees
    if fees is None:
        yield _unknown("fees", "fees", f"the account's fees for {facts.symbol}")
    if instrument is None:
        return
    small = [order for order in facts.planned if not instrument.tradable(order.price, order.quantity)]
    if small:
        first = small[0]
        yield Problem(
            "min_notional",
            "amount",
            f"of {facts.grid.amount:f} is too small for {len(small)} of {len(facts.planned)} levels: at "
            f"{instrument.price(first.price):f} {instrument.too_small(first.price, first.quantity)}; raise it",
        )
    outside = [order for order in facts.planned if not _within(instrument, order.price)]
    if outside:
        yield Problem(
            "price_limits",
            "window",
            f"reaches {instrument.price(outside[0].price):f}, where the venue takes no orders; choose a smaller one",
        )
    if fees is None:
        return
    losing = [order for order in facts.planned if profit(order, fees) <= 0]
    if losing:
        first = losing[0]
        field = "interval" if facts.grid.interval is not None else "interval_percent"
        yield Problem(
            "round_trip_profit",
            field,
            f"is too small: from {instrument.price(first.price):f} to {instrument.price(first.exit):f} a round trip "
            f"does not earn its fees of {(fees.maker * 100).normalize():f} % each way; choose a larger one",
        )


def profit(order: Planned, fees: Fees) -> Decimal:
    """What a round trip of one step earns after two maker fees, in ticks."""
    return abs(order.exit - order.price) - fees.maker * (order.exit + order.price)


def _within(instrument: Instrument, price: int) -> bool:
    return max(instrument.min_price, 1) <= price and (not instrument.max_price or price <= instrument.max_price)


def _foreign(facts: Facts) -> Iterator[Problem]:
    if facts.foreign_position:
        size = str(facts.foreign_position) + " steps"
        if facts.instrument is not None:
            size = f"{facts.instrument.quantity(facts.foreign_position):f}"
        yield Problem(
            "foreign_position",
            "adopt",
            f"{facts.symbol} has a position of {size} that is not the grid's; "
            + ("it is adopted" if facts.adopt else "close it, or add the symbol with adopt to take it over"),
            Weight.REPORT if facts.adopt else Weight.REFUSE,
        )
    if facts.foreign_orders:
        yield Problem(
            "foreign_orders",
            "symbol",
            f"open orders in {facts.symbol} that are not ours: {facts.foreign_orders}; they are left alone",
            Weight.REPORT,
        )


def _unknown(code: str, field: str, what: str) -> Problem:
    return Problem(code, field, f"waits for {what}", Weight.WAIT)
