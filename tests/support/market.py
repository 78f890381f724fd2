"""A SymbolActor on a bench: messages in, effects out by type, with the venue's answers made by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from msgspec.structs import replace

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import OrderPlan, OrderUpdate, PlaceFailed, Quote, StreamGate, Submit
from opensqt_actors.actors.symbol import Execution, Start, SymbolActor
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    AccountState,
    Candle,
    Fees,
    Fill,
    OrderReport,
    OrderRequest,
    OrderStatus,
    Position,
    Truth,
)
from opensqt_actors.domain.records import Entry, Restored, TotalsSaved
from opensqt_actors.domain.settings import GridMode, GridSettings, SymbolSpec
from opensqt_actors.domain.strategy import StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import SetTimer, Tell

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
EXCHANGE, PARENT, ME = ActorId("exchange"), ActorId("shard"), ActorId("symbol")
INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
GRID = GridSettings(GridMode.LONG, Decimal(100), Decimal(50), buy_window=3)
SPEC = SymbolSpec("main", "XUSDT", 4, GRID)
NOTHING = TotalsSaved("main", "XUSDT", 0, Decimal(0), Decimal(0), 0, 0)
EMPTY = Restored("main", "XUSDT", None, (), (), 0, NOTHING, frozenset(), 1)
T = TypeVar("T")


class Market:
    """One market's actor. `sent` are the effects of the last step; the first price is 10,000.0 / 10,000.1."""

    def __init__(
        self,
        spec: SymbolSpec = SPEC,
        restored: Restored = EMPTY,
        *,
        execution: Execution | None = None,
        strategies: dict[str, StrategyFactory] | None = None,
    ) -> None:
        self.now = NOW
        self.actor = SymbolActor(
            spec, "aa", restored, exchange=EXCHANGE, parent=PARENT, me=ME, strategies=strategies or {"grid": Grid},
            execution=execution,
        )  # fmt: skip
        self.sent: list[Any] = []
        self.trades = 100

    def step(self, message: Any, after: int = 0) -> list[Any]:
        """Tell the actor something `after` ns from now."""
        self.now += after
        self.sent = list(self.actor.step(message, self.now))
        return self.sent

    def effects(self, kind: type[T]) -> list[T]:
        """Effects of the last step of one type."""
        return [effect for effect in self.sent if isinstance(effect, kind)]

    def told(self, kind: type[T]) -> list[T]:
        """Messages of one type that the last step told anybody."""
        return [effect.message for effect in self.effects(Tell) if isinstance(effect.message, kind)]

    def timer(self, key: str) -> SetTimer | None:
        """The timer that the last step set."""
        return next((timer for timer in self.effects(SetTimer) if timer.key == key), None)

    def written(self, kind: type[T]) -> list[T]:
        """Journal entries of one type that the last step wrote."""
        entries: list[Entry] = [entry for effect in self.effects(ports.Persist) for entry in effect.entries]
        return [entry for entry in entries if isinstance(entry, kind)]

    def places(self) -> list[OrderPlan]:
        """Orders that the last step asked for."""
        return [plan for submit in self.told(Submit) for plan in submit.places]

    def cancels(self) -> list[ClientId]:
        """Orders that the last step wants to be cancelled."""
        return [client_id for submit in self.told(Submit) for client_id in submit.cancels]

    def opening_levels(self) -> list[int]:
        """Where opening orders are at work, highest first."""
        return sorted((*self.actor.slots.open_buys, *self.actor.slots.open_sells), reverse=True)

    # --- the venue's part --------------------------------------------------------------------------------------------

    def prepare(self, fees: Fees = FEES, history: tuple[Candle, ...] = (), *, past: bool = True) -> list[Any]:
        """Start, and the rules come, and the past with them; without `past` that is still to come."""
        self.step(Start())
        state = AccountState(Decimal(1_000), Decimal(1_000), hedged=False, can_trade=True)
        sent = self.step(ports.SymbolPrepared(INSTRUMENT, fees, state, 5, history, 0))
        if past:
            self.step(ports.CandlesFetched("XUSDT", "1m", history))
        self.sent = sent
        return sent

    def truth(self, **given: Any) -> list[Any]:
        """The venue's view comes; by default there is nothing at all."""
        position = given.pop("position", 0)
        entry = given.pop("entry", Decimal(10_000))
        made = Truth("XUSDT", (), (), Position("XUSDT", position, entry), (), self.now)
        return self.step(ports.TruthFetched(replace(made, **given)))

    def quote(self, bid: float = 10_000.0) -> list[Any]:
        """A price, one tick wide."""
        ticks = round(bid * 10)
        return self.step(Quote(ticks, ticks + 1, self.now))

    def trade(self) -> Market:
        """Everything up to the ladder that rests: buys at 9,950, 9,900 and 9,850."""
        self.prepare()
        self.truth()
        self.quote()
        for plan in self.places():
            self.update(plan, OrderStatus.NEW)
        return self

    def plan(self, level: int) -> OrderPlan:
        """The order that a level has in flight, as it was asked for."""
        order = self.actor.slots.by_level[level].order
        assert order is not None
        request = OrderRequest(order.client_id, "XUSDT", order.side, order.price or None, order.quantity)
        return OrderPlan(request, level, order.kind, order.generation)

    def report(self, plan: OrderPlan, status: OrderStatus, filled: int = 0) -> OrderReport:
        """An order as the venue tells it."""
        request = plan.request
        return OrderReport(
            request.client_id, "XUSDT", "v" + request.client_id, request.side, status, request.price or 0,
            request.quantity, filled, self.now,
        )  # fmt: skip

    def fill(self, plan: OrderPlan, quantity: int | None = None, *, trade_id: int = 0) -> Fill:
        """A new trade of an order, with a fee of one unit."""
        self.trades += 1
        request = plan.request
        return Fill(
            "XUSDT", trade_id or self.trades, request.client_id, "v" + request.client_id, request.side,
            request.price or 0, quantity or request.quantity, Decimal(1), "USDT", True, self.now,
        )  # fmt: skip

    def update(self, plan: OrderPlan, status: OrderStatus, filled: int = 0, fill: Fill | None = None) -> list[Any]:
        """News of an order."""
        return self.step(OrderUpdate(self.report(plan, status, filled), fill))

    def fills(self, plan: OrderPlan) -> list[Any]:
        """An order fills completely."""
        return self.update(plan, OrderStatus.FILLED, plan.request.quantity, self.fill(plan))

    def fails(self, plan: OrderPlan, code: str, **given: Any) -> list[Any]:
        """An order was not placed."""
        return self.step(PlaceFailed(plan.request.client_id, code, "no", **given))

    def stream(self, up: bool) -> list[Any]:
        """The order stream goes or comes."""
        return self.step(StreamGate("order_stream", up, "" if up else "the order stream is down", resync=up))


def holding(mode: GridMode = GridMode.LONG) -> Market:
    """A market that holds one level, with its exit at work."""
    market = Market(replace(SPEC, grid=replace(GRID, mode=mode))).trade()
    market.fills(market.plan(-1))
    market.update(market.plan(-1), OrderStatus.NEW)
    return market
