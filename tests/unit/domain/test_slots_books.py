"""What slots keep beside positions: indexes and counts, exits, joins, memory of trades, and the history they tell."""

from __future__ import annotations

from decimal import Decimal

import pytest

from opensqt_actors.domain.booked_trades import KNOWN_TRADES, RESTORED_TRADES
from opensqt_actors.domain.ids import IdCoder, OrderKind, decode
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.slots import (
    IllegalTransition,
    Slot,
    Slots,
    SlotStatus,
    WorkingOrder,
)

NOW = 10**18
LATER = NOW + 5


@pytest.fixture
def book() -> Slots:
    return Slots(IdCoder("aa", 7))


def report(order: WorkingOrder, status: OrderStatus, filled: int = 0, venue_id: str = "v1") -> OrderReport:
    return OrderReport(
        order.client_id, "XUSDT", venue_id, order.side, status, order.price, order.quantity, filled, NOW, "why"
    )


def fill(order: WorkingOrder, trade_id: int, quantity: int, side: Side | None = None) -> Fill:
    return Fill(
        "XUSDT", trade_id, order.client_id, "v1", side or order.side, order.price, quantity, Decimal(0), "USDT", True,
        NOW,
    )  # fmt: skip


def resting(book: Slots, level: int, kind: OrderKind, quantity: int = 10) -> WorkingOrder:
    order = book.place(level, kind, 100, quantity, NOW)
    book.report(report(order, OrderStatus.NEW))
    return order


def holding(book: Slots, level: int, side: Side = Side.BUY, quantity: int = 10, price: int = 100) -> Slot:
    slot = book.slot(level)
    book.apply(slot, side, price, quantity)
    return slot


# --- orders ----------------------------------------------------------------------------------------------------------


def test_a_new_order_has_nothing_behind_it_yet() -> None:
    order = WorkingOrder(IdCoder("aa", 7).encode(2, OrderKind.EXIT_SELL, 3), OrderKind.EXIT_SELL, 100, 10, 3, NOW)
    assert (order.price, order.quantity, order.generation, order.since) == (100, 10, 3, NOW)
    assert (order.kind, order.opens, order.buys, order.side) == (OrderKind.EXIT_SELL, False, False, Side.SELL)
    assert (order.filled, order.booked, order.remaining) == (0, 0, 10)
    assert (order.venue_id, order.reason, order.ended) == ("", "", None)
    assert [order.seen, order.cancelling, order.restored, order.loose, order.reduce_only] == [False] * 5
    assert order.post_only is True


def test_what_may_still_fill_counts_the_fills_that_were_only_reported() -> None:
    order = WorkingOrder(IdCoder("aa", 7).encode(0, OrderKind.OPEN_BUY, 1), OrderKind.OPEN_BUY, 100, 10, 1, NOW)
    order.filled, order.booked = 6, 2
    assert order.remaining == 4


def test_a_new_slot_is_free_and_empty() -> None:
    slot = Slot(4, 9)
    assert (slot.level, slot.generation, slot.status) == (4, 9, SlotStatus.FREE)
    assert (slot.position, slot.cost, slot.realized, slot.refusals, slot.blocked_until) == (0, 0, 0, 0, 0)
    assert (slot.exit_level, slot.order, slot.blocked_reason) == (None, None, "")
    assert not slot.history


def test_the_history_of_a_slot_is_its_newest_eight_steps(book: Slots) -> None:
    slot = holding(book, 0)
    for _ in range(5):
        order = resting(book, 0, OrderKind.EXIT_SELL, 10)
        book.cancel(0, NOW)
        book.report(report(order, OrderStatus.CANCELED))
    assert len(slot.history) == 8


@pytest.mark.parametrize("reduce_only", [False, True])
def test_a_placed_order_knows_when_and_under_which_generation(book: Slots, reduce_only: bool) -> None:
    order = book.place(3, OrderKind.OPEN_BUY, 100, 10, LATER, reduce_only)
    key = decode(order.client_id)
    assert key is not None
    assert key.generation == order.generation == book.slot(3).generation == 1
    assert order.since == LATER
    assert order.reduce_only is reduce_only


def test_an_order_may_open_unless_it_is_said_to_reduce_only(book: Slots) -> None:
    assert book.place(3, OrderKind.OPEN_BUY, 100, 10, NOW).reduce_only is False


def test_a_cancel_knows_when_it_was_asked(book: Slots) -> None:
    order = resting(book, 0, OrderKind.OPEN_BUY)
    assert book.cancel(0, LATER) is order
    assert order.since == LATER
    assert order.cancelling is True


