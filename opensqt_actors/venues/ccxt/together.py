"""Questions about many symbols at about the same time, answered by few requests that ask for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """While a request is out, whoever else asks waits for the next one, which answers for all of them at once.

    A request leaves after everybody asked whom it answers for: no answer is older than its question. fetch: given the
    symbols that are asked about, what is known of each; what it raises is raised to all who wait for it.
    """

    def __init__(self, fetch: Callable[[frozenset[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._fetch = fetch
        self._waiting: dict[str, asyncio.Future[T]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, symbol: str) -> T:
        """What the venue says of a symbol now."""
        future = self._waiting.get(symbol)
        if future is None:
            future = self._waiting[symbol] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Let go of what is out; whoever waits is cancelled."""
        task, self._task = self._task, None
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.cancel()
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _work(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                found = await self._fetch(frozenset(asked))
                for symbol, future in asked.items():
                    if not future.done():
                        future.set_result(found[symbol])
            except Exception as error:  # noqa: BLE001 - it is theirs who wait
                for future in asked.values():
                    if not future.done():
                        future.set_exception(error)
                        future.exception()  # nobody may be left who waits
            finally:
                for future in asked.values():
                    future.cancel()
