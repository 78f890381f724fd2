"""A lease table in memory, for tests with a clock of their own. It passes the contract tests of the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opensqt_actors.actors.leases import LAST_EPOCH, Lease, LeaseTerms, Market


@dataclass(slots=True)
class Row:
    """enabled: whether it may be claimed; owner: None = free; expires: ns by the table's clock."""

    enabled: bool = True
    owner: str | None = None
    epoch: int = 0
    expires: int = 0


class LeaseRows:
    """The table itself, shared by its owners. clock: ns."""

    def __init__(self, markets: Iterable[Market], clock: Callable[[], int]) -> None:
        self.rows = {market: Row() for market in markets}
        self.clock = clock


class MemoryLeases:
    """What one owner may ask of it: see `storage.leases.LeaseTable`."""

    def __init__(self, rows: LeaseRows, owner: str, terms: LeaseTerms) -> None:
        self.owner = owner
        self._rows = rows
        self._terms = terms

    def claim(self, accounts: Iterable[str], most: int) -> tuple[Lease, ...]:
        names, now, taken = set(accounts), self._rows.clock(), []
        for market, row in sorted(self._rows.rows.items()):
            free = row.owner is None or row.expires + self._terms.grace < now
            if len(taken) < most and row.enabled and free and market[0] in names and row.epoch < LAST_EPOCH:
                row.owner, row.epoch, row.expires = self.owner, row.epoch + 1, now + self._terms.ttl
                taken.append(Lease(*market, row.epoch))
        return tuple(taken)

    def renew(self) -> tuple[Lease, ...]:
        mine = [(market, row) for market, row in sorted(self._rows.rows.items()) if row.owner == self.owner]
        for _, row in mine:
            row.expires = self._rows.clock() + self._terms.ttl
        return tuple(Lease(*market, row.epoch) for market, row in mine)

    def release(self, leases: Iterable[Lease] | None = None) -> None:
        wanted = None if leases is None else set(leases)
        for market, row in self._rows.rows.items():
            if row.owner == self.owner and (wanted is None or Lease(*market, row.epoch) in wanted):
                row.owner, row.expires = None, 0
