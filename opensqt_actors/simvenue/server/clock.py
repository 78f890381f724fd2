"""The venue's clock: real time that never goes back, and the skew that clients are made to see.

The engine runs on `now`; what the venue tells as its time, and checks timestamps against, is `told`.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class VenueClock:
    """Milliseconds since the epoch. `skew` (ms, may be negative) is added to the told time only."""

    def __init__(self, source: Callable[[], int] = time.time_ns) -> None:
        self._source = source
        self._last = 0
        self.skew = 0

    def now(self) -> int:
        """Real time, never smaller than before."""
        self._last = max(self._last, self._source() // 1_000_000)
        return self._last

    def told(self) -> int:
        """What the venue says the time is."""
        return self.now() + self.skew
