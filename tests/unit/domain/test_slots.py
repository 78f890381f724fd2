"""What a slot takes and what it refuses, one case at a time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.slotless import KNOWN_ENDS
from opensqt_actors.domain.slots import IllegalTransition, Slots, SlotStatus, WorkingOrder

NOW = 10**18


def slots(**given: object) -> Slots:
    return Slots(IdCoder("aa", 7), **given)  # type: ignore[arg-type]


def report(order: WorkingOrder, status: OrderStatus, filled: int = 0, venue_id: str = "v1") -> OrderReport:
    return OrderReport(
        order.client_id, "XUSDT", venue_id, order.side, status, order.price, order.quantity, filled, NOW, "why"
    )


def fill(order: WorkingOrder, trade_id: int, quantity: int, price: int | None = None) -> Fill:
    return Fill(
        "XUSDT", trade_id, order.client_id, "v1", order.side, price or order.price, quantity, Decimal(0), "USDT", True,
        NOW,
    )  # fmt: skip


def resting(of: Slots, level: int = 0, kind: OrderKind = OrderKind.OPEN_BUY, quantity: int = 10) -> WorkingOrder:
    order = of.place(level, kind, 100, quantity, NOW)
    of.report(report(order, OrderStatus.NEW))
    return order


def test_an_order_is_pending_until_the_venue_confirms_it() -> None:
    book = slots()
    order = book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
    assert book.slot(0).status is SlotStatus.PENDING
    assert order.status is OrderStatus.PENDING
    book.report(report(order, OrderStatus.NEW))
    assert book.slot(0).status is SlotStatus.LOCKED
    assert order.status is OrderStatus.NEW
    assert book.working == 1


def test_a_slot_takes_one_order_at_a_time() -> None:
    book = slots()
    resting(book)
    with pytest.raises(IllegalTransition, match="place EXIT_SELL while locked") as error:
        book.place(0, OrderKind.EXIT_SELL, 110, 5, NOW)
    assert error.value.code == "illegal_transition"
    assert book.illegal == 1
    assert book.working == 1


def test_only_a_resting_order_can_be_cancelled() -> None:
    book = slots()
    with pytest.raises(IllegalTransition, match="history: none"):
        book.cancel(0, NOW)
    book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
    with pytest.raises(IllegalTransition, match="cancel while pending"):
        book.cancel(0, NOW)


def test_a_full_fill_frees_the_slot_and_leaves_its_position() -> None:
    book = slots()
    order = resting(book)
    booked = book.fill(fill(order, 1, 10))
    assert booked is not None
    slot = book.slot(0)
    assert (slot.status, slot.position, slot.cost, slot.order) == (SlotStatus.FREE, 10, 1_000, None)
    assert order.status is OrderStatus.FILLED
    assert book.long_cost == 1_000
    assert book.working == 0


def test_a_cancelled_partial_fill_keeps_its_position() -> None:
    book = slots()
    order = resting(book)
    book.fill(fill(order, 1, 4))
    book.cancel(0, NOW)
    book.report(report(order, OrderStatus.CANCELED, 4))
    assert book.slot(0).status is SlotStatus.FREE
    assert book.slot(0).position == 4
    assert order.status is OrderStatus.CANCELED


def test_an_end_whose_fills_are_missing_waits_for_them() -> None:
    book = slots()
    order = resting(book)
    book.report(report(order, OrderStatus.FILLED, 10))
    assert book.slot(0).status is SlotStatus.PENDING
    assert order.status is OrderStatus.NEW
    book.fill(fill(order, 1, 4))
    assert order.status is OrderStatus.PARTIALLY_FILLED
    book.fill(fill(order, 2, 6))
    assert book.slot(0).status is SlotStatus.FREE
    assert order.status is OrderStatus.FILLED


def test_a_fill_may_come_before_the_answer() -> None:
    book = slots()
    order = book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
    book.fill(fill(order, 1, 10))
    assert book.slot(0).status is SlotStatus.FREE
    book.report(report(order, OrderStatus.NEW))
    assert book.slot(0).status is SlotStatus.FREE
    assert not book.slotless.orphans


def test_a_fill_is_booked_once() -> None:
    book = slots()
    order = resting(book)
    assert book.fill(fill(order, 1, 4)) is not None
    assert book.fill(fill(order, 1, 4)) is None
    assert book.slot(0).position == 4


def test_both_sides_of_a_trade_with_oneself_are_booked() -> None:
    book = slots()
    buy = resting(book, 0, OrderKind.OPEN_BUY)
    sell = resting(book, 5, OrderKind.OPEN_SELL)
    assert book.fill(fill(buy, 1, 10)) is not None
    assert book.fill(fill(sell, 1, 10)) is not None
    assert book.position == 0


def test_a_fill_of_somebody_else_is_not_booked() -> None:
    book = slots()
    order = resting(book)
    for foreign in ("web_1", "sqbb0070000000b0001", "sqaa0080000000b0001"):
        assert book.fill(replace(fill(order, 1, 4), client_id=ClientId(foreign))) is None
        assert book.report(replace(report(order, OrderStatus.NEW), client_id=ClientId(foreign))) is None
    assert book.position == 0
    assert not book.trades.knows(1, Side.BUY)


def test_a_terminal_order_never_comes_back_to_life() -> None:
    book = slots()
    order = resting(book)
    book.cancel(0, NOW)
    book.report(report(order, OrderStatus.CANCELED))
    book.report(report(order, OrderStatus.NEW))
    book.report(report(order, OrderStatus.PARTIALLY_FILLED, 3))
    assert book.slot(0).status is SlotStatus.FREE
    assert not book.slotless.orphans


def test_a_cumulative_fill_never_falls() -> None:
    book = slots()
    order = resting(book)
    book.report(report(order, OrderStatus.PARTIALLY_FILLED, 6))
    book.report(report(order, OrderStatus.NEW, 0))
    assert order.filled == 6
    assert order.remaining == 4


def test_a_refused_order_frees_its_slot_and_says_why() -> None:
    book = slots()
    order = book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
    slot = book.refused(order.client_id, "margin")
    assert slot is book.slot(0)
    assert slot.status is SlotStatus.FREE
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "margin")
    assert book.moved == {order.client_id: order}


def test_a_refusal_of_a_resting_order_is_illegal_and_changes_nothing() -> None:
    book = slots()
    order = resting(book)
    assert book.refused(order.client_id, "late") is None
    assert book.illegal == 1
    assert book.slot(0).status is SlotStatus.LOCKED


def test_a_refusal_of_another_order_is_ignored() -> None:
    book = slots()
    order = resting(book)
    assert book.refused(ClientId("web_1"), "late") is None
    assert book.refused(IdCoder("aa", 7).encode(0, OrderKind.OPEN_BUY, 99), "late") is None
    assert book.cancel_failed(order.client_id) is None
    assert book.illegal == 0


def test_an_order_that_was_refused_and_rests_all_the_same_is_an_orphan() -> None:
    book = slots()
    order = book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
    book.refused(order.client_id, "timed out, they said")
    book.report(report(order, OrderStatus.NEW))
    assert book.slotless.orphans == {order.client_id}
    assert book.slotless.late[order.client_id].status is OrderStatus.NEW
    booked = book.fill(fill(order, 1, 3))
    assert booked is not None
    assert book.slot(0).position == 3


def stranger(book: Slots, level: int = 0, generation: int = 40) -> OrderReport:
    """An order of these slots' symbol that they have never had, as the venue tells it."""
    client_id = book.coder.encode(level, OrderKind.OPEN_BUY, generation)
    return OrderReport(client_id, "XUSDT", "v9", Side.BUY, OrderStatus.NEW, 100, 10, 0, NOW)


