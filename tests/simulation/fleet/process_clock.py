"""The clock of the process under test: the machine's, which may be set forwards and back while the venue's goes on."""

from __future__ import annotations

from opensqt_actors.runtime.clock import ManualClock


class ProcessClock:
    """Shows `clock` plus an offset as `SystemClock` would: set back, it stands still until it has caught up."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._offset = 0
        self._last = 0

    def now(self) -> int:
        """Nanoseconds since the epoch; never less than an earlier answer to the same process."""
        self._last = max(self._last, self._clock.now() + self._offset)
        return self._last

    def jump(self, ns: int) -> None:
        """The clock is set: so many ns ahead of the venue's, or behind."""
        self._offset = ns

    def correct(self) -> None:
        """The clock is right again."""
        self._offset = 0

    def restart(self) -> None:
        """A new process has seen no time yet."""
        self._last = 0
