"""How far a replay may look away: where nothing near the market changes, and what the centre has done meanwhile."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.desk import Desk

from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Side
from opensqt_actors.domain.reach import CENTRES, Reach
from opensqt_actors.domain.settings import GridMode, GridSettings, Trail

MARKET = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal("0.01"), min_notional=Decimal(50))
# level k is at 1,000 + 10 k; the centre stays at level 0 for mid prices from 994 to 1,006
GRID = GridSettings(GridMode.LONG, Decimal(100), Decimal(10), buy_window=3, sell_window=3, max_position=Decimal(10_000))
BAND = (994, 1_007)


def looked(mid: int = 1_000, *, held: int = 0, **changes: object) -> tuple[Desk, Reach]:
    """A grid around level 0 with its orders at rest, and its reach after a look. held: signed steps at the centre."""
    settings = replace(GRID, **changes)  # type: ignore[arg-type]
    desk = Desk(settings, 1_000, MARKET)
    if held:
        slot = desk.slots.slot(0)
        desk.slots.apply(slot, Side.BUY if held > 0 else Side.SELL, 1_000, abs(held))
        desk.grid.filled(desk.slots, slot)
    desk.settle(1_000, 1_000)
    desk.settle(mid, mid)
    reach = Reach(desk.grid, desk.slots)
    reach.look(mid)
    return desk, reach


def measure(reach: Reach) -> tuple[int, int, bool]:
    return reach.low, reach.high, reach.wide


@pytest.mark.parametrize(
    ("mode", "held", "mid", "expected"),
    [
        # after a fall, level 0 lies above the centre, where a long grid opens nothing; after a rise it should buy there
        (GridMode.LONG, 0, 1_000, (985, 1_005, True)),
        (GridMode.LONG, 0, 1_004, (985, 1_005, True)),
        (GridMode.LONG, 0, 1_005, (*BAND, False)),
        (GridMode.SHORT, 0, 1_000, (995, 1_015, True)),
        (GridMode.SHORT, 0, 995, (995, 1_015, True)),
        (GridMode.SHORT, 0, 994, (*BAND, False)),
        # what is held there is neither bought nor sold again
        (GridMode.LONG, 10, 1_000, (985, 1_015, True)),
        (GridMode.SHORT, -10, 1_000, (985, 1_015, True)),
        (GridMode.NEUTRAL, 10, 1_000, (985, 1_015, True)),
        (GridMode.NEUTRAL, 0, 1_000, (*BAND, False)),
    ],
)
def test_the_reach_is_one_interval_where_the_level_at_the_centre_needs_nothing(
    mode: GridMode, held: int, mid: int, expected: tuple[int, int, bool]
) -> None:
    assert measure(looked(mid, held=held, mode=mode)[1]) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(OrderKind.OPEN_BUY, (995, 1_015, True)), (OrderKind.OPEN_SELL, (985, 1_005, True))],
)
def test_an_order_at_the_centre_will_do_for_its_side(kind: OrderKind, expected: tuple[int, int, bool]) -> None:
    desk, reach = looked(mode=GridMode.NEUTRAL)
    desk.slots.place(0, kind, 1_000, 10, 1)
    reach.look(1_000)
    assert measure(reach) == expected


def test_an_exit_at_the_centre_will_do_for_both() -> None:
    desk, _ = looked(mode=GridMode.NEUTRAL)
    slot = desk.slots.slot(-1)
    desk.slots.exits[0] = slot.level
    reach = Reach(desk.grid, desk.slots)
    reach.look(1_000)
    assert measure(reach) == (985, 1_015, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"trail": Trail.UP},
        {"min_price": Decimal(900)},
        {"max_price": Decimal(1_100)},
        {"atr_scale": Decimal(1)},
        {"volatility_sizing": True},
        {"buy_window": 1},
    ],
    ids=str,
)
def test_a_centre_that_something_else_moves_or_bounds_never_moves_unseen(changes: dict[str, object]) -> None:
    _, reach = looked(held=10, **changes)
    assert not reach.wide
    assert reach.high <= BAND[1]


@pytest.mark.parametrize(("mode", "wide"), [(GridMode.LONG, True), (GridMode.NEUTRAL, False), (GridMode.SHORT, False)])
def test_a_window_of_one_level_matters_on_a_side_that_opens(mode: GridMode, wide: bool) -> None:
    held = -10 if mode is GridMode.SHORT else 10
    assert looked(held=held, mode=mode, sell_window=1)[1].wide is wide


def test_near_a_limit_the_centre_never_moves_unseen() -> None:
    assert looked(held=10, max_open_orders=50)[1].wide
    assert not looked(held=10, max_open_orders=5)[1].wide


def test_a_skewed_price_is_followed_at_every_step() -> None:
    assert looked(skew=Decimal("0.1"))[1].wide, "nothing is held: nothing is skewed"
    assert not looked(held=10, skew=Decimal("0.1"))[1].wide


def test_where_a_neighbouring_centre_would_not_earn_the_centre_never_moves_unseen() -> None:
    desk, reach = looked(held=10)
    ladder = desk.grid.ladder
    reach._known.clear()
    for known in (-1, 1):
        view = ladder.view(known)
        ladder._views[known] = view._replace(earns=False)
        reach.look(1_000)
        assert not reach.wide
        assert reach.jumps(1_000)
        ladder._views[known] = view
        reach._known.clear()
    reach.look(1_000)
    assert reach.wide


def test_orders_that_wait_for_a_price_end_the_reach() -> None:
    """The band of the decision apart from the centre's: here a buy whose level the market is too close to."""
    desk, reach = looked()
    desk.grid.loose = (990, 1_003)
    reach.look(1_000)
    assert (reach.low, reach.high) == (990, 1_003)


