"""Exits one case at a time: where they rest, when they wait, what becomes of remainders and of dust."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.desk import FEES, Desk

from opensqt_actors.domain.draft import FAR, Draft
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees, Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.slots import Slot, WorkingOrder
from opensqt_actors.domain.strategy import OPEN, Place, Reason

NOW = 10**18
# levels of 100 USDT and 10 ticks: level k is at 1,000 + 10 k, ten steps are a full level, fewer than five are dust
MARKET = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal("0.01"), min_notional=Decimal(50))
FREE = replace(MARKET, min_notional=Decimal(0))
GRID = GridSettings(
    GridMode.NEUTRAL, Decimal(100), Decimal(10), buy_window=3, sell_window=3, max_position=Decimal(10_000)
)
SIDES = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])


class Bench:
    """The exits of one grid whose window is not known yet, so that every level lies outside it."""

    def __init__(self, instrument: Instrument = MARKET, settings: GridSettings = GRID, fees: Fees = FEES) -> None:
        self.desk = Desk(settings, 1_000, instrument, fees)
        self.slots = self.desk.slots
        self.exits = self.desk.grid.exits

    def hold(self, level: int, steps: int, exit_level: int | None = None) -> Slot:
        """Let a level hold so many signed steps, bought or sold at its price."""
        slot = self.slots.slot(level)
        self.slots.apply(slot, Side.BUY if steps > 0 else Side.SELL, 1_000 + 10 * level, abs(steps))
        if exit_level is not None:
            self.slots.reserve_exit(slot, abs(exit_level - level))
            assert slot.exit_level == exit_level
        return slot

    def rest(self, level: int, kind: OrderKind, price: int, steps: int) -> WorkingOrder:
        """An order that the venue has confirmed."""
        order = self.slots.place(level, kind, price, steps, NOW)
        self.slots.report(OrderReport(order.client_id, "XUSDT", "v", order.side, OrderStatus.NEW, price, steps, 0, NOW))
        return order

    def fill(self, order: WorkingOrder, steps: int) -> None:
        """A trade at the order's own price."""
        fee = Decimal(0)
        self.slots.fill(Fill("XUSDT", 1, order.client_id, "v", order.side, order.price, steps, fee, "", True, NOW))

    def settle(self, bid: int, ask: int, reasons: dict[int, Reason] | None = None) -> Draft:
        """Bring all exits to what they should be at these prices."""
        draft = Draft(bid, ask, NOW, reasons)
        self.exits.settle(self.slots, draft)
        return draft

    def why(self, level: int, bid: int, ask: int) -> Reason:
        """Why a level has no order of its own."""
        reasons: dict[int, Reason] = {}
        self.settle(bid, ask, reasons)
        return reasons[level]


def band(draft: Draft) -> tuple[int, int]:
    return draft.low, draft.high


# --- where -----------------------------------------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize("steps", [1, 10])
def test_an_exit_lies_one_interval_on_the_profitable_side(sign: int, steps: int) -> None:
    bench = Bench(FREE)
    slot = bench.hold(0, sign * steps)
    assert bench.exits.price(slot) == 1_000 + 10 * sign
    bench.exits.reserve(bench.slots, slot)
    assert slot.exit_level == sign
    assert bench.exits.price(slot) == 1_000 + 10 * sign


@pytest.mark.parametrize(
    ("anchor", "steps", "distance"), [(999, 10, 2), (999, 1, 2), (999, -1, -1), (1_001, 10, 2), (1_001, -10, -2)]
)
def test_an_exit_is_as_far_away_as_the_fees_on_its_own_side_need(anchor: int, steps: int, distance: int) -> None:
    """Two fees of 0.1 % on 1,500 and 1,503 are more than the 3 between them, those on 1,500 and 1,497 are less."""
    settings = replace(GRID, interval=Decimal(3), anchor=Decimal(anchor))
    bench = Bench(FREE, settings, Fees(Decimal("0.001"), Decimal("0.001")))
    slot = bench.hold(167, steps)  # at 1,500 or 1,502
    assert bench.exits.price(slot) == anchor + 3 * (167 + distance)
    bench.exits.reserve(bench.slots, slot)
    assert slot.exit_level == 167 + distance


def test_an_exit_level_is_reserved_once_and_only_for_what_is_held() -> None:
    bench = Bench()
    slot = bench.hold(0, 10, exit_level=4)
    bench.exits.reserve(bench.slots, slot)
    assert slot.exit_level == 4
    bench.exits.reserve(bench.slots, bench.slots.slot(7))
    assert bench.slots.slot(7).exit_level is None


