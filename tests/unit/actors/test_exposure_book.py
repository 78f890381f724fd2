from __future__ import annotations

from decimal import Decimal
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.exchange import ExchangeActor
from opensqt_actors.actors.exchange_messages import Attach, Detach, OrderPlan, PlaceFailed, Submit, Sweep
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.domain.exposure import ExposureLimits, Limit
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import AccountState, Fees, OrderReport, OrderRequest, OrderStatus, Side
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Tell

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
NAMES = ("XUSDT", "YUSDT")
PRICE = 1_000  # ticks of 0.1; a step is 1, so that a quantity of 1 is worth 100


class Account:
    """An ExchangeActor with two symbols attached; the test is everybody else."""

    def __init__(self, limits: ExposureLimits) -> None:
        self.now = NOW
        self.exchange = ExchangeActor("main", PriceBoard(), Limits(1_000, 1_000), exposure=limits)
        self.exchange.orders_up = True
        self.coders = {name: IdCoder("s1", number) for number, name in enumerate(NAMES, start=1)}
        self.generation = 0
        self.held: dict[str, tuple[int, int]] = {}
        self.effects: list[Any] = []
        self.heard = 0
        for number, name in enumerate(NAMES, start=1):
            self.step(Attach(name, number, ActorId(name), "s1"))
            instrument = Instrument(name, "X", "USDT", Decimal("0.1"), Decimal(1))
            state = AccountState(Decimal(100), Decimal(100), hedged=False, can_trade=True)
            self.step(ports.SymbolPrepared(instrument, Fees(Decimal(0), Decimal(0)), state, 1, ()))

    def step(self, message: Any) -> list[Any]:
        return list(self.exchange.step(message, self.now))

    def order(self, quantity: int, kind: OrderKind = OrderKind.OPEN_BUY, symbol: str = "XUSDT") -> ClientId:
        """A symbol asks for an order; the id that it gave it."""
        self.generation += 1
        client_id = self.coders[symbol].encode(-1, kind, self.generation)
        side = Side.BUY if kind.buys else Side.SELL
        plan = OrderPlan(OrderRequest(client_id, symbol, side, PRICE, quantity), -1, kind, self.generation)
        self.effects = self.step(Submit(symbol, (), (plan,), 0, 0, False, *self.held.get(symbol, (0, 0)), self.heard))
        return client_id

    def hold(self, long: int, short: int = 0, symbol: str = "XUSDT") -> None:
        """A symbol says what its slots hold, in units of quantity."""
        self.held[symbol] = (long * PRICE, short * PRICE)
        self.step(Submit(symbol, (), (), 0, 0, False, *self.held[symbol], self.heard))

    @property
    def written(self) -> bool:
        """Whether the newest order's intent was asked to be written."""
        return any(isinstance(effect, ports.CommitIntents) for effect in self.effects)

    @property
    def refusal(self) -> PlaceFailed:
        """What the symbol was told of its newest order."""
        return next(e.message for e in self.effects if isinstance(e, Tell) and isinstance(e.message, PlaceFailed))

    def report(self, client_id: ClientId, status: OrderStatus, quantity: int, filled: int = 0) -> None:
        """The venue tells the state of an order."""
        report = OrderReport(client_id, "XUSDT", "1", Side.BUY, status, PRICE, quantity, filled, self.now)
        self.step(ports.OrderEvent(report, None))

    def seconds(self, count: int) -> list[Any]:
        """Time passes; what the account does by itself."""
        effects: list[Any] = []
        for _ in range(count):
            self.now += SECOND
            effects += self.step(Sweep())
        return effects


def symbol_limit(most: int) -> ExposureLimits:
    return ExposureLimits(symbol=Limit(Decimal(most)))


def test_an_order_above_a_limit_is_refused_before_its_intent_is_written() -> None:
    account = Account(symbol_limit(250))
    account.order(2)
    assert account.written
    refused = account.order(1)
    assert not account.written
    assert (account.refusal.client_id, account.refusal.code) == (refused, "exposure_symbol")
    assert account.refusal.sentence == "XUSDT would come to 300.00, above the limit: 250 (notional, symbol)"
    assert not account.refusal.journalled


