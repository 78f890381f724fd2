"""Operations over the operators' socket and on the command line: keys, outcomes, lists, and what `--wait` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from opensqt_actors.actors import operator
from opensqt_actors.actors.operations import Ended, Kind, Outcome, Record, StepDone
from opensqt_actors.api.operations import Answer, OperationView
from opensqt_actors.cli.main import run
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb
from opensqt_actors.wire.v1 import orchestrator_pb2_grpc

pytestmark = pytest.mark.integration

NOW = 1_800_000_000_000_000_000
SECOND = 1_000_000_000
ABOUT = {"account": "main", "symbol": "BTCUSDT"}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stub(service: Any) -> Iterator[Any]:
    with grpc.insecure_channel(f"unix:{service.path}") as channel:
        yield orchestrator_pb2_grpc.OrchestratorServiceStub(channel)


@pytest.fixture
def cli(service: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENSQT_SOCKET", str(service.path))

    def called(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return called


def view(key: str, outcome: Outcome | None = None, kind: Kind = Kind.PAUSE) -> OperationView:
    steps = (StepDone("pause", {"done": "it is"}, NOW + SECOND),)
    record = Record(key, kind, ABOUT, NOW, NOW + 2 * SECOND if outcome else 0, outcome, steps)
    return OperationView(record, "" if outcome else "rest", 0 if outcome else NOW + SECOND)


DONE = Outcome(Ended.DONE, "BTCUSDT is paused")
FAILED = Outcome(Ended.FAILED, "its shard does not answer")


@pytest.mark.parametrize(
    ("method", "request_", "asked"),
    [
        ("PauseSymbol", pb.PauseSymbolRequest(symbol="BTCUSDT"), (Kind.PAUSE, ABOUT)),
        ("ResumeSymbol", pb.ResumeSymbolRequest(symbol="BTCUSDT"), (Kind.RESUME, ABOUT)),
        ("FlattenSymbol", pb.FlattenSymbolRequest(symbol="BTCUSDT"), (Kind.FLATTEN, ABOUT)),
        (
            "MoveSymbol", pb.MoveSymbolRequest(symbol="BTCUSDT", shard_id="shard-1"),
            (Kind.MOVE, {**ABOUT, "shard": "shard-1"}),
        ),
        ("RemoveSymbol", pb.RemoveSymbolRequest(symbol="BTCUSDT"), (Kind.REMOVE, {**ABOUT, "mode": "graceful"})),
        ("VerifyFlat", pb.VerifyFlatRequest(), None),
    ],
)  # fmt: skip
def test_a_command_goes_with_its_key_and_comes_back_with_it(
    stub: Any, backend: Any, method: str, request_: Any, asked: tuple[Kind, dict[str, Any]] | None
) -> None:
    if asked is None:
        backend.answers[operator.GetHoldings] = operator.Done("the venue is being asked")
        asked = (Kind.VERIFY_FLAT, {"account": "main", "symbol": ""})
    request_.operation_key = "k-1"
    answer = getattr(stub, method)(request_, timeout=5)
    assert answer.operation_key == "k-1"
    assert answer.sentence
    assert backend.operations.asked == [(asked[0], "k-1", asked[1])]


def test_operations_are_listed_and_shown(stub: Any, backend: Any) -> None:
    backend.operations.known = {"a": view("a"), "b": view("b", FAILED), "c": view("c", DONE, Kind.FLATTEN)}
    found = stub.ListOperations(pb.ListOperationsRequest(), timeout=5).operations
    assert [(one.key, one.state, one.step) for one in found] == [
        ("a", pb.OPERATION_STATE_RUNNING, "rest"),
        ("b", pb.OPERATION_STATE_FAILED, ""),
        ("c", pb.OPERATION_STATE_DONE, ""),
    ]
    assert not found[0].HasField("ended_at")
    assert not found[1].HasField("step_since")
    [running] = stub.ListOperations(pb.ListOperationsRequest(running_only=True), timeout=5).operations
    assert running.key == "a"
    shown = stub.GetOperation(pb.GetOperationRequest(key="c"), timeout=5)
    assert (shown.operation.kind, shown.operation.symbol, shown.operation.sentence) == (
        "flatten", "BTCUSDT", "BTCUSDT is paused",
    )  # fmt: skip
    assert json.loads(shown.arguments) == ABOUT
    assert [(step.name, json.loads(step.result)) for step in shown.steps] == [("pause", {"done": "it is"})]
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetOperation(pb.GetOperationRequest(key="nosuch"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_list_says_where_each_operation_stands(cli: Run, backend: Any) -> None:
    backend.operations.known = {"a": view("a"), "b": view("b", FAILED)}
    code, out, _ = cli("operations", "list")
    assert code == 0
    assert "at 'rest' since 2027-01-15T08:00:01" in " ".join(out.split())
    assert "its shard does not answer" in " ".join(out.split())
    document = json.loads(cli("operations", "list", "--running", "--json")[1])
    assert [(line["key"], line["state"], line["step"], line["ended_at"]) for line in document] == [
        ("a", "running", "rest", None)
    ]


def test_one_is_shown_with_its_steps(cli: Run, backend: Any) -> None:
    backend.operations.known = {"b": view("b", FAILED)}
    code, out, _ = cli("operations", "show", "b")
    assert code == 0
    assert 'pause: {"done": "it is"}' in out
    assert "failed: its shard does not answer" in out
    assert json.loads(cli("operations", "show", "b", "--json")[1])["steps"][0]["name"] == "pause"
    assert cli("operations", "show", "b", "--wait")[0] == 1
    assert cli("operations", "show", "nosuch")[0] == 2


def test_waiting_ends_with_the_outcome_or_with_the_time(cli: Run, backend: Any) -> None:
    known = backend.operations.known
    known["k"] = view("k", DONE)
    code, out, _ = cli("symbols", "flatten", "BTCUSDT", "--yes", "--wait", "--key", "k")
    assert (code, out) == (0, "BTCUSDT is paused\n")
    known["k"] = view("k", FAILED)
    code, _, err = cli("symbols", "flatten", "BTCUSDT", "--yes", "--wait", "--key", "k")
    assert (code, err) == (1, "its shard does not answer\n")
    known["k"] = view("k")
    code, _, err = cli("symbols", "flatten", "BTCUSDT", "--yes", "--wait", "--key", "k", "--timeout", "0.6")
    assert code == 5
    assert "still at 'rest'" in err


def test_closing_a_market_wants_a_confirmation(cli: Run, backend: Any) -> None:
    code, _, err = cli("symbols", "flatten", "BTCUSDT")
    assert (code, "--yes" in err) == (1, True)
    assert backend.operations.asked == []


def test_what_a_changed_file_leaves_out_is_told_beside_what_it_does(cli: Run, backend: Any) -> None:
    code, out, err = cli("config", "apply")
    assert (code, out, err) == (0, "2 symbols take changed settings up\n", "SOLUSDT is not traded\n")
    document = json.loads(cli("config", "apply", "--json")[1])
    assert (document["operation"], document["notes"]) == ("apply-1", ["SOLUSDT is not traded"])


def test_a_file_that_cannot_be_applied_is_an_error_with_its_sentences(cli: Run, backend: Any) -> None:
    backend.operations.applied = Answer("", operator.Refusal("invalid", "line 3: amount: no\nline 4: skew: no"))
    code, out, err = cli("config", "apply", "--wait")
    assert (code, out, err) == (1, "", "line 3: amount: no\nline 4: skew: no\n")


def test_an_emergency_exit_waits_for_no_operation(stub: Any, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> Answer:
        raise AssertionError("operations were asked")

    for name in ("perform", "apply", "records", "show"):
        monkeypatch.setattr(backend.operations, name, away)
    answer = stub.EmergencyExit(pb.EmergencyExitRequest(reason="now"), timeout=5)
    assert answer.sentence == "EmergencyExit main: now"
