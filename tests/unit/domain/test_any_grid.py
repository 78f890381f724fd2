"""What holds for every grid, market and sequence of prices and fills."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.desk import Desk
from support.examples import examples
from support.paths import CLOSED, MOVES, Move, go, grids

from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.slots import SlotStatus
from opensqt_actors.domain.strategy import OPEN

paths = given(config=grids(), moves=MOVES)
"""For every grid and every way of its market."""


@paths
def test_a_decision_that_was_carried_out_asks_for_nothing_more(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        gate = go(desk, move)
        again = desk.decide(desk.bid, desk.ask, gate)
        assert not again.cancels
        assert not again.places


@given(config=grids(), moves=MOVES, where=st.lists(st.integers(0, 1_000), min_size=3, max_size=3))
@examples(150)
def test_no_price_of_the_quiet_band_leads_to_an_action(
    config: GridSettings, moves: list[Move], where: list[int]
) -> None:
    desk = Desk(config)
    for move in moves:
        gate = go(desk, move)
        decision = desk.decide(desk.bid, desk.ask, gate)
        low, high = max(decision.low, 1), min(decision.high, desk.bid * 4)
        for place in (0, 1_000, *where):
            for spread in (1, desk.ask - desk.bid):
                bid = low + (high - 1 - spread - low) * place // 1_000
                if bid < low or bid + spread >= high:
                    continue
                quiet = desk.grid.decide(desk.slots, bid, bid + spread, gate, desk.now)
                assert not quiet.cancels, (bid, spread, decision)
                assert not quiet.places, (bid, spread, decision)


@paths
def test_no_two_orders_rest_on_a_level(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
        price = desk.grid.lattice.price
        levels = list(desk.openings())
        for level, order in desk.exits().items():
            exit_level = desk.slots.by_level[level].exit_level
            if exit_level is not None and order.price == price(exit_level):
                levels.append(exit_level)
        assert len(levels) == len(set(levels))


@paths
def test_the_position_stays_within_its_limit_even_if_everything_fills(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
        buys = sum(o.price * o.remaining for o in desk.openings().values() if o.kind is OrderKind.OPEN_BUY)
        sells = sum(o.price * o.remaining for o in desk.openings().values() if o.kind is OrderKind.OPEN_SELL)
        assert desk.slots.long_cost + buys <= desk.grid.ladder.limit
        assert desk.slots.short_cost + sells <= desk.grid.ladder.limit


@paths
def test_f13_every_holding_that_can_be_sold_has_an_order(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        gate = go(desk, move)
        why = desk.grid.why(desk.slots, desk.bid, desk.ask, gate, desk.now)
        for slot in desk.held():
            if slot.order is None:
                assert why[slot.level].code in {"dust", "level_taken"}
            elif not slot.order.opens:
                assert slot.order.remaining == abs(slot.position)
                assert slot.order.buys is (slot.position < 0)


@paths
def test_what_is_held_gets_its_exits_without_a_price(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
    for level, order in desk.exits().items():
        desk.slots.cancel(level, desk.now)
        executed = desk.venue.pop(order.client_id).executed
        desk.slots.report(desk.report(order, OrderStatus.CANCELED, executed))
    for _ in range(3):
        decision = desk.grid.protect(desk.slots, CLOSED, desk.now)
        assert all(not place.kind.opens for place in decision.places)
        desk.carry_out(decision)
    again = desk.grid.protect(desk.slots, CLOSED, desk.now)
    assert (list(again.cancels), list(again.places)) == ([], [])
    assert not desk.openings()
    for slot in desk.held():
        if slot.order is None:
            assert desk.grid.exits.dust(slot)
        else:
            assert (slot.order.price, slot.order.remaining) == (desk.grid.exits.price(slot), abs(slot.position))


@paths
def test_f20_exits_never_add_up_to_more_than_what_is_held(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
        held = sum(abs(slot.position) for slot in desk.held())
        assert sum(order.remaining for order in desk.exits().values()) <= held


@paths
def test_no_new_order_crosses_the_market(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        bid, ask = move.quote(desk)
        for client_id in desk.crossed(bid, ask):
            desk.fill(client_id, 1 << 40)
        for place in desk.decide(bid, ask).places:
            assert place.price < ask if place.kind.buys else place.price > bid
        desk.settle(bid, ask)


@paths
def test_an_exit_is_never_worse_than_its_level(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
        for level, order in desk.exits().items():
            wanted = desk.grid.exits.price(desk.slots.by_level[level])
            assert order.price <= wanted if order.buys else order.price >= wanted


@paths
def test_openings_stay_in_the_window_or_the_market_came_to_them(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
        centre = desk.grid.centre
        assert centre is not None
        for level, order in desk.openings().items():
            if desk.slots.by_level[level].position:
                continue
            if order.kind is OrderKind.OPEN_BUY:
                assert level >= centre - config.buy_window
                assert order.price < desk.ask
            else:
                assert level <= centre + config.sell_window
                assert order.price > desk.bid


@paths
def test_a_closed_gate_leaves_no_opening_order(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        if go(desk, move) is CLOSED:
            assert not desk.openings()


@paths
def test_never_more_orders_than_allowed_unless_all_of_them_are_exits(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
        if len(desk.venue) > config.max_open_orders:
            assert all(slot.position for slot in desk.slots.by_level.values() if slot.order is not None)


@paths
def test_f14_f29_every_level_without_an_order_says_why_and_says_the_truth(
    config: GridSettings, moves: list[Move]
) -> None:
    desk = Desk(config)
    for move in moves:
        bid, ask = move.quote(desk)
        for client_id in desk.crossed(bid, ask):
            desk.fill(client_id, 1 << 40)
        gate = CLOSED if move.closed else OPEN
        decision = desk.decide(bid, ask, gate)
        why = desk.grid.why(desk.slots, bid, ask, gate, desk.now)
        due = {level for level, reason in why.items() if reason.code == "due"}
        assert due == {place.level for place in decision.places}
        for level in desk.grid.levels(desk.slots):
            slot = desk.slots.by_level.get(level)
            assert level in why
            resting = slot is not None and slot.status is SlotStatus.LOCKED
            assert (why[level].code == "") is resting
        desk.settle(bid, ask, gate)


@paths
def test_money_is_conserved(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
        cost = desk.slots.long_cost - desk.slots.short_cost
        assert desk.realized - cost == desk.cash
        assert desk.slots.position == sum(slot.position for slot in desk.held())


@paths
def test_the_slots_that_are_remembered_stay_few(config: GridSettings, moves: list[Move]) -> None:
    desk = Desk(config)
    for move in moves:
        go(desk, move)
    windows = 2 * (config.buy_window + config.sell_window + 1)  # the one before is forgotten when the centre moves on
    most = windows + 2 * len(list(desk.held())) + len(desk.venue)
    assert len(desk.slots.by_level) <= most
