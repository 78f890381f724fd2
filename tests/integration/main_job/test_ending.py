"""How a supervisor ends, and what it finds when it starts again."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest
from support.accounting import differences, exit_orders, openings, settled
from support.processes import mixed, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SYMBOLS = 12
DEADLINE = 10.0


def trading(start_venue: Any, make_supervisor: Any, **sections: Any) -> Any:
    """A venue with prices that stand still now, and a supervisor with positions and exits on it."""
    venue = start_venue(SYMBOLS)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets())), **sections).start()
    supervisor.wait_trading(SYMBOLS)
    supervisor.wait_fills(30)
    wait_until(lambda: exit_orders(venue), "exits")
    settled(supervisor.database_url, venue)
    return venue, supervisor


@pytest.mark.timeout(120)
def test_sigterm_cancels_openings_keeps_exits_and_the_next_start_takes_them_up(
    start_venue: Any, make_supervisor: Any
) -> None:
    venue, supervisor = trading(start_venue, make_supervisor)
    resting = exit_orders(venue)
    began = time.monotonic()
    assert supervisor.terminate() == 0
    assert time.monotonic() - began < DEADLINE
    assert openings(venue) == set()
    assert exit_orders(venue) == resting
    assert differences(supervisor.database_url, venue) == []

    supervisor.start()
    supervisor.wait_trading(SYMBOLS, venue.stir)
    settled(supervisor.database_url, venue)
    filled = {fill["clientOrderId"] for fill in venue.fills()}
    assert resting - filled <= exit_orders(venue), "an exit was not taken up but replaced"
    assert supervisor.counters().illegal_transitions == 0


@pytest.mark.timeout(120)
def test_exits_are_cancelled_as_well_where_the_configuration_says_so(start_venue: Any, make_supervisor: Any) -> None:
    venue, supervisor = trading(start_venue, make_supervisor, shutdown={"cancel_exits": True})
    assert supervisor.terminate() == 0
    assert venue.open_orders() == []
    assert differences(supervisor.database_url, venue) == []
    venue.resume()
    supervisor.start()
    supervisor.wait_trading(SYMBOLS)
    wait_until(lambda: venue.account()["positions"].keys() <= held_by_exits(venue), "an exit for every position")
    settled(supervisor.database_url, venue)


@pytest.mark.timeout(120)
def test_f37_after_a_restart_exits_do_not_wait_for_a_tick(start_venue: Any, make_supervisor: Any) -> None:
    venue, supervisor = trading(start_venue, make_supervisor, shutdown={"cancel_exits": True})
    assert supervisor.terminate() == 0
    assert venue.open_orders() == []
    supervisor.start()
    wait_until(lambda: venue.account()["positions"].keys() <= held_by_exits(venue), "an exit for every position")
    assert openings(venue) == set()


@pytest.mark.timeout(120)
def test_a_second_signal_ends_at_once_and_the_next_start_mends_what_is_left(
    start_venue: Any, make_supervisor: Any
) -> None:
    venue, supervisor = trading(start_venue, make_supervisor)
    venue.admin("POST", "/faults", {"match": {"method": "DELETE"}, "action": "delay", "ms": 60_000})
    supervisor.signal(signal.SIGTERM)
    wait_until(lambda: "second signal" in supervisor.log.read_text(), "the first signal heard")
    began = time.monotonic()
    supervisor.signal(signal.SIGTERM)
    assert supervisor.wait() == 0
    assert time.monotonic() - began < DEADLINE / 2
    venue.admin("DELETE", "/faults")
    venue.resume()
    supervisor.start()
    supervisor.wait_trading(SYMBOLS)
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_venue_is_waited_for_ends_in_order(
    start_venue: Any, make_supervisor: Any, number: signal.Signals
) -> None:
    venue = start_venue(1)
    supervisor = make_supervisor(venue, ["BTCUSDT"], defaults={"amount": 60})
    venue.stop()
    supervisor.start()
    wait_until(lambda: "trying again" in supervisor.log.read_text(), "the wait for the venue")
    began = time.monotonic()
    supervisor.signal(number)
    assert supervisor.wait() == 0
    assert time.monotonic() - began < DEADLINE
    assert "Traceback" not in supervisor.log.read_text()


def held_by_exits(venue: Any) -> set[str]:
    """Symbols with a resting exit."""
    resting = exit_orders(venue)
    return {order["symbol"] for order in venue.open_orders() if order["clientOrderId"] in resting}
