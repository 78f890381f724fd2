"""Slots against a model venue whose news comes in any order, late, twice: nothing lost, nothing doubled."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.examples import examples

from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.slots import Slots, SlotStatus, WorkingOrder

NOW = 10**18
LEVELS = st.integers(-3, 3)
PICK = st.integers(0, 10**6)


@dataclass
class AtVenue:
    """An order as the venue has it. status None: the request is on its way."""

    order: WorkingOrder
    level: int
    venue_id: str
    status: OrderStatus | None = None
    executed: int = 0
    cancel_asked: bool = False


class SlotsMachine(RuleBasedStateMachine):
    """The trading side asks by its own state; the venue answers by its own."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(IdCoder("aa", 7))
        self.venue: list[AtVenue] = []
        self.news: list[OrderReport | Fill | str] = []
        self.trades = 0
        self.position = 0
        self.cash = 0
        self.booked_cash = 0
        self.realized = 0

    # --- the trading side --------------------------------------------------------------------------------------------

    @rule(level=LEVELS, quantity=st.integers(1, 9), price=st.integers(90, 110), buys=st.booleans())
    def place(self, level: int, quantity: int, price: int, buys: bool) -> None:
        slot = self.slots.slot(level)
        if slot.status is not SlotStatus.FREE:
            return
        if slot.position:
            kind = OrderKind.EXIT_SELL if slot.position > 0 else OrderKind.EXIT_BUY
            quantity = abs(slot.position)
        else:
            kind = OrderKind.OPEN_BUY if buys else OrderKind.OPEN_SELL
        order = self.slots.place(level, kind, price, quantity, NOW)
        assert all(order.client_id != other.order.client_id for other in self.venue)
        self.venue.append(AtVenue(order, level, f"v{len(self.venue)}"))

    @rule(level=LEVELS)
    def cancel(self, level: int) -> None:
        slot = self.slots.slot(level)
        if slot.status is SlotStatus.LOCKED:
            order = self.slots.cancel(level, NOW)
            next(a for a in self.venue if a.order is order).cancel_asked = True

    @rule(level=LEVELS)
    def forget(self, level: int) -> None:
        self.slots.drop(level)

    # --- the venue ---------------------------------------------------------------------------------------------------

    def pick(self, number: int, *statuses: OrderStatus | None) -> AtVenue | None:
        found = [at for at in self.venue if at.status in statuses]
        return found[number % len(found)] if found else None

    def tell(self, at: AtVenue) -> None:
        assert at.status is not None
        order = at.order
        self.news.append(
            OrderReport(
                order.client_id, "XUSDT", at.venue_id, order.side, at.status, order.price, order.quantity, at.executed,
                NOW,
            )
        )  # fmt: skip

    @rule(number=PICK)
    def accept(self, number: int) -> None:
        at = self.pick(number, None)
        if at is not None:
            at.status = OrderStatus.NEW
            self.tell(at)

    @rule(number=PICK)
    def refuse(self, number: int) -> None:
        at = self.pick(number, None)
        if at is not None:
            at.status = OrderStatus.REJECTED
            self.news.append(at.order.client_id)

    @rule(number=PICK, quantity=st.integers(1, 9), better=st.integers(0, 2))
    def trade(self, number: int, quantity: int, better: int) -> None:
        at = self.pick(number, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        if at is None:
            return
        order = at.order
        quantity = min(quantity, order.quantity - at.executed)
        at.executed += quantity
        at.status = OrderStatus.FILLED if at.executed == order.quantity else OrderStatus.PARTIALLY_FILLED
        self.trades += 1
        sign = 1 if order.side is Side.BUY else -1
        price = order.price - sign * better
        self.position += sign * quantity
        self.cash -= sign * quantity * price
        fill = Fill(
            "XUSDT", self.trades, order.client_id, at.venue_id, order.side, price, quantity, Decimal(0), "USDT", True,
            NOW,
        )  # fmt: skip
        self.news.append(fill)
        self.tell(at)

    @rule(number=PICK)
    def take_cancel(self, number: int) -> None:
        at = self.pick(number, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        if at is not None and at.cancel_asked:
            at.status = OrderStatus.CANCELED
            self.tell(at)

    @rule(number=PICK)
    def expire(self, number: int) -> None:
        at = self.pick(number, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        if at is not None:
            at.status = OrderStatus.EXPIRED
            self.tell(at)

    @rule(number=PICK)
    def fail_cancel(self, number: int) -> None:
        at = self.pick(number, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        if at is not None and at.cancel_asked:
            at.cancel_asked = False
            self.slots.cancel_failed(at.order.client_id)

    # --- the news ----------------------------------------------------------------------------------------------------

    def deliver(self, item: OrderReport | Fill | str) -> None:
        if isinstance(item, OrderReport):
            self.slots.report(item)
        elif isinstance(item, Fill):
            booked = self.slots.fill(item)
            if booked is not None:
                self.realized += booked.realized
                self.booked_cash -= (1 if item.side is Side.BUY else -1) * item.price * item.quantity
        else:
            self.slots.refused(item, "no")  # type: ignore[arg-type]

    @precondition(lambda self: self.news)
    @rule(number=PICK)
    def hear(self, number: int) -> None:
        self.deliver(self.news.pop(number % len(self.news)))

    @precondition(lambda self: self.news)
    @rule(number=PICK)
    def hear_twice(self, number: int) -> None:
        item = self.news[number % len(self.news)]
        if not isinstance(item, str):
            self.deliver(item)

    # --- what holds at every moment ----------------------------------------------------------------------------------

    @invariant()
    def sums_are_what_the_slots_hold(self) -> None:
        held = [slot for slot in self.slots.by_level.values() if slot.position]
        assert self.slots.position == sum(slot.position for slot in held)
        assert self.slots.long_cost == sum(slot.cost for slot in held if slot.position > 0)
        assert self.slots.short_cost == -sum(slot.cost for slot in held if slot.position < 0)
        assert set(self.slots.held) == {slot.level for slot in held}
        assert all((slot.position == 0) == (slot.cost == 0) for slot in self.slots.by_level.values())

    @invariant()
    def indexes_are_what_the_slots_have_in_flight(self) -> None:
        orders = {level: slot.order for level, slot in self.slots.by_level.items() if slot.order is not None}
        opening = {level: order for level, order in orders.items() if order.opens}
        assert set(self.slots.open_buys) == {level for level, order in opening.items() if order.buys}
        assert set(self.slots.open_sells) == {level for level, order in opening.items() if not order.buys}
        assert self.slots.exit_orders == len(orders) - len(opening)
        assert self.slots.working == len(orders)
        empty = {k for k, slot in self.slots.by_level.items() if slot.order is None and not slot.position}
        assert self.slots.idle == empty

    @invariant()
    def a_slot_is_free_exactly_when_it_has_no_order(self) -> None:
        for slot in self.slots.by_level.values():
            assert (slot.status is SlotStatus.FREE) is (slot.order is None)

    @invariant()
    def money_is_conserved(self) -> None:
        assert self.realized - (self.slots.long_cost - self.slots.short_cost) == self.booked_cash

    @invariant()
    def nothing_that_the_venue_really_does_is_illegal(self) -> None:
        assert self.slots.illegal == 0

    @invariant()
    def no_order_of_a_confirmed_slot_is_an_orphan(self) -> None:
        assert not self.slots.slotless.orphans

    def teardown(self) -> None:
        """Once everything has been heard the slots are what the venue is."""
        while self.news:
            self.deliver(self.news.pop())
        assert self.slots.position == self.position
        assert self.booked_cash == self.cash
        for at in self.venue:
            slot = self.slots.by_level.get(at.level)
            mine = slot is not None and slot.order is at.order
            over = at.status is not None and at.status.terminal
            assert mine is not over
            if slot is not None and mine and at.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED):
                assert at.order.booked == at.order.filled == at.executed
        super().teardown()


SlotsMachine.TestCase.settings = examples(60, stateful_step_count=60, deadline=None)
TestSlots = SlotsMachine.TestCase