def test_only_the_side_that_would_grow_is_blocked() -> None:
    account = Account(symbol_limit(250))
    account.hold(long=2)
    account.order(1)
    assert not account.written
    account.order(2, OrderKind.OPEN_SELL)
    assert account.written
    account.order(50, OrderKind.EXIT_SELL)
    assert account.written


def test_one_order_and_all_symbols_together_have_limits_of_their_own() -> None:
    account = Account(ExposureLimits(order=Limit(Decimal(150)), account=Limit(Decimal(200))))
    account.order(2)
    assert account.refusal.code == "exposure_order"
    account.order(1)
    account.order(1, symbol="YUSDT")
    assert account.written
    account.order(1, symbol="YUSDT")
    assert account.refusal.code == "exposure_account"


def test_an_order_that_ended_without_a_fill_makes_room_at_once() -> None:
    account = Account(symbol_limit(200))
    order = account.order(2)
    account.report(order, OrderStatus.NEW, 2)
    account.report(order, OrderStatus.CANCELED, 2)
    account.order(2)
    assert account.written


def test_a_filled_order_counts_until_its_symbol_has_said_what_it_holds() -> None:
    account = Account(symbol_limit(200))
    order = account.order(2)
    account.report(order, OrderStatus.FILLED, 2, 2)
    account.exchange.tracker.end(order)
    assert account.exchange.desk.exposure.exposure("XUSDT") == 200
    account.order(1)
    assert account.refusal.code == "exposure_unknown"
    account.heard = 1
    account.hold(long=2)
    account.order(1)
    assert account.refusal.code == "exposure_symbol"
    account.hold(long=1)
    account.order(1)
    assert account.written


def test_room_that_a_fill_only_seems_to_leave_is_not_used_by_the_other_side() -> None:
    account = Account(symbol_limit(200))
    account.order(1)
    sell = account.order(2, OrderKind.OPEN_SELL)
    account.report(sell, OrderStatus.FILLED, 2, 2)
    account.exchange.tracker.end(sell)
    account.hold(long=0, short=2)
    account.order(3)
    assert not account.written


def test_orders_that_an_earlier_life_left_at_rest_are_counted() -> None:
    account = Account(symbol_limit(200))
    old = account.coders["XUSDT"].encode(-2, OrderKind.OPEN_BUY, 500)
    account.report(old, OrderStatus.NEW, 2)
    account.seconds(1)
    account.order(1)
    assert not account.written


def test_a_symbol_that_has_left_counts_no_more() -> None:
    account = Account(ExposureLimits(account=Limit(Decimal(100))))
    account.hold(long=1)
    account.order(1, symbol="YUSDT")
    assert not account.written
    account.step(Detach("XUSDT"))
    account.order(1, symbol="YUSDT")
    assert account.written


def test_a_leverage_limit_waits_for_the_equity_and_follows_it() -> None:
    account = Account(ExposureLimits(account=Limit(leverage=Decimal(2))))
    account.order(1)
    assert account.refusal.code == "equity_unknown"
    assert ports.FetchAccount() in account.seconds(1)
    state = AccountState(Decimal(100), Decimal(100), hedged=False, can_trade=True, equity=Decimal(60))
    account.step(ports.AccountFetched(state))
    account.order(1)
    assert account.written
    account.order(1)
    assert account.refusal.code == "leverage_account"
    assert account.seconds(12).count(ports.FetchAccount()) == 1
    account.seconds(60)
    account.order(1)
    assert account.refusal.code == "equity_unknown"


def test_without_limits_nothing_is_asked_or_counted() -> None:
    account = Account(ExposureLimits())
    account.order(1_000_000)
    assert account.written
    assert ports.FetchAccount() not in account.seconds(30)
