"""The grid's rules for interval, amount, corridor, dust and limits, and the short cut that its decisions take."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.desk import Desk
from support.examples import examples

from opensqt_actors.domain.draft import Draft
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Candle, Fees
from opensqt_actors.domain.settings import GridMode, GridSettings, Trail
from opensqt_actors.domain.strategy import OPEN, Gate

MINUTE = 60_000_000_000
LEVELS = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal("0.01"), min_notional=Decimal(50))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
PLAIN = GridSettings(GridMode.LONG, Decimal(100), Decimal(10), buy_window=3, sell_window=3, max_position=Decimal(1_000))

CLOSED = Gate((("paused", "paused by an operator"),))


@st.composite
def grids(draw: st.DrawFn) -> GridSettings:
    """Every rule may be on."""
    percent = draw(st.booleans())
    return GridSettings(
        mode=draw(st.sampled_from(GridMode)),
        amount=Decimal(draw(st.sampled_from([60, 100, 400]))),
        interval=None if percent else Decimal(draw(st.integers(4, 30))),
        interval_percent=Decimal(draw(st.integers(20, 300))) / 100 if percent else None,
        buy_window=draw(st.integers(1, 6)),
        sell_window=draw(st.integers(1, 6)),
        skew=Decimal(draw(st.sampled_from(["0", "0.001", "0.02"]))),
        atr_scale=Decimal(draw(st.sampled_from([0, 1, 3]))),
        max_multiple=draw(st.integers(1, 5)),
        volatility_sizing=draw(st.sampled_from([False, False, True])),
        max_position=Decimal(draw(st.sampled_from([400, 1_500, 100_000]))),
        max_open_orders=draw(st.sampled_from([1, 3, 8, 50])),
        min_price=draw(st.sampled_from([None, None, Decimal(985)])),
        max_price=draw(st.sampled_from([None, None, Decimal(1_020)])),
        trail=draw(st.sampled_from([Trail.BOTH, *Trail])),
    )


@dataclass(frozen=True)
class Move:
    """The market goes `price` parts of a thousand away from its first price; orders near it fill in part."""

    price: int
    share: int
    range: int


MOVES = st.lists(
    st.builds(Move, st.integers(-60, 60), st.sampled_from([0, 0, 30, 60]), st.sampled_from([0, 0, 2, 15, 40])),
    min_size=1,
    max_size=14,
)


class Story:
    """A grid and what its market does to it."""

    def __init__(self, config: GridSettings) -> None:
        self.desk = Desk(config, 1_000, LEVELS, FEES)
        self.minutes = 0

    def candles(self, count: int, size: float) -> None:
        """Closed candles of one size."""
        for _ in range(count):
            self.minutes += 1
            at = self.minutes * MINUTE
            self.desk.grid.candle(Candle("XUSDT", at, 1_000, 1_000 + size / 2, 1_000 - size / 2, 1_000, 1, closed=True))

    def go(self, move: Move) -> None:
        """Fills, candles, and the grid comes to rest."""
        self.arrive(move)
        self.desk.settle(self.desk.bid, self.desk.ask)

    def arrive(self, move: Move) -> None:
        """What the market does; the grid has not been asked yet."""
        desk = self.desk
        bid = 1_000 + move.price
        for client_id in desk.crossed(bid, bid + 1):
            self.fill(client_id, 1 << 40)
        for client_id, resting in list(desk.venue.items()):
            part = resting.left * move.share // 100
            if abs(resting.order.price - bid) <= 5 and part:
                self.fill(client_id, part)
        if move.range:
            self.candles(20, move.range)
        desk.bid, desk.ask = bid, bid + 1

    def fill(self, client_id: ClientId, quantity: int) -> None:
        """A fill, whose profit covers the fees of both its sides when it closes something."""
        desk = self.desk
        order = desk.venue[client_id].order
        quantity = min(quantity, desk.venue[client_id].left)
        booked = desk.fill(client_id, quantity)
        assert booked is not None
        if not order.opens:
            value = order.price * quantity
            entry = value - booked.realized if not order.buys else value + booked.realized
            assert booked.realized > FEES.maker * (value + entry)


@given(config=grids(), moves=MOVES)
@examples(250)
def test_the_short_cut_decides_exactly_what_the_walk_over_the_window_does(
    config: GridSettings, moves: list[Move]
) -> None:
    story = Story(config)
    desk, grid = story.desk, story.desk.grid
    for move in moves:
        story.arrive(move)
        grid.ladder.follow(desk.slots, (desk.bid + desk.ask) // 2)
        quick = Draft(desk.bid, desk.ask, desk.now)
        grid.exits.settle(desk.slots, quick)
        thorough = copy.copy(quick)
        thorough.cancels, thorough.places = list(quick.cancels), list(quick.places)
        if grid.openings.follow(desk.slots, quick):
            event("short cut")
            grid.openings.walk(desk.slots, thorough)
            assert sorted(quick.cancels) == sorted(thorough.cancels)
            assert quick.decision()[1:] == thorough.decision()[1:]
        desk.settle(desk.bid, desk.ask)


def test_the_short_cut_is_taken_far_from_the_limits_and_not_near_them() -> None:
    far, near = Desk(PLAIN, 1_000, LEVELS), Desk(replace(PLAIN, max_open_orders=3), 1_000, LEVELS)
    for desk in (far, near):
        desk.settle(1_000, 1_001)
        desk.walk(979, 980)
    assert far.grid.openings.follow(far.slots, Draft(979, 980, 0))
    assert not near.grid.openings.follow(near.slots, Draft(979, 980, 0))


@given(config=grids(), moves=MOVES, where=st.integers(0, 1_000))
@examples(200)
def test_every_rule_together_keeps_the_laws_of_a_decision(config: GridSettings, moves: list[Move], where: int) -> None:
    story = Story(config)
    desk, grid = story.desk, story.desk.grid
    for move in moves:
        story.go(move)
        decision = desk.decide(desk.bid, desk.ask)
        assert not decision.cancels
        assert not decision.places
        low, high = max(decision.low, 1), min(decision.high, 4_000)
        bid = low + (high - 2 - low) * where // 1_000
        if low <= bid and bid + 1 < high:
            quiet = grid.decide(desk.slots, bid, bid + 1, OPEN, desk.now)
            assert not quiet.cancels
            assert not quiet.places
            desk.decide(desk.bid, desk.ask)
        openings = desk.openings()
        buys = sum(order.price * order.remaining for order in openings.values() if order.buys)
        sells = sum(order.price * order.remaining for order in openings.values() if not order.buys)
        assert buys == 0 or desk.slots.long_cost + buys <= grid.limit
        assert sells == 0 or desk.slots.short_cost + sells <= grid.limit
        assert not openings or desk.slots.working <= config.max_open_orders
        for slot in desk.held():
            if not grid.exits.dust(slot):
                assert slot.order is not None or slot.exit_level in openings
                assert slot.order is None or slot.order.opens or slot.order.remaining == abs(slot.position)
        assert desk.realized - (desk.slots.long_cost - desk.slots.short_cost) == desk.cash


@given(config=grids(), moves=MOVES)
def test_openings_keep_to_the_corridor_to_the_interval_and_to_the_trail(
    config: GridSettings, moves: list[Move]
) -> None:
    story = Story(config)
    desk, ladder = story.desk, story.desk.grid.ladder
    lowest, highest = config.min_price or 0, config.max_price or 10_000
    before: int | None = None
    for move in moves:
        story.go(move)
        for level, order in desk.openings().items():
            assert lowest <= order.price <= highest
            assert (
                desk.slots.by_level[level].position
                or (level - ladder.centre) % ladder.multiple == 0
                or (level == ladder.centre)
            )
        centre = ladder.lattice.price(ladder.centre)
        slack = ladder.lattice.price(ladder.centre + ladder.multiple) - centre
        anchor = ladder.lattice.anchor
        match config.trail:
            case Trail.NONE:
                assert ladder.centre == 0
            case Trail.UP:
                assert centre >= max(anchor, before or 0) - slack
            case Trail.DOWN:
                assert centre <= min(anchor, before or 10_000) + slack
        before = centre


def test_a_centre_that_may_only_rise_does_not_follow_a_fall_and_buys_again_when_the_market_is_back() -> None:
    desk = Desk(replace(PLAIN, trail=Trail.UP), 1_000, LEVELS)
    desk.walk(1_000, 1_001)
    desk.walk(1_031, 1_032)
    assert desk.grid.centre_price() == 1_030
    desk.walk(950, 951)
    assert desk.grid.centre_price() == 1_030
    assert sorted(slot.level for slot in desk.held()) == [0, 1, 2]
    assert not desk.openings()
    desk.walk(1_035, 1_036)
    assert sorted(order.price for order in desk.openings().values()) == [1_000, 1_010, 1_020]


def test_a_candle_widens_the_interval_and_the_exits_keep_theirs() -> None:
    story = Story(replace(PLAIN, atr_scale=Decimal(1), max_multiple=2))
    desk = story.desk
    desk.walk(1_000, 1_001)
    desk.walk(985, 986)
    story.candles(14, 90)
    desk.settle(985, 986)
    assert desk.grid.ladder.multiple == 2
    assert desk.grid.interval_ticks() == 20
    assert [order.price for order in desk.exits().values()] == [1_000]
    assert sorted(order.price for order in desk.openings().values()) == [920, 940, 960, 980]


def test_the_interval_is_never_below_what_two_fees_need() -> None:
    desk = Desk(replace(PLAIN, interval=Decimal(2)), 1_000, LEVELS, Fees(Decimal("0.0005"), Decimal("0.0005")))
    desk.walk(1_000, 1_001)
    assert desk.grid.ladder.multiple == 1
    desk.walk(2_600, 2_601)
    assert desk.grid.ladder.multiple == 2
    assert desk.grid.interval_ticks() == 4


def test_new_openings_are_smaller_in_a_wild_market_and_resting_ones_keep_their_size() -> None:
    story = Story(replace(PLAIN, amount=Decimal(1_000), max_position=Decimal(10_000), volatility_sizing=True))
    desk = story.desk
    desk.walk(1_000, 1_001)
    assert {order.quantity for order in desk.openings().values()} == {10}
    story.candles(21, 0)
    desk.settle(1_000, 1_001)
    assert {order.quantity for order in desk.openings().values()} == {10}
    desk.walk(1_027, 1_028)
    assert {order.price: order.quantity for order in desk.openings().values()} == {1_000: 100, 1_010: 99, 1_020: 98}


def resting(desk: Desk, price: int) -> ClientId:
    """The order at a price."""
    [client_id] = [client_id for client_id, order in desk.venue.items() if order.order.price == price]
    return client_id


def test_dust_stays_and_says_so_and_is_joined_when_its_level_opens_again() -> None:
    desk = Desk(PLAIN, 1_000, LEVELS)
    desk.walk(1_000, 1_001)
    desk.fill(resting(desk, 990), 2)
    desk.settle(1_000, 1_001, CLOSED)
    slot = desk.slots.by_level[-1]
    assert (slot.position, slot.order) == (2, None)
    assert desk.grid.why(desk.slots, 1_000, 1_001, CLOSED, desk.now)[-1].code == "dust"
    desk.settle(1_000, 1_001)
    assert slot.order is not None
    assert (slot.order.price, slot.order.quantity) == (990, 10)
    desk.walk(989, 990)
    assert (slot.position, slot.cost) == (12, 12 * 990)
    assert (slot.order.price, slot.order.remaining) == (1_000, 12)


def test_dust_outside_the_window_moves_with_its_cost_to_a_holding_whose_exit_earns_as_much() -> None:
    desk = Desk(PLAIN, 1_000, LEVELS)
    desk.walk(1_007, 1_008)
    desk.walk(998, 999)
    desk.fill(resting(desk, 990), 2)
    desk.slots.changed.clear()
    desk.settle(984, 985, CLOSED)
    assert [(slot.level, slot.position, slot.cost) for slot in desk.held()] == [(0, 12, 10 * 1_000 + 2 * 990)]
    assert desk.slots.changed >= {0, -1}
    assert -1 not in desk.slots.exits.values()
    assert [(order.price, order.remaining) for order in desk.exits().values()] == [(1_010, 12)]


def test_dust_stays_when_every_neighbour_would_sell_it_for_less() -> None:
    desk = Desk(PLAIN, 1_000, LEVELS)
    desk.walk(1_000, 1_001)
    desk.fill(resting(desk, 990), 2)
    desk.settle(989, 990, CLOSED)
    desk.settle(987, 988)
    desk.walk(979, 980)
    held = {slot.level: slot.position for slot in desk.held()}
    assert held[-1] == 2
    assert held[-2] == 10


def test_an_opening_of_the_other_side_does_not_close_dust_without_a_profit() -> None:
    desk = Desk(replace(PLAIN, mode=GridMode.NEUTRAL), 1_000, LEVELS)
    desk.walk(1_000, 1_001)
    desk.fill(resting(desk, 1_010), 2)
    desk.settle(1_000, 1_001, CLOSED)
    desk.settle(1_022, 1_023)
    assert desk.slots.by_level[1].position == -2
    assert desk.slots.by_level[1].order is None
    assert 1_010 in {desk.grid.lattice.price(level) for level in desk.grid.ladder.want_buys}


def test_an_order_that_is_being_cancelled_still_counts_against_the_limits() -> None:
    desk = Desk(replace(PLAIN, max_open_orders=3), 1_000, LEVELS)
    desk.settle(1_000, 1_001)
    decision = desk.decide(1_010, 1_011)
    assert decision.cancels
    assert not decision.places
    why = desk.grid.why(desk.slots, 1_010, 1_011, OPEN, desk.now)
    assert why[0].code == "cancelling"
    desk.carry_out(decision)
    assert [place.price for place in desk.decide(1_010, 1_011).places] == [1_000]


def test_levels_outside_the_price_limits_say_so() -> None:
    desk = Desk(replace(PLAIN, min_price=Decimal(975)), 1_000, LEVELS)
    desk.settle(1_000, 1_001)
    assert sorted(order.price for order in desk.openings().values()) == [980, 990]
    assert desk.grid.why(desk.slots, 1_000, 1_001, OPEN, desk.now)[-3].code == "price_limit"
    assert -3 in desk.grid.levels(desk.slots)
