"""OrchestratorService: requests from the wire to the SupervisorActor, its answers back. Decides nothing itself."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NoReturn, TypeVar

import grpc
from loguru import logger

from opensqt_actors.actors import operator
from opensqt_actors.actors.views import ReconcileView, RiskView, StatusView, SymbolView
from opensqt_actors.api.backend import Backend, MakeRequest
from opensqt_actors.api.event_mapping import check_filter, event_to, passes
from opensqt_actors.api.events import TooManySubscribers
from opensqt_actors.api.mapping import row_to, settings_from, status_to, symbol_to
from opensqt_actors.api.reconcile_mapping import reconciled_to
from opensqt_actors.api.risk_mapping import risk_to
from opensqt_actors.api.values import REMOVALS, STATES
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.settings import GridSettings, RemoveMode
from opensqt_actors.domain.settings_check import grid_problems, symbol_problem
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb
from opensqt_actors.wire.v1 import orchestrator_pb2_grpc

ADD_TIMEOUT = 60.0  # seconds; the venue has to confirm the symbol
TIMEOUT = 15.0
MARGIN = 0.05  # our own answer leaves before the caller's deadline ends the call
MAX_LATEST = 1_000
MAX_REASON = 200
CODE_KEY = "opensqt-code"

_STATUS = {
    "not_found": grpc.StatusCode.NOT_FOUND,
    "already_exists": grpc.StatusCode.ALREADY_EXISTS,
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "failed": grpc.StatusCode.FAILED_PRECONDITION,
}

Context = Any  # grpc.aio.ServicerContext; the stubs type it by message, which a shared function cannot
Answer = TypeVar("Answer")
Payload = TypeVar("Payload")


class _Refused(Exception):
    """A request that ends with a status. code: stable, for programs."""

    def __init__(self, status: grpc.StatusCode, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence


def _now() -> int:
    return time.time_ns()


class Orchestrator(orchestrator_pb2_grpc.OrchestratorServiceServicer):
    """The service. accounts: names in the configuration; defaults: what an AddSymbol takes where it says nothing."""

    def __init__(
        self,
        backend: Backend,
        accounts: Sequence[str],
        defaults: GridSettings,
        *,
        now: Callable[[], int] = _now,
    ) -> None:
        self._backend = backend
        self._accounts = tuple(accounts)
        self._defaults = defaults
        self._now = now

    async def AddSymbol(self, request: pb.AddSymbolRequest, context: Context) -> pb.AddSymbolResponse:
        """Add a market."""
        spec = request.spec

        def make() -> MakeRequest:
            account, symbol = self._account(spec.account), _symbol(spec.symbol)
            grid = settings_from(spec.grid, self._defaults)
            if problems := grid_problems(grid):
                raise InvalidValue(problems[0].field, problems[0].sentence)
            strategy = spec.strategy or "grid"
            return lambda number: operator.AddSymbol(number, account, symbol, grid, strategy, spec.adopt_position)

        return pb.AddSymbolResponse(sentence=await self._do(make, context, ADD_TIMEOUT))

    async def RemoveSymbol(self, request: pb.RemoveSymbolRequest, context: Context) -> pb.RemoveSymbolResponse:
        """Remove a market."""

        def make() -> MakeRequest:
            account, symbol = self._account(request.account), _symbol(request.symbol)
            mode = REMOVALS.read(request.mode, "mode") if request.mode else RemoveMode.GRACEFUL
            return lambda number: operator.RemoveSymbol(number, account, symbol, mode)

        return pb.RemoveSymbolResponse(sentence=await self._do(make, context))

    async def PauseSymbol(self, request: pb.PauseSymbolRequest, context: Context) -> pb.PauseSymbolResponse:
        """Pause a market."""

        def make() -> MakeRequest:
            account, symbol = self._account(request.account), _symbol(request.symbol)
            return lambda number: operator.PauseSymbol(number, account, symbol)

        return pb.PauseSymbolResponse(sentence=await self._do(make, context))

    async def ResumeSymbol(self, request: pb.ResumeSymbolRequest, context: Context) -> pb.ResumeSymbolResponse:
        """Resume a market."""

        def make() -> MakeRequest:
            account, symbol = self._account(request.account), _symbol(request.symbol)
            return lambda number: operator.ResumeSymbol(number, account, symbol)

        return pb.ResumeSymbolResponse(sentence=await self._do(make, context))

    async def ListSymbols(self, request: pb.ListSymbolsRequest, context: Context) -> pb.ListSymbolsResponse:
        """List the markets."""

        async def answer() -> pb.ListSymbolsResponse:
            account = self._account(request.account) if request.account else ""
            states = {STATES.read(state, "states") for state in request.states}
            view = await self._ask(operator.GetStatus, StatusView, context)
            return pb.ListSymbolsResponse(
                symbols=[
                    row_to(row)
                    for row in view.symbols
                    if (not account or row.account == account) and (not states or row.state in states)
                ]
            )

        return await _answered(answer(), context)

    async def DescribeSymbol(self, request: pb.DescribeSymbolRequest, context: Context) -> pb.DescribeSymbolResponse:
        """Show every level of one market."""

        async def answer() -> pb.DescribeSymbolResponse:
            account, symbol = self._account(request.account), _symbol(request.symbol)
            view = await self._ask(lambda number: operator.DescribeSymbol(number, account, symbol), SymbolView, context)
            return symbol_to(view)

        return await _answered(answer(), context)

    async def ReconcileSymbol(self, request: pb.ReconcileSymbolRequest, context: Context) -> pb.ReconcileSymbolResponse:
        """Compare one market with the venue."""

        async def answer() -> pb.ReconcileSymbolResponse:
            account, symbol, accept = self._account(request.account), _symbol(request.symbol), request.accept
            view = await self._ask(
                lambda number: operator.ReconcileSymbol(number, account, symbol, accept), ReconcileView, context
            )
            return reconciled_to(view)

        return await _answered(answer(), context)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """Show how the system is."""

        async def answer() -> pb.GetStatusResponse:
            view = await self._ask(operator.GetStatus, StatusView, context)
            return status_to(view, pid=os.getpid(), now=self._now())

        return await _answered(answer(), context)

    async def GetRisk(self, request: pb.GetRiskRequest, context: Context) -> pb.GetRiskResponse:
        """Show the state of the risk rules."""

        async def answer() -> pb.GetRiskResponse:
            return risk_to(await self._ask(operator.GetRisk, RiskView, context))

        return await _answered(answer(), context)

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
        symbol = _symbol(request.symbol) if request.symbol else ""
        account = self._account(request.account) if symbol else ""
        reason = _reason(request.reason)
        return lambda number: kind(number, account, symbol, reason)

    def _emergency(
        self,
        kind: type[operator.EmergencyExit | operator.ClearEmergency],
        request: pb.EmergencyExitRequest | pb.ClearEmergencyRequest,
    ) -> MakeRequest:
        account, reason = self._account(request.account), _reason(request.reason)
        return lambda number: kind(number, account, reason)

    async def Shutdown(self, request: pb.ShutdownRequest, context: Context) -> pb.ShutdownResponse:
        """Stop in order."""
        return pb.ShutdownResponse(sentence=await self._do(lambda: operator.Shutdown, context))

    async def MoveSymbol(self, request: pb.MoveSymbolRequest, context: Context) -> pb.MoveSymbolResponse:
        """Move a market to another shard."""

        def make() -> MakeRequest:
            account, symbol = self._account(request.account), _symbol(request.symbol)
            shard = request.shard_id
            return lambda number: operator.MoveSymbol(number, account, symbol, shard)

        return pb.MoveSymbolResponse(sentence=await self._do(make, context))

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
            await _abort(context, _invalid(error))
        except TooManySubscribers as error:
            await _abort(context, _Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "too_many", str(error)))
        try:
            if request.past_only:
                subscription.end()
            async for happening in subscription:
                event = event_to(happening)
                if passes(event, request):
                    yield pb.SubscribeEventsResponse(event=event)
        finally:
            subscription.close()

    def _account(self, name: str) -> str:
        """The account that is meant; the only one when none is named."""
        known = ", ".join(self._accounts)
        if not name:
            if len(self._accounts) == 1:
                return self._accounts[0]
            raise InvalidValue("account", f"is needed, one of {known}")
        if name not in self._accounts:
            close = difflib.get_close_matches(name[:40], self._accounts, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            sentence = f"account: there is no account {name[:40]!r}, only {known}{hint}"
            raise _Refused(grpc.StatusCode.NOT_FOUND, "not_found", sentence)
        return name

    async def _do(self, make: Callable[[], MakeRequest], context: Context, timeout: float = TIMEOUT) -> str:
        """Ask for something to be done; the sentence that says that it was."""

        async def answer() -> str:
            done = await self._ask(make(), operator.Done, context, timeout)
            return done.sentence

        return await _answered(answer(), context)

    async def _ask(
        self, make: MakeRequest, wanted: type[Payload], context: Context, timeout: float = TIMEOUT
    ) -> Payload:
        """The payload of the wanted type; _Refused for refusals and when no answer comes in time."""
        remaining = context.time_remaining()
        wait = timeout if remaining is None else min(timeout, remaining - MARGIN)
        if wait <= 0:
            raise _Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "timeout", "no time is left to answer")
        try:
            payload = await self._backend.ask(make, wait)
        except TimeoutError:
            sentence = f"no answer within {wait + MARGIN:.1f} s"
            if wanted is operator.Done:
                sentence += "; `opensqt symbols list` shows whether it was done"
            raise _Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "timeout", sentence) from None
        if isinstance(payload, operator.Refusal):
            status = _STATUS.get(payload.code, grpc.StatusCode.FAILED_PRECONDITION)
            raise _Refused(status, payload.code, payload.sentence)
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


def _symbol(name: str) -> str:
    """The market's name, checked for what can be seen from the name alone."""
    if not name:
        raise InvalidValue("symbol", "is missing")
    if problem := symbol_problem(name):
        raise InvalidValue("symbol", problem)
    return name


def _invalid(error: InvalidValue) -> _Refused:
    return _Refused(grpc.StatusCode.INVALID_ARGUMENT, "invalid", error.sentence)


async def _answered(answer: Awaitable[Answer], context: Context) -> Answer:
    """The answer, or the status that says why there is none. What nobody foresaw is logged and told without details."""
    try:
        return await answer
    except _Refused as refused:
        await _abort(context, refused)
    except InvalidValue as error:
        await _abort(context, _invalid(error))
    except Exception:  # noqa: BLE001 - whatever it was must not reach the caller, nor end the server
        logger.exception("a request of an operator failed")
        sentence = "internal error; the supervisor's log has the details"
        await _abort(context, _Refused(grpc.StatusCode.INTERNAL, "internal", sentence))


async def _abort(context: Context, refused: _Refused) -> NoReturn:
    context.set_trailing_metadata(((CODE_KEY, refused.code),))
    await context.abort(refused.status, refused.sentence)
    raise AssertionError("abort does not return")
