"""The same job on PostgreSQL, and on recorded prices."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from support.accounting import differences, settled
from support.processes import mixed, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SYMBOLS = 12
MINUTE_MS = 60_000


@pytest.mark.postgres
@pytest.mark.timeout(150)
def test_f15_symbols_trade_on_postgresql_and_a_kill_loses_nothing(
    start_venue: Any, make_supervisor: Any, postgres_database: str
) -> None:
    venue = start_venue(SYMBOLS)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets())), database={"url": postgres_database}).start()
    supervisor.wait_trading(SYMBOLS)
    supervisor.wait_fills(50)
    supervisor.kill()
    supervisor.start()
    supervisor.wait_trading(SYMBOLS)
    supervisor.wait_fills(20)
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.terminate() == 0
    assert differences(supervisor.database_url, venue) == []


def recording(path: Path, price: float, seed: int, minutes: int = 4_000) -> Path:
    """A candle file: a walk around a price, as a venue would have recorded it."""
    chance = random.Random(seed)
    lines = ["open_time,open,high,low,close,volume"]
    close = price
    for minute in range(minutes):
        start = close
        close = start * (1 + chance.gauss(0, 0.0015) - 0.01 * (start / price - 1))
        high = max(start, close) * (1 + abs(chance.gauss(0, 0.0005)))
        low = min(start, close) * (1 - abs(chance.gauss(0, 0.0005)))
        prices = ",".join(f"{value:.2f}" for value in (start, high, low, close))
        lines.append(f"{1_640_995_200_000 + minute * MINUTE_MS},{prices},{chance.uniform(5, 50):.3f}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.timeout(120)
def test_recorded_prices_are_traded_the_same_way(start_venue: Any, make_supervisor: Any, tmp_path: Path) -> None:
    files = [
        recording(tmp_path / "BTCUSDT-perp-1m-2022-01.csv", 46_000, 1),
        recording(tmp_path / "ETHUSDT-perp-1m-2022-01.csv", 3_700, 2),
    ]
    venue = start_venue(0, "--speed", "600", *(option for file in files for option in ("--replay", str(file))))
    assert set(venue.markets()) == {"BTCUSDT", "ETHUSDT"}
    supervisor = make_supervisor(venue, ["BTCUSDT", "ETHUSDT"], defaults={"amount": 80, "interval_percent": 0.2})
    supervisor.start()
    supervisor.wait_trading(2)
    supervisor.wait_fills(30)
    wait_until(lambda: all(row.fills for row in supervisor.rows().values()), "fills of both")
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.terminate() == 0
    assert differences(supervisor.database_url, venue) == []