def test_an_end_takes_the_venues_reason(book: Slots) -> None:
    order = resting(book, 0, OrderKind.OPEN_BUY)
    book.report(report(order, OrderStatus.EXPIRED))
    assert order.reason == "why"


def test_what_moved_is_the_order_itself(book: Slots) -> None:
    order = resting(book, 0, OrderKind.OPEN_BUY)
    assert book.moved[order.client_id] is order
    book.moved.clear()
    book.fill(fill(order, 1, 1))
    assert book.moved[order.client_id] is order
    refused = book.place(1, OrderKind.OPEN_BUY, 100, 10, NOW)
    book.refused(refused.client_id, "no")
    assert book.moved[refused.client_id] is refused


def test_an_order_that_rests_ends_the_count_of_refusals(book: Slots) -> None:
    book.slot(0).refusals = 3
    resting(book, 0, OrderKind.OPEN_BUY)
    assert book.slot(0).refusals == 0


def test_a_fill_tells_the_venue_id_when_nothing_else_has(book: Slots) -> None:
    order = book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
    book.fill(fill(order, 1, 1))
    assert order.venue_id == "v1"


def test_a_cancel_that_failed_can_be_asked_for_again_and_fail_again(book: Slots) -> None:
    order = resting(book, 0, OrderKind.OPEN_BUY)
    assert book.cancel_failed(order.client_id) is None, "none was asked for"
    book.cancel(0, NOW)
    assert book.cancel_failed(order.client_id) is book.slot(0)
    assert order.cancelling is False
    assert book.cancel_failed(order.client_id) is None
    assert book.cancel(0, LATER) is order


def test_a_failed_cancel_of_an_order_that_no_slot_has_is_no_news(book: Slots) -> None:
    order = resting(book, 0, OrderKind.OPEN_BUY)
    book.report(report(order, OrderStatus.CANCELED))
    assert book.cancel_failed(order.client_id) is None
    assert book.refused(order.client_id, "no") is None


def test_every_illegal_event_is_counted(book: Slots) -> None:
    order = resting(book, 0, OrderKind.OPEN_BUY)
    for wanted in (1, 2):
        assert book.refused(order.client_id, "no") is None
        assert book.illegal == wanted
    for wanted in (3, 4):
        with pytest.raises(IllegalTransition):
            book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
        assert book.illegal == wanted


def test_a_slot_tells_its_life_with_the_figures(book: Slots) -> None:
    """Whoever asks why there is no order reads this, and so does the error of a request that cannot be."""
    order = resting(book, 0, OrderKind.OPEN_BUY)
    book.fill(fill(order, 77, 4))
    book.cancel(0, NOW)
    book.cancel_failed(order.client_id)
    book.refused(order.client_id, "no margin")
    book.cancel(0, NOW)
    book.report(report(order, OrderStatus.CANCELED, 4))
    assert list(book.slot(0).history) == [
        "place OPEN_BUY 10@100 gen 1",
        "resting, venue id v1",
        "fill buy 4@100 trade 77",
        "cancel",
        "cancel failed, still resting",
        "illegal: refused (no margin) while locked",
        "cancel",
        "canceled filled 4",
    ]


def test_an_illegal_request_is_answered_with_the_life_of_the_slot(book: Slots) -> None:
    resting(book, 0, OrderKind.OPEN_BUY)
    with pytest.raises(IllegalTransition) as error:
        book.place(0, OrderKind.OPEN_SELL, 100, 10, NOW)
    assert str(error.value) == (
        "level 0: cannot place OPEN_SELL while locked; history: place OPEN_BUY 10@100 gen 1; resting, venue id v1"
    )


def test_refusals_restored_orders_and_late_news_are_in_the_history_too(book: Slots) -> None:
    refused = book.place(0, OrderKind.OPEN_BUY, 100, 10, NOW)
    book.refused(refused.client_id, "no margin")
    late = report(refused, OrderStatus.NEW)
    book.report(late)
    assert book.slotless.late[refused.client_id] is late
    assert list(book.slot(0).history)[1:] == ["refused: no margin", f"late report new of {refused.client_id}"]
    kind = OrderKind.OPEN_BUY
    assert book.restore_order(1, WorkingOrder(book.coder.encode(1, kind, 5), kind, 100, 10, 5, NOW))
    assert list(book.slot(1).history) == ["restored OPEN_BUY 10@100 gen 5"]


# --- counts and indexes ----------------------------------------------------------------------------------------------


