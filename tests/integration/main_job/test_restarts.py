"""What an operator has ordered holds over a kill, and a market that was left can be taken up again."""

from __future__ import annotations

import sqlite3
from typing import Any

import grpc
import pytest
from support.accounting import exit_orders, openings, settled, unjournalled
from support.processes import KEY, added, mixed, pb, registry_pb2, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SYMBOLS = 8


@pytest.fixture
def trading(start_venue: Any, make_supervisor: Any) -> Any:
    """A venue, a supervisor with something held in every market, and the markets' names."""
    venue = start_venue(SYMBOLS)
    names = sorted(venue.markets())
    symbols = [entry | {"mode": "long"} for entry in mixed(names)]
    supervisor = make_supervisor(venue, symbols).start()
    supervisor.wait_trading(SYMBOLS)
    for name in names:
        wait_until(lambda name=name: exit_orders(venue, name) or venue.move(name, "-0.3"), f"an exit of {name}")
    return venue, supervisor, names


def holding(venue: Any, name: str) -> None:
    """Let a market stand still at a price at which something is held."""
    venue.pause(name)
    wait_until(lambda: exit_orders(venue, name) or venue.move(name, "-0.3"), f"an exit of {name}")


def again(supervisor: Any) -> None:
    supervisor.kill()
    supervisor.start()
    wait_until(supervisor.rows, "an answer after the kill")


@pytest.mark.timeout(150)
def test_removals_are_finished_and_a_pause_is_kept_after_a_kill(trading: Any) -> None:
    venue, supervisor, names = trading
    flatten, leave, graceful, paused = names[:4]
    holding(venue, leave)
    for name, mode in (
        (flatten, registry_pb2.REMOVE_MODE_FLATTEN),
        (leave, registry_pb2.REMOVE_MODE_LEAVE),
        (graceful, registry_pb2.REMOVE_MODE_GRACEFUL),
    ):
        supervisor.ask("RemoveSymbol", pb.RemoveSymbolRequest(symbol=name, mode=mode))
    supervisor.ask("PauseSymbol", pb.PauseSymbolRequest(symbol=paused))
    again(supervisor)
    supervisor.wait_gone(flatten)
    supervisor.wait_gone(leave)
    supervisor.wait_state(paused, registry_pb2.SYMBOL_STATE_PAUSED)
    wait_until(lambda: not openings(venue, graceful) and not openings(venue, paused), "no openings")
    wait_until(lambda: graceful not in supervisor.rows() or venue.move(graceful, "1"), f"{graceful} sold out and gone")
    positions = venue.account()["positions"]
    assert flatten not in positions
    assert graceful not in positions
    assert leave in positions
    assert venue.open_orders(symbol=leave) == []
    again(supervisor)
    supervisor.wait_state(paused, registry_pb2.SYMBOL_STATE_PAUSED)
    assert set(supervisor.rows()) == set(names[3:])
    supervisor.ask("ResumeSymbol", pb.ResumeSymbolRequest(symbol=paused))
    wait_until(lambda: openings(venue, paused), "openings again")
    settled(supervisor.database_url, venue, exits=False)
    assert supervisor.counters().illegal_transitions == 0


@pytest.mark.timeout(120)
def test_a_market_that_was_left_is_taken_up_again_with_what_it_holds(trading: Any) -> None:
    venue, supervisor, (name, *_) = trading
    holding(venue, name)
    supervisor.ask("RemoveSymbol", pb.RemoveSymbolRequest(symbol=name, mode=registry_pb2.REMOVE_MODE_LEAVE))
    supervisor.wait_gone(name)
    held = venue.account()["positions"][name]["amount"]
    assert venue.open_orders(symbol=name) == []
    venue.resume(name)
    supervisor.add(name)
    supervisor.wait_state(name, registry_pb2.SYMBOL_STATE_TRADING)
    wait_until(lambda: exit_orders(venue, name) and openings(venue, name), "exits for what is held, and openings")
    assert held != "0"
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0


@pytest.mark.timeout(120)
def test_f17_f26_a_position_of_somebody_else_is_a_reason_to_refuse_and_stays_untouched(
    start_venue: Any, make_supervisor: Any
) -> None:
    venue = start_venue(3)
    name = "SOLUSDT"
    venue.admin("POST", f"/accounts/{KEY}/orders", {"symbol": name, "side": "BUY", "quantity": "2"})
    supervisor = make_supervisor(venue, ["BTCUSDT"], defaults={"amount": 60}).start()
    supervisor.wait_trading(1)
    supervisor.add(name)
    supervisor.wait_state(name, registry_pb2.SYMBOL_STATE_REFUSED)
    assert "position" in supervisor.rows()[name].why
    assert venue.open_orders(symbol=name) == []
    assert venue.account()["positions"][name]["amount"].rstrip("0").rstrip(".") == "2"
    code, _ = supervisor.refusal("AddSymbol", added(name))
    assert code is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.timeout(120)
def test_f22_a_locked_database_stops_openings_but_nothing_else_and_trading_resumes_by_itself(trading: Any) -> None:
    venue, supervisor, names = trading
    with sqlite3.connect(supervisor.database_url.removeprefix("sqlite:///"), isolation_level=None) as locker:
        locker.execute("begin immediate")
        before = venue.account()["fills"]
        for name in names:
            venue.move(name, "-0.6")
        wait_until(lambda: venue.account()["fills"] > before, "fills while nothing can be written")
        wait_until(lambda: away(supervisor), "the outage noticed")
        assert unjournalled(supervisor.database_url, venue) == set()
        locker.execute("rollback")
    supervisor.wait_fills(20)
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0


def away(supervisor: Any) -> bool:
    """Whether an operator was told that the journal cannot be written."""
    request = pb.SubscribeEventsRequest(latest=100, past_only=True)
    return any(event.event.code == "journal.away" for event in supervisor.ask("SubscribeEvents", request))
