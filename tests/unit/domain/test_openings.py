"""Opening orders one case at a time; what the short cut decides too is asked of both, the short cut and the rule."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.desk import Desk

from opensqt_actors.domain.draft import FAR, Draft
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.slots import Slot, WorkingOrder
from opensqt_actors.domain.strategy import Gate, Place, Reason

NOW = 10**18
BUY, SELL = OrderKind.OPEN_BUY, OrderKind.OPEN_SELL
EXIT_BUY, EXIT_SELL = OrderKind.EXIT_BUY, OrderKind.EXIT_SELL
# level k is at 1,000 + 10 k ticks of 1 USDT; a full level is 100 USDT, which are nine or ten steps
MARKET = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal("0.01"), min_notional=Decimal(50))
GRID = GridSettings(
    GridMode.NEUTRAL, Decimal(100), Decimal(10), buy_window=3, sell_window=3, max_position=Decimal(10_000)
)
EVERYTHING = [(-1, BUY, 990, 10), (1, SELL, 1_010, 9), (-2, BUY, 980, 10), (2, SELL, 1_020, 9), (-3, BUY, 970, 10),
              (3, SELL, 1_030, 9)]  # fmt: skip


class Bench:
    """One grid whose centre is level 0 at 1,000."""

    def __init__(self, settings: GridSettings = GRID, instrument: Instrument = MARKET) -> None:
        self.desk = Desk(settings, 1_000, instrument)
        self.slots = self.desk.slots
        self.openings = self.desk.grid.openings
        self.exits = self.desk.grid.exits
        self.stand(1_000)

    def stand(self, mid: int) -> None:
        """Let the centre follow a price."""
        self.desk.grid.ladder.follow(self.slots, mid)

    def decide(self, way: str, bid: int = 1_000, ask: int = 1_000) -> Draft:
        """What one of the two ways asks for."""
        draft = Draft(bid, ask, NOW)
        if way == "follow":
            assert self.openings.follow(self.slots, draft), "no limit is near"
        else:
            self.openings.walk(self.slots, draft)
        return draft

    def why(self, level: int, bid: int = 1_000, ask: int = 1_000) -> Reason:
        """Why a level has no order."""
        reasons: dict[int, Reason] = {}
        self.openings.decide(self.slots, Draft(bid, ask, NOW, reasons))
        return reasons[level]

    def rest(self, level: int, kind: OrderKind, steps: int = 9, price: int | None = None) -> WorkingOrder:
        """An order that the venue has confirmed."""
        order = self.slots.place(level, kind, 1_000 + 10 * level if price is None else price, steps, NOW)
        self.slots.report(
            OrderReport(order.client_id, "XUSDT", "v", order.side, OrderStatus.NEW, order.price, steps, 0, NOW)
        )
        return order

    def fill(self, order: WorkingOrder, steps: int, trade: int = 1) -> None:
        """A trade at the order's own price."""
        self.slots.fill(
            Fill("XUSDT", trade, order.client_id, "v", order.side, order.price, steps, Decimal(0), "", True, NOW)
        )

    def hold(self, level: int, steps: int, *, exits: bool = True) -> Slot:
        """Let a level hold so many signed steps, with its exit level reserved, and nothing left to look at."""
        slot = self.slots.slot(level)
        self.slots.apply(slot, Side.BUY if steps > 0 else Side.SELL, 1_000 + 10 * level, abs(steps))
        if exits:
            self.exits.reserve(self.slots, slot)
        return slot


def placed_by(places: Sequence[Place]) -> list[tuple[int, OrderKind, int, int]]:
    return [(place.level, place.kind, place.price, place.quantity) for place in places]


def placed(draft: Draft) -> list[tuple[int, OrderKind, int, int]]:
    return placed_by(draft.places)


def levels(draft: Draft) -> list[int]:
    return [place.level for place in draft.places]


WAYS = pytest.mark.parametrize("way", ["follow", "walk"])


# --- what is missing -------------------------------------------------------------------------------------------------


