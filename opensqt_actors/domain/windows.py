"""Sliding windows for the circuit breakers, in memory of fixed size: the highest value, and counts of order answers.

Time comes in as ns and never goes back inside a window: an earlier moment counts as the latest one seen.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

BUCKETS = 60


class SlidingPeak:
    """The highest value within a window; one leaves up to a sixtieth of the window late, never early."""

    __slots__ = ("_grain", "_peaks", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._grain = max(window // BUCKETS, 1)
        self._peaks: deque[tuple[int, Decimal]] = deque()

    @property
    def highest(self) -> tuple[int, Decimal] | None:
        """Since when, and how high."""
        return (self._peaks[0][0] * self._grain, self._peaks[0][1]) if self._peaks else None

    def add(self, value: Decimal, now: int) -> Decimal:
        """Take a value; the highest of the window, this one included."""
        peaks = self._peaks
        bucket = now // self._grain
        oldest = (now - self._window) // self._grain
        while peaks and peaks[0][0] < oldest:
            peaks.popleft()
        while peaks and peaks[-1][1] <= value:
            peaks.pop()
        if not peaks or peaks[-1][0] < bucket:
            peaks.append((bucket, value))
        return peaks[0][1]


class AnswerCounts:
    """Answers, failures and slow ones within a sliding window of `BUCKETS` parts."""

    __slots__ = ("_at", "_counts", "_grain", "_limit", "_sums")

    def __init__(self, window: int, latency_limit: int) -> None:
        self._grain = max(window // BUCKETS, 1)
        self._limit = latency_limit
        self._at = 0
        self._counts = [[0, 0, 0] for _ in range(BUCKETS)]
        self._sums = [0, 0, 0]

    def add(self, failed: bool, latency: int, now: int) -> tuple[int, int, int]:
        """Take an answer; answers, failed ones and slow ones of the window, this one included."""
        at = max(now // self._grain, self._at)
        if at > self._at:
            self._pass(at)
        count, sums = self._counts[at % BUCKETS], self._sums
        count[0] += 1
        sums[0] += 1
        if failed:
            count[1] += 1
            sums[1] += 1
        if latency > self._limit:
            count[2] += 1
            sums[2] += 1
        return sums[0], sums[1], sums[2]

    def _pass(self, at: int) -> None:
        for bucket in range(max(self._at, at - BUCKETS) + 1, at + 1):
            count = self._counts[bucket % BUCKETS]
            for column in range(3):
                self._sums[column] -= count[column]
                count[column] = 0
        self._at = at
