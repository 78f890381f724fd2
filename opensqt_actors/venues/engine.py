"""The port of the execution engines: how orders with durable intents get to the venue and their outcomes back.

Only places pass here. Cancels never do, whatever the engine: nothing may stand in front of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from opensqt_actors.domain.orders import OrderRequest, PlaceOutcome
from opensqt_actors.domain.records import Entry
from opensqt_actors.venues.port import Venue

Send: TypeAlias = Callable[[Sequence[OrderRequest]], Awaitable[Sequence[PlaceOutcome]]]
"""Sends orders whose intents are durable; one outcome each, in the order given. Batches leave in the order of calls."""

Note: TypeAlias = Callable[[tuple[Entry, ...]], None]
"""Writes down, whatever it takes, what an engine has learnt of orders of an earlier process: `Journal.append`."""


class Engine(Protocol):
    """Made before the accounts, started when all of them can be asked, closed after them."""

    def sender(self, account: str, venue: Venue) -> Send:
        """How this account's orders leave from now on."""

    async def start(self, note: Note) -> None:
        """Settle what an earlier process left, beside the trading; nothing is ever sent again for it."""

    async def close(self) -> None:
        """Give everything back, within 6 s. Idempotent, and allowed without `start`."""


class SimpleEngine:
    """`simple`: the journal alone. What it left unanswered is found by each symbol's reconciliation at the start."""

    def sender(self, account: str, venue: Venue) -> Send:
        """See Engine."""
        return venue.place

    async def start(self, note: Note) -> None:
        """See Engine."""

    async def close(self) -> None:
        """See Engine."""
