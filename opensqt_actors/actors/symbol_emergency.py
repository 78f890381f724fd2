"""What a SymbolActor does in an emergency exit: every order goes, then its position is closed reduce-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.slots import SlotStatus
from opensqt_actors.domain.strategy import Decision, Place

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

FAR = 1 << 62
_CLOSES = frozenset({OrderKind.FLATTEN_BUY, OrderKind.FLATTEN_SELL})


def exit_decision(actor: SymbolActor, now: int) -> Decision:
    """Cancels first; with no order left, as much of the slots on the larger side as the net position comes to.

    What long and short slots hold against each other is no position on the venue, and no reduce-only order could close
    it. A venue takes a reduce-only order however little it is worth, so dust goes as well.
    """
    slots, instrument = actor.slots, actor.instrument
    cancels = [
        slot.level
        for slot in slots.by_level.values()
        if slot.order is not None and slot.status is SlotStatus.LOCKED and slot.order.kind not in _CLOSES
    ]
    places: list[Place] = []
    recheck = 0
    left = slots.position
    if instrument is not None and left and not slots.working:
        kind = OrderKind.FLATTEN_SELL if left > 0 else OrderKind.FLATTEN_BUY
        held = sorted(slots.held.values(), key=lambda slot: (-abs(slot.position), slot.level))
        for slot in held:
            quantity = min(abs(slot.position), abs(left))
            if not left or (slot.position > 0) != (left > 0) or quantity < instrument.min_quantity:
                continue
            if slot.blocked_until > now:
                recheck = min(recheck or slot.blocked_until, slot.blocked_until)
                continue
            places.append(Place(slot.level, kind, 0, quantity, True))
            left -= quantity if left > 0 else -quantity
    return Decision(cancels, places, -FAR, FAR, recheck)
