"""What the parts of the server share: time that skips a suspension, events told once, funding remembered."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from opensqt_actors.simvenue.events import BookTicker, Event, MarkPrice, NewOrder, Order, OrderType, Side
from opensqt_actors.simvenue.server.assembly import build
from opensqt_actors.simvenue.server.clock import VenueClock
from opensqt_actors.simvenue.server.config import settings_from
from opensqt_actors.simvenue.server.core import LONGEST_GAP, Core

START = 1_700_000_000_000
HOUR = 3_600_000
KEY = "sim-demo-key"


class Hands:
    """A clock's source that a test moves."""

    def __init__(self) -> None:
        self.ms = START

    def __call__(self) -> int:
        return self.ms * 1_000_000


def stocked(hands: Hands) -> Core:
    markets = {"synthetic": 1, "past_candles": 0}
    return build(settings_from({"markets": markets, "profile": "calm"}), VenueClock(hands))


def quotes(events: Sequence[Event]) -> int:
    return sum(1 for event in events if isinstance(event, BookTicker))


def steps(core: Core, hands: Hands, gap: int) -> int:
    """Quotes that a tick after a gap brings."""
    heard: list[Event] = []
    core.listen(lambda events, _: heard.extend(events))
    hands.ms += gap
    core.tick()
    return quotes(heard)


def test_a_short_pause_is_caught_up_on() -> None:
    hands = Hands()
    assert steps(stocked(hands), hands, LONGEST_GAP) > 50


def test_a_suspension_is_skipped() -> None:
    hands = Hands()
    assert steps(stocked(hands), hands, 10 * HOUR) < 5


def test_an_order_after_a_suspension_does_not_run_the_hours_between() -> None:
    hands = Hands()
    core = stocked(hands)
    hands.ms += 10 * HOUR
    order = NewOrder("BTCUSDT", Side.BUY, OrderType.MARKET, Decimal("0.01"))
    placed = core.exchange.place(KEY, order, core.now())
    assert isinstance(placed, Order)
    assert placed.created == hands.ms
    assert quotes(core.exchange.drain()) < 5


def test_events_are_told_once_with_the_told_time() -> None:
    hands = Hands()
    core = stocked(hands)
    core.clock.skew = 500
    told: list[tuple[int, int]] = []

    def listener(events: Sequence[Event], now: int) -> None:
        told.append((len(events), now))

    core.listen(listener)
    hands.ms += 1_000
    core.tick()
    core.settle()
    ((count, now),) = told
    assert count > 0
    assert now == hands.ms + 500


def test_a_charged_funding_is_remembered_with_its_rate() -> None:
    hands = Hands()
    core = stocked(hands)
    marks: list[MarkPrice] = []
    core.listen(lambda events, _: marks.extend(event for event in events if isinstance(event, MarkPrice)))
    hands.ms += 2_000
    core.tick()
    due = marks[-1].next_funding
    while hands.ms < due + 2_000:
        hands.ms = min(hands.ms + LONGEST_GAP, due + 2_000)
        core.exchange.pause("BTCUSDT", core.now())
        core.tick()
    (record,) = core.funding["BTCUSDT"]
    assert (record.time, record.rate) == (due, marks[0].funding_rate)
