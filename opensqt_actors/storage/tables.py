"""The tables, as SQLAlchemy Core metadata. No queries; the migrations in `alembic/` must lead to exactly these.

Their partial indexes are in `schema`. No foreign keys, on purpose: what happened on the venue must be writable whatever
the registry says about its symbol.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeEngine

INT64_MAX = 2**63 - 1


class Exact(sa.types.TypeDecorator[Decimal]):
    """A decimal, kept digit by digit: NUMERIC on PostgreSQL, text on SQLite, whose NUMERIC would turn into a float."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.Numeric() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Quanta(sa.types.TypeDecorator[int]):
    """A whole number of any size. Quanta are tick x step: 64 bits end at 0.09 quote units when both have 10 digits."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.Numeric() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return Decimal(value) if dialect.name == "postgresql" else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A primary key that counts by itself: SQLite does that for INTEGER alone."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# The registry. Rows are never deleted: a number that was once part of a client order id stays with its symbol.
symbols = sa.Table(
    "symbols",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True),
    sa.Column("grid", sa.Text, nullable=False),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("remove_mode", sa.Text),
    sa.Column("adopt", sa.Boolean, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("added_at", sa.BigInteger, nullable=False),
    sa.Column("removed_at", sa.BigInteger),
    sa.Column("shard", sa.BigInteger),
    sa.CheckConstraint("number >= 0 and number <= 46655", name="number_fits_client_ids"),
)

# Who may trade a symbol where several hosts share this database; without leases it stays empty. `expires_at`: ns by
# the database's own clock, 0 = free. Rows are never deleted: an epoch that was part of a client order id never returns.
symbol_lease = sa.Table(
    "symbol_lease",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.CheckConstraint("epoch >= 0 and epoch <= 46655", name="epoch_fits_client_ids"),
)

lattices = sa.Table(
    "lattices",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("anchor", sa.BigInteger, nullable=False),
    sa.Column("base", sa.BigInteger, nullable=False),
    sa.Column("ratio", Exact),
)

# `numbers`: a JSON list that only the strategy understands.
memories = sa.Table(
    "memories",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("numbers", sa.Text, nullable=False),
)

# `stage` orders the statuses, so that updates can be merged in any order: see merge.py.
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("client_id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("level", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("price", sa.BigInteger, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("reduce_only", sa.Boolean, nullable=False),
    sa.Column("post_only", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("stage", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("filled", sa.BigInteger, nullable=False),
    sa.Column("venue_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Index("ix_orders_generation", "account", "symbol", "generation"),
)

fills = sa.Table(
    "fills",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("trade_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("venue_id", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("price", sa.BigInteger, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("venue_fee", Exact, nullable=False),
    sa.Column("fee_asset", sa.Text, nullable=False),
    sa.Column("maker", sa.Boolean, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("level", sa.BigInteger, nullable=False),
    sa.Column("realized", Quanta, nullable=False),
    sa.Column("fee", Exact, nullable=False),
    sa.Column("inferred", sa.Boolean, nullable=False),
    sa.Index("ix_fills_at", "account", "symbol", "at"),
)

slots = sa.Table(
    "slots",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("level", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("cost", Quanta, nullable=False),
    sa.Column("exit_level", sa.BigInteger),
    sa.Column("generation", sa.BigInteger, nullable=False),
)

# generation_floor: the highest generation among rows of orders and slots that are gone (dropped or pruned).
totals = sa.Table(
    "totals",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("realized", Quanta, nullable=False),
    sa.Column("fees", Exact, nullable=False),
    sa.Column("funding", Exact, nullable=False),
    sa.Column("round_trips", sa.BigInteger, nullable=False),
    sa.Column("last_trade_id", sa.BigInteger, nullable=False),
    sa.Column("generation_floor", sa.BigInteger, nullable=False),
)

funding = sa.Table(
    "funding",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("payment_id", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("amount", Exact, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("ix_funding_at", "account", "symbol", "at"),
)

# The newest state of each risk rule; `state` is JSON.
risk_states = sa.Table(
    "risk_states",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

# `key` is made by the writer, so that an event which is written again after a lost connection stays one event.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Counter, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("ix_events_symbol", "account", "symbol", "id"),
)

# Commands of operators that take several steps. `arguments`, `outcome` and the steps' `result` are JSON.
operations = sa.Table(
    "operations",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("asked_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("outcome", sa.Text),
    sa.Index("ix_operations_asked_at", "asked_at"),
)

operation_steps = sa.Table(
    "operation_steps",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