def test_before_the_first_price_there_is_no_reach_beyond_the_band() -> None:
    desk = Desk(GRID, 1_000, MARKET)
    reach = Reach(desk.grid, desk.slots)
    assert measure(reach) == (0, 0, False)
    reach.look(1_000)
    assert not reach.wide
    assert not reach.catch_up([1_000].__getitem__, 0, -1)
    assert reach.jumps(1_000)


@pytest.mark.parametrize(("price", "jumps"), [(985, False), (1_014, False), (984, True), (1_015, True), (1_000, False)])
def test_a_price_more_than_an_interval_and_a_half_away_is_a_jump(price: int, jumps: bool) -> None:
    assert looked()[1].jumps(price) is jumps


def test_measures_are_remembered_for_a_number_of_centres() -> None:
    desk, reach = looked(held=10)
    for step in range(2 * CENTRES):
        mid = 2_000 + 10 * step
        desk.grid.ladder.follow(desk.slots, mid)
        reach.look(mid)
        assert len(reach._known) <= CENTRES
        assert reach._here == reach._measure(desk.grid.ladder.centre or 0)
    seen = len(reach._known)
    reach.look(2_000)
    assert len(reach._known) == seen


@pytest.mark.parametrize(
    ("prices", "centre"),
    [
        ([1_000], 0),
        ([994], 0),  # the centre stays
        ([993], -1),
        ([993, 996], -1),  # and stays again
        ([993, 994], -1),
        ([993, 997], 0),
        ([993, 1_004], 0),
        ([993, 1_005], 1),
        ([1_007, 1_006], 1),
        ([1_007, 995], 0),
        ([1_007, 994], -1),
        ([985, 1_000], 0),
        ([1_014, 1_004], 1),
        ([1_014, 1_003], 0),
        ([993, 1_000, 1_007], 1),
        ([1_007, 1_003, 1_006, 1_004], 0),
        ([1_007, 993, 996], -1),
        ([993, 1_000, 1_000, 1_007, 1_004], 1),
    ],
)
def test_the_centre_is_brought_to_where_every_price_would_have_brought_it(prices: list[int], centre: int) -> None:
    desk, reach = looked(held=10)
    path = [1_000, *prices]
    assert reach.catch_up(path.__getitem__, len(prices), 0) is (centre != 0)
    assert desk.grid.ladder.centre == centre


def test_a_centre_that_could_be_skewed_is_caught_up_with_too() -> None:
    """Nothing is held, so nothing is skewed; and a buy at the centre would do for a rise."""
    desk, reach = looked(skew=Decimal("0.1"))
    assert reach.catch_up([1_000, 993, 994].__getitem__, 2, 0)
    assert desk.grid.ladder.centre == -1


def test_only_prices_since_the_last_look_are_looked_at() -> None:
    desk, reach = looked(held=10)
    assert not reach.catch_up([993, 1_000, 1_006].__getitem__, 2, 1)
    assert not reach.catch_up([993, 993, 993].__getitem__, 2, 2)
    assert desk.grid.ladder.centre == 0


def test_a_reach_that_is_not_wide_has_nothing_to_catch_up_with() -> None:
    desk, reach = looked(mode=GridMode.NEUTRAL)
    assert not reach.catch_up([1_000, 1_050].__getitem__, 1, 0)
    assert desk.grid.ladder.centre == 0


@pytest.mark.parametrize("window", ["buy_window", "sell_window"])
def test_a_window_of_two_levels_is_wide_enough(window: str) -> None:
    assert looked(held=10, mode=GridMode.NEUTRAL, **{window: 2})[1].wide


@given(st.lists(st.integers(985, 1_014), max_size=30))
def test_whatever_the_prices_within_the_reach_the_centre_is_found(prices: list[int]) -> None:
    path = [1_000, *prices]
    desk, reach = looked(held=10)
    plain, _ = looked(held=10)
    for price in path:
        plain.grid.ladder.follow(plain.slots, price)
    moved = reach.catch_up(path.__getitem__, len(prices), 0)
    assert desk.grid.ladder.centre == plain.grid.ladder.centre
    assert moved is (desk.grid.ladder.centre != 0)
