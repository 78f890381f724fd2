"""Read-only questions to the database, for audits and the command line. Every sum is made from the rows, exactly.

Sums are made here and not in SQL: SQLite would turn those beyond 64 bits into floats.
"""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Context, Decimal
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field
from sqlalchemy.engine import Connection, RowMapping

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import Fill, FundingPayment, OrderStatus, Side
from opensqt_actors.domain.records import FillSaved, LatticeSaved, LiveOrder, TotalsSaved
from opensqt_actors.storage.restore import intent_of, totals_of
from opensqt_actors.storage.tables import events, fills, funding, lattices, orders, slots, totals

Market = tuple[str, str]
"""Account and symbol."""

_EXACT = Context(prec=2_100)
_CHUNK = 5_000


class Ledger(Struct):
    """All fills of one market. net, bought, sold: steps; cash, realized: quanta, before fees; cash: negative when paid.

    inferred: how many of the fills reconciliation made; inferred_net: signed steps, the sum of these.
    fees: quote currency, positive when paid; venue_fees: the same fees by the asset in which they were paid.
    """

    fills: int = 0
    net: int = 0
    bought: int = 0
    sold: int = 0
    cash: int = 0
    realized: int = 0
    inferred: int = 0
    inferred_net: int = 0
    last_trade_id: int = 0
    fees: Decimal = Decimal(0)
    venue_fees: dict[str, Decimal] = field(default_factory=dict)


class SlotSum(Struct, frozen=True):
    """The slots of one market together. position: signed steps; cost: signed quanta; filled: slots with a position."""

    slots: int
    filled: int
    position: int
    cost: int


class StoredEvent(Struct, frozen=True):
    """An event as it was written. id: grows with time; page on with `before`."""

    id: int
    account: str
    symbol: str
    kind: str
    sentence: str
    data: dict[str, Any]
    at: int


class StoredOrder(Struct, frozen=True):
    """An order with its last reason and the time of its last change (ns)."""

    order: LiveOrder
    reason: str
    updated_at: int


def ledgers(connection: Connection, account: str | None = None) -> dict[Market, Ledger]:
    """The fills of every market, summed; of one account or of all."""
    sums: dict[Market, Ledger] = defaultdict(Ledger)
    query = sa.select(fills)
    if account is not None:
        query = query.where(fills.c.account == account)
    for row in _stream(connection, query):
        ledger = sums[row["account"], row["symbol"]]
        quantity, value = row["quantity"], row["price"] * row["quantity"]
        ledger.fills += 1
        if row["side"] == Side.BUY.value:
            ledger.bought += quantity
            ledger.net += quantity
            ledger.cash -= value
        else:
            ledger.sold += quantity
            ledger.net -= quantity
            ledger.cash += value
        ledger.realized += row["realized"]
        if row["inferred"]:
            ledger.inferred += 1
            ledger.inferred_net += quantity if row["side"] == Side.BUY.value else -quantity
        ledger.last_trade_id = max(ledger.last_trade_id, row["trade_id"])
        ledger.fees = _EXACT.add(ledger.fees, row["fee"])
        asset = row["fee_asset"]
        ledger.venue_fees[asset] = _EXACT.add(ledger.venue_fees.get(asset, Decimal(0)), row["venue_fee"])
    return dict(sums)


def slot_sums(connection: Connection, account: str | None = None) -> dict[Market, SlotSum]:
    """The slots of every market, summed; markets without slots are missing."""
    query = sa.select(slots)
    if account is not None:
        query = query.where(slots.c.account == account)
    sums: dict[Market, SlotSum] = {}
    for row in _stream(connection, query):
        old = sums.get((row["account"], row["symbol"]), SlotSum(0, 0, 0, 0))
        sums[row["account"], row["symbol"]] = SlotSum(
            old.slots + 1, old.filled + (row["position"] != 0), old.position + row["position"], old.cost + row["cost"]
        )
    return sums


def funding_sums(connection: Connection, account: str | None = None) -> dict[Market, Decimal]:
    """Funding payments of every market, summed, in quote currency; positive when received."""
    query = sa.select(funding)
    if account is not None:
        query = query.where(funding.c.account == account)
    sums: dict[Market, Decimal] = {}
    for row in _stream(connection, query):
        key = (row["account"], row["symbol"])
        sums[key] = _EXACT.add(sums.get(key, Decimal(0)), row["amount"])
    return sums


