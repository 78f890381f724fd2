"""The first tables: registry, lattices, orders with their intents, fills, slots, totals, funding, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

exact = sa.Text().with_variant(sa.Numeric(), "postgresql")
counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", counter, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("key", name=op.f("uq_events_key")),
    )
    op.create_index("ix_events_symbol", "events", ["account", "symbol", "id"])
    op.create_table(
        "fills",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("trade_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("venue_fee", exact, nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=False),
        sa.Column("maker", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("realized", exact, nullable=False),
        sa.Column("fee", exact, nullable=False),
        sa.Column("inferred", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", "symbol", "trade_id", name=op.f("pk_fills")),
    )
    op.create_index("ix_fills_at", "fills", ["account", "symbol", "at"])
    op.create_table(
        "funding",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("amount", exact, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "payment_id", name=op.f("pk_funding")),
    )
    op.create_table(
        "lattices",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("anchor", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("ratio", exact, nullable=True),
        sa.PrimaryKeyConstraint("account", "symbol", name=op.f("pk_lattices")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "orders",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reduce_only", sa.Boolean(), nullable=False),
        sa.Column("post_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("filled", sa.BigInteger(), nullable=False),
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_ended",
        "orders",
        ["updated_at"],
        sqlite_where=sa.text("stage >= 3"),
        postgresql_where=sa.text("stage >= 3"),
    )
    op.create_index("ix_orders_generation", "orders", ["account", "symbol", "generation"])
    op.create_index(
        "ix_orders_live",
        "orders",
        ["account", "symbol"],
        sqlite_where=sa.text("stage < 3"),
        postgresql_where=sa.text("stage < 3"),
    )
    op.create_table(
        "slots",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("level", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("cost", exact, nullable=False),
        sa.Column("exit_level", sa.BigInteger(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "symbol", "level", name=op.f("pk_slots")),
    )
    op.create_table(
        "symbols",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("remove_mode", sa.Text(), nullable=True),
        sa.Column("adopt", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("number >= 0 and number <= 46655", name=op.f("ck_symbols_number_fits_client_ids")),
        sa.PrimaryKeyConstraint("account", "symbol", name=op.f("pk_symbols")),
        sa.UniqueConstraint("number", name=op.f("uq_symbols_number")),
    )
    op.create_table(
        "totals",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("realized", exact, nullable=False),
        sa.Column("fees", exact, nullable=False),
        sa.Column("funding", exact, nullable=False),
        sa.Column("round_trips", sa.BigInteger(), nullable=False),
        sa.Column("last_trade_id", sa.BigInteger(), nullable=False),
        sa.Column("generation_floor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "symbol", name=op.f("pk_totals")),
    )


def downgrade() -> None:
    for table in ("events", "fills", "funding", "lattices", "meta", "orders", "slots", "symbols", "totals"):
        op.drop_table(table)
