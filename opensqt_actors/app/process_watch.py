"""One process, ours or not: told when it ends, killed without ever hitting another one that got its number."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

LOOK = 0.1


class ProcessWatch:
    """on_end: called once, on the loop, when the process has ended. A process that is gone already ends at once."""

    def __init__(self, pid: int, on_end: Callable[[], None]) -> None:
        self.pid = pid
        self.alive = True
        self.ended = asyncio.Event()
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._file = -1
        self._timer: asyncio.TimerHandle | None = None
        if hasattr(os, "pidfd_open"):
            try:
                self._file = os.pidfd_open(pid)
            except ProcessLookupError:
                self._timer = self._loop.call_later(0, self._ended)
                return
            self._loop.add_reader(self._file, self._ended)
        else:
            self._look()

    def _look(self) -> None:
        """Where the kernel has no handle for a process: look again and again."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            self._ended()
        else:
            self._timer = self._loop.call_later(LOOK, self._look)

    def _ended(self) -> None:
        if self.alive:
            self.alive = False
            self.ended.set()
            self.close()
            self._on_end()

    def send(self, number: signal.Signals) -> None:
        """Send a signal; to a process that has ended it is none."""
        if not self.alive:
            return
        with suppress(ProcessLookupError):
            if self._file >= 0:
                signal.pidfd_send_signal(self._file, number)
            else:
                os.kill(self.pid, number)

    def close(self) -> None:
        """Watch no longer."""
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1
        if self._timer is not None:
            self._timer.cancel()
