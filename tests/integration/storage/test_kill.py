"""F15: SIGKILL in the middle of writing. What was acknowledged is there, what belongs together is there together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.storage import Database
from opensqt_actors.storage.restore import load_symbol
from opensqt_actors.storage.tables import fills, orders

CHILD = Path(__file__).with_name("kill_me.py")


def run_until_killed(url: str, first: int, at: str, after: int) -> tuple[int, int]:
    """The last acknowledged intent and the last acknowledged fill."""
    child = subprocess.run(
        [sys.executable, "-W", "error", str(CHILD), url, str(first), at, str(after)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        timeout=30,
        check=False,
    )
    assert child.returncode == -9
    last = {"intent": 0, "filled": 0}
    for line in child.stdout.splitlines():
        kind, number = line.split()
        last[kind] = int(number)
    return last["intent"], last["filled"]


@pytest.mark.integration
@pytest.mark.parametrize("at", ["journal.begun", "journal.before_commit", "journal.sealed", "journal.after_commit"])
def test_f15_nothing_acknowledged_is_lost_by_a_kill(url, at):
    database = Database(url)
    first = 1
    for after in (3, 22, 41):
        intents, filled = run_until_killed(url, first, at, after)
        with database.read() as connection:
            written = list(connection.scalars(sa.select(orders.c.generation).order_by(orders.c.generation)))
            ended = set(
                connection.scalars(sa.select(orders.c.generation).where(orders.c.status == OrderStatus.FILLED.value))
            )
            trades = set(connection.scalars(sa.select(fills.c.trade_id)))
            restored = load_symbol(connection, "main", "BTCUSDT")
        assert set(range(first, intents + 1)) <= set(written)
        assert set(range(first, filled + 1)) <= trades
        assert len(written) % 3 == 0  # a batch is there as a whole
        assert ended == trades == restored.known_trades
        assert restored.slots[0].position == max(trades)
        assert [order.intent.generation for order in restored.orders] == sorted(set(written) - ended)
        assert restored.generation_floor == written[-1]
        first = written[-1] + 1
    database.close()
