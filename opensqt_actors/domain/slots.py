"""Slots: what each lattice level holds and which order it has in flight. The only owner of both; no trading decision.

status: FREE (nothing in flight), PENDING (a place or a cancel was sent), LOCKED (an order rests on the venue).
position: signed steps. A fill is booked once, whenever it comes; a terminal order never comes back to life;
an event that the state cannot take changes nothing and is reported as an IllegalTransition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKey, OrderKind, decode
from opensqt_actors.domain.orders import Fill, OrderReport, Side

HISTORY = 8
KNOWN_TRADES = 4_096


class SlotStatus(StrEnum):
    """What a slot has in flight."""

    FREE = "free"
    PENDING = "pending"
    LOCKED = "locked"


class IllegalTransition(OpenSqtError):
    """A request or an event that the slot's state cannot take. Nothing changed."""

    code = "illegal_transition"


class WorkingOrder:
    """The order that a slot has in flight. price: ticks; quantity, filled, booked: steps; since: ns.

    filled: cumulative, as the venue reports it; booked: sum of the fills that were booked.
    terminal: no more can rest on the venue, but fills may still be missing.
    """

    __slots__ = (
        "booked", "buys", "cancelling", "client_id", "filled", "generation", "kind", "opens", "price", "quantity",
        "reduce_only", "since", "terminal", "venue_id",
    )  # fmt: skip

    def __init__(
        self,
        client_id: ClientId,
        kind: OrderKind,
        price: int,
        quantity: int,
        generation: int,
        since: int,
        reduce_only: bool = False,
    ) -> None:
        self.client_id = client_id
        self.kind = kind
        self.opens = kind.opens
        self.buys = kind.buys
        self.price = price
        self.quantity = quantity
        self.generation = generation
        self.since = since
        self.reduce_only = reduce_only
        self.filled = 0
        self.booked = 0
        self.venue_id = ""
        self.cancelling = False
        self.terminal = False

    @property
    def side(self) -> Side:
        """Direction of the order."""
        return Side.BUY if self.buys else Side.SELL

    @property
    def remaining(self) -> int:
        """Steps that may still fill."""
        return self.quantity - max(self.filled, self.booked)


class Slot:
    """One level. position: signed steps; cost: signed quanta paid for it; exit_level: where it is to be closed."""

    __slots__ = (
        "blocked_reason", "blocked_until", "cost", "exit_level", "generation", "history", "level", "order", "position",
        "realized", "refusals", "status",
    )  # fmt: skip

    def __init__(self, level: int, generation: int) -> None:
        self.level = level
        self.status = SlotStatus.FREE
        self.position = 0
        self.cost = 0
        self.realized = 0
        self.exit_level: int | None = None
        self.generation = generation
        self.order: WorkingOrder | None = None
        self.refusals = 0
        self.blocked_until = 0
        self.blocked_reason = ""
        self.history: deque[str] = deque(maxlen=HISTORY)


@dataclass(frozen=True, slots=True)
class Booked:
    """A fill that was booked: its slot, what it realised (quanta, before fees), and the round trip it ended, if any."""

    slot: Slot
    realized: int
    round_trip: int | None


