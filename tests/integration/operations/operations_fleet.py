"""A fleet in a dictionary, as procedures see one: it does what it is asked unless a test says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from opensqt_actors.actors import operator
from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.views import HoldingsView, RegistryRow, RegistryView, RiskRow, RiskView, SymbolRow
from opensqt_actors.app.operations.desk import OperationsDesk
from opensqt_actors.app.operations.journal import JournalRunner
from opensqt_actors.app.operations.tools import Pace
from opensqt_actors.domain.settings import GridSettings, SymbolSpec, SymbolState
from opensqt_actors.storage import Database
from opensqt_actors.storage.operations import OperationTable

GRID = GridSettings(interval_percent=Decimal("0.4"))
QUICK = Pace(
    ask=2, add=2, insist=0.15, look=0.005, look_slowly=0.005, settle=0.5, close=0.5, again=0.05, verify=0.005,
    alarm=0.05, give_up=0.4,
)  # fmt: skip
_ZERO = Decimal(0)


def row(symbol: str, **changes: Any) -> SymbolRow:
    made = SymbolRow(
        "main", symbol, "long", SymbolState.TRADING, 0, 0, 0, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, 0, 0, 0, 0, 0, 0, None,
        None, 0, "",
    )  # fmt: skip
    return replace(made, **changes)


class Fleet:
    """answers: by request type, what to answer instead, or a function of the request; None: go on as usual."""

    def __init__(self, *symbols: str) -> None:
        self.rows: dict[str, RegistryRow] = {}
        for symbol in symbols:
            self.place(SymbolSpec("main", symbol, len(self.rows) + 1, GRID))
        self.asked: list[Any] = []
        self.told: list[Announce] = []
        self.answers: dict[type, Callable[[Any], Any] | Any] = {}
        self.hangs: set[type] = set()
        self.running = True
        self.risk: tuple[RiskRow, ...] = ()
        self.held: dict[str, Decimal] = {}

    def place(self, spec: SymbolSpec, **changes: Any) -> None:
        self.rows[spec.symbol] = RegistryRow(spec, f"shard-{spec.shard or 0}", False, row(spec.symbol, **changes))

    def spec(self, symbol: str) -> SymbolSpec:
        return self.rows[symbol].spec

    def changes(self) -> list[Any]:
        """What was asked that changes something."""
        looks = operator.GetRegistry | operator.GetHoldings | operator.GetRisk | operator.CheckSettings
        return [request for request in self.asked if not isinstance(request, looks)]

    def announce(self, announce: Announce) -> None:
        self.told.append(announce)

    async def ask(self, make: Callable[[int], Any], timeout: float) -> Any:
        request = make(1)
        self.asked.append(request)
        answer = self.answers.get(type(request))
        answer = answer(request) if callable(answer) else answer
        if answer is None:
            answer = self._answer(request)
        if type(request) in self.hangs:
            await asyncio.Event().wait()
        return answer

    def _answer(self, request: Any) -> Any:
        match request:
            case operator.GetRegistry():
                return RegistryView(tuple(self.rows.values()))
            case operator.GetRisk():
                return RiskView(self.risk, ())
            case operator.GetHoldings(_, account, symbol):
                held = tuple((name, size) for name, size in self.held.items() if symbol in {"", name})
                return HoldingsView(account, held, ())
            case operator.AddSymbol(_, account, symbol, grid, strategy, adopt):
                if symbol in self.rows:
                    return operator.Refusal("already_exists", f"symbol: {symbol} is traded on {account} already")
                self.place(SymbolSpec(account, symbol, 9, grid, strategy, adopt=adopt))
                return operator.Done(f"{symbol} was added on {account}")
        symbol = request.symbol
        if symbol not in self.rows:
            return operator.Refusal("not_found", f"symbol: {symbol} is not traded on {request.account}")
        spec = self.spec(symbol)
        match request:
            case operator.CheckSettings():
                return operator.Done("fine")
            case operator.PauseSymbol():
                self.place(replace(spec, state=SymbolState.PAUSED), state=SymbolState.PAUSED)
            case operator.ResumeSymbol():
                self.place(replace(spec, state=SymbolState.TRADING))
            case operator.RemoveSymbol():
                del self.rows[symbol]
            case operator.FlattenSymbol():
                self.held.pop(symbol, None)
                self.place(spec, state=SymbolState.PAUSED)
            case operator.MoveSymbol(shard=shard):
                self.place(replace(spec, shard=int(shard[-1])))
            case operator.ReconfigureSymbol(grid=grid):
                self.place(replace(spec, grid=grid))
        return operator.Done(f"{type(request).__name__} {symbol}")


def made(fleet: Fleet, url: str, **changes: Any) -> tuple[OperationsDesk, Database]:
    """A desk over the journal's runner, and its database."""
    database = Database(url)
    runner = JournalRunner(OperationTable(database), retry_first=0.02, retry_last=0.05)
    desk = OperationsDesk(runner, fleet, running=lambda: fleet.running, pace=replace(QUICK, **changes))
    return desk, database
