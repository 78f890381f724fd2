"""Whether everything of a symbol or an account must be closed at once. The closing itself is not done here.

An emergency exit cancels all orders, closes the position reduce-only, pauses, and tells the operator, in this order.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct


class EmergencyCode(StrEnum):
    """Why; stable."""

    OPERATOR = "operator"
    LIQUIDATION = "liquidation_distance"
    EQUITY_LOSS = "equity_loss"


class EmergencySettings(Struct, frozen=True):
    """liquidation_distance: percent of the mark price; equity_loss: percent of the reference; 0 = off.

    confirmations: readings in a row that must say so, lest one absurd quote closes everything; an operator needs none.
    """

    liquidation_distance: Decimal = Decimal(5)
    equity_loss: Decimal = Decimal(25)
    confirmations: int = 2


class EmergencyFacts(Struct, frozen=True):
    """position: signed, any unit; mark, liquidation: prices in one unit, 0 = not known; equity and reference: quote
    currency, None = not known, the reference being the equity when the account was started or last reset; operator: why
    an operator asks for the exit, "" when none does.
    """

    position: int = 0
    mark: Decimal = Decimal(0)
    liquidation: Decimal = Decimal(0)
    equity: Decimal | None = None
    reference: Decimal | None = None
    operator: str = ""


class EmergencyExit(NamedTuple):
    """The reason: a stable code and a sentence with the figures. Journalled as it is before the first closing order."""

    code: EmergencyCode
    sentence: str


def should_emergency_exit(facts: EmergencyFacts, settings: EmergencySettings) -> EmergencyExit | None:
    """The most urgent reason to close everything now, or None. What is not known is no reason."""
    if facts.operator:
        return EmergencyExit(EmergencyCode.OPERATOR, f"asked for by an operator: {facts.operator}")
    distance = liquidation_distance(facts)
    if distance is not None and settings.liquidation_distance and distance < settings.liquidation_distance:
        return EmergencyExit(
            EmergencyCode.LIQUIDATION,
            f"the liquidation price {facts.liquidation:f} is {distance:.2f} % away from the mark price {facts.mark:f}, "
            f"nearer than {settings.liquidation_distance:f} %",
        )
    loss = equity_loss(facts)
    if loss is not None and settings.equity_loss and loss > settings.equity_loss:
        return EmergencyExit(
            EmergencyCode.EQUITY_LOSS,
            f"equity has fallen from {facts.reference:f} to {facts.equity:f}, by {loss:.2f} %, more than "
            f"{settings.equity_loss:f} %",
        )
    return None


def liquidation_distance(facts: EmergencyFacts) -> Decimal | None:
    """How far the mark price may go against the position, in percent of it, 0 or less: too far. None: nothing known."""
    if not facts.position or facts.mark <= 0 or facts.liquidation <= 0:
        return None
    direction = 1 if facts.position > 0 else -1
    return direction * (facts.mark - facts.liquidation) * 100 / facts.mark


def equity_loss(facts: EmergencyFacts) -> Decimal | None:
    """What of the reference is lost, in percent, negative for a gain. None: nothing known."""
    if facts.equity is None or facts.reference is None or facts.reference <= 0:
        return None
    return (facts.reference - facts.equity) * 100 / facts.reference


class EmergencyWatch:
    """`should_emergency_exit`, confirmed by several readings in a row. Says so once; an operator `reset`s it."""

    __slots__ = ("_readings", "exit", "settings")

    def __init__(self, settings: EmergencySettings | None = None, exited: EmergencyExit | None = None) -> None:
        self.settings = settings or EmergencySettings()
        self.exit = exited
        self._readings = 0

    def observe(self, facts: EmergencyFacts) -> EmergencyExit | None:
        """Take a reading. The exit to begin now; None when there is none, or it has begun already."""
        if self.exit is not None:
            return None
        found = should_emergency_exit(facts, self.settings)
        self._readings = 0 if found is None else self._readings + 1
        if found is None:
            return None
        if found.code is not EmergencyCode.OPERATOR and self._readings < self.settings.confirmations:
            return None
        self.exit = found
        return found

    def reset(self) -> None:
        """An operator has seen to it: watch again."""
        self.exit = None
        self._readings = 0
