"""How long a start takes, phase by phase: one log line for operators once everything that is held has its exits.

Times run from the start of the process as the kernel knows it, so that interpreter and imports are counted.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from loguru import logger

from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.shard_protection import PROTECTED

LOOKED_FOR = "/proc/self/stat"


class Startup:
    """Phases and the seconds at which each was reached, in their order. A phase counts once.

    begun: seconds on the clock of `time.monotonic` at which the process, or its part as a shard, began.
    """

    def __init__(self, begun: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = process_begun() if begun is None else begun
        self._phases: dict[str, float] = {}
        self._before = 0.0 if begun is None else time.process_time()
        self.protected = asyncio.Event()

    @property
    def phases(self) -> Mapping[str, float]:
        """Seconds by phase."""
        return self._phases

    def reached(self, phase: str) -> None:
        """A phase is over."""
        self._phases.setdefault(phase, round(self._clock() - self._begun, 3))

    def heard(self, announce: Announce) -> bool:
        """The shard says once when whatever is held has its exits; that ends the start. Whether it ended now."""
        if announce.kind != PROTECTED or self.protected.is_set():
            return False
        self.reached("exits")
        self.protected.set()
        # On a busy machine the rest is waiting for a processor.
        told = {**self._phases, "processor": round(time.process_time() - self._before, 3)}
        text = ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in told.items())
        logger.bind(code="startup.phases", **told).info("seconds since the process began: {}", text)
        return True


def process_begun() -> float:
    """When this process was made, on the clock of `time.monotonic`, s; now where the kernel does not tell."""
    now = time.monotonic()
    try:
        ticks = int(Path(LOOKED_FOR).read_text(encoding="ascii").rpartition(")")[2].split()[19])
        return now - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return now
