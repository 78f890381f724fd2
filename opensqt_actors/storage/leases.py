"""The lease table: who may trade a symbol. Every call is one short transaction; the clock is the database's own.

A claim locks its rows `for update`; whoever writes under a lease locks them `for key share` until its commit. So a
claim never passes between somebody's check and somebody's commit, and renewals, which change no key, wait for neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from opensqt_actors.actors.leases import LAST_EPOCH, Lease, LeaseTerms
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.storage.database import Database
from opensqt_actors.storage.dialect import insert_of
from opensqt_actors.storage.tables import symbol_lease as table
from opensqt_actors.storage.tables import symbols

_KEY = (table.c.account, table.c.symbol)
_LEASE = (*_KEY, table.c.epoch)
_NOW = {
    "postgresql": sa.literal_column("(extract(epoch from clock_timestamp()) * 1000000)::bigint * 1000", sa.BigInteger),
    "sqlite": sa.literal_column("cast((julianday('now') - 2440587.5) * 86400000 as integer) * 1000000", sa.BigInteger),
}


class LeaseRow(Struct, frozen=True):
    """A row as an operator sees it. owner: None = free; left: ns until it expires, negative since it has."""

    account: str
    symbol: str
    enabled: bool
    owner: str | None
    epoch: int
    left: int


class LeaseTable:
    """The leases of one owner in one database. Raises StorageError when the database cannot answer in time."""

    def __init__(self, database: Database, owner: str, terms: LeaseTerms) -> None:
        self.owner = owner
        self._database = database
        self._terms = terms

    def claim(self, accounts: Iterable[str], most: int) -> tuple[Lease, ...]:
        """Take up to `most` symbols of these accounts that are free, or expired for longer than the grace.

        The registry decides which there are: its new symbols are entered first, those that were removed are nobody's.
        What their last owner still has open on the server is ended first: see `journal_name`.
        """
        if self._database.dialect == "postgresql" and most > 0:
            self._end_last_owners()
        with self._database.write() as connection:
            enlist(connection)
            if most <= 0:
                return ()
            now = _now(connection)
            mine = (
                sa.select(*_KEY)
                .where(
                    table.c.enabled,
                    table.c.account.in_(tuple(accounts)),
                    table.c.epoch < LAST_EPOCH,
                    sa.or_(table.c.owner.is_(None), table.c.expires_at + self._terms.grace < now),
                )
                .order_by(*_KEY)
                .limit(most)
                .with_for_update(skip_locked=True)
                .cte("mine")
            )
            claim = (
                sa.update(table)
                .where(table.c.account == mine.c.account, table.c.symbol == mine.c.symbol)
                .values(owner=self.owner, epoch=table.c.epoch + 1, expires_at=now + self._terms.ttl)
                .returning(*_LEASE)
            )
            return tuple(sorted(Lease(*row) for row in connection.execute(claim)))

    def renew(self) -> tuple[Lease, ...]:
        """Put off the end of everything that is this owner's, in one statement; returns all of it.

        An expired lease that nobody has claimed is renewed as well: it is still this owner's, under the same epoch.
        """
        with self._database.write() as connection:
            renew = (
                sa.update(table)
                .where(table.c.owner == self.owner)
                .values(expires_at=_now(connection) + self._terms.ttl)
                .returning(*_LEASE)
            )
            return tuple(sorted(Lease(*row) for row in connection.execute(renew)))

    def release(self, leases: Iterable[Lease] | None = None) -> None:
        """Give these up, or all: others may claim them at once. The orders of their owner must be at rest."""
        free = sa.update(table).where(table.c.owner == self.owner).values(owner=None, expires_at=0)
        if leases is not None:
            free = free.where(sa.tuple_(*_LEASE).in_([tuple(lease) for lease in leases]))
        with self._database.write() as connection:
            connection.execute(free)

    def _end_last_owners(self) -> None:
        with self._database.write() as connection:
            over = (
                sa.select(table.c.owner)
                .distinct()
                .where(
                    table.c.owner.is_not(None),
                    table.c.owner != self.owner,
                    table.c.expires_at + self._terms.grace < _now(connection),
                )
            )
            names = [journal_name(owner) for owner in connection.scalars(over)]
            if names:
                connection.execute(
                    sa.text(
                        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = any(:names)"
                    ),
                    {"names": names},
                )


def journal_name(owner: str) -> str:
    """What the journal of an owner calls itself on a PostgreSQL server.

    A process that stood still in the middle of a batch holds its locks for as long: no time-out of the server covers a
    client that owes it the rest of a pipeline.
    """
    return f"opensqt-journal-{hashlib.sha256(owner.encode()).hexdigest()[:12]}"


def enlist(connection: Connection) -> None:
    """Give every symbol of the registry its row, and let the rows of removed ones be nobody's to claim."""
    here = sa.and_(symbols.c.account == table.c.account, symbols.c.symbol == table.c.symbol)
    traded = symbols.c.state != SymbolState.REMOVED.value
    missing = (
        sa.select(
            symbols.c.account, symbols.c.symbol, sa.true(), sa.cast(symbols.c.epoch, sa.BigInteger), sa.literal(0)
        )
        .where(traded, sa.not_(sa.exists().where(here)))
        .order_by(symbols.c.account, symbols.c.symbol)
    )
    insert = insert_of(connection.dialect.name)
    connection.execute(
        insert(table)
        .from_select(["account", "symbol", "enabled", "epoch", "expires_at"], missing)
        .on_conflict_do_nothing()
    )
    wanted = sa.exists().where(here, traded)
    connection.execute(sa.update(table).where(table.c.enabled != wanted).values(enabled=wanted))


def not_held(connection: Connection, owner: str, leases: Iterable[Lease]) -> frozenset[Lease]:
    """Which of these are not this owner's; the others stay its own until the transaction ends, whatever happens."""
    wanted = sorted(set(leases))
    held = connection.execute(
        sa.select(*_LEASE)
        .where(table.c.owner == owner, sa.tuple_(*_LEASE).in_([tuple(lease) for lease in wanted]))
        .order_by(*_KEY)
        .with_for_update(read=True, key_share=True)
    )
    return frozenset(wanted) - {Lease(*row) for row in held}


def lease_rows(connection: Connection) -> tuple[LeaseRow, ...]:
    """Every row, by account and symbol, as of now."""
    rows = connection.execute(
        sa.select(table, (table.c.expires_at - _now(connection)).label("left")).order_by(*_KEY)
    ).mappings()
    return tuple(
        LeaseRow(row["account"], row["symbol"], row["enabled"], row["owner"], row["epoch"], row["left"]) for row in rows
    )


def traded_elsewhere(connection: Connection, grace: int) -> str | None:
    """The owner of a lease that may still be traded under, or None."""
    query = sa.select(table.c.owner).where(table.c.owner.is_not(None), table.c.expires_at + grace >= _now(connection))
    owner: str | None = connection.scalar(query.limit(1))
    return owner


def _now(connection: Connection) -> sa.ColumnElement[int]:
    return _NOW[connection.dialect.name]