@WAYS
def test_every_level_of_the_window_gets_an_order_the_nearest_first(way: str) -> None:
    draft = Bench().decide(way)
    assert placed(draft) == EVERYTHING
    assert not any(place.reduce_only for place in draft.places)
    assert (draft.cancels, draft.low, draft.high) == ([], -FAR, FAR)


@WAYS
@pytest.mark.parametrize(("mode", "kind"), [(GridMode.LONG, BUY), (GridMode.SHORT, SELL)])
def test_a_grid_of_one_side_opens_on_that_side(way: str, mode: GridMode, kind: OrderKind) -> None:
    assert placed(Bench(replace(GRID, mode=mode)).decide(way)) == [row for row in EVERYTHING if row[1] is kind]


@WAYS
def test_what_rests_already_is_left_alone(way: str) -> None:
    bench = Bench()
    for level, kind, _, steps in EVERYTHING:
        bench.rest(level, kind, steps)
    draft = bench.decide(way)
    assert (draft.places, draft.cancels) == ([], [])


@WAYS
@pytest.mark.parametrize("level", [-1, 1, -3, 3])
def test_only_what_is_missing_is_placed(way: str, level: int) -> None:
    bench = Bench()
    for other, kind, _, steps in EVERYTHING:
        if other != level:
            bench.rest(other, kind, steps)
    draft = bench.decide(way)
    assert (levels(draft), draft.cancels) == ([level], [])


@WAYS
@pytest.mark.parametrize(
    ("bid", "ask", "level", "low", "high"),
    [
        (991, 992, -1, -FAR, 992),  # a tenth of the interval above the buy at 990 is 991: placed above it
        (988, 990, -1, -FAR, 992),
        (985, 985, -1, -FAR, 992),
        (1_009, 1_009, 1, 1_009, FAR),  # a tenth below the sell at 1,010 is 1,009: placed below it
        (1_010, 1_012, 1, 1_009, FAR),
        (1_015, 1_015, 1, 1_009, FAR),
    ],
)
def test_an_order_that_the_market_is_close_to_waits_and_the_band_ends_where_it_may_be_placed(
    way: str, bid: int, ask: int, level: int, low: int, high: int
) -> None:
    bench = Bench()
    draft = bench.decide(way, bid, ask)
    assert level not in levels(draft)
    assert (draft.low, draft.high) == (low, high)
    assert bench.why(level, bid, ask) == Reason(
        "buffer", "closer to the market than the safety buffer of a tenth of the interval"
    )


@WAYS
@pytest.mark.parametrize(("mid", "level"), [(992, -1), (1_008, 1)])
def test_a_tick_beyond_the_buffer_it_is_placed(way: str, mid: int, level: int) -> None:
    bench = Bench()
    draft = bench.decide(way, mid, mid)
    assert level in levels(draft)
    assert (draft.low, draft.high) == (-FAR, FAR)
    assert bench.why(level, mid, mid) == Reason("due", "its order is placed with the next decision")


@WAYS
def test_a_wide_spread_holds_back_what_would_cross_it(way: str) -> None:
    bench = Bench()
    draft = bench.decide(way, 1_010, 1_011)  # a mid above 992, and a bid on the sell
    assert 1 not in levels(draft)
    wide = bench.decide(way, 1_015, 985)  # crossed quotes: nothing that either side would take
    assert levels(wide) == [-2, 2, -3, 3]
    assert (wide.low, wide.high) == (1_009, 992)


def test_a_buffer_between_two_ticks_ends_at_the_next_one() -> None:
    bench = Bench(replace(GRID, interval=Decimal(11), anchor=Decimal(1_000)))  # the buy at 989: above 990.1
    assert levels(bench.decide("walk", 991, 991)) == [-1, 1, -2, 2, -3, 3]
    assert -1 not in levels(bench.decide("walk", 990, 990))


@pytest.mark.parametrize(
    ("mode", "scale", "price", "band"),
    [(GridMode.LONG, 1.05, 990, (-FAR, 991)), (GridMode.SHORT, 0.95, 1_010, (1_010, FAR))],
)
def test_a_skewed_buffer_never_lets_an_order_cross(
    mode: GridMode, scale: float, price: int, band: tuple[int, int]
) -> None:
    """The skew has moved the buffer beyond the level itself; the market at the level still holds the order back."""
    bench = Bench(replace(GRID, mode=mode))
    bench.desk.grid.ladder.scale = round(scale * bench.desk.grid.ladder.scale)
    draft = bench.decide("walk", price, price)
    assert (price - 1_000) // 10 not in levels(draft)
    assert (draft.low, draft.high) == band


