"""The generated package: names in Python are the package's, names on the wire are the protocol's."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from opensqt_actors.wire.v1 import common_pb2, event_pb2, orchestrator_pb2, orchestrator_pb2_grpc, registry_pb2

SERVICE = orchestrator_pb2.DESCRIPTOR.services_by_name["OrchestratorService"]


def test_the_service_keeps_its_name_on_the_wire() -> None:
    assert SERVICE.full_name == "opensqt.actors.v1.OrchestratorService"
    assert f"/{SERVICE.full_name}/AddSymbol" in inspect.getsource(orchestrator_pb2_grpc.OrchestratorServiceStub)


def test_messages_say_from_where_they_can_be_imported() -> None:
    assert orchestrator_pb2.AddSymbolRequest.__module__ == "opensqt_actors.wire.v1.orchestrator_pb2"


def test_amounts_are_decimal_strings_and_never_binary_floating_point() -> None:
    kinds = {
        field.full_name: field.type
        for module in (common_pb2, event_pb2, orchestrator_pb2, registry_pb2)
        for message in module.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
    }
    floating = {common_pb2.Decimal.DESCRIPTOR.fields[0].TYPE_DOUBLE, common_pb2.Decimal.DESCRIPTOR.fields[0].TYPE_FLOAT}
    assert [name for name, kind in kinds.items() if kind in floating] == []
    assert "opensqt.actors.v1.GridSettings.amount" in kinds


def test_what_is_not_set_can_be_told_from_zero() -> None:
    unset = registry_pb2.GridSettings()
    zero = registry_pb2.GridSettings(buy_window=0, volatility_sizing=False)
    assert not unset.HasField("buy_window")
    assert unset.WhichOneof("spacing") is None
    assert zero.HasField("buy_window")
    assert zero.HasField("volatility_sizing")


def test_a_grid_has_one_spacing() -> None:
    grid = registry_pb2.GridSettings(interval=common_pb2.Decimal(value="5"))
    grid.interval_percent.value = "0.4"
    assert grid.WhichOneof("spacing") == "interval_percent"


class Answering(orchestrator_pb2_grpc.OrchestratorServiceServicer):
    """Says the name of each request back; streams two events."""

    async def AddSymbol(self, request: orchestrator_pb2.AddSymbolRequest, context: Any) -> Message:
        return orchestrator_pb2.AddSymbolResponse(sentence=f"{request.spec.symbol} {request.spec.grid.amount.value}")

    async def SubscribeEvents(
        self, request: orchestrator_pb2.SubscribeEventsRequest, context: Any
    ) -> AsyncIterator[Message]:
        for sequence in (1, 2):
            yield orchestrator_pb2.SubscribeEventsResponse(event=event_pb2.Event(sequence=sequence))


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[Any]:
    server = grpc.aio.server()
    orchestrator_pb2_grpc.add_OrchestratorServiceServicer_to_server(Answering(), server)
    address = f"unix:{tmp_path / 'wire.sock'}"
    server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        yield orchestrator_pb2_grpc.OrchestratorServiceStub(channel)
    await server.stop(0)


async def test_a_call_and_a_stream_cross_a_socket(stub: Any) -> None:
    grid = registry_pb2.GridSettings(amount=common_pb2.Decimal(value="30.10"))
    spec = registry_pb2.SymbolSpec(symbol="BTCUSDT", grid=grid)
    answer = await stub.AddSymbol(orchestrator_pb2.AddSymbolRequest(spec=spec))
    events = [
        response.event.sequence async for response in stub.SubscribeEvents(orchestrator_pb2.SubscribeEventsRequest())
    ]
    assert answer.sentence == "BTCUSDT 30.10"
    assert events == [1, 2]


async def test_a_call_that_is_not_served_is_refused(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.GetStatus(orchestrator_pb2.GetStatusRequest())
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
