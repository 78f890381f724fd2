"""Failure catalogue, those who watch: deaf listeners, grids that rest nothing, changes that cannot be saved.

The log of this supervisor goes into a pipe that nobody reads, from the first line to the last.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.accounting import registry_rows
from support.processes import added, pb, registry_pb2, wait_until
from support.scrape import free_port, scrape
from support.stage import GRID, WINDOW, Hire, Stage

from opensqt_actors.config.paths import DATABASE_NAME, socket_path
from opensqt_actors.wire.v1.orchestrator_pb2_grpc import OrchestratorServiceStub

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]

HEARD, IDLE, NEW = "SUIUSDT", "OPUSDT", "SEIUSDT"
HANGING = 20
PATIENCE = 5
LONG = "so that there is much to tell, " * 6
STRATEGY = '''"""A grid at fault: it knows what should rest, and asks for nothing."""
from opensqt_actors.domain.grid import Grid


class Idle(Grid):
    def decide(self, *arguments):
        return super().decide(*arguments)._replace(places=())
'''


@pytest.fixture(scope="module")
def metrics_port() -> int:
    """One that is free now."""
    return free_port()


@pytest.fixture(scope="module")
def stage(hire: Hire, tmp_path_factory: pytest.TempPathFactory, metrics_port: int) -> Stage:
    """A ladder, and a market whose strategy is idle."""
    folder = tmp_path_factory.mktemp("strategy")
    (folder / "idle.py").write_text(STRATEGY)
    about = folder / "idle-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: idle\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[opensqt_actors.strategies]\nidle = idle:Idle\n")
    stage = hire(
        "sim-heard",
        [HEARD],
        others=[{"symbol": IDLE, "strategy": "idle"}],
        environment={"PYTHONPATH": str(folder)},
        unread=True,
        execution={"reconcile_interval": PATIENCE},
        telemetry={"metrics_port": metrics_port},
        defaults=GRID,
    )
    stage.stir(IDLE)
    return stage


# --- F24 -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def deaf(stage: Stage) -> Iterator[Any]:
    """A watcher that asks for all events and reads none until the scenario does."""
    channel = grpc.insecure_channel(f"unix:{socket_path(stage.supervisor.state)}", (("grpc.http2.bdp_probe", 0),))
    yield OrchestratorServiceStub(channel).SubscribeEvents(pb.SubscribeEventsRequest(latest=1), timeout=120)
    channel.close()


@pytest.fixture
def hanging(stage: Stage, metrics_port: int) -> Iterator[None]:
    """Scrapers that begin a request and never end it."""
    scrapers = [socket.create_connection(("127.0.0.1", metrics_port)) for _ in range(HANGING)]
    for scraper in scrapers:
        scraper.sendall(b"GET /metrics HTTP/1.1\r\n")
    yield
    for scraper in scrapers:
        scraper.close()


@pytest.mark.usefixtures("hanging")
def test_f24_who_does_not_read_slows_nothing_and_loses_the_oldest_events_which_are_counted(
    stage: Stage, deaf: Any, metrics_port: int
) -> None:
    """A watcher, a log and scrapers hang while there is more to tell than queues hold: trading goes on meanwhile."""
    first = next(deaf).event.sequence
    trip = pb.TripBreakerRequest(account=stage.account, symbol=IDLE, reason=LONG)
    reset = pb.ResetBreakerRequest(account=stage.account, symbol=IDLE, reason=LONG)
    told = 0
    while not scrape(metrics_port)["opensqt_events_dropped"]:
        for _ in range(100):
            stage.supervisor.ask("TripBreaker", trip)
            stage.supervisor.ask("ResetBreaker", reset)
        told += 200
        assert told < 20_000, "a queue without a bound"
        top = Decimal(stage.laid(HEARD)[0]["price"])
        stage.venue.move(HEARD, "0.45")
        wait_until(lambda top=top: Decimal(stage.laid(HEARD)[0]["price"]) > top, "the ladder moved up", 5)
    last = stage.events("breaker.closed")[-1].sequence
    seen = [first]
    while seen[-1] < last:
        seen.append(next(deaf).event.sequence)
    assert seen == sorted(set(seen))
    assert len(seen) < last - first + 1, "numbers are missing: the watcher knows that it was too slow"
    dropped = scrape(metrics_port)["opensqt_events_dropped"]
    assert len(seen) + dropped == last - first + 1
    stage.settled()


# --- F27 -------------------------------------------------------------------------------------------------------------


def test_f27_a_grid_in_range_with_nothing_at_rest_raises_an_alarm_and_explains_each_level(stage: Stage) -> None:
    found = wait_until(lambda: stage.events("grid.silent", IDLE), "the alarm")
    levels = [level for level, slot in stage.bare(IDLE).items() if slot.reason.code == "due"]
    assert len(levels) == WINDOW
    assert str(min(levels)) in found[0].sentence
    assert "no rule keeps orders away" in found[0].sentence
    assert all(slot.reason.sentence for slot in stage.bare(IDLE).values())
    assert stage.row(IDLE).state == registry_pb2.SYMBOL_STATE_TRADING
    assert stage.events("grid.silent", HEARD) == []
    stage.reconcile(IDLE)
    assert len(stage.events("grid.silent", IDLE)) == 1
    assert [order for order in stage.venue.orders() if order["symbol"] == IDLE] == []


# --- F28 -------------------------------------------------------------------------------------------------------------


def test_f28_a_change_that_cannot_be_saved_is_not_applied_either(stage: Stage) -> None:
    """Somebody holds the registry's file locked: each change is refused whole, and works once it is free."""
    flatten = registry_pb2.REMOVE_MODE_FLATTEN
    changes: list[tuple[str, Any]] = [
        ("PauseSymbol", pb.PauseSymbolRequest(account=stage.account, symbol=HEARD)),
        ("RemoveSymbol", pb.RemoveSymbolRequest(account=stage.account, symbol=HEARD, mode=flatten)),
        ("AddSymbol", added(NEW)),
    ]
    ladder = {order["clientOrderId"] for order in stage.laid(HEARD)}
    rows = registry_rows(stage.supervisor.database_url)
    with locked(stage.supervisor.state / DATABASE_NAME):
        for method, request in changes:
            code, sentence = stage.supervisor.refusal(method, request)
            assert code is grpc.StatusCode.UNAVAILABLE, sentence
            assert "could not be written down" in sentence
        assert {order["clientOrderId"] for order in stage.buys(HEARD)} == ladder
        assert NEW not in stage.supervisor.rows()
    assert registry_rows(stage.supervisor.database_url) == rows
    assert {order["clientOrderId"] for order in stage.buys(HEARD)} == ladder
    wait_until(lambda: saved(stage, *changes[0]), "the same change, saved")
    wait_until(lambda: not stage.buys(HEARD), "and applied")
    assert registry_rows(stage.supervisor.database_url) != rows
    stage.resume(HEARD)
    stage.laid(HEARD)
    stage.settled()
    assert stage.supervisor.terminate() == 0, "with a log that was never read"


class locked:  # noqa: N801 - it reads as the context manager that it is
    """Another process's write lock on an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> None:
        self._connection.execute("begin immediate")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("rollback")
        self._connection.close()


def saved(stage: Stage, method: str, request: Any) -> bool:
    """Whether a change is taken now: the writer may still wait to try again."""
    try:
        stage.supervisor.ask(method, request)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False
    return True
