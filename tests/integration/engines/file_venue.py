"""A venue that outlives its client: orders are lines in a file. Only what an engine asks of a venue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    CancelOutcome,
    CancelRequest,
    OrderReport,
    OrderRequest,
    OrderStatus,
    PlaceOutcome,
    RefusalCode,
    Refused,
    Side,
)


class FileVenue:
    """`reached` is called with "sending" before and "sent" after the orders of a batch are there."""

    def __init__(self, path: Path, reached: Callable[[str], None] = lambda name: None) -> None:
        self.path = path
        self.reached = reached
        self.finds: list[str] = []
        self.cancels: list[str] = []
        self.refuse: set[str] = set()

    async def place(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        self.reached("sending")
        outcomes: list[PlaceOutcome] = []
        for order in orders:
            if order.client_id in self.refuse:
                outcomes.append(Refused(order.client_id, RefusalCode.RULE, "-4164", "too small"))
                continue
            with self.path.open("a") as file:
                file.write(f"{order.client_id}\n")
            outcomes.append(Accepted(self._report(order.symbol, order.client_id)))
        await asyncio.sleep(0)
        self.reached("sent")
        return outcomes

    async def cancel(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        self.cancels += [cancel.client_id for cancel in cancels]
        return [Cancelled(cancel.client_id) for cancel in cancels]

    async def find(self, symbol: str, client_id: ClientId) -> OrderReport | None:
        self.finds.append(client_id)
        return self._report(symbol, client_id) if client_id in self.placed() else None

    async def close(self) -> None:
        """Nothing is open."""

    def placed(self) -> list[str]:
        """Client ids in the order in which they came, each as often as it came."""
        return self.path.read_text().split() if self.path.exists() else []

    def _report(self, symbol: str, client_id: ClientId) -> OrderReport:
        return OrderReport(client_id, symbol, f"v-{client_id}", Side.BUY, OrderStatus.NEW, 100, 1, 0, 1_000)
