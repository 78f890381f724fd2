"""The order stream breaks while orders fill (F04, F06): every fill is booked all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.accounting import settled
from support.processes import KEY, Supervisor, VenueProcess, mixed, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SYMBOLS = 24
BURST = 60
SECOND_MS = 1_000


@pytest.fixture
def trading(start_venue: Any, make_supervisor: Any) -> tuple[VenueProcess, Supervisor]:
    """Ladders that rest on markets which stand still."""
    venue = start_venue(SYMBOLS, "--scripted")
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets()))).start()
    supervisor.wait_trading(SYMBOLS, venue.stir)
    wait_until(lambda: len(venue.open_orders()) >= SYMBOLS * 10, "the ladders")
    return venue, supervisor


def burst(venue: VenueProcess, percent: str, happens: Callable[[], None], after: int) -> None:
    """Sweep all prices by so many percent; something happens once there are `after` more fills."""
    before = venue.account()["fills"]

    def sweep() -> None:
        for symbol in sorted(venue.markets()):
            venue.move(symbol, percent)

    sweeping = threading.Thread(target=sweep)
    sweeping.start()
    wait_until(lambda: venue.account()["fills"] >= before + after, "the burst's first fills")
    happens()
    sweeping.join()
    times = sorted(fill["time"] for fill in venue.fills()[before:])
    most = max(sum(start <= time < start + SECOND_MS for time in times) for start in times)
    assert most >= BURST, f"only {most} fills within a second"


@pytest.mark.timeout(120)
def test_f04_a_socket_reset_within_a_burst_of_fills_loses_none(trading: Any) -> None:
    venue, supervisor = trading
    for percent in ("-1.5", "1.5"):
        burst(venue, percent, lambda: venue.admin("POST", "/sockets/reset", {"kind": "user"}), 20)
        settled(supervisor.database_url, venue)
        venue.resume()
    wait_until(lambda: supervisor.status().accounts[0].orders_stream_up, "the order stream up again")
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.counters().restarts == 0


@pytest.mark.timeout(120)
def test_f06_a_revoked_listen_key_within_a_burst_of_fills_loses_none(trading: Any) -> None:
    venue, supervisor = trading
    burst(venue, "-1.5", lambda: venue.admin("POST", f"/accounts/{KEY}/listen-key/expire"), 20)
    settled(supervisor.database_url, venue)
    venue.resume()
    burst(venue, "1.5", lambda: None, 20)
    settled(supervisor.database_url, venue)
    wait_until(lambda: supervisor.status().accounts[0].orders_stream_up, "the order stream up again")
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.counters().restarts == 0
