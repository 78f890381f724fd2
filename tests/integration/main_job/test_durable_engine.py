"""The whole supervisor with `engine: durable`: it trades, and three SIGKILLs lose nothing and double nothing (F15)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from support.accounting import audited, settled
from support.processes import mixed

from opensqt_actors.durable.workflows import workflow_url
from opensqt_actors.storage import Database

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SYMBOLS = 6
KILLS = 3


def batches(database_url: str) -> int:
    """How many order batches are written down as finished."""
    url = workflow_url(database_url)
    assert Path(make_url(url).database or "").stat().st_mode & 0o077 == 0
    database = Database(url, create=False)
    try:
        with database.read() as connection:
            return int(connection.scalar(sa.text("select count(*) from workflow_status where status = 'SUCCESS'")) or 0)
    finally:
        database.close()


@pytest.mark.timeout(200)
def test_f15_the_durable_engine_trades_through_three_kills(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(SYMBOLS)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets())), engine="durable")
    for _ in range(KILLS):
        supervisor.start()
        supervisor.wait_trading(SYMBOLS)
        supervisor.wait_fills(3)
        supervisor.kill()
    supervisor.start()
    supervisor.wait_trading(SYMBOLS)
    supervisor.wait_fills(3)
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.terminate() == 0
    assert audited(supervisor.database_url, venue) == "ok"
    assert batches(supervisor.database_url) > 0
