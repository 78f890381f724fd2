"""A thousand crashes of one actor in a shard that trades over real sockets: nothing is left, no sibling waits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.accounting import settled
from support.processes import configuration, mixed, write_config

from opensqt_actors.config.loading import load
from opensqt_actors.storage import Database, Registry

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]
SHARD = Path(__file__).with_name("crashing_shard.py")
SYMBOLS = 5
WARM, CRASHES = 100, 1_000
SLOWEST_TICK = 0.1
"""Seconds from a tick of a sibling to its orders, 99 of 100: ten times what was measured beside other work."""
LONGEST_STALL = 1.0
"""Seconds for which the loop did nothing for anybody: several times what was measured beside other work."""
POOL = 45
"""Connections for requests to the venue, which stay open for a while: far fewer than one a crash."""
MOST_KB = 8_000
"""Growth of resident memory; 900 times a leak of 10 kB is more."""


def test_f30_a_thousand_crashes_leave_nothing_and_hold_no_sibling_up(start_venue: Any, folder: Path) -> None:
    venue = start_venue(SYMBOLS)
    supervision = {"intensity": CRASHES, "backoff_initial": 0.001, "backoff_max": 0.001, "shard_unheard": 0}
    document = configuration(
        venue, folder / "state", mixed(sorted(venue.markets())), shards=1, supervision=supervision,
        telemetry={"log_level": "error"},
    )  # fmt: skip
    config = write_config(folder / "shard.yaml", document)
    settings = load(config)
    settings.state_dir.mkdir(mode=0o700)
    url = settings.database_url.get_secret_value()
    database = Database(url)
    database.migrate()
    Registry(database).seed(settings.specs())
    database.close()
    command = [sys.executable, str(SHARD), str(config), str(WARM), str(CRASHES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shard:
        try:
            assert shard.stdout is not None
            found = orjson.loads(shard.stdout.readline())
            settled(url, venue)
            shard.communicate(b"\n", timeout=30)
        finally:
            shard.kill()
    assert shard.returncode == 0
    assert (found["failures"], found["restarts"], found["restarts_of_siblings"]) == (CRASHES, CRASHES, 0)
    decided = found["ticks"]
    assert len(decided) > 20
    assert decided[len(decided) * 99 // 100] < SLOWEST_TICK
    assert found["longest_stall"] < LONGEST_STALL
    before, after = found["before"], found["after"]
    for what, most in (("threads", 2), ("tasks", 5), ("actors", 0), ("registry", 0), ("descriptors", POOL)):
        assert after[what] <= before[what] + most, (what, before, after)
    assert after["objects"] - before["objects"] < (CRASHES - WARM) * 5, (before, after)
    assert after["kB"] - before["kB"] < MOST_KB, (before, after)
