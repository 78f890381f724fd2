"""Announcements on their way to whoever watches: numbered, bounded, never slowing those who announce."""

from __future__ import annotations

import asyncio
from collections import deque

from msgspec import Struct

from opensqt_actors.actors.ports import Announce

REMEMBERED = 1_000
BACKLOG = 1_000
MAX_SUBSCRIBERS = 32


class Happening(Struct, frozen=True):
    """An announcement, its number in this process and its time in ns."""

    sequence: int
    at: int
    announce: Announce


class TooManySubscribers(Exception):
    """As many watch already as are allowed."""


class Subscription:
    """One watcher's queue, to be iterated. When full, the oldest go, counted in `dropped`; numbers show the gap."""

    def __init__(self, hub: EventHub, past: list[Happening], bound: int) -> None:
        self.dropped = 0
        self._hub = hub
        self._queue: deque[Happening] = deque(past, maxlen=bound)
        self._ready = asyncio.Event()
        self._ended = False
        if past:
            self._ready.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Happening:
        while not self._queue:
            if self._ended:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._queue.popleft()

    def offer(self, happening: Happening) -> None:
        """Queue one more."""
        if len(self._queue) == self._queue.maxlen:
            self.dropped += 1
            self._hub.dropped += 1
        self._queue.append(happening)
        self._ready.set()

    def end(self) -> None:
        """Nothing follows; what is queued can still be read."""
        self._ended = True
        self._ready.set()

    def close(self) -> None:
        """The watcher has gone."""
        self._hub.forget(self)
        self.end()


class EventHub:
    """Where announcements are published and subscribed to. Everything happens on the event loop."""

    def __init__(
        self, *, remembered: int = REMEMBERED, backlog: int = BACKLOG, subscribers: int = MAX_SUBSCRIBERS
    ) -> None:
        self.dropped = 0
        self._past: deque[Happening] = deque(maxlen=remembered)
        self._backlog = max(backlog, remembered)
        self._bound = subscribers
        self._subscribers: list[Subscription] = []
        self._sequence = 0
        self._closed = False

    def publish(self, announce: Announce, at: int) -> None:
        """Tell everybody who watches. at: ns. Never waits, never raises."""
        self._sequence += 1
        happening = Happening(self._sequence, at, announce)
        self._past.append(happening)
        for subscription in self._subscribers:
            subscription.offer(happening)

    def subscribe(self, latest: int = 0) -> Subscription:
        """Watch from now on, after the `latest` newest of the past. Close it when done. TooManySubscribers."""
        if len(self._subscribers) >= self._bound:
            raise TooManySubscribers(f"{self._bound} watch the events already; end one of them")
        past = list(self._past)[-latest:] if latest > 0 else []
        subscription = Subscription(self, past, self._backlog)
        if self._closed:
            subscription.end()
        else:
            self._subscribers.append(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Take a watcher off the list."""
        if subscription in self._subscribers:
            self._subscribers.remove(subscription)

    def close(self) -> None:
        """End every subscription, now and later."""
        self._closed = True
        for subscription in self._subscribers:
            subscription.end()
