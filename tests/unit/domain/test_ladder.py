"""Where the ladder stands: when its centre moves, how far the trail lets it, what its rungs and exits are."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.draft import FAR
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.grid import Grid, anchor_lattice
from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.ladder import ONE, RUNGS, VIEWS, Ladder
from opensqt_actors.domain.orders import Candle, Fees, OrderReport, OrderStatus, Side
from opensqt_actors.domain.settings import GridMode, GridSettings, Trail
from opensqt_actors.domain.slots import Slots, WorkingOrder
from opensqt_actors.domain.strategy import OPEN, Market, Reason

MINUTE = 60_000_000_000
MARKET = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal("0.01"), min_notional=Decimal(50))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
DEAR = Fees(Decimal("0.001"), Decimal("0.001"))


def market(fees: Fees = FEES, instrument: Instrument = MARKET, **changes: object) -> Market:
    """A neutral grid of 100 USDT levels, ten ticks apart, level 0 at 1,000; three levels a side."""
    given_: dict[str, object] = {
        "mode": GridMode.NEUTRAL, "amount": Decimal(100), "interval": Decimal(10), "buy_window": 3, "sell_window": 3,
        "max_position": Decimal(1_000), **changes,
    }  # fmt: skip
    settings = GridSettings(**given_)  # type: ignore[arg-type]
    return Market(instrument, fees, settings, anchor_lattice(instrument, settings, 1_000))


def ladder(fees: Fees = FEES, instrument: Instrument = MARKET, **changes: object) -> Ladder:
    return Ladder(market(fees, instrument, **changes))


def slots(cost: int = 0) -> Slots:
    """Slots that hold this much at cost, in USDT; negative: short."""
    book = Slots(IdCoder("aa", 1))
    if cost:
        book.apply(book.slot(99), Side.BUY if cost > 0 else Side.SELL, 1_000, abs(cost) // 10)
    return book


def candles(of: Ladder, count: int, spread: float, close: float = 1_000.0, start: int = 0) -> list[bool]:
    """So many closed candles of one range; what each of them changed."""
    return [
        of.candle(
            Candle("XUSDT", (start + i) * MINUTE, close, close + spread / 2, close - spread / 2, close, 1.0, True)
        )
        for i in range(count)
    ]


# --- the centre ------------------------------------------------------------------------------------------------------


def test_the_first_price_finds_its_nearest_level() -> None:
    of = ladder()
    assert (of.centre, of.band, of.want_buys, of.want_sells) == (None, (-FAR, FAR), frozenset(), frozenset())
    assert of.rungs() == []
    assert of.clipped() == []
    assert of.follow(slots(), 1_024)
    assert of.centre == 2
    assert of.want_buys == {-1, 0, 1}
    assert of.want_sells == {3, 4, 5}


@pytest.mark.parametrize(
    ("mid", "moves", "centre"),
    [(1_006, False, 0), (1_007, True, 1), (994, False, 0), (993, True, -1), (1_100, True, 10), (905, True, -9)],
)
def test_the_centre_moves_once_the_price_is_more_than_six_tenths_of_an_interval_away(
    mid: int, moves: bool, centre: int
) -> None:
    of = ladder()
    of.follow(slots(), 1_000)
    assert of.band == (994, 1_007)
    assert of.follow(slots(), mid) is moves
    assert of.centre == centre
    assert of.band == (994 + 10 * centre, 1_007 + 10 * centre)


def test_the_centre_takes_single_steps_like_jumps() -> None:
    of = ladder()
    for mid in (1_000, 1_010, 1_020, 1_010, 1_000, 990, 1_000, 1_020, 990):
        of.follow(slots(), mid)
        assert of.centre == (mid - 1_000) // 10
        assert of.want_buys == {of.centre - 3, of.centre - 2, of.centre - 1}
        assert of.band == (mid - 6, mid + 7)


def test_a_price_half_way_belongs_to_the_upper_level() -> None:
    of = ladder()
    of.follow(slots(), 1_000)
    of.follow(slots(), 1_020)
    of.follow(slots(), 1_000)  # views of the levels around are known now
    assert of.view(1).low == 1_005
    assert of.view(1).high == 1_015
    of.follow(slots(), 1_015)
    assert of.centre == 2


@given(st.lists(st.integers(900, 1_100), min_size=1, max_size=40))
def test_a_centre_is_where_the_price_put_it_however_it_came_there(prices: list[int]) -> None:
    """The steps from level to level are remembered views; they are what is found anew."""
    of = ladder()
    for price in prices:
        if of.follow(slots(), price):
            fresh = ladder()
            fresh.follow(slots(), price)
            assert (of.centre, of.band, of.want_buys) == (fresh.centre, fresh.band, fresh.want_buys)
            assert (of.want_sells, of.down, of.up) == (fresh.want_sells, fresh.down, fresh.up)
        low, high = of.band
        assert low <= price < high


def test_views_and_rungs_that_are_remembered_stay_few() -> None:
    of = ladder()
    for mid in range(1_000, 1_000 + 10 * 2 * RUNGS, 10):
        of.follow(slots(), mid)
        of.rung(mid)
        of.exit_distance(mid, 1)
        assert len(of._views) <= VIEWS
        assert len(of._rungs) <= RUNGS
        assert len(of._distances) <= RUNGS


# --- the trail -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trail", "centres", "band"),
    [
        (Trail.BOTH, [0, 2, -3, -1], (984, 997)),
        (Trail.UP, [0, 2, 2, 2], (-FAR, 1_027)),
        (Trail.DOWN, [0, 0, -3, -3], (964, FAR)),
        (Trail.NONE, [0, 0, 0, 0], (-FAR, FAR)),
    ],
)
def test_a_trail_follows_one_way_both_or_none(trail: Trail, centres: list[int], band: tuple[int, int]) -> None:
    of = ladder(trail=trail)
    found = []
    for mid in (1_000, 1_020, 970, 990):
        of.follow(slots(), mid)
        found.append(of.centre)
    assert found == centres
    assert of.band == band


def test_a_trail_that_waits_stands_on_a_level_of_the_wider_interval() -> None:
    of = ladder(trail=Trail.UP, atr_scale=Decimal(1), max_multiple=2)
    of.follow(slots(), 1_030)
    assert of.centre == 3
    candles(of, 14, 20.0)
    of.follow(slots(), 1_000)
    assert (of.multiple, of.centre) == (2, 4)


def test_a_trail_that_was_far_ahead_goes_on_from_there() -> None:
    of = ladder(trail=Trail.UP)
    for mid, centre in ((1_040, 4), (1_000, 4), (1_046, 4), (1_047, 5)):
        of.follow(slots(), mid)
        assert of.centre == centre


# --- the price limits ------------------------------------------------------------------------------------------------


def test_levels_outside_the_price_limits_are_not_opened_and_are_told() -> None:
    of = ladder(min_price=Decimal(980), max_price=Decimal(1_010))
    of.follow(slots(), 1_000)
    assert (of.want_buys, of.want_sells) == ({-2, -1}, {1})
    assert of.clipped() == [-3, 2, 3]


@pytest.mark.parametrize(("limit", "clipped"), [("min_price", [-3, -2, -1]), ("max_price", [1, 2, 3])])
def test_one_price_limit_alone_is_one(limit: str, clipped: list[int]) -> None:
    of = ladder(**{limit: Decimal(1_000)})
    of.follow(slots(), 1_000)
    assert of.clipped() == clipped
    assert len(of.want_buys) + len(of.want_sells) == 3


# --- the skew --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cost", "scale"),
    [(0, 1.0), (500, 0.99), (-500, 1.01), (1_000, 0.98), (5_000, 0.98), (-5_000, 1.02), (10, 0.9998)],
)
def test_the_price_is_skewed_against_what_is_held_by_its_share_of_the_limit(cost: int, scale: float) -> None:
    of = ladder(skew=Decimal("0.02"))
    of.follow(slots(cost), 1_000)
    assert of.scale == round(scale * ONE)


def test_a_skew_never_turns_the_price_around() -> None:
    of = ladder(skew=Decimal(5))
    of.follow(slots(1_000), 1_000)
    assert of.scale == ONE // 100


def test_a_skewed_centre_and_its_band_agree() -> None:
    of = ladder(skew=Decimal("0.02"))
    of.follow(slots(1_000), 1_000)
    assert of.centre == -2  # 1,000 counts as 980
    low, high = of.band
    assert (low, high) == (994, 1_007)  # 974 / 0.98 and 986 / 0.98
    of.follow(slots(), 1_000)
    assert of.centre == 0
    assert of.band == (994, 1_007)


@given(st.integers(-1_000, 1_000), st.lists(st.integers(900, 1_100), min_size=1, max_size=20))
def test_within_the_band_the_centre_stays_and_beyond_it_moves(cost: int, prices: list[int]) -> None:
    of, book = ladder(skew=Decimal("0.03")), slots(cost)
    for price in prices:
        of.follow(book, price)
        low, high = of.band
        assert low <= price < high
        for inside in (low, high - 1):
            assert not of.follow(book, inside)
    assert of.follow(book, high)


def test_a_grid_that_may_hold_nothing_is_not_skewed() -> None:
    of = ladder(skew=Decimal("0.02"), max_position=Decimal("0.001"))
    of.follow(slots(500), 1_000)
    assert of.limit == 0
    assert of.scale == ONE


def test_without_a_skew_nothing_is_scaled() -> None:
    of = ladder()
    of.follow(slots(1_000), 1_000)
    assert of.scale == ONE


# --- rungs -----------------------------------------------------------------------------------------------------------


def test_rungs_come_nearest_first_with_price_size_and_the_edge_of_their_buffer() -> None:
    of = ladder()
    of.follow(slots(), 1_000)
    assert [(rung.level, rung.kind, rung.price, rung.quantity, rung.edge / (10 * ONE)) for rung in of.rungs()] == [
        (-1, OrderKind.OPEN_BUY, 990, 10, 991.0),
        (1, OrderKind.OPEN_SELL, 1_010, 9, 1_009.0),
        (-2, OrderKind.OPEN_BUY, 980, 10, 981.0),
        (2, OrderKind.OPEN_SELL, 1_020, 9, 1_019.0),
        (-3, OrderKind.OPEN_BUY, 970, 10, 971.0),
        (3, OrderKind.OPEN_SELL, 1_030, 9, 1_029.0),
    ]


def test_a_level_is_a_buy_below_the_centre_and_a_sell_from_it_on() -> None:
    of = ladder()
    assert of.rung(-1).kind is OrderKind.OPEN_SELL, "there is no centre yet"
    of.follow(slots(), 1_000)
    assert [of.rung(level).kind for level in (-1, 0, 1)] == [
        OrderKind.OPEN_BUY,
        OrderKind.OPEN_SELL,
        OrderKind.OPEN_SELL,
    ]
    of.follow(slots(), 1_010)
    assert of.rung(0).kind is OrderKind.OPEN_BUY
    assert of.rung(0) is of.rung(0)


def test_what_the_venue_would_refuse_has_no_size() -> None:
    of = ladder(amount=Decimal(49))
    of.follow(slots(), 1_000)
    assert {rung.quantity for rung in of.rungs()} == {0}


@pytest.mark.parametrize(("mode", "buys", "sells"), [(GridMode.LONG, 3, 0), (GridMode.SHORT, 0, 3)])
def test_a_grid_of_one_side_wants_levels_on_that_side(mode: GridMode, buys: int, sells: int) -> None:
    of = ladder(mode=mode)
    of.follow(slots(), 1_000)
    assert (len(of.want_buys), len(of.want_sells)) == (buys, sells)
    assert len(of.rungs()) == 3


def test_the_windows_are_as_wide_as_they_are_set() -> None:
    of = ladder(buy_window=1, sell_window=2)
    of.follow(slots(), 1_000)
    assert (of.want_buys, of.want_sells) == ({-1}, {1, 2})


# --- fees ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "exit_price", "earns"),
    [(1_000, 1_003, True), (1_000, 1_002, False), (999, 1_001, False), (1_003, 1_000, True), (1_000, 1_000, False)],
)
def test_a_round_trip_earns_when_it_is_worth_more_than_two_maker_fees(entry: int, exit_price: int, earns: bool) -> None:
    """A maker fee of 0.1 %: two of them on 1,000 are 2.00, on 999 and 1,001 as well."""
    assert ladder(DEAR).earns(entry, exit_price) is earns


def test_a_rebate_is_no_reason_to_trade_at_a_loss() -> None:
    of = ladder(Fees(Decimal("-0.01"), Decimal("0.001")))
    assert not of.earns(1_000, 1_000)
    assert of.earns(1_000, 1_001)


@pytest.mark.parametrize(("direction", "distance"), [(1, 3), (-1, 3)])
def test_an_exit_is_as_many_levels_away_as_its_fees_need(direction: int, distance: int) -> None:
    of = ladder(DEAR, interval=Decimal(3))
    of.multiple = 1
    assert of.exit_distance(0, direction) == 1
    far = of.lattice.floor(3_500)
    assert of.exit_distance(far, direction) == distance  # two fees of 3.5 need more than 7 ticks
    assert of.exit_distance(far, direction) == distance


def test_an_exit_is_no_nearer_than_the_interval() -> None:
    of = ladder()
    of.multiple = 4
    assert of.exit_distance(0, 1) == 4


def test_the_interval_grows_until_it_earns_and_shrinks_with_a_candle_when_it_may() -> None:
    of = ladder(DEAR, interval=Decimal(3), atr_scale=Decimal(1), max_multiple=4)
    of.follow(slots(), 1_000)
    assert of.multiple == 1
    of.follow(slots(), 3_500)
    assert of.multiple == 3
    assert of.centre is not None
    assert of.centre % 3 == 0
    of.follow(slots(), 1_000)
    assert of.multiple == 3, "what the fees need shrinks with candles only"
    assert candles(of, 1, 1.0) == [True]
    assert of.follow(slots(), 1_000)
    assert of.multiple == 1


# --- candles ---------------------------------------------------------------------------------------------------------


def test_without_a_scale_and_without_sizing_candles_say_nothing() -> None:
    of = ladder()
    assert not of.reads_candles
    of.follow(slots(), 1_000)
    assert not any(candles(of, 30, 90.0))
    assert of.multiple == 1


def test_a_wide_range_widens_the_interval_at_the_next_look() -> None:
    of = ladder(atr_scale=Decimal(1), max_multiple=3)
    assert of.reads_candles
    of.follow(slots(), 1_000)
    assert candles(of, 14, 20.0) == [False] * 13 + [True]
    assert of.multiple == 1, "with the next price"
    assert of.follow(slots(), 1_000)
    assert of.multiple == 2
    assert (of.want_buys, of.want_sells) == ({-6, -4, -2}, {2, 4, 6})
    assert of.band == (988, 1_013)
    assert [rung.edge / (10 * ONE) for rung in of.rungs()][:2] == [982.0, 1_018.0]
    assert of.exit_distance(0, 1) == 2
    assert candles(of, 1, 20.0, start=14) == [False]


def test_a_range_before_the_first_price_counts_from_the_first_price_on() -> None:
    of = ladder(atr_scale=Decimal(1), max_multiple=3)
    assert not any(candles(of, 14, 20.0))
    assert of.follow(slots(), 1_000)
    assert of.multiple == 2


def test_ranges_are_measured_in_ticks_whatever_the_tick() -> None:
    fine = Instrument("XUSDT", "X", "USDT", Decimal("0.01"), Decimal("0.01"))
    of = ladder(instrument=fine, interval=Decimal("0.05"), atr_scale=Decimal(1), max_multiple=9)
    assert not any(candles(of, 14, 0.15, close=10.0))
    assert of.follow(slots(), 1_000)
    assert of.multiple == 3


def test_a_geometric_spacing_is_taken_at_the_centre() -> None:
    of = ladder(interval=None, interval_percent=Decimal(1), atr_scale=Decimal(1), max_multiple=9)
    of.follow(slots(), 2_000)
    assert any(candles(of, 14, 60.0, close=1_000.0))
    of.follow(slots(), 2_000)
    assert of.multiple == 3, "60 ticks are three intervals of 1 % at 2,000, however far the candles are"


def test_a_geometric_spacing_before_the_first_price_is_taken_at_the_close() -> None:
    of = ladder(interval=None, interval_percent=Decimal(1), atr_scale=Decimal(1), max_multiple=9)
    candles(of, 14, 60.0, close=2_000.0)
    of.follow(slots(), 2_000)
    assert of.multiple == 3


def test_the_close_of_a_candle_is_measured_in_ticks_too() -> None:
    fine = Instrument("XUSDT", "X", "USDT", Decimal("0.01"), Decimal("0.01"))
    of = ladder(instrument=fine, interval=None, interval_percent=Decimal(1), atr_scale=Decimal(1), max_multiple=9)
    candles(of, 14, 0.58, close=20.0)
    of.follow(slots(), 2_000)
    assert of.multiple == 3


def test_an_interval_that_fees_made_wide_shrinks_only_as_far_as_it_earns() -> None:
    of = ladder(DEAR, interval=Decimal(3), atr_scale=Decimal(1), max_multiple=4)
    of.follow(slots(), 1_000)
    of.follow(slots(), 3_500)
    of.follow(slots(), 2_400)
    assert of.multiple == 3
    assert candles(of, 1, 1.0) == [True]
    of.follow(slots(), 2_400)
    assert of.multiple == 2, "two fees of 2.40 are more than one interval of 3 and less than two"
    assert candles(of, 1, 1.0, start=1) == [False]


def test_amounts_are_a_tenth_until_volatility_is_known_and_then_what_it_allows() -> None:
    of = ladder(amount=Decimal(1_000), volatility_sizing=True)
    assert of.reads_candles
    assert of.amount == 9_999, "a tenth as a whole number of 2**-20, rounded down"
    assert of.full_amount == 100_000
    of.follow(slots(), 1_000)
    assert {rung.quantity for rung in of.rungs()} == {9, 10}
    assert candles(of, 21, 0.0) == [False] * 20 + [True]
    assert of.amount == 100_000
    assert {rung.quantity for rung in of.rungs()} == {101, 102, 103, 99, 98, 97}
    assert candles(of, 1, 0.0, start=21) == [False]


def test_full_amounts_stand_where_volatility_is_not_asked() -> None:
    of = ladder(amount=Decimal(1_000), atr_scale=Decimal(1))
    assert of.amount == of.full_amount == 100_000
    candles(of, 25, 5.0)
    assert of.amount == 100_000


def test_a_candle_can_change_both() -> None:
    of = ladder(atr_scale=Decimal(1), max_multiple=3, amount=Decimal(1_000), volatility_sizing=True)
    of.follow(slots(), 1_000)
    changed = candles(of, 21, 20.0)
    assert [i for i, one in enumerate(changed) if one][-1] == 20
    assert changed[13] is True


# --- the grid about it -----------------------------------------------------------------------------------------------


def test_what_is_empty_and_outside_the_window_is_forgotten_when_the_centre_moves() -> None:
    grid, book = Grid(market()), slots()
    grid.decide(book, 1_000, 1_000, OPEN, 1)
    for level in (-9, -2, 3, 9):
        book.slot(level)
    grid.decide(book, 1_000, 1_000, OPEN, 1)
    assert set(book.by_level) == {-9, -2, 3, 9}
    grid.decide(book, 1_010, 1_010, OPEN, 1)
    assert set(book.by_level) == {-2, 3}


def test_the_bands_of_the_centre_and_of_the_orders_are_both_kept() -> None:
    grid, book = Grid(market()), slots()
    decision = grid.decide(book, 1_006, 1_006, OPEN, 1)  # nearest to level 1 already: buys up to 1,000
    assert grid.centre == 1
    assert grid.centre_price() == 1_010
    assert grid.loose == (-FAR, FAR)
    assert (decision.low, decision.high) == (1_004, 1_017)
    decision = grid.decide(book, 1_004, 1_019, OPEN, 1)
    assert (decision.low, decision.high) == (1_004, 1_017)


def test_a_grid_shows_its_window_its_centre_and_whatever_is_at_work() -> None:
    grid, book = Grid(market(max_price=Decimal(1_020))), slots()
    assert list(grid.levels(book)) == []
    assert grid.centre_price() is None
    assert grid.why(book, 1_000, 1_000, OPEN, 1) == {}
    grid.decide(book, 1_000, 1_000, OPEN, 1)
    book.slot(50)
    book.apply(book.slot(-40), Side.BUY, 600, 1)
    book.place(60, OrderKind.OPEN_SELL, 1_600, 10, 1)
    assert list(grid.levels(book)) == [-40, -3, -2, -1, 0, 1, 2, 3, 60]
    assert grid.interval_ticks() == 10
    assert grid.limit == 100_000
    reasons = grid.why(book, 1_000, 1_000, OPEN, 1)
    assert (reasons[0].code, reasons[0].sentence) == ("centre", "the centre of the grid carries no opening order")
    assert reasons[3].sentence == "outside the prices that min_price and max_price allow to open at"
    assert reasons[3].code == "price_limit"
    assert reasons[60].sentence == "a place request is on its way; the venue has not answered yet"
    assert reasons[60].code == "pending"


def test_only_a_grid_of_one_side_may_say_that_its_exits_reduce() -> None:
    for mode, reduces in ((GridMode.LONG, True), (GridMode.SHORT, True), (GridMode.NEUTRAL, False)):
        grid, book = Grid(market(mode=mode)), slots()
        book.apply(book.slot(0), Side.BUY, 1_000, 10)
        [place] = [one for one in grid.decide(book, 1_000, 1_000, OPEN, 1).places if one.level == 0]
        assert place.reduce_only is reduces


def test_the_interval_is_told_as_it_is_above_the_centre() -> None:
    grid, book = Grid(market(interval=None, interval_percent=Decimal(10))), slots()
    assert grid.interval_ticks() == 100, "around the anchor while there is no price"
    grid.decide(book, 2_000, 2_000, OPEN, 1)
    assert grid.centre == 7
    assert grid.interval_ticks() == grid.lattice.price(8) - grid.lattice.price(7) == 195


def test_a_level_says_what_its_order_is_waiting_for() -> None:
    grid, book = Grid(market()), slots()
    grid.decide(book, 1_000, 1_000, OPEN, 1)

    def told(order: WorkingOrder, status: OrderStatus, filled: int) -> None:
        book.report(
            OrderReport(order.client_id, "XUSDT", "v", order.side, status, order.price, order.quantity, filled, at=1)
        )

    ended, leaving, resting = (
        book.place(level, OrderKind.OPEN_BUY, 1_000 + 10 * level, 10, 1) for level in (-1, -2, -3)
    )
    told(ended, OrderStatus.FILLED, 10)
    for order in (leaving, resting):
        told(order, OrderStatus.NEW, 0)
    book.cancel(-2, 1)
    reasons = grid.why(book, 1_000, 1_000, OPEN, 1)
    assert reasons[-1] == Reason("settling", "the order has ended; its last fills are still to come")
    assert reasons[-2] == Reason("pending", "a cancel request is on its way; the venue has not answered yet")
    assert reasons[-3] == Reason("", "")


def test_a_decision_says_when_to_look_again() -> None:
    grid, book = Grid(market()), slots()
    assert grid.loose == (-FAR, FAR)
    assert grid.decide(book, 1_000, 1_000, OPEN, 5).recheck == 0
    book.slot(-1).blocked_until = 9
    book.slot(1).blocked_until = 7
    assert grid.decide(book, 1_000, 1_000, OPEN, 5).recheck == 7


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"interval": Decimal(10)}, True),  # 1 % of 1,000: exactly two fees of 0.5 %
        ({"interval": Decimal(11)}, False),
        ({"interval": None, "interval_percent": Decimal(1)}, True),
        ({"interval": None, "interval_percent": Decimal("1.01")}, False),
    ],
    ids=str,
)
def test_an_interval_that_does_not_cover_two_maker_fees_is_refused(changes: dict[str, object], refused: bool) -> None:
    fees = Fees(Decimal("0.005"), Decimal("0.01"))
    if not refused:
        Grid(market(fees, **changes))
        return
    name = "interval" if changes["interval"] else "interval_percent"
    with pytest.raises(InvalidValue) as error:
        Grid(market(fees, **changes))
    assert str(error.value) == (
        f"{name}: 1.0000 % of the price does not cover the fees of a round trip (1 % at a maker fee of 0.5 %); "
        "choose a larger interval"
    )


@pytest.mark.parametrize(
    ("changes", "price", "anchor", "base"),
    [
        ({"interval": Decimal(10)}, 1_004, 1_000, 10),
        ({"interval": Decimal(10)}, 1_005, 1_010, 10),
        ({"interval": Decimal(7)}, 1_004, 1_001, 7),
        ({"interval": Decimal(10)}, 3, 10, 10),  # never at 0
        ({"interval": Decimal(1)}, 1_004, 1_004, 1),
        ({"interval": Decimal(10), "anchor": Decimal(1_003)}, 5_000, 1_003, 10),
        ({"interval": None, "interval_percent": Decimal(1)}, 1_004, 1_004, 10),
        ({"interval": None, "interval_percent": Decimal(1), "anchor": Decimal(2_000)}, 1_004, 2_000, 20),
    ],
    ids=str,
)
def test_a_lattice_is_anchored_at_the_first_price_in_whole_intervals_or_where_the_operator_says(
    changes: dict[str, object], price: int, anchor: int, base: int
) -> None:
    lattice = anchor_lattice(MARKET, market(**changes).settings, price)
    assert (lattice.anchor, lattice.base, lattice.ratio is None) == (anchor, base, changes["interval"] is not None)


@pytest.mark.parametrize(
    ("interval", "sentence"),
    [
        (None, "interval: or interval_percent is needed"),
        (Decimal("0.4"), "interval: 0.4 is smaller than the tick 1"),
    ],
)
def test_no_interval_or_one_below_a_tick_is_refused(interval: Decimal | None, sentence: str) -> None:
    with pytest.raises(InvalidValue) as error:
        anchor_lattice(MARKET, GridSettings(GridMode.LONG, Decimal(100), interval), 1_000)
    assert str(error.value) == sentence
