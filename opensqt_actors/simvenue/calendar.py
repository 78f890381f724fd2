"""When something is due on the venue: market steps, whole seconds, dead-man switches. It does nothing by itself."""

from __future__ import annotations

from collections.abc import Sequence

from opensqt_actors.simvenue.markets.market import Market

SECOND = 1_000


class Calendar:
    """Times in ms. Markets step at whole multiples of their model's interval since the epoch, so a market that is added
    later keeps the others' times."""

    __slots__ = ("_countdown", "_groups", "_steps", "due", "now", "second")

    def __init__(self, now: int) -> None:
        self.now = now
        self.second = after(now, SECOND)
        self.due = self.second
        self._countdown = 0  # 0: none
        self._groups: dict[int, list[Market]] = {}
        self._steps: dict[int, int] = {}

    def follow(self, market: Market) -> None:
        """Step this market from now on."""
        interval = market.model.interval_ms
        if interval > 0:
            self._groups.setdefault(interval, []).append(market)
            self._steps.setdefault(interval, after(self.now, interval))
            self._find_due()

    def forget(self, market: Market) -> None:
        """Never step this market again."""
        interval = market.model.interval_ms
        group = self._groups.get(interval)
        if group is not None and market in group:
            group.remove(market)
            if not group:
                del self._groups[interval], self._steps[interval]
            self._find_due()

    def remind(self, countdown: int) -> None:
        """The earliest dead-man switch runs out then; 0: there is none."""
        self._countdown = countdown
        self._find_due()

    def next(self) -> tuple[int, bool, Sequence[Market]]:
        """Go to the next moment with something due: the time, whether it is a whole second, the markets that step."""
        self.now = now = self.due
        stepping: list[Market] = []
        for interval, due in self._steps.items():
            if due == now:
                stepping += self._groups[interval]
                self._steps[interval] = due + interval
        second = now == self.second
        if second:
            self.second += SECOND
        self._find_due()
        return now, second, stepping

    def skip(self, now: int) -> None:
        """Go to a time without what was due before it."""
        self.now = max(self.now, now)
        self.second = max(self.second, after(self.now - 1, SECOND))
        for interval in self._steps:
            self._steps[interval] = max(self._steps[interval], after(self.now - 1, interval))
        self._find_due()

    def _find_due(self) -> None:
        due = min(self.second, *self._steps.values()) if self._steps else self.second
        if self._countdown:
            due = min(due, max(self._countdown, self.now))
        self.due = due


def after(now: int, interval: int) -> int:
    """The first whole multiple of an interval that is later than now."""
    return (now // interval + 1) * interval
