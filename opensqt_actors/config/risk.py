"""The parts of the `risk` section that are one rule each, and the values that the trading core takes them as."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from opensqt_actors.config.section import SECONDS, Number, Real, Section, Whole, nanoseconds, told
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
    """The most that one opening order, one symbol and one account may come to."""

    order: Most = Most()
    symbol: Most = Most()
    account: Most = Most()

    def limits(self) -> ExposureLimits:
        """As the order desk takes them."""
        return ExposureLimits(self.order.limit(), self.symbol.limit(), self.account.limit())
