"""Money: fees, P&L, funding, margin, liquidation, settlement. Always exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opensqt_actors.simvenue.events import (
    AccountUpdate,
    ConfigUpdate,
    Execution,
    ExpiryReason,
    IncomeType,
    MarginType,
    MarketStatus,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Side,
    UpdateReason,
)
from opensqt_actors.simvenue.markets.scripted import ScriptedModel

A, B = "sim-a", "sim-b"
D = Decimal
MILLION = D(1_000_000)


def trade(desk: Any, buyer: str, seller: str, quantity: object, price: object) -> None:
    desk.sell(seller, quantity, price)
    desk.buy(buyer, quantity, price)


def balanced(desk: Any, key: str) -> bool:
    s = desk.exchange.summary(key)
    return bool(s.wallet == s.initial + s.transfers + s.realized - s.fees + s.funding + s.insurance)


def test_maker_and_taker_pay_their_own_rates(desk: Any) -> None:
    trade(desk, A, B, 2, 100)
    assert desk.wallet(A) == MILLION - D("0.1")
    assert desk.wallet(B) == MILLION - D("0.04")
    assert desk.fills(A)[0].commission == D("0.1")
    desk.exchange.set_fees(A, D("0.001"), D("0.002"))
    assert desk.exchange.fees(A) == (D("0.001"), D("0.002"))
    trade(desk, A, B, 2, 100)
    assert desk.fills(A)[1].commission == D("0.4")


def test_a_rebate_is_a_negative_fee(desk: Any) -> None:
    desk.exchange.set_fees(B, D("-0.0001"), D("0.0005"))
    trade(desk, A, B, 1, 100)
    assert desk.wallet(B) == MILLION + D("0.01")


def test_a_round_trip_earns_the_difference(desk: Any) -> None:
    trade(desk, A, B, 1, 100)
    trade(desk, B, A, 1, 103)
    assert desk.fills(A)[1].realized == 3
    assert desk.fills(B)[1].realized == -3
    assert desk.amount(A) == desk.amount(B) == 0


def test_a_position_enters_at_the_mean_price_and_leaves_in_parts(desk: Any) -> None:
    trade(desk, A, B, 1, 100)
    trade(desk, A, B, 2, 103)
    position = desk.exchange.position(A, desk.symbol)
    assert (position.entry_price, position.cost) == (102, 306)
    trade(desk, B, A, 1, 105)
    assert desk.fills(A)[2].realized == 3
    assert desk.exchange.position(A, desk.symbol).entry_price == 102


def test_a_trade_through_zero_realises_and_opens_the_other_way(desk: Any) -> None:
    trade(desk, A, B, 1, 100)
    trade(desk, B, A, 3, 104)
    position = desk.exchange.position(A, desk.symbol)
    assert desk.fills(A)[1].realized == 4
    assert (position.amount, position.entry_price, position.cost) == (-200, 104, -208)


def test_thirds_lose_no_cent(desk: Any) -> None:
    for price in ("100", "100.1", "100.1"):
        trade(desk, A, B, 1, price)
    for price in ("101", "99.7", "100.3"):
        trade(desk, B, A, 1, price)
    cash = sum((fill.quote * -fill.side.sign for fill in desk.fills(A)), D(0))
    assert sum((fill.realized for fill in desk.fills(A)), D(0)) == cash
    assert desk.exchange.position(A, desk.symbol).cost == 0
    assert balanced(desk, A)


def test_unrealized_profit_follows_the_mark(market: Any) -> None:
    market.buy(A, 10)
    bought = market.fills(A)[0].quote
    market.price(102)
    summary = market.exchange.summary(A)
    assert summary.unrealized == 1020 - bought
    assert summary.margin_balance == summary.wallet + summary.unrealized


def test_margin_of_positions_and_orders_reduces_what_is_available(desk: Any) -> None:
    trade(desk, A, B, 10, 100)
    desk.buy(A, 4, 100)
    summary = desk.exchange.summary(A)
    assert summary.position_margin == 50
    assert summary.order_margin == 20
    assert summary.available == summary.margin_balance - 70
    assert desk.exchange.set_leverage(A, desk.symbol, 10, desk.tick()) is None
    assert desk.exchange.summary(A).position_margin == 100


def test_longs_pay_shorts_at_the_funding_time_on_the_mark_value(desk: Any) -> None:
    trade(desk, A, B, 10, 100)
    desk.exchange.set_funding_rate(desk.symbol, D("0.0003"))
    coming = desk.exchange.mark_price(desk.symbol)
    before = desk.wallet(A), desk.wallet(B)
    desk.exchange.advance(coming.next_funding - 1)
    assert (desk.wallet(A), desk.wallet(B)) == before
    desk.exchange.drain()
    desk.exchange.advance(coming.next_funding)
    assert desk.wallet(A) == before[0] - D("0.3")
    assert desk.wallet(B) == before[1] + D("0.3")
    told = [e for e in desk.exchange.drain() if isinstance(e, AccountUpdate) and e.account == A]
    assert [(e.reason, e.change) for e in told] == [(UpdateReason.FUNDING_FEE, D("-0.3"))]
    assert desk.exchange.summary(A).funding == D("-0.3")
    assert desk.exchange.mark_price(desk.symbol).next_funding == coming.next_funding + 8 * 3_600_000


def test_funding_can_be_charged_by_hand_at_any_rate(desk: Any) -> None:
    trade(desk, A, B, 1, 100)
    desk.exchange.charge_funding(desk.symbol, desk.tick(), D("-0.01"))
    assert desk.exchange.summary(A).funding == 1
    desk.exchange.charge_funding(desk.symbol, desk.tick())
    assert desk.exchange.summary(A).funding == D("0.99")


def test_each_booking_has_a_line_of_income(desk: Any) -> None:
    trade(desk, A, B, 1, 100)
    trade(desk, B, A, 1, 101)
    desk.exchange.transfer(A, D(50), desk.tick())
    lines = desk.exchange.income(A)
    assert [(line.type, line.amount) for line in lines] == [
        (IncomeType.COMMISSION, D("-0.05")),
        (IncomeType.REALIZED_PNL, D(1)),
        (IncomeType.COMMISSION, D("-0.0202")),
        (IncomeType.TRANSFER, D(50)),
    ]
    ids = [line.tran_id for line in lines]
    assert ids == sorted(set(ids))
    assert sum((line.amount for line in lines), D(0)) == desk.wallet(A) - MILLION
    assert desk.exchange.income(A, type=IncomeType.REALIZED_PNL) == lines[1:2]
    assert desk.exchange.income(A, symbol=desk.symbol, start=lines[1].time, limit=1) == lines[1:2]
    assert desk.exchange.income(A, end=lines[0].time) == lines[:1]


def test_a_losing_account_is_liquidated(open_desk: Any) -> None:
    desk = open_desk(background=True, balance=100)
    order = desk.buy(A, 15)
    assert order.status is OrderStatus.FILLED
    promised = desk.exchange.position(A, desk.symbol).liquidation_price
    assert 90 < promised < 100
    just_above = promised.quantize(D("0.1"), "ROUND_CEILING")
    desk.price(just_above)
    assert desk.amount(A) == 15
    desk.heard()
    desk.price(just_above - D("0.1"))
    assert desk.amount(A) == 0
    closing = [event for event in desk.told(A) if event.order.type is OrderType.LIQUIDATION]
    assert closing[0].execution is Execution.NEW
    assert closing[0].order.client_id.startswith("autoclose-")
    assert closing[-1].execution is Execution.CALCULATED
    assert closing[-1].order.status is OrderStatus.FILLED
    assert balanced(desk, A)


def test_a_liquidation_cancels_open_orders_first(open_desk: Any) -> None:
    desk = open_desk(background=True, balance=100)
    desk.buy(A, 18)
    resting = desk.sell(A, 1, 110)
    desk.heard()
    desk.price(94)
    assert desk.look(resting).status is OrderStatus.EXPIRED
    assert desk.told(A)[0].expiry is ExpiryReason.LIQUIDATION


def test_an_overrun_wallet_is_filled_up_by_the_insurance(open_desk: Any) -> None:
    desk = open_desk(background=True, balance=100)
    desk.buy(A, 18)
    desk.price(80)
    summary = desk.exchange.summary(A)
    assert summary.wallet == 0
    assert summary.insurance > 0
    assert balanced(desk, A)
    assert desk.exchange.income(A)[-1].type is IncomeType.INSURANCE_CLEAR


def test_a_liquidation_without_a_book_is_taken_at_the_mark(desk: Any) -> None:
    desk.exchange.transfer(A, D(-999_900), desk.tick())
    trade(desk, A, B, 18, 100)
    desk.price(95)
    assert desk.amount(A) == 0
    assert desk.fills(A)[-1].price == 950
    assert desk.amount(B) == -18  # the other side keeps its position: the venue took the loser's


def test_only_as_much_is_liquidated_as_is_needed(open_desk: Any, abc: Any) -> None:
    desk = open_desk(background=True, balance=200)
    desk.exchange.add_market(abc(symbol="XYZUSDT"), ScriptedModel(), desk.now)
    desk.buy(A, 30)
    desk.symbol = "XYZUSDT"
    desk.buy(A, 1)
    desk.symbol = "ABCUSDT"
    desk.price("94.1")
    assert desk.amount(A) == 0
    assert desk.exchange.position(A, "XYZUSDT").amount == 100


def test_a_delisted_market_cancels_orders_and_takes_none(desk: Any) -> None:
    trade(desk, A, B, 1, 100)
    order = desk.buy(A, 1, 90)
    desk.heard()
    desk.exchange.delist(desk.symbol, desk.tick())
    assert desk.exchange.status(desk.symbol) is MarketStatus.SETTLING
    told = desk.told(A)
    assert [(e.order.order_id, e.execution, e.expiry) for e in told] == [
        (order.order_id, Execution.CANCELED, ExpiryReason.DELISTED)
    ]
    assert desk.refused(A, Side.BUY, 1, 90) == -4141
    assert desk.amount(A) == 1
    with pytest.raises(ValueError, match="delisted"):
        desk.price(99)


def test_settlement_closes_positions_at_the_mark_for_nothing(desk: Any) -> None:
    trade(desk, A, B, 1, 100)
    desk.price(105)
    fees = desk.exchange.summary(A).fees
    desk.exchange.delist(desk.symbol, desk.tick(), settle=True)
    last = desk.fills(A)[-1]
    assert (last.price, last.realized, last.commission) == (1050, 5, 0)
    assert last.client_id.startswith("settlement_autoclose-")
    assert desk.exchange.summary(A).fees == fees
    assert desk.amount(A) == desk.amount(B) == 0


def test_settings_are_told(desk: Any) -> None:
    desk.heard()
    desk.exchange.set_leverage(A, desk.symbol, 7, desk.tick())
    desk.exchange.set_margin_type(A, desk.symbol, MarginType.ISOLATED, desk.tick())
    desk.exchange.set_hedge_mode(A, True, desk.tick())
    leverage, margin, mode = [e for e in desk.heard() if isinstance(e, ConfigUpdate | AccountUpdate)]
    assert isinstance(leverage, ConfigUpdate)
    assert (leverage.symbol, leverage.leverage, leverage.hedge_mode) == (desk.symbol, 7, None)
    assert isinstance(margin, AccountUpdate)
    assert margin.reason is UpdateReason.MARGIN_TYPE_CHANGE
    assert margin.positions[0].margin_type is MarginType.ISOLATED
    assert isinstance(mode, ConfigUpdate)
    assert (mode.symbol, mode.hedge_mode) == (None, True)


def test_an_account_update_precedes_the_order_update_of_its_trade(desk: Any) -> None:
    desk.sell(B, 1, 100)
    desk.heard()
    desk.buy(A, 1, 100)
    mine = [e for e in desk.heard() if isinstance(e, AccountUpdate | OrderUpdate) and e.account == A]
    update, trade_event = mine[1:]
    assert isinstance(update, AccountUpdate)
    assert update.wallet == desk.wallet(A)
    assert (update.positions[0].amount, update.positions[0].entry_price) == (100, 100)
    assert isinstance(trade_event, OrderUpdate)
    assert trade_event.execution is Execution.TRADE
