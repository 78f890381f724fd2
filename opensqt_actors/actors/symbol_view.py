"""How one SymbolActor looks to operators: its row in the live table, and every level with its reason."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

from opensqt_actors.actors.views import LevelView, SymbolRow, SymbolView
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.pnl import unrealized
from opensqt_actors.domain.slots import Slot
from opensqt_actors.domain.strategy import Reason

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

_ZERO = Decimal(0)


def row(actor: SymbolActor) -> SymbolRow:
    """The symbol's line in the live table."""
    instrument = actor.instrument
    slots = actor.slots
    cost = slots.long_cost - slots.short_cost
    mark = _mark(actor)
    held = sum(1 for slot in slots.by_level.values() if slot.position)
    return SymbolRow(
        account=actor.account,
        symbol=actor.symbol,
        mode=actor.spec.grid.mode.value,
        state=actor.state,
        slots_filled=held,
        slots_total=len(slots.by_level),
        open_orders=slots.working,
        position=instrument.quantity(slots.position) if instrument else _ZERO,
        grid_pnl=instrument.money(actor.totals.realized) if instrument else _ZERO,
        unrealized_pnl=instrument.money(unrealized(slots.position, cost, mark)) if instrument and mark else _ZERO,
        fees=actor.totals.fees,
        funding=actor.totals.funding,
        fills=actor.fills,
        round_trips=actor.totals.round_trips,
        orders_placed=actor.placed,
        orders_cancelled=actor.cancelled,
        illegal_transitions=slots.illegal,
        restarts=actor.restarts,
        bid=instrument.price(actor.bid) if instrument and actor.bid else None,
        ask=instrument.price(actor.ask) if instrument and actor.ask else None,
        last_tick=actor.last_tick,
        why=actor.why,
    )


def describe(actor: SymbolActor, now: int) -> SymbolView:
    """Every level of the symbol, highest price first."""
    instrument, strategy = actor.instrument, actor.strategy
    if instrument is None or strategy is None:
        return SymbolView(row(actor), actor.spec.grid, None, None, None, None, tuple(actor.gates.items()), ())
    reasons = strategy.why(actor.slots, actor.bid, actor.ask, actor.gate, now) if actor.bid else {}
    levels = []
    for level in sorted(strategy.levels(actor.slots), reverse=True):
        slot = actor.slots.by_level.get(level) or Slot(level, 0)
        reason = reasons.get(level) or Reason("", "")
        if slot.order is None and not reason.code:
            reason = Reason("outside_window", "outside the window of opening orders")
        shown = _level(instrument, strategy.lattice.price(level), slot, _exit(actor, slot), reason)
        levels.append(_with_money(actor, instrument, slot, shown))
    centre, band = strategy.centre_price(), actor.band
    return SymbolView(
        row=row(actor),
        settings=actor.spec.grid,
        centre=None if centre is None else instrument.price(centre),
        interval=instrument.price(strategy.interval_ticks()),
        band_low=instrument.price(band[0]) if band and band[0] > 0 else None,
        band_high=instrument.price(band[1]) if band and band[1] < 1 << 61 else None,
        gates=tuple(actor.gates.items()),
        levels=tuple(levels),
    )


def _mark(actor: SymbolActor) -> int:
    """What open positions are valued at, in ticks; 0 = not known yet."""
    return actor.mark or (actor.bid + actor.ask) // 2


def _with_money(actor: SymbolActor, instrument: Instrument, slot: Slot, shown: LevelView) -> LevelView:
    """What the slot holds at cost and at mark, and what its own fills have come to: never mixed."""
    mark, earned = _mark(actor), actor.ledger.earned.of(slot.level)
    return replace(
        shown,
        cost=instrument.money(slot.cost),
        unrealized_pnl=instrument.money(unrealized(slot.position, slot.cost, mark)) if mark else _ZERO,
        realized_pnl=instrument.money(earned.realized),
        fees=earned.fees,
        round_trips=earned.round_trips,
    )


def _exit(actor: SymbolActor, slot: Slot) -> int | None:
    if actor.strategy is None or slot.exit_level is None or not slot.position:
        return None
    return actor.strategy.lattice.price(slot.exit_level)


def _level(instrument: Instrument, price: int, slot: Slot, exit_ticks: int | None, reason: Reason) -> LevelView:
    order = slot.order
    return LevelView(
        level=slot.level,
        price=instrument.price(price),
        status=slot.status.value,
        position=instrument.quantity(slot.position),
        order_id=order.client_id if order else "",
        order_kind=order.kind.name.lower() if order else "",
        order_side=order.side.value if order else "",
        order_price=instrument.price(order.price) if order else None,
        order_quantity=instrument.quantity(order.quantity) if order else None,
        order_filled=instrument.quantity(order.filled) if order else None,
        exit_price=None if exit_ticks is None else instrument.price(exit_ticks),
        reason_code=reason.code,
        reason=reason.sentence,
    )