@SIDES
@pytest.mark.parametrize("steps", [1, 10])
def test_an_exit_closes_what_is_held_at_its_level(sign: int, steps: int) -> None:
    bench = Bench(FREE)
    bench.hold(0, sign * steps)
    draft = bench.settle(1_000, 1_001)
    kind = OrderKind.EXIT_SELL if sign > 0 else OrderKind.EXIT_BUY
    assert draft.places == [Place(0, kind, 1_000 + 10 * sign, steps, bench.exits.reduce_only)]
    assert draft.cancels == []
    assert band(draft) == (-FAR, FAR)
    assert bench.slots.attention == {0}, "it is placed with this decision, and looked at again"
    assert bench.slots.slot(0).exit_level == sign


@pytest.mark.parametrize(
    ("sign", "bid", "ask", "price", "quiet"),
    [
        (1, 1_009, 1_010, 1_010, (-FAR, FAR)),
        (1, 1_010, 1_012, 1_012, (1_010, FAR)),  # the market is at the level: beyond it, not across it
        (1, 1_015, 1_016, 1_016, (1_010, FAR)),
        (-1, 990, 991, 990, (-FAR, FAR)),
        (-1, 988, 990, 988, (-FAR, 991)),
        (-1, 984, 985, 984, (-FAR, 991)),
    ],
)
def test_an_exit_whose_level_the_market_has_passed_is_placed_at_the_market_and_stays_while_it_is_past(
    sign: int, bid: int, ask: int, price: int, quiet: tuple[int, int]
) -> None:
    bench = Bench()
    bench.hold(0, sign * 10)
    draft = bench.settle(bid, ask)
    assert [place.price for place in draft.places] == [price]
    assert band(draft) == quiet


@SIDES
@pytest.mark.parametrize("steps", [1, 10])
def test_a_right_exit_needs_no_more_attention(sign: int, steps: int) -> None:
    bench = Bench(FREE)
    bench.hold(0, sign * steps)
    bench.rest(0, OrderKind.EXIT_SELL if sign > 0 else OrderKind.EXIT_BUY, 1_000 + 10 * sign, steps)
    draft = bench.settle(1_000, 1_001)
    assert (draft.places, draft.cancels, band(draft)) == ([], [], (-FAR, FAR))
    assert bench.slots.attention == set()


@pytest.mark.parametrize(
    ("sign", "bid", "ask", "price", "steps", "stays", "quiet"),
    [
        (1, 1_000, 1_001, 1_011, 10, False, (-FAR, FAR)),  # another price
        (1, 1_000, 1_001, 1_010, 9, False, (-FAR, FAR)),  # another size
        (1, 1_011, 1_012, 1_013, 10, True, (1_010, FAR)),  # placed while the market was past its level, and it still is
        (1, 1_011, 1_012, 1_013, 9, False, (-FAR, FAR)),
        (1, 1_011, 1_012, 1_010, 10, True, (-FAR, FAR)),
        (-1, 1_000, 1_001, 989, 10, False, (-FAR, FAR)),
        (-1, 988, 989, 987, 10, True, (-FAR, 991)),
        (-1, 988, 989, 987, 9, False, (-FAR, FAR)),
    ],
)
def test_an_exit_at_rest_goes_when_its_size_or_its_price_is_wrong(
    sign: int, bid: int, ask: int, price: int, steps: int, stays: bool, quiet: tuple[int, int]
) -> None:
    bench = Bench()
    bench.hold(0, sign * 10)
    bench.rest(0, OrderKind.EXIT_SELL if sign > 0 else OrderKind.EXIT_BUY, price, steps)
    draft = bench.settle(bid, ask)
    assert draft.cancels == ([] if stays else [0])
    assert draft.places == []
    assert band(draft) == quiet
    right = stays and price == 1_000 + 10 * sign
    assert bench.slots.attention == (set() if right else {0})


@pytest.mark.parametrize(("sign", "mid", "low", "high"), [(1, 1_011, 1_010, FAR), (-1, 989, -FAR, 991)])
def test_an_exit_of_a_single_step_that_the_market_has_passed_stays_while_it_is_past(
    sign: int, mid: int, low: int, high: int
) -> None:
    bench = Bench(FREE)
    bench.hold(0, sign)
    bench.rest(0, OrderKind.EXIT_SELL if sign > 0 else OrderKind.EXIT_BUY, mid + sign, 1)
    draft = bench.settle(mid, mid)
    assert (draft.cancels, draft.low, draft.high) == ([], low, high)