def test_exits_in_flight_are_counted_one_by_one(book: Slots) -> None:
    exits = []
    for count, level in enumerate((0, 1, 2), start=1):
        holding(book, level)
        exits.append(resting(book, level, OrderKind.EXIT_SELL))
        assert (book.exit_orders, book.working) == (count, count)
    for left, order in zip((2, 1, 0), exits, strict=True):
        book.report(report(order, OrderStatus.CANCELED))
        assert (book.exit_orders, book.working) == (left, left)


def test_orders_in_flight_are_counted_by_what_they_are(book: Slots) -> None:
    resting(book, -1, OrderKind.OPEN_BUY)
    resting(book, 1, OrderKind.OPEN_SELL)
    holding(book, 0)
    resting(book, 0, OrderKind.EXIT_SELL)
    assert (set(book.open_buys), set(book.open_sells), book.exit_orders, book.working) == ({-1}, {1}, 1, 3)


def test_a_level_is_idle_while_it_holds_nothing_and_has_nothing_in_flight(book: Slots) -> None:
    slot = book.slot(0)
    assert book.idle == {0}
    holding(book, 0)
    assert book.idle == set()
    assert book.held == {0: slot}
    book.apply(slot, Side.SELL, 100, 10)
    assert book.idle == {0}
    assert not book.held
    order = resting(book, 0, OrderKind.OPEN_BUY)
    assert book.idle == set()
    book.apply(slot, Side.BUY, 100, 10)
    book.apply(slot, Side.SELL, 100, 10)
    assert book.idle == set(), "nothing is held, but an order rests"
    book.report(report(order, OrderStatus.CANCELED))
    assert book.idle == {0}


def test_a_held_level_asks_for_attention_until_it_is_empty(book: Slots) -> None:
    slot = holding(book, 0)
    assert book.attention == {0}
    book.apply(slot, Side.SELL, 100, 10)
    assert book.attention == set()


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, 110), (Side.SELL, 90)])
def test_the_smallest_position_is_one_like_any_other(book: Slots, side: Side, price: int) -> None:
    sign = 1 if side is Side.BUY else -1
    slot = holding(book, 0, side, 1)
    assert (book.position, book.long_cost, book.short_cost) == (sign, 100 * (sign > 0), 100 * (sign < 0))
    book.apply(slot, side, 100, 1)
    assert (slot.position, slot.cost) == (2 * sign, 200 * sign)
    opposite = Side.SELL if side is Side.BUY else Side.BUY
    assert book.apply(slot, opposite, price, 1).realized == 10
    assert slot.position == sign
    assert book.apply(slot, opposite, price, 1).round_trip == 20
    assert (book.position, book.long_cost, book.short_cost) == (0, 0, 0)


def test_each_round_trip_begins_with_nothing_realised(book: Slots) -> None:
    slot = book.slot(0)
    for _ in range(3):
        book.apply(slot, Side.BUY, 100, 1)
        assert book.apply(slot, Side.SELL, 107, 1).round_trip == 7


# --- exits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "exit_level"), [(Side.BUY, 7), (Side.SELL, 3)])
def test_an_exit_lies_on_the_profitable_side_however_small_the_position(
    book: Slots, side: Side, exit_level: int
) -> None:
    slot = holding(book, 5, side, 1)
    book.changed.clear()
    book.reserve_exit(slot, 2)
    assert slot.exit_level == exit_level
    assert book.exits == {exit_level: 5}
    assert book.changed == {5}


# --- joins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_join_moves_everything_and_changes_no_sum(book: Slots, side: Side) -> None:
    sign = 1 if side is Side.BUY else -1
    opposite = Side.SELL if side is Side.BUY else Side.BUY
    source, target = holding(book, 0, side, 5, 100), holding(book, 1, side, 9, 110)
    book.apply(source, opposite, 100 + sign * 3, 2)  # 6 realised on the way
    book.apply(target, opposite, 110 + sign * 2, 1)  # and 2
    book.reserve_exit(source, 1)
    sums = (book.position, book.long_cost, book.short_cost)
    book.changed.clear()
    book.join(source, target)
    assert (source.position, source.cost, source.realized, source.exit_level) == (0, 0, 0, None)
    assert (target.position, target.cost, target.realized) == (sign * 11, sign * (3 * 100 + 8 * 110), 8)
    assert (book.position, book.long_cost, book.short_cost) == sums
    assert not book.exits
    assert book.changed == {0, 1}
    assert book.idle == {0}
    assert book.held == {1: target}
    assert target.history[-1] == f"joined by {sign * 3} of level 0"
    assert source.history[-1] == "joined to level 1"


