"""Pre-flight: each fact that is missing or wrong gives its own sentence, and a sound market none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Fees
from opensqt_actors.domain.preflight import (
    MILLISECOND,
    Facts,
    Planned,
    Preflight,
    PreflightSettings,
    Problem,
    Weight,
    blocking,
    plan,
    profit,
)
from opensqt_actors.domain.settings import GridMode, GridSettings

BTC = Instrument(
    "BTCUSDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(100), min_price=10, max_price=10**7
)
GRID = GridSettings(amount=Decimal(120), interval_percent=Decimal("0.5"), buy_window=5, max_position=Decimal(1_200))
LATTICE = Lattice.geometric(600_000, Decimal("0.5"))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
SOUND = Facts(
    "BTCUSDT",
    GRID,
    order_stream=True,
    price=600_000,
    instrument=BTC,
    trading=True,
    can_trade=True,
    hedged=False,
    leverage=10,
    available=Decimal(120),
    fees=FEES,
    clock_skew=999 * MILLISECOND,
    planned=plan(BTC, GRID, LATTICE, 600_000),
)


def run(settings: PreflightSettings | None = None, /, **changes: Any) -> tuple[Problem, ...]:
    return Preflight(settings).run(replace(SOUND, **changes))


def test_a_sound_market_has_no_problem() -> None:
    assert run() == ()


@pytest.mark.parametrize(
    ("fact", "code", "field", "sentence"),
    [
        ("instrument", "instrument", "symbol", "waits for the rules of BTCUSDT (tick, step, minimum notional)"),
        ("trading", "symbol_status", "symbol", "waits for whether BTCUSDT is traded"),
        ("can_trade", "permission", "api_key", "waits for what the API key may do"),
        ("hedged", "position_mode", "position mode", "waits for the account's position mode"),
        ("leverage", "leverage", "leverage", "waits for the leverage of BTCUSDT"),
        ("available", "balance", "balance", "waits for the account's free margin"),
        ("fees", "fees", "fees", "waits for the account's fees for BTCUSDT"),
        ("clock_skew", "clock_skew", "clock", "waits for the difference to the venue's clock"),
        ("price", "price", "price", "none of BTCUSDT has been streamed yet"),
    ],
)
def test_what_is_not_known_yet_is_waited_for(fact: str, code: str, field: str, sentence: str) -> None:
    assert run(**{fact: None}) == (Problem(code, field, sentence, Weight.WAIT),)


def test_orders_wait_for_the_order_stream() -> None:
    sentence = "is not up and verified yet; orders wait for it"
    assert run(order_stream=False) == (Problem("order_stream", "order stream", sentence, Weight.WAIT),)


@pytest.mark.parametrize(
    ("changes", "code", "field", "sentence"),
    [
        ({"trading": False}, "symbol_status", "symbol", "BTCUSDT is not traded now; choose one that is"),
        (
            {"can_trade": False},
            "permission",
            "api_key",
            "may not trade futures; give the key that permission, or use another key",
        ),
        (
            {"hedged": True},
            "position_mode",
            "position mode",
            "is hedge (dual-side), but must be one-way; change it on the venue while no position is open",
        ),
        (
            {"leverage": 11},
            "leverage",
            "leverage",
            "of BTCUSDT is 11, but must be from 1 to 10; lower it on the venue",
        ),
        ({"leverage": 0}, "leverage", "leverage", "of BTCUSDT is 0, but must be from 1 to 10; lower it on the venue"),
        (
            {"available": Decimal("119.9")},
            "balance",
            "balance",
            (
                "free margin is 119.9, but 10 levels of 120 at leverage 10 still need 120.00; "
                "add funds, or lower amount, max_position or a window"
            ),
        ),
        (
            {"clock_skew": 1_000 * MILLISECOND},
            "clock_skew",
            "clock",
            "is +1000 ms away from the venue's, but must be less than 1000 ms; synchronise this host's clock (NTP)",
        ),
        (
            {"clock_skew": -1_500 * MILLISECOND},
            "clock_skew",
            "clock",
            "is -1500 ms away from the venue's, but must be less than 1000 ms; synchronise this host's clock (NTP)",
        ),
        ({"price": 0}, "price", "price", "of BTCUSDT is 0 ticks; the market is not sound"),
        (
            {"foreign_position": -15},
            "foreign_position",
            "adopt",
            (
                "BTCUSDT has a position of -0.015 that is not the grid's; "
                "close it, or add the symbol with adopt to take it over"
            ),
        ),
        (
            {"planned": (Planned(600_000, 603_000, 2), Planned(597_000, 600_000, 1), Planned(1, 3, 5))},
            "min_notional",
            "amount",
            (
                "of 120 is too small for 2 of 3 levels: at 59700.0 notional 59.7000 is below the venue's minimum 100; "
                "raise it"
            ),
        ),
        (
            {"planned": (Planned(10**7, 10**7 + 50_000, 1), Planned(10**7 + 1, 10**7 + 50_001, 1))},
            "price_limits",
            "window",
            "reaches 1000000.1, where the venue takes no orders; choose a smaller one",
        ),
        (
            {"planned": (Planned(10, 20, 10**6), Planned(9, 20, 10**6))},
            "price_limits",
            "window",
            "reaches 0.9, where the venue takes no orders; choose a smaller one",
        ),
        (
            {"planned": (Planned(600_000, 603_000, 2), Planned(600_000, 600_240, 2))},
            "round_trip_profit",
            "interval_percent",
            (
                "is too small: from 60000.0 to 60024.0 a round trip does not earn its fees of 0.02 % each way; "
                "choose a larger one"
            ),
        ),
    ],
)
def test_what_is_wrong_is_refused_with_what_would_be_right(
    changes: dict[str, Any], code: str, field: str, sentence: str
) -> None:
    problems = [problem for problem in run(**changes) if problem.code == code]
    assert problems == [Problem(code, field, sentence, Weight.REFUSE)]
    assert blocking(tuple(problems)) == tuple(problems)


def test_wrong_facts_are_all_told_in_the_order_of_the_sentences() -> None:
    problems = run(
        trading=False, can_trade=False, hedged=True, leverage=20, available=Decimal(0), clock_skew=-(10**10),
        order_stream=False, price=-1, foreign_position=1, foreign_orders=2, planned=(Planned(3, 3, 0),),
    )  # fmt: skip
    assert [problem.code for problem in problems] == [
        "symbol_status", "permission", "position_mode", "leverage", "balance", "min_notional", "price_limits",
        "round_trip_profit", "foreign_position", "foreign_orders", "clock_skew", "order_stream", "price",
    ]  # fmt: skip


def test_a_fresh_symbol_waits_for_everything_and_refuses_nothing() -> None:
    problems = Preflight().run(Facts("BTCUSDT", GRID))
    assert len(problems) == 10
    assert all(problem.weight is Weight.WAIT for problem in problems)
    assert len({problem.code for problem in problems}) == 10


def test_foreign_orders_are_reported_and_in_nobodys_way() -> None:
    problems = run(foreign_orders=3)
    assert problems == (
        Problem(
            "foreign_orders",
            "symbol",
            "open orders in BTCUSDT that are not ours: 3; they are left alone",
            Weight.REPORT,
        ),
    )
    assert blocking(problems) == ()


def test_a_foreign_position_that_is_to_be_adopted_is_only_reported() -> None:
    (problem,) = run(foreign_position=15, adopt=True)
    assert problem.sentence == "BTCUSDT has a position of 0.015 that is not the grid's; it is adopted"
    assert blocking((problem,)) == ()


def test_a_foreign_position_is_told_even_before_the_rules_are_known() -> None:
    problems = run(foreign_position=15, instrument=None)
    assert "a position of 15 steps that" in problems[1].sentence


def test_another_mode_may_be_expected() -> None:
    settings = PreflightSettings(hedged=True)
    assert run(settings, hedged=True) == ()
    (problem,) = run(settings)
    assert problem.sentence.startswith("is one-way, but must be hedge (dual-side)")


def test_the_limits_are_settings() -> None:
    settings = PreflightSettings(max_leverage=20, max_clock_skew=100 * MILLISECOND, required_positions=3)
    assert run(settings, leverage=20, clock_skew=99 * MILLISECOND, available=Decimal(18)) == ()
    problems = run(settings, leverage=20, clock_skew=-100 * MILLISECOND, available=Decimal("17.9"))
    assert [problem.code for problem in problems] == ["balance", "clock_skew"]


def test_what_the_grid_holds_already_needs_no_balance_any_more() -> None:
    assert run(committed=Decimal(700), available=Decimal(50)) == ()
    assert len(run(committed=Decimal(699), available=Decimal(50))) == 1
    assert run(committed=Decimal(5_000), available=Decimal(0)) == ()
    assert run(leverage=1, available=Decimal(1_200)) == ()
    assert len(run(leverage=1, available=Decimal(1_199))) == 1


@pytest.mark.parametrize(("limit", "levels"), [(1_200, 10), (1_201, 11), (120, 1)])
def test_a_part_of_a_level_needs_a_whole_one(limit: int, levels: int) -> None:
    assert Preflight().required_levels(replace(GRID, max_position=Decimal(limit))) == levels


def test_a_round_trip_that_earns_exactly_its_fees_earns_nothing() -> None:
    fees = Fees(Decimal("0.1"), Decimal("0.1"))
    free = replace(BTC, min_price=0)
    assert run(fees=fees, instrument=free, planned=(Planned(900, 1_101, 10**6),)) == ()
    (problem,) = run(fees=fees, instrument=free, planned=(Planned(900, 1_100, 10**6),))
    assert problem.code == "round_trip_profit"


def test_a_price_of_one_tick_is_a_price() -> None:
    assert run(price=1) == ()


def test_an_arithmetic_interval_is_named_as_such() -> None:
    grid = replace(GRID, interval=Decimal(10), interval_percent=None)
    (problem,) = run(grid=grid, planned=(Planned(600_000, 600_100, 2),))
    assert (problem.code, problem.field) == ("round_trip_profit", "interval")


def test_a_market_without_price_limits_takes_every_price_of_a_tick_and_more() -> None:
    free = replace(BTC, min_price=0, max_price=0)
    assert run(instrument=free, planned=(Planned(1, 2, 10**9),)) == ()
    (problem,) = run(instrument=free, planned=(Planned(1, 2, 10**9), Planned(0, 2, 10**9)))[1:]
    assert problem.code == "price_limits"


# --- the window that would be laid -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (GridMode.LONG, [(950, 1_000), (900, 950), (850, 900)]),
        (GridMode.SHORT, [(1_050, 1_000), (1_100, 1_050)]),
        (GridMode.NEUTRAL, [(950, 1_000), (900, 950), (850, 900), (1_050, 1_000), (1_100, 1_050)]),
    ],
)
def test_the_window_is_planned_around_the_price(mode: GridMode, expected: list[tuple[int, int]]) -> None:
    grid = GridSettings(mode=mode, amount=Decimal(100), interval=Decimal(5), buy_window=3, sell_window=2)
    planned = plan(BTC, grid, Lattice(1_000, 50), 1_020)
    assert [(order.price, order.exit) for order in planned] == expected
    assert [order.quantity for order in planned] == [10**6 // price for price, _ in expected]


def test_levels_outside_the_grids_price_limits_are_not_planned() -> None:
    grid = GridSettings(mode=GridMode.NEUTRAL, amount=Decimal(100), interval=Decimal(5), buy_window=3, sell_window=3)
    narrow = replace(grid, min_price=Decimal(90), max_price=Decimal(105))
    planned = plan(BTC, narrow, Lattice(1_000, 50), 1_020)
    assert [order.price for order in planned] == [950, 900, 1_050]


def test_a_wider_interval_and_a_smaller_amount_are_planned() -> None:
    grid = GridSettings(amount=Decimal(100), interval=Decimal(5), buy_window=2)
    planned = plan(BTC, grid, Lattice(1_000, 50), 1_060, multiple=2, factor=0.5)
    assert planned == (Planned(1_000, 1_100, 500), Planned(900, 1_000, 555))


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.decimals(0, Decimal("0.01"), places=5))
def test_a_round_trip_earns_its_way_less_two_fees(price: int, distance: int, fee: Decimal) -> None:
    fees = Fees(fee, fee * 2)
    up = profit(Planned(price, price + distance, 1), fees)
    down = profit(Planned(price + distance, price, 1), fees)
    assert up == down == distance - fee * price - fee * (price + distance)
