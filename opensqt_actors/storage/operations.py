"""Operations in tables of the journal's database. Synchronous; each call is one transaction.

Rows are written by few and seldom, past the journal's writer: on SQLite both take turns at the file's lock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from opensqt_actors.actors.operations import Json, Kind, Outcome, Record, StepDone
from opensqt_actors.storage.database import Database
from opensqt_actors.storage.dialect import insert_of
from opensqt_actors.storage.tables import operation_steps, operations

KEEP = 1_000
"""Operations that have ended and are kept for people to read."""


class OperationTable:
    """The operations of one database. Every call raises StorageError when it cannot be used. now: ns.

    process: whose new ones are, and whose unfinished ones are told; the others' can be read.
    """

    def __init__(
        self, database: Database, process: str = "", *, keep: int = KEEP, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._process = process
        self._keep = keep
        self._now = now

    def insert(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> bool:
        """Write a new one down. False, and nothing changed, when the key is known."""
        values = {
            "key": key, "process": self._process, "kind": kind.value, "arguments": dumps(dict(arguments)),
            "asked_at": self._now(),
        }  # fmt: skip
        with self._database.write() as connection:
            insert = insert_of(connection.dialect.name)
            # what it returns tells, not the driver's row count, which psycopg does not give here
            new = insert(operations).values(**values).on_conflict_do_nothing().returning(operations.c.key)
            return connection.execute(new).first() is not None

    def record_step(self, key: str, number: int, name: str, result: Json) -> None:
        """Write a step's result down; one that is there already stays as it is."""
        values = {"key": key, "number": number, "name": name, "result": dumps(result), "at": self._now()}
        with self._database.write() as connection:
            insert = insert_of(connection.dialect.name)
            connection.execute(insert(operation_steps).values(**values).on_conflict_do_nothing())

    def finish(self, key: str, outcome: Outcome) -> None:
        """Write the outcome down, once, and forget the oldest of those that have ended."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(operations)
                .where(operations.c.key == key, operations.c.ended_at.is_(None))
                .values(outcome=dumps(outcome.json()), ended_at=self._now())
            )
            old = (
                sa.select(operations.c.key)
                .where(operations.c.ended_at.is_not(None))
                .order_by(operations.c.ended_at.desc())
                .offset(self._keep)
                .limit(1_000)
            )
            gone = list(connection.scalars(old))
            if gone:
                connection.execute(sa.delete(operation_steps).where(operation_steps.c.key.in_(gone)))
                connection.execute(sa.delete(operations).where(operations.c.key.in_(gone)))

    def show(self, key: str) -> Record | None:
        """One of them, with its steps."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(operations).where(operations.c.key == key)).mappings().one_or_none()
            if row is None:
                return None
            steps = sa.select(operation_steps).where(operation_steps.c.key == key).order_by(operation_steps.c.number)
            done = tuple(
                StepDone(step["name"], json.loads(step["result"]), step["at"])
                for step in connection.execute(steps).mappings()
            )
            return _record(row, done)

    def records(self, limit: int) -> tuple[Record, ...]:
        """The newest first, without their steps."""
        newest = sa.select(operations).order_by(operations.c.asked_at.desc(), operations.c.key).limit(limit)
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(newest).mappings())

    def unfinished(self) -> tuple[Record, ...]:
        """Those of this process without an outcome, the oldest first."""
        mine = (operations.c.ended_at.is_(None), operations.c.process == self._process)
        left = sa.select(operations).where(*mine).order_by(operations.c.asked_at)
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(left).mappings())


def dumps(value: Json) -> str:
    """As it is stored; the same value is the same text."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _record(row: RowMapping, steps: tuple[StepDone, ...] = ()) -> Record:
    return Record(
        key=row["key"],
        kind=Kind(row["kind"]),
        arguments=json.loads(row["arguments"]),
        asked_at=row["asked_at"],
        ended_at=row["ended_at"] or 0,
        outcome=Outcome.of(json.loads(row["outcome"])) if row["outcome"] else None,
        steps=steps,
    )
