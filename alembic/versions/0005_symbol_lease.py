"""Who may trade a symbol, for those who run several hosts on one database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "symbol_lease",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("epoch >= 0 and epoch <= 46655", name=op.f("ck_symbol_lease_epoch_fits_client_ids")),
        sa.PrimaryKeyConstraint("account", "symbol", name=op.f("pk_symbol_lease")),
    )


def downgrade() -> None:
    op.drop_table("symbol_lease")
