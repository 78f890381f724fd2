"""One grid decision in the making: what it asks for so far, the band so far, and the reasons when somebody asks why."""

from __future__ import annotations

from opensqt_actors.domain.slot import LOCKED, Slot
from opensqt_actors.domain.strategy import Decision, Place, Reason

FAR = 1 << 62


def ceil_div(numerator: int, denominator: int) -> int:
    """Ceiling of a division of whole numbers."""
    return -(-numerator // denominator)


class Draft:
    """low, high: the band so far, in ticks; reasons: None unless somebody asks why."""

    __slots__ = ("ask", "bid", "cancels", "high", "low", "mid", "now", "places", "reasons", "recheck")

    def __init__(self, bid: int, ask: int, now: int, reasons: dict[int, Reason] | None = None) -> None:
        self.bid = bid
        self.ask = ask
        self.mid = (bid + ask) // 2
        self.now = now
        self.cancels: list[int] = []
        self.places: list[Place] = []
        self.low = -FAR
        self.high = FAR
        self.recheck = 0
        self.reasons = reasons

    def cancel(self, slot: Slot) -> None:
        """The slot's order should go; asked for once, and only when it rests."""
        if slot.status is LOCKED and slot.level not in self.cancels:
            self.cancels.append(slot.level)

    def quiet(self, low: int, high: int) -> None:
        """Narrow the band."""
        if low > self.low:  # noqa: PLR1730 - max() costs four times as much, and this is asked for several times a decision
            self.low = low
        if high < self.high:  # noqa: PLR1730
            self.high = high

    def wait_until(self, moment: int) -> None:
        """Decide again at `moment` even if no price comes."""
        self.recheck = min(self.recheck or moment, moment)

    def because(self, level: int, code: str, sentence: str) -> None:
        """Say why a level has no order, if somebody asked."""
        if self.reasons is not None:
            self.reasons[level] = Reason(code, sentence)

    def decision(self) -> Decision:
        """What came of it."""
        return Decision(self.cancels, self.places, self.low, self.high, self.recheck)
