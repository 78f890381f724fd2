"""Forty-eight markets at once: all of them trade, and at the end every book says the same."""

from __future__ import annotations

from typing import Any

import pytest
from support.accounting import differences, fill_count, order_differences
from support.processes import mixed, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.timeout(150)
def test_forty_eight_symbols_trade_and_the_books_agree(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(48)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets()))).start()
    print("seconds to all trading", supervisor.wait_trading(48))
    supervisor.wait_fills(300)
    venue.pause()
    wait_until(lambda: fill_count(supervisor.database_url) == venue.account()["fills"], "every fill in the journal")
    counters = supervisor.counters()
    assert counters.illegal_transitions == 0
    assert counters.restarts == 0
    assert order_differences(venue) == []
    assert supervisor.terminate() == 0
    assert differences(supervisor.database_url, venue) == []
