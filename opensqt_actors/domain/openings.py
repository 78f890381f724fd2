"""The opening orders of a grid: one per level of its window, nearest to the market first, within the limits.

`follow` costs what has changed and gives up near a limit; `walk` costs the whole window and is the rule itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opensqt_actors.domain.draft import FAR, Draft, ceil_div
from opensqt_actors.domain.exits import Exits
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.ladder import Ladder, Rung
from opensqt_actors.domain.slots import Slot, Slots, WorkingOrder
from opensqt_actors.domain.strategy import OPEN, Gate, Place

SPARE = 2
"""So many orders more than now must fit under the limits for the window to be called roomy."""


_OPEN_BUY: Final = OrderKind.OPEN_BUY


class _Room:
    """What the limits on orders and position leave. working: everything in flight counts, not only what is to stay."""

    def __init__(self, slots: Slots, ladder: Ladder, exits_due: int, gate: Gate) -> None:
        self.settings = ladder.settings
        self.openings = gate.allowance
        self.limited = gate.limited
        self.orders = ladder.settings.max_open_orders - slots.exit_orders - exits_due
        self.buys = ladder.limit - slots.long_cost
        self.sells = ladder.limit - slots.short_cost

    def refusal(self, buys: bool, value: int) -> tuple[str, str] | None:
        """Which limit keeps an opening order of this value (quanta) away, and its sentence."""
        if value > (self.buys if buys else self.sells):
            return "max_position", f"would take the position over max_position {self.settings.position_limit}"
        if self.openings is not None and self.openings <= 0:
            return self.limited
        if self.orders <= 0:
            return "max_open_orders", f"nearer orders use up max_open_orders {self.settings.max_open_orders}"
        return None

    def take(self, buys: bool, value: int) -> None:
        """One more opening order of this value."""
        self.orders -= 1
        if self.openings is not None:
            self.openings -= 1
        if buys:
            self.buys -= value
        else:
            self.sells -= value


class Openings:
    """The opening orders of one grid. roomy: after a decision, whether no limit is anywhere near."""

    __slots__ = ("_largest", "exits", "ladder", "roomy")

    def __init__(self, ladder: Ladder, exits: Exits) -> None:
        self.ladder = ladder
        self.exits = exits
        self.roomy = False
        self._largest = 0

    def decide(self, slots: Slots, draft: Draft, gate: Gate = OPEN) -> None:
        """Cancel what should not rest, place what is missing."""
        if draft.reasons is not None or gate.allowance is not None or not self.follow(slots, draft):
            self.walk(slots, draft, gate)

    # --- at the cost of what has changed -----------------------------------------------------------------------------

    def follow(self, slots: Slots, draft: Draft) -> bool:
        """Do what `walk` does. False, with nothing done: a limit is near, walk."""
        ladder = self.ladder
        missing: list[int] = []
        odd: list[int] = []
        _compare(ladder.want_buys, slots.open_buys, slots.exits, missing, odd)
        _compare(ladder.want_sells, slots.open_sells, slots.exits, missing, odd)
        self.roomy = self._fits(slots, len(odd) + SPARE)
        if self.exits.dusty or not (self.roomy or self._fits(slots, len(odd))):
            return False
        if odd:
            odd.sort()
            for level in odd:
                slot = slots.by_level[level]
                if slot.order is not None and not self._stays(slots, level, slot.order, draft) and not slot.position:
                    draft.cancel(slot)
        if missing:
            self._enter_missing(slots, missing, draft)
        return True

    def _enter_missing(self, slots: Slots, missing: Iterable[int], draft: Draft) -> None:
        """Place orders, nearest first, on levels that have none and belong to no exit and no holding."""
        ladder, by_level, held, exits = self.ladder, slots.by_level, slots.held, slots.exits
        free = [level for level in missing if level not in held and level not in exits]
        if len(free) > 1:
            centre = ladder.centre or 0
            free.sort(key=lambda level: (abs(level - centre), level))
        for level in free:
            slot = by_level.get(level)
            if slot is None or slot.order is None:
                rung = ladder.rung(level)
                if rung.quantity:
                    self._enter(slot, rung, draft)

    def _fits(self, slots: Slots, more: int) -> bool:
        """Whether every wanted level and `more` others could have an order of full size under the limits."""
        ladder, limit = self.ladder, self.ladder.limit
        amount = self._largest or self._measure(slots)
        buys, sells = len(ladder.want_buys), len(ladder.want_sells)
        return (
            slots.exit_orders + len(slots.attention) + buys + sells + more <= ladder.settings.max_open_orders
            and (not ladder.buys or slots.long_cost + amount * (buys + more) <= limit)
            and (not ladder.sells or slots.short_cost + amount * (sells + more) <= limit)
        )

    def _measure(self, slots: Slots) -> int:
        """The largest opening order there can be: those that rest may have been placed under other settings."""
        resting = [order.price * order.quantity for order in slots.orders() if order.opens]
        self._largest = max(self.ladder.full_amount, *resting) if resting else self.ladder.full_amount
        return self._largest

    # --- the rule ----------------------------------------------------------------------------------------------------

    def walk(self, slots: Slots, draft: Draft, gate: Gate = OPEN) -> None:
        """Keep what rests within the limits, nearest first; cancel the rest; place what is missing and fits."""
        self.roomy = False
        due = sum(1 for slot in slots.held.values() if slot.order is None and slot.level not in self.exits.dusty)
        room = _Room(slots, self.ladder, due, gate)
        working = sorted((*slots.open_buys.items(), *slots.open_sells.items()))
        kept: set[int] = set()
        for level, slot in working:
            order = slot.order
            if order is not None:
                value = order.price * order.remaining
                if room.refusal(order.buys, value) is None and self._stays(slots, level, order, draft):
                    kept.add(level)
                    room.take(order.buys, value)
        missing = self._keep(slots, room, kept, draft)
        for level, slot in working:
            if level not in kept and (not slot.position or level in self.exits.dusty):
                draft.cancel(slot)
        if missing:
            room = _Room(slots, self.ladder, due, gate)
            for _, slot in working:
                if slot.order is not None:
                    room.take(slot.order.buys, slot.order.price * slot.order.remaining)
            self._fill(slots, missing, room, draft)

    def _keep(self, slots: Slots, room: _Room, kept: set[int], draft: Draft) -> list[Rung]:
        """Mark the window's orders that stay; returns the levels that should have one and do not, nearest first."""
        missing: list[Rung] = []
        for rung in self.ladder.rungs():
            level = rung.level
            slot = slots.by_level.get(level)
            order = None if slot is None else slot.order
            if slot is not None and order is None and slot.position and not self._joins(slot, rung):
                continue
            if order is not None and order.kind is not rung.kind:
                continue
            if level in slots.exits:
                draft.because(level, "exit_level", f"the exit of level {slots.exits[level]} has this level")
                continue
            value = rung.price * rung.quantity if order is None else order.price * order.remaining
            refusal = room.refusal(rung.kind.buys, value)
            if refusal is not None:
                draft.because(level, *refusal)
            elif order is None and rung.quantity == 0:
                draft.because(level, "too_small", self._too_small(rung.price))
            else:
                room.take(rung.kind.buys, value)
                if order is not None:
                    kept.add(level)
                else:
                    missing.append(rung)
        return missing

    def _joins(self, slot: Slot, rung: Rung) -> bool:
        """Whether a level that holds something may open again: only dust of the same side is added to."""
        return slot.level in self.exits.dusty and (slot.position > 0) is rung.kind.buys

    def _fill(self, slots: Slots, missing: list[Rung], room: _Room, draft: Draft) -> None:
        """Place what is missing. An order that is on its way out may still fill: until it has gone, it counts."""
        for rung in missing:
            value = rung.price * rung.quantity
            if room.refusal(rung.kind.buys, value) is not None:
                sentence = "waits until an order that is being cancelled has gone: the limits count it as well"
                draft.because(rung.level, "cancelling", sentence)
            elif self._enter(slots.by_level.get(rung.level), rung, draft):
                room.take(rung.kind.buys, value)

    def _too_small(self, price: int) -> str:
        instrument = self.ladder.instrument
        return instrument.too_small(price, instrument.steps_for(self.ladder.amount, price)) or ""

    # --- single orders -----------------------------------------------------------------------------------------------

    def _enter(self, slot: Slot | None, rung: Rung, draft: Draft) -> bool:
        """Place an opening order, or say from which price or moment on it may be placed."""
        if slot is not None and slot.blocked_until > draft.now:
            draft.wait_until(slot.blocked_until)
            draft.because(rung.level, "blocked", slot.blocked_reason)
            return False
        here = rung.price
        if rung.kind is _OPEN_BUY:
            edge = rung.edge // (10 * self.ladder.scale) + 1
            blocked = draft.mid < edge or draft.ask <= here
            if blocked:
                draft.quiet(-FAR, max(edge, here + 1))
        else:
            edge = ceil_div(rung.edge, 10 * self.ladder.scale) - 1
            blocked = draft.mid > edge or draft.bid >= here
            if blocked:
                draft.quiet(min(edge + 1, here), FAR)
        if draft.reasons is not None:
            closer = "closer to the market than the safety buffer of a tenth of the interval"
            sentence = closer if blocked else "its order is placed with the next decision"
            draft.because(rung.level, "buffer" if blocked else "due", sentence)
        if blocked:
            return False
        draft.places.append(Place(rung.level, rung.kind, here, rung.quantity, False))
        return True

    def _stays(self, slots: Slots, level: int, order: WorkingOrder, draft: Draft) -> bool:
        return level not in slots.exits and self.came_to(level, order.kind, draft)

    def came_to(self, level: int, kind: OrderKind, draft: Draft) -> bool:
        """Whether the market came to a resting opening order: it stays, although the centre has moved on to it."""
        ladder = self.ladder
        distance = level - (ladder.centre or 0)
        if distance == 0:
            return True
        buys = kind is _OPEN_BUY
        if (distance > 0) is not buys or distance % ladder.multiple:
            return False
        price = ladder.lattice.price(level)
        if buys:
            if price >= draft.mid:
                draft.quiet(-FAR, price + 1)
                return True
        elif price <= draft.mid:
            draft.quiet(price, FAR)
            return True
        return False


def _compare(
    wanted: frozenset[int], resting: dict[int, Slot], exits: dict[int, int], missing: list[int], odd: list[int]
) -> None:
    """Add what one side of the window lacks to `missing`, and what does not belong there to `odd`, each level once."""
    if not resting:
        missing += wanted
        return
    absent = wanted.difference(resting)
    if absent:
        missing += absent
    strange = set() if len(resting) + len(absent) == len(wanted) else set(resting).difference(wanted)
    if exits and not exits.keys().isdisjoint(resting):
        strange |= exits.keys() & resting.keys()
    if strange:
        odd += strange
