"""F15 at the worst moments: the process dies right before and right after a commit and a send."""

from __future__ import annotations

from typing import Any

import pytest
from support.accounting import settled
from support.processes import mixed, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SYMBOLS = 4
SIGKILLED = -9


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    "failpoint", ["journal.before_commit@12", "journal.after_commit@12", "venue.before_send@4", "venue.after_send@4"]
)
def test_f15_a_death_around_a_commit_or_a_send_loses_and_doubles_nothing(
    start_venue: Any, make_supervisor: Any, failpoint: str
) -> None:
    venue = start_venue(SYMBOLS)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets())), {"OPENSQT_FAILPOINT": failpoint})
    supervisor.start()
    assert supervisor.process is not None
    process = supervisor.process
    wait_until(lambda: process.poll() is not None, "the death that was ordered")
    assert supervisor.wait() == SIGKILLED
    del supervisor.environment["OPENSQT_FAILPOINT"]
    supervisor.start()
    supervisor.wait_trading(SYMBOLS)
    supervisor.wait_fills(5)
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0
