"""A bounded list that forgets its oldest entries, with cheap look-ups from an index. Not thread-safe, no I/O."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Log(Generic[T]):
    """Entries in the order they came. Dropping the oldest is amortised O(1), slices are by position."""

    __slots__ = ("_head", "_items", "dropped")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._head = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items) - self._head

    def __iter__(self) -> Iterator[T]:
        return iter(self._items[self._head :])

    def append(self, item: T) -> None:
        self._items.append(item)

    def drop_oldest(self) -> T:
        """Forget and return the oldest entry; IndexError when there is none."""
        item = self._items[self._head]
        self._head += 1
        self.dropped += 1
        if self._head > 1024 and self._head * 2 > len(self._items):
            del self._items[: self._head]
            self._head = 0
        return item

    def select(self, key: Callable[[T], int], start: int | None, end: int | None) -> list[T]:
        """Entries whose key, which must never fall, lies in [start, end]; None is open."""
        low = self._head if start is None else bisect_left(self._items, start, self._head, key=key)
        high = len(self._items) if end is None else bisect_left(self._items, end + 1, low, key=key)
        return self._items[low:high]


def page(items: list[T], limit: int, *, oldest: bool) -> list[T]:
    """At most `limit` of them: the first ones, or the last ones."""
    return items[:limit] if oldest else items[max(0, len(items) - limit) :]