@WAYS
def test_a_blocked_level_waits_for_the_end_of_its_block(way: str) -> None:
    bench = Bench()
    slot = bench.slots.slot(-1)
    slot.blocked_until, slot.blocked_reason = NOW + 1, "the venue says no"
    draft = bench.decide(way)
    assert levels(draft) == [1, -2, 2, -3, 3]
    assert draft.recheck == NOW + 1
    assert bench.why(-1) == Reason("blocked", "the venue says no")
    slot.blocked_until = NOW
    assert -1 in levels(bench.decide(way))


@WAYS
def test_a_level_that_an_exit_has_is_not_opened(way: str) -> None:
    bench = Bench()
    bench.hold(-2, 10)  # closed at level -1
    assert levels(bench.decide(way)) == [1, 2, -3, 3]
    assert bench.why(-1) == Reason("exit_level", "the exit of level -2 has this level")


@WAYS
def test_a_level_that_holds_something_is_not_opened_again(way: str) -> None:
    bench = Bench()
    bench.hold(-1, 10)
    assert levels(bench.decide(way)) == [1, -2, 2, -3, 3]


@WAYS
def test_an_order_on_its_way_is_not_placed_twice(way: str) -> None:
    bench = Bench()
    bench.slots.place(-1, BUY, 990, 10, NOW)
    draft = bench.decide(way)
    assert -1 not in levels(draft)
    assert draft.cancels == []


@WAYS
def test_a_level_too_small_for_the_venue_is_left_out(way: str) -> None:
    bench = Bench(replace(GRID, amount=Decimal(51)))  # five steps up to 1,020: 50 USDT from 1,000 on
    assert levels(bench.decide(way)) == [1, 2]
    assert bench.why(-1) == Reason("too_small", "notional 49.50 is below the venue's minimum 50")


# --- what should not rest --------------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize(("level", "kind"), [(-4, BUY), (4, SELL), (-9, BUY), (9, SELL)])
def test_an_order_outside_the_window_goes(way: str, level: int, kind: OrderKind) -> None:
    bench = Bench()
    bench.rest(level, kind)
    assert bench.decide(way).cancels == [level]


@WAYS
def test_what_goes_goes_lowest_first(way: str) -> None:
    bench = Bench()
    for level, kind in ((5, SELL), (-4, BUY), (4, SELL), (-5, BUY)):
        bench.rest(level, kind)
    assert bench.decide(way).cancels == [-5, -4, 4, 5]


@WAYS
@pytest.mark.parametrize(("level", "kind"), [(-1, BUY), (1, SELL)])
def test_an_order_on_a_level_that_an_exit_has_goes(way: str, level: int, kind: OrderKind) -> None:
    bench = Bench()
    bench.rest(level, kind)
    sign = 1 if kind is BUY else -1
    bench.hold(level - sign, sign * 10)  # closed at that level
    assert bench.decide(way).cancels == [level]


@WAYS
@pytest.mark.parametrize(("level", "kind", "steps"), [(-4, BUY, 5), (4, SELL, 5)])
def test_the_rest_of_an_opening_that_holds_something_is_not_this_rules_business(
    way: str, level: int, kind: OrderKind, steps: int
) -> None:
    bench = Bench()
    bench.fill(bench.rest(level, kind), steps)
    assert bench.decide(way).cancels == []


