"""Exits before the first price: what a SymbolActor holds after a restart does not wait for a tick of its market.

An exit at its level needs no price. One that the market has passed is refused as post-only, and waits for the price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors.exchange_messages import PlaceFailed
from opensqt_actors.actors.shard_protection import SymbolProtected
from opensqt_actors.domain.orders import RefusalCode
from opensqt_actors.domain.slots import Slot, Slots, SlotStatus
from opensqt_actors.runtime.effects import Effect, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

LONG = 3_600_000_000_000


class Protection:
    """Levels whose exit would have crossed a market whose price is not known yet.

    told: the shard has heard that everything which was held at the start has its exits.
    """

    def __init__(self) -> None:
        self.told = False
        self._crossed: set[int] = set()

    def refused(self, slot: Slot, failure: PlaceFailed, now: int) -> bool:
        """Whether an order without a price was refused for crossing: its slot then waits until there is one."""
        if failure.code != RefusalCode.WOULD_CROSS:
            return False
        self._crossed.add(slot.level)
        slot.accepted()
        slot.blocked_until = now + LONG
        slot.blocked_reason = "the market has passed its level; it waits for the first price"
        return True

    def priced(self, slots: Slots) -> None:
        """The first price has come: every exit may try again."""
        for level in self._crossed:
            slot = slots.by_level.get(level)
            if slot is not None:
                slot.blocked_until = 0
        self._crossed.clear()

    def tell(self, actor: SymbolActor) -> list[Effect]:
        """Say once that everything held has its exits at rest. What only its own opening could exit for is left out."""
        instrument = actor.instrument
        if self.told or instrument is None:
            return []
        held = actor.slots.held.values()
        if not all(_exits(slot) or not instrument.tradable(_price(slot), abs(slot.position)) for slot in held):
            return []
        self.told = True
        return [Tell(actor.parent, SymbolProtected(actor.account, actor.symbol, len(held)))]


def _exits(slot: Slot) -> bool:
    """Whether a held slot has its exit, or its opening still works on: the remainder's exit follows its end."""
    order = slot.order
    return order is not None and slot.status is SlotStatus.LOCKED


def _price(slot: Slot) -> int:
    """About what a slot's exit would ask, in ticks: what it paid, for telling dust."""
    return abs(slot.cost) // max(abs(slot.position), 1)
