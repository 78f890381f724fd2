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

    def reset() -> None:
        assert venue.admin("POST", "/sockets/reset", {"kind": "user"})["reset"] == 1

    for percent in ("-1.5", "1.5"):
        burst(venue, percent, reset, 20)
        settled(supervisor.database_url, venue)
        venue.resume()
    wait_until(lambda: supervisor.status().accounts[0].orders_stream_up, "the order stream up again")
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.counters().restarts == 0


EVENT = {"event": "ORDER_TRADE_UPDATE"}


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(
            [
                {"match": EVENT, "action": "duplicate_event", "probability": 0.3},
                {"match": EVENT, "action": "reorder_events", "probability": 0.3},
                {"match": EVENT, "action": "delay_event", "probability": 0.1, "ms": 300},
            ],
            id="f33-doubled-late-and-out-of-order",
        ),
        pytest.param([{"match": EVENT, "action": "drop_event", "probability": 0.2}], id="f04-dropped"),
    ],
)
def test_f33_order_events_that_come_twice_late_in_any_order_or_never_change_nothing(
    start_venue: Any, make_supervisor: Any, faults: list[dict[str, Any]]
) -> None:
    venue = start_venue(SYMBOLS)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets())), execution={"reconcile_interval": 3}).start()
    supervisor.wait_trading(SYMBOLS)
    for fault in faults:
        venue.admin("POST", "/faults", fault)
    supervisor.wait_fills(150)
    venue.admin("DELETE", "/faults")
    settled(supervisor.database_url, venue)
    assert sum(venue.stats()["faults"].values()) > 50
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.counters().restarts == 0


@pytest.mark.timeout(120)
def test_f06_a_revoked_listen_key_within_a_burst_of_fills_loses_none(trading: Any) -> None:
    venue, supervisor = trading

    def expire() -> None:
        assert venue.admin("POST", f"/accounts/{KEY}/listen-key/expire")["expired"]

    burst(venue, "-1.5", expire, 20)
    settled(supervisor.database_url, venue)
    venue.resume()
    burst(venue, "1.5", lambda: None, 20)
    settled(supervisor.database_url, venue)
    wait_until(lambda: supervisor.status().accounts[0].orders_stream_up, "the order stream up again")
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.counters().restarts == 0
