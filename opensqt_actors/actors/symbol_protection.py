"""Exits before the first price: what a SymbolActor holds after a restart does not wait for a tick of its market.

An exit at its level needs no price. One that the market has passed is refused as post-only, and waits for the price.
"""

from __future__ import annotations

from opensqt_actors.actors.exchange_messages import PlaceFailed
from opensqt_actors.domain.orders import RefusalCode
from opensqt_actors.domain.slots import Slot, Slots

LONG = 3_600_000_000_000


class Protection:
    """Levels whose exit would have crossed a market whose price is not known yet."""

    def __init__(self) -> None:
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
