"""Binance's user data stream: the listen key's life, and the proof that the connection is really subscribed to it.

ccxt renews a key only once and does not act on its expiry, so key and timer are ours. The key is treated as a secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from opensqt_actors.venues.ccxt.errors import RestFailure
from opensqt_actors.venues.ccxt.expected import Expected
from opensqt_actors.venues.ccxt.feed import Feed, NotAnswered, StreamLost
from opensqt_actors.venues.ccxt.rest import Rest
from opensqt_actors.venues.ccxt.secrets import Scrubber

NO_SUCH_KEY = -1125
_LOOK_EVERY = 1.0


class UserStream:
    """Supplies a Feed with its address and its session. private_url: listen key -> address; times in s."""

    def __init__(
        self,
        rest: Rest,
        scrubber: Scrubber,
        private_url: Callable[[str], str],
        *,
        expected: Expected,
        renew_every: float,
        prove_every: float,
    ) -> None:
        self._rest = rest
        self._scrubber = scrubber
        self._private_url = private_url
        self._expected = expected
        self._renew_every = renew_every
        self._prove_every = prove_every
        self._key = ""
        self._answers: bool | None = None
        self.feed: Feed | None = None

    async def url(self) -> str:
        """A fresh address. The venue hands out the key in force, or a new one when that has expired."""
        answer = await self._rest.call("fapiPrivate", "POST", "listenKey")
        key = answer.get("listenKey")
        if not key:
            raise StreamLost("the venue gave no listen key")
        self._key = str(key)
        self._scrubber.add(self._key)
        return self._private_url(self._key)

    async def session(self) -> None:
        """Verify, then renew the key and prove the subscription from time to time."""
        feed = self.feed
        if feed is None:
            raise StreamLost("the user stream has no connection")
        self._expected.forget()
        await self._renew()
        await self._prove(feed)
        feed.up()
        loop = asyncio.get_running_loop()
        prove_at, renew_at = loop.time() + self._prove_every, loop.time() + self._renew_every
        while True:
            await asyncio.sleep(max(0.0, min(_LOOK_EVERY, prove_at - loop.time(), renew_at - loop.time())))
            overdue = self._expected.overdue()
            if overdue is not None:
                raise StreamLost(f"the venue took order {overdue} but its event did not come")
            if loop.time() >= renew_at:
                renew_at = loop.time() + self._renew_every
                await self._renew_or_keep()
            if loop.time() >= prove_at:
                prove_at = loop.time() + self._prove_every
                await self._prove(feed)

    def expired(self, frame: dict[str, Any]) -> None:
        """The venue told that a key is no longer valid: leave, unless it speaks of one that we have left already."""
        if self.feed is not None and frame.get("listenKey", self._key) == self._key:
            self.feed.drop("the listen key has expired")

    async def _prove(self, feed: Feed) -> None:
        """An answer on this very socket, which names the key when it names anything.

        A venue that has never answered this request on its private stream proves itself by a pong instead.
        """
        if self._answers is False:
            return await feed.ping()
        try:
            subscribed = await feed.ask("LIST_SUBSCRIPTIONS")
        except NotAnswered:
            if self._answers:
                raise
            await feed.ping()
            self._answers = False
            return None
        self._answers = True
        if isinstance(subscribed, list) and subscribed and not any(self._key in str(name) for name in subscribed):
            raise StreamLost("the connection is subscribed to something else")
        return None

    async def _renew(self) -> None:
        answer = await self._rest.call("fapiPrivate", "PUT", "listenKey")
        key = answer.get("listenKey", self._key) if isinstance(answer, dict) else self._key
        if key != self._key:
            raise StreamLost("the listen key was replaced by another one")

    async def _renew_or_keep(self) -> None:
        """A renewal that fails for want of a connection is tried again with the next one: the key lives an hour."""
        try:
            await self._renew()
        except RestFailure as failure:
            if failure.code == NO_SUCH_KEY:
                raise StreamLost("the listen key is no longer valid") from None
