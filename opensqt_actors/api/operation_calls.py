"""The calls of the OrchestratorService that change what trades: each is an operation, and is asked for by its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc

from opensqt_actors.actors.operations import Json, Kind, grid_to_json
from opensqt_actors.actors.operator import Refusal
from opensqt_actors.api.calls import STATUS, Context, Refused, account_named, answered, symbol_named
from opensqt_actors.api.mapping import settings_from
from opensqt_actors.api.operation_mapping import operation_to, shown_to
from opensqt_actors.api.operations import MOST_SHOWN, USUAL_SHOWN, Answer, Operations
from opensqt_actors.api.values import REMOVALS
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.settings import GridSettings, RemoveMode
from opensqt_actors.domain.settings_check import grid_problems
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb

ADD_TIMEOUT = 60.0  # seconds; the venue has to confirm the symbol
TIMEOUT = 15.0
MARGIN = 0.05  # our own answer leaves before the caller's deadline ends the call
MakeArguments = Callable[[], Mapping[str, Json]]


class OperationCalls:
    """A part of the service. accounts: names in the configuration; defaults: what an AddSymbol takes besides."""

    def __init__(self, operations: Operations, accounts: Sequence[str], defaults: GridSettings) -> None:
        self._operations = operations
        self._accounts = tuple(accounts)
        self.defaults = defaults

    async def AddSymbol(self, request: pb.AddSymbolRequest, context: Context) -> pb.AddSymbolResponse:
        """Add a market."""
        spec = request.spec

        def make() -> Mapping[str, Json]:
            grid = settings_from(spec.grid, self.defaults)
            about = self._about(spec)
            if problems := grid_problems(grid):
                raise InvalidValue(problems[0].field, problems[0].sentence)
            return {
                **about,
                "grid": grid_to_json(grid),
                "strategy": spec.strategy or "grid",
                "adopt": spec.adopt_position,
            }

        done = await self._perform(Kind.ADD, request.operation_key, make, context, ADD_TIMEOUT)
        return pb.AddSymbolResponse(sentence=done.payload.sentence, operation_key=done.key)

    async def RemoveSymbol(self, request: pb.RemoveSymbolRequest, context: Context) -> pb.RemoveSymbolResponse:
        """Remove a market."""

        def make() -> Mapping[str, Json]:
            mode = REMOVALS.read(request.mode, "mode") if request.mode else RemoveMode.GRACEFUL
            return {**self._about(request), "mode": mode.value}

        done = await self._perform(Kind.REMOVE, request.operation_key, make, context)
        return pb.RemoveSymbolResponse(sentence=done.payload.sentence, operation_key=done.key)

    async def PauseSymbol(self, request: pb.PauseSymbolRequest, context: Context) -> pb.PauseSymbolResponse:
        """Pause a market."""
        done = await self._perform(Kind.PAUSE, request.operation_key, lambda: self._about(request), context)
        return pb.PauseSymbolResponse(sentence=done.payload.sentence, operation_key=done.key)

    async def ResumeSymbol(self, request: pb.ResumeSymbolRequest, context: Context) -> pb.ResumeSymbolResponse:
        """Resume a market."""
        done = await self._perform(Kind.RESUME, request.operation_key, lambda: self._about(request), context)
        return pb.ResumeSymbolResponse(sentence=done.payload.sentence, operation_key=done.key)

    async def FlattenSymbol(self, request: pb.FlattenSymbolRequest, context: Context) -> pb.FlattenSymbolResponse:
        """Close a market."""
        done = await self._perform(Kind.FLATTEN, request.operation_key, lambda: self._about(request), context)
        return pb.FlattenSymbolResponse(sentence=done.payload.sentence, operation_key=done.key)

    async def MoveSymbol(self, request: pb.MoveSymbolRequest, context: Context) -> pb.MoveSymbolResponse:
        """Move a market to another shard."""

        def make() -> Mapping[str, Json]:
            return {**self._about(request), "shard": request.shard_id}

        done = await self._perform(Kind.MOVE, request.operation_key, make, context)
        return pb.MoveSymbolResponse(sentence=done.payload.sentence, operation_key=done.key)

    async def VerifyFlat(self, request: pb.VerifyFlatRequest, context: Context) -> pb.VerifyFlatResponse:
        """Ask the venue whether nothing is left."""

        def make() -> Mapping[str, Json]:
            symbol = symbol_named(request.symbol) if request.symbol else ""
            return {"account": account_named(request.account, self._accounts), "symbol": symbol}

        done = await self._perform(Kind.VERIFY_FLAT, request.operation_key, make, context)
        return pb.VerifyFlatResponse(sentence=done.payload.sentence, operation_key=done.key)

    async def ApplyConfig(self, request: pb.ApplyConfigRequest, context: Context) -> pb.ApplyConfigResponse:
        """Apply the changed configuration file."""

        async def answer() -> Answer:
            return _accepted(await self._operations.apply(request.operation_key, _wait(context, ADD_TIMEOUT)))

        done = await answered(answer(), context)
        return pb.ApplyConfigResponse(sentence=done.payload.sentence, operation_key=done.key, notes=done.notes)

    async def ListOperations(self, request: pb.ListOperationsRequest, context: Context) -> pb.ListOperationsResponse:
        """List the operations."""

        async def answer() -> pb.ListOperationsResponse:
            limit = min(request.limit or USUAL_SHOWN, MOST_SHOWN)
            found = await self._operations.records(limit, running=request.running_only)
            return pb.ListOperationsResponse(operations=[operation_to(view) for view in found])

        return await answered(answer(), context)

    async def GetOperation(self, request: pb.GetOperationRequest, context: Context) -> pb.GetOperationResponse:
        """Show one operation."""

        async def answer() -> pb.GetOperationResponse:
            view = await self._operations.show(request.key)
            if view is None:
                sentence = (
                    f"key: there is no operation {request.key[:64]!r}; `opensqt operations list` shows the newest"
                )
                raise Refused(grpc.StatusCode.NOT_FOUND, "not_found", sentence)
            return shown_to(view)

        return await answered(answer(), context)

    # --- what they have in common ------------------------------------------------------------------------------------

    def _about(self, request: Any) -> dict[str, Json]:
        return {
            "account": account_named(request.account, self._accounts),
            "symbol": symbol_named(request.symbol),
        }

    async def _perform(
        self, kind: Kind, key: str, make: MakeArguments, context: Context, timeout: float = TIMEOUT
    ) -> Answer:
        async def answer() -> Answer:
            return _accepted(await self._operations.perform(kind, key, make(), _wait(context, timeout)))

        return await answered(answer(), context)


def _wait(context: Context, timeout: float) -> float:
    """Seconds that our own answer may take."""
    remaining = context.time_remaining()
    wait = timeout if remaining is None else min(timeout, remaining - MARGIN)
    if wait <= 0:
        raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "timeout", "no time is left to answer")
    return float(wait)


def _accepted(answer: Answer) -> Answer:
    if isinstance(answer.payload, Refusal):
        status = STATUS.get(answer.payload.code, grpc.StatusCode.FAILED_PRECONDITION)
        raise Refused(status, answer.payload.code, answer.payload.sentence)
    return answer