@SIDES
def test_an_exit_of_the_wrong_side_goes(sign: int) -> None:
    bench = Bench()
    bench.hold(0, sign * 10)
    bench.rest(0, OrderKind.EXIT_BUY if sign > 0 else OrderKind.EXIT_SELL, 1_000 + 10 * sign, 10)
    assert bench.settle(1_000, 1_001).cancels == [0]


def test_an_exit_on_its_way_is_waited_for() -> None:
    bench = Bench()
    bench.hold(0, 10)
    bench.slots.place(0, OrderKind.EXIT_SELL, 1_010, 10, NOW)
    draft = bench.settle(1_000, 1_001)
    assert (draft.places, draft.cancels) == ([], [])
    assert bench.slots.attention == {0}


# --- when ------------------------------------------------------------------------------------------------------------


def test_a_blocked_exit_waits_for_the_end_of_its_block_and_says_so() -> None:
    bench = Bench()
    for level, until in ((0, NOW + 9), (2, NOW + 5), (4, NOW + 7)):
        slot = bench.hold(level, 10)
        slot.blocked_until, slot.blocked_reason = until, f"the venue says no to {level}"
    draft = bench.settle(1_000, 1_001)
    assert draft.places == []
    assert draft.recheck == NOW + 5
    assert bench.slots.attention == {0, 2, 4}
    assert bench.why(2, 1_000, 1_001) == Reason("blocked", "the venue says no to 2")


def test_a_block_that_has_ended_holds_nothing_back() -> None:
    bench = Bench()
    bench.hold(0, 10).blocked_until = NOW
    draft = bench.settle(1_000, 1_001)
    assert [place.level for place in draft.places] == [0]
    assert draft.recheck == 0


def test_an_exit_takes_its_level_from_an_opening_order() -> None:
    bench = Bench()
    bench.hold(0, 10, exit_level=1)
    bench.rest(1, OrderKind.OPEN_SELL, 1_010, 10)
    draft = bench.settle(1_000, 1_001)
    assert (draft.cancels, draft.places) == ([1], [])
    assert bench.slots.attention == {0}
    assert bench.why(0, 1_000, 1_001) == Reason(
        "level_taken", "its exit waits until the opening order on the exit level has gone"
    )