def all_totals(connection: Connection, account: str | None = None) -> dict[Market, TotalsSaved]:
    """The running totals as the actors last saved them; markets without any are missing."""
    query = sa.select(totals)
    if account is not None:
        query = query.where(totals.c.account == account)
    rows = connection.execute(query).mappings()
    return {(row["account"], row["symbol"]): totals_of(row["account"], row["symbol"], row) for row in rows}


def all_lattices(connection: Connection) -> dict[Market, LatticeSaved]:
    """The lattice of every market that has one."""
    rows = connection.execute(sa.select(lattices)).mappings()
    return {(row["account"], row["symbol"]): LatticeSaved(**row) for row in rows}


def orders_by_status(connection: Connection, account: str | None = None) -> dict[Market, dict[OrderStatus, int]]:
    """How many journalled orders of each status every market has; pruned ones are gone."""
    columns = (orders.c.account, orders.c.symbol, orders.c.status)
    query = sa.select(*columns, sa.func.count().label("count")).group_by(*columns)
    if account is not None:
        query = query.where(orders.c.account == account)
    counts: dict[Market, dict[OrderStatus, int]] = defaultdict(dict)
    for row in connection.execute(query).mappings():
        counts[row["account"], row["symbol"]][OrderStatus(row["status"])] = row["count"]
    return dict(counts)


def newest_orders(connection: Connection, account: str, symbol: str, limit: int = 100) -> tuple[StoredOrder, ...]:
    """The orders of one market, newest placement first."""
    query = (
        sa.select(orders)
        .where(orders.c.account == account, orders.c.symbol == symbol)
        .order_by(orders.c.generation.desc(), orders.c.created_at.desc(), orders.c.client_id)
        .limit(limit)
    )
    return tuple(
        StoredOrder(
            LiveOrder(intent_of(row), OrderStatus(row["status"]), row["filled"], row["venue_id"]),
            row["reason"],
            row["updated_at"],
        )
        for row in connection.execute(query).mappings()
    )


def newest_fills(connection: Connection, account: str, symbol: str, limit: int = 100) -> tuple[FillSaved, ...]:
    """The fills of one market, newest first."""
    query = (
        sa.select(fills)
        .where(fills.c.account == account, fills.c.symbol == symbol)
        .order_by(fills.c.at.desc(), fills.c.trade_id.desc())
        .limit(limit)
    )
    return tuple(_fill(row) for row in connection.execute(query).mappings())


def newest_funding(connection: Connection, account: str, limit: int = 100) -> tuple[FundingPayment, ...]:
    """The funding payments of one account, newest first."""
    query = sa.select(funding).where(funding.c.account == account)
    rows = connection.execute(query.order_by(funding.c.at.desc(), funding.c.payment_id).limit(limit)).mappings()
    return tuple(FundingPayment(row["symbol"], row["payment_id"], row["amount"], row["at"]) for row in rows)


def newest_events(
    connection: Connection,
    *,
    account: str | None = None,
    symbol: str | None = None,
    kind: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[StoredEvent, ...]:
    """Events newest first, all or those that match; `before`: only ids below it."""
    query = sa.select(events).order_by(events.c.id.desc()).limit(limit)
    for column, value in ((events.c.account, account), (events.c.symbol, symbol), (events.c.kind, kind)):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(events.c.id < before)
    return tuple(
        StoredEvent(
            row["id"],
            row["account"],
            row["symbol"],
            row["kind"],
            row["sentence"],
            json.loads(row["data"]),
            row["at"],
        )
        for row in connection.execute(query).mappings()
    )


def _stream(connection: Connection, query: sa.Select[Any]) -> Any:
    """Rows without holding all of them: a ledger may have millions."""
    return connection.execute(query.execution_options(yield_per=_CHUNK)).mappings()


def _fill(row: RowMapping) -> FillSaved:
    return FillSaved(
        account=row["account"],
        fill=Fill(
            symbol=row["symbol"],
            trade_id=row["trade_id"],
            client_id=ClientId(row["client_id"]),
            venue_id=row["venue_id"],
            side=Side(row["side"]),
            price=row["price"],
            quantity=row["quantity"],
            fee=row["venue_fee"],
            fee_asset=row["fee_asset"],
            maker=row["maker"],
            at=row["at"],
        ),
        level=row["level"],
        realized=row["realized"],
        fee=row["fee"],
        inferred=row["inferred"],
    )
