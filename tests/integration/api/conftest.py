"""A hand-written backend behind the real service on a real Unix socket, served from a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from opensqt_actors.actors import operator
from opensqt_actors.actors.operations import Kind, grid_from_json
from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.views import (
    AccountRow,
    ExposureRow,
    LevelView,
    ReconcileView,
    RiskRow,
    RiskView,
    ShardRow,
    StatusView,
    SymbolRow,
    SymbolView,
)
from opensqt_actors.api.backend import Asks, MakeRequest
from opensqt_actors.api.events import EventHub, Subscription
from opensqt_actors.api.operations import Answer, OperationView
from opensqt_actors.api.orchestrator import Orchestrator
from opensqt_actors.api.server import ApiServer
from opensqt_actors.domain.settings import GridMode, GridSettings, RemoveMode, SymbolState

T = TypeVar("T")
NOW = 1_800_000_000_000_000_000
DEFAULTS = GridSettings(amount=Decimal(25), interval_percent=Decimal("0.4"))


def row(symbol: str, account: str = "main", **changes: Any) -> SymbolRow:
    made = SymbolRow(
        account=account,
        symbol=symbol,
        mode="long",
        state=SymbolState.TRADING,
        slots_filled=2,
        slots_total=12,
        open_orders=10,
        position=Decimal("0.015"),
        grid_pnl=Decimal("3.25"),
        unrealized_pnl=Decimal("-1.5"),
        fees=Decimal("0.05"),
        funding=Decimal("-0.01"),
        fills=7,
        round_trips=3,
        orders_placed=30,
        orders_cancelled=5,
        illegal_transitions=0,
        restarts=0,
        bid=Decimal("99.9"),
        ask=Decimal("100.1"),
        last_tick=NOW,
        why="",
    )
    return replace(made, **changes)


def level(number: int, **changes: Any) -> LevelView:
    made = LevelView(number, Decimal(100 + number), "free", Decimal(0), "", "", "", None, None, None, None, "", "")
    return replace(made, **changes)


LEVELS = (
    level(1, reason_code="would_cross", reason="an opening buy at 101 would cross the best ask 100.1"),
    level(
        -1,
        status="locked",
        order_id="sq00000000000000b0001",
        order_kind="open_buy",
        order_side="buy",
        order_price=Decimal(99),
        order_quantity=Decimal("0.3"),
        order_filled=Decimal("0.1"),
        position=Decimal("0.1"),
        exit_price=Decimal(100),
    ),
)


RISK = RiskView(
    (
        RiskRow("global", "", "", "open", "manual", "opened by an operator: the news", NOW),
        RiskRow("symbol", "main", "BTCUSDT", "half_open", "drawdown", "so much was lost", NOW),
    ),
    (ExposureRow("main", Decimal("12.5"), None, Decimal(100)),),
)


@dataclass
class FakeBackend:
    """A registry in memory. `answers` overrides what a kind of request is answered; None: never."""

    accounts: tuple[str, ...] = ("main",)
    rows: dict[tuple[str, str], SymbolRow] = field(default_factory=dict)
    asked: list[operator.Request] = field(default_factory=list)
    answers: dict[type, Any] = field(default_factory=dict)
    hub: EventHub = field(default_factory=EventHub)
    state: str = "running"

    def __post_init__(self) -> None:
        self.operations = FakeOperations(self)
        self.asks = Asks(self._take)
        for symbol in ("BTCUSDT", "ETHUSDT"):
            self.rows["main", symbol] = row(symbol)

    async def ask(self, make: MakeRequest, timeout: float) -> Any:
        return await self.asks.ask(make, timeout)

    def events(self, latest: int = 0) -> Subscription:
        return self.hub.subscribe(latest)

    def announce(self, kind: str, symbol: str = "", level: str = "info", **data: Any) -> None:
        self.hub.publish(Announce(kind, "main" if symbol else "", symbol, f"{kind} happened", level, data or None), NOW)

    def _take(self, request: operator.Request) -> None:
        self.asked.append(request)
        answer = self.answers[type(request)] if type(request) in self.answers else self._answer(request)
        if answer is not None:
            self.asks.resolve(request.request, answer)

    def _answer(self, request: operator.Request) -> Any:
        match request:
            case operator.GetStatus():
                return self.view()
            case operator.GetRisk():
                return RISK
            case operator.TripBreaker() | operator.ResetBreaker():
                return operator.Done(f"{type(request).__name__} {request.symbol or 'all'}: {request.reason}")
            case operator.EmergencyExit() | operator.ClearEmergency():
                return operator.Done(f"{type(request).__name__} {request.account}: {request.reason}")
            case operator.Shutdown():
                self.state = "stopping"
                return operator.Done("shutting down")
            case operator.AddSymbol(account=account, symbol=symbol):
                if (account, symbol) in self.rows:
                    return operator.Refusal("already_exists", f"symbol: {symbol} is traded on {account} already")
                self.rows[account, symbol] = row(symbol, account, mode=request.grid.mode.value)
                return operator.Done(f"{symbol} was added on {account}")
        key = (request.account, request.symbol)
        if key not in self.rows:
            return operator.Refusal("not_found", f"symbol: {request.symbol} is not traded on {request.account}")
        match request:
            case operator.DescribeSymbol():
                grid = GridSettings(mode=GridMode.LONG, interval_percent=Decimal("0.4"))
                gates = (("paused", "paused by an operator"),)
                return SymbolView(
                    self.rows[key], grid, Decimal(100), Decimal("0.4"), Decimal("99.8"), None, gates, LEVELS, ("added",)
                )
            case operator.ReconcileSymbol():
                theirs = Decimal("1.5") if request.accept else Decimal("2.5")
                corrected = Decimal("0.5") if request.accept else Decimal(0)
                verdict = "same" if request.accept else "different"
                return ReconcileView(
                    "main", request.symbol, verdict, Decimal(1), theirs, corrected, 3, 1, 2, 4, f"{verdict}, it is"
                )
            case operator.RemoveSymbol():
                del self.rows[key]
                return operator.Done(f"{request.symbol} is being removed ({request.mode.value})")
            case operator.MoveSymbol():
                return operator.Done(f"{request.symbol} is on its way to {request.shard}")
            case operator.FlattenSymbol():
                return operator.Done(f"{request.symbol} is being closed")
            case operator.GetHoldings():
                return operator.Done(f"the venue is being asked about {request.symbol}")
            case operator.PauseSymbol():
                self.rows[key] = replace(self.rows[key], state=SymbolState.PAUSED)
                return operator.Done(f"{request.symbol} is paused")
            case operator.ResumeSymbol():
                self.rows[key] = replace(self.rows[key], state=SymbolState.TRADING)
                return operator.Done(f"{request.symbol} trades again")

    def view(self) -> StatusView:
        rows = tuple(self.rows.values())
        return StatusView(
            version="0.1.0",
            instance="ab",
            started=NOW - 3_723_000_000_000,
            state=self.state,
            shards=1,
            ticks=1_000,
            ticks_skipped=900,
            orders_placed=60,
            orders_cancelled=10,
            fills=14,
            realized_pnl=Decimal("6.50"),
            unrealized_pnl=Decimal("-3.0"),
            fees=Decimal("0.10"),
            funding=Decimal("-0.02"),
            restarts=1,
            illegal_transitions=0,
            risk_triggered=False,
            risk_reason="",
            accounts=tuple(AccountRow(name, True, name != "other", 20, 0, 0, 1_000, 900) for name in self.accounts),
            symbols=rows,
            shard_rows=(ShardRow("shard-0", self.state, 7, len(rows), 0, 1 << 27, ""),),
        )


class FakeOperations:
    """Each operation is one question to the backend, and has ended with its answer. asked: kind, key and arguments."""

    def __init__(self, backend: FakeBackend) -> None:
        self.backend = backend
        self.asked: list[tuple[Kind, str, dict[str, Any]]] = []
        self.known: dict[str, OperationView] = {}
        self.applied = Answer(
            "apply-1", operator.Done("2 symbols take changed settings up"), ("SOLUSDT is not traded",)
        )

    async def perform(self, kind: Kind, key: str, arguments: Mapping[str, Any], timeout: float) -> Answer:
        self.asked.append((kind, key, dict(arguments)))
        try:
            answer = await self.backend.ask(lambda number: _request(number, kind, arguments), timeout)
        except TimeoutError:
            answer = operator.Refusal("timeout", "no answer in time")
        return Answer(key or f"{kind.value}-1", answer)

    async def apply(self, key: str, timeout: float) -> Answer:
        return self.applied

    async def records(self, limit: int, *, running: bool) -> tuple[OperationView, ...]:
        found = [view for view in self.known.values() if not running or view.record.outcome is None]
        return tuple(found[:limit])

    async def show(self, key: str) -> OperationView | None:
        return self.known.get(key)


def _request(number: int, kind: Kind, given: Mapping[str, Any]) -> operator.Request:
    account, symbol = given["account"], given["symbol"]
    match kind:
        case Kind.ADD:
            grid = grid_from_json(given["grid"])
            return operator.AddSymbol(number, account, symbol, grid, given["strategy"], given["adopt"])
        case Kind.REMOVE:
            return operator.RemoveSymbol(number, account, symbol, RemoveMode(given["mode"]))
        case Kind.MOVE:
            return operator.MoveSymbol(number, account, symbol, given["shard"])
        case Kind.PAUSE:
            return operator.PauseSymbol(number, account, symbol)
        case Kind.RESUME:
            return operator.ResumeSymbol(number, account, symbol)
        case Kind.FLATTEN:
            return operator.FlattenSymbol(number, account, symbol)
        case _:
            return operator.GetHoldings(number, account, symbol)


class Loop:
    """An event loop in a thread, so that synchronous clients can talk to a server in the same test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def call(self, function: Callable[[], Any]) -> Any:
        async def called() -> Any:
            return function()

        return self.run(called())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Service:
    """A running service. `path`: its socket."""

    loop: Loop
    path: Path
    backend: FakeBackend
    server: ApiServer

    def restart(self) -> None:
        self.loop.run(self.server.stop(0))
        self.backend.asks = Asks(self.backend._take)
        self.server = self.loop.run(_serve(self.path, self.backend))


async def _serve(path: Path, backend: FakeBackend) -> ApiServer:
    server = ApiServer(path, Orchestrator(backend, backend.operations, backend.accounts, DEFAULTS, now=lambda: NOW))
    await server.start()
    return server


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def service(loop: Loop, backend: FakeBackend, tmp_path: Path) -> Iterator[Service]:
    path = tmp_path / "run" / "s.sock"
    made = Service(loop, path, backend, loop.run(_serve(path, backend)))
    yield made
    loop.call(backend.asks.close)
    loop.call(backend.hub.close)
    loop.run(made.server.stop(0))
