"""OrchestratorService: requests from the wire to the SupervisorActor, its answers back. Decides nothing itself."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import TypeVar

import grpc

from opensqt_actors.actors import operator
from opensqt_actors.actors.views import ReconcileView, RiskView, StatusView, SymbolView
from opensqt_actors.api.backend import Backend, MakeRequest
from opensqt_actors.api.calls import STATUS, Context, Refused, abort, account_named, answered, invalid, symbol_named
from opensqt_actors.api.event_mapping import check_filter, event_to, passes
from opensqt_actors.api.events import TooManySubscribers
from opensqt_actors.api.mapping import row_to, status_to, symbol_to
from opensqt_actors.api.operation_calls import MARGIN, TIMEOUT, OperationCalls
from opensqt_actors.api.operations import Operations
from opensqt_actors.api.reconcile_mapping import reconciled_to
from opensqt_actors.api.risk_mapping import risk_to
from opensqt_actors.api.values import STATES
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb
from opensqt_actors.wire.v1 import orchestrator_pb2_grpc

MAX_LATEST = 1_000
MAX_REASON = 200
Payload = TypeVar("Payload")


def _now() -> int:
    return time.time_ns()


class Orchestrator(OperationCalls, orchestrator_pb2_grpc.OrchestratorServiceServicer):
    """The service. accounts, defaults: see OperationCalls. Emergency exits go to the actors, past all operations."""

    def __init__(
        self,
        backend: Backend,
        operations: Operations,
        accounts: Sequence[str],
        defaults: GridSettings,
        *,
        now: Callable[[], int] = _now,
    ) -> None:
        super().__init__(operations, accounts, defaults)
        self._backend = backend
        self._now = now

    async def ListSymbols(self, request: pb.ListSymbolsRequest, context: Context) -> pb.ListSymbolsResponse:
        """List the markets."""

        async def answer() -> pb.ListSymbolsResponse:
            account = account_named(request.account, self._accounts) if request.account else ""
            states = {STATES.read(state, "states") for state in request.states}
            view = await self._ask(operator.GetStatus, StatusView, context)
            return pb.ListSymbolsResponse(
                symbols=[
                    row_to(row)
                    for row in view.symbols
                    if (not account or row.account == account) and (not states or row.state in states)
                ]
            )

        return await answered(answer(), context)

    async def DescribeSymbol(self, request: pb.DescribeSymbolRequest, context: Context) -> pb.DescribeSymbolResponse:
        """Show every level of one market."""

        async def answer() -> pb.DescribeSymbolResponse:
            account, symbol = account_named(request.account, self._accounts), symbol_named(request.symbol)
            view = await self._ask(lambda number: operator.DescribeSymbol(number, account, symbol), SymbolView, context)
            return symbol_to(view)

        return await answered(answer(), context)

    async def ReconcileSymbol(self, request: pb.ReconcileSymbolRequest, context: Context) -> pb.ReconcileSymbolResponse:
        """Compare one market with the venue."""

        async def answer() -> pb.ReconcileSymbolResponse:
            account, symbol, accept = (
                account_named(request.account, self._accounts),
                symbol_named(request.symbol),
                request.accept,
            )
            view = await self._ask(
                lambda number: operator.ReconcileSymbol(number, account, symbol, accept), ReconcileView, context
            )
            return reconciled_to(view)

        return await answered(answer(), context)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """Show how the system is."""

        async def answer() -> pb.GetStatusResponse:
            view = await self._ask(operator.GetStatus, StatusView, context)
            return status_to(view, pid=os.getpid(), now=self._now())

        return await answered(answer(), context)

    async def GetRisk(self, request: pb.GetRiskRequest, context: Context) -> pb.GetRiskResponse:
        """Show the state of the risk rules."""

        async def answer() -> pb.GetRiskResponse:
            return risk_to(await self._ask(operator.GetRisk, RiskView, context))

        return await answered(answer(), context)

    async def TripBreaker(self, request: pb.TripBreakerRequest, context: Context) -> pb.TripBreakerResponse:
        """Open a circuit breaker."""
        make = partial(self._breaker, operator.TripBreaker, request)
        return pb.TripBreakerResponse(sentence=await self._do(make, context))

    async def ResetBreaker(self, request: pb.ResetBreakerRequest, context: Context) -> pb.ResetBreakerResponse:
        """Close a circuit breaker."""
        make = partial(self._breaker, operator.ResetBreaker, request)
        return pb.ResetBreakerResponse(sentence=await self._do(make, context))

    async def EmergencyExit(self, request: pb.EmergencyExitRequest, context: Context) -> pb.EmergencyExitResponse:
        """Close everything of an account at once."""
        make = partial(self._emergency, operator.EmergencyExit, request)
        return pb.EmergencyExitResponse(sentence=await self._do(make, context))

    async def ClearEmergency(self, request: pb.ClearEmergencyRequest, context: Context) -> pb.ClearEmergencyResponse:
        """Let an account trade again after an emergency exit."""
        make = partial(self._emergency, operator.ClearEmergency, request)
        return pb.ClearEmergencyResponse(sentence=await self._do(make, context))

    def _breaker(
        self,
        kind: type[operator.TripBreaker | operator.ResetBreaker],
        request: pb.TripBreakerRequest | pb.ResetBreakerRequest,
    ) -> MakeRequest:
        """Of a symbol, or the global one, which is of no account."""
        symbol = symbol_named(request.symbol) if request.symbol else ""
        account = account_named(request.account, self._accounts) if symbol else ""
        reason = _reason(request.reason)
        return lambda number: kind(number, account, symbol, reason)

    def _emergency(
        self,
        kind: type[operator.EmergencyExit | operator.ClearEmergency],
        request: pb.EmergencyExitRequest | pb.ClearEmergencyRequest,
    ) -> MakeRequest:
        account, reason = account_named(request.account, self._accounts), _reason(request.reason)
        return lambda number: kind(number, account, reason)

    async def Shutdown(self, request: pb.ShutdownRequest, context: Context) -> pb.ShutdownResponse:
        """Stop in order."""
        return pb.ShutdownResponse(sentence=await self._do(lambda: operator.Shutdown, context))

    async def DrainShard(self, request: pb.DrainShardRequest, context: Context) -> pb.DrainShardResponse:
        """Empty a shard."""
        shard = request.shard_id
        return pb.DrainShardResponse(
            sentence=await self._do(lambda: lambda number: operator.DrainShard(number, shard), context)
        )

    async def RestartShard(self, request: pb.RestartShardRequest, context: Context) -> pb.RestartShardResponse:
        """Start a shard's process anew."""
        shard = request.shard_id
        return pb.RestartShardResponse(
            sentence=await self._do(lambda: lambda number: operator.RestartShard(number, shard), context)
        )

    async def SubscribeEvents(
        self, request: pb.SubscribeEventsRequest, context: Context
    ) -> AsyncIterator[pb.SubscribeEventsResponse]:
        """Stream what happens."""
        try:
            check_filter(request)
            subscription = self._backend.events(min(request.latest, MAX_LATEST))
        except InvalidValue as error:
            await abort(context, invalid(error))
        except TooManySubscribers as error:
            await abort(context, Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "too_many", str(error)))
        try:
            if request.past_only:
                subscription.end()
            async for happening in subscription:
                event = event_to(happening)
                if passes(event, request):
                    yield pb.SubscribeEventsResponse(event=event)
        finally:
            subscription.close()

    async def _do(self, make: Callable[[], MakeRequest], context: Context, timeout: float = TIMEOUT) -> str:
        """Ask for something to be done; the sentence that says that it was."""

        async def answer() -> str:
            done = await self._ask(make(), operator.Done, context, timeout)
            return done.sentence

        return await answered(answer(), context)

    async def _ask(
        self, make: MakeRequest, wanted: type[Payload], context: Context, timeout: float = TIMEOUT
    ) -> Payload:
        """The payload of the wanted type; Refused for refusals and when no answer comes in time."""
        remaining = context.time_remaining()
        wait = timeout if remaining is None else min(timeout, remaining - MARGIN)
        if wait <= 0:
            raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "timeout", "no time is left to answer")
        try:
            payload = await self._backend.ask(make, wait)
        except TimeoutError:
            sentence = f"no answer within {wait + MARGIN:.1f} s"
            if wanted is operator.Done:
                sentence += "; `opensqt symbols list` shows whether it was done"
            raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "timeout", sentence) from None
        if isinstance(payload, operator.Refusal):
            status = STATUS.get(payload.code, grpc.StatusCode.FAILED_PRECONDITION)
            raise Refused(status, payload.code, payload.sentence)
        if not isinstance(payload, wanted):
            raise TypeError(f"expected {wanted.__name__}, got {type(payload).__name__}")
        return payload


def _reason(text: str) -> str:
    """Why an operator wants something: part of sentences, and of the journal."""
    shown = " ".join(text.split())
    if len(shown) > MAX_REASON:
        raise InvalidValue("reason", f"must be at most {MAX_REASON} characters, not {len(shown)}")
    if not shown.isprintable():
        raise InvalidValue("reason", "must be printable text")
    return shown or "no reason given"