def test_an_order_that_the_slots_have_never_had_is_a_stranger_until_it_ends_or_is_disowned() -> None:
    book = slots()
    first, second = stranger(book), stranger(book, 1)
    book.report(first)
    book.report(second)
    assert set(book.slotless.strangers) == {first.client_id, second.client_id}
    assert not book.slotless.orphans
    assert not book.slotless.late, "what the journal does not know needs no news of it"
    book.report(replace(first, status=OrderStatus.CANCELED))
    book.slotless.disown(second.client_id)
    assert not book.slotless.strangers
    assert book.slotless.orphans == {second.client_id}
    book.report(second)
    assert not book.slotless.strangers
    assert not book.slotless.late
    book.report(replace(second, filled=2))
    assert (set(book.slotless.late), book.slotless.unwritten) == ({second.client_id}, {second.client_id})


def test_the_fills_of_a_stranger_are_booked_and_its_intent_is_to_be_written() -> None:
    book = slots()
    unknown = stranger(book)
    book.report(replace(unknown, filled=3, status=OrderStatus.PARTIALLY_FILLED))
    assert book.slotless.late[unknown.client_id].filled == 3
    assert book.slotless.unwritten == {unknown.client_id}


def test_a_free_slot_adopts_a_stranger_and_its_next_order_has_a_newer_generation() -> None:
    book = slots()
    unknown = stranger(book)
    book.report(unknown)
    order = book.adopt(unknown, OrderKind.OPEN_BUY, 40, NOW, reduce_only=False)
    assert (book.slot(0).status, book.working, book.slotless.strangers) == (SlotStatus.PENDING, 1, {})
    book.report(unknown)
    assert book.slot(0).status is SlotStatus.LOCKED
    assert (order.seen, order.venue_id) == (True, "v9")
    book.report(replace(unknown, status=OrderStatus.CANCELED))
    assert book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW).generation == 41