class Slots:
    """All slots of one symbol, with the indexes that make a decision cost what changed and not what there is.

    floor: generations up to it were used. open_buys, open_sells: slots with an opening order in flight; held: slots
    with a position; idle: empty levels with nothing in flight; exit_orders: orders in flight that do not open;
    attention: held levels that have changed since a decision found nothing more to do about them.
    """

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
        self.exit_orders = 0
        self.orphans: set[ClientId] = set()
        self.changed: set[int] = set()
        self._trades: set[int] = set()
        self._trade_order: deque[int] = deque()
        for trade in sorted(known_trades):
            self._remember(trade)

    @property
    def working(self) -> int:
        """Orders in flight or resting."""
        return len(self.open_buys) + len(self.open_sells) + self.exit_orders

    # --- requests: what the strategy wants -----------------------------------------------------------------------

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
        if slot.status is not SlotStatus.FREE:
            raise self._illegal(slot, f"place {kind.name} while {slot.status.value}")
        slot.generation += 1
        client_id = self.coder.encode(level, kind, slot.generation)
        order = WorkingOrder(client_id, kind, price, quantity, slot.generation, now, reduce_only)
        slot.status = SlotStatus.PENDING
        self._give(slot, order)
        self._note(slot, f"place {kind.name} {quantity}@{price} gen {slot.generation}")
        return order

    def cancel(self, level: int, now: int) -> WorkingOrder:
        """LOCKED -> PENDING; the order leaves when the venue says so."""
        slot = self.slot(level)
        order = slot.order
        if slot.status is not SlotStatus.LOCKED or order is None:
            raise self._illegal(slot, f"cancel while {slot.status.value}")
        order.cancelling = True
        order.since = now
        slot.status = SlotStatus.PENDING
        self._note(slot, "cancel")
        return order

    # --- events: what the venue says ----------------------------------------------------------------------------------

    def report(self, report: OrderReport) -> Slot | None:
        """Take an order's state. Idempotent, in any order. Returns the slot when anything changed."""
        slot = self._owner(report.client_id)
        if slot is None:
            return None
        order = slot.order
        if order is None or order.client_id != report.client_id:
            if not report.status.terminal:
                self._late(slot, report)
            return None
        order.venue_id = order.venue_id or report.venue_id
        order.filled = max(order.filled, report.filled)
        if order.terminal:
            return self._settle(slot)
        if report.status.terminal:
            order.terminal = True
            self._note(slot, f"{report.status.value} filled {order.filled}")
            return self._settle(slot)
        if slot.status is SlotStatus.PENDING and not order.cancelling:
            slot.status = SlotStatus.LOCKED
            slot.refusals = 0
            self._note(slot, f"resting, venue id {order.venue_id}")
        self._touch(slot)
        return slot

    def fill(self, fill: Fill) -> Booked | None:
        """Book a fill on the slot that its client id names, once. None: known already, or not ours."""
        if self.knows(fill.trade_id):
            return None
        slot = self._owner(fill.client_id)
        if slot is None:
            return None
        self._remember(fill.trade_id)
        order = slot.order
        if order is not None and order.client_id == fill.client_id:
            order.booked += fill.quantity
            order.filled = max(order.filled, order.booked)
        booked = self.apply(slot, fill.side, fill.price, fill.quantity)
        self._note(slot, f"fill {fill.side.value} {fill.quantity}@{fill.price} trade {fill.trade_id}")
        if order is not None and order.client_id == fill.client_id:
            if order.booked >= order.quantity:
                order.terminal = True
            self._settle(slot)
        return booked

    def apply(self, slot: Slot, side: Side, price: int, quantity: int) -> Booked:
        """Change a slot's position at a price: same direction adds to its cost, opposite realises, beyond zero turns."""
        self._unsum(slot)
        signed = quantity if side is Side.BUY else -quantity
        realized = 0
        round_trip: int | None = None
        if slot.position and (slot.position > 0) != (signed > 0):
            closing = min(quantity, abs(slot.position))
            part = abs(slot.cost) * closing // abs(slot.position)
            if slot.position > 0:
                realized = closing * price - part
                slot.position -= closing
                slot.cost -= part
                signed += closing
            else:
                realized = part - closing * price
                slot.position += closing
                slot.cost += part
                signed -= closing
            slot.realized += realized
            if slot.position == 0:
                round_trip, slot.realized = slot.realized, 0
                self.release_exit(slot)
        if signed:
            slot.position += signed
            slot.cost += signed * price
        self._hold(slot)
        self._touch(slot)
        return Booked(slot, realized, round_trip)

    def refused(self, client_id: ClientId, reason: str) -> Slot | None:
        """The venue refused to take the order, or it was never sent: PENDING -> FREE."""
        slot = self._owner(client_id)
        if slot is None or slot.order is None or slot.order.client_id != client_id:
            return None
        if slot.order.booked or slot.status is not SlotStatus.PENDING or slot.order.cancelling:
            self.illegal += 1
            self._note(slot, f"illegal: refused ({reason}) while {slot.status.value}")
            return None
        self._note(slot, f"refused: {reason}")
        self._free(slot)
        return slot

    def cancel_failed(self, client_id: ClientId) -> Slot | None:
        """The cancel was certainly not carried out and the order rests on: PENDING -> LOCKED."""
        slot = self._owner(client_id)
        if slot is None or slot.order is None or slot.order.client_id != client_id or not slot.order.cancelling:
            return None
        slot.order.cancelling = False
        slot.status = SlotStatus.LOCKED
        self._note(slot, "cancel failed, still resting")
        self._touch(slot)
        return slot

    # --- exits -----------------------------------------------------------------------------------------------------------

    def reserve_exit(self, slot: Slot, distance: int) -> None:
        """Give a held slot the exit level `distance` away on its profitable side, or the next one that no exit has."""
        self.release_exit(slot)
        direction = 1 if slot.position > 0 else -1
        level = slot.level + direction * distance
        while level in self.exits:
            level += direction
        slot.exit_level = level
        self.exits[level] = slot.level
        self._touch(slot)

    def release_exit(self, slot: Slot) -> None:
        """Forget a slot's exit level."""
        if slot.exit_level is not None and self.exits.get(slot.exit_level) == slot.level:
            del self.exits[slot.exit_level]
        slot.exit_level = None

    # --- restoring and forgetting --------------------------------------------------------------------------------------

    def restore(self, level: int, position: int, cost: int, exit_level: int | None, generation: int) -> Slot:
        """Put a journalled slot back."""
        slot = self.by_level[level] = Slot(level, max(generation, 0))
        slot.position = position
        slot.cost = cost
        self._hold(slot)
        if position and exit_level is not None:
            direction = 1 if position > 0 else -1
            while exit_level in self.exits:
                exit_level += direction
            slot.exit_level = exit_level
            self.exits[exit_level] = level
        self._touch(slot)
        return slot

    def restore_order(self, key: OrderKey, order: WorkingOrder, status: SlotStatus) -> bool:
        """Put a journalled live order back on its slot. False when the slot has a newer one already."""
        slot = self.slot(key.level)
        slot.generation = max(slot.generation, key.generation)
        if slot.order is not None:
            return False
        slot.status = status
        self._give(slot, order)
        self._touch(slot)
        return True

    def drop(self, level: int) -> None:
        """Forget a FREE, empty slot; its generation stays used. It counts as changed: it may have been written down."""
        slot = self.by_level.get(level)
        if slot is None or slot.status is not SlotStatus.FREE or slot.position:
            return
        self.floor = max(self.floor, slot.generation)
        self.changed.add(level)
        self.idle.discard(level)
        del self.by_level[level]

    def knows(self, trade_id: int) -> bool:
        """Whether a trade was booked. Older than the bounded memory counts as booked."""
        if trade_id in self._trades:
            return True
        return len(self._trade_order) >= KNOWN_TRADES and trade_id < self._trade_order[0]

    # --- inside -----------------------------------------------------------------------------------------------------------

    def _owner(self, client_id: ClientId) -> Slot | None:
        key = decode(client_id)
        if key is None or key.symbol != self.coder.symbol or key.instance != self.coder.instance:
            return None
        slot = self.slot(key.level)
        slot.generation = max(slot.generation, key.generation)
        return slot

    def _late(self, slot: Slot, report: OrderReport) -> None:
        """An order rests although its slot has moved on: whoever owns these slots has it cancelled."""
        self._note(slot, f"late report {report.status.value} of {report.client_id}")
        self.orphans.add(report.client_id)

    def _settle(self, slot: Slot) -> Slot:
        order = slot.order
        if order is not None and order.terminal and order.booked >= order.filled:
            self._free(slot)
        else:
            if order is not None and order.terminal:
                slot.status = SlotStatus.PENDING
            self._touch(slot)
        return slot

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
        if order is not None:
            if not order.opens:
                self.exit_orders -= 1
            elif order.buys:
                del self.open_buys[slot.level]
            else:
                del self.open_sells[slot.level]
        slot.order = None
        slot.status = SlotStatus.FREE
        if not slot.position:
            self.idle.add(slot.level)
        self._touch(slot)

    def _touch(self, slot: Slot) -> None:
        """A slot has changed: it is to be written down, and looked at by the next decision."""
        self.changed.add(slot.level)
        if slot.position:
            self.attention.add(slot.level)

    def _sum(self, slot: Slot, sign: int = 1) -> None:
        self.position += sign * slot.position
        if slot.position > 0:
            self.long_cost += sign * slot.cost
        else:
            self.short_cost -= sign * slot.cost

    def _unsum(self, slot: Slot) -> None:
        self._sum(slot, -1)

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

    def _remember(self, trade_id: int) -> None:
        self._trades.add(trade_id)
        self._trade_order.append(trade_id)
        if len(self._trade_order) > KNOWN_TRADES:
            self._trades.discard(self._trade_order.popleft())

    def _note(self, slot: Slot, text: str) -> None:
        slot.history.append(text)
        self._touch(slot)

    def _illegal(self, slot: Slot, text: str) -> IllegalTransition:
        self.illegal += 1
        return IllegalTransition(f"level {slot.level}: cannot {text}; history: {'; '.join(slot.history) or 'none'}")
