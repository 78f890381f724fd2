"""When a failed actor is started again: a pure function of its failures, the policy and the time.

One rule: more than `intensity` failures in a row, none of them preceded by `period_ns` of healthy running, end in
quarantine; until then each restart waits longer than the one before.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

NS_PER_SECOND = 1_000_000_000


class RestartPolicy(Struct, frozen=True):
    """How often an actor may be restarted, and how soon.

    `intensity`: restarts in a row before quarantine (0: the first failure is the last). `period_ns`: healthy running
    that makes earlier failures forgotten. The n-th restart in a row waits `backoff_initial_ns * factor ** (n - 1)`,
    at most `backoff_max_ns`.
    """

    intensity: int
    period_ns: int
    backoff_initial_ns: int
    backoff_max_ns: int
    factor: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.intensity <= 1_000:
            raise ValueError(f"intensity must be between 0 and 1000, got {self.intensity}.")
        if self.period_ns <= 0:
            raise ValueError(f"period_ns must be positive, got {self.period_ns}.")
        if not 0 <= self.backoff_initial_ns <= self.backoff_max_ns:
            raise ValueError(
                f"backoff_initial_ns must be between 0 and backoff_max_ns ({self.backoff_max_ns}), "
                f"got {self.backoff_initial_ns}."
            )
        if not 1.0 <= self.factor <= 1_000.0:
            raise ValueError(f"factor must be between 1 and 1000, got {self.factor}.")

    def delay(self, failures: int) -> int:
        """Wait in ns before the restart that follows the `failures`-th failure in a row; 0 without a failure."""
        if failures <= 0:
            return 0
        wait = self.backoff_initial_ns
        for _ in range(failures - 1):
            if wait >= self.backoff_max_ns:
                break
            wait = min(round(wait * self.factor), self.backoff_max_ns)
        return wait


class RestartHistory(Struct, frozen=True):
    """The failures in a row of one actor, and the incarnation to start it with next.

    `failures` are times in ns, oldest first, never more than the policy's intensity + 1.
    """

    incarnation: int = 1
    failures: tuple[int, ...] = ()

    def failed(self, policy: RestartPolicy, now: int) -> RestartHistory:
        """The history after a failure at `now`. Ask `decide` next."""
        earlier = self.failures
        if earlier:
            now = max(now, earlier[-1])
            started = earlier[-1] + policy.delay(len(earlier))
            if now - started >= policy.period_ns:
                earlier = ()
        return RestartHistory(self.incarnation + 1, (*earlier, now)[-(policy.intensity + 1) :])

    def cleared(self) -> RestartHistory:
        """The history after an operator has lifted a quarantine: failures forgotten, the incarnation kept."""
        return replace(self, failures=())


class Restart(Struct, frozen=True):
    """Start the actor again in `after_ns` (0: at once) as this incarnation."""

    after_ns: int
    incarnation: int


class Quarantine(Struct, frozen=True):
    """Do not start the actor again until an operator says so."""

    reason: str


Verdict: TypeAlias = Restart | Quarantine


def decide(history: RestartHistory, policy: RestartPolicy, now: int) -> Verdict:
    """What becomes of an actor with this history at `now` (ns). Time already waited since the failure is deducted."""
    count = len(history.failures)
    if count > policy.intensity:
        span = (history.failures[-1] - history.failures[0]) / NS_PER_SECOND
        healthy = policy.period_ns / NS_PER_SECOND
        return Quarantine(
            f"{count} failures within {span:.1f} s, none after {healthy:g} s of healthy running; "
            f"{policy.intensity} restarts in a row are allowed."
        )
    if count == 0:
        return Restart(0, history.incarnation)
    due = history.failures[-1] + policy.delay(count)
    return Restart(max(due - now, 0), history.incarnation)