@pytest.mark.parametrize("known", [True, False])
def test_a_slot_that_is_not_free_adopts_nothing(known: bool) -> None:
    book = slots()
    unknown = stranger(book)
    if known:
        book.report(unknown)
        resting(book)
    with pytest.raises(IllegalTransition, match="adopt"):
        book.adopt(unknown, OrderKind.OPEN_BUY, 40, NOW, reduce_only=False)
    assert book.illegal == 1


def test_a_twin_under_the_same_id_is_an_orphan() -> None:
    book = slots()
    order = resting(book)
    book.cancel(0, NOW)
    book.report(report(order, OrderStatus.CANCELED))
    book.report(report(order, OrderStatus.NEW, venue_id="v2"))
    assert book.slotless.orphans == {order.client_id}


def test_a_cancel_that_failed_leaves_the_order_resting() -> None:
    book = slots()
    order = resting(book)
    book.cancel(0, NOW)
    assert book.slot(0).status is SlotStatus.PENDING
    book.report(report(order, OrderStatus.NEW))
    assert book.slot(0).status is SlotStatus.PENDING
    assert book.cancel_failed(order.client_id) is book.slot(0)
    assert book.slot(0).status is SlotStatus.LOCKED


def test_a_cancel_cannot_fail_after_the_end() -> None:
    book = slots()
    order = resting(book)
    book.cancel(0, NOW)
    book.report(report(order, OrderStatus.FILLED, 10))
    assert book.cancel_failed(order.client_id) is None
    assert book.slot(0).status is SlotStatus.PENDING


def test_what_closes_is_realised_in_parts_and_ends_the_round_trip() -> None:
    book = slots()
    book.fill(fill(resting(book), 1, 10, price=101))
    book.reserve_exit(book.slot(0), 1)
    exit_order = resting(book, 0, OrderKind.EXIT_SELL)
    first = book.fill(fill(exit_order, 2, 4, price=111))
    assert first is not None
    assert (first.realized, first.round_trip) == (40, None)
    second = book.fill(fill(exit_order, 3, 6, price=112))
    assert second is not None
    assert (second.realized, second.round_trip) == (66, 106)
    assert book.slot(0).exit_level is None
    assert not book.exits
    assert not book.held


def test_a_fill_beyond_zero_turns_the_position() -> None:
    book = slots()
    slot = book.slot(0)
    book.apply(slot, Side.BUY, 100, 5)
    booked = book.apply(slot, Side.SELL, 110, 8)
    assert (booked.realized, booked.round_trip) == (50, 50)
    assert (slot.position, slot.cost) == (-3, -330)
    assert (book.long_cost, book.short_cost, book.position) == (0, 330, -3)
    closing = book.apply(slot, Side.BUY, 100, 3)
    assert closing.realized == 30


def test_an_exit_level_is_given_to_one_slot_only() -> None:
    book = slots()
    for level in (0, 1, 2):
        book.apply(book.slot(level), Side.BUY, 100, 5)
    book.reserve_exit(book.slot(1), 1)
    book.reserve_exit(book.slot(0), 2)
    assert book.slot(1).exit_level == 2
    assert book.slot(0).exit_level == 3
    book.release_exit(book.slot(1))
    book.reserve_exit(book.slot(0), 2)
    assert book.slot(0).exit_level == 2
    book.apply(book.slot(2), Side.SELL, 100, 9)
    book.reserve_exit(book.slot(2), 1)
    assert book.slot(2).exit_level == 1


def test_a_restored_slot_never_uses_a_generation_again() -> None:
    book = slots(generation_floor=41)
    slot = book.restore(3, 5, 500, 4, 12)
    assert slot.generation == 41
    assert book.exits == {4: 3}
    order = book.place(9, OrderKind.OPEN_BUY, 100, 10, NOW)
    assert order.generation == 42


def test_restored_slots_whose_exits_collide_get_different_ones() -> None:
    book = slots()
    book.restore(3, 5, 500, 4, 1)
    book.restore(2, 5, 500, 4, 1)
    assert book.exits == {4: 3, 5: 2}


def test_a_restored_order_waits_for_the_venues_word() -> None:
    book = slots()
    coder = IdCoder("aa", 7)
    order = WorkingOrder(coder.encode(2, OrderKind.OPEN_BUY, 9), OrderKind.OPEN_BUY, 100, 10, 9, NOW)
    assert book.restore_order(2, order)
    assert book.slot(2).status is SlotStatus.PENDING
    assert book.slot(2).generation == 9
    older = WorkingOrder(coder.encode(2, OrderKind.OPEN_BUY, 8), OrderKind.OPEN_BUY, 100, 10, 8, NOW)
    assert not book.restore_order(2, older)
    assert book.slot(2).order is order


