"""The shard of each symbol, for those who run several processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("symbols", sa.Column("shard", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("symbols", "shard")
