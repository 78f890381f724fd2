"""What a host may trade, as far as it may believe: leases from claim to loss. Pure; times come in as arguments.

`at` and `sent` are read from one clock of this host that also counts the time while it was suspended. The database has
a clock of its own: all that is taken from it is that a lease lives for `ttl` from a moment after `sent`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from opensqt_actors.actors.ports import REQUEST_WINDOW

SECOND = 1_000_000_000
MILLISECOND = SECOND // 1_000
FUTURE = SECOND
"""Venues take a request whose time is this much ahead of their own clock."""
LAST_EPOCH = 36**3 - 1

Market = tuple[str, str]
"""Account and symbol."""


class Lease(NamedTuple):
    """One symbol that an owner holds in the table. epoch: grows with each claim, whoever claims."""

    account: str
    symbol: str
    epoch: int

    @property
    def market(self) -> Market:
        """Account and symbol."""
        return self.account, self.symbol


class LeaseTerms(Struct, frozen=True):
    """ttl: how long a lease lives without a renewal; margin: how much earlier its owner stops; grace: how much later
    another may claim it; renew: between two renewals. ns, the same on every host.
    """

    ttl: int = 5 * SECOND
    margin: int = 1_500 * MILLISECOND
    grace: int = 2 * SECOND
    renew: int = SECOND

    @property
    def life(self) -> int:
        """How long after a renewal was sent its owner may send orders."""
        return self.ttl - self.margin

    @property
    def half(self) -> int:
        """After this long without a renewal nothing is opened any more."""
        return min(self.ttl // 2, self.life)

    @property
    def request_window(self) -> int:
        """ns after which the venue is to refuse a request as too old, so that none of the last owner's outlives it."""
        return min(self.margin + self.grace - FUTURE, REQUEST_WINDOW)


class Answer(Struct, frozen=True):
    """What an answer of the database has changed: leases to begin with, and markets to drop at once."""

    gained: tuple[Lease, ...] = ()
    lost: tuple[Lease, ...] = ()


class Look(Struct, frozen=True):
    """What time has changed. closing: nothing may be opened any more; stopped: nothing may be sent any more; again:
    renewed after one of both.
    """

    closing: tuple[Market, ...] = ()
    stopped: tuple[Market, ...] = ()
    again: tuple[Market, ...] = ()


class _Held(Struct):
    """sent: the clock before the newest renewal that was answered; told: closing and stopped, as last said."""

    epoch: int
    sent: int
    closing: bool = False
    stopped: bool = False


class Leases:
    """The leases of one owner. The owner's name is new with every start of its process, so that it never meets what an
    earlier one held.
    """

    def __init__(self, owner: str, terms: LeaseTerms) -> None:
        self.owner = owner
        self.terms = terms
        self._held: dict[Market, _Held] = {}
        self._over: dict[Market, int] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def markets(self) -> tuple[Market, ...]:
        """Everything held, also what must not be traded at the moment."""
        return tuple(self._held)

    def epoch(self, account: str, symbol: str) -> int | None:
        """The epoch under which a symbol is held; None when it is not."""
        held = self._held.get((account, symbol))
        return held.epoch if held is not None else None

    def may_send(self, account: str, symbol: str, at: int) -> bool:
        """Whether an order of a symbol may leave now. Asked before every send."""
        held = self._held.get((account, symbol))
        return held is not None and at < held.sent + self.terms.life

    # --- answers of the database -------------------------------------------------------------------------------------

    def claimed(self, sent: int, leases: Iterable[Lease]) -> Answer:
        """A claim was answered. sent: the clock before it was sent."""
        return self._take(sent, leases)

    def renewed(self, sent: int, leases: Iterable[Lease]) -> Answer:
        """A renewal was answered with everything that this owner has in the table. What is missing is another's.

        What was not known is of a claim whose answer was lost.
        """
        rows = tuple(leases)
        there = {lease.market for lease in rows}
        lost = [Lease(*market, held.epoch) for market, held in self._held.items() if market not in there]
        for lease in lost:
            self._end(lease.market)
        answer = self._take(sent, rows)
        return Answer(answer.gained, (*lost, *answer.lost))

    def _take(self, sent: int, leases: Iterable[Lease]) -> Answer:
        gained: list[Lease] = []
        lost: list[Lease] = []
        for lease in leases:
            held = self._held.get(lease.market)
            if held is not None and held.epoch == lease.epoch:
                held.sent = max(held.sent, sent)
                continue
            if lease.epoch <= self._over.get(lease.market, 0):
                continue  # given up, but its release had not arrived yet
            if held is not None:
                self._end(lease.market)
                lost.append(Lease(*lease.market, held.epoch))
            self._held[lease.market] = _Held(lease.epoch, sent)
            gained.append(lease)
        return Answer(tuple(gained), tuple(lost))

    def dropped(self, account: str, symbol: str) -> Lease | None:
        """This symbol is given up: nothing of it may be sent any more."""
        epoch = self._end((account, symbol))
        return Lease(account, symbol, epoch) if epoch is not None else None

    def _end(self, market: Market) -> int | None:
        """An epoch that is over does not come back."""
        held = self._held.pop(market, None)
        if held is None:
            return None
        self._over[market] = held.epoch
        return held.epoch

    # --- time --------------------------------------------------------------------------------------------------------

    def look(self, at: int) -> Look:
        """What has changed since the last look."""
        closing: list[Market] = []
        stopped: list[Market] = []
        again: list[Market] = []
        for market, held in self._held.items():
            age = at - held.sent
            if age < self.terms.half:
                if held.closing or held.stopped:
                    held.closing = held.stopped = False
                    again.append(market)
                continue
            if not held.closing:
                held.closing = True
                closing.append(market)
            if age >= self.terms.life and not held.stopped:
                held.stopped = True
                stopped.append(market)
        return Look(tuple(closing), tuple(stopped), tuple(again))
