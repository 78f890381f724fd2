"""ShardService: the stream between a shard's process and its supervisor, on the shard's side. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from loguru import logger
from msgspec.structs import replace

from opensqt_actors.actors import exchange, operator, symbol
from opensqt_actors.actors.ports import Reply
from opensqt_actors.actors.shard_link import SupervisorAttached, SupervisorLost
from opensqt_actors.actors.shard_messages import ToSymbol
from opensqt_actors.api.shard_mapping import command_from, fact_to
from opensqt_actors.api.shard_outbox import Outbox, OutboxFull
from opensqt_actors.api.shard_risk_mapping import UnknownMessage
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.wire.v1 import shard_pb2, shard_pb2_grpc

_ATTACHMENT = 1 << 40
"""Questions of one attachment are told from those of the next: an old answer must not meet a new question."""
FLUSH = 2.0
add_to = shard_pb2_grpc.add_ShardServiceServicer_to_server
"""Adds a ShardService to a gRPC server."""
_QUESTIONS = (
    operator.TripBreaker, operator.ResetBreaker, operator.EmergencyExit, operator.ClearEmergency,
    exchange.CheckHoldings,
)  # fmt: skip
"""What a Reply answers: its number says on which attachment it was asked."""


class ShardService(shard_pb2_grpc.ShardServiceServicer):
    """One stream at a time; the newest wins. tell: gives a message to the ShardGateway."""

    def __init__(self, number: int, gateway: ActorId, tell: Callable[[Any], None]) -> None:
        self._number = number
        self._gateway = gateway
        self._tell = tell
        self._outbox: Outbox | None = None
        self._attachment = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def Attach(
        self, request_iterator: AsyncIterator[shard_pb2.AttachRequest], context: Any
    ) -> AsyncIterator[shard_pb2.AttachResponse]:
        """Commands in, facts out, until either side has enough."""
        if self._outbox is not None:
            self._outbox.end()
        outbox = self._outbox = Outbox()
        self._attachment += 1
        self._idle.clear()
        self._tell(SupervisorAttached())
        reading = asyncio.create_task(self._read(request_iterator, outbox, self._attachment))
        try:
            while (fact := await outbox.take()) is not None:
                yield fact_to(fact, self._number)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            if self._outbox is outbox:
                self._outbox = None
                self._idle.set()
                self._tell(SupervisorLost())

    async def _read(self, requests: AsyncIterator[shard_pb2.AttachRequest], outbox: Outbox, attachment: int) -> None:
        try:
            async for request in requests:
                if self._outbox is not outbox:
                    return
                self._tell(_numbered(command_from(request, self._gateway), attachment))
        except (UnknownMessage, InvalidValue) as error:
            logger.error("a command of the supervisor cannot be read: {}", error)
        finally:
            outbox.end()

    def send(self, fact: Any) -> None:
        """Tell the supervisor, if there is one."""
        outbox = self._outbox
        if outbox is None:
            return
        if isinstance(fact, Reply):
            attachment, number = divmod(fact.request, _ATTACHMENT)
            if fact.request < 0 or attachment != self._attachment:
                return
            fact = Reply(number, fact.payload)
        try:
            outbox.put(fact)
        except OutboxFull:
            logger.error("the supervisor does not read what it is told: its stream is ended")
            outbox.end()

    async def close(self) -> None:
        """Let what was told go out, and end the stream."""
        if self._outbox is not None:
            self._outbox.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH):
                await self._idle.wait()


def _numbered(command: Any, attachment: int) -> Any:
    if isinstance(command, ToSymbol) and isinstance(command.message, symbol.Describe | symbol.ReconcileNow):
        inner = command.message
        return replace(command, message=replace(inner, request=inner.request + attachment * _ATTACHMENT))
    if isinstance(command, _QUESTIONS) and command.request >= 0:
        return replace(command, request=command.request + attachment * _ATTACHMENT)
    return command