def test_an_empty_slot_can_be_forgotten_but_not_its_generation() -> None:
    book = slots()
    order = resting(book)
    book.drop(0)
    assert 0 in book.by_level
    book.cancel(0, NOW)
    book.report(report(order, OrderStatus.CANCELED))
    book.drop(0)
    book.drop(0)
    assert 0 not in book.by_level
    assert not book.idle
    assert book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW).client_id != order.client_id


def test_late_news_of_an_ended_order_is_no_orphan_whatever_became_of_its_slot() -> None:
    book = slots()
    first = resting(book)
    book.report(report(first, OrderStatus.EXPIRED))
    second = resting(book)
    book.report(report(second, OrderStatus.EXPIRED))
    book.drop(0)
    for order in (first, second):
        book.report(report(order, OrderStatus.NEW))
    assert not book.slotless.orphans
    assert not book.slotless.late


def test_the_memory_of_ended_orders_is_bounded() -> None:
    book = slots()
    first = resting(book)
    book.report(report(first, OrderStatus.EXPIRED))
    for _ in range(KNOWN_ENDS):
        book.report(report(resting(book), OrderStatus.EXPIRED))
    assert len(book.slotless._ended) == KNOWN_ENDS
    book.report(report(first, OrderStatus.NEW))
    assert set(book.slotless.strangers) == {first.client_id}, "it is not known any more"


def test_a_held_slot_cannot_be_forgotten() -> None:
    book = slots()
    book.apply(book.slot(0), Side.BUY, 100, 1)
    book.drop(0)
    assert 0 in book.by_level


def test_known_trades_are_restored_and_older_ones_taken_for_booked() -> None:
    few = slots(known_trades=[10, 11])
    assert few.trades.knows(10, Side.BUY)
    assert few.trades.knows(11, Side.SELL)
    assert not few.trades.knows(9, Side.BUY)
    many = slots(known_trades=range(100, 2_100))
    assert many.trades.knows(99, Side.BUY)
    assert not many.trades.knows(2_100, Side.BUY)


def test_the_memory_of_trades_is_bounded() -> None:
    book = slots()
    for trade_id in range(1, 5_001):
        order = book.place(0, OrderKind.OPEN_BUY, 100, 1, NOW)
        book.fill(fill(order, trade_id, 1))
    assert len(book.trades) == 4_096
    assert book.trades.knows(1, Side.BUY)
    assert not book.trades.knows(5_001, Side.BUY)


def test_orders_in_flight_are_listed_and_found() -> None:
    book = slots()
    order = resting(book)
    assert book.orders() == [order]
    assert book.holder(order.client_id) is book.slot(0)
    assert book.holder(ClientId("web_1")) is None


def test_what_changed_is_told_until_somebody_empties_it() -> None:
    book = slots()
    order = resting(book)
    assert set(book.moved) == {order.client_id}
    book.moved.clear()
    book.report(report(order, OrderStatus.NEW))
    assert not book.moved
    book.fill(fill(order, 1, 2))
    assert set(book.moved) == {order.client_id}
    assert book.changed == {0}


def test_a_slot_tells_its_history_in_words() -> None:
    book = slots()
    order = resting(book)
    book.fill(fill(order, 7, 4))
    book.cancel(0, NOW)
    assert book.slot(0).history == [
        "place OPEN_BUY 10@100 gen 1",
        "resting, venue id v1",
        "fill buy 4@100 trade 7",
        "cancel",
    ]


def test_f36_orders_and_fills_of_a_later_epoch_are_the_next_owners_business() -> None:
    slots = Slots(IdCoder("s1", 1, 3))
    later = IdCoder("s1", 1, 4).encode(2, OrderKind.OPEN_BUY, 9)
    report = OrderReport(later, "XUSDT", "v1", Side.BUY, OrderStatus.NEW, 100, 5, 0, 1)
    assert slots.report(report) is None
    assert slots.fill(Fill("XUSDT", 1, later, "v1", Side.BUY, 100, 5, Decimal(0), "USDT", True, 1)) is None
    assert (slots.slotless.orphans, slots.slotless.strangers, slots.position, slots.by_level) == (set(), {}, 0, {})
    earlier = IdCoder("s1", 1, 2).encode(2, OrderKind.OPEN_BUY, 9)
    slots.report(OrderReport(earlier, "XUSDT", "v2", Side.BUY, OrderStatus.NEW, 100, 5, 0, 1))
    assert set(slots.slotless.strangers) == {earlier}  # whoever owns the slots has it cancelled at once
