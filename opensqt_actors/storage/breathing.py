"""Lets another thread have the interpreter lock while the loop waits for it.

A loop that is never idle lets go of the lock only within its polls, too briefly for another thread to wake up and take
it: beside such a loop a commit took up to seconds instead of milliseconds. A loop that idles needs none of it, and on a
machine whose processors are all wanted a pause that nobody needs costs the loop its turn. So it is looked first whether
a pass of the loop takes time, once a millisecond while it does not, and every pass pauses while it does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LOOK_EVERY = 1e-3
"""Seconds. uvloop rounds its timers to whole milliseconds: half of one or less would be a look in every pass."""
BUSY = 5e-5
"""Seconds of a pass: more than the loop takes when it has nothing to do."""
PAUSE = 2e-5
"""Seconds: enough for a waiting thread to wake up; the kernel makes about 70 us of it."""


class Breathing:
    """Begun when somebody waits for the other thread; ends by itself when `waited` says that nobody does any more."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        waited: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._loop = loop
        self._waited = waited
        self._clock = clock
        self._pause = pause
        self._on = False

    def begin(self) -> None:
        """Look after the loop from now on. Harmless when that is being done already."""
        if not self._on:
            self._on = True
            self._loop.call_soon(self._look)  # not now: what is left to do in this pass tells nothing of the next

    def _look(self) -> None:
        if self._waited():
            self._loop.call_soon(self._passed, self._clock())
        else:
            self._on = False

    def _passed(self, before: float) -> None:
        """The loop has come round once since `before`."""
        if self._clock() - before <= BUSY:
            self._loop.call_later(LOOK_EVERY, self._look)
            return
        self._pause(PAUSE)
        self._look()
