"""Orders with our ids that this symbol has never had: adopted when their slots want them, else cancelled, in time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.market import NOW, SECOND, Market
from support.past import CODER, held, journal

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import AdoptOrder, OrderAdopted, OrderUpdate, PlaceFailed
from opensqt_actors.actors.symbol import Pause, Remove, StopTrading
from opensqt_actors.actors.symbol_messages import Reconcile
from opensqt_actors.actors.symbol_strays import MOST
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import OrderReport, OrderStatus, Side
from opensqt_actors.domain.records import Intent, OrderSaved, Restored, SlotDropped, SlotSaved
from opensqt_actors.domain.settings import RemoveMode
from opensqt_actors.domain.slots import SlotStatus

GRACE = 5 * SECOND
BUY, SELL, EXIT = OrderKind.OPEN_BUY, OrderKind.OPEN_SELL, OrderKind.EXIT_SELL


def quantity(level: int) -> int:
    """What the grid wants on a level."""
    return Market().trade().plan(level).request.quantity


def stray(
    level: int = -2, kind: OrderKind = BUY, generation: int = 70, *, age: int = 60 * SECOND, **changes: int
) -> OrderReport:
    """An order that the journal does not know, as the venue tells it; by default what the grid wants on that level."""
    client_id = CODER.encode(level, kind, generation)
    side = Side.BUY if kind.buys else Side.SELL
    price = 100_000 + 500 * level if kind.opens else 100_000 + 500 * (level + 1)
    size = quantity(level) if kind is BUY and level >= -3 else 10
    made = OrderReport(client_id, "XUSDT", "v" + client_id, side, OrderStatus.NEW, price, size, 0, NOW - age)
    return replace(made, **changes)


def begin(*strays: OrderReport, restored: Restored | None = None, position: int = 0) -> Market:
    """A restart with a journal that does not know these orders, up to the first price."""
    market = Market(restored=restored or journal())
    market.prepare()
    market.truth(open_orders=strays, position=position)
    market.quote()
    return market


def adopted(market: Market) -> list[str]:
    return [message.plan.request.client_id for message in market.told(AdoptOrder)]


def test_r10_an_old_order_that_its_slot_wants_is_adopted_and_not_placed_again() -> None:
    report = stray()
    market = begin(report)
    assert adopted(market) == [report.client_id]
    assert market.cancels() == []
    assert [plan.level for plan in market.places()] == [-1, -3]
    assert [told.kind for told in market.effects(ports.Announce)] == ["order.adopted"]
    assert market.actor.slots.slot(-2).status is SlotStatus.PENDING
    market.step(OrderUpdate(report, None))
    assert market.written(OrderSaved) == [], "its intent is not in the journal yet"
    market.step(OrderAdopted(report.client_id, report))
    assert market.actor.slots.slot(-2).status is SlotStatus.LOCKED
    assert [saved.status for saved in market.written(OrderSaved)] == [OrderStatus.NEW]
    market.fills(market.plan(-2))
    assert market.actor.slots.slot(-2).position == report.quantity
    assert market.plan(-2).kind is EXIT
    assert market.plan(-2).generation == 71
    assert market.actor.slots.illegal == 0


@pytest.mark.parametrize(
    "report",
    [
        stray(price=99_001),
        stray(quantity=1),
        stray(filled=1),
        stray(kind=SELL),
        stray(level=-9),
    ],
    ids=["price", "quantity", "filled in part", "side", "level"],
)
def test_r11_an_old_order_that_no_slot_wants_is_cancelled(report: OrderReport) -> None:
    market = begin(report)
    assert adopted(market) == []
    assert market.cancels() == [report.client_id]
    assert [told.kind for told in market.effects(ports.Announce)] == ["order.orphan"]


def test_r11_nothing_is_cancelled_before_there_is_a_price_by_which_to_tell_what_is_wanted() -> None:
    market = Market(restored=journal())
    market.prepare()
    market.truth(open_orders=(stray(level=-9),))
    assert market.cancels() == []
    market.quote()
    assert len(market.cancels()) == 1


def test_r11_a_closed_gate_wants_no_opening_order() -> None:
    market = Market(restored=journal())
    market.step(Pause())
    market.prepare()
    market.truth(open_orders=(stray(),))
    market.quote()
    assert adopted(market) == []
    assert market.cancels() == [stray().client_id]


def test_r9_a_young_order_is_waited_for_and_its_level_gets_no_other_one() -> None:
    report = stray(age=2 * SECOND)
    market = begin(report)
    assert adopted(market) == market.cancels() == []
    assert [plan.level for plan in market.places()] == [-1, -3]
    market.step(Reconcile())
    market.truth(open_orders=(report,))
    assert adopted(market) == market.cancels() == []
    waiting = market.timer("strays")
    assert waiting is not None
    assert waiting.after == GRACE - 2 * SECOND
    market.step(waiting.message, waiting.after)
    assert adopted(market) == [report.client_id]


def test_r9_a_young_order_that_is_not_wanted_goes_when_it_is_old_and_then_its_level_gets_its_own() -> None:
    report = stray(age=2 * SECOND, quantity=1)
    market = begin(report)
    assert [plan.level for plan in market.places()] == [-1, -3]
    market.step(Reconcile(), 2 * SECOND)
    assert market.cancels() == []
    market.quote()
    market.now += SECOND
    market.quote(9_999.0)
    assert market.cancels() == [report.client_id]
    assert [plan.level for plan in market.places()] == [-2]


def test_r9_the_clock_of_a_venue_that_is_ahead_does_not_prolong_the_grace() -> None:
    report = stray(age=-3_600 * SECOND)
    market = begin(report)
    assert adopted(market) == []
    market.now += GRACE
    market.quote(9_999.0)
    assert adopted(market) == [report.client_id]


def test_r9_an_exit_waits_only_for_what_would_be_the_same_exit() -> None:
    same = stray(-1, EXIT, age=SECOND, quantity=10)
    market = begin(same, restored=journal(slots=(held(-1, 10),)), position=10)
    assert [plan for plan in market.places() if not plan.kind.opens] == []
    other = stray(-1, EXIT, age=SECOND, quantity=4)
    market = Market(restored=journal(slots=(held(-1, 10),)))
    market.prepare()
    market.truth(open_orders=(other,), position=10)
    assert [plan.request.quantity for plan in market.places()] == [10]


def test_f37_the_exit_of_what_is_held_is_adopted_before_there_is_a_price() -> None:
    exit_order = stray(-1, EXIT, quantity=10)
    market = Market(restored=journal(slots=(held(-1, 10),)))
    market.prepare()
    market.truth(open_orders=(exit_order,), position=10)
    assert adopted(market) == [exit_order.client_id]
    assert market.places() == []


def test_an_order_that_ends_while_it_is_waited_for_is_forgotten() -> None:
    report = stray(age=SECOND)
    market = begin(report)
    market.step(OrderUpdate(replace(report, status=OrderStatus.CANCELED), None))
    assert not market.actor.slots.slotless.strangers
    market.now += GRACE
    market.quote(9_999.0)
    assert adopted(market) == market.cancels() == []
    assert [plan.level for plan in market.places()] == [-2]


def test_an_order_that_the_venue_does_not_show_any_more_is_forgotten() -> None:
    report = stray(age=SECOND)
    market = begin(report)
    market.step(Reconcile(), SECOND)
    market.truth()
    assert not market.actor.slots.slotless.strangers


@pytest.mark.parametrize("written", [True, False])
def test_what_becomes_of_an_adopted_order_before_it_is_written_is_written_after_its_intent_or_not_at_all(
    written: bool,
) -> None:
    report = stray()
    market = begin(report)
    market.step(OrderUpdate(replace(report, status=OrderStatus.CANCELED), None))
    assert market.written(OrderSaved) == []
    if written:
        market.step(OrderAdopted(report.client_id, None))
    else:
        market.step(PlaceFailed(report.client_id, "journal", "known already", SECOND, journalled=False))
    assert [saved.status for saved in market.written(OrderSaved)] == ([OrderStatus.CANCELED] if written else [])
    assert not market.actor.slots.moved


def test_an_adoption_that_cannot_be_written_frees_the_slot() -> None:
    report = stray()
    market = begin(report)
    market.step(PlaceFailed(report.client_id, "journal", "known already", SECOND, journalled=False))
    assert market.actor.slots.slot(-2).status is SlotStatus.FREE
    assert market.written(OrderSaved) == []
    market.step(OrderUpdate(report, None))
    assert market.cancels() == [report.client_id], "given up, it is no stranger any more"


@pytest.mark.parametrize("status", [OrderStatus.NEW, OrderStatus.CANCELED])
@pytest.mark.parametrize("holds", [False, True])
def test_the_generation_of_an_order_that_the_journal_does_not_know_is_written_down(
    status: OrderStatus, holds: bool
) -> None:
    """Else a later life gives its id to another order."""
    market = Market(restored=journal(slots=(held(-2, 10),) if holds else ()))
    market.prepare()
    market.truth(position=10 if holds else 0)
    market.quote()
    market.step(OrderUpdate(replace(stray(quantity=1, generation=70), status=status), None))
    (saved,) = market.written(SlotSaved)
    assert (saved.level, saved.position, saved.generation) == (-2, 10 if holds else 0, 70)
    assert [dropped.level for dropped in market.written(SlotDropped)] == ([] if holds else [-2])
    market.step(OrderUpdate(replace(stray(quantity=1, generation=69), status=status), None))
    assert market.written(SlotSaved) == []


@pytest.mark.parametrize("filled", [0, 1])
def test_an_adoption_that_cannot_be_written_keeps_its_slot_while_it_is_known_to_rest(filled: int) -> None:
    report = stray()
    market = begin(report)
    plan = market.plan(-2)
    status = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    market.update(plan, status, filled, market.fill(plan, filled) if filled else None)
    assert market.plan(-2) == plan, "it rests"
    market.step(PlaceFailed(report.client_id, "journal", "the database is away", SECOND, journalled=False))
    assert market.actor.slots.illegal == 0
    assert market.plan(-2) == plan
    assert [saved.client_id for saved in market.written(Intent)] == [report.client_id]
    assert market.written(OrderSaved)[-1].status is status
    market.update(plan, OrderStatus.CANCELED, filled)
    assert market.written(OrderSaved)[-1].status is OrderStatus.CANCELED
    assert market.actor.slots.holder(report.client_id) is None
    assert not market.actor.slots.moved


def test_f02_an_adoption_that_the_exchange_forgot_when_it_crashed_is_written_once_more() -> None:
    report = stray()
    market = begin(report)
    market.prepare(past=False)
    market.step(ports.CandlesFetched("XUSDT", "1m", ()))
    assert [saved.client_id for saved in market.written(Intent)] == [report.client_id]
    market.truth(open_orders=(report,))
    market.step(OrderUpdate(replace(report, status=OrderStatus.CANCELED), None))
    assert market.written(OrderSaved)[-1].status is OrderStatus.CANCELED
    assert not market.actor.slots.moved


@pytest.mark.parametrize(("mode", "gone"), [(RemoveMode.GRACEFUL, {BUY}), (RemoveMode.LEAVE, {BUY, EXIT})])
def test_a_market_that_is_left_does_not_wait_for_the_grace(mode: RemoveMode, gone: set[OrderKind]) -> None:
    young = {BUY: stray(-2, age=0), EXIT: stray(-5, EXIT, age=0)}
    market = begin(*young.values())
    market.step(Remove(mode))
    cancelled = set(market.cancels())
    assert {kind for kind, report in young.items() if report.client_id in cancelled} == gone


@pytest.mark.parametrize("openings", [False, True])
def test_a_process_that_ends_takes_what_opens_with_it_only_when_it_is_to(openings: bool) -> None:
    report = stray(-2, age=0)
    market = begin(report)
    market.step(StopTrading(cancel_openings=openings, cancel_exits=False))
    assert (report.client_id in market.cancels()) is openings


def test_so_many_are_waited_for_and_no_more() -> None:
    many = [stray(-1 - number, generation=70, age=0, quantity=1) for number in range(MOST + 3)]
    market = Market(restored=journal())
    market.prepare()
    market.truth(open_orders=tuple(many))
    assert len(market.cancels()) == 3