@WAYS
@pytest.mark.parametrize(
    ("level", "kind", "mid", "stays", "low", "high"),
    [
        (0, BUY, 1_000, True, -FAR, FAR),  # the centre has moved on to it
        (0, SELL, 1_000, True, -FAR, FAR),
        (1, BUY, 1_005, True, -FAR, 1_011),  # a buy above the centre: the market has come down to it
        (1, BUY, 1_010, True, -FAR, 1_011),
        (1, BUY, 1_011, False, -FAR, FAR),
        (2, BUY, 1_005, True, -FAR, 1_021),
        (-1, SELL, 995, True, 990, FAR),
        (-1, SELL, 990, True, 990, FAR),
        (-1, SELL, 989, False, -FAR, FAR),
        (-2, SELL, 995, True, 980, FAR),
        (-1, BUY, 980, False, -FAR, FAR),  # the window's own side: nothing to stay for
        (1, SELL, 1_020, False, -FAR, FAR),
    ],
)
def test_an_order_that_the_market_has_come_to_stays_while_the_market_is_not_past_it(
    way: str, level: int, kind: OrderKind, mid: int, stays: bool, low: int, high: int
) -> None:
    bench = Bench()
    draft = Draft(mid, mid, NOW)
    assert bench.openings.came_to(level, kind, draft) is stays
    assert (draft.low, draft.high) == (low, high)


@WAYS
@pytest.mark.parametrize(
    ("level", "kind", "mid", "band"), [(1, BUY, 1_005, (-FAR, 1_011)), (-1, SELL, 995, (990, FAR))]
)
def test_an_order_that_stays_for_the_market_ends_the_band_where_it_would_not(
    way: str, level: int, kind: OrderKind, mid: int, band: tuple[int, int]
) -> None:
    bench = Bench(replace(GRID, mode=GridMode.LONG if kind is BUY else GridMode.SHORT))
    bench.rest(level, kind)
    draft = bench.decide(way, mid, mid)
    assert draft.cancels == []
    assert (draft.low, draft.high) == band


@WAYS
def test_as_many_orders_as_there_should_be_are_not_for_that_the_right_ones(way: str) -> None:
    bench = Bench(replace(GRID, mode=GridMode.LONG))
    for level in (-1, -2, -4, -5):
        bench.rest(level, BUY, 10)
    draft = bench.decide(way)
    assert draft.cancels == [-5, -4]
    assert levels(draft) == [-3]


@WAYS
def test_what_lies_outside_and_what_an_exit_claims_go_together_and_nothing_else(way: str) -> None:
    bench = Bench(replace(GRID, mode=GridMode.LONG))
    for level in (-1, -2, -4):
        bench.rest(level, BUY, 10)
    bench.slots.reserve_exit(bench.hold(-6, 10), 5)
    draft = bench.decide(way)
    assert draft.cancels == [-4, -1]
    assert levels(draft) == [-3]


def test_an_order_between_the_levels_of_a_wider_interval_goes() -> None:
    bench = Bench()
    bench.desk.grid.ladder.multiple = 2
    draft = Draft(1_000, 1_000, NOW)
    assert not bench.openings.came_to(1, BUY, draft)
    assert bench.openings.came_to(2, BUY, draft)
    assert not bench.openings.came_to(-1, SELL, draft)
    assert bench.openings.came_to(-2, SELL, draft)


@WAYS
def test_an_order_that_the_market_has_come_to_takes_the_place_of_none(way: str) -> None:
    """The level between both sides: its order stays although the level is the centre now."""
    bench = Bench()
    bench.rest(0, BUY, 10)
    draft = bench.decide(way)
    assert draft.cancels == []
    assert levels(draft) == [-1, 1, -2, 2, -3, 3]


# --- limits ----------------------------------------------------------------------------------------------------------


def walked(**changes: object) -> tuple[Bench, Draft]:
    bench = Bench(replace(GRID, **changes))  # type: ignore[arg-type]
    draft = Draft(1_000, 1_000, NOW)
    bench.openings.decide(bench.slots, draft)
    return bench, draft


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_the_nearest_orders_use_up_the_number_of_orders(most: int) -> None:
    bench, draft = walked(max_open_orders=most)
    assert placed(draft) == EVERYTHING[:most]
    assert bench.why(3) == Reason("max_open_orders", f"nearer orders use up max_open_orders {most}")


