"""Find a symbol's newest funding payments, and set each total of funding to what the payments come to.

Versions before this one counted the payments of the last three days again in the totals after every restart. The
payments themselves were always written down once.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Context, Decimal

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_EXACT = Context(prec=10_000)
_FUNDING = sa.table("funding", sa.column("account"), sa.column("symbol"), sa.column("amount"))
_TOTALS = sa.table("totals", sa.column("account"), sa.column("symbol"), sa.column("funding"))


def upgrade() -> None:
    op.create_index("ix_funding_at", "funding", ["account", "symbol", "at"])
    connection = op.get_bind()
    paid: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for account, symbol, amount in connection.execute(sa.select(_FUNDING)):
        paid[account, symbol] = _EXACT.add(paid[account, symbol], Decimal(amount))
    for account, symbol, total in connection.execute(sa.select(_TOTALS)).all():
        if Decimal(total) != paid[account, symbol]:
            right = paid[account, symbol]
            stored = right if connection.dialect.name == "postgresql" else format(right, "f")
            here = sa.and_(_TOTALS.c.account == account, _TOTALS.c.symbol == symbol)
            connection.execute(sa.update(_TOTALS).where(here).values(funding=stored))


def downgrade() -> None:
    op.drop_index("ix_funding_at", "funding")
