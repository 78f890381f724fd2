"""When a held level was without its exit, from a venue's own history of orders and fills: exact, and after the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from opensqt_actors.domain.ids import decode

LIVE = frozenset({"NEW", "PARTIALLY_FILLED"})


@dataclass(frozen=True, slots=True)
class Part:
    """From `at` on (ms of the venue) so much of what is held is not closed by a resting exit, venue units, signed."""

    at: int
    bare: Decimal


@dataclass(frozen=True, slots=True)
class Coverage:
    """One level's history. sent: when its orders came in, ms. least: quantity below which the venue takes no exit.

    An exit may close more than its level was opened with: dust of a neighbour has joined it.
    """

    parts: tuple[Part, ...]
    sent: tuple[int, ...]
    least: Decimal

    def closed_after(self, alive: int) -> int | None:
        """When what was bare just before the next life's first order (`alive`) had its exit: None when nothing was, ms.

        -1 when it had none until the end of the history.
        """
        before = [part for part in self.parts if part.at < alive]
        if not before or abs(before[-1].bare) < self.least:
            return None
        held = 1 if before[-1].bare > 0 else -1
        later = (part.at for part in self.parts if part.at >= alive and part.bare * held < self.least)
        return next(later, -1)

    def bare_since(self, alive: int) -> int:
        """Since when what `closed_after` speaks of was bare, ms."""
        since = alive
        for part in reversed([part for part in self.parts if part.at < alive]):
            if abs(part.bare) < self.least:
                break
            since = part.at
        return since


def coverage(orders: Iterable[dict[str, Any]], fills: Iterable[dict[str, Any]], least: Decimal) -> Coverage:
    """Of one level. An exit covers from its arrival to its end; what an opening has filled is bare from its end on.

    ValueError when an order has filled and not all of its fills are there: both must have been asked for while the
    market stood still.
    """
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    last: dict[str, int] = {}
    for fill in fills:
        filled[fill["clientOrderId"]] += Decimal(fill["qty"])
        last[fill["clientOrderId"]] = int(fill["time"])
    changes: list[tuple[int, Decimal]] = []
    sent = []
    for order in orders:
        client_id, quantity = order["clientOrderId"], Decimal(order["origQty"])
        key = decode(client_id)
        if key is None:
            continue
        sent.append(int(order["time"]))
        if order["status"] == "FILLED" and filled[client_id] != quantity:
            raise ValueError(f"{client_id} has filled {quantity}, but the fills say {filled[client_id]}")
        sign, done, ended = (1 if key.kind.buys else -1), filled[client_id], order["status"] not in LIVE
        end = last[client_id] if order["status"] == "FILLED" else int(order["updateTime"])
        if key.kind.opens:
            if ended and done:
                changes.append((end, sign * done))
        else:
            changes.append((int(order["time"]), sign * quantity))
            if ended and done < quantity:
                changes.append((end, -sign * (quantity - done)))
    total = Decimal(0)
    parts: list[Part] = []
    for at, change in sorted(changes, key=lambda entry: entry[0]):
        total += change
        if parts and parts[-1].at == at:
            parts.pop()
        parts.append(Part(at, total))
    return Coverage(tuple(parts), tuple(sorted(sent)), least)