@pytest.mark.parametrize(
    ("most", "expected"),
    [("90", []), ("98.99", [1, -2]), ("99", [-1, 1]), ("197", [-1, 1, -2, 2]), ("294", [-1, 1, -2, 2, -3, 3])],
)
def test_each_side_opens_as_far_as_its_own_limit_allows(most: str, expected: list[int]) -> None:
    """Buys at 990, 980, 970 x 10 steps: 99, 98, 97 USDT; sells at 1,010, 1,020, 1,030 x 9: 90.90, 91.80, 92.70."""
    bench, draft = walked(max_position=Decimal(most))
    assert levels(draft) == expected
    if 3 not in expected:
        assert bench.why(3) == Reason("max_position", f"would take the position over max_position {most}")


def test_what_is_held_counts_on_its_side_only() -> None:
    bench = Bench(replace(GRID, max_position=Decimal(200)))
    bench.hold(-5, 10)  # 95 USDT: of 200 there are 105 left
    draft = Draft(1_000, 1_000, NOW)
    bench.openings.decide(bench.slots, draft)
    assert levels(draft) == [-1, 1, 2]


def test_exits_at_work_and_exits_due_count_as_orders_and_dust_does_not() -> None:
    bench = Bench(replace(GRID, max_open_orders=5))
    bench.hold(-6, 10)
    bench.rest(-6, EXIT_SELL, 10, price=950)
    bench.hold(-8, 10)  # its exit is still to be placed
    bench.hold(-12, 10)  # and this one's
    bench.hold(-10, 2)
    bench.exits.dusty.add(-10)
    draft = Draft(1_000, 1_000, NOW)
    bench.openings.walk(bench.slots, draft)
    assert levels(draft) == [-1, 1]


def test_the_farthest_orders_go_when_the_limit_is_lower_than_what_rests() -> None:
    bench = Bench(replace(GRID, max_open_orders=3))
    for level, kind, _, steps in EVERYTHING:
        bench.rest(level, kind, steps)
    draft = bench.decide("walk")
    assert (draft.cancels, draft.places) == ([-3, 2, 3], [])


def test_an_order_counts_by_what_is_left_of_it() -> None:
    """Half of a buy has filled: what is held and what is left come to the value of one order, not of one and a half."""
    bench = Bench(replace(GRID, max_position=Decimal(197)))
    bench.fill(bench.rest(-1, BUY, 10), 5)
    draft = bench.decide("walk", 995, 995)
    assert -2 in levels(draft)
    assert draft.cancels == []


def test_an_order_on_its_way_out_still_counts() -> None:
    bench = Bench(replace(GRID, max_open_orders=6))
    bench.rest(-4, BUY)
    draft = bench.decide("walk")
    assert draft.cancels == [-4]
    assert levels(draft) == [-1, 1, -2, 2, -3]
    assert bench.why(3) == Reason(
        "cancelling", "waits until an order that is being cancelled has gone: the limits count it as well"
    )


@pytest.mark.parametrize("why", ["blocked", "buffer"])
def test_a_level_that_must_wait_leaves_its_room_to_the_next(why: str) -> None:
    bench = Bench(replace(GRID, max_open_orders=6))
    bench.rest(-4, BUY)
    mid = 991 if why == "buffer" else 1_000
    if why == "blocked":
        bench.slots.slot(-1).blocked_until = NOW + 1
    assert levels(bench.decide("walk", mid, mid)) == [1, -2, 2, -3, 3]


def test_the_farthest_orders_go_when_the_position_limit_is_lower_than_what_rests() -> None:
    bench = Bench(replace(GRID, max_position=Decimal(197)))
    for level, kind, _, steps in EVERYTHING:
        bench.rest(level, kind, steps)
    assert bench.decide("walk").cancels == [-3, 3]


def test_an_order_that_the_market_has_come_to_counts_before_the_window() -> None:
    bench = Bench(replace(GRID, max_open_orders=3))
    bench.rest(0, BUY, 10)
    draft = bench.decide("walk")
    assert draft.cancels == []
    assert levels(draft) == [-1, 1]


