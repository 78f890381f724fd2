"""What the journal has kept of what operators were told."""

from __future__ import annotations

import sqlalchemy as sa

from opensqt_actors.storage import Database
from opensqt_actors.storage.tables import events


def told(database_url: str, kind: str) -> int:
    """How often an event of this kind was told."""
    database = Database(database_url, create=False)
    try:
        with database.read() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).where(events.c.kind == kind)) or 0)
    finally:
        database.close()
