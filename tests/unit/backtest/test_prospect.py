"""What `opensqt check` promises of a grid is what its orders come to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from opensqt_actors.backtest.prospect import MarketFacts, prospect
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import AccountState, Candle, Fees
from opensqt_actors.domain.preflight import Preflight, PreflightSettings
from opensqt_actors.domain.settings import GridMode, GridSettings

INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
FACTS = MarketFacts(INSTRUMENT, FEES, 100_000)
RICH = AccountState(Decimal(10_000), Decimal(10_000), hedged=False, can_trade=True)
GRID = GridSettings(GridMode.LONG, Decimal(100), interval=Decimal(50), buy_window=3, max_position=Decimal(400))


def test_the_ladder_is_the_hand_computed_one_after_rounding() -> None:
    made = prospect("XUSDT", GRID, FACTS, Preflight())
    assert made.centre == 10_000
    assert made.interval == 50
    first, second, third = made.levels
    # 100 / 9,950 = 0.01005 -> 0.010 X for 99.50, sold at 10,000 for 100.00: 0.50 less 0.0002 x 199.50
    assert (first.side, first.price, first.quantity, first.notional) == (
        "buy",
        9_950,
        Decimal("0.010"),
        Decimal("99.5"),
    )
    assert (first.exit_price, first.fees, first.profit) == (10_000, Decimal("0.0399"), Decimal("0.4601"))
    assert [level.price for level in (second, third)] == [9_900, 9_850]
    assert [level.reason for level in made.levels] == ["", "", ""]
    assert made.problems == ()


def test_the_worst_case_is_what_a_straight_fall_fills_until_a_limit_stops_it() -> None:
    (worst,) = prospect("XUSDT", GRID, FACTS, Preflight()).worst
    # 99.50 + 99.00 + 98.50 + 98.00 = 395; a fifth order of 97.50 would pass max_position 400
    assert (worst.side, worst.levels, worst.quantity, worst.cost) == ("long", 4, Decimal("0.040"), 395)
    assert worst.last_price == 9_800
    assert worst.loss == 395 - Decimal("0.040") * 9_800


def test_max_open_orders_bounds_the_worst_case_as_every_holding_needs_its_exit() -> None:
    tight = replace(GRID, max_position=Decimal(10_000), max_open_orders=2)
    made = prospect("XUSDT", tight, FACTS, Preflight())
    assert made.worst[0].levels == 2
    assert made.levels[-1].reason == "nearer orders use up max_open_orders 2"


def test_a_neutral_grid_has_a_worst_case_on_each_side() -> None:
    both = prospect("XUSDT", replace(GRID, mode=GridMode.NEUTRAL, sell_window=2), FACTS, Preflight()).worst
    assert [(one.side, one.levels) for one in both] == [("long", 4), ("short", 4)]


def test_margin_is_what_pre_flight_asks_for_at_the_accounts_leverage() -> None:
    known = replace(FACTS, leverage=4, account=RICH)
    made = prospect("XUSDT", GRID, known, Preflight())
    assert (made.margin, made.leverage, made.problems) == (100, 4, ())
    poor = replace(known, account=replace(RICH, available=Decimal("99.99")))
    (problem,) = prospect("XUSDT", GRID, poor, Preflight()).problems
    assert problem.field == "balance"
    assert "still need 100.00" in problem.sentence
    few = prospect("XUSDT", GRID, poor, Preflight(PreflightSettings(required_positions=2)))
    assert (few.margin, few.problems) == (50, ())


@pytest.mark.parametrize(
    ("change", "facts", "field", "words"),
    [
        ({"amount": Decimal(4)}, FACTS, "amount", "is too small for 3 of 3 levels"),
        # the level at 9,850 is the first below which 0.001 X is worth less than the venue's least order
        (
            {"amount": Decimal(10)},
            replace(FACTS, instrument=replace(INSTRUMENT, min_notional=Decimal("9.86"))),
            "amount",
            "is too small for 1 of 3 levels: at 9850.0 notional 9.8500 is below the venue's minimum 9.86",
        ),
        ({}, replace(FACTS, leverage=20), "leverage", "is 20, but must be from 1 to 10"),
        ({}, replace(FACTS, account=replace(RICH, hedged=True)), "position mode", "is hedge"),
        ({}, replace(FACTS, account=replace(RICH, can_trade=False)), "api_key", "may not trade"),
        ({}, replace(FACTS, instrument=replace(INSTRUMENT, min_price=99_000)), "window", "reaches 9850.0"),
    ],
)
def test_what_cannot_work_names_the_field(
    change: dict[str, object], facts: MarketFacts, field: str, words: str
) -> None:
    made = prospect("XUSDT", replace(GRID, **change), facts, Preflight())  # type: ignore[arg-type]
    assert made.problems[0].field == field
    assert words in made.problems[0].sentence


def test_an_interval_that_does_not_earn_its_fees_makes_no_grid() -> None:
    with pytest.raises(InvalidValue, match=r"interval: 0\.0400 % of the price does not cover the fees"):
        prospect("XUSDT", replace(GRID, interval=Decimal(4)), FACTS, Preflight())


def test_past_candles_widen_the_interval_as_they_do_at_a_start() -> None:
    wild = tuple(
        Candle("XUSDT", number * 60_000_000_000, 10_000, 10_100, 9_900, 10_000, 1, closed=True) for number in range(20)
    )
    made = prospect("XUSDT", replace(GRID, atr_scale=Decimal(1)), replace(FACTS, history=wild), Preflight())
    assert made.interval == 200
    assert made.levels[0].price == 9_800


@given(
    mode=st.sampled_from(GridMode),
    amount=st.integers(20, 400),
    interval=st.integers(10, 300),
    window=st.integers(1, 8),
    limit=st.integers(400, 3_000),
    orders=st.integers(1, 30),
)
@settings(max_examples=60, deadline=None)
def test_the_worst_case_keeps_every_limit_and_every_level_earns(
    mode: GridMode, amount: int, interval: int, window: int, limit: int, orders: int
) -> None:
    grid = GridSettings(
        mode, Decimal(amount), interval=Decimal(interval), buy_window=window, sell_window=window,
        max_position=Decimal(limit), max_open_orders=orders,
    )  # fmt: skip
    made = prospect("XUSDT", grid, FACTS, Preflight())
    assert made.problems == ()
    assert any(inventory.cost for inventory in made.worst)
    for inventory in made.worst:
        assert inventory.cost <= limit
        assert inventory.levels <= orders
        assert inventory.loss >= 0
    for level in made.levels:
        assert level.profit > 0
        assert level.notional <= amount
        assert level.quantity % INSTRUMENT.step == level.price % INSTRUMENT.tick == 0
