"""What waits for the journal's writer: a bounded queue between the loop's thread and the writer's. No database here.

An item is withdrawn by the loop or sealed by the writer, never both: after `withdraw` it is certainly not written,
after `seal` only the database knows.
"""

from __future__ import annotations

import threading
from asyncio import TimerHandle
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from msgspec import Struct
from sqlalchemy.engine import Connection

from opensqt_actors.actors.leases import Lease
from opensqt_actors.domain.records import Entry, Intent
from opensqt_actors.storage.errors import JournalClosed, JournalFull


class ItemState(Enum):
    """QUEUED: waits or is being written; SEALED: its commit may be on the way; DONE: written, answered or withdrawn."""

    QUEUED = "queued"
    SEALED = "sealed"
    DONE = "done"


class Writing(Struct, eq=False):
    """Entries to write whatever happens. `key` and `first` name each of them among all events of all time.

    under: for each entry the lease that it needs, or None; empty where there are no leases.
    """

    entries: tuple[Entry, ...]
    key: str
    first: int = 0
    under: tuple[Lease | None, ...] = ()
    state: ItemState = ItemState.QUEUED

    @property
    def rows(self) -> int:
        """How much of the bound it takes."""
        return len(self.entries)

    def parts(self) -> list[Writing]:
        """The same entries, each by itself."""
        return [
            Writing((entry,), self.key, self.first + index, self.under[index : index + 1])
            for index, entry in enumerate(self.entries)
        ]


class Committing(Struct, eq=False):
    """Intents to write soon or not at all; answered with None or the reason. under: the leases that they need."""

    intents: tuple[Intent, ...]
    on_done: Callable[[str | None], None]
    asked: float
    under: tuple[Lease | None, ...] = ()
    timer: TimerHandle | None = None
    state: ItemState = ItemState.QUEUED

    @property
    def rows(self) -> int:
        """How much of the bound it takes."""
        return len(self.intents)


class Asking(Struct, eq=False):
    """Work on the writer's connection in a transaction of its own; answered with its result or the reason.

    It must be repeatable: when the outcome of its commit is unknown, it is done again.
    """

    run: Callable[[Connection], Any]
    on_done: Callable[[Any], None]
    timer: TimerHandle | None = None
    state: ItemState = ItemState.QUEUED
    rows: int = 1


Item = Writing | Committing | Asking


class Backlog:
    """First in, first out, at most `bound` rows including those being written."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._items: deque[Item] = deque()
        self._rows = 0
        self._changed = threading.Condition()
        self._closing = False

    @property
    def rows(self) -> int:
        """Rows that wait or are being written."""
        return self._rows

    @property
    def closing(self) -> bool:
        """Whether nothing more is taken in."""
        return self._closing

    def put(self, item: Item) -> None:
        """Take an item in. JournalFull at the bound, JournalClosed after `close`: then nothing was taken."""
        with self._changed:
            if self._closing:
                raise JournalClosed("the journal is closed")
            if self._rows + item.rows > self._bound:
                raise JournalFull(f"the journal holds {self._rows} unwritten entries and may hold {self._bound}")
            self._items.append(item)
            self._rows += item.rows
            self._changed.notify()

    def take(self, rows: int, timeout: float) -> list[Item] | None:
        """The oldest items that may share a transaction, about `rows` rows; an Asking comes alone.

        Empty after `timeout` seconds without any, None when closed and empty.
        """
        with self._changed:
            if not self._items and not self._closing:
                self._changed.wait(timeout)
            group: list[Item] = []
            while self._items and rows > 0:
                item = self._items[0]
                if type(item) is Asking and group:
                    break
                self._items.popleft()
                if item.state is ItemState.DONE:
                    continue
                group.append(item)
                rows -= item.rows
                if type(item) is Asking:
                    break
            return None if not group and self._closing else group

    def put_back(self, items: Iterable[Item]) -> None:
        """Return items to the head, in their order."""
        with self._changed:
            self._items.extendleft(reversed([item for item in items if item.state is not ItemState.DONE]))

    def withdraw(self, item: Item) -> bool:
        """Take an item out, unless it is sealed or done. True: certainly not written, and nobody else answers it."""
        with self._changed:
            if item.state is not ItemState.QUEUED:
                return False
            item.state = ItemState.DONE
            self._rows -= item.rows
            return True

    def withdraw_questions(self) -> list[Committing | Asking]:
        """Take out everything that waits for an answer and is not sealed."""
        with self._changed:
            found: list[Committing | Asking] = []
            kept: deque[Item] = deque()
            for item in self._items:
                if type(item) is Writing or item.state is ItemState.SEALED:
                    kept.append(item)
                elif item.state is ItemState.QUEUED:
                    item.state = ItemState.DONE
                    self._rows -= item.rows
                    found.append(item)  # type: ignore[arg-type]
            self._items = kept
            return found

    def seal(self, items: Iterable[Item]) -> bool:
        """Right before a commit: from now on none of these can be withdrawn. False when one already was."""
        with self._changed:
            group = tuple(items)
            if any(item.state is ItemState.DONE for item in group):
                return False
            for item in group:
                item.state = ItemState.SEALED
            return True

    def settle(self, items: Iterable[Item]) -> None:
        """These are dealt with."""
        with self._changed:
            for item in items:
                if item.state is not ItemState.DONE:
                    item.state = ItemState.DONE
                    self._rows -= item.rows

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)

    def close(self) -> None:
        """Take nothing more in; what waits may still be taken out."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