@pytest.mark.parametrize(("kind", "expected"), [(BUY, [1, 2, -3]), (SELL, [-1, 1, -2])])
def test_an_order_that_the_market_has_come_to_counts_by_its_value_on_its_side(
    kind: OrderKind, expected: list[int]
) -> None:
    """It takes 100 of the 197 USDT of its side: what is left is enough for the buy at 970, or the sell at 1,010."""
    bench = Bench(replace(GRID, max_position=Decimal(197)))
    bench.rest(0, kind, 10)
    draft = bench.decide("walk")
    assert draft.cancels == []
    assert levels(draft) == expected


@pytest.mark.parametrize(("sign", "kind"), [(1, BUY), (-1, SELL)])
def test_an_order_that_the_market_has_come_to_goes_when_its_side_is_full(sign: int, kind: OrderKind) -> None:
    bench = Bench(replace(GRID, max_position=Decimal(150)))
    bench.hold(-5 * sign, 10 * sign)
    bench.rest(0, kind, 10)
    assert bench.decide("walk").cancels == [0]


def test_an_order_on_its_way_out_counts_by_its_value_on_its_side() -> None:
    """The buy at 960 still takes 86.40 of 200: the one at 990 fits beside it, the one at 980 does not yet."""
    bench = Bench(replace(GRID, max_position=Decimal(200)))
    bench.rest(-4, BUY, 9)
    draft = bench.decide("walk")
    assert draft.cancels == [-4]
    assert levels(draft) == [-1, 1, 2]
    assert bench.why(-2).code == "cancelling"


@pytest.mark.parametrize("allowance", [0, 1, 2, 4])
def test_a_trial_gets_the_nearest_orders_and_says_why_there_are_no_more(allowance: int) -> None:
    bench = Bench()
    gate = Gate(allowance=allowance, limited=("breaker_half_open", "the breaker tries a few"))
    draft = Draft(1_000, 1_000, NOW)
    bench.openings.decide(bench.slots, draft, gate)
    assert placed(draft) == EVERYTHING[:allowance]
    assert bench.openings.roomy is False
    reasons: dict[int, Reason] = {}
    bench.openings.decide(bench.slots, Draft(1_000, 1_000, NOW, reasons), gate)
    assert reasons[3] == Reason("breaker_half_open", "the breaker tries a few")
    assert placed_by(bench.desk.grid.decide(bench.slots, 1_000, 1_000, gate, NOW).places) == EVERYTHING[:allowance]


def test_what_rests_and_what_leaves_counts_in_a_trial() -> None:
    bench = Bench()
    gate = Gate(allowance=3, limited=("breaker_half_open", "the breaker tries a few"))
    bench.rest(-1, BUY, 10)
    bench.rest(1, SELL)
    bench.rest(-4, BUY)
    draft = Draft(1_000, 1_000, NOW)
    bench.openings.decide(bench.slots, draft, gate)
    assert (draft.cancels, draft.places) == ([-4], []), "a third one only when the leaving one has gone"
    bench.rest(-2, BUY, 10)
    bench.rest(2, SELL)
    draft = Draft(1_000, 1_000, NOW)
    bench.openings.decide(bench.slots, draft, gate)
    assert (draft.cancels, draft.places) == ([-4, 2], []), "the nearest stay"


def test_an_order_of_the_other_side_on_a_level_of_the_window_goes_before_its_own_comes() -> None:
    bench = Bench()
    bench.rest(1, BUY)
    draft = bench.decide("walk", 1_015, 1_015)
    assert draft.cancels == [1]
    assert 1 not in levels(draft)


@pytest.mark.parametrize("dust", [1, 2])
def test_dust_is_added_to_by_an_opening_of_its_own_side_only(dust: int) -> None:
    bench = Bench()
    for level, steps in ((-1, dust), (-2, -dust), (1, -dust), (2, dust)):
        bench.hold(level, steps, exits=False)
        bench.exits.dusty.add(level)
    assert not bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW)), "with dust about, the rule itself decides"
    assert levels(bench.decide("walk")) == [-1, 1, -3, 3]


def test_the_rest_of_an_opening_on_dust_goes_like_any_order() -> None:
    bench = Bench()
    bench.fill(bench.rest(-4, BUY, 10), 2)
    bench.exits.dusty.add(-4)
    assert bench.decide("walk").cancels == [-4]


