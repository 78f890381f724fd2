"""Which trades are booked already: a bounded memory of ids, eight bytes each.

A set of sides per trade took nearly 300 bytes, which in a busy market is what a process grows by for its first hour.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from opensqt_actors.domain.orders import Side

KNOWN_TRADES = 4_096
"""So many of the newest ids are remembered of each side."""
RESTORED_TRADES = 2_000
"""So many a journal gives back at most: when it gives so many, there were others before."""


class BookedTrades:
    """The newest ids of each side. A trade has two sides, and both may be ours; older ones count as booked."""

    __slots__ = ("_buys", "_forgotten_buys", "_forgotten_sells", "_sells")

    def __init__(self, restored: Iterable[int] = ()) -> None:
        """restored: ids of trades of which both sides count as booked."""
        ids = sorted(restored)
        self._buys = array("q", ids[-KNOWN_TRADES:])
        self._sells = array("q", self._buys)
        oldest = ids[0] if len(ids) >= RESTORED_TRADES else 0
        if len(ids) > KNOWN_TRADES:
            oldest = ids[-KNOWN_TRADES - 1] + 1
        self._forgotten_buys = self._forgotten_sells = oldest

    def __len__(self) -> int:
        """How many ids are kept, of the side that has more."""
        return max(len(self._buys), len(self._sells))

    def knows(self, trade_id: int, side: Side) -> bool:
        """Whether this side of a trade was booked, or is older than what is remembered."""
        if side is Side.BUY:
            return trade_id < self._forgotten_buys or _has(self._buys, trade_id)
        return trade_id < self._forgotten_sells or _has(self._sells, trade_id)

    def remember(self, trade_id: int, side: Side) -> None:
        """This side of a trade is booked from now on. The lowest id goes when there are too many."""
        if side is Side.BUY:
            self._forgotten_buys = max(self._forgotten_buys, _put(self._buys, trade_id))
        else:
            self._forgotten_sells = max(self._forgotten_sells, _put(self._sells, trade_id))


def _has(known: array[int], trade_id: int) -> bool:
    if not known or trade_id > known[-1]:
        return False
    index = bisect_left(known, trade_id)
    return index < len(known) and known[index] == trade_id


def _put(known: array[int], trade_id: int) -> int:
    """Insert; returns below which id nothing is known any more, 0 when nothing had to go."""
    if not known or trade_id > known[-1]:
        known.append(trade_id)
    else:
        index = bisect_left(known, trade_id)
        if known[index] == trade_id:
            return 0
        known.insert(index, trade_id)
    return known.pop(0) + 1 if len(known) > KNOWN_TRADES else 0
