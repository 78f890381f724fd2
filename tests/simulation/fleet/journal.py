"""A journal in memory with the semantics of the real one: what is committed survives the process, in order, once.

Not a database: the merge rules of orders, the bounds of what is restored and the numbers of symbols are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import assert_never

from fleet.faults import Faults, InjectedKill
from msgspec.structs import replace

from opensqt_actors.domain.orders import Fill, OrderStatus
from opensqt_actors.domain.records import (
    KNOWN_PAYMENTS,
    Entry,
    EventSaved,
    FillSaved,
    FundingSaved,
    Intent,
    LatticeSaved,
    LiveOrder,
    MemorySaved,
    OrderSaved,
    Restored,
    RiskSaved,
    SlotDropped,
    SlotSaved,
    TotalsSaved,
)
from opensqt_actors.domain.settings import SymbolSpec, SymbolState

KNOWN_TRADES = 2_000
_STAGES = {
    OrderStatus.PENDING: 0,
    OrderStatus.NEW: 1,
    OrderStatus.PARTIALLY_FILLED: 2,
    OrderStatus.REJECTED: 3,
    OrderStatus.EXPIRED: 4,
    OrderStatus.CANCELED: 5,
    OrderStatus.FILLED: 6,
}
Market = tuple[str, str]


@dataclass(slots=True)
class OrderRow:
    """A journalled order: its intent and its newest state by (stage, at)."""

    intent: Intent
    status: OrderStatus = OrderStatus.PENDING
    filled: int = 0
    venue_id: str = ""
    reason: str = ""
    at: int = 0


@dataclass(slots=True)
class Tables:
    """What is durable."""

    orders: dict[str, OrderRow] = field(default_factory=dict)
    fills: dict[tuple[str, str, int], FillSaved] = field(default_factory=dict)
    slots: dict[tuple[str, str, int], SlotSaved] = field(default_factory=dict)
    floors: dict[Market, int] = field(default_factory=dict)
    totals: dict[Market, TotalsSaved] = field(default_factory=dict)
    lattices: dict[Market, LatticeSaved] = field(default_factory=dict)
    memories: dict[Market, MemorySaved] = field(default_factory=dict)
    funding: dict[tuple[str, str], FundingSaved] = field(default_factory=dict)
    events: list[EventSaved] = field(default_factory=list)
    risk: dict[tuple[str, str, str], RiskSaved] = field(default_factory=dict)
    specs: dict[Market, tuple[SymbolSpec, int]] = field(default_factory=dict)
    strays: int = 0
    repeated_intents: int = 0

    def write(self, entries: Iterable[Entry]) -> None:
        """One transaction, in which intents come before what became of their orders."""
        for entry in sorted(entries, key=lambda entry: not isinstance(entry, Intent)):
            self._write(entry)

    def _write(self, entry: Entry) -> None:
        match entry:
            case Intent():
                if entry.client_id in self.orders:
                    self.repeated_intents += 1
                else:
                    self.orders[entry.client_id] = OrderRow(entry, at=entry.at)
            case OrderSaved():
                self._merge(entry)
            case FillSaved(account, fill):
                self.fills.setdefault((account, fill.symbol, fill.trade_id), entry)
            case SlotSaved(account, symbol, level):
                self.slots[account, symbol, level] = entry
            case SlotDropped(account, symbol, level):
                dropped = self.slots.pop((account, symbol, level), None)
                if dropped is not None:
                    self.floors[account, symbol] = max(self.floors.get((account, symbol), 0), dropped.generation)
            case TotalsSaved(account, symbol):
                self.totals[account, symbol] = entry
            case LatticeSaved(account, symbol):
                self.lattices[account, symbol] = entry
            case MemorySaved(account, symbol):
                self.memories[account, symbol] = entry
            case FundingSaved(account, payment):
                self.funding.setdefault((account, payment.payment_id), entry)
            case EventSaved():
                self.events.append(entry)
            case RiskSaved():
                self.risk[entry.key] = entry
            case _:
                assert_never(entry)

    def _merge(self, entry: OrderSaved) -> None:
        row = self.orders.get(entry.client_id)
        if row is None:
            self.strays += 1
            return
        new, old = _STAGES[entry.status], _STAGES[row.status]
        if (new, entry.at, entry.reason) > (old, row.at, row.reason):
            row.status, row.reason, row.at = entry.status, entry.reason, entry.at
        row.filled = max(row.filled, entry.filled)
        row.venue_id = max(row.venue_id, entry.venue_id)

    def load(self, account: str, symbol: str) -> Restored:
        """What a symbol starts from."""
        mine = (account, symbol)
        orders = sorted(
            (row for row in self.orders.values() if (row.intent.account, row.intent.symbol) == mine),
            key=lambda row: (row.intent.at, row.intent.generation, row.intent.client_id),
        )
        slots = tuple(row for key, row in sorted(self.slots.items()) if key[:2] == mine)
        fills = sorted(
            (
                (saved.fill.at, saved.fill.trade_id)
                for key, saved in self.fills.items()
                if key[:2] == mine and not saved.inferred
            ),
            reverse=True,
        )
        payments = [
            payment_id
            for _, payment_id in sorted(
                (saved.payment.at, key[1])
                for key, saved in self.funding.items()
                if key[0] == account and saved.payment.symbol == symbol
            )
        ]
        spec = self.specs.get(mine)
        return Restored(
            account=account,
            symbol=symbol,
            lattice=self.lattices.get(mine),
            memory=self.memories.get(mine),
            slots=slots,
            orders=tuple(
                LiveOrder(
                    row.intent,
                    row.status,
                    row.filled,
                    row.venue_id,
                    row.at if row.status is OrderStatus.PENDING and row.at > row.intent.at else 0,
                )
                for row in orders
                if not row.status.terminal
            ),
            generation_floor=max(
                [self.floors.get(mine, 0), *(row.intent.generation for row in orders), *(s.generation for s in slots)]
            ),
            totals=self.totals.get(mine) or TotalsSaved(account, symbol, 0, Decimal(0), Decimal(0), 0, 0),
            known_trades=frozenset(trade_id for _, trade_id in fills[:KNOWN_TRADES]),
            since=spec[1] if spec is not None else 0,
            known_funding=tuple(payments[-KNOWN_PAYMENTS:]),
        )

    def save_spec(self, spec: SymbolSpec, now: int) -> SymbolSpec:
        """Insert or change a registry row; numbers are given once and for ever."""
        key = (spec.account, spec.symbol)
        old = self.specs.get(key)
        number = old[0].number if old is not None else spec.number
        if number < 0:
            number = max((saved.number for saved, _ in self.specs.values()), default=-1) + 1
        returns = old is None or (old[0].state is SymbolState.REMOVED and spec.state is not SymbolState.REMOVED)
        stored = replace(spec, number=number)
        self.specs[key] = (stored, now if old is None or returns else old[1])
        return stored

    def registry(self) -> list[SymbolSpec]:
        """What a process starts with."""
        found = [spec for spec, _ in self.specs.values() if spec.state is not SymbolState.REMOVED]
        return sorted(found, key=lambda spec: spec.number)

    def booked(self, account: str, symbol: str) -> list[tuple[Fill, FillSaved]]:
        """Every journalled fill of a symbol."""
        return [(saved.fill, saved) for key, saved in self.fills.items() if key[:2] == (account, symbol)]


COMMIT_TIMEOUT = 2_000_000_000
"""So long may a question wait, ns; after that it is refused, unless its transaction has begun."""


class Job:
    """Work for a transaction. refuse: what to do instead when it was not begun in time; None: it waits for ever."""

    __slots__ = ("done", "refuse", "work")

    def __init__(self, work: Callable[[], None], refuse: Callable[[], None] | None) -> None:
        self.work = work
        self.refuse = refuse
        self.done = False

    def give_up(self) -> None:
        """Its time is over."""
        if not self.done and self.refuse is not None:
            self.done = True
            self.refuse()


class Journal:
    """The queue of one process in front of the tables. `later` plans a call in so many ns, while the process lives.

    faults: may let the process die around a transaction, or within one of several jobs: then the first of them are
    durable and the others are not.
    """

    def __init__(
        self,
        tables: Tables,
        later: Callable[[int, Callable[[], None]], None],
        latency: Callable[[], int],
        faults: Faults,
    ) -> None:
        self.tables = tables
        self._later = later
        self._latency = latency
        self._faults = faults
        self._queue: list[Job] = []
        self._busy = False
        self._away = False
        self._outages = 0

    @property
    def away(self) -> bool:
        """Whether nothing can be written now."""
        return self._away

    @property
    def waiting(self) -> int:
        """Jobs that are not written yet."""
        return len(self._queue)

    def outage(self, ns: int) -> None:
        """The database is away for so long."""
        self._away = True
        self._outages += 1
        number = self._outages
        self._later(ns, lambda: self._back() if number == self._outages else None)

    def _back(self) -> None:
        self._away = False
        if self._queue and not self._busy:
            self._busy = True
            self._later(self._latency(), self._group)

    def put(self, work: Callable[[], None], refuse: Callable[[], None] | None = None) -> None:
        """Do this work after all work before it, or refuse it when it could not be begun in time."""
        job = Job(work, refuse)
        self._queue.append(job)
        if refuse is not None:
            self._later(COMMIT_TIMEOUT, job.give_up)
        if self._away:
            return
        if not self._busy:
            self._busy = True
            self._later(self._latency(), self._group)

    def _group(self) -> None:
        """Commit everything that waits now, as the real writer does."""
        self._busy = False
        if self._away:
            return
        group, self._queue = [job for job in self._queue if not job.done], []
        self._faults.failpoint("journal.before_commit")
        torn = self._faults.strike("kill.journal.torn")
        for job in group[: self._faults.random.randint(0, len(group)) if torn else None]:
            job.done = True
            job.work()
        if torn:
            raise InjectedKill("journal.torn")
        self._faults.failpoint("journal.after_commit")
