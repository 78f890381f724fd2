"""Failure catalogue, the way to the venue: silence, pauses, wrong clocks, a cut network, and what it all costs.

One supervisor, whose connections pass a link that a scenario can cut.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.link import Link
from support.processes import VenueProcess, pb, wait_until
from support.scrape import free_port, scrape
from support.stage import GRID, WINDOW, Hire, Stage

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]

FIRST, SECOND, THIRD = NAMES = ["BCHUSDT", "ETCUSDT", "INJUSDT"]
TRADE_UPDATE = {"event": "ORDER_TRADE_UPDATE"}
PAUSE = 2
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def link(venue: VenueProcess) -> Iterator[Link]:
    """Between the supervisor and the venue; the tests' own way to it is another one."""
    link = Link(venue.port)
    yield link
    link.close()


@pytest.fixture(scope="module")
def metrics_port() -> int:
    """One that is free now."""
    return free_port()


@pytest.fixture(scope="module")
def stage(link: Link, hire: Hire, metrics_port: int) -> Stage:
    """Ladders of three markets; silence is noticed after 3 s, and books are compared as often. It ends first."""
    return hire(
        "sim-cut-off",
        NAMES,
        port=link.port,
        defaults=GRID | {"max_position": 100_000, "max_open_orders": 200},
        execution={"stale_after": 3, "reconcile_interval": 3},
        telemetry={"metrics_port": metrics_port},
    )


@pytest.fixture(autouse=True)
def calm(venue: VenueProcess) -> Iterator[None]:
    """Nothing is left of a scenario's faults."""
    yield
    venue.admin("DELETE", "/faults")
    venue.admin("DELETE", "/sockets/silence")
    venue.admin("DELETE", "/ban")
    venue.admin("POST", "/clock", {"skew_ms": 0})


def why(stage: Stage, name: str) -> str:
    """What keeps a market from opening, as operators read it."""
    return "; ".join(gate.sentence for gate in stage.describe(name).gates)


def requests(stage: Stage) -> int:
    """How many requests the venue has answered so far, whatever it said."""
    return sum(stage.venue.stats()["requests"].values())


def refusals(stage: Stage) -> int:
    """How many requests of all kinds were refused for what they said."""
    return int(stage.venue.stats()["statuses"].get("400", 0))


def fault(stage: Stage, action: str, match: dict[str, Any], **more: Any) -> str:
    """Something goes wrong on the account; the fault's id."""
    match = match | {"account": stage.venue.key}
    return str(stage.venue.admin("POST", "/faults", {"action": action, "match": match, **more})["id"])


def whole(stage: Stage) -> None:
    """All is well again: every level that should have an order has one, an opening or the exit of another level."""
    for name in NAMES:
        wait_until(
            lambda n=name: stands(stage, n) or stage.stir(n), f"the ladder of {name}, once its price is heard of"
        )
    stage.settled()


def stands(stage: Stage, name: str) -> bool:
    """Whether openings rest, and no level but the centre is without an order."""
    return bool(stage.buys(name)) and {slot.reason.code for slot in stage.bare(name).values()} <= {"centre"}


def test_f05_f07_streams_that_fall_silent_are_noticed_made_good_for_and_replaced(
    stage: Stage, venue: VenueProcess
) -> None:
    """The order stream is deaf, and one market on a socket that serves three: no error, no data, open connections."""
    keys = venue.stats()["requests"]["POST /fapi/v1/listenKey 200"]
    told = len(stage.said("price.stale"))
    assert venue.admin("POST", "/sockets/silence", {"kind": "market", "symbols": [FIRST]})["silenced"]
    assert venue.admin("POST", "/sockets/silence", {"kind": "user"})["silenced"]
    held = stage.held(SECOND)
    filled = {stage.key(order).level: Decimal(order["origQty"]) for order in stage.fill_down(SECOND, 2)}
    wait_until(lambda: stage.held(SECOND) == held | filled, "the fills that nobody told booked all the same")
    wait_until(lambda: not stage.buys(FIRST), "no openings without prices")
    assert "no frame" in why(stage, FIRST)
    assert stage.buys(THIRD)
    found = stage.said("price.stale")[told:]
    assert len(found) == 1
    assert FIRST in found[0]
    wait_until(lambda: stage.venue.move(FIRST, "0.02") or stage.buys(FIRST), "prices on another connection")
    wait_until(lambda: venue.stats()["requests"]["POST /fapi/v1/listenKey 200"] > keys, "another order stream")
    wait_until(lambda: stage.supervisor.status().accounts[0].orders_stream_up, "it is up")
    whole(stage)


