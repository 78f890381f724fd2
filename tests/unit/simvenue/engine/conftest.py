"""A desk at the simulated venue: one scripted market of round numbers, two accounts, and short words for orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from opensqt_actors.simvenue.events import (
    AccountUpdate,
    Event,
    Fill,
    NewOrder,
    Order,
    OrderType,
    OrderUpdate,
    Rejection,
    Side,
    TimeInForce,
)
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.markets.model import Liquidity, MarketModel
from opensqt_actors.simvenue.markets.scripted import ScriptedModel
from opensqt_actors.simvenue.rules import MarketRules

A, B = "sim-a", "sim-b"
SYMBOL = "ABCUSDT"
START = 1_700_000_000_000 - 1_700_000_000_000 % 3_600_000


def abc_rules(**changes: object) -> MarketRules:
    values: dict[str, object] = {
        "symbol": SYMBOL,
        "base": "ABC",
        "quote": "USDT",
        "tick": Decimal("0.1"),
        "step": Decimal("0.01"),
        "reference": Decimal(100),
    }
    return MarketRules(**{**values, **changes})  # type: ignore[arg-type]


class Desk:
    """Prices and quantities in plain numbers; time goes on by a millisecond with each call."""

    def __init__(self, *, background: bool, balance: int, model: MarketModel | None, rules: MarketRules | None) -> None:
        self.rules = rules or abc_rules()
        self.symbol = self.rules.symbol
        self.now = START
        self.exchange = Exchange(now=START)
        self.events: list[Event] = []
        for key in (A, B):
            self.exchange.add_account(key, Decimal(balance))
        liquidity = Liquidity(touch=10_000, levels=20 if background else 0, gap=0.001)
        self.exchange.add_market(self.rules, model or ScriptedModel(liquidity), START)

    def tick(self, ms: int = 1) -> int:
        self.now += ms
        self.exchange.advance(self.now)
        return self.now

    def send(
        self,
        key: str,
        side: Side,
        quantity: object,
        price: object = None,
        tif: TimeInForce = TimeInForce.GTC,
        **more: object,
    ) -> Order | Rejection:
        order = NewOrder(
            symbol=self.symbol,
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=Decimal(str(quantity)),
            price=None if price is None else Decimal(str(price)),
            time_in_force=tif,
            **more,  # type: ignore[arg-type]
        )
        return self.exchange.place(key, order, self.tick())

    def accepted(self, key: str, side: Side, quantity: object, price: object = None, **more: object) -> Order:
        order = self.send(key, side, quantity, price, **more)  # type: ignore[arg-type]
        assert isinstance(order, Order), order
        return order

    def buy(self, key: str, quantity: object, price: object = None, **more: object) -> Order:
        return self.accepted(key, Side.BUY, quantity, price, **more)

    def sell(self, key: str, quantity: object, price: object = None, **more: object) -> Order:
        return self.accepted(key, Side.SELL, quantity, price, **more)

    def refused(self, key: str, side: Side, quantity: object, price: object = None, **more: object) -> int:
        answer = self.send(key, side, quantity, price, **more)  # type: ignore[arg-type]
        assert isinstance(answer, Rejection), answer
        return answer.code

    def price(self, price: object) -> None:
        self.exchange.set_price(self.symbol, self.rules.to_ticks(Decimal(str(price))), self.tick())

    def look(self, order: Order) -> Order:
        found = self.exchange.order(order.account, self.symbol, order_id=order.order_id)
        assert isinstance(found, Order)
        return found

    def fills(self, key: str) -> list[Fill]:
        return self.exchange.fills(key, self.symbol)

    def amount(self, key: str) -> Decimal:
        """Position in base."""
        return self.rules.quantity(self.exchange.position(key, self.symbol).amount)

    def wallet(self, key: str) -> Decimal:
        return self.exchange.summary(key).wallet

    def heard(self) -> list[Event]:
        """Events since the last time this was asked."""
        return self.exchange.drain()

    def told(self, key: str) -> list[OrderUpdate]:
        """Order events of an account since the last time anything was heard."""
        return [event for event in self.heard() if isinstance(event, OrderUpdate) and event.account == key]

    def account_told(self, key: str) -> list[AccountUpdate]:
        return [event for event in self.heard() if isinstance(event, AccountUpdate) and event.account == key]


Open = Callable[..., Desk]


@pytest.fixture
def open_desk() -> Open:
    def make(
        *,
        background: bool = False,
        balance: int = 1_000_000,
        model: MarketModel | None = None,
        rules: MarketRules | None = None,
    ) -> Desk:
        return Desk(background=background, balance=balance, model=model, rules=rules)

    return make


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    """Only the users' own orders are in the book."""
    return open_desk()


@pytest.fixture
def market(open_desk: Open) -> Desk:
    """A background of 99.9 / 100.0 and thousands on each level stands around the users' orders."""
    made = open_desk(background=True)
    made.price("99.9")
    made.heard()
    return made


@pytest.fixture
def abc() -> Callable[..., MarketRules]:
    """Rules of the desk's market, with changes."""
    return abc_rules