@pytest.mark.parametrize(
    ("held", "level", "kind", "price", "near", "beyond"),
    [
        (10, 1, OrderKind.OPEN_BUY, 1_010, (1_009, 1_011), (1_009, 1_010)),
        (-10, -1, OrderKind.OPEN_SELL, 990, (989, 991), (990, 991)),
    ],
)
def test_an_exit_does_not_wait_for_an_opening_that_the_market_has_passed(
    held: int, level: int, kind: OrderKind, price: int, near: tuple[int, int], beyond: tuple[int, int]
) -> None:
    """It has filled, has ended or never came: it cannot rest there, however long nobody says which."""
    bench = Bench()
    bench.hold(0, held, exit_level=level)
    bench.rest(level, kind, price, 10)
    draft = bench.settle(*near)
    assert (draft.cancels, draft.places) == ([level], [])
    low, high = draft.low, draft.high
    assert not all(low <= mid < high for mid in (sum(near) // 2, sum(beyond) // 2))
    draft = bench.settle(*beyond)
    assert (draft.cancels, [(place.level, place.price) for place in draft.places]) == ([level], [(0, price)])


def test_before_the_first_price_no_opening_has_been_passed() -> None:
    bench = Bench()
    bench.hold(0, 10, exit_level=1)
    bench.rest(1, OrderKind.OPEN_BUY, 1_010, 10)
    draft = Draft(-FAR, FAR, NOW)
    bench.exits.protect(bench.slots, draft)
    assert (draft.cancels, draft.places) == ([1], [])


def test_an_exit_waits_for_an_opening_order_that_has_filled_in_part() -> None:
    bench = Bench()
    bench.hold(0, 10, exit_level=1)
    bench.fill(bench.rest(1, OrderKind.OPEN_SELL, 1_010, 10), 5)
    draft = bench.settle(1_008, 1_009)
    assert draft.cancels == []
    assert 0 not in [place.level for place in draft.places]


def test_an_exit_beyond_its_level_is_in_nobodys_way() -> None:
    bench = Bench()
    bench.hold(0, 10, exit_level=1)
    bench.rest(1, OrderKind.OPEN_SELL, 1_010, 10)
    draft = bench.settle(1_011, 1_012)
    assert [(place.level, place.price) for place in draft.places] == [(0, 1_012)]


def test_another_exit_on_its_exit_level_is_no_obstacle() -> None:
    """An order on the slot of that level that closes something rests elsewhere."""
    bench = Bench()
    bench.hold(0, 10, exit_level=1)
    bench.hold(1, 10, exit_level=2)
    bench.rest(1, OrderKind.EXIT_SELL, 1_020, 10)
    assert [place.level for place in bench.settle(1_000, 1_001).places] == [0]


def test_a_due_exit_says_so() -> None:
    bench = Bench()
    bench.hold(0, 10)
    assert bench.why(0, 1_000, 1_001) == Reason("due", "its exit is placed with the next decision")


# --- remainders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "mid", "works", "quiet"),
    [
        (1, 1_004, True, (-FAR, 1_005)),  # half an interval above the order is 1,005
        (1, 1_005, False, (-FAR, FAR)),
        (1, 900, True, (-FAR, 1_005)),
        (-1, 996, True, (996, FAR)),
        (-1, 995, False, (-FAR, FAR)),
        (-1, 1_100, True, (996, FAR)),
    ],
)
@pytest.mark.parametrize("filled", [1, 5])
def test_the_rest_of_an_opening_works_until_the_market_is_half_an_interval_away(
    sign: int, mid: int, works: bool, quiet: tuple[int, int], filled: int
) -> None:
    bench = Bench(FREE)
    bench.fill(bench.rest(0, OrderKind.OPEN_BUY if sign > 0 else OrderKind.OPEN_SELL, 1_000, 10), filled)
    draft = bench.settle(mid, mid)
    assert bench.slots.attention == {0}
    assert draft.cancels == ([] if works else [0])
    assert draft.places == []
    assert band(draft) == quiet


def test_half_an_uneven_interval_is_rounded_down() -> None:
    bench = Bench(FREE, replace(GRID, interval=Decimal(11), anchor=Decimal(1_000)))
    bench.fill(bench.rest(0, OrderKind.OPEN_BUY, 1_000, 10), 5)  # closed at 1,011
    assert bench.settle(1_005, 1_005).cancels == [0]


# --- dust ------------------------------------------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize("steps", [1, 4])
def test_dust_has_no_order_and_says_what_the_venue_would_take(sign: int, steps: int) -> None:
    bench = Bench()
    slot = bench.hold(0, sign * steps)
    assert bench.exits.dust(slot)
    assert bench.why(0, 1_000, 1_001).code == "dust", "before any decision has looked at it"
    draft = bench.settle(1_000, 1_001)
    assert bench.slots.attention == bench.exits.dusty == {0}
    assert (draft.places, draft.cancels) == ([], [])
    reason = bench.why(0, 1_000, 1_001)
    assert reason.code == "dust"
    notional = Decimal(steps * (1_000 + 10 * sign)) / 100
    quantity = Decimal(sign * steps) / 100
    assert reason.sentence == f"holds {quantity}: notional {notional:.2f} is below the venue's minimum 50"


def test_what_the_venue_takes_is_no_dust() -> None:
    bench = Bench()
    assert not bench.exits.dust(bench.hold(0, 5))
    assert [place.quantity for place in bench.settle(1_000, 1_001).places] == [5]


@SIDES
@pytest.mark.parametrize("held", [1, 3])
@pytest.mark.parametrize(("more", "right_side", "stays"), [(0, True, True), (1, True, False), (0, False, False)])
def test_an_exit_of_dust_stays_only_while_it_closes_all_of_it(
    sign: int, held: int, more: int, right_side: bool, stays: bool
) -> None:
    """It was placed for more, and what it was placed for has become little by its own fills."""
    bench = Bench()
    bench.hold(0, sign * held)
    sells = (sign > 0) is right_side
    bench.rest(0, OrderKind.EXIT_SELL if sells else OrderKind.EXIT_BUY, 1_000 + 10 * sign, held + more)
    assert bench.settle(1_000, 1_001).cancels == ([] if stays else [0])


def test_dust_below_an_opening_order_waits_for_its_fill() -> None:
    bench = Bench()
    bench.fill(bench.rest(0, OrderKind.OPEN_BUY, 1_000, 10), 2)
    draft = bench.settle(1_009, 1_009)
    assert (draft.cancels, draft.places) == ([], [])
    assert bench.why(0, 1_009, 1_009).code == "dust"


@SIDES
@pytest.mark.parametrize("dust", [1, 2])
def test_dust_joins_the_nearest_holding_of_its_side_whose_exit_earns_as_much(sign: int, dust: int) -> None:
    bench = Bench()
    bench.hold(0, sign * dust)
    bench.hold(-sign, sign * 10, exit_level=0)  # nearer, but closed at the dust's own entry
    bench.hold(3 * sign, sign * 10)
    near = bench.hold(2 * sign, sign * 10)
    bench.hold(sign, -sign * 10, exit_level=-sign)  # nearer, but the other side
    bench.settle(1_000, 1_001)
    assert near.position == sign * (10 + dust)
    assert bench.slots.slot(0).position == 0
    assert bench.exits.dusty == set()


@SIDES
def test_an_exit_at_the_same_price_earns_as_much(sign: int) -> None:
    bench = Bench()
    other = bench.hold(-sign, sign * 10, exit_level=sign)
    bench.hold(0, sign * 2, exit_level=2 * sign)
    bench.slots.release_exit(bench.slots.slot(0))  # it would be closed at the level that the other one has
    bench.exits.dusty.add(0)
    assert bench.exits.price(bench.slots.slot(0)) == bench.exits.price(other)
    assert bench.exits._neighbour(bench.slots, bench.slots.slot(0)) is other


@SIDES
@pytest.mark.parametrize("here", [0, 5, -5])
def test_of_two_equally_near_the_lower_level_is_chosen(sign: int, here: int) -> None:
    bench = Bench()
    dust = bench.hold(here, sign * 2, exit_level=here + sign)
    upper = bench.hold(here + 2, sign * 10, exit_level=here + (4 if sign > 0 else -3))
    lower = bench.hold(here - 2, sign * 10, exit_level=here + (3 if sign > 0 else -4))
    bench.hold(here + 3, sign * 10, exit_level=here + (5 if sign > 0 else -5))
    bench.hold(here - 3, sign * 10, exit_level=here + (6 if sign > 0 else -6))
    assert bench.exits._neighbour(bench.slots, dust) is lower
    bench.slots.apply(lower, Side.SELL if sign > 0 else Side.BUY, 1_000, 10)
    assert bench.exits._neighbour(bench.slots, dust) is upper


def test_dust_joins_neither_dust_nor_what_an_opening_order_adds_to() -> None:
    bench = Bench()
    bench.hold(0, 2)
    bench.hold(1, 3)
    bench.fill(bench.rest(2, OrderKind.OPEN_BUY, 1_020, 10), 5)
    bench.settle(1_000, 1_001)
    assert [bench.slots.slot(level).position for level in (0, 1, 2)] == [2, 3, 5]
    assert bench.exits.dusty == {0, 1}


def test_a_single_step_is_a_neighbour_like_any_other() -> None:
    bench = Bench(FREE)
    for sign in (1, -1):
        here = bench.hold(10 * sign, sign * 2)
        other = bench.hold(12 * sign, sign)
        assert bench.exits._neighbour(bench.slots, here) is other


def test_dust_inside_the_window_waits_for_the_opening_on_its_level() -> None:
    bench = Bench(settings=replace(GRID, mode=GridMode.LONG))
    bench.desk.decide(1_005, 1_005)
    assert -1 in bench.exits.ladder.want_buys
    bench.hold(-1, 2)
    bench.hold(2, 10)
    bench.settle(1_005, 1_005)
    assert bench.slots.slot(-1).position == 2
    assert bench.exits.dusty == {-1}


def test_dust_whose_order_is_on_its_way_is_not_moved() -> None:
    bench = Bench()
    bench.hold(0, 2)
    bench.slots.place(0, OrderKind.EXIT_SELL, 1_010, 2, NOW)
    bench.hold(2, 10)
    bench.settle(1_000, 1_001)
    assert bench.slots.slot(0).position == 2


def test_what_is_held_no_more_or_has_grown_is_no_dust_any_longer() -> None:
    bench = Bench()
    gone, grown = bench.hold(0, 2), bench.hold(5, 2)
    bench.settle(1_000, 1_001)
    assert bench.exits.dusty == {0, 5}
    bench.slots.apply(gone, Side.SELL, 1_000, 2)
    bench.slots.apply(grown, Side.BUY, 1_050, 8)
    draft = bench.settle(1_000, 1_001)
    assert bench.exits.dusty == set()
    assert [(place.level, place.quantity) for place in draft.places] == [(5, 10)]


def test_dust_that_was_sold_leaves_nothing_behind() -> None:
    bench = Bench()
    slot = bench.hold(0, 2)
    bench.settle(1_000, 1_001)
    bench.slots.apply(slot, Side.SELL, 1_000, 2)
    bench.settle(1_000, 1_001)
    assert bench.exits.dusty == set()


def test_every_piece_of_dust_is_gathered_in_one_go() -> None:
    bench = Bench()
    target = bench.hold(9, 10)
    for level in (0, 2, 4):
        bench.hold(level, 2)
    bench.settle(1_000, 1_001)
    assert target.position == 16
    assert bench.exits.dusty == set()
    assert bench.slots.attention == {9}


# --- before there is a price -----------------------------------------------------------------------------------------


def protected(bench: Bench) -> Draft:
    draft = Draft(-FAR, FAR, NOW)
    bench.exits.protect(bench.slots, draft)
    return draft


def test_what_is_held_gets_its_exits_at_their_levels_without_a_price() -> None:
    bench = Bench(settings=replace(GRID, mode=GridMode.LONG))
    bench.hold(5, -10)
    bench.hold(0, 10)
    bench.hold(9, 2)  # dust
    draft = protected(bench)
    assert draft.places == [
        Place(0, OrderKind.EXIT_SELL, 1_010, 10, True),
        Place(5, OrderKind.EXIT_BUY, 1_040, 10, True),
    ]
    assert bench.slots.slot(0).exit_level == 1
    assert bench.slots.slot(5).exit_level == 4
    assert not any(place.reduce_only for place in protected(Bench()).places)
    neutral = Bench()
    neutral.hold(0, 10)
    assert [place.reduce_only for place in protected(neutral).places] == [False]


@pytest.mark.parametrize(("steps", "cancels"), [(10, []), (9, [0])])
def test_without_a_price_only_an_exit_of_the_wrong_size_goes(steps: int, cancels: list[int]) -> None:
    bench = Bench()
    bench.hold(0, 10)
    bench.rest(0, OrderKind.EXIT_SELL, 1_234, steps)
    draft = protected(bench)
    assert (draft.cancels, draft.places) == (cancels, [])


def test_without_a_price_a_remainder_is_left_alone() -> None:
    bench = Bench()
    bench.fill(bench.rest(0, OrderKind.OPEN_BUY, 1_000, 10), 5)
    draft = protected(bench)
    assert (draft.cancels, draft.places) == ([], [])


def test_without_a_price_blocks_and_openings_in_the_way_count_too() -> None:
    bench = Bench()
    bench.hold(0, 10).blocked_until = NOW + 3
    bench.hold(10, 10).blocked_until = NOW
    bench.hold(20, 10)
    bench.rest(21, OrderKind.OPEN_SELL, 1_210, 10)
    draft = protected(bench)
    assert [place.level for place in draft.places] == [10]
    assert draft.recheck == NOW + 3
    assert draft.cancels == [21]


def test_without_a_price_no_price_is_quiet() -> None:
    bench = Bench()
    decision = bench.desk.grid.protect(bench.slots, OPEN, NOW)
    assert (decision.low, decision.high) == (FAR, -FAR)


# --- corrections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["protect", "settle"])
def test_an_exit_whose_holding_was_corrected_away_is_taken_back_until_it_has_gone(way: str) -> None:
    bench = Bench()

    def cancels() -> list[int]:
        return (protected(bench) if way == "protect" else bench.settle(1_000, 1_001)).cancels

    held = {level: bench.hold(level, 10) for level in (0, 5, 9)}
    orders = {level: bench.rest(level, OrderKind.EXIT_SELL, 1_010 + 10 * level, 10) for level in (0, 5)}
    for level in (5, 0, 9):
        bench.slots.correct(held[level], Side.SELL, 1_000, 10)
    assert bench.slots.bare == {0, 5}
    assert cancels() == [0, 5]
    order = orders[0]
    bench.slots.report(
        OrderReport(order.client_id, "XUSDT", "v", order.side, OrderStatus.CANCELED, order.price, 10, 0, NOW)
    )
    assert cancels() == [5]
    assert bench.slots.bare == {5}
    bench.hold(5, 10)
    assert cancels() == []
    assert bench.slots.bare == set()


def test_a_bare_level_that_was_forgotten_or_opens_again_is_forgotten_as_such() -> None:
    bench = Bench()
    bench.slots.bare.update({3, 4})
    bench.rest(4, OrderKind.OPEN_BUY, 1_040, 10)
    assert protected(bench).cancels == []
    assert bench.slots.bare == set()
