"""SIGKILL at any moment (F15, F16): after the next start every fill is booked, no order is lost and none is doubled."""

from __future__ import annotations

import random
import threading
from decimal import Decimal
from typing import Any

import pytest
from support.accounting import audited, settled
from support.processes import mixed, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SYMBOLS = 36
KILLS = 20
SEED = 15


def wait(seconds: float) -> None:
    """The moment itself is the input of these tests: nothing is waited for."""
    threading.Event().wait(seconds)


@pytest.mark.timeout(400)
def test_f15_twenty_kills_lose_nothing_and_double_nothing(start_venue: Any, make_supervisor: Any) -> None:
    chance = random.Random(SEED)
    venue = start_venue(SYMBOLS)
    names = sorted(venue.markets())
    supervisor = make_supervisor(venue, mixed(names))
    starts: list[float] = []
    for number in range(KILLS):
        supervisor.start()
        if number % 2:
            wait(chance.uniform(0.5, 4.0))  # while it starts, while it reconciles, while it lays the ladders
        else:
            starts.append(supervisor.wait_trading(SYMBOLS))
            settled(supervisor.database_url, venue)
            assert supervisor.counters().illegal_transitions == 0
            venue.resume()
            supervisor.wait_fills(5)
            venue.charge_funding(names[number])  # booked by this process or by the next, and told to all that follow
            wait(chance.uniform(0.0, 2.0))
        supervisor.kill()
    supervisor.start()
    starts.append(supervisor.wait_trading(SYMBOLS))
    supervisor.wait_fills(20)
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.terminate() == 0
    settled(supervisor.database_url, venue)
    assert Decimal(venue.account()["funding"])
    assert audited(supervisor.database_url, venue) == "ok"
    print("seconds to all trading:", " ".join(f"{seconds:.1f}" for seconds in starts))


@pytest.mark.timeout(150)
def test_f15_a_kill_within_a_burst_of_fills_loses_none(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(SYMBOLS, "--scripted")
    symbols = sorted(venue.markets())
    supervisor = make_supervisor(venue, mixed(symbols)).start()
    supervisor.wait_trading(SYMBOLS, venue.stir)
    wait_until(lambda: len(venue.open_orders()) >= SYMBOLS * 10, "the ladders")

    def crash() -> None:
        for symbol in symbols:
            venue.move(symbol, "-1.5")

    burst = threading.Thread(target=crash)
    burst.start()
    wait_until(lambda: venue.account()["fills"] >= 30, "the burst's first fills")
    supervisor.kill()
    burst.join()
    assert venue.account()["fills"] >= 100
    supervisor.start()
    supervisor.wait_trading(SYMBOLS, venue.stir)
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0
