"""The registry: which markets are traded, how, and under which number. Synchronous: for the start, and the writer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.engine import Connection, RowMapping

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import check_instance
from opensqt_actors.domain.settings import GridSettings, RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.storage.database import Database
from opensqt_actors.storage.dialect import insert_of
from opensqt_actors.storage.tables import meta, symbols

ASSIGN = -1
"""A spec with this number gets the next free one when it is saved."""
LAST_NUMBER = 36**3 - 1

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_INSTANCE = "instance"
_grid = msgspec.json.Decoder(GridSettings)


class Registry:
    """The registry of one database. Every call is one transaction and raises StorageError when there is none to be had.

    now: ns since the epoch.
    """

    def __init__(self, database: Database, *, now: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now = now

    def instance_id(self) -> str:
        """The two characters that mark this database's client order ids; made by chance at the first call."""
        with self._database.write() as connection:
            return instance_id(connection)

    def specs(self, *, removed: bool = False) -> tuple[SymbolSpec, ...]:
        """All markets by number; those in state REMOVED only when asked for."""
        with self._database.read() as connection:
            return load_specs(connection, removed=removed)

    def save(self, spec: SymbolSpec) -> SymbolSpec:
        """Insert or change one row and return it as stored: see `save_spec`."""
        with self._database.write() as connection:
            return save_spec(connection, spec, self._now())

    def seed(self, specs: Iterable[SymbolSpec]) -> tuple[SymbolSpec, ...]:
        """Store these when the registry never had a row, all or none; in any case return what is to be traded."""
        with self._database.write() as connection:
            _take_turns(connection)
            if connection.scalar(sa.select(sa.func.count()).select_from(symbols)) == 0:
                for spec in specs:
                    save_spec(connection, spec, self._now())
            return load_specs(connection)


def instance_id(connection: Connection) -> str:
    """See `Registry.instance_id`."""
    made = "".join(secrets.choice(_DIGITS) for _ in range(2))
    insert: Any = insert_of(connection.dialect.name)
    connection.execute(insert(meta).values(key=_INSTANCE, value=made).on_conflict_do_nothing())
    stored: str = connection.scalars(sa.select(meta.c.value).where(meta.c.key == _INSTANCE)).one()
    check_instance(stored)
    return stored


def load_specs(connection: Connection, *, removed: bool = False) -> tuple[SymbolSpec, ...]:
    """See `Registry.specs`."""
    query = sa.select(symbols).order_by(symbols.c.number)
    if not removed:
        query = query.where(symbols.c.state != SymbolState.REMOVED.value)
    return tuple(_spec(row) for row in connection.execute(query).mappings())


def save_spec(connection: Connection, spec: SymbolSpec, now: int, *, fresh: bool = False) -> SymbolSpec:
    """Insert or change one row within the caller's transaction; saving the same spec again changes nothing.

    A market keeps its number for ever, also when it is removed and added again. `spec.number` is ASSIGN or that number;
    another number is refused with InvalidValue. STARTING is stored as TRADING: after a restart it is to trade.
    fresh: a market that is traded already is refused: another host may have added it.
    """
    _take_turns(connection)
    here = sa.and_(symbols.c.account == spec.account, symbols.c.symbol == spec.symbol)
    old = connection.execute(sa.select(symbols).where(here)).mappings().one_or_none()
    if fresh and old is not None and old["state"] != SymbolState.REMOVED.value:
        raise InvalidValue("symbol", f"{spec.symbol} is traded on {spec.account} already, by another host")
    state = SymbolState.TRADING if spec.state is SymbolState.STARTING else spec.state
    number = _next_number(connection) if old is None and spec.number == ASSIGN else spec.number
    if old is not None and spec.number in {ASSIGN, old["number"]}:
        number = old["number"]
    elif old is not None:
        raise InvalidValue("number", f"{spec.symbol} has number {old['number']} for ever, not {spec.number}")
    elif not 0 <= number <= LAST_NUMBER:
        raise InvalidValue("number", f"must be 0 to {LAST_NUMBER}, not {number}")
    elif connection.scalar(sa.select(symbols.c.symbol).where(symbols.c.number == number)) is not None:
        raise InvalidValue("number", f"{number} belongs to another symbol; leave it out to get a free one")
    stored = replace(spec, number=number, state=state)
    returns = old is None or (old["state"] == SymbolState.REMOVED.value and state is not SymbolState.REMOVED)
    removed_at = None
    if state is SymbolState.REMOVED:
        removed_at = now if old is None or old["removed_at"] is None else old["removed_at"]
    values = {
        "number": number,
        "grid": msgspec.json.encode(spec.grid).decode(),
        "strategy": spec.strategy,
        "state": state.value,
        "remove_mode": None if spec.remove_mode is None else spec.remove_mode.value,
        "adopt": spec.adopt,
        "epoch": spec.epoch,
        "shard": spec.shard,
        "created_at": now if old is None else old["created_at"],
        "added_at": now if old is None or returns else old["added_at"],
        "removed_at": removed_at,
    }
    if old is None:
        connection.execute(sa.insert(symbols).values(account=spec.account, symbol=spec.symbol, **values))
    else:
        connection.execute(sa.update(symbols).where(here).values(**values))
    return stored


def _take_turns(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's writers take turns anyway
        connection.exec_driver_sql("lock table symbols in share row exclusive mode")


def _next_number(connection: Connection) -> int:
    """One more than the highest ever given: rows are never deleted."""
    highest = connection.scalar(sa.select(sa.func.max(symbols.c.number)))
    number = 0 if highest is None else int(highest) + 1
    if number > LAST_NUMBER:
        raise InvalidValue("number", f"all {LAST_NUMBER + 1} numbers of this instance are used; start a new database")
    return number


def _spec(row: RowMapping) -> SymbolSpec:
    return SymbolSpec(
        account=row["account"],
        symbol=row["symbol"],
        number=row["number"],
        grid=_grid.decode(row["grid"]),
        strategy=row["strategy"],
        state=SymbolState(row["state"]),
        remove_mode=None if row["remove_mode"] is None else RemoveMode(row["remove_mode"]),
        adopt=row["adopt"],
        epoch=row["epoch"],
        shard=row["shard"],
    )
