"""Old orders and events leave the database, a few rows at a time. Fills, totals and the registry are kept for ever."""

from __future__ import annotations

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from opensqt_actors.storage.batch import raise_floors
from opensqt_actors.storage.merge import has_ended
from opensqt_actors.storage.tables import events, orders

_DAY = 86_400 * 1_000_000_000


class Retention(Struct, frozen=True):
    """Ages in ns after which terminal orders and events may go; `batch` rows of each in one transaction.

    Orders are kept for as long as a late trade may have to be matched to its client id.
    """

    orders: int = 14 * _DAY
    events: int = 90 * _DAY
    batch: int = 200


def prune(connection: Connection, retention: Retention, now: int) -> int:
    """Delete at most one batch of each kind within the caller's transaction; returns how many rows went.

    The generations of deleted orders live on in the floor of their symbol.
    """
    return _prune_orders(connection, retention, now) + _prune_events(connection, retention, now)


def _prune_orders(connection: Connection, retention: Retention, now: int) -> int:
    old = connection.execute(
        sa.select(orders.c.client_id, orders.c.account, orders.c.symbol, orders.c.generation)
        .where(has_ended(orders.c.stage), orders.c.updated_at < now - retention.orders)
        .order_by(orders.c.updated_at)
        .limit(retention.batch)
    ).all()
    if not old:
        return 0
    floors: dict[tuple[str, str], int] = {}
    for row in old:
        floors[row.account, row.symbol] = max(floors.get((row.account, row.symbol), 0), row.generation)
    raise_floors(connection, floors)
    connection.execute(sa.delete(orders).where(orders.c.client_id.in_([row.client_id for row in old])))
    return len(old)


def _prune_events(connection: Connection, retention: Retention, now: int) -> int:
    """Only the oldest ids are looked at: events come in the order of time, and a search by time would read them all."""
    oldest = connection.execute(sa.select(events.c.id, events.c.at).order_by(events.c.id).limit(retention.batch)).all()
    old = [row.id for row in oldest if row.at < now - retention.events]
    if old:
        connection.execute(sa.delete(events).where(events.c.id.in_(old)))
    return len(old)
