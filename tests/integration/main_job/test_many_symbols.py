"""Forty-eight markets at once: all of them trade, and at the end every book says the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.accounting import audited, differences, settled
from support.processes import KEY, mixed

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.timeout(150)
def test_forty_eight_symbols_trade_and_the_books_agree(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(48)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets()))).start()
    print("seconds to all trading", supervisor.wait_trading(48))
    supervisor.wait_fills(300)
    for symbol in list(venue.account()["positions"])[:5]:
        venue.admin("POST", f"/accounts/{KEY}/funding", {"symbol": symbol, "rate": "0.001"})
    settled(supervisor.database_url, venue)
    assert Decimal(venue.account()["funding"]) != 0
    counters = supervisor.counters()
    assert counters.fills == venue.account()["fills"]
    assert counters.illegal_transitions == 0
    assert counters.restarts == 0
    assert supervisor.terminate() == 0
    assert differences(supervisor.database_url, venue) == []
    assert audited(supervisor.database_url, venue) == "ok"