@pytest.mark.parametrize("banned", [False, True], ids=["429", "418"])
def test_f08_nothing_is_requested_while_the_venue_wants_a_pause_and_cancels_come_first(
    stage: Stage, venue: VenueProcess, banned: bool
) -> None:
    code = "venue.banned" if banned else "venue.throttled"
    told, before = len(stage.said(code)), venue.stats()
    if banned:
        venue.admin("POST", "/ban", {"seconds": PAUSE})
    else:
        error = {"http_status": 429, "code": -1003, "msg": "Too many requests.", "retry_after": PAUSE, "count": 1}
        fault(stage, "error", {"method": "POST", "symbol": FIRST}, **error)
    stage.venue.move(FIRST, "0.45")
    wait_until(lambda: len(stage.said(code)) > told, "the pause told")
    since = time.monotonic()
    exits = len(stage.exits(SECOND))
    stage.fill_down(SECOND, 1)
    goes = {order["clientOrderId"] for order in stage.buys(THIRD)}
    assert goes
    stage.supervisor.ask("PauseSymbol", pb.PauseSymbolRequest(account=stage.account, symbol=THIRD))
    wait_until(lambda: time.monotonic() > since + PAUSE * 0.2, "the answers to what was on its way already")
    quiet = requests(stage)
    wait_until(lambda: time.monotonic() > since + PAUSE * 0.8, "most of the pause")
    assert requests(stage) == quiet
    assert {order["clientOrderId"] for order in stage.buys(THIRD)} == goes
    wait_until(lambda: len(stage.exits(SECOND)) == exits + 1 and not stage.buys(THIRD), "the exit and the cancels")
    orders = stage.venue.orders()
    cancelled = [order["updateTime"] for order in orders if order["clientOrderId"] in goes]
    placed = [order["time"] for order in orders if order["side"] == "SELL" and order["symbol"] == SECOND]
    assert min(cancelled) <= max(placed)
    assert len(stage.said(code)) == told + 1
    assert venue.stats()["banned_requests"] - before["banned_requests"] <= (3 if banned else 0)
    stage.resume(THIRD)
    whole(stage)


@pytest.mark.parametrize("skew", [5_000, -5_000])
def test_f21_a_clock_that_goes_wrong_while_trading_is_measured_and_nothing_is_doubled(
    stage: Stage, venue: VenueProcess, skew: int
) -> None:
    before = refusals(stage)
    for ms in (skew, 0):
        venue.admin("POST", "/clock", {"skew_ms": ms})
        top = Decimal(stage.buys(FIRST)[0]["price"])
        stage.venue.move(FIRST, "0.45")
        wait_until(lambda top=top: Decimal(stage.buys(FIRST)[0]["price"]) > top, "the ladder moved up")
    whole(stage)
    assert 0 < refusals(stage) - before <= 2 * WINDOW


def test_f35_after_the_network_was_away_the_venues_view_comes_before_the_first_new_order(
    stage: Stage, link: Link
) -> None:
    """Orders are on their way when the network goes; some fill meanwhile; and when it is back the view is missing."""
    held = stage.held(SECOND)
    top = Decimal(stage.buys(FIRST)[0]["price"])
    slow = fault(stage, "delay", {"method": "POST", "symbol": FIRST}, ms=300)
    stage.venue.move(FIRST, "0.45")
    wait_until(lambda: stage.hits(slow), "an order on its way")
    link.cut()
    wait_until(lambda: Decimal(stage.buys(FIRST)[0]["price"]) > top, "its arrival, of which nobody hears")
    stage.forgive(slow)
    filled = {stage.key(order).level: Decimal(order["origQty"]) for order in stage.fill_down(SECOND, 2)}
    wait_until(lambda: "order stream" in why(stage, SECOND), "the cut noticed")
    stage.venue.move(THIRD, "0.9")
    blind = fault(stage, "error", {"path": "/fapi/v1/openOrders"})
    placed = {order["clientOrderId"] for order in stage.venue.orders()}
    link.mend()
    wait_until(lambda: stage.hits(blind) >= 2 * len(NAMES), "the view asked for, in vain")
    assert {order["clientOrderId"] for order in stage.venue.orders()} == placed
    stage.forgive(blind)
    wait_until(lambda: stage.held(SECOND) == held | filled, "what filled meanwhile booked")
    whole(stage)
    assert stage.supervisor.counters().restarts == 0


