"""The whole schema: the tables with their partial indexes, as the migrations make it. Nothing that trades needs it.

SQLAlchemy imports every dialect that the condition of an index names, PostgreSQL's for SQLite as well, which a start
has no time for.
"""

from __future__ import annotations

import sqlalchemy as sa

from opensqt_actors.storage.tables import metadata, operations, orders

__all__ = ["metadata"]


def _partial(name: str, condition: str, *columns: sa.Column[int] | sa.Column[str]) -> None:
    """An index over the rows that meet a condition."""
    where = sa.text(condition)
    sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


_partial("ix_orders_live", "stage < 3", orders.c.account, orders.c.symbol)
_partial("ix_orders_ended", "stage >= 3", orders.c.updated_at)
_partial("ix_operations_unfinished", "ended_at is null", operations.c.asked_at)
