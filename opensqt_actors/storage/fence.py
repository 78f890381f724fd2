"""Under which lease each entry is written. What its symbol's next owner has begun is never overwritten by the last one.

A host that was cut off comes back with entries that it could not write. By then another may have taken the symbol over,
with the venue's view as its truth: what the old owner still has to say of slots and totals is older than that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from opensqt_actors.actors.leases import Lease
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.records import Entry, EventSaved, FillSaved, FundingSaved, Intent

NEVER = -1
"""The epoch of what is written of a symbol that is not held at all: no lease has it."""


class Holdings(Protocol):
    """What this process holds, as `actors.leases.Leases` says. Asked on the loop's thread."""

    owner: str

    def epoch(self, account: str, symbol: str) -> int | None:
        """The epoch under which a symbol is held; None when it is not."""


def leases_of(entries: Iterable[Entry], holdings: Holdings) -> tuple[Lease | None, ...]:
    """The lease that each entry needs; None for what needs none: events, and what is of no symbol."""
    return tuple(_lease_of(entry, holdings) for entry in entries)


def _lease_of(entry: Entry, holdings: Holdings) -> Lease | None:
    match entry:
        case EventSaved():
            return None
        case Intent():
            return lease_of_intent(entry)
        case FillSaved():
            symbol = entry.fill.symbol
        case FundingSaved():
            symbol = entry.payment.symbol
        case _:
            symbol = entry.symbol
    if not symbol:
        return None
    epoch = holdings.epoch(entry.account, symbol)
    return Lease(entry.account, symbol, NEVER if epoch is None else epoch)


def lease_of_intent(intent: Intent) -> Lease:
    """An intent belongs to the epoch in its client id, whatever is held by now."""
    key = decode(intent.client_id)
    return Lease(intent.account, intent.symbol, NEVER if key is None else key.epoch)
