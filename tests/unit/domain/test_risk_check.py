"""Bounds of the risk settings: every default passes, every bound is told with what would be right."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.domain import risk_check
from opensqt_actors.domain.breaker import SECOND, BreakerSettings
from opensqt_actors.domain.cleanup import CleanupSettings
from opensqt_actors.domain.emergency import EmergencySettings
from opensqt_actors.domain.exposure import ExposureLimits, Limit
from opensqt_actors.domain.indicators import IndicatorSettings
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.risk_check import risk_problems

DEFAULTS = [
    BreakerSettings(),
    ExposureLimits(),
    PreflightSettings(),
    EmergencySettings(),
    CleanupSettings(),
    IndicatorSettings(),
]
TABLES = [
    (BreakerSettings(cool_down=SECOND, max_cool_down=7 * risk_check.DAY), risk_check.BREAKER),
    (PreflightSettings(), risk_check.PREFLIGHT),
    (EmergencySettings(), risk_check.EMERGENCY),
    (CleanupSettings(), risk_check.CLEANUP),
    (IndicatorSettings(), risk_check.INDICATORS),
]
CASES = [(settings, name, low, high) for settings, table in TABLES for name, (low, high) in table.items()]


@pytest.mark.parametrize("settings", DEFAULTS, ids=lambda settings: type(settings).__name__)
def test_defaults_pass(settings: Any) -> None:
    assert risk_problems(settings) == ()


@pytest.mark.parametrize(("settings", "name", "low", "high"), CASES)
def test_a_value_may_be_at_its_bounds_and_not_beyond(settings: Any, name: str, low: Any, high: Any) -> None:
    beyond = 0.001 if isinstance(low, float) else 1
    for value in (low, high):
        found = [problem.field for problem in risk_problems(replace(settings, **{name: value}))]
        assert name not in found
    for value in (low - beyond, high + beyond):
        found = [problem.field for problem in risk_problems(replace(settings, **{name: value}))]
        assert name in found


def test_a_sentence_names_the_bounds_in_the_units_of_the_field() -> None:
    wrong = BreakerSettings(max_losses=-1, max_drawdown_percent=Decimal(101), max_error_rate=1.5, cool_down=2**55)
    assert [f"{field} {sentence}" for field, sentence in risk_problems(wrong)] == [
        "max_losses must be from 0 to 1000, not -1",
        "max_drawdown_percent must be from 0 to 100, not 101",
        "max_error_rate must be from 0.0 to 1.0, not 1.5",
        "cool_down must be from 1 s to 86400 s, not 3.60288e+07 s",
        "max_cool_down must be at least cool_down, which is 3.60288e+07 s",
    ]


@pytest.mark.parametrize(
    ("settings", "field", "sentence"),
    [
        (PreflightSettings(max_leverage=126), "max_leverage", "must be from 1 to 125, not 126"),
        (PreflightSettings(max_clock_skew=0), "max_clock_skew", "must be from 0.001 s to 10 s, not 0 s"),
        (EmergencySettings(equity_loss=Decimal("NaN")), "equity_loss", "must be from 0 to 100, not NaN"),
        (EmergencySettings(equity_loss=Decimal("inf")), "equity_loss", "must be from 0 to 100, not Infinity"),
        (BreakerSettings(max_error_rate=float("nan")), "max_error_rate", "must be from 0.0 to 1.0, not nan"),
        (BreakerSettings(max_drawdown=Decimal(-1)), "max_drawdown", "must be from 0 to 1000000000000, not -1"),
        (
            BreakerSettings(max_drawdown=Decimal("1E+13")),
            "max_drawdown",
            "must be from 0 to 1000000000000, not 10000000000000",
        ),
        (CleanupSettings(batch=0), "batch", "must be from 1 to 1000, not 0"),
        (IndicatorSettings(interval=SECOND), "interval", "must be from 60 s to 86400 s, not 1 s"),
        (BreakerSettings(window=0), "window", "must be from 1 s to 3600 s, not 0 s"),
    ],
)
def test_each_setting_has_its_own_sentence(settings: Any, field: str, sentence: str) -> None:
    assert risk_problems(settings) == ((field, sentence),)


def test_a_longest_cool_down_may_be_the_shortest() -> None:
    assert risk_problems(BreakerSettings(cool_down=9 * SECOND, max_cool_down=9 * SECOND)) == ()
    assert risk_problems(BreakerSettings(cool_down=9 * SECOND, max_cool_down=8 * SECOND)) == (
        ("max_cool_down", "must be at least cool_down, which is 9 s"),
    )


@pytest.mark.parametrize("level", ["order", "symbol", "account"])
@pytest.mark.parametrize(("name", "highest"), [("notional", 10**12), ("leverage", 125)])
def test_limits_are_above_zero_and_bounded(level: str, name: str, highest: int) -> None:
    def problems(value: Any) -> Any:
        return risk_problems(replace(ExposureLimits(), **{level: Limit(**{name: value})}))

    assert problems(None) == problems(Decimal(highest)) == problems(Decimal("0.0001")) == ()
    for value in (Decimal(0), Decimal(-1), Decimal(highest) + 1, Decimal("NaN"), Decimal("Infinity")):
        sentence = f"must be above 0 and at most {highest}, not {value}"
        assert problems(value) == ((f"{level}.{name}", sentence),)
