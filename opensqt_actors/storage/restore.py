"""What the journal knows of one symbol, for its start. Reads only; it decides nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import OrderStatus, Side
from opensqt_actors.domain.records import (
    Intent,
    LatticeSaved,
    LiveOrder,
    MemorySaved,
    Restored,
    RiskSaved,
    RiskScope,
    SlotSaved,
    TotalsSaved,
)
from opensqt_actors.storage.database import Database
from opensqt_actors.storage.merge import is_live
from opensqt_actors.storage.tables import fills, lattices, memories, orders, risk_states, slots, symbols, totals

KNOWN_TRADES = 2_000
"""How many of the newest trade ids are remembered for telling a repeated fill from a new one."""


def load_symbol(connection: Connection, account: str, symbol: str) -> Restored:
    """Everything of one symbol. A symbol that was never seen is empty: no lattice, no slots, zero totals, since 0."""

    def of(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.account == account, table.c.symbol == symbol)

    def rows(query: sa.Select[Any]) -> Any:
        return connection.execute(query).mappings()

    total = rows(sa.select(totals).where(of(totals))).one_or_none()
    held = tuple(_slot(row) for row in rows(sa.select(slots).where(of(slots)).order_by(slots.c.level)))
    live = rows(
        sa.select(orders)
        .where(of(orders), is_live(orders.c.stage))
        .order_by(orders.c.created_at, orders.c.generation, orders.c.client_id)
    )
    highest = connection.scalar(sa.select(sa.func.max(orders.c.generation)).where(of(orders)))
    trades = connection.scalars(
        sa.select(fills.c.trade_id)
        .where(of(fills), sa.not_(fills.c.inferred))
        .order_by(fills.c.at.desc(), fills.c.trade_id.desc())
        .limit(KNOWN_TRADES)
    )
    lattice = rows(sa.select(lattices).where(of(lattices))).one_or_none()
    memory = rows(sa.select(memories).where(of(memories))).one_or_none()
    return Restored(
        account=account,
        symbol=symbol,
        lattice=None if lattice is None else LatticeSaved(**lattice),
        slots=held,
        orders=tuple(_live_order(row) for row in live),
        generation_floor=max(
            highest or 0,
            0 if total is None else total["generation_floor"],
            max((slot.generation for slot in held), default=0),
        ),
        totals=totals_of(account, symbol, total),
        known_trades=frozenset(trades),
        memory=None if memory is None else _memory(memory),
        since=connection.scalar(sa.select(symbols.c.added_at).where(of(symbols))) or 0,
    )


def load_risk(database: Database) -> tuple[RiskSaved, ...]:
    """What the risk rules have written down; a scope that this version does not know is left alone. StorageError."""
    scopes = [scope.value for scope in RiskScope]
    with database.read() as connection:
        rows = connection.execute(sa.select(risk_states).where(risk_states.c.scope.in_(scopes))).mappings()
        return tuple(
            RiskSaved(RiskScope(row["scope"]), row["account"], row["symbol"], json.loads(row["state"]), row["at"])
            for row in rows
        )


def totals_of(account: str, symbol: str, row: RowMapping | None) -> TotalsSaved:
    """A row of totals as a value; zeros when there is none."""
    if row is None:
        return TotalsSaved(account, symbol, 0, Decimal(0), Decimal(0), 0, 0)
    return TotalsSaved(
        account, symbol, row["realized"], row["fees"], row["funding"], row["round_trips"], row["last_trade_id"]
    )


def intent_of(row: RowMapping) -> Intent:
    """The intent of a row of orders."""
    return Intent(
        account=row["account"],
        symbol=row["symbol"],
        client_id=ClientId(row["client_id"]),
        level=row["level"],
        kind=OrderKind(row["kind"]),
        generation=row["generation"],
        side=Side(row["side"]),
        price=row["price"],
        quantity=row["quantity"],
        reduce_only=row["reduce_only"],
        post_only=row["post_only"],
        at=row["created_at"],
    )


def _live_order(row: RowMapping) -> LiveOrder:
    status, at = OrderStatus(row["status"]), row["updated_at"]
    sent_at = at if status is OrderStatus.PENDING and at > row["created_at"] else 0
    return LiveOrder(intent_of(row), status, row["filled"], row["venue_id"], sent_at)


def _memory(row: RowMapping) -> MemorySaved:
    return MemorySaved(row["account"], row["symbol"], row["strategy"], tuple(json.loads(row["numbers"])))


def _slot(row: RowMapping) -> SlotSaved:
    return SlotSaved(
        account=row["account"],
        symbol=row["symbol"],
        level=row["level"],
        position=row["position"],
        cost=row["cost"],
        exit_level=row["exit_level"],
        generation=row["generation"],
    )
