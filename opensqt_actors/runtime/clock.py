"""Clocks in whole nanoseconds since the epoch, UTC: the system's, and one moved by hand that also keeps timers."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Protocol

NS_PER_SECOND = 1_000_000_000


class Clock(Protocol):
    """Where a host takes the `now` of each step from."""

    def now(self) -> int:
        """Nanoseconds since the epoch, UTC; never less than an earlier answer."""
        ...


class Cancellable(Protocol):
    """A scheduled call that can be taken back; taking back a call that was made does nothing."""

    def cancel(self) -> None: ...


class CallLater(Protocol):
    """The scheduler a host needs: `asyncio`'s `loop.call_later`, or `ManualClock.call_later`. Delay in seconds."""

    def __call__(self, delay: float, callback: Callable[[], object], /) -> Cancellable: ...


class SystemClock:
    """The machine's wall clock. When that is set back, this one stands still until it has caught up."""

    __slots__ = ("_last", "_read")

    def __init__(self, read: Callable[[], int] = time.time_ns) -> None:
        self._read = read
        self._last = 0

    def now(self) -> int:
        """Nanoseconds since the epoch, UTC; never less than an earlier answer."""
        now = self._read()
        if now > self._last:  # noqa: PLR1730 - max() costs more, and every message asks
            self._last = now
        return self._last


class ManualCall:
    """A call planned on a `ManualClock`. Made once, at its time, unless cancelled before."""

    __slots__ = ("callback", "on_cancel")

    def __init__(self, callback: Callable[[], object], on_cancel: Callable[[], None]) -> None:
        self.callback: Callable[[], object] | None = callback
        self.on_cancel = on_cancel

    def cancel(self) -> None:
        """Take the call back. The second time, or after the call was made: does nothing."""
        if self.take() is not None:
            self.on_cancel()

    def take(self) -> Callable[[], object] | None:
        """The callback, once; None when cancelled or taken."""
        callback, self.callback = self.callback, None
        return callback


class ManualClock:
    """Time that moves only when told to, and the calls planned on it, made in the order of their times.

    Calls planned for the same instant are made in the order in which they were planned.
    """

    def __init__(self, start: int = 0) -> None:
        self._now = start
        self._planned: list[tuple[int, int, ManualCall]] = []
        self._count = 0
        self._live = 0

    def now(self) -> int:
        """Nanoseconds since the epoch, as set by `advance`."""
        return self._now

    @property
    def pending(self) -> int:
        """How many calls are planned."""
        return self._live

    def call_at(self, when: int, callback: Callable[[], object]) -> ManualCall:
        """Plan a call at `when` (ns since the epoch); a time gone by means: at the next `advance`, even by 0."""
        call = ManualCall(callback, self._forget_one)
        self._count += 1
        self._live += 1
        heapq.heappush(self._planned, (max(when, self._now), self._count, call))
        return call

    def call_later(self, delay: float, callback: Callable[[], object]) -> ManualCall:
        """Plan a call in `delay` seconds; stands in for `loop.call_later`."""
        return self.call_at(self._now + round(delay * NS_PER_SECOND), callback)

    def next_due(self) -> int | None:
        """The time of the earliest planned call, or None."""
        self._drop_cancelled()
        return self._planned[0][0] if self._planned else None

    def move_to_next(self, until: int) -> bool:
        """Move to the earliest planned instant not later than `until` and make all calls then planned for it.

        Without one: move to `until` and return False. Calls that these calls plan for the same instant wait
        for the next move.
        """
        due = self.next_due()
        if due is None or due > until:
            self._now = max(self._now, until)
            return False
        self._now = due
        last = self._count
        while self._planned and self._planned[0][0] == due and self._planned[0][1] <= last:
            callback = heapq.heappop(self._planned)[2].take()
            if callback is not None:
                self._live -= 1
                callback()
        return True

    def advance(self, ns: int) -> None:
        """Move `ns` forward and make every call planned up to then, each at its own time."""
        if ns < 0:
            raise ValueError(f"ns must not be negative, got {ns}: time does not run backwards.")
        until = self._now + ns
        while self.move_to_next(until):
            pass

    def _forget_one(self) -> None:
        self._live -= 1
        if len(self._planned) > 2 * self._live + 64:
            self._planned = [entry for entry in self._planned if entry[2].callback is not None]
            heapq.heapify(self._planned)

    def _drop_cancelled(self) -> None:
        while self._planned and self._planned[0][2].callback is None:
            heapq.heappop(self._planned)
