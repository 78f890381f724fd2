"""What the service needs from the system behind it, and the bookkeeping of questions that wait for their answer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Protocol

from opensqt_actors.actors.operator import Refusal, Request
from opensqt_actors.api.events import Subscription

MAX_WAITING = 1_000
MakeRequest = Callable[[int], Request]


class Backend(Protocol):
    """The actor system, as seen by the service."""

    async def ask(self, make: MakeRequest, timeout: float) -> Any:
        """Send `make(number)` to the SupervisorActor and wait for its Reply's payload: a view, Done or Refusal.

        TimeoutError after `timeout` seconds. Once the system has stopped: Refusal "unavailable", at once.
        """

    def events(self, latest: int = 0) -> Subscription:
        """What is announced from now on, after the `latest` newest announcements of the past."""


class Asks:
    """Questions that wait for a Reply. Not thread-safe: everything happens on the event loop.

    send: gives a request to the SupervisorActor. The port of `Reply` calls `resolve`. At the end `close` answers
    whoever still waits, so that nobody hangs.
    """

    def __init__(self, send: Callable[[Request], None], *, bound: int = MAX_WAITING) -> None:
        self._send = send
        self._bound = bound
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._closed: Refusal | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, make: MakeRequest, timeout: float) -> Any:
        """See Backend.ask."""
        if self._closed is not None:
            return self._closed
        if len(self._waiting) >= self._bound:
            return Refusal("unavailable", f"{self._bound} questions wait for an answer already; try again")
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._send(make(number))
            async with asyncio.timeout(timeout):
                return await answer
        finally:
            self._waiting.pop(number, None)

    def resolve(self, request: int, payload: Any) -> None:
        """The answer to a request. One that nobody waits for any more is dropped."""
        answer = self._waiting.get(request)
        if answer is not None and not answer.done():
            answer.set_result(payload)

    def close(self, sentence: str = "the supervisor has stopped") -> None:
        """Answer everybody who waits, and everybody who asks after this, with a refusal."""
        self._closed = Refusal("unavailable", sentence)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(self._closed)