def test_f21_f22_a_start_with_a_wrong_clock_books_each_fill_once_and_opens_nothing(
    stage: Stage, venue: VenueProcess
) -> None:
    """Fills are told twice and more, before and after a kill; the clock is wrong when the process is back."""
    fault(stage, "duplicate_event", TRADE_UPDATE)
    before = len(stage.fills_of(THIRD))
    stage.fill_down(THIRD, 3)
    wait_until(lambda: len(stage.exits(THIRD)) >= 3, "exits")
    stage.supervisor.kill()
    stage.fill_down(THIRD, 1)
    venue.admin("POST", "/clock", {"skew_ms": 5_000})
    stage.supervisor.start()
    wait_until(stage.supervisor.rows, "an answer")
    wait_until(lambda: stage.stir(*NAMES) or "clock" in stage.row(THIRD).why, "the gate")
    wait_until(lambda: len(stage.exits(THIRD)) == len(stage.held(THIRD)), "the exits all the same")
    assert len(stage.fills_of(THIRD)) == before + 4
    wait_until(lambda: not any(stage.buys(name) for name in NAMES), "the openings of before cancelled")
    venue.admin("POST", "/clock", {"skew_ms": 0})
    stage.wait_trading(*NAMES)
    whole(stage)


def test_f23_nothing_grows_while_things_go_wrong_again_and_again(
    stage: Stage, link: Link, venue: VenueProcess, metrics_port: int
) -> None:
    """What a process holds after many rounds of faults is what it held after a few."""
    for action in ("duplicate_event", "reorder_events"):
        fault(stage, action, TRADE_UPDATE, probability=0.3)
    sizes = []
    for rounds in (3, 6):
        for _ in range(rounds):
            round_of_faults(stage, venue)
        whole(stage)
        sizes.append(measured(stage, link, metrics_port))
    early, late = sizes
    assert late["journal_pending"] == late["budget_waiting"] == late["log_lines_dropped"] == 0
    assert late["files"] <= early["files"] + 2
    # A few more requests at once leave a few more connections in the pool; one that every round leaves is too many.
    assert 0 < late["connections"] < early["connections"] + rounds
    assert late["threads"] <= early["threads"] + 2
    assert late["slots"] <= early["slots"] + WINDOW
    assert late["memory"] <= early["memory"] + 8 * MEGABYTE


def round_of_faults(stage: Stage, venue: VenueProcess) -> None:
    """All markets fall and rise by more than a level while every socket is cut off."""
    for percent in ("-1", "1.1"):
        for name in NAMES:
            stage.venue.move(name, percent)
        venue.admin("POST", "/sockets/reset", {"kind": "all"})
    # a supervisor that has just started may not know of its account yet
    wait_until(
        lambda: any(row.orders_stream_up for row in stage.supervisor.status().accounts), "the order stream up again"
    )


def measured(stage: Stage, link: Link, port: int) -> dict[str, float]:
    """What the process holds: by its metrics, and by the system's account of it.

    connections: those to the venue; files: everything else that is open, other sockets included.
    """
    told = scrape(port)
    found = {
        name: told[f"opensqt_{name}"] for name in ("journal_pending", "budget_waiting", "log_lines_dropped", "slots")
    }
    assert stage.supervisor.process is not None
    process = Path(f"/proc/{stage.supervisor.process.pid}")
    status = (process / "status").read_text()
    found["memory"] = 1024 * float(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]
    found["threads"] = float(re.search(r"Threads:\s+(\d+)", status)[1])  # type: ignore[index]
    running = psutil.Process(stage.supervisor.process.pid)
    peers = [connection.raddr for connection in running.net_connections("tcp") if connection.raddr]
    found["connections"] = float(sum(peer.port == link.port for peer in peers))
    found["files"] = running.num_fds() - found["connections"]
    return found
