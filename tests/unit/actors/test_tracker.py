"""The order tracker: whatever order the news comes in, an order ends once and only when nothing of it is missing."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from opensqt_actors.actors.exchange_messages import OrderPlan
from opensqt_actors.actors.tracker import ENDED, Stage, Tracked, Tracker
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus, Side

SECOND = 1_000_000_000
NOW = 10**18
TIMEOUT = 5 * SECOND
ID = IdCoder("aa", 1).encode(0, OrderKind.OPEN_BUY, 1)
FINAL = [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED]


def plan(client_id: ClientId = ID, quantity: int = 10) -> OrderPlan:
    return OrderPlan(OrderRequest(client_id, "XUSDT", Side.BUY, 100, quantity), 0, OrderKind.OPEN_BUY, 1)


def report(status: OrderStatus, filled: int = 0, venue_id: str = "v1", client_id: ClientId = ID) -> OrderReport:
    return OrderReport(client_id, "XUSDT", venue_id, Side.BUY, status, 100, 10, filled, NOW)


def fill(trade_id: int, quantity: int) -> Fill:
    return Fill("XUSDT", trade_id, ID, "v1", Side.BUY, 100, quantity, Decimal(0), "USDT", True, NOW)


def sent() -> tuple[Tracker, Tracked]:
    """A tracker with one order whose request is out."""
    tracker = Tracker(TIMEOUT)
    tracker.queue(plan(), NOW)
    tracked = tracker.get(ID)
    assert tracked is not None
    tracker.sending(tracked, NOW)
    return tracker, tracked


def test_an_order_rests_once_the_venue_says_so() -> None:
    tracker, tracked = sent()
    assert not tracker.observe(report(OrderStatus.NEW), OrderKind.OPEN_BUY, NOW)
    assert tracked.stage is Stage.RESTING
    assert tracked.seen


def test_an_end_with_missing_fills_is_not_over_yet() -> None:
    tracker, tracked = sent()
    tracker.observe(report(OrderStatus.CANCELED, 4), OrderKind.OPEN_BUY, NOW)
    assert tracked.stage is Stage.ENDING
    tracker.filled(fill(1, 4))
    tracker.observe(report(OrderStatus.PARTIALLY_FILLED, 4), OrderKind.OPEN_BUY, NOW)
    assert tracker.get(ID) is None
    assert tracker.has_ended(ID)


def test_a_doubled_fill_counts_once() -> None:
    tracker, tracked = sent()
    tracker.filled(fill(1, 4))
    tracker.filled(fill(1, 4))
    assert tracked.booked == 4


def test_an_order_whose_every_step_was_filled_has_ended_without_further_word() -> None:
    tracker, _ = sent()
    assert tracker.filled(fill(1, 10)) is None, "there is no report of it yet"
    assert tracker.get(ID) is None


def test_the_fill_that_completes_an_order_brings_its_end_along() -> None:
    """Nobody else tells it: the venue's own word comes when the order has ended here, and is old news then."""
    tracker, _ = sent()
    tracker.observe(report(OrderStatus.PARTIALLY_FILLED, 4), OrderKind.OPEN_BUY, NOW)
    assert tracker.filled(fill(1, 4)) is None
    assert tracker.filled(fill(2, 6)) == replace(report(OrderStatus.FILLED, 10), at=NOW)
    assert tracker.filled(fill(2, 6)) is None
    assert tracker.observe(report(OrderStatus.FILLED, 10), OrderKind.OPEN_BUY, NOW)


def test_old_news_does_not_bring_an_order_back() -> None:
    tracker, _ = sent()
    tracker.observe(report(OrderStatus.CANCELED), OrderKind.OPEN_BUY, NOW)
    assert tracker.observe(report(OrderStatus.NEW), OrderKind.OPEN_BUY, NOW)
    assert tracker.size == 0


def test_a_twin_under_the_same_id_is_tracked() -> None:
    tracker, _ = sent()
    tracker.observe(report(OrderStatus.CANCELED), OrderKind.OPEN_BUY, NOW)
    assert not tracker.observe(report(OrderStatus.NEW, venue_id="v2"), OrderKind.OPEN_BUY, NOW)
    assert tracker.size == 1


def test_a_twin_that_shows_itself_before_the_first_ones_end_is_still_news_after_it() -> None:
    """The order stream was silent when the first one filled: open orders tell of the twin, trades of the fill."""
    tracker, _ = sent()
    tracker.observe(report(OrderStatus.NEW), OrderKind.OPEN_BUY, NOW)
    assert not tracker.observe(report(OrderStatus.NEW, venue_id="v2"), OrderKind.OPEN_BUY, NOW)
    tracker.filled(fill(1, 10))
    assert tracker.has_ended(ID)
    assert tracker.observe(report(OrderStatus.NEW), OrderKind.OPEN_BUY, NOW), "the first one is over"
    assert not tracker.observe(report(OrderStatus.NEW, venue_id="v2"), OrderKind.OPEN_BUY, NOW)
    assert tracker.size == 1


