"""SIGKILL at failpoints of every kind of operation, one after the other: each ends after restarts, and once.

With `OPENSQT_TEST_LONG=1` at every failpoint of each kind on both runners and both databases, which takes long;
otherwise where a step is done and not recorded, on the tables, and on DBOS for the two kinds that move money.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
import yaml
from support.accounting import openings, registry_rows
from support.processes import Supervisor, VenueProcess, added, pb, registry_pb2, tail, wait_until

from opensqt_actors.app.shard_lock import shard_processes
from opensqt_actors.runtime.failpoints import VARIABLE
from opensqt_actors.storage import Database

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LONG = bool(os.environ.get("OPENSQT_TEST_LONG"))
POINTS = ("operation.before_step", "operation.after_step", "operation.step_recorded")
SHORT = POINTS[1:2]
ENGINES = ["simple", "durable"]
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
SHORT_RUNS: dict[str, set[str] | None] = {
    "simple-sqlite": None,
    "durable-sqlite": {"test_flatten", "test_remove_and_close"},
    "durable-postgresql": {"test_flatten"},
}
"""The kinds that run without OPENSQT_TEST_LONG, by runner and database; None is every kind."""
SYMBOLS = ["BTCUSDT", "ETHUSDT"]
NEW = "SOLUSDT"
KEY = "the-command-1"


class Story:
    """A supervisor that is killed at one point after the other of one operation."""

    def __init__(self, venue: VenueProcess, supervisor: Supervisor) -> None:
        self.venue = venue
        self.supervisor = supervisor
        self.deaths: list[str] = []

    def run(self, point: str) -> Story:
        """Start, to die where `point` says; "": nowhere."""
        self.supervisor.environment[VARIABLE] = point
        self.supervisor.start()
        return self

    def dies(self, point: str) -> None:
        """The process has died of its failpoint."""
        code = self.supervisor.wait(60)
        assert code == -9, f"{point}: ended with {code}\n{tail(self.supervisor.log)}"
        self.deaths.append(point)

    def asks(self, method: str, request: Any) -> None:
        """Ask for it; the answer may be lost with the process."""
        try:
            self.supervisor.ask(method, request)
        except grpc.RpcError as error:
            assert error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}, error  # noqa: PT017

    def operation(self, key: str = KEY) -> pb.GetOperationResponse | None:
        """What is written down of it; None while nobody answers."""
        assert self.supervisor.process is not None
        assert self.supervisor.process.poll() is None, tail(self.supervisor.log)
        try:
            answer: pb.GetOperationResponse = self.supervisor.ask("GetOperation", pb.GetOperationRequest(key=key))
        except grpc.RpcError as error:
            if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                return None
            raise
        return answer

    def ended(self, key: str = KEY) -> pb.GetOperationResponse:
        """The same, once it has ended."""

        def look() -> pb.GetOperationResponse | None:
            found = self.operation(key)
            return found if found and found.operation.state != pb.OPERATION_STATE_RUNNING else None

        found = wait_until(look, f"the end of {key}", 90)
        assert found is not None
        return found

    def killed_all_along(
        self,
        method: str,
        request: Any,
        steps: list[str],
        before: Callable[[], Any] | None = None,
        trading: int = len(SYMBOLS),
    ) -> pb.GetOperationResponse:
        """Die before it is written down, then around every step and its record, and before its end.

        Each life but the first two finds it written down and begins by itself. before: what has to be so at first.
        """
        self.run("operation.asked")
        self.supervisor.wait_trading(trading)
        if before is not None:
            wait_until(before, "what the operation is about")
        self.asks(method, request)
        self.dies("operation.asked")
        self.run("operation.begun")
        wait_until(self.supervisor.status, "the supervisor")
        assert self._unknown()
        self.asks(method, request)
        self.dies("operation.begun")
        for _ in steps:
            for point in POINTS if LONG else SHORT:
                self.run(point)
                self.dies(point)
        self.run("operation.ended")
        self.dies("operation.ended")
        self.run("")
        answer = self.ended()
        assert [step.name for step in answer.steps] == steps
        return answer

    def _unknown(self) -> bool:
        try:
            self.supervisor.ask("GetOperation", pb.GetOperationRequest(key=KEY))
        except grpc.RpcError as error:
            return bool(error.code() is grpc.StatusCode.NOT_FOUND)
        return False

    def holds(self) -> bool:
        """Whether BTCUSDT holds something and has orders."""
        return "BTCUSDT" in self.venue.account()["positions"] and bool(self.venue.open_orders(symbol="BTCUSDT"))

    def again(self, method: str, request: Any, response: pb.GetOperationResponse) -> None:
        """Asked again with its key it is not done again: what came of it is told, and nothing runs."""
        assert self.supervisor.ask(method, request).sentence == response.operation.sentence
        assert not self.supervisor.ask("ListOperations", pb.ListOperationsRequest(running_only=True)).operations

    def clean(self) -> None:
        """Nothing was done twice that must not be."""
        assert self.venue.stats().get("duplicates", 0) == 0
        assert self.supervisor.counters().illegal_transitions == 0


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, engine: str) -> dict[str, Any]:
    """Sections of the configuration."""
    kinds = SHORT_RUNS.get(f"{engine}-{request.param}", set())
    if not LONG and kinds is not None and request.node.originalname not in kinds:
        pytest.skip("takes a minute: set OPENSQT_TEST_LONG=1")
    return {} if request.param == "sqlite" else {"database": {"url": request.getfixturevalue("postgres_database")}}


Begin = Callable[..., Story]


@pytest.fixture
def begin(start_venue: Any, make_supervisor: Any, engine: str, database: dict[str, Any]) -> Iterator[Begin]:
    """A venue whose prices move, and a supervisor that is not started yet."""
    stories: list[Story] = []

    def made(**sections: Any) -> Story:
        venue = start_venue(3)
        # prices do what they like, and the machine may be slow
        never = {"max_losses": 0, "max_drawdown_percent": 0, "max_error_rate": 0, "max_latency": 0, "stale_after": 0}
        risk = {"breaker": never, "global_breaker": never}
        supervisor = make_supervisor(
            venue, [{"symbol": name} for name in SYMBOLS], engine=engine, risk=risk, **database, **sections
        )
        stories.append(Story(venue, supervisor))
        return stories[-1]

    yield made
    for story in stories:
        story.supervisor.stop()
        for _, pid in shard_processes(story.supervisor.state):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(600)
def test_pause(begin: Begin) -> None:
    story = begin()
    request = pb.PauseSymbolRequest(symbol="BTCUSDT", operation_key=KEY)
    answer = story.killed_all_along("PauseSymbol", request, ["pause", "rest"])
    assert answer.operation.state == pb.OPERATION_STATE_DONE
    assert "BTCUSDT is paused" in answer.operation.sentence
    story.supervisor.wait_state("BTCUSDT", registry_pb2.SYMBOL_STATE_PAUSED)
    wait_until(lambda: not openings(story.venue, "BTCUSDT"), "no openings")
    story.again("PauseSymbol", request, answer)
    story.supervisor.ask("ResumeSymbol", pb.ResumeSymbolRequest(symbol="BTCUSDT", operation_key="back"))
    assert story.ended("back").operation.state == pb.OPERATION_STATE_DONE
    # the pause is over: to ask for it again under its old key changes nothing
    story.again("PauseSymbol", request, answer)
    assert story.supervisor.rows()["BTCUSDT"].state != registry_pb2.SYMBOL_STATE_PAUSED
    story.clean()


@pytest.mark.timeout(600)
def test_resume(begin: Begin) -> None:
    story = begin()

    def paused() -> bool:
        story.supervisor.ask("PauseSymbol", pb.PauseSymbolRequest(symbol="BTCUSDT", operation_key="before"))
        return story.supervisor.rows()["BTCUSDT"].state == registry_pb2.SYMBOL_STATE_PAUSED

    story.venue.pause()
    story.run("")
    story.supervisor.wait_trading(len(SYMBOLS), story.venue.stir)
    wait_until(paused, "a pause")
    story.ended("before")  # until then nobody else changes the symbol
    story.supervisor.kill()
    story.venue.resume()
    request = pb.ResumeSymbolRequest(symbol="BTCUSDT", operation_key=KEY)
    answer = story.killed_all_along("ResumeSymbol", request, ["resume", "begin"], trading=len(SYMBOLS) - 1)
    assert answer.operation.state == pb.OPERATION_STATE_DONE
    story.supervisor.wait_trading(len(SYMBOLS))
    wait_until(lambda: openings(story.venue, "BTCUSDT"), "openings")
    story.again("ResumeSymbol", request, answer)
    story.clean()


@pytest.mark.timeout(600)
def test_add(begin: Begin) -> None:
    story = begin()
    request = added(NEW)
    request.operation_key = KEY
    answer = story.killed_all_along("AddSymbol", request, ["check", "add", "begin"])
    assert answer.operation.state == pb.OPERATION_STATE_DONE, answer
    rows = registry_rows(story.supervisor.database_url)
    assert len([row for row in rows if NEW in row]) == 1
    wait_until(lambda: openings(story.venue, NEW), "openings")
    story.again("AddSymbol", request, answer)
    # under another key it is another command, and there is nothing left to do for it
    code, sentence = story.supervisor.refusal("AddSymbol", added(NEW))
    assert code is grpc.StatusCode.ALREADY_EXISTS, sentence
    story.clean()


@pytest.mark.timeout(600)
def test_remove_and_close(begin: Begin) -> None:
    story = begin()
    request = pb.RemoveSymbolRequest(symbol="BTCUSDT", mode=registry_pb2.REMOVE_MODE_FLATTEN, operation_key=KEY)
    steps = ["check", "remove", "leave", "verify"]
    answer = story.killed_all_along("RemoveSymbol", request, steps, story.holds)
    assert answer.operation.state == pb.OPERATION_STATE_DONE, answer
    assert "holds nothing and rests nothing" in answer.operation.sentence
    assert "BTCUSDT" not in story.venue.account()["positions"]
    assert story.venue.open_orders(symbol="BTCUSDT") == []
    assert "BTCUSDT" not in story.supervisor.rows()
    story.again("RemoveSymbol", request, answer)
    story.clean()


@pytest.mark.timeout(600)
def test_flatten(begin: Begin) -> None:
    story = begin()
    request = pb.FlattenSymbolRequest(symbol="BTCUSDT", operation_key=KEY)
    answer = story.killed_all_along("FlattenSymbol", request, ["pause", "close", "verify"], story.holds)
    assert answer.operation.state == pb.OPERATION_STATE_DONE, answer
    assert "BTCUSDT" not in story.venue.account()["positions"]
    assert story.venue.open_orders(symbol="BTCUSDT") == []
    story.supervisor.wait_state("BTCUSDT", registry_pb2.SYMBOL_STATE_PAUSED)
    story.again("FlattenSymbol", request, answer)
    story.supervisor.ask("ResumeSymbol", pb.ResumeSymbolRequest(symbol="BTCUSDT"))
    wait_until(lambda: openings(story.venue, "BTCUSDT"), "openings after it was resumed")
    story.clean()


@pytest.mark.timeout(600)
def test_verify_flat(begin: Begin) -> None:
    story = begin()
    request = pb.VerifyFlatRequest(symbol=NEW, operation_key=KEY)
    answer = story.killed_all_along("VerifyFlat", request, ["verify"])
    assert answer.operation.state == pb.OPERATION_STATE_DONE, answer
    story.again("VerifyFlat", request, answer)


@pytest.mark.timeout(600)
def test_apply_config(begin: Begin) -> None:
    story = begin()

    def changed() -> bool:
        document = yaml.safe_load(story.supervisor.config.read_text())
        document["symbols"] = [{"symbol": name, "buy_window": 4} for name in SYMBOLS]
        story.supervisor.config.write_text(yaml.safe_dump(document))
        return True

    request = pb.ApplyConfigRequest(operation_key=KEY)
    steps = ["check", *(f"{step} main/{name}" for name in SYMBOLS for step in ("change", "settle"))]
    answer = story.killed_all_along("ApplyConfig", request, steps, changed)
    assert answer.operation.state == pb.OPERATION_STATE_DONE, answer
    for name in SYMBOLS:
        assert story.supervisor.describe(name).grid.buy_window == 4
        wait_until(lambda name=name: 0 < len(openings(story.venue, name)) <= 4, f"four levels of {name}")
    story.again("ApplyConfig", request, answer)
    story.clean()


@pytest.mark.timeout(600)
def test_move(begin: Begin) -> None:
    """Two shards, which trade on while their supervisor is killed again and again."""
    story = begin(shards=2, supervision={"shard_alone": 120})
    homes: dict[str, str] = {}

    def elsewhere() -> bool:
        rows = {row["symbol"]: row["shard"] for row in placed(story.supervisor.database_url)}
        homes["to"] = f"shard-{1 - rows['BTCUSDT']}"
        request.shard_id = homes["to"]
        return True

    request = pb.MoveSymbolRequest(symbol="BTCUSDT", operation_key=KEY)
    answer = story.killed_all_along("MoveSymbol", request, ["check", "place", "arrive"], elsewhere)
    assert answer.operation.state == pb.OPERATION_STATE_DONE, answer
    assert homes["to"] in answer.operation.sentence
    rows = {row["symbol"]: row["shard"] for row in placed(story.supervisor.database_url)}
    assert f"shard-{rows['BTCUSDT']}" == homes["to"]
    story.supervisor.wait_trading(len(SYMBOLS))
    story.again("MoveSymbol", request, answer)
    story.clean()


@pytest.mark.timeout(300)
def test_closed_on_shards_the_venue_is_asked_after_each_way_of_closing(begin: Begin, engine: str) -> None:
    """No kills: the questions and answers cross between processes."""
    story = begin(shards=2, supervision={"shard_alone": 120}).run("")
    story.supervisor.wait_trading(len(SYMBOLS))
    wait_until(story.holds, "a position")
    story.supervisor.ask("FlattenSymbol", pb.FlattenSymbolRequest(symbol="BTCUSDT", operation_key=KEY))
    assert "says the venue" in story.ended().operation.sentence
    story.supervisor.ask("EmergencyExit", pb.EmergencyExitRequest(account="main", reason="a test"))

    def verified() -> list[str]:
        found = story.supervisor.ask("ListOperations", pb.ListOperationsRequest()).operations
        return [one.sentence for one in found if one.kind == "verify_flat" and one.state == pb.OPERATION_STATE_DONE]

    assert wait_until(verified, "the venue's word") == ["main holds nothing and rests nothing, says the venue"]
    assert story.venue.account()["positions"] == {}
    assert story.venue.open_orders() == []


def placed(url: str) -> list[dict[str, Any]]:
    """Symbols and their shards as the registry has them."""
    database = Database(url, create=False)
    try:
        with database.read() as connection:
            rows = connection.exec_driver_sql("select symbol, shard from symbols").mappings()
            return [dict(row) for row in rows]
    finally:
        database.close()
