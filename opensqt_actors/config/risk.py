"""The parts of the `risk` section that are one rule each, and the values that the trading core takes them as."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from opensqt_actors.config.credentials import wrong
from opensqt_actors.config.section import SECONDS, Number, Real, Section, Whole, nanoseconds, one_of, told
from opensqt_actors.domain.breaker import BreakerSettings
from opensqt_actors.domain.cleanup import CleanupOrder, CleanupSettings
from opensqt_actors.domain.emergency import EmergencySettings
from opensqt_actors.domain.exposure import ExposureLimits, Limit
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.risk_check import MAX_LEVERAGE
from opensqt_actors.domain.settings_check import MAX_MONEY


class Preflight(Section):
    """What must be so before the first opening order of a symbol. max_clock_skew: seconds."""

    max_leverage: Whole = Field(default=10, ge=1, le=MAX_LEVERAGE)
    max_clock_skew: Annotated[Real, SECONDS] = Field(default=1, ge=0.001, le=10)
    required_positions: Annotated[Whole, told("levels")] = Field(default=0, ge=0, le=1_000)

    def settings(self) -> PreflightSettings:
        """As the checks take it."""
        return PreflightSettings(
            max_leverage=self.max_leverage,
            max_clock_skew=nanoseconds(self.max_clock_skew),
            required_positions=self.required_positions,
        )


class Most(Section):
    """A limit, in quote currency, as a multiple of the account's equity, or both; the tighter one counts."""

    notional: Annotated[Number, told("quote currency")] | None = Field(default=None, gt=0, le=MAX_MONEY)
    leverage: Annotated[Number, told("multiple of the equity")] | None = Field(default=None, gt=0, le=MAX_LEVERAGE)

    def limit(self) -> Limit:
        """As the order desk takes it."""
        return Limit(self.notional, self.leverage)


class Exposure(Section):
    """The most that one opening order, one symbol, one account and all accounts together may come to."""

    order: Most = Most()
    symbol: Most = Most()
    account: Most = Most()
    total: Most = Most()

    def limits(self) -> ExposureLimits:
        """As the order desk takes them."""
        return ExposureLimits(self.order.limit(), self.symbol.limit(), self.account.limit())


class Breaker(Section):
    """When a circuit breaker opens, for how long, and how it tries again. 0: a condition is off. Times in seconds."""

    max_losses: Whole = Field(default=5, ge=0, le=1_000)
    max_drawdown: Number = Field(default=Decimal(0), ge=0, le=MAX_MONEY)
    max_drawdown_percent: Number = Field(default=Decimal(10), ge=0, le=100)
    drawdown_window: Real = Field(default=86_400, ge=60, le=2_592_000)
    max_error_rate: Real = Field(default=0.5, ge=0, le=1)
    max_latency: Real = Field(default=5, ge=0, le=60)
    window: Real = Field(default=60, ge=1, le=3_600)
    min_answers: Whole = Field(default=20, ge=1, le=10_000)
    stale_after: Real = Field(default=30, ge=0, le=3_600)
    cool_down: Real = Field(default=300, ge=1, le=86_400)
    max_cool_down: Real = Field(default=14_400, ge=1, le=604_800)
    probe_time: Real = Field(default=60, ge=0, le=3_600)
    probe_orders: Whole = Field(default=2, ge=1, le=200)
    probe_successes: Whole = Field(default=1, ge=0, le=1_000)

    @model_validator(mode="after")
    def _cool_downs_agree(self) -> Self:
        if self.max_cool_down < self.cool_down:
            raise wrong(f"max_cool_down must be at least cool_down, which is {self.cool_down:g} s")
        return self

    def settings(self) -> BreakerSettings:
        """As the breakers take it."""
        return BreakerSettings(
            max_losses=self.max_losses,
            max_drawdown=self.max_drawdown,
            max_drawdown_percent=self.max_drawdown_percent,
            drawdown_window=nanoseconds(self.drawdown_window),
            max_error_rate=self.max_error_rate,
            max_latency=nanoseconds(self.max_latency),
            window=nanoseconds(self.window),
            min_answers=self.min_answers,
            stale_after=nanoseconds(self.stale_after),
            cool_down=nanoseconds(self.cool_down),
            max_cool_down=nanoseconds(self.max_cool_down),
            probe_time=nanoseconds(self.probe_time),
            probe_orders=self.probe_orders,
            probe_successes=self.probe_successes,
        )


class Cleanup(Section):
    """Above so many resting orders of an account opening orders are taken back. Without a threshold: off."""

    threshold: Whole | None = Field(default=None, ge=1, le=10_000)
    batch: Whole = Field(default=10, ge=1, le=1_000)
    order: Annotated[CleanupOrder, one_of(CleanupOrder)] = CleanupOrder.FURTHEST

    def settings(self) -> CleanupSettings | None:
        """As the account's orders take it."""
        return None if self.threshold is None else CleanupSettings(self.threshold, self.batch, self.order)


class Emergency(Section):
    """When everything of an account is closed at once. Percent; 0 switches a condition off."""

    liquidation_distance: Number = Field(default=Decimal(5), ge=0, le=100)
    equity_loss: Number = Field(default=Decimal(25), ge=0, le=100)
    confirmations: Whole = Field(default=2, ge=1, le=60)

    def settings(self) -> EmergencySettings:
        """As the watches take it."""
        return EmergencySettings(self.liquidation_distance, self.equity_loss, self.confirmations)
