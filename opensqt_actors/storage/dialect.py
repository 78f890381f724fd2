"""What the two kinds of database say differently; of SQLAlchemy's dialects only the one in use is imported."""

from __future__ import annotations

from typing import Any


def insert_of(dialect: str) -> Any:
    """The `insert` that knows what to do about a row that is there. dialect: "postgresql" or "sqlite"."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert
