"""Counters that tests and operators ask the venue for: requests, orders, refusals, frames, repeated client ids."""

from __future__ import annotations

from collections import Counter
from typing import Any

REMEMBERED_IDS = 2_000_000
REPORTED_IDS = 1_000


class ClientIdLedger:
    """All client ids under which an order was ever accepted, per account; bounded, and it tells when it is full."""

    def __init__(self, bound: int = REMEMBERED_IDS) -> None:
        self._bound = bound
        self._seen: set[tuple[str, str]] = set()
        self._repeated: Counter[str] = Counter()
        self.complete = True

    def accepted(self, account: str, client_id: str) -> None:
        entry = (account, client_id)
        if entry in self._seen:
            self._repeated[client_id] += 1
        elif len(self._seen) < self._bound:
            self._seen.add(entry)
        else:
            self.complete = False

    def report(self) -> dict[str, Any]:
        return {
            "count": sum(self._repeated.values()),
            "ids": dict(self._repeated.most_common(REPORTED_IDS)),
            "complete": self.complete,
        }


class Stats:
    """Counts since the start or the last reset; the ledger of client ids is never reset."""

    def __init__(self) -> None:
        self.client_ids = ClientIdLedger()
        self.reset()

    def reset(self) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.orders: Counter[str] = Counter()
        self.rejections: Counter[int] = Counter()
        self.frames: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def request(self, method: str, path: str, status: int) -> None:
        """Count an answered request. Only known paths come here, so the table stays small."""
        self.requests[f"{method} {path} {status}"] += 1
        self.statuses[status] += 1

    def report(self) -> dict[str, Any]:
        return {
            "requests": dict(self.requests),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "orders_placed": self.orders["placed"],
            "orders_cancelled": self.orders["cancelled"],
            "orders_amended": self.orders["amended"],
            "orders_rejected": self.orders["rejected"],
            "rejections": {str(code): count for code, count in self.rejections.items()},
            "fills": self.orders["fills"],
            "duplicate_client_ids": self.client_ids.report(),
            "too_many_requests": self.statuses[429],
            "banned_requests": self.statuses[418],
            "frames_sent": sum(self.frames[kind] for kind in ("user", "market", "reply")),
            "frames": dict(self.frames),
            "faults": dict(self.faults),
        }
