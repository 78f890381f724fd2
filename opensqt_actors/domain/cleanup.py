"""Which resting opening orders go when a symbol or an account has too many. Exits are counted and never taken."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from opensqt_actors.domain.ids import ClientId

_UNKNOWN = 1 << 62


class CleanupOrder(StrEnum):
    """Which go first: those furthest from their market, or those that have rested longest."""

    FURTHEST = "furthest"
    OLDEST = "oldest"


class CleanupSettings(Struct, frozen=True):
    """threshold: resting orders that there may be, exits included; batch: at most so many go at once, above 0."""

    threshold: int = 50
    batch: int = 10
    order: CleanupOrder = CleanupOrder.FURTHEST


class Resting(NamedTuple):
    """An order at rest. price and mid: ticks, mid 0 = its market is not known; since: ns."""

    client_id: ClientId
    opens: bool
    price: int
    mid: int
    since: int

    @property
    def distance(self) -> int:
        """From the market, in millionths of it; an unknown market is the furthest."""
        return abs(self.price - self.mid) * 1_000_000 // self.mid if self.mid > 0 else _UNKNOWN


def surplus(resting: Collection[Resting], settings: CleanupSettings) -> tuple[ClientId, ...]:
    """Client ids to cancel now, the first to go first; call it again when they have gone. Ties go by client id."""
    excess = min(len(resting) - settings.threshold, settings.batch)
    if excess <= 0:
        return ()
    openings: Iterable[Resting] = (order for order in resting if order.opens)
    if settings.order is CleanupOrder.OLDEST:
        chosen = heapq.nsmallest(excess, openings, key=lambda order: (order.since, order.client_id))
    else:
        chosen = heapq.nsmallest(excess, openings, key=lambda order: (-order.distance, order.client_id))
    return tuple(order.client_id for order in chosen)


def full(count: int, settings: CleanupSettings) -> tuple[str, str] | None:
    """Why no opening order is added to `count` at rest or on their way, or None: else orders would come and go."""
    if count < settings.threshold:
        return None
    return "too_many_orders", f"{count} orders rest already, the cleanup threshold is {settings.threshold}"
