"""Bounds of what operators may set of breakers, limits, pre-flight, emergency exit, clean-up and indicators."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, assert_never

from opensqt_actors.domain.breaker import SECOND, BreakerSettings
from opensqt_actors.domain.cleanup import CleanupSettings
from opensqt_actors.domain.emergency import EmergencySettings
from opensqt_actors.domain.exposure import ExposureLimits
from opensqt_actors.domain.indicators import IndicatorSettings
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.settings_check import MAX_MONEY, Problem

Checked = BreakerSettings | ExposureLimits | PreflightSettings | EmergencySettings | CleanupSettings | IndicatorSettings
Bounds = dict[str, tuple[Any, Any]]

MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
MAX_LEVERAGE = 125

BREAKER: Bounds = {
    "max_losses": (0, 1_000),
    "max_drawdown": (Decimal(0), MAX_MONEY),
    "max_drawdown_percent": (Decimal(0), Decimal(100)),
    "drawdown_window": (MINUTE, 30 * DAY),
    "max_error_rate": (0.0, 1.0),
    "max_latency": (0, MINUTE),
    "window": (SECOND, 60 * MINUTE),
    "min_answers": (1, 10_000),
    "stale_after": (0, 60 * MINUTE),
    "cool_down": (SECOND, DAY),
    "max_cool_down": (SECOND, 7 * DAY),
    "probe_time": (0, 60 * MINUTE),
    "probe_orders": (1, 200),
    "probe_successes": (0, 1_000),
}
PREFLIGHT: Bounds = {
    "max_leverage": (1, MAX_LEVERAGE),
    "max_clock_skew": (SECOND // 1_000, 10 * SECOND),
    "required_positions": (0, 1_000),
}
EMERGENCY: Bounds = {
    "liquidation_distance": (Decimal(0), Decimal(100)),
    "equity_loss": (Decimal(0), Decimal(100)),
    "confirmations": (1, 60),
}
CLEANUP: Bounds = {"threshold": (1, 10_000), "batch": (1, 1_000)}
INDICATORS: Bounds = {
    "interval": (MINUTE, DAY),
    "atr_period": (1, 500),
    "volatility_window": (2, 500),
}
TIMES = frozenset(
    {
        "drawdown_window", "max_latency", "window", "stale_after", "cool_down", "max_cool_down", "probe_time",
        "max_clock_skew", "interval",
    }
)  # fmt: skip


def risk_problems(settings: Checked) -> tuple[Problem, ...]:
    """Everything that is wrong with one of the settings, in the order of its fields; empty when nothing is."""
    match settings:
        case BreakerSettings():
            return (*_outside(settings, BREAKER), *_contradictions(settings))
        case ExposureLimits():
            return tuple(_limits(settings))
        case PreflightSettings():
            return tuple(_outside(settings, PREFLIGHT))
        case EmergencySettings():
            return tuple(_outside(settings, EMERGENCY))
        case CleanupSettings():
            return tuple(_outside(settings, CLEANUP))
        case IndicatorSettings():
            return tuple(_outside(settings, INDICATORS))
        case other:
            assert_never(other)


def _outside(settings: Checked, bounds: Bounds) -> Iterator[Problem]:
    for name, (low, high) in bounds.items():
        value = getattr(settings, name)
        comparable = not isinstance(value, Decimal) or value.is_finite()
        if not comparable or not low <= value <= high:
            yield Problem(name, f"must be from {_shown(name, low)} to {_shown(name, high)}, not {_shown(name, value)}")


def _contradictions(settings: BreakerSettings) -> Iterator[Problem]:
    if settings.max_cool_down < settings.cool_down:
        shortest = _shown("cool_down", settings.cool_down)
        yield Problem("max_cool_down", f"must be at least cool_down, which is {shortest}")


def _limits(limits: ExposureLimits) -> Iterator[Problem]:
    """A leverage limit may be below 1: an account that never uses more than a part of itself."""
    for level in limits.__struct_fields__:
        limit = getattr(limits, level)
        for name, highest in (("notional", MAX_MONEY), ("leverage", Decimal(MAX_LEVERAGE))):
            value = getattr(limit, name)
            if value is not None and not (value.is_finite() and 0 < value <= highest):
                yield Problem(f"{level}.{name}", f"must be above 0 and at most {highest:f}, not {value}")


def _shown(name: str, value: Any) -> str:
    if name in TIMES:
        return f"{value / SECOND:g} s"
    return f"{value:f}" if isinstance(value, Decimal) else f"{value}"
