from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import grpc
import pytest
from msgspec.structs import replace

from opensqt_actors.actors import operator
from opensqt_actors.api.mapping import row_from, settings_to, status_from, symbol_from
from opensqt_actors.api.reconcile_mapping import reconciled_from
from opensqt_actors.domain.settings import GridMode, GridSettings, RemoveMode, SymbolState
from opensqt_actors.wire.v1 import common_pb2, orchestrator_pb2_grpc, registry_pb2
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def stub(service: Any) -> Iterator[Any]:
    with grpc.insecure_channel(f"unix:{service.path}") as channel:
        yield orchestrator_pb2_grpc.OrchestratorServiceStub(channel)


def refused(call: Any, request: Any, timeout: float = 5) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=timeout)
    return caught.value.code(), caught.value.details()


def spec(symbol: str = "SOLUSDT", account: str = "", **grid: Any) -> pb.AddSymbolRequest:
    return pb.AddSymbolRequest(
        spec=registry_pb2.SymbolSpec(account=account, symbol=symbol, grid=registry_pb2.GridSettings(**grid))
    )


def test_what_an_add_does_not_say_comes_from_the_configured_defaults(stub: Any, backend: Any) -> None:
    answer = stub.AddSymbol(spec(mode=registry_pb2.GRID_MODE_SHORT, sell_window=4), timeout=5)
    assert answer.sentence == "SOLUSDT was added on main"
    (asked,) = backend.asked
    assert asked == operator.AddSymbol(
        asked.request,
        "main",
        "SOLUSDT",
        GridSettings(mode=GridMode.SHORT, amount=Decimal(25), interval_percent=Decimal("0.4"), sell_window=4),
    )


def test_a_given_interval_replaces_the_default_of_the_other_kind(stub: Any, backend: Any) -> None:
    stub.AddSymbol(spec(interval=common_pb2.Decimal(value="1.5")), timeout=5)
    grid = backend.asked[0].grid
    assert (grid.interval, grid.interval_percent) == (Decimal("1.5"), None)


def test_every_setting_arrives_as_it_was_sent(stub: Any, backend: Any) -> None:
    grid = GridSettings(
        mode=GridMode.NEUTRAL,
        amount=Decimal("12.5"),
        interval=Decimal("0.25"),
        buy_window=3,
        sell_window=4,
        skew=Decimal("0.01"),
        atr_scale=Decimal("1.5"),
        max_multiple=4,
        volatility_sizing=True,
        max_position=Decimal(500),
        max_open_orders=30,
        anchor=Decimal(42_000),
    )
    request = spec()
    request.spec.grid.CopyFrom(settings_to(grid))
    request.spec.adopt_position = True
    stub.AddSymbol(request, timeout=5)
    assert backend.asked[0].grid == grid
    assert backend.asked[0].adopt is True


@pytest.mark.parametrize("text", ["", "abc", "1e3", "+1", "1.", ".5", "1,5", " 1", "NaN", "1" * 65, "٣"])
def test_what_is_no_plain_decimal_is_refused_with_the_fields_name(stub: Any, backend: Any, text: str) -> None:
    code, sentence = refused(stub.AddSymbol, spec(amount=common_pb2.Decimal(value=text)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence.startswith("amount: must be a plain decimal number like 0.4")
    assert backend.asked == []


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"amount": common_pb2.Decimal(value="-5")}, "amount: must be above 0 and at most 1000000000000, not -5"),
        ({"buy_window": 500}, "buy_window: must be a whole number from 1 to 200, not 500"),
        ({"mode": 99}, "mode: must be one of long, neutral, short, but is the unknown number 99"),
    ],
)
def test_settings_out_of_bounds_are_refused_before_anything_is_asked(
    stub: Any, backend: Any, grid: dict[str, Any], sentence: str
) -> None:
    assert refused(stub.AddSymbol, spec(**grid)) == (grpc.StatusCode.INVALID_ARGUMENT, sentence)
    assert backend.asked == []


@pytest.mark.parametrize("symbol", ["", "btcusdt", "BTC/USDT:USDT"])
def test_a_name_that_cannot_be_a_market_is_refused(stub: Any, backend: Any, symbol: str) -> None:
    code, sentence = refused(stub.PauseSymbol, pb.PauseSymbolRequest(symbol=symbol))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence.startswith("symbol: ")
    assert backend.asked == []


def test_a_mistyped_account_is_not_found_and_the_likely_one_named(stub: Any) -> None:
    assert refused(stub.PauseSymbol, pb.PauseSymbolRequest(account="mian", symbol="BTCUSDT")) == (
        grpc.StatusCode.NOT_FOUND,
        "account: there is no account 'mian', only main; did you mean main?",
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("not_found", grpc.StatusCode.NOT_FOUND),
        ("already_exists", grpc.StatusCode.ALREADY_EXISTS),
        ("invalid", grpc.StatusCode.INVALID_ARGUMENT),
        ("unavailable", grpc.StatusCode.UNAVAILABLE),
        ("failed", grpc.StatusCode.FAILED_PRECONDITION),
    ],
)
def test_a_refusal_keeps_its_sentence_and_its_code(stub: Any, backend: Any, code: str, status: grpc.StatusCode) -> None:
    backend.answers[operator.ResumeSymbol] = operator.Refusal(code, "it cannot be")
    with pytest.raises(grpc.RpcError) as caught:
        stub.ResumeSymbol(pb.ResumeSymbolRequest(symbol="BTCUSDT"), timeout=5)
    assert (caught.value.code(), caught.value.details()) == (status, "it cannot be")
    assert dict(caught.value.trailing_metadata())["opensqt-code"] == code


