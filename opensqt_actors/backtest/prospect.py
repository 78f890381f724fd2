"""What a grid would do at a price before it trades: its first orders, its rounds, and the most it could come to hold.

The orders are those of the replay's own grid, so nothing here knows a rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from opensqt_actors.backtest.replay import PlainReplay
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import AccountState, Candle, Fees
from opensqt_actors.domain.preflight import Facts, Planned, Preflight, Problem, Weight, profit
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.strategy import OPEN

PATIENCE = 3
"""Intervals without an order at rest, after which a straight move finds nothing more to fill."""


class MarketFacts(Struct, frozen=True):
    """What is known of a market. price: ticks; history: closed candles, oldest first; None: not known.

    source: where it comes from, for people; assumed: sentences on what is not known and was assumed.
    """

    instrument: Instrument
    fees: Fees
    price: int
    history: tuple[Candle, ...] = ()
    leverage: int | None = None
    account: AccountState | None = None
    source: str = ""
    assumed: tuple[str, ...] = ()


class PlannedLevel(Struct, frozen=True):
    """One level of the window, in venue units and quote currency. fees: of the round trip; profit: after them.

    reason: why it gets no order now, "" when it does; its figures are then those of the order that it would get.
    """

    level: int
    side: str
    price: Decimal
    quantity: Decimal
    notional: Decimal
    exit_price: Decimal
    fees: Decimal
    profit: Decimal
    reason: str


class Inventory(Struct, frozen=True):
    """What a straight move against the grid leaves. levels: filled; cost: quote currency; loss: at the last fill.

    last_price: of the last order that fills, None when none does.
    """

    side: str
    levels: int
    quantity: Decimal
    cost: Decimal
    last_price: Decimal | None
    loss: Decimal


class Prospect(Struct, frozen=True):
    """One grid at one price. interval: quote currency above the centre; margin: quote currency at the leverage.

    leverage: the account's, or the largest that pre-flight allows when it is not known; problems: none = it can work.
    """

    facts: MarketFacts
    centre: Decimal
    interval: Decimal
    levels: tuple[PlannedLevel, ...]
    worst: tuple[Inventory, ...]
    margin: Decimal
    leverage: int
    problems: tuple[Problem, ...]


def prospect(symbol: str, grid: GridSettings, facts: MarketFacts, preflight: Preflight) -> Prospect:
    """Ask the grid. Raises InvalidValue for settings of which no grid can be made on this market."""
    replay = _started(grid, facts)
    ladder, instrument = replay.grid.ladder, facts.instrument
    levels = tuple(_planned(replay, facts))
    centre = replay.grid.centre_price() or facts.price
    leverage = facts.leverage or preflight.settings.max_leverage
    known = Facts(
        symbol=symbol,
        grid=grid,
        price=facts.price,
        instrument=instrument,
        trading=True,
        leverage=facts.leverage,
        fees=facts.fees,
        planned=tuple(_orders(replay)),
        can_trade=None if facts.account is None else facts.account.can_trade,
        hedged=None if facts.account is None else facts.account.hedged,
        available=None if facts.account is None else facts.account.available,
    )
    sides = (("long", ladder.buys), ("short", ladder.sells))
    return Prospect(
        facts,
        instrument.price(centre),
        instrument.price(replay.grid.interval_ticks()),
        levels,
        tuple(_straight(_started(grid, facts), facts, side) for side, opens in sides if opens),
        preflight.margin(grid, leverage),
        leverage,
        tuple(problem for problem in preflight.run(known) if problem.weight is Weight.REFUSE),
    )


def _started(grid: GridSettings, facts: MarketFacts) -> PlainReplay:
    """A replay whose grid has seen the past candles and the price of now."""
    replay = PlainReplay(facts.instrument, facts.fees, grid, facts.price)
    for candle in facts.history:
        replay.grid.candle(candle)
    replay.look(facts.price)
    return replay


def _orders(replay: PlainReplay) -> Iterable[Planned]:
    """What the window would open with, nearest first. A size that the venue would refuse stays what it comes to."""
    ladder = replay.grid.ladder
    for rung in ladder.rungs():
        direction = 1 if rung.kind.buys else -1
        leave = ladder.lattice.price(rung.level + direction * ladder.exit_distance(rung.level, direction))
        yield Planned(rung.price, leave, rung.quantity or ladder.instrument.steps_for(ladder.amount, rung.price))


def _planned(replay: PlainReplay, facts: MarketFacts) -> Iterable[PlannedLevel]:
    """The window's levels, highest price first."""
    grid, instrument, price = replay.grid, facts.instrument, facts.price
    reasons = grid.why(replay.slots, price - 1, price + 1, OPEN, 0)
    window = zip(grid.ladder.rungs(), _orders(replay), strict=True)
    for rung, order in sorted(window, key=lambda pair: -pair[0].price):
        reason = reasons.get(rung.level)
        turnover = instrument.money((order.price + order.exit) * order.quantity)
        yield PlannedLevel(
            rung.level,
            "buy" if rung.kind.buys else "sell",
            instrument.price(order.price),
            instrument.quantity(order.quantity),
            instrument.money(order.price * order.quantity),
            instrument.price(order.exit),
            facts.fees.maker * turnover,
            profit(order, facts.fees) * order.quantity * instrument.quantum,
            "" if reason is None else reason.sentence,
        )


def _straight(replay: PlainReplay, facts: MarketFacts, side: str) -> Inventory:
    """Let the price go straight against one side, from order to order, until nothing more opens."""
    slots, lattice, instrument = replay.slots, replay.grid.lattice, facts.instrument
    down = side == "long"
    price, idle, fills = facts.price, 0, 0
    last: int | None = None
    while idle < PATIENCE and price > 1:
        resting = slots.open_buys if down else slots.open_sells
        prices = [slot.order.price for slot in resting.values() if slot.order is not None]
        if prices:
            idle, last = 0, max(prices) if down else min(prices)
            price = last - 1 if down else last + 1
        else:
            idle += 1
            step = replay.grid.ladder.multiple
            level = lattice.floor(price)
            price = lattice.price(level - step if down else level + step + 1)
        replay.look(price)
        fills = len(replay.trades)
    cost = slots.long_cost if down else slots.short_cost
    held = abs(sum(slot.position for slot in slots.held.values() if (slot.position > 0) is down))
    value = held * (last or 0)
    return Inventory(
        side,
        fills,
        instrument.quantity(held),
        instrument.money(cost),
        None if last is None else instrument.price(last),
        instrument.money(cost - value if down else value - cost),
    )
