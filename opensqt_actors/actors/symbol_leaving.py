"""How a SymbolActor leaves its market or comes to rest: what goes, what is closed, and when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors.symbol_messages import Phase
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.settings import GridMode, RemoveMode
from opensqt_actors.domain.slots import Slot, SlotStatus, WorkingOrder
from opensqt_actors.domain.strategy import Decision, Place

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

FAR = 1 << 62
_FLATTEN = frozenset({OrderKind.FLATTEN_BUY, OrderKind.FLATTEN_SELL})


def leave_decision(actor: SymbolActor, now: int) -> Decision:
    """Everything that should not stay is cancelled; flatten closes slot by slot when no other order is left.

    Not before: a market order could meet our own resting order.
    """
    slots = actor.slots.by_level.values()
    cancels = [s.level for s in slots if s.order is not None and s.status is SlotStatus.LOCKED and goes(actor, s.order)]
    places: list[Place] = []
    recheck = 0
    if actor.leaving is RemoveMode.FLATTEN and actor.stopping is None and not actor.slots.working:
        for slot in slots:
            if not closable(actor, slot):
                continue
            if slot.blocked_until > now:
                recheck = min(recheck or slot.blocked_until, slot.blocked_until)
                continue
            kind = OrderKind.FLATTEN_SELL if slot.position > 0 else OrderKind.FLATTEN_BUY
            reduce_only = actor.spec.grid.mode is not GridMode.NEUTRAL
            places.append(Place(slot.level, kind, 0, abs(slot.position), reduce_only))
    return Decision(cancels, places, -FAR, FAR, recheck)


def goes(actor: SymbolActor, order: WorkingOrder) -> bool:
    """Whether a resting order has to go."""
    if actor.stopping is not None:
        return actor.stopping.cancel_openings if order.kind.opens else actor.stopping.cancel_exits
    if actor.leaving is None or order.kind in _FLATTEN:
        return False
    return order.kind.opens or actor.leaving is not RemoveMode.GRACEFUL


def closable(actor: SymbolActor, slot: Slot) -> bool:
    """Whether a slot holds enough for the venue to take an order that closes it, at what was paid for it."""
    return (
        actor.instrument is not None
        and slot.position != 0
        and actor.instrument.tradable(slot.cost // slot.position, abs(slot.position))
    )


def at_rest(actor: SymbolActor) -> bool:
    """Whether the market has been left, or nothing that should go is at work any more."""
    slots = actor.slots
    if actor.phase is Phase.REFUSED:
        return True
    if actor.stopping is not None:
        moving = (s for s in slots.by_level.values() if s.order is not None)
        return not any(slot.status is SlotStatus.PENDING or goes(actor, slot.order) for slot in moving if slot.order)
    if slots.working:
        return False
    return actor.leaving is RemoveMode.LEAVE or not any(closable(actor, slot) for slot in slots.by_level.values())
