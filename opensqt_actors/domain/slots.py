"""Slots: what each lattice level holds and which order it has in flight. The only owner of both; no trading decision.

status: FREE (nothing in flight), PENDING (a place or a cancel was sent), LOCKED (an order rests on the venue).
position: signed steps. A fill is booked once, whenever it comes; a terminal order never comes back to life;
an event that the state cannot take changes nothing and is counted as illegal.
"""

from __future__ import annotations

from collections.abc import Iterable

from opensqt_actors.domain.booked_trades import BookedTrades
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind, decode
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.slot import (
    FREE,
    LOCKED,
    PENDING,
    Booked,
    IllegalTransition,
    Slot,
    SlotStatus,
    WorkingOrder,
)
from opensqt_actors.domain.slotless import SlotlessOrders

__all__ = ["Booked", "IllegalTransition", "Slot", "SlotStatus", "Slots", "WorkingOrder"]


class Slots:
    """All slots of one symbol, with the indexes that make a decision cost what changed and not what there is.

    floor: generations up to it were used. open_buys, open_sells: slots with an opening order in flight; held: slots
    with a position; idle: empty levels with nothing in flight; exit_orders: orders in flight that do not open;
    attention: held levels that have changed since a decision found nothing more to do about them; bare: levels that a
    correction has emptied although their exit may still rest.

    changed: levels to be written down; outrun: those whose generation came from the venue, and is to be written down as
    well; moved: orders whose state changed, by client id. Whoever owns the slots empties these three.
    slotless: orders that no slot has; trades: what was booked.
    """

    __slots__ = (
        "attention", "bare", "by_level", "changed", "coder", "exit_orders", "exits", "floor", "held", "idle", "illegal",
        "long_cost", "moved", "open_buys", "open_sells", "outrun", "position", "short_cost", "slotless", "trades",
    )  # fmt: skip

    def __init__(self, coder: IdCoder, generation_floor: int = 0, known_trades: Iterable[int] = ()) -> None:
        self.coder = coder
        self.by_level: dict[int, Slot] = {}
        self.exits: dict[int, int] = {}
        self.floor = generation_floor
        self.long_cost = 0
        self.short_cost = 0
        self.position = 0
        self.illegal = 0
        self.open_buys: dict[int, Slot] = {}
        self.open_sells: dict[int, Slot] = {}
        self.held: dict[int, Slot] = {}
        self.idle: set[int] = set()
        self.attention: set[int] = set()
        self.bare: set[int] = set()
        self.exit_orders = 0
        self.changed: set[int] = set()
        self.outrun: set[int] = set()
        self.moved: dict[ClientId, WorkingOrder] = {}
        self.slotless = SlotlessOrders()
        self.trades = BookedTrades(known_trades)

    @property
    def working(self) -> int:
        """Orders in flight or resting."""
        return len(self.open_buys) + len(self.open_sells) + self.exit_orders

    # --- requests: what the strategy wants ---------------------------------------------------------------------------

    def slot(self, level: int) -> Slot:
        """The slot of a level, made on demand."""
        slot = self.by_level.get(level)
        if slot is None:
            slot = self.by_level[level] = Slot(level, self.floor)
            self.idle.add(level)
        return slot

    def place(
        self, level: int, kind: OrderKind, price: int, quantity: int, now: int, reduce_only: bool = False
    ) -> WorkingOrder:
        """FREE -> PENDING with a fresh client id."""
        slot = self.slot(level)
        if slot.status is not FREE:
            raise self._illegal(slot, f"place {kind.name} while {slot.status.value}")
        client_id = self.coder.encode(level, kind, slot.generation + 1)
        slot.generation += 1
        order = WorkingOrder(client_id, kind, price, quantity, slot.generation, now, reduce_only)
        slot.status = PENDING
        self._give(slot, order)
        self._note(slot, "place {0.name} {1}@{2} gen {3}", kind, quantity, price, slot.generation)
        return order

    def adopt(self, report: OrderReport, kind: OrderKind, generation: int, now: int, reduce_only: bool) -> WorkingOrder:
        """Take a stranger that its FREE slot wants: FREE -> PENDING; it is LOCKED when the venue's word comes again."""
        slot = self._owner(report.client_id)
        if slot is None or slot.status is not FREE or report.client_id not in self.slotless.strangers:
            raise self._illegal(slot or Slot(0, 0), f"adopt {report.client_id}")
        del self.slotless.strangers[report.client_id]
        order = WorkingOrder(report.client_id, kind, report.price, report.quantity, generation, now, reduce_only)
        order.venue_id = report.venue_id
        order.unwritten = True
        slot.status = PENDING
        self._give(slot, order)
        self._note(slot, "adopt {0.name} {1}@{2} gen {3}", kind, report.quantity, report.price, generation)
        return order

    def cancel(self, level: int, now: int) -> WorkingOrder:
        """LOCKED -> PENDING; the order leaves when the venue says so."""
        slot = self.slot(level)
        order = slot.order
        if slot.status is not LOCKED or order is None:
            raise self._illegal(slot, f"cancel while {slot.status.value}")
        order.cancelling = True
        order.since = now
        slot.status = PENDING
        self._note(slot, "cancel")
        return order

    # --- events: what the venue says ---------------------------------------------------------------------------------

    def report(self, report: OrderReport) -> Slot | None:
        """Take an order's state. Idempotent, in any order. Returns the slot when it has this order."""
        slot = self._owner(report.client_id)
        if slot is None:
            return None
        order = slot.order
        if order is None or order.client_id != report.client_id:
            if self.slotless.report(report):
                self._note(slot, "late report {} of {}", report.status, report.client_id)
            return None
        before = (order.venue_id, order.ended, order.seen, order.filled)
        order.venue_id = order.venue_id or report.venue_id
        order.filled = max(order.filled, report.filled)
        if order.restored and report.price:
            order.price = report.price  # an earlier life may have sent it once more, at another price
        if report.status.terminal:
            if order.ended is None:
                order.ended = report.status
                order.reason = report.reason
                self._note(slot, "{} filled {}", report.status, order.filled)
        elif report.status is not OrderStatus.PENDING:
            order.seen = True
        if before != (order.venue_id, order.ended, order.seen, order.filled):
            self.moved[order.client_id] = order
        if order.ended is not None:
            self._settle(slot, order)
        elif order.seen and slot.status is PENDING and not order.cancelling:
            slot.status = LOCKED
            slot.accepted()
            self._note(slot, "resting, venue id {}", order.venue_id)
        return slot

    def fill(self, fill: Fill) -> Booked | None:
        """Book a fill on the slot that its client id names, once. None: known already, or not ours."""
        if self.trades.knows(fill.trade_id, fill.side):
            return None
        slot = self._owner(fill.client_id)
        if slot is None:
            return None
        self.trades.remember(fill.trade_id, fill.side)
        booked = self.apply(slot, fill.side, fill.price, fill.quantity)
        self._note(slot, "fill {} {}@{} trade {}", fill.side, fill.quantity, fill.price, fill.trade_id)
        order = slot.order
        if order is not None and order.client_id == fill.client_id:
            order.booked += fill.quantity
            order.filled = max(order.filled, order.booked)
            order.venue_id = order.venue_id or fill.venue_id
            self.moved[order.client_id] = order
            if order.ended is None and order.booked >= order.quantity:
                order.ended = OrderStatus.FILLED
            if order.ended is not None:
                self._settle(slot, order)
        return booked

    def apply(self, slot: Slot, side: Side, price: int, quantity: int) -> Booked:
        """Change a slot's position: the same direction adds to its cost, the opposite realises, beyond zero turns."""
        self._sum(slot, -1)
        signed = quantity if side is Side.BUY else -quantity
        realized = 0
        round_trip: int | None = None
        if slot.position and (slot.position > 0) != (signed > 0):
            direction = 1 if slot.position > 0 else -1
            closing = min(quantity, abs(slot.position))
            part = abs(slot.cost) * closing // abs(slot.position)
            realized = direction * (closing * price - part)
            slot.position -= direction * closing
            slot.cost -= direction * part
            signed += direction * closing
            slot.realized += realized
            if slot.position == 0:
                round_trip, slot.realized = slot.realized, 0
                self.release_exit(slot)
        if signed:
            slot.position += signed
            slot.cost += signed * price
        self._hold(slot)
        self.changed.add(slot.level)
        self._touch(slot)
        return Booked(slot, realized, round_trip)

    def correct(self, slot: Slot, side: Side, price: int, quantity: int) -> Booked:
        """Change a slot's position although no order of ours did. An exit that it had has nothing to close then."""
        booked = self.apply(slot, side, price, quantity)
        if not slot.position and slot.order is not None and not slot.order.opens:
            self.bare.add(slot.level)
        self._note(slot, f"corrected {side.value} {quantity}@{price}")
        return booked

    def refused(self, client_id: ClientId, reason: str) -> Slot | None:
        """The venue refused to take the order, or it was never sent: PENDING -> FREE."""
        slot = self.holder(client_id)
        order = slot.order if slot is not None else None
        if slot is None or order is None:
            return None
        if order.booked or slot.status is not PENDING or order.ended is not None:
            self.illegal += 1
            self._note(slot, "illegal: refused ({}) while {}", reason, slot.status.value)
            return None
        order.ended = OrderStatus.REJECTED
        order.reason = reason
        self.moved[client_id] = order
        self.slotless.give_up(client_id, written=not order.unwritten)
        self._note(slot, "refused: {}", reason)
        self._free(slot)
        return slot

    def cancel_failed(self, client_id: ClientId) -> Slot | None:
        """The cancel was certainly not carried out and the order rests on: PENDING -> LOCKED."""
        slot = self.holder(client_id)
        order = slot.order if slot is not None else None
        if slot is None or order is None or not order.cancelling or order.ended is not None:
            return None
        order.cancelling = False
        slot.status = LOCKED
        self._note(slot, "cancel failed, still resting")
        return slot

    def written(self, client_id: ClientId) -> None:
        """The intent of an adopted order is durable: what becomes of the order may be written from now on."""
        slot = self.holder(client_id)
        order = slot.order if slot is not None else self.moved.get(client_id)
        if order is not None:
            order.unwritten = False

    # --- exits -------------------------------------------------------------------------------------------------------

    def reserve_exit(self, slot: Slot, distance: int) -> None:
        """Give a held slot the exit level `distance` away on its profitable side, or the next one that no exit has."""
        self.release_exit(slot)
        direction = 1 if slot.position > 0 else -1
        level = slot.level + direction * distance
        while level in self.exits:
            level += direction
        slot.exit_level = level
        self.exits[level] = slot.level
        self.changed.add(slot.level)

    def release_exit(self, slot: Slot) -> None:
        """Forget a slot's exit level."""
        if slot.exit_level is not None and self.exits.get(slot.exit_level) == slot.level:
            del self.exits[slot.exit_level]
        slot.exit_level = None

    def join(self, source: Slot, target: Slot) -> None:
        """Move what a FREE slot holds, with its exact cost, to another one that holds the same side."""
        if source.status is not FREE or source is target or source.position * target.position <= 0:
            raise self._illegal(source, f"join level {target.level} while {source.status.value}")
        for slot in (source, target):
            self._sum(slot, -1)
            self.changed.add(slot.level)
        self._note(target, "joined by {} of level {}", source.position, source.level)
        self._note(source, "joined to level {}", target.level)
        target.position, source.position = target.position + source.position, 0
        target.cost, source.cost = target.cost + source.cost, 0
        target.realized, source.realized = target.realized + source.realized, 0
        self.release_exit(source)
        self._hold(target)
        self._hold(source)

    # --- restoring and forgetting ------------------------------------------------------------------------------------

    def restore(self, level: int, position: int, cost: int, exit_level: int | None, generation: int) -> Slot:
        """Put a journalled slot back. Its generation may be older than its newest order's: the floor is not."""
        slot = self.by_level[level] = Slot(level, max(generation, self.floor))
        slot.position = position
        slot.cost = cost
        self._hold(slot)
        if position and exit_level is not None:
            self.reserve_exit(slot, abs(exit_level - level))
        self.changed.add(level)
        self._touch(slot)
        return slot

    def restore_order(self, level: int, order: WorkingOrder) -> bool:
        """Put a journalled live order back on its slot, PENDING. False when the slot has an order already."""
        slot = self.slot(level)
        slot.generation = max(slot.generation, order.generation)
        if slot.order is not None:
            self.slotless.give_up(order.client_id)
            return False
        slot.status = PENDING
        self._give(slot, order)
        if not order.opens and not slot.position:
            self.bare.add(level)
        self._note(slot, "restored {0.name} {1}@{2} gen {3}", order.kind, order.quantity, order.price, order.generation)
        return True

    def drop(self, level: int) -> None:
        """Forget a FREE, empty slot; its generation stays used."""
        slot = self.by_level.get(level)
        if slot is None or slot.status is not FREE or slot.position:
            return
        self.floor = max(self.floor, slot.generation)
        self.idle.discard(level)
        del self.by_level[level]

    # --- looks -------------------------------------------------------------------------------------------------------

    def orders(self) -> list[WorkingOrder]:
        """Every order in flight."""
        return [slot.order for slot in self.by_level.values() if slot.order is not None]

    def holder(self, client_id: ClientId) -> Slot | None:
        """The slot whose order in flight this is."""
        key = decode(client_id)
        slot = None if key is None else self.by_level.get(key.level)
        return slot if slot is not None and slot.order is not None and slot.order.client_id == client_id else None

    # --- inside ------------------------------------------------------------------------------------------------------

    def _owner(self, client_id: ClientId) -> Slot | None:
        key = decode(client_id)
        if key is None or key.symbol != self.coder.symbol or key.instance != self.coder.instance:
            return None
        if 0 < self.coder.epoch < key.epoch:
            return None  # its next owner's: this one is not to know better
        slot = self.slot(key.level)
        if key.generation > slot.generation:
            slot.generation = key.generation
            self.outrun.add(key.level)
        return slot

    def _settle(self, slot: Slot, order: WorkingOrder) -> None:
        """An ended order leaves its slot when every fill of it is booked."""
        if order.booked >= order.filled:
            self._free(slot)
        else:
            slot.status = PENDING
            self._touch(slot)

    def _give(self, slot: Slot, order: WorkingOrder) -> None:
        """Put an order on a slot that has none."""
        slot.order = order
        self.idle.discard(slot.level)
        if not order.opens:
            self.exit_orders += 1
        elif order.buys:
            self.open_buys[slot.level] = slot
        else:
            self.open_sells[slot.level] = slot

    def _free(self, slot: Slot) -> None:
        order = slot.order
        if order is None:
            return
        if not order.opens:
            self.exit_orders -= 1
        elif order.buys:
            del self.open_buys[slot.level]
        else:
            del self.open_sells[slot.level]
        if order.ended is not OrderStatus.REJECTED:
            self.slotless.end(order.client_id, order.venue_id)
        slot.order = None
        slot.status = FREE
        if not slot.position:
            self.idle.add(slot.level)
        self._touch(slot)

    def _touch(self, slot: Slot) -> None:
        """A held slot has changed: the next decision looks at it."""
        if slot.position:
            self.attention.add(slot.level)

    def _hold(self, slot: Slot) -> None:
        """Bring sums and indexes in line with a slot's position."""
        self._sum(slot)
        if slot.position:
            self.held[slot.level] = slot
            self.idle.discard(slot.level)
            return
        self.held.pop(slot.level, None)
        self.attention.discard(slot.level)
        if slot.order is None:
            self.idle.add(slot.level)

    def _sum(self, slot: Slot, sign: int = 1) -> None:
        self.position += sign * slot.position
        if slot.position > 0:
            self.long_cost += sign * slot.cost
        else:
            self.short_cost -= sign * slot.cost

    def _note(self, slot: Slot, text: str, *parts: object) -> None:
        """Remember what happened; `text` is a format for `parts`."""
        slot.notes.append((text, *parts))
        self._touch(slot)

    def _illegal(self, slot: Slot, text: str) -> IllegalTransition:
        self.illegal += 1
        return IllegalTransition(f"level {slot.level}: cannot {text}; history: {'; '.join(slot.history) or 'none'}")
