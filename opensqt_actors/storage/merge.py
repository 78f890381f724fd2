"""How updates of one order are merged: in any order, any number of times, to the same row. No I/O.

Every status has a stage. The update with the greatest (stage, at, reason) gives status, reason and time; `filled` is
the greatest seen. So a terminal status (stage 3 and above) is never left, and a fill beats a cancel, as on the venue.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.storage.tables import orders

STAGES = {
    OrderStatus.PENDING: 0,
    OrderStatus.NEW: 1,
    OrderStatus.PARTIALLY_FILLED: 2,
    OrderStatus.REJECTED: 3,
    OrderStatus.EXPIRED: 4,
    OrderStatus.CANCELED: 5,
    OrderStatus.FILLED: 6,
}
TERMINAL_STAGE = 3


def is_live(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Orders that may rest on the venue. The number is written out: only then is the partial index used."""
    return column < sa.literal_column(str(TERMINAL_STAGE))


def has_ended(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Orders with a terminal status, see `is_live`."""
    return column >= sa.literal_column(str(TERMINAL_STAGE))


def merge_statement() -> sa.Update:
    """Updates one order by `u_id` with `u_stage`, `u_status`, `u_filled`, `u_venue`, `u_reason`, `u_at`."""
    stage: Any = sa.bindparam("u_stage", type_=sa.BigInteger)
    filled: Any = sa.bindparam("u_filled", type_=sa.BigInteger)
    venue: Any = sa.bindparam("u_venue", type_=sa.Text)
    reason: Any = sa.bindparam("u_reason", type_=sa.Text)
    at: Any = sa.bindparam("u_at", type_=sa.BigInteger)
    newer = sa.or_(
        stage > orders.c.stage,
        sa.and_(
            stage == orders.c.stage,
            sa.or_(at > orders.c.updated_at, sa.and_(at == orders.c.updated_at, reason > orders.c.reason)),
        ),
    )
    return (
        sa.update(orders)
        .where(orders.c.client_id == sa.bindparam("u_id", type_=sa.Text))
        .values(
            stage=sa.case((newer, stage), else_=orders.c.stage),
            status=sa.case((newer, sa.bindparam("u_status", type_=sa.Text)), else_=orders.c.status),
            reason=sa.case((newer, reason), else_=orders.c.reason),
            updated_at=sa.case((newer, at), else_=orders.c.updated_at),
            filled=sa.case((filled > orders.c.filled, filled), else_=orders.c.filled),
            venue_id=sa.case((venue > orders.c.venue_id, venue), else_=orders.c.venue_id),
        )
    )
