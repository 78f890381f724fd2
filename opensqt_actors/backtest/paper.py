"""Slots whose orders rest at once and fill whole, without client ids and reports: the state of a replay."""

from __future__ import annotations

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.slots import Booked, Slot, Slots, SlotStatus, WorkingOrder
from opensqt_actors.domain.strategy import Place

_NO_ID = ClientId("")


class PaperSlots(Slots):
    """The same state as Slots comes to by place and report, cancel and report, fill and report."""

    def rest(self, place: Place) -> WorkingOrder:
        """The order rests."""
        slot = self.slot(place.level)
        order = WorkingOrder(_NO_ID, place.kind, place.price, place.quantity, 0, 0, place.reduce_only)
        slot.status = SlotStatus.LOCKED
        self._give(slot, order)
        self._touch(slot)
        return order

    def end(self, level: int) -> None:
        """The order has been cancelled."""
        self._free(self.by_level[level])

    def trade(self, slot: Slot, order: WorkingOrder) -> Booked:
        """The whole order fills at its price."""
        booked = self.apply(slot, order.side, order.price, order.quantity)
        self._free(slot)
        return booked
