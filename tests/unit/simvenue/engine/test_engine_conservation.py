"""Conservation under random order flow: no money, no quantity and no event is ever lost or made up."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from opensqt_actors.simvenue.account import Account
from opensqt_actors.simvenue.events import (
    AccountUpdate,
    ConfigUpdate,
    Fill,
    NewOrder,
    Order,
    OrderType,
    OrderUpdate,
    Rejection,
    SelfTrade,
    Side,
    TimeInForce,
)
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.markets.model import Liquidity
from opensqt_actors.simvenue.markets.scripted import ScriptedModel
from opensqt_actors.simvenue.matching import priority
from opensqt_actors.simvenue.rules import MarketRules

SYMBOL = "ABCUSDT"
KEYS = ("sim-a", "sim-b")
ZERO = Decimal(0)
PRICES = st.sampled_from([985, 990, 996, 998, 999, 1_000, 1_001, 1_002, 1_004, 1_010, 1_015])


class Trading(RuleBasedStateMachine):
    """Two accounts, one poor, on a thin market; everything that can be done to it, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.rules_ = MarketRules(SYMBOL, "ABC", "USDT", Decimal("0.1"), Decimal("0.03"), Decimal(100))
        self.exchange = Exchange(now=0)
        for key, balance in zip(KEYS, ("50000", "60"), strict=True):
            self.exchange.add_account(key, Decimal(balance))
        model = ScriptedModel(Liquidity(touch=300, levels=4, gap=0.002, split=0.3), spread=4)
        self.exchange.add_market(self.rules_, model, 0)
        self.now = 0
        self.orders: list[Order] = []
        self.sequences = dict.fromkeys(KEYS, 0)
        self.latest: dict[int, Order] = {}
        self.filled: dict[int, int] = defaultdict(int)
        self.held = dict.fromkeys(KEYS, 0)
        self.fills: dict[str, list[Fill]] = defaultdict(list)

    def later(self) -> int:
        self.now += 7
        return self.now

    @rule(
        key=st.sampled_from(KEYS),
        side=st.sampled_from(Side),
        steps=st.integers(1, 400),
        price=PRICES,
        tif=st.sampled_from(TimeInForce),
        market=st.booleans(),
        reduce_only=st.sampled_from([False, False, True]),
        prevention=st.sampled_from(SelfTrade),
    )
    def place(
        self,
        key: str,
        side: Side,
        steps: int,
        price: int,
        tif: TimeInForce,
        market: bool,
        reduce_only: bool,
        prevention: SelfTrade,
    ) -> None:
        market = market and steps % 3 == 0
        order = NewOrder(
            SYMBOL,
            side,
            OrderType.MARKET if market else OrderType.LIMIT,
            self.rules_.quantity(steps),
            None if market else self.rules_.price(price),
            tif,
            reduce_only,
            self_trade=prevention,
        )
        answer = self.exchange.place(key, order, self.later())
        if isinstance(answer, Order):
            self.orders.append(answer)

    @rule(key=st.sampled_from(KEYS), side=st.sampled_from(Side), steps=st.integers(2, 60), price=PRICES)
    def rest(self, key: str, side: Side, steps: int, price: int) -> None:
        self.place(key, side, steps * 3 + 1, price, TimeInForce.GTC, False, False, SelfTrade.NONE)

    @rule(key=st.sampled_from(KEYS), steps=st.integers(1, 300), away=st.integers(-2, 6))
    def leave(self, key: str, steps: int, away: int) -> None:
        position = self.exchange.position(key, SYMBOL)
        side = Side.SELL if position.amount > 0 else Side.BUY
        self.place(key, side, steps, 1_000 - side.sign * away, TimeInForce.GTC, False, True, SelfTrade.NONE)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), steps=st.integers(1, 400), price=PRICES)
    def amend(self, data: st.DataObject, steps: int, price: int) -> None:
        order = data.draw(st.sampled_from(self.orders[-8:]))
        self.exchange.amend(
            order.account,
            SYMBOL,
            self.later(),
            order_id=order.order_id,
            quantity=self.rules_.quantity(steps),
            price=self.rules_.price(price),
        )

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders[-8:]))
        answer = self.exchange.cancel(order.account, SYMBOL, self.later(), order_id=order.order_id)
        assert isinstance(answer, Order) or answer.code == -2011

    @rule(price=st.one_of(st.integers(980, 1_020), st.integers(880, 1_130)))
    def move(self, price: int) -> None:
        self.exchange.set_price(SYMBOL, price, self.later())

    @rule(rate=st.integers(-50, 50))
    def fund(self, rate: int) -> None:
        self.exchange.charge_funding(SYMBOL, self.later(), Decimal(rate) / 10_000)

    @rule(key=st.sampled_from(KEYS), amount=st.integers(1, 50))
    def pay_in(self, key: str, amount: int) -> None:
        self.exchange.transfer(key, Decimal(amount), self.later())

    @rule(key=st.sampled_from(KEYS), leverage=st.integers(1, 50))
    def lever(self, key: str, leverage: int) -> None:
        self.exchange.set_leverage(key, SYMBOL, leverage, self.later())

    @rule()
    def wait(self) -> None:
        self.now += 1_000
        self.exchange.advance(self.now)

    def account(self, key: str) -> Account:
        return self.exchange._accounts[key]

    @invariant()
    def events_tell_the_whole_story(self) -> None:
        for event in self.exchange.drain():
            if isinstance(event, OrderUpdate | AccountUpdate | ConfigUpdate):
                assert event.sequence == self.sequences[event.account] + 1
                self.sequences[event.account] = event.sequence
            if isinstance(event, OrderUpdate):
                before = self.latest.get(event.order.order_id)
                assert before is None or before.status.open, "an ended order changed"
                self.latest[event.order.order_id] = event.order
                if event.fill is not None:
                    self.filled[event.order.order_id] += event.fill.quantity
                    self.fills[event.account].append(event.fill)
                    held = self.held[event.account]
                    self.held[event.account] += event.fill.side.sign * event.fill.quantity
                    if event.fill.reduce_only:
                        assert abs(held) == abs(self.held[event.account]) + event.fill.quantity
        for order in self.latest.values():
            assert order.executed == self.filled[order.order_id] <= order.quantity
            assert self.exchange.order(order.account, SYMBOL, order_id=order.order_id) == order

    @invariant()
    def money_adds_up(self) -> None:
        for key in KEYS:
            summary, position = self.exchange.summary(key), self.exchange.position(key, SYMBOL)
            fills = self.exchange.fills(key, SYMBOL, limit=10**9)
            booked = summary.initial + summary.transfers - summary.fees + summary.funding + summary.insurance
            assert summary.wallet == booked + summary.realized
            assert summary.realized == sum((fill.realized for fill in fills), ZERO) == position.realized
            assert summary.fees == sum((fill.commission for fill in fills), ZERO)
            assert position.amount == sum(fill.side.sign * fill.quantity for fill in fills)
            cash = sum((-fill.side.sign * fill.quote for fill in fills), ZERO)
            assert summary.wallet + summary.unrealized == booked + cash + position.notional
            income = sum((line.amount for line in self.exchange.income(key, limit=10**9)), ZERO)
            assert summary.wallet == summary.initial + income
            assert position.amount or position.cost == 0

    @invariant()
    def trades_between_users_have_two_sides(self) -> None:
        trades = {trade.trade_id: trade for trade in self.exchange.market_trades(SYMBOL, limit=1_000)}
        sides: dict[int, list[Fill]] = defaultdict(list)
        for fills in self.fills.values():
            for fill in fills:
                sides[fill.trade_id].append(fill)
        for trade_id, both in sides.items():
            assert len(both) <= 2
            if len(both) == 2:
                one, other = both
                assert (one.price, one.quantity) == (other.price, other.quantity)
                assert one.side is other.side.opposite
                assert one.maker is not other.maker
            if trade_id in trades:
                assert (trades[trade_id].price, trades[trade_id].quantity) == (both[0].price, both[0].quantity)

    @invariant()
    def the_book_holds_exactly_the_open_orders(self) -> None:
        book = self.exchange._markets[SYMBOL].book
        resting = {o.order_id: o for side in Side for o in book.resting(side)}
        assert resting == {k: v for key in KEYS for k, v in self.account(key).live.items()}
        assert all(order.status.open and 0 <= order.executed < order.quantity for order in resting.values())
        for side in Side:
            ranked = [priority(order) for order in book.resting(side)]
            assert ranked == sorted(ranked)
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert not bid or not ask or bid < ask
        for key in KEYS:
            mine = [order for order in resting.values() if order.account == key]
            position = self.account(key).position(self.exchange._markets[SYMBOL])
            for side, reserved in ((Side.BUY, position.bids), (Side.SELL, position.asks)):
                opening = [order for order in mine if order.side is side and not order.reduce_only]
                assert reserved == sum(order.price * order.remaining for order in opening)
            assert position.resting == len(mine)
            assert {o.order_id for o in position.reducing} == {o.order_id for o in mine if o.reduce_only}

    @invariant()
    def exits_never_exceed_the_position(self) -> None:
        for key in KEYS:
            position = self.account(key).position(self.exchange._markets[SYMBOL])
            before = 0
            for order in sorted(position.reducing, key=priority):
                assert order.side.sign * position.amount < 0
                assert before < abs(position.amount)
                before += order.remaining

    @invariant()
    def what_is_available_needs_no_second_count(self) -> None:
        for key in KEYS:
            account = self.account(key)
            summary = account.summary()
            margin = summary.position_margin + summary.order_margin
            assert account.available() == summary.margin_balance - margin


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def test_a_refusal_is_not_an_order() -> None:
    exchange = Exchange(now=0)
    exchange.add_account("sim-a", Decimal(1))
    answer = exchange.place("sim-a", NewOrder(SYMBOL, Side.BUY, OrderType.MARKET, Decimal(1)), 1)
    assert isinstance(answer, Rejection)
