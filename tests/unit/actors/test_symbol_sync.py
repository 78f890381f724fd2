"""A symbol's books against the venue's view: after a start, a reconnect, a crash, and when somebody else interferes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.market import GRID, NOW, SECOND, SPEC, Market
from support.past import held, journal, live, told, trade

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Attach, NotAgain, OrderUpdate, PlaceFailed, WantTruth
from opensqt_actors.actors.symbol import Pause, Phase, Start, SymbolUnable
from opensqt_actors.actors.symbol_messages import Reconcile
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import OrderReport, OrderStatus, Position, Truth
from opensqt_actors.domain.records import FillSaved, LiveOrder, OrderSaved, TotalsSaved
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.domain.slots import SlotStatus


def test_it_asks_for_the_fate_of_every_restored_order_and_for_the_trades_since() -> None:
    known, unknown = live(-1, OrderKind.OPEN_BUY), live(-2, OrderKind.OPEN_BUY, known=False)
    market = Market(restored=journal(known, unknown))
    market.prepare()
    (want,) = market.told(WantTruth)
    assert set(want.client_ids) == {known.intent.client_id, unknown.intent.client_id}
    assert want.venue_ids == (("v" + known.intent.client_id, known.intent.client_id),)
    assert (want.after_trade, want.since) == (50, 1)
    assert want.if_filled == (replace(told(known, OrderStatus.FILLED, 10), at=market.now),)


@pytest.mark.parametrize("orders", [(), (live(-1, OrderKind.OPEN_BUY),)])
def test_the_exchange_is_told_whether_orders_of_an_earlier_life_may_rest(orders: tuple[LiveOrder, ...]) -> None:
    market = Market(restored=journal(*orders))
    market.step(Start())
    assert [attach.working for attach in market.told(Attach)] == [bool(orders)]


def test_a_restored_order_that_rests_is_kept() -> None:
    order = live(-1, OrderKind.OPEN_BUY)
    market = Market(restored=journal(order))
    market.prepare()
    market.truth(open_orders=(told(order, OrderStatus.NEW),))
    assert market.actor.slots.slot(-1).status is SlotStatus.LOCKED
    market.quote()
    assert [plan.level for plan in market.places()] == [-2, -3]
    assert all(plan.generation == 10 for plan in market.places())


@pytest.mark.parametrize(
    ("found", "filled"), [(OrderStatus.CANCELED, 0), (OrderStatus.CANCELED, 4), (OrderStatus.FILLED, 10), (None, 0)]
)
def test_an_order_that_its_slot_had_left_behind_is_asked_for_until_its_end_is_written(
    found: OrderStatus | None, filled: int
) -> None:
    """A process died between the record of its fill, for which the slot has an exit, and that of its end."""
    left, exit_order = live(-1, OrderKind.OPEN_BUY), live(-1, OrderKind.EXIT_SELL, 4)
    market = Market(restored=journal(left, exit_order, slots=(held(),)))
    market.prepare()
    (want,) = market.told(WantTruth)
    assert set(want.client_ids) == {left.intent.client_id, exit_order.intent.client_id}
    assert ("v" + left.intent.client_id, left.intent.client_id) in want.venue_ids
    market.truth(
        open_orders=(told(exit_order, OrderStatus.NEW),),
        found=((left.intent.client_id, found and told(left, found, filled)),),
        position=10,
    )
    [saved] = [row for row in market.written(OrderSaved) if row.client_id == left.intent.client_id]
    assert (saved.status, saved.filled) == (found or OrderStatus.CANCELED, filled)
    market.step(Reconcile(), 10 * SECOND)
    (want,) = market.told(WantTruth)
    assert want.client_ids == (exit_order.intent.client_id,)


def test_an_order_that_its_slot_had_left_behind_and_that_rests_is_cancelled_and_its_end_is_written() -> None:
    left, exit_order = live(-1, OrderKind.OPEN_BUY), live(-1, OrderKind.EXIT_SELL, 4)
    market = Market(restored=journal(left, exit_order, slots=(held(),)))
    market.prepare()
    market.truth(open_orders=(told(left, OrderStatus.NEW), told(exit_order, OrderStatus.NEW)), position=10)
    assert left.intent.client_id in market.cancels()
    market.step(OrderUpdate(told(left, OrderStatus.CANCELED), None))
    assert [row.status for row in market.written(OrderSaved)] == [OrderStatus.CANCELED]


def test_one_that_may_still_arrive_is_looked_at_again_before_it_is_taken_for_gone() -> None:
    left, exit_order = live(-1, OrderKind.OPEN_BUY, at=NOW, known=False), live(-1, OrderKind.EXIT_SELL, 4)
    market = Market(restored=journal(left, exit_order, slots=(held(),)))
    market.prepare()
    view = {"open_orders": (told(exit_order, OrderStatus.NEW),), "position": 10}
    market.truth(**view, found=((left.intent.client_id, None),))
    assert not market.written(OrderSaved)
    timer = market.timer("reconcile")
    assert timer is not None
    market.step(timer.message, timer.after)
    assert left.intent.client_id in market.told(WantTruth)[0].client_ids
    market.truth(**view, found=((left.intent.client_id, None),))
    assert [(row.client_id, row.status) for row in market.written(OrderSaved)] == [
        (left.intent.client_id, OrderStatus.CANCELED)
    ]


def test_f16_fills_while_the_process_was_down_are_credited_to_their_slots_and_get_their_exits() -> None:
    order = live(-1, OrderKind.OPEN_BUY)
    market = Market(restored=journal(order))
    market.prepare()
    found = ((order.intent.client_id, told(order, OrderStatus.FILLED, 10)),)
    market.truth(found=found, fills=(trade(order, 49, 3), trade(order, 51, 10)), position=10)
    assert [saved.fill.trade_id for saved in market.written(FillSaved)] == [51]
    (saved,) = market.written(OrderSaved)
    assert (saved.status, saved.filled) == (OrderStatus.FILLED, 10)
    assert market.written(TotalsSaved)[-1].last_trade_id == 51
    assert market.plan(-1).kind is OrderKind.EXIT_SELL


def test_an_order_that_ended_without_fills_frees_its_level() -> None:
    order = live(-1, OrderKind.OPEN_BUY)
    market = Market(restored=journal(order))
    market.prepare()
    market.truth(found=((order.intent.client_id, told(order, OrderStatus.CANCELED)),))
    assert market.written(OrderSaved)[0].status is OrderStatus.CANCELED
    market.quote()
    assert [plan.level for plan in market.places()] == [-1, -2, -3]


def test_an_order_that_the_venue_has_forgotten_ended_with_what_was_booked() -> None:
    order = replace(live(-1, OrderKind.OPEN_BUY), filled=4, status=OrderStatus.PARTIALLY_FILLED)
    market = Market(restored=journal(order, slots=(held(-1, 4),)))
    market.prepare()
    market.truth(found=((order.intent.client_id, None),), position=4)
    (saved,) = market.written(OrderSaved)
    assert (saved.status, saved.filled) == (OrderStatus.CANCELED, 4)


@pytest.mark.parametrize(("pace", "wait"), [(0, 60), (24, 60), (206, 206)])
def test_a_venue_that_grants_little_weight_is_asked_less_often(pace: int, wait: int) -> None:
    market = Market().trade()
    market.step(Reconcile())
    nothing = Truth("XUSDT", (), (), Position("XUSDT", 0, Decimal(10_000)), (), market.now)
    market.step(ports.TruthFetched(nothing, pace * SECOND))
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == wait * SECOND


def test_f26_orders_of_others_are_left_alone() -> None:
    market = Market(restored=journal())
    market.prepare()
    foreign = replace(told(live(-2, OrderKind.OPEN_BUY), OrderStatus.NEW), client_id=ClientId("web_1"))
    market.truth(open_orders=(foreign,))
    assert not market.cancels()


# --- trades ----------------------------------------------------------------------------------------------------------


def test_a_trade_that_is_not_named_may_still_be_ours_and_is_asked_for_again() -> None:
    market = Market().trade()
    order = live(-1, OrderKind.OPEN_BUY)
    young = replace(trade(order, 60, 5, named=False), at=market.now)
    old = replace(trade(order, 55, 5, named=False), at=market.now - 60 * SECOND)
    market.step(Reconcile(), SECOND)
    market.truth(fills=(old, young, replace(young, trade_id=61, client_id=ClientId("web_1"))))
    assert market.actor.totals.confirmed == 55
    assert market.actor.sync.foreign == 2
    market.step(Reconcile(), SECOND)
    assert market.told(WantTruth)[0].after_trade == 55


def test_every_trade_up_to_the_newest_named_one_is_confirmed() -> None:
    market = Market().trade()
    plan = market.plan(-1)
    trades = (market.fill(plan, 2, trade_id=70), market.fill(plan, 3, trade_id=71))
    market.step(Reconcile(), SECOND)
    market.truth(
        fills=trades, position=5, open_orders=tuple(_open(market, k, 5 if k == -1 else 0) for k in (-1, -2, -3))
    )
    assert market.actor.totals.confirmed == 71
    assert market.actor.slots.slot(-1).position == 5


def _open(market: Market, level: int, filled: int = 0) -> OrderReport:
    return market.report(market.plan(level), OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW, filled)


def test_an_ended_order_whose_trades_are_not_listed_yet_is_asked_about_soon() -> None:
    order = live(-1, OrderKind.OPEN_BUY)
    market = Market(restored=journal(order))
    market.prepare()
    market.truth(found=((order.intent.client_id, told(order, OrderStatus.FILLED, 10)),))
    assert market.actor.slots.slot(-1).status is SlotStatus.PENDING
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == SECOND // 2
    market.step(timer.message, timer.after)
    assert order.intent.client_id in market.told(WantTruth)[0].client_ids
    market.truth(fills=(trade(order, 51, 10),), position=10)
    assert [plan.kind for plan in market.places()] == [OrderKind.EXIT_SELL]


# --- positions -------------------------------------------------------------------------------------------------------


def reconcile(market: Market, position: int, times: int = 1) -> None:
    """Compare with a venue that holds so much."""
    for _ in range(times):
        market.step(Reconcile(), 2 * SECOND)
        market.truth(position=position, open_orders=tuple(_open(market, k) for k in (-1, -2, -3)))


def test_f18_a_position_that_stays_different_closes_the_gate_and_alarms_once() -> None:
    market = Market(restored=journal()).trade()
    reconcile(market, 7)
    assert "position_mismatch" not in market.actor.gates
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == 2 * SECOND
    reconcile(market, 7)
    assert "the venue holds 0.007, the slots 0.000" in market.actor.gates["position_mismatch"]
    assert [told.kind for told in market.effects(ports.Announce)] == ["position.mismatch"]
    reconcile(market, 7)
    assert not market.effects(ports.Announce)
    for level in (-1, -2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    market.step(Reconcile(), SECOND)
    market.truth()
    assert not market.actor.gates
    assert market.places()


def test_a_difference_while_orders_fill_says_nothing() -> None:
    market = Market(restored=journal()).trade()
    for number in range(6):
        market.step(Reconcile(), SECOND)
        market.update(market.plan(-1), OrderStatus.PARTIALLY_FILLED, number)
        market.truth(position=99, open_orders=tuple(_open(market, k) for k in (-1, -2, -3)))
    assert "position_mismatch" not in market.actor.gates


def test_a_start_waits_until_a_difference_is_believed_or_gone() -> None:
    market = Market(restored=journal())
    market.prepare()
    for position in (7, 8, 7):
        market.truth(position=position)
        assert market.actor.phase is Phase.SYNCING
        market.step(Reconcile(), 2 * SECOND)
    market.truth(position=7)
    assert market.actor.phase is Phase.TRADING
    market.quote()
    assert not market.places()


def test_a_position_that_was_there_before_is_refused_with_its_size() -> None:
    market = Market()
    market.prepare()
    market.truth(position=-25)
    (unable,) = market.told(SymbolUnable)
    assert unable.sentence.startswith("there is a position of -0.025 X already")
    assert market.actor.state is SymbolState.REFUSED


@pytest.mark.parametrize(("quantity", "levels"), [(25, [0, 1, 2]), (-25, [0, -1, -2])])
def test_f17_a_position_is_adopted_when_that_is_asked_for(quantity: int, levels: list[int]) -> None:
    market = Market(replace(SPEC, adopt=True, grid=replace(GRID, amount=Decimal(100))))
    market.prepare()
    market.truth(position=quantity)
    saved = market.written(FillSaved)
    assert [entry.level for entry in saved] == levels
    assert all(entry.inferred for entry in saved)
    assert market.actor.slots.position == quantity
    assert market.actor.phase is Phase.TRADING
    assert market.effects(ports.Announce)[0].kind == "position.adopted"
    exits = [plan for plan in market.places() if not plan.kind.opens]
    assert sum(plan.request.quantity for plan in exits) == 25


def test_adopting_is_refused_when_the_settings_cannot_work() -> None:
    market = Market(replace(SPEC, adopt=True, grid=replace(GRID, interval=Decimal("0.04"))))
    market.prepare()
    market.truth(position=25)
    assert market.actor.state is SymbolState.REFUSED


# --- questions and answers -------------------------------------------------------------------------------------------


def test_it_compares_every_interval() -> None:
    market = Market()
    market.prepare()
    market.truth()
    timer = market.timer("reconcile")
    assert timer is not None
    assert (timer.after, timer.message) == (60 * SECOND, Reconcile())


def test_a_view_that_cannot_be_had_is_asked_for_again() -> None:
    market = Market()
    market.prepare()
    market.step(ports.TruthFailed("XUSDT", "timed out", 3 * SECOND))
    timer = market.timer("reconcile")
    assert timer is not None
    assert timer.after == 3 * SECOND
    assert "timed out" in market.actor.why
    market.step(timer.message, timer.after)
    assert market.told(WantTruth)


def test_an_answer_that_nobody_asked_for_is_ignored() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.truth(position=99)
    assert not market.effects(ports.Persist)
    assert market.actor.phase is Phase.TRADING


def test_orders_in_flight_are_left_to_the_tracker_unless_it_is_a_new_one() -> None:
    market = Market().trade()
    market.step(Start())
    market.prepare()
    market.truth(open_orders=tuple(_open(market, k) for k in (-1, -2, -3)))
    market.fills(market.plan(-1))
    in_flight = market.plan(-1).request.client_id
    market.step(Reconcile(), SECOND)
    assert in_flight not in market.told(WantTruth)[0].client_ids
    market.truth(open_orders=tuple(_open(market, k) for k in (-2, -3)), position=10)
    market.step(Start())
    market.prepare()
    assert in_flight in market.told(WantTruth)[0].client_ids


def test_a_cancel_that_a_dead_exchange_actor_had_in_hand_is_asked_for_again() -> None:
    market = Market().trade()
    market.step(Pause())
    cancelled = set(market.cancels())
    assert len(cancelled) == 3
    market.prepare()
    market.truth(open_orders=tuple(_open(market, level) for level in (-1, -2, -3)))
    assert set(market.cancels()) == cancelled


def test_an_exit_does_not_wait_for_an_opening_on_its_level_of_which_nobody_knows_whether_it_ever_arrives() -> None:
    opening = live(0, OrderKind.OPEN_BUY, at=NOW - SECOND, known=False)
    market = Market(restored=journal(opening, slots=(held(-1),)))
    market.prepare()
    market.truth(found=((opening.intent.client_id, None),), position=10)
    (plan,) = market.places()
    assert (plan.level, plan.kind, plan.request.price) == (-1, OrderKind.EXIT_SELL, 100_000)
    market.update(plan, OrderStatus.NEW)
    # it comes all the same, while the market is above: the exit has won its level
    market.quote(10_020.0)
    market.step(OrderUpdate(told(opening, OrderStatus.NEW), None))
    assert market.cancels() == [opening.intent.client_id]


def test_an_exit_waits_for_an_opening_that_would_trade_with_it() -> None:
    opening = live(0, OrderKind.OPEN_BUY, at=NOW - SECOND, known=False)
    plain = replace(opening, intent=replace(opening.intent, post_only=False))
    market = Market(restored=journal(plain, slots=(held(-1),)))
    market.prepare()
    market.truth(found=((opening.intent.client_id, None),), position=10)
    assert not market.places()


def test_an_exit_waits_for_an_opening_that_rests_on_its_level_until_it_has_gone() -> None:
    opening = live(0, OrderKind.OPEN_BUY, at=NOW - SECOND)
    market = Market(restored=journal(opening, slots=(held(-1),)))
    market.prepare()
    market.truth(open_orders=(told(opening, OrderStatus.NEW),), position=10)
    assert market.cancels() == [opening.intent.client_id]
    assert not market.places()
    market.step(OrderUpdate(told(opening, OrderStatus.CANCELED), None))
    assert [plan.level for plan in market.places()] == [-1]


@pytest.mark.parametrize("quantity", [0, 6])
def test_the_exchange_hears_that_an_exit_on_its_way_has_nothing_left_to_close(quantity: int) -> None:
    """A trade that was missed has closed the slot while its next exit was being sent."""
    before = live(-1, OrderKind.EXIT_SELL, 3)
    market = Market(restored=journal(slots=(held(),)))
    market.prepare()
    market.truth(position=10)
    (plan,) = market.places()
    market.step(OrderUpdate(None, trade(before, 60, 10 - quantity)))
    (void,) = market.told(NotAgain)
    assert void.client_ids == (plan.request.client_id,)
    market.step(PlaceFailed(plan.request.client_id, "withdrawn", "its slot holds less than it would close"))
    assert [p.request.quantity for p in market.places() if not p.kind.opens] == ([quantity] if quantity else [])


def test_an_exit_that_closes_what_its_slot_holds_may_be_sent_again() -> None:
    market = Market(restored=journal(slots=(held(),)))
    market.prepare()
    market.truth(position=10)
    assert market.places()
    market.truth(position=10)
    assert not market.told(NotAgain)


def test_f37_at_a_start_a_difference_is_looked_at_again_soon_and_believed_only_in_its_time() -> None:
    market = Market(restored=journal(slots=(held(),)))
    market.prepare()
    market.truth(position=20)
    assert not market.places()
    for _ in range(3):
        timer = market.timer("reconcile")
        assert timer is not None
        assert timer.after == SECOND // 2
        market.step(timer.message, timer.after)
        assert market.actor.phase is Phase.SYNCING
        market.truth(position=20)
    timer = market.timer("reconcile")
    assert timer is not None
    market.step(timer.message, timer.after)
    market.truth(position=10)
    assert [plan.level for plan in market.places()] == [-1]
