"""Public streams of many symbols on few connections: fixed groups, so that a symbol comes and goes without a reconnect.

Each group has a slot for quotes and one for candles and marks; a slot sends the difference between what is wanted and
what is subscribed, many symbols in one request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from opensqt_actors.venues.ccxt.feed import Feed, FrameHook, StreamLost

_COALESCE = 0.05
_STREAMS_PER_REQUEST = 100

MakeFeed = Callable[..., Feed]
Start = Callable[[Coroutine[Any, Any, None], str], None]
Names = Callable[[str], tuple[str, ...]]


class Slot:
    """One connection with the streams of up to `capacity` symbols. names: symbol -> its stream names.

    grace: seconds that a renewed symbol gets before the connection itself is suspected.
    """

    def __init__(self, name: str, names: Names, heard: Callable[[str], int | None], grace: float) -> None:
        self.name = name
        self._names = names
        self._heard = heard
        self._grace = int(grace * 1e9)
        self.wanted: set[str] = set()
        self._active: set[str] = set()
        self._renewals: set[str] = set()
        self._renewed_at: dict[str, int] = {}
        self._changed = asyncio.Event()
        self.feed: Feed | None = None

    def want(self, symbol: str) -> None:
        """Subscribe soon. A symbol that comes back before it was unsubscribed is subscribed again."""
        self.wanted.add(symbol)
        if symbol in self._active:
            self.renew(symbol)
        self._changed.set()

    def drop(self, symbol: str) -> None:
        """Unsubscribe soon."""
        self.wanted.discard(symbol)
        self._renewals.discard(symbol)
        self._changed.set()

    def renew(self, symbol: str) -> None:
        """Subscribe this symbol again; the whole connection when that was tried and brought no frame."""
        if symbol not in self.wanted or self.feed is None:
            return
        now = time.time_ns()
        tried = self._renewed_at.get(symbol)
        if tried is not None and now - tried < self._grace:
            return
        if tried is not None and (self._heard(symbol) or 0) < tried:
            self._renewed_at.clear()
            self.feed.drop(f"{symbol} stayed silent after it was subscribed again")
            return
        self._renewed_at[symbol] = now
        self._renewals.add(symbol)
        self._changed.set()

    async def until_wanted(self) -> None:
        """Wait until there is something to subscribe to."""
        while not self.wanted:
            self._changed.clear()
            await self._changed.wait()

    async def session(self) -> None:
        """Subscribe everything, then follow the changes; returns when nothing is wanted any more."""
        feed = self.feed
        if feed is None:
            raise StreamLost("the slot has no connection")
        self._active.clear()
        self._renewals.clear()
        await self._follow(feed)
        feed.up()
        while self.wanted:
            await self._changed.wait()
            await asyncio.sleep(_COALESCE)
            await self._follow(feed)

    async def _follow(self, feed: Feed) -> None:
        self._changed.clear()
        renewed = self._renewals & self._active & self.wanted
        self._renewals.clear()
        gone = (self._active - self.wanted) | renewed
        new = (self.wanted - self._active) | renewed
        for request, symbols in (("UNSUBSCRIBE", gone), ("SUBSCRIBE", new)):
            for streams in _chunks(sorted(symbols), self._names):
                await feed.ask(request, streams)
        self._active = (self._active - gone) | new


def _chunks(symbols: Iterable[str], names: Names) -> Iterable[list[str]]:
    streams: list[str] = []
    for symbol in symbols:
        streams.extend(names(symbol))
        if len(streams) >= _STREAMS_PER_REQUEST:
            yield streams
            streams = []
    if streams:
        yield streams


class MarketStreams:
    """All public streams of one account. on_up and on_down speak of the quote slots together.

    start(work, name) runs a task until the owner ends it; make_feed(name, **parts) builds a connection;
    url_of(kind, index) names the address of a slot.
    """

    def __init__(
        self,
        *,
        capacity: int,
        renewal_grace: float,
        make_feed: MakeFeed,
        start: Start,
        url_of: Callable[[str, int], str],
        hooks: dict[str, FrameHook],
        names: dict[str, Names],
        heard: Callable[[str], int | None],
        on_up: Callable[[bool], None],
        on_down: Callable[[str], None],
        on_candles_back: Callable[[frozenset[str]], None],
    ) -> None:
        self._capacity = capacity
        self._grace = renewal_grace
        self._make_feed = make_feed
        self._start = start
        self._url_of = url_of
        self._hooks = hooks
        self._names = names
        self._heard = heard
        self._on_up = on_up
        self._on_down = on_down
        self._on_candles_back = on_candles_back
        self._groups: list[dict[str, Slot]] = []
        self._group_of: dict[str, int] = {}
        self._lost: set[str] = set()
        self._ever_up = False

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._group_of

    def feeds(self) -> list[Feed]:
        """The connections, for their counters."""
        return [slot.feed for group in self._groups for slot in group.values() if slot.feed is not None]

    def add(self, symbol: str) -> None:
        """Stream this symbol. Idempotent."""
        if symbol in self._group_of:
            return
        index = self._free_group()
        self._group_of[symbol] = index
        for slot in self._groups[index].values():
            slot.want(symbol)

    def remove(self, symbol: str) -> None:
        """Stop streaming this symbol. Idempotent."""
        index = self._group_of.pop(symbol, None)
        if index is not None:
            for slot in self._groups[index].values():
                slot.drop(symbol)
                if not slot.wanted and slot.name in self._lost:
                    self._slot_up(slot.name)

    def renew(self, symbol: str) -> None:
        """The symbol's streams are silent: subscribe them again, or reconnect."""
        index = self._group_of.get(symbol)
        if index is not None:
            for slot in self._groups[index].values():
                slot.renew(symbol)

    def _free_group(self) -> int:
        for index, group in enumerate(self._groups):
            if all(len(slot.wanted) < self._capacity for slot in group.values()):
                return index
        index = len(self._groups)
        group = {}
        for kind in self._hooks:
            slot = Slot(f"{kind}-{index}", self._names[kind], self._heard, self._grace)
            group[kind] = slot
            slot.feed = self._feed_of(slot, kind, index)
            self._start(slot.feed.run(), slot.name)
        self._groups.append(group)
        return index

    def _feed_of(self, slot: Slot, kind: str, index: int) -> Feed:
        async def url() -> str:
            await slot.until_wanted()
            return self._url_of(kind, index)

        def up(reconnected: bool) -> None:
            if kind == "quotes":
                self._slot_up(slot.name)
            elif reconnected:
                self._on_candles_back(frozenset(slot.wanted))

        def down(reason: str) -> None:
            if kind == "quotes" and slot.wanted:
                self._slot_down(slot.name, reason)

        return self._make_feed(
            slot.name, url=url, on_frame=self._hooks[kind], session=slot.session, on_up=up, on_down=down
        )

    def _slot_up(self, name: str) -> None:
        if self._ever_up and name not in self._lost:
            return  # a further group: the prices were never down
        self._lost.discard(name)
        if not self._lost:
            reconnected, self._ever_up = self._ever_up, True
            self._on_up(reconnected)

    def _slot_down(self, name: str, reason: str) -> None:
        first = not self._lost
        self._lost.add(name)
        if first:
            self._on_down(reason)
