"""Order events that must come, because the venue took the request: the proof that the order stream is not dead.

A connection can stay open and answer while its subscription is gone; then nothing but a missing event tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_MOST = 10_000


class Expected:
    """Client ids whose next event is owed. Events may come before the answer to the request. now: monotonic seconds."""

    def __init__(self, patience: float, now: Callable[[], float]) -> None:
        self._patience = patience
        self._now = now
        self._asked: dict[str, None] = {}
        self._owed: dict[str, float] = {}

    def asked(self, client_ids: Iterable[str]) -> None:
        """Requests are about to be sent."""
        if len(self._asked) + len(self._owed) > _MOST:
            self.forget()
        self._asked.update(dict.fromkeys(client_ids))

    def answered(self, client_id: str, *, taken: bool) -> None:
        """The venue took the request, or not for certain; an event that has come meanwhile settles it."""
        if client_id in self._asked:
            del self._asked[client_id]
            if taken:
                self._owed[client_id] = self._now() + self._patience

    def seen(self, client_id: str) -> None:
        """An event of this order came."""
        self._asked.pop(client_id, None)
        self._owed.pop(client_id, None)

    def overdue(self) -> str | None:
        """An order whose event should have come by now."""
        first = next(iter(self._owed), None)
        return first if first is not None and self._owed[first] < self._now() else None

    def forget(self) -> None:
        """A new connection: what was owed on the old one never comes."""
        self._asked.clear()
        self._owed.clear()
