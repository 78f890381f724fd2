"""What waits to be told to the supervisor: screens conflated to the newest, events bounded, answers never dropped."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.shard_link import Screens

MAX_EVENTS = 1_000
MAX_ANSWERS = 10_000


class OutboxFull(Exception):
    """So many answers wait that the reader cannot be reading any more: the stream must end."""


class Outbox:
    """One attachment's queue. dropped: events that the reader was too slow for."""

    def __init__(self, *, events: int = MAX_EVENTS, answers: int = MAX_ANSWERS) -> None:
        self.dropped = 0
        self._screens: Screens | None = None
        self._queue: deque[Any] = deque()
        self._events = 0
        self._most_events = events
        self._most_answers = answers
        self._ready = asyncio.Event()
        self._ended = False

    def put(self, fact: Any) -> None:
        """Queue a fact. OutboxFull when answers cannot be kept any more."""
        if self._ended:
            return
        if isinstance(fact, Screens):
            self._screens = fact if self._screens is None else merge(self._screens, fact)
        elif isinstance(fact, Announce):
            if self._events >= self._most_events:
                self.dropped += 1
                return
            self._events += 1
            self._queue.append(fact)
        else:
            if len(self._queue) - self._events >= self._most_answers:
                raise OutboxFull
            self._queue.append(fact)
        self._ready.set()

    async def take(self) -> Any | None:
        """The next fact, None at the end: what was queued in order, and the screens when nothing else waits."""
        while True:
            if self._queue:
                fact = self._queue.popleft()
                self._events -= isinstance(fact, Announce)
                return fact
            if self._screens is not None:
                screens, self._screens = self._screens, None
                return screens
            if self._ended:
                return None
            self._ready.clear()
            await self._ready.wait()

    def end(self) -> None:
        """Nothing more comes; what waits is still taken."""
        self._ended = True
        self._ready.set()


def merge(old: Screens, new: Screens) -> Screens:
    """Both as one: of every line the newer."""
    symbols = {(row.account, row.symbol): row for row in (*old.symbols, *new.symbols)}
    accounts = {row.account: row for row in (*old.accounts, *new.accounts)}
    return Screens(tuple(symbols.values()), tuple(accounts.values()), new.measured)