def test_no_answer_in_time_is_a_deadline(stub: Any, backend: Any) -> None:
    backend.answers[operator.GetStatus] = None
    code, _ = refused(stub.GetStatus, pb.GetStatusRequest(), timeout=0.2)
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_an_answer_of_the_wrong_kind_is_an_internal_error_without_details(stub: Any, backend: Any) -> None:
    backend.answers[operator.GetStatus] = operator.Done("what?")
    assert refused(stub.GetStatus, pb.GetStatusRequest()) == (
        grpc.StatusCode.INTERNAL,
        "internal error; the supervisor's log has the details",
    )


def test_the_status_arrives_without_loss(stub: Any, backend: Any) -> None:
    answer = stub.GetStatus(pb.GetStatusRequest(), timeout=5)
    assert status_from(answer) == backend.view()
    assert answer.uptime.seconds == 3_723


def test_a_description_arrives_without_loss(stub: Any, backend: Any) -> None:
    answer = stub.DescribeSymbol(pb.DescribeSymbolRequest(symbol="BTCUSDT"), timeout=5)
    assert symbol_from(answer) == backend._answer(operator.DescribeSymbol(1, "main", "BTCUSDT"))
    assert answer.gates[0].reason == registry_pb2.GATE_REASON_PAUSED


@pytest.mark.parametrize("accept", [False, True])
def test_a_comparison_arrives_without_loss(stub: Any, backend: Any, accept: bool) -> None:
    answer = stub.ReconcileSymbol(pb.ReconcileSymbolRequest(symbol="BTCUSDT", accept=accept), timeout=5)
    expected = backend._answer(operator.ReconcileSymbol(1, "main", "BTCUSDT", accept))
    assert reconciled_from(answer, "main", "BTCUSDT") == expected


def test_the_list_can_be_limited_to_states_and_accounts(stub: Any, backend: Any) -> None:
    backend.rows["main", "ETHUSDT"] = replace(backend.rows["main", "ETHUSDT"], state=SymbolState.PAUSED)
    request = pb.ListSymbolsRequest(account="main", states=[registry_pb2.SYMBOL_STATE_PAUSED])
    assert [row_from(row).symbol for row in stub.ListSymbols(request, timeout=5).symbols] == ["ETHUSDT"]
    code, sentence = refused(stub.ListSymbols, pb.ListSymbolsRequest(states=[77]))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence.startswith("states: ")


@pytest.mark.parametrize(
    ("wire", "mode"),
    [
        (registry_pb2.REMOVE_MODE_UNSPECIFIED, RemoveMode.GRACEFUL),
        (registry_pb2.REMOVE_MODE_FLATTEN, RemoveMode.FLATTEN),
        (registry_pb2.REMOVE_MODE_LEAVE, RemoveMode.LEAVE),
    ],
)
def test_a_removal_is_graceful_unless_said_otherwise(stub: Any, backend: Any, wire: Any, mode: RemoveMode) -> None:
    stub.RemoveSymbol(pb.RemoveSymbolRequest(symbol="BTCUSDT", mode=wire), timeout=5)
    assert backend.asked[0].mode is mode


def test_events_stream_the_past_that_is_asked_for_and_then_what_happens(stub: Any, service: Any) -> None:
    for number in range(5):
        service.loop.call(lambda number=number: service.backend.announce("symbol.added", f"S{number}USDT"))
    stream = stub.SubscribeEvents(pb.SubscribeEventsRequest(latest=2), timeout=10)
    first = [next(stream).event for _ in range(2)]
    assert [event.symbol for event in first] == ["S3USDT", "S4USDT"]
    service.loop.call(lambda: service.backend.announce("risk.triggered", level="warning", symbols=["A", "B"]))
    event = next(stream).event
    assert (event.sequence, event.code, event.severity) == (6, "risk.triggered", common_pb2.SEVERITY_WARNING)
    assert dict(event.details) == {"symbols": "A, B"}
    stream.cancel()


def test_past_events_alone_end_by_themselves_and_can_be_filtered(stub: Any, service: Any) -> None:
    service.loop.call(lambda: service.backend.announce("symbol.added", "AUSDT"))
    service.loop.call(lambda: service.backend.announce("margin.locked", "BUSDT", "error"))
    request = pb.SubscribeEventsRequest(latest=10, past_only=True, minimum_severity=common_pb2.SEVERITY_ERROR)
    assert [answer.event.symbol for answer in stub.SubscribeEvents(request, timeout=5)] == ["BUSDT"]
    request = pb.SubscribeEventsRequest(latest=10, past_only=True, symbols=["AUSDT"])
    assert [answer.event.code for answer in stub.SubscribeEvents(request, timeout=5)] == ["symbol.added"]


def test_unknown_kinds_of_events_are_refused(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.SubscribeEvents(pb.SubscribeEventsRequest(kinds=[99]), timeout=5))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_watcher_that_leaves_frees_its_place(stub: Any, service: Any) -> None:
    service.backend.hub._bound = 1
    gone = threading.Event()
    forget = service.backend.hub.forget
    service.backend.hub.forget = lambda subscription: (forget(subscription), gone.set())
    service.loop.call(lambda: service.backend.announce("symbol.added", "AUSDT"))
    first = stub.SubscribeEvents(pb.SubscribeEventsRequest(latest=1), timeout=10)
    next(first)
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.SubscribeEvents(pb.SubscribeEventsRequest(latest=1), timeout=5))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    first.cancel()
    assert gone.wait(5)
    second = stub.SubscribeEvents(pb.SubscribeEventsRequest(latest=1), timeout=5)
    assert next(second).event.symbol == "AUSDT"
    second.cancel()


def test_shutdown_is_answered(stub: Any) -> None:
    assert stub.Shutdown(pb.ShutdownRequest(), timeout=5).sentence == "shutting down"
