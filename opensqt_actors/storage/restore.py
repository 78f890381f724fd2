"""What the journal knows of one symbol, for its start. Reads only; it decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import OrderStatus, Side
from opensqt_actors.domain.records import (
    KNOWN_PAYMENTS,
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
from opensqt_actors.storage.tables import (
    fills,
    funding,
    lattices,
    memories,
    orders,
    risk_states,
    slots,
    symbols,
    totals,
)

Key: TypeAlias = tuple[str, str]
KNOWN_TRADES = 2_000
"""How many of the newest trade ids are remembered for telling a repeated fill from a new one."""


def _of_one(table: sa.Table) -> sa.ColumnElement[bool]:
    """The rows of the symbol that is named when the question is asked."""
    return sa.and_(table.c.account == sa.bindparam("account"), table.c.symbol == sa.bindparam("symbol"))


# Asked about one symbol at a time: only so each is one look into an index. Built once, since a start asks for dozens.
_HIGHEST_GENERATION = sa.select(sa.func.max(orders.c.generation)).where(_of_one(orders))
_NEWEST_TRADES = (
    sa.select(fills.c.trade_id)
    .where(_of_one(fills), sa.not_(fills.c.inferred))
    .order_by(fills.c.at.desc(), fills.c.trade_id.desc())
    .limit(KNOWN_TRADES)
)
_NEWEST_PAYMENTS = (
    sa.select(funding.c.payment_id)
    .where(_of_one(funding))
    .order_by(funding.c.at.desc(), funding.c.payment_id.desc())
    .limit(KNOWN_PAYMENTS)
)


def load_symbol(connection: Connection, account: str, symbol: str) -> Restored:
    """Everything of one symbol. A symbol that was never seen is empty: no lattice, no slots, zero totals, since 0."""
    return load_symbols(connection, [(account, symbol)])[account, symbol]


def load_symbols(connection: Connection, keys: Sequence[Key]) -> dict[Key, Restored]:
    """`load_symbol` of many, by (account, symbol), with few questions: a start waits for all of them."""
    found: dict[Key, Restored] = {}
    for account in dict.fromkeys(account for account, _ in keys):
        names = list(dict.fromkeys(symbol for owner, symbol in keys if owner == account))
        found |= {(account, symbol): restored for symbol, restored in _of_account(connection, account, names).items()}
    return found


def _of_account(connection: Connection, account: str, names: Sequence[str]) -> dict[str, Restored]:
    def of(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.account == account, table.c.symbol.in_(names))

    def rows(query: sa.Select[Any]) -> Sequence[RowMapping]:
        return connection.execute(query).mappings().all()

    def by_symbol(query: sa.Select[Any]) -> dict[str, RowMapping]:
        return {row["symbol"]: row for row in rows(query)}

    known = by_symbol(sa.select(symbols.c.symbol, symbols.c.added_at).where(of(symbols)))
    total = by_symbol(sa.select(totals).where(of(totals)))
    lattice = by_symbol(sa.select(lattices).where(of(lattices)))
    memory = by_symbol(sa.select(memories).where(of(memories)))
    held: dict[str, list[SlotSaved]] = {symbol: [] for symbol in names}
    for row in rows(sa.select(slots).where(of(slots)).order_by(slots.c.symbol, slots.c.level)):
        held[row["symbol"]].append(_slot(row))
    live: dict[str, list[LiveOrder]] = {symbol: [] for symbol in names}
    for row in rows(
        sa.select(orders)
        .where(of(orders), is_live(orders.c.stage))
        .order_by(orders.c.created_at, orders.c.generation, orders.c.client_id)
    ):
        live[row["symbol"]].append(_live_order(row))

    def restored(symbol: str) -> Restored:
        entry, sums = known.get(symbol), total.get(symbol)
        ladder, numbers = lattice.get(symbol), memory.get(symbol)
        one = {"account": account, "symbol": symbol}
        return Restored(
            account=account,
            symbol=symbol,
            lattice=None if ladder is None else LatticeSaved(**ladder),
            slots=tuple(held[symbol]),
            orders=tuple(live[symbol]),
            generation_floor=max(
                connection.scalar(_HIGHEST_GENERATION, one) or 0,
                0 if sums is None else sums["generation_floor"],
                max((slot.generation for slot in held[symbol]), default=0),
            ),
            totals=totals_of(account, symbol, sums),
            known_trades=frozenset(connection.scalars(_NEWEST_TRADES, one).all()),
            known_funding=_newest_payments(connection, one),
            memory=None if numbers is None else _memory(numbers),
            since=0 if entry is None else entry["added_at"],
        )

    return {symbol: restored(symbol) for symbol in names}


def _newest_payments(connection: Connection, one: Mapping[str, str]) -> tuple[str, ...]:
    """Oldest first. A start is told the payments of the last days again; the totals have them already."""
    return tuple(reversed(connection.scalars(_NEWEST_PAYMENTS, one).all()))


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
