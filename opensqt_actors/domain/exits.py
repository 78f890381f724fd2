"""What closes what the grid holds: exits, remainders of partly filled openings, and dust too small to be sold alone.

An exit is never worse than its level and never crosses; dust waits for an opening on its level, or joins a neighbour.
"""

from __future__ import annotations

from opensqt_actors.domain.draft import FAR, Draft
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.ladder import Ladder
from opensqt_actors.domain.slot import LOCKED, PENDING
from opensqt_actors.domain.slots import Slot, Slots, SlotStatus, WorkingOrder
from opensqt_actors.domain.strategy import Place


class Exits:
    """The exits of one grid. dusty: levels that hold too little for an order of its own."""

    __slots__ = ("dusty", "instrument", "ladder", "reduce_only")

    def __init__(self, ladder: Ladder, *, reduce_only: bool) -> None:
        self.ladder = ladder
        self.instrument = ladder.instrument
        self.reduce_only = reduce_only
        self.dusty: set[int] = set()

    def settle(self, slots: Slots, draft: Draft) -> None:
        """Bring the exits of what has changed to what they should be; look at everything when somebody asks why."""
        if slots.bare:
            self._strip(slots, draft)
        if draft.reasons is not None:
            for slot in tuple(slots.held.values()):
                self._settled(slots, slot, self.price(slot), draft)
            return
        if not slots.attention and not self.dusty:
            return
        for slot, wanted in self._sweep(slots):
            if self._settled(slots, slot, wanted, draft):
                slots.attention.discard(slot.level)

    def protect(self, slots: Slots, draft: Draft) -> None:
        """Give what is held its exits at their levels before there is a price, which an exit does not need.

        Only what is missing or has the wrong size changes: what else rests, and dust, waits to be judged by a price.
        """
        self._strip(slots, draft)
        for level, slot in sorted(slots.held.items()):
            self.reserve(slots, slot)
            wanted, order = self.price(slot), slot.order
            if order is not None:
                if not order.opens and not self._right_size(slot, order):
                    draft.cancel(slot)
            elif self.instrument.tradable(wanted, abs(slot.position)):
                if slot.blocked_until > draft.now:
                    draft.wait_until(slot.blocked_until)
                elif not self._opening_in_the_way(slots, slot, draft):
                    kind = OrderKind.EXIT_SELL if slot.position > 0 else OrderKind.EXIT_BUY
                    draft.places.append(Place(level, kind, wanted, abs(slot.position), self.reduce_only))

    @staticmethod
    def _strip(slots: Slots, draft: Draft) -> None:
        """Cancel exits of slots that hold nothing any more."""
        for level in sorted(slots.bare):
            slot = slots.by_level.get(level)
            if slot is None or slot.position or slot.order is None or slot.order.opens:
                slots.bare.discard(level)
            else:
                draft.cancel(slot)

    def reserve(self, slots: Slots, slot: Slot) -> None:
        """Give a slot that has come to hold something the level on which it is to be closed."""
        if slot.position and slot.exit_level is None:
            direction = 1 if slot.position > 0 else -1
            slots.reserve_exit(slot, self.ladder.exit_distance(slot.level, direction))

    def price(self, slot: Slot) -> int:
        """Where a held slot is to be closed, in ticks."""
        level = slot.exit_level
        if level is None:
            direction = 1 if slot.position > 0 else -1
            level = slot.level + direction * self.ladder.exit_distance(slot.level, direction)
        return self.ladder.lattice.price(level)

    def dust(self, slot: Slot) -> bool:
        """Whether a slot holds less than the venue would take as an order."""
        return not self.instrument.tradable(self.price(slot), abs(slot.position))

    # --- dust --------------------------------------------------------------------------------------------------------

    def _sweep(self, slots: Slots) -> list[tuple[Slot, int]]:
        """What has changed, with the prices of its exits. Dust outside the window has then joined a neighbour."""
        dusty, tradable = self.dusty, self.instrument.tradable
        changed: list[tuple[Slot, int]] = []
        for level in slots.attention:
            slot = slots.held[level]
            if slot.exit_level is None:
                self.reserve(slots, slot)
            wanted = self.price(slot)
            changed.append((slot, wanted))
            if not tradable(wanted, abs(slot.position)):
                dusty.add(level)
            elif dusty:
                dusty.discard(level)
        if not dusty:
            return changed
        self._gather(slots)
        return [(slots.held[level], self.price(slots.held[level])) for level in slots.attention]

    def _gather(self, slots: Slots) -> None:
        """Join dust outside the window to a neighbour."""
        dusty = self.dusty
        window = self.ladder.want_buys | self.ladder.want_sells
        for level in sorted(dusty):
            here = slots.held.get(level)
            if here is None:
                dusty.discard(level)
            elif level not in window and here.status is SlotStatus.FREE:
                neighbour = self._neighbour(slots, here)
                if neighbour is not None:
                    slots.join(here, neighbour)
                    dusty.discard(level)

    def _neighbour(self, slots: Slots, slot: Slot) -> Slot | None:
        """The nearest slot of the same side whose exit earns at least what the dust's own would have."""
        wanted = self.price(slot)
        long = slot.position > 0
        best: Slot | None = None
        for level, other in slots.held.items():
            opening = other.order is not None and other.order.opens
            if level == slot.level or (other.position > 0) is not long or level in self.dusty or opening:
                continue
            exit_price = self.price(other)
            if (exit_price < wanted) if long else (exit_price > wanted):
                continue
            if best is None or (abs(level - slot.level), level) < (abs(best.level - slot.level), best.level):
                best = other
        return best

    def _keep_dust(self, slot: Slot, wanted: int, draft: Draft) -> None:
        order = slot.order
        if order is not None and not order.opens:
            if not self._right_size(slot, order):
                draft.cancel(slot)
            return
        small = self.instrument.too_small(wanted, abs(slot.position))
        draft.because(slot.level, "dust", f"holds {self.instrument.quantity(slot.position)}: {small}")

    # --- exits -------------------------------------------------------------------------------------------------------

    def _settled(self, slots: Slots, slot: Slot, wanted: int, draft: Draft) -> bool:
        """Bring a held slot's exit to what it should be. True: it is, and no price changes that."""
        sells = slot.position > 0
        order = slot.order
        if slot.level in self.dusty if draft.reasons is None else self.dust(slot):
            self._keep_dust(slot, wanted, draft)
            return False
        if order is not None and order.opens:
            self._remainder(slot, wanted, draft)
            return False
        passed = draft.bid >= wanted if sells else draft.ask <= wanted
        if order is not None:
            return self._resting(slot, wanted, passed, draft)
        if slot.blocked_until > draft.now:
            draft.wait_until(slot.blocked_until)
            draft.because(slot.level, "blocked", slot.blocked_reason)
            return False
        if not passed and self._opening_in_the_way(slots, slot, draft):
            return False
        price = wanted if not passed else (draft.ask if sells else draft.bid)
        kind = OrderKind.EXIT_SELL if sells else OrderKind.EXIT_BUY
        draft.because(slot.level, "due", "its exit is placed with the next decision")
        draft.places.append(Place(slot.level, kind, price, abs(slot.position), self.reduce_only))
        if price != wanted:
            _quiet_while_passed(sells, wanted, draft)
        return False

    def _resting(self, slot: Slot, wanted: int, passed: bool, draft: Draft) -> bool:
        """Whether an exit in flight is right for good."""
        order = slot.order
        if order is None or slot.status is not LOCKED:
            return False
        sells = slot.position > 0
        if not self._right_size(slot, order) or (order.price != wanted and not passed):
            draft.cancel(slot)
            return False
        if order.price != wanted:
            _quiet_while_passed(sells, wanted, draft)
            return False
        return True

    @staticmethod
    def _right_size(slot: Slot, order: WorkingOrder) -> bool:
        """Whether an exit closes exactly what its slot holds."""
        return order.remaining == abs(slot.position) and order.buys is not (slot.position > 0)

    def _opening_in_the_way(self, slots: Slots, slot: Slot, draft: Draft) -> bool:
        """An exit wins its level: an opening order there is cancelled first, the exit follows."""
        other = slots.by_level.get(slot.exit_level) if slot.exit_level is not None else None
        if other is None or other.order is None or not other.order.opens or _may_never_come(other, other.order):
            return False
        if not other.position:
            draft.cancel(other)
        if _passed(other.order, draft):
            return False
        draft.because(slot.level, "level_taken", "its exit waits until the opening order on the exit level has gone")
        return True

    def _remainder(self, slot: Slot, wanted: int, draft: Draft) -> None:
        """The rest of a partly filled opening works on until the mid is half an interval away on the exit side."""
        order = slot.order
        if order is None:
            return
        half = (order.price + wanted) // 2
        if slot.position > 0 and draft.mid < half:
            draft.quiet(-FAR, half)
        elif slot.position < 0 and draft.mid > half:
            draft.quiet(half + 1, FAR)
        else:
            draft.cancel(slot)


def _may_never_come(slot: Slot, order: WorkingOrder) -> bool:
    """Whether an opening was sent by a process that died and has not been seen since: nothing waits for its fate.

    Arriving late, it meets the exit that rests on its level: as post-only it is refused there, or it is cancelled.
    """
    return slot.status is PENDING and order.restored and not order.seen and not order.booked and order.post_only


def _passed(order: WorkingOrder, draft: Draft) -> bool:
    """Whether the market is past an opening: it has filled, has ended or never came, whenever the venue will say which.

    A buy that rests is below every ask. Where it may still rest, the band ends where the market would pass it.
    """
    if order.buys:
        if draft.ask <= order.price:
            return True
        draft.quiet(order.price + 1, FAR)
    else:
        if draft.bid >= order.price:
            return True
        draft.quiet(-FAR, order.price)
    return False


def _quiet_while_passed(sells: bool, wanted: int, draft: Draft) -> None:
    """An exit that rests nearer to the market than its level is right as long as the market is past the level."""
    if sells:
        draft.quiet(wanted, FAR)
    else:
        draft.quiet(-FAR, wanted + 1)
