"""Failure catalogue, the database server: it is stopped while symbols trade on it, and started again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import grpc
import pytest
from support.accounting import unjournalled
from support.postgres import Server, programs
from support.processes import pb, wait_until
from support.stage import WINDOW, Hire, Stage

from opensqt_actors.domain.ids import decode

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(150)]

FELL, PAUSED = NAMES = ["FILUSDT", "RUNEUSDT"]


@pytest.fixture(scope="module")
def server(postgres_url: str) -> Iterator[Server]:
    """Of this scenario alone; where the tests have a PostgreSQL server, its programs are installed, too."""
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL server is installed here, only one that is elsewhere")
    server = Server(folder, "opensqt")
    yield server
    server.close()


@pytest.fixture(scope="module")
def stage(server: Server, hire: Hire) -> Stage:
    """Ladders of two markets, journalled on that server."""
    return hire("sim-stored", NAMES, database={"url": server.url})


def test_f34_with_the_server_stopped_cancels_leave_and_openings_do_not_until_it_is_back(
    stage: Stage, server: Server
) -> None:
    known = {order["clientOrderId"] for order in stage.venue.orders()}
    server.stop()
    filled = {stage.key(order).level: Decimal(order["origQty"]) for order in stage.fill_down(FELL, 2)}
    wait_until(lambda: stage.said("journal.away"), "the outage told")
    wait_until(lambda: stage.held(FELL) == filled, "the fills taken")
    request = pb.PauseSymbolRequest(account=stage.account, symbol=PAUSED)
    code, sentence = stage.supervisor.refusal("PauseSymbol", request)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "could not be written down" in sentence
    assert len(stage.buys(PAUSED)) == WINDOW
    stage.supervisor.ask("TripBreaker", pb.TripBreakerRequest(account=stage.account, symbol=PAUSED, reason="a drill"))
    wait_until(lambda: not stage.buys(PAUSED), "cancels, although nothing can be written")
    stage.supervisor.ask("ResetBreaker", pb.ResetBreakerRequest(account=stage.account, symbol=PAUSED, reason="over"))
    wait_until(lambda: "intent could not be written" in reasons(stage, PAUSED), "levels that say why")
    new = [decode(order["clientOrderId"]) for order in stage.venue.orders() if order["clientOrderId"] not in known]
    assert [key for key in new if key is not None and key.kind.opens] == []
    server.start()
    wait_until(lambda: stage.said("journal.back"), "its return told")
    for name in NAMES:
        wait_until(lambda n=name: len(stage.buys(n)) == WINDOW, f"the ladder of {name} again")
    assert len(stage.said("journal.away")) == len(stage.said("journal.back")) == 1
    assert unjournalled(stage.supervisor.database_url, stage.venue) == set()
    stage.settled()
    assert stage.supervisor.counters().restarts == 0


def reasons(stage: Stage, name: str) -> str:
    """Why levels have no orders, all in one text."""
    slots: list[Any] = list(stage.bare(name).values())
    return "; ".join(slot.reason.sentence for slot in slots)
