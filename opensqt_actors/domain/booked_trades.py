"""Which trades a symbol has booked: each side of a trade counts once, whenever and however often it is told.

The memory is bounded. What is older than everything in it counts as booked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from opensqt_actors.domain.orders import Side

KNOWN_TRADES = 4_096
RESTORED_TRADES = 2_000
"""When this many trades are restored there may have been older ones, which are then taken for booked."""


class BookedTrades:
    """Our sides of the newest trades, by the venue's trade ids. restored: ids of trades that were booked earlier."""

    __slots__ = ("_forgotten", "_order", "_sides")

    def __init__(self, restored: Iterable[int] = ()) -> None:
        self._sides: dict[int, set[Side]] = {}
        self._order: deque[int] = deque()
        self._forgotten = 0
        known = sorted(restored)
        for trade in known:
            self.remember(trade, set(Side))
        if len(known) >= RESTORED_TRADES:
            self._forgotten = known[0]

    def knows(self, trade_id: int, side: Side) -> bool:
        """Whether our side of a trade was booked. Older than the bounded memory counts as booked."""
        sides = self._sides.get(trade_id)
        return (sides is not None and side in sides) or trade_id < self._forgotten

    def remember(self, trade_id: int, sides: set[Side]) -> None:
        """These sides of a trade are booked."""
        known = self._sides.get(trade_id)
        if known is not None:
            known |= sides
            return
        self._sides[trade_id] = sides
        self._order.append(trade_id)
        if len(self._order) > KNOWN_TRADES:
            oldest = self._order.popleft()
            del self._sides[oldest]
            self._forgotten = max(self._forgotten, oldest + 1)