def test_the_first_ones_fill_is_not_its_twins() -> None:
    """After a restart the twin that rests is all that is known of the id, and then comes the trade of the first one."""
    tracker, _ = sent()
    tracker.observe(report(OrderStatus.NEW, venue_id="v2"), OrderKind.OPEN_BUY, NOW)
    assert tracker.filled(fill(1, 10)) is None
    assert not tracker.has_ended(ID)
    assert tracker.observe(report(OrderStatus.NEW, venue_id="v2"), OrderKind.OPEN_BUY, NOW) is False
    assert tracker.filled(replace(fill(2, 10), venue_id="v2")) is not None


def test_a_time_out_has_an_order_looked_up_and_never_ends_it() -> None:
    tracker, tracked = sent()
    assert list(tracker.overdue(NOW + TIMEOUT - 1)) == []
    assert list(tracker.overdue(NOW + TIMEOUT)) == [tracked]
    tracker.looking(tracked, NOW + TIMEOUT)
    assert tracked.stage is Stage.LOOKING
    tracked.asked = True
    assert list(tracker.overdue(NOW + 100 * TIMEOUT)) == []


def test_a_resting_order_is_looked_up_only_when_a_fill_is_missing() -> None:
    tracker, tracked = sent()
    tracker.observe(report(OrderStatus.NEW), OrderKind.OPEN_BUY, NOW)
    assert list(tracker.overdue(NOW + 100 * TIMEOUT)) == []
    tracker.observe(report(OrderStatus.PARTIALLY_FILLED, 3), OrderKind.OPEN_BUY, NOW)
    assert list(tracker.overdue(NOW + TIMEOUT)) == [tracked]
    tracker.filled(fill(1, 3))
    tracker.observe(report(OrderStatus.PARTIALLY_FILLED, 3), OrderKind.OPEN_BUY, NOW)
    assert list(tracker.overdue(NOW + 100 * TIMEOUT)) == []


def test_a_cancel_that_is_out_keeps_the_order_from_resting_again() -> None:
    tracker, tracked = sent()
    tracker.observe(report(OrderStatus.NEW), OrderKind.OPEN_BUY, NOW)
    tracker.cancelling(tracked, NOW)
    tracker.observe(report(OrderStatus.NEW), OrderKind.OPEN_BUY, NOW)
    assert tracked.stage is Stage.CANCELLING
    tracker.resting(tracked, NOW)
    assert tracked.stage is Stage.RESTING
    assert not tracked.cancel_sent


def test_what_the_venue_has_forgotten_ended_with_what_was_filled() -> None:
    tracker, tracked = sent()
    assert tracked.gone(NOW).status is OrderStatus.CANCELED
    tracker.filled(fill(1, 3))
    tracker.observe(report(OrderStatus.PARTIALLY_FILLED, 3), OrderKind.OPEN_BUY, NOW)
    assert tracked.gone(NOW + 1) == OrderReport(ID, "XUSDT", "v1", Side.BUY, OrderStatus.CANCELED, 100, 10, 3, NOW + 1)


def test_a_symbol_that_left_leaves_nothing_behind() -> None:
    tracker, tracked = sent()
    assert tracker.live("XUSDT") == [tracked] == tracker.all_live()
    tracker.forget_symbol("YUSDT")
    assert tracker.size == 1
    tracker.forget_symbol("XUSDT")
    assert tracker.size == 0


def test_the_memory_of_ended_orders_is_bounded() -> None:
    tracker = Tracker(TIMEOUT)
    coder = IdCoder("aa", 1)
    for generation in range(ENDED + 10):
        client_id = coder.encode(0, OrderKind.OPEN_BUY, generation)
        tracker.observe(report(OrderStatus.CANCELED, client_id=client_id), OrderKind.OPEN_BUY, NOW)
        tracker.end(client_id)
    assert len(tracker._ended) == len(tracker._ended_order) == ENDED
    assert not tracker.has_ended(coder.encode(0, OrderKind.OPEN_BUY, 0))


@given(
    parts=st.lists(st.integers(1, 4), max_size=3),
    final=st.sampled_from(FINAL),
    order=st.randoms(use_true_random=False),
    repeats=st.integers(1, 2),
)
def test_f33_news_in_any_order_and_twice_comes_to_the_same_end(
    parts: list[int], final: OrderStatus, order: object, repeats: int
) -> None:
    parts = parts if sum(parts) <= 10 else []
    if final is OrderStatus.FILLED:
        parts = [*parts, 10 - sum(parts)] if sum(parts) < 10 else parts
    tracker, _ = sent()
    news: list[OrderReport | Fill] = [report(OrderStatus.NEW)]
    done = 0
    for number, part in enumerate(parts):
        done += part
        news += [fill(number + 1, part), report(OrderStatus.PARTIALLY_FILLED, done)]
    news.append(report(final, done))
    news *= repeats
    order.shuffle(news)  # type: ignore[attr-defined]
    for item in news:
        if isinstance(item, Fill):
            tracker.filled(item)
        else:
            tracker.observe(item, OrderKind.OPEN_BUY, NOW)
    tracker.observe(report(final, done), OrderKind.OPEN_BUY, NOW)
    assert tracker.get(ID) is None
    assert tracker.has_ended(ID)
