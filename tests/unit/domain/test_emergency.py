"""Emergency exits: near liquidation, after a great loss, on demand; never on one reading or on what nobody knows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from opensqt_actors.domain.emergency import (
    EmergencyCode,
    EmergencyExit,
    EmergencyFacts,
    EmergencySettings,
    EmergencyWatch,
    equity_loss,
    liquidation_distance,
    should_emergency_exit,
)

SETTINGS = EmergencySettings()
NEAR = EmergencyFacts(position=5, mark=Decimal(100), liquidation=Decimal("95.01"))
CALM = EmergencyFacts(
    position=5, mark=Decimal(100), liquidation=Decimal(95), equity=Decimal(75), reference=Decimal(100)
)
POOR = replace(CALM, equity=Decimal("74.99"))


def code(facts: EmergencyFacts, settings: EmergencySettings = SETTINGS) -> EmergencyCode | None:
    found = should_emergency_exit(facts, settings)
    return None if found is None else found.code


def test_at_its_limits_nothing_is_closed_yet() -> None:
    assert should_emergency_exit(CALM, SETTINGS) is None


def test_a_near_liquidation_price_closes_everything() -> None:
    assert should_emergency_exit(NEAR, SETTINGS) == EmergencyExit(
        EmergencyCode.LIQUIDATION,
        "the liquidation price 95.01 is 4.99 % away from the mark price 100, nearer than 5 %",
    )
    short = EmergencyFacts(position=-5, mark=Decimal(100), liquidation=Decimal("104.99"))
    assert code(short) is EmergencyCode.LIQUIDATION
    assert code(replace(short, liquidation=Decimal(105))) is None


def test_a_liquidation_price_that_was_passed_closes_everything() -> None:
    assert code(replace(NEAR, liquidation=Decimal(150))) is EmergencyCode.LIQUIDATION
    assert code(replace(NEAR, position=-1, liquidation=Decimal(50))) is EmergencyCode.LIQUIDATION


def test_a_great_loss_closes_everything() -> None:
    assert should_emergency_exit(POOR, SETTINGS) == EmergencyExit(
        EmergencyCode.EQUITY_LOSS, "equity has fallen from 100 to 74.99, by 25.01 %, more than 25 %"
    )


def test_an_operator_is_heard_first() -> None:
    facts = replace(NEAR, equity=Decimal(0), reference=Decimal(1), operator="it smells")
    assert should_emergency_exit(facts, SETTINGS) == EmergencyExit(
        EmergencyCode.OPERATOR, "asked for by an operator: it smells"
    )
    assert code(replace(facts, operator="")) is EmergencyCode.LIQUIDATION


@pytest.mark.parametrize(
    "facts",
    [
        EmergencyFacts(),
        replace(NEAR, position=0),
        replace(NEAR, mark=Decimal(0)),
        replace(NEAR, liquidation=Decimal(0)),
        replace(NEAR, mark=Decimal(-1)),
        replace(NEAR, liquidation=Decimal(-1)),
        replace(POOR, equity=None),
        replace(POOR, reference=None),
        replace(POOR, reference=Decimal(0)),
        replace(POOR, reference=Decimal(-5), equity=Decimal(-10)),
    ],
)
def test_what_is_not_known_closes_nothing(facts: EmergencyFacts) -> None:
    assert code(facts) is None
    assert liquidation_distance(facts) is None or equity_loss(facts) is None


def test_nothing_is_said_about_what_is_not_known() -> None:
    for unknown in (0, -1):
        assert liquidation_distance(replace(NEAR, liquidation=Decimal(unknown))) is None
        assert liquidation_distance(replace(NEAR, mark=Decimal(unknown))) is None
        assert equity_loss(replace(POOR, reference=Decimal(unknown))) is None


def test_small_prices_and_equities_are_known() -> None:
    assert liquidation_distance(replace(NEAR, mark=Decimal("0.5"), liquidation=Decimal("0.25"))) == 50
    assert equity_loss(replace(POOR, reference=Decimal("0.5"), equity=Decimal("0.25"))) == 50


def test_each_reason_can_be_switched_off() -> None:
    off = EmergencySettings(liquidation_distance=Decimal(0), equity_loss=Decimal(0))
    assert code(replace(NEAR, liquidation=Decimal(150)), off) is None
    assert code(replace(POOR, equity=Decimal(0)), off) is None
    assert code(replace(CALM, operator="go"), off) is EmergencyCode.OPERATOR


PRICES = st.decimals(Decimal("0.01"), Decimal(10_000), places=2)


@given(PRICES, PRICES, PRICES)
def test_a_price_that_goes_against_the_position_never_takes_an_exit_back(
    first: Decimal, second: Decimal, liquidation: Decimal
) -> None:
    worse, better = sorted((first, second))
    long = EmergencyFacts(position=1, mark=better, liquidation=liquidation)
    if code(long) is not None:
        assert code(replace(long, mark=worse)) is not None
    short = EmergencyFacts(position=-1, mark=worse, liquidation=liquidation)
    if code(short) is not None:
        assert code(replace(short, mark=better)) is not None


def test_distance_and_loss_are_percents() -> None:
    assert liquidation_distance(replace(CALM, mark=Decimal(200), liquidation=Decimal(150))) == 25
    assert liquidation_distance(replace(CALM, position=-1, mark=Decimal(200), liquidation=Decimal(150))) == -25
    assert equity_loss(replace(CALM, equity=Decimal(150), reference=Decimal(200))) == 25
    assert equity_loss(replace(CALM, equity=Decimal(300), reference=Decimal(200))) == -50


def test_one_absurd_reading_closes_nothing() -> None:
    watch = EmergencyWatch()
    for _ in range(3):
        assert watch.observe(NEAR) is None
        assert watch.observe(CALM) is None
    assert watch.exit is None


def test_readings_in_a_row_close_everything_once() -> None:
    watch = EmergencyWatch()
    assert watch.observe(NEAR) is None
    found = watch.observe(POOR)
    assert found is not None
    assert found.code is EmergencyCode.EQUITY_LOSS
    assert watch.exit == found
    assert watch.observe(NEAR) is None
    assert watch.observe(replace(CALM, operator="now")) is None
    assert watch.exit == found


def test_an_operator_needs_no_second_reading() -> None:
    assert EmergencyWatch().observe(replace(CALM, operator="now")) is not None
    assert EmergencyWatch(EmergencySettings(confirmations=1)).observe(NEAR) is not None
    three = EmergencyWatch(EmergencySettings(confirmations=3))
    assert [three.observe(NEAR) is None for _ in range(3)] == [True, True, False]


def test_after_a_restart_an_exit_has_begun_already_and_a_reset_watches_again() -> None:
    watch = EmergencyWatch(exited=EmergencyExit(EmergencyCode("operator"), "asked for"))
    assert watch.observe(NEAR) is None
    assert watch.observe(NEAR) is None
    watch.reset()
    assert watch.observe(NEAR) is None
    assert watch.observe(NEAR) is not None
    watch.reset()
    assert watch.observe(NEAR) is None


def test_the_usual_settings_are_the_documented_ones() -> None:
    assert EmergencySettings() == EmergencySettings(Decimal(5), Decimal(25), 2)
