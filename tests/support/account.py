"""An ExchangeActor on a bench: messages in, effects out by type, time by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.exchange import ExchangeActor
from opensqt_actors.actors.exchange_messages import Attach, OrderPlan, PlaceFailed, PlacesWithdrawn, Submit
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    AccountState,
    Fees,
    Fill,
    OrderReport,
    OrderRequest,
    OrderStatus,
    Side,
)
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import SetTimer, Tell

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
FAR = 1 << 62
RISK = ActorId("risk")
T = TypeVar("T")


def instrument(symbol: str) -> Instrument:
    """Rules of a market."""
    return Instrument(symbol, symbol[0], "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))


def prepared(symbol: str) -> ports.SymbolPrepared:
    """The venue's word that a market can be traded."""
    state = AccountState(Decimal(1_000), Decimal(1_000), hedged=False, can_trade=True)
    return ports.SymbolPrepared(instrument(symbol), Fees(Decimal("0.0002"), Decimal("0.0005")), state, 5, ())


class Bench:
    """One account with markets attached. `sent` are the effects of the last step."""

    def __init__(self, *symbols: str, **given: Any) -> None:
        self.now = NOW
        self.board = PriceBoard()
        limits = given.pop("limits", Limits(25.0, 30))
        published = given.pop("published", ports.Published(place_batch=5, cancel_batch=10))
        self.actor = ExchangeActor("main", self.board, limits, risk=RISK, published=published, **given)
        self.actor.orders_up = True
        self.sent: list[Any] = []
        self.coders: dict[str, IdCoder] = {}
        self.trades = 0
        for number, symbol in enumerate(symbols):
            self.coders[symbol] = IdCoder("aa", number)
            self.step(Attach(symbol, number, self.owner(symbol), "aa"))
            self.step(prepared(symbol))

    @staticmethod
    def owner(symbol: str) -> ActorId:
        """The id of a market's SymbolActor."""
        return ActorId(f"symbol:{symbol}")

    def step(self, message: Any, after: int = 0) -> list[Any]:
        """Tell the actor something `after` ns from now."""
        self.now += after
        self.sent = list(self.actor.step(message, self.now))
        return self.sent

    def effects(self, kind: type[T]) -> list[T]:
        """Effects of the last step of one type."""
        return [effect for effect in self.sent if isinstance(effect, kind)]

    def told(self, kind: type[T], symbol: str | None = None) -> list[T]:
        """Messages of one type that the last step told, to one market's actor or to anybody."""
        to = None if symbol is None else self.owner(symbol)
        told: list[object] = []
        for effect in self.effects(Tell):
            if to in (None, effect.to):
                message = effect.message
                told += message.failures if isinstance(message, PlacesWithdrawn) and kind is PlaceFailed else [message]
        return [message for message in told if isinstance(message, kind)]

    def timer(self, key: str) -> SetTimer | None:
        """The timer that the last step set."""
        return next((timer for timer in self.effects(SetTimer) if timer.key == key), None)

    # --- orders ------------------------------------------------------------------------------------------------------

    def plan(
        self, symbol: str = "AUSDT", level: int = 0, kind: OrderKind = OrderKind.OPEN_BUY, generation: int = 1,
        *, again: bool = False,
    ) -> OrderPlan:  # fmt: skip
        """An order that a symbol wants."""
        client_id = self.coders[symbol].encode(level, kind, generation)
        side = Side.BUY if kind.buys else Side.SELL
        return OrderPlan(OrderRequest(client_id, symbol, side, 100, 10), level, kind, generation, again)

    def submit(self, *plans: OrderPlan, cancels: tuple[ClientId, ...] = (), urgent: bool = False) -> list[Any]:
        """A decision of the first plan's symbol."""
        symbol = plans[0].request.symbol if plans else "AUSDT"
        return self.step(Submit(symbol, cancels, plans, -FAR, FAR, urgent))

    def commit(self) -> list[Any]:
        """The intents of the last step become durable; returns the orders that were sent then."""
        placed = []
        for effect in self.effects(ports.CommitIntents):
            self.step(ports.IntentsCommitted(effect.batch))
            placed += [order for sent in self.effects(ports.SendPlaces) for order in sent.orders]
        return placed

    def sent_ids(self) -> list[str]:
        """The client ids of the orders that the last step sent."""
        return [order.client_id for effect in self.effects(ports.SendPlaces) for order in effect.orders]

    def rest(self, *plans: OrderPlan) -> None:
        """Place orders, and have them rest."""
        self.submit(*plans)
        self.commit()
        for plan in plans:
            self.event(plan, OrderStatus.NEW)

    def report(self, plan: OrderPlan, status: OrderStatus, filled: int = 0) -> OrderReport:
        """An order as the venue tells it."""
        request = plan.request
        return OrderReport(
            request.client_id, request.symbol, "v" + request.client_id, request.side, status, request.price or 0, 10,
            filled, self.now,
        )  # fmt: skip

    def fill(self, plan: OrderPlan, quantity: int) -> Fill:
        """A new trade of an order."""
        self.trades += 1
        request = plan.request
        return Fill(
            request.symbol, self.trades, request.client_id, "v" + request.client_id, request.side, 100, quantity,
            Decimal(0), "USDT", True, self.now,
        )  # fmt: skip

    def event(self, plan: OrderPlan, status: OrderStatus, filled: int = 0, fill: Fill | None = None) -> list[Any]:
        """An order event."""
        return self.step(ports.OrderEvent(self.report(plan, status, filled), fill))