def test_the_smallest_positions_can_be_joined(book: Slots) -> None:
    book.join(holding(book, 0, quantity=1), holding(book, 1, quantity=1))
    assert book.slot(1).position == 2


@pytest.mark.parametrize("reason", ["busy", "itself", "other side", "empty source", "empty target"])
def test_a_join_that_would_mix_what_does_not_belong_together_changes_nothing(book: Slots, reason: str) -> None:
    source, target = holding(book, 0), holding(book, 1)
    match reason:
        case "busy":
            resting(book, 0, OrderKind.EXIT_SELL)
        case "itself":
            target = source
        case "other side":
            book.apply(target, Side.SELL, 100, 20)
        case "empty source":
            book.apply(source, Side.SELL, 100, 10)
        case _:
            book.apply(target, Side.SELL, 100, 10)
    before = (book.position, book.long_cost, book.short_cost, source.position, target.position)
    with pytest.raises(IllegalTransition, match=f"level 0: cannot join level {target.level} while") as error:
        book.join(source, target)
    assert "history: " in str(error.value)
    assert (book.position, book.long_cost, book.short_cost, source.position, target.position) == before


# --- restoring and remembering ---------------------------------------------------------------------------------------


def test_a_restored_slot_without_a_position_needs_no_exit(book: Slots) -> None:
    slot = book.restore(3, 0, 0, 4, 1)
    assert slot.exit_level is None
    assert not book.exits
    assert book.changed == {3}
    assert book.idle == {3}


def test_a_restored_position_may_have_no_exit_yet(book: Slots) -> None:
    slot = book.restore(3, 5, 500, None, 1)
    assert slot.exit_level is None
    assert (book.position, book.long_cost) == (5, 500)
    assert book.attention == book.changed == {3}


def test_both_sides_of_a_trade_with_oneself_stay_known(book: Slots) -> None:
    buy, sell = resting(book, 0, OrderKind.OPEN_BUY), resting(book, 1, OrderKind.OPEN_SELL)
    assert book.fill(fill(buy, 5, 1)) is not None
    assert book.fill(fill(sell, 5, 1)) is not None
    assert book.fill(fill(buy, 5, 1)) is None
    assert book.fill(fill(sell, 5, 1)) is None
    assert book.position == 0


def test_only_what_is_older_than_the_memory_is_taken_for_booked(book: Slots) -> None:
    ids = range(10, 10 * (KNOWN_TRADES + 2), 10)
    for trade_id in ids:
        assert not book.trades.knows(trade_id, Side.BUY)
        book.trades.remember(trade_id, Side.BUY)
    assert book.trades.knows(10, Side.BUY), "it was forgotten, so it counts as booked"
    assert not book.trades.knows(11, Side.BUY), "it may be on its way still"
    assert book.trades.knows(20, Side.BUY)
    assert not book.trades.knows(20, Side.SELL)


def test_a_trade_between_the_restored_ones_may_be_on_its_way_still() -> None:
    book = Slots(IdCoder("aa", 7), known_trades=range(100, 100 + 10 * RESTORED_TRADES, 10))
    assert book.trades.knows(99, Side.BUY)
    assert not book.trades.knows(105, Side.BUY)


# --- corrections -----------------------------------------------------------------------------------------------------


def test_a_correction_changes_what_is_held_like_a_fill_and_says_so(book: Slots) -> None:
    slot = holding(book, 0)
    booked = book.correct(slot, Side.SELL, 103, 4)
    assert (booked.slot, booked.realized, booked.round_trip) == (slot, 12, None)
    assert (slot.position, slot.cost) == (6, 600)
    assert slot.history[-1] == "corrected sell 4@103"
    book.correct(slot, Side.BUY, 110, 2)
    assert (slot.position, slot.cost) == (8, 820)
    assert slot.history[-1] == "corrected buy 2@110"
    assert book.bare == set()


def test_an_exit_of_what_was_corrected_away_is_bare_and_an_opening_is_not(book: Slots) -> None:
    exits, opens, none = holding(book, 0), book.slot(1), holding(book, 2)
    resting(book, 0, OrderKind.EXIT_SELL)
    resting(book, 1, OrderKind.OPEN_BUY)
    book.correct(exits, Side.SELL, 100, 3)
    assert book.bare == set(), "it still closes something"
    book.correct(exits, Side.SELL, 100, 7)
    assert book.bare == {0}
    book.apply(opens, Side.BUY, 100, 3)
    book.correct(opens, Side.SELL, 100, 3)
    book.correct(none, Side.SELL, 100, 10)
    assert book.bare == {0}