# --- the short cut ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "taken", "roomy"), [(5, False, False), (6, True, False), (7, True, False), (8, True, True)]
)
def test_the_short_cut_needs_room_for_the_whole_window_and_calls_it_roomy_with_two_orders_to_spare(
    most: int, taken: bool, roomy: bool
) -> None:
    bench = Bench(replace(GRID, max_open_orders=most))
    assert bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW)) is taken
    assert bench.openings.roomy is roomy


@pytest.mark.parametrize(
    ("held", "taken", "roomy"), [(400, False, False), (300, True, False), (250, True, False), (100, True, True)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_short_cut_needs_room_for_full_orders_on_either_side(
    sign: int, held: int, taken: bool, roomy: bool
) -> None:
    """Three levels of 100 a side under a limit of 600; two more to spare are 500."""
    bench = Bench(replace(GRID, max_position=Decimal(600)))
    slot = bench.slots.slot(50)
    bench.slots.apply(slot, Side.BUY if sign > 0 else Side.SELL, 1_000, held // 10)
    assert bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW)) is taken
    assert bench.openings.roomy is roomy


def test_a_side_that_the_grid_does_not_open_needs_no_room() -> None:
    bench = Bench(replace(GRID, mode=GridMode.LONG, max_position=Decimal(600)))
    bench.hold(50, -70)
    assert bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW))
    assert bench.openings.roomy
    other = Bench(replace(GRID, mode=GridMode.SHORT, max_position=Decimal(600)))
    other.hold(50, 70)
    assert other.openings.follow(other.slots, Draft(1_000, 1_000, NOW))


def test_room_is_measured_by_the_largest_order_that_rests() -> None:
    """It may have been placed while the amount per level was larger."""
    bench = Bench(replace(GRID, max_position=Decimal(600)))
    bench.rest(-1, BUY, 30)  # 297 USDT
    assert not bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW))


def test_exits_at_work_and_levels_to_look_at_need_room_too() -> None:
    bench = Bench(replace(GRID, max_open_orders=8))
    bench.hold(50, 1)
    assert bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW))
    bench.hold(60, 1)
    bench.hold(70, 1)
    assert not bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW))
    bench.slots.attention.clear()
    assert bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW))
    for level in (50, 60, 70):
        bench.rest(level, EXIT_SELL, 1, price=2_000)
    bench.slots.attention.clear()
    assert not bench.openings.follow(bench.slots, Draft(1_000, 1_000, NOW))


@pytest.mark.parametrize("most", [6, 50])
def test_a_decision_takes_the_short_cut_only_where_it_is_right(most: int) -> None:
    assert Bench().openings.roomy is False, "nothing was decided yet"
    bench, draft = walked(max_open_orders=most)
    assert placed(draft) == EVERYTHING
    assert bench.openings.roomy is (most == 50)
    bench.openings.walk(bench.slots, Draft(1_000, 1_000, NOW))
    assert bench.openings.roomy is False


# --- the gate --------------------------------------------------------------------------------------------------------


def test_a_closed_gate_takes_every_opening_back_and_says_the_most_urgent_reason() -> None:
    bench = Bench()
    for level, kind, _, steps in EVERYTHING[:3]:
        bench.rest(level, kind, steps)
    bench.openings.roomy = True
    closed = Gate((("halted", "the breaker is open"), ("paused", "paused by an operator")))
    decision = bench.desk.grid.decide(bench.slots, 1_000, 1_000, closed, NOW)
    assert sorted(decision.cancels) == [-2, -1, 1]
    assert decision.places == []
    assert bench.openings.roomy is False
    bench.hold(-3, 10)
    reasons = bench.desk.grid.why(bench.slots, 1_000, 1_000, closed, NOW)
    assert reasons[2] == reasons[3] == Reason("halted", "the breaker is open")
    assert reasons[-3].code == "due", "an exit is no opening"
    assert reasons[-1] == Reason("", "")


def test_what_a_place_says_is_all_that_the_venue_needs() -> None:
    assert Bench().decide("walk").places[0] == Place(-1, BUY, 990, 10, False)
