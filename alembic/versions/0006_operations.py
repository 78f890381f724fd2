"""Operations: operators' commands that take several steps, and what came of each step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operations",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_operations"),
    )
    op.create_index("ix_operations_asked_at", "operations", ["asked_at"])
    op.create_index(
        "ix_operations_unfinished",
        "operations",
        ["asked_at"],
        sqlite_where=sa.text("ended_at is null"),
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "operation_steps",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "number", name="pk_operation_steps"),
    )


def downgrade() -> None:
    op.drop_table("operation_steps")
    op.drop_index("ix_operations_unfinished", table_name="operations")
    op.drop_index("ix_operations_asked_at", table_name="operations")
    op.drop_table("operations")
