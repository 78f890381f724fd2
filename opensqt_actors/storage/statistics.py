"""How the journal has been doing: counts, and how long commits took. Plain numbers, no I/O."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from msgspec import Struct

BUCKETS_MS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0)
_RECENT = 1_024


class JournalCounters(Struct, frozen=True):
    """Since the start: transactions, rows, lost transactions, entries set aside, updates that met no order, entries
    dropped because their symbol's lease was not held any more.

    pending: rows not yet written. commit_*: ms from the begin of a transaction to the end of its commit, of the last
    1,024 for the percentiles. wait_*: ms from `Journal.commit` to the durable intent. buckets: (upper bound in ms,
    transactions up to it), cumulative, without the last, unbounded one. away: why the database cannot be used, or None.
    """

    commits: int
    rows: int
    pending: int
    failures: int
    rejected: int
    strays: int
    fenced: int
    pruned: int
    last_commit_ms: float
    commit_p50_ms: float
    commit_p99_ms: float
    wait_p50_ms: float
    wait_p99_ms: float
    commit_sum_ms: float
    buckets: tuple[tuple[float, int], ...]
    away: str | None


class Statistics:
    """Written by the writer's thread alone; a snapshot taken elsewhere may be one transaction behind."""

    def __init__(self) -> None:
        self.rows = self.failures = self.rejected = self.strays = self.fenced = self.pruned = 0
        self._commits = 0
        self._last = self._sum = 0.0
        self._counts = [0] * (len(BUCKETS_MS) + 1)
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._waits: deque[float] = deque(maxlen=_RECENT)

    def committed(self, rows: int, seconds: float) -> None:
        """One transaction of this many rows."""
        self._commits += 1
        self.rows += rows
        self._last = seconds * 1e3
        self._sum += self._last
        self._counts[bisect_left(BUCKETS_MS, self._last)] += 1
        self._recent.append(self._last)

    def waited(self, seconds: float) -> None:
        """One answered commit of intents."""
        self._waits.append(seconds * 1e3)

    def snapshot(self, pending: int, away: str | None) -> JournalCounters:
        """The numbers as a value."""
        recent, waits = sorted(self._recent.copy()), sorted(self._waits.copy())
        total, buckets = 0, []
        for bound, count in zip(BUCKETS_MS, self._counts, strict=False):
            total += count
            buckets.append((bound, total))
        return JournalCounters(
            commits=self._commits,
            rows=self.rows,
            pending=pending,
            failures=self.failures,
            rejected=self.rejected,
            strays=self.strays,
            fenced=self.fenced,
            pruned=self.pruned,
            last_commit_ms=self._last,
            commit_p50_ms=_quantile(recent, 0.50),
            commit_p99_ms=_quantile(recent, 0.99),
            wait_p50_ms=_quantile(waits, 0.50),
            wait_p99_ms=_quantile(waits, 0.99),
            commit_sum_ms=self._sum,
            buckets=tuple(buckets),
            away=away,
        )


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
