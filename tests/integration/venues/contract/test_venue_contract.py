"""What every venue adapter owes, checked on the fake in memory and on ccxt.pro against the simulated venue."""

from __future__ import annotations

import pytest

from opensqt_actors.actors.ports import OrderEvent, StreamUp
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    CancelRequest,
    OrderReport,
    OrderStatus,
    RefusalCode,
    Refused,
    Side,
)
from opensqt_actors.venues.port import VenueError

pytestmark = pytest.mark.integration


@pytest.fixture(params=["fake", "simulated"])
async def lab(request: pytest.FixtureRequest, fake_lab, open_simulated):
    if request.param == "fake":
        return fake_lab
    return await open_simulated()


def below(ticks: int, percent: int = 2) -> int:
    return ticks - ticks * percent // 100


def reports(lab, client_id: ClientId) -> list[OrderReport]:
    return [event.report for event in lab.told.of(OrderEvent) if event.report.client_id == client_id]


def told(lab, client_id: ClientId, status: OrderStatus):
    return lambda: any(report.status is status for report in reports(lab, client_id))


def refusal(outcome: object) -> RefusalCode:
    assert isinstance(outcome, Refused), outcome
    return outcome.code


async def test_the_order_stream_comes_up_by_itself(lab) -> None:
    await lab.told.until(lambda: lab.told.of(StreamUp))
    assert lab.told.of(StreamUp)[0] == StreamUp("orders", reconnected=False)


async def test_a_resting_order_is_accepted_told_listed_and_found(lab) -> None:
    bid, _ = await lab.started()
    order = lab.order(below(bid))
    [outcome] = await lab.venue.place([order])
    assert isinstance(outcome, Accepted)
    report = outcome.report
    assert (report.client_id, report.price, report.quantity, report.filled) == (
        *(order.client_id, order.price, order.quantity),
        0,
    )
    await lab.told.until(told(lab, order.client_id, OrderStatus.NEW))
    [listed] = await lab.venue.open_orders(lab.symbol)
    assert listed.client_id == order.client_id
    found = await lab.venue.find(lab.symbol, order.client_id)
    assert found is not None
    assert (found.status, found.venue_id) == (OrderStatus.NEW, report.venue_id)


async def test_a_post_only_order_that_would_cross_is_refused_and_leaves_nothing(lab) -> None:
    bid, ask = await lab.started()
    order = lab.order(ask + (ask - bid) * 2)
    [outcome] = await lab.venue.place([order])
    assert refusal(outcome) is RefusalCode.WOULD_CROSS
    assert await lab.venue.open_orders(lab.symbol) == []


async def test_a_sweep_fills_and_the_fill_is_the_same_in_event_trades_and_order_trades(lab) -> None:
    bid, _ = await lab.started()
    order = lab.order(below(bid))
    await lab.venue.place([order])
    await lab.price(below(bid, 4))
    await lab.told.until(told(lab, order.client_id, OrderStatus.FILLED))
    fills = [event.fill for event in lab.told.of(OrderEvent) if event.fill is not None]
    assert sum(fill.quantity for fill in fills) == order.quantity
    assert {(fill.price, fill.maker, fill.side) for fill in fills} == {(order.price, True, Side.BUY)}
    assert all(fill.fee > 0 and fill.client_id == order.client_id for fill in fills)
    trades = await lab.venue.trades(lab.symbol, 0, 0)
    assert [(t.trade_id, t.price, t.quantity, t.fee) for t in trades] == [
        (f.trade_id, f.price, f.quantity, f.fee) for f in fills
    ]
    assert await lab.venue.trades(lab.symbol, fills[-1].trade_id, 0) == []
    assert len(await lab.venue.order_trades(lab.symbol, fills[0].venue_id)) == len(fills)
    position = await lab.venue.position(lab.symbol)
    assert (position.quantity, position.entry_price) == (order.quantity, lab.instrument.price(order.price))


async def test_a_cancelled_order_ends_and_cannot_be_cancelled_again(lab) -> None:
    bid, _ = await lab.started()
    order = lab.order(below(bid))
    await lab.venue.place([order])
    cancel = CancelRequest(order.client_id, lab.symbol)
    assert await lab.venue.cancel([cancel]) == [Cancelled(order.client_id)]
    await lab.told.until(told(lab, order.client_id, OrderStatus.CANCELED))
    [again] = await lab.venue.cancel([cancel])
    assert refusal(again) is RefusalCode.UNKNOWN_ORDER


async def test_an_order_that_never_was_is_not_known(lab) -> None:
    assert await lab.venue.find(lab.symbol, ClientId("sq0000000000000none")) is None


async def test_each_order_of_a_batch_has_its_own_outcome_in_the_order_given(lab) -> None:
    bid, ask = await lab.started()
    orders = [lab.order(below(bid, percent)) for percent in (2, 3, 4, 5, 6, 7)]
    orders.insert(2, lab.order(ask * 2))
    outcomes = await lab.venue.place(orders)
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, True, False, True, True, True, True]
    assert [o.report.client_id for o in outcomes if isinstance(o, Accepted)] == [
        order.client_id for order in orders if order is not orders[2]
    ]
    cancels = [CancelRequest(order.client_id, lab.symbol) for order in orders]
    ended = await lab.venue.cancel(cancels)
    assert [isinstance(outcome, Cancelled) for outcome in ended] == [True, True, False, True, True, True, True]
    assert await lab.venue.open_orders(lab.symbol) == []


async def test_a_market_order_takes_the_touch(lab) -> None:
    _, ask = await lab.started()
    order = lab.order(None, post_only=False)
    [outcome] = await lab.venue.place([order])
    assert isinstance(outcome, Accepted)
    await lab.told.until(told(lab, order.client_id, OrderStatus.FILLED))
    fills = [event.fill for event in lab.told.of(OrderEvent) if event.fill is not None]
    assert min(fill.price for fill in fills) == ask
    assert not any(fill.maker for fill in fills)


async def test_reduce_only_without_a_position_is_refused(lab) -> None:
    bid, _ = await lab.started()
    [outcome] = await lab.venue.place([lab.order(bid * 2, Side.SELL, reduce_only=True)])
    assert refusal(outcome) is RefusalCode.REDUCE_ONLY


async def test_an_order_beyond_the_margin_is_refused(lab) -> None:
    bid, _ = await lab.started()
    orders = [lab.order(below(bid), quote=15_000) for _ in range(20)]
    outcomes = await lab.venue.place(orders)
    assert RefusalCode.INSUFFICIENT_MARGIN in {outcome.code for outcome in outcomes if isinstance(outcome, Refused)}


async def test_an_order_below_the_minimum_notional_is_refused_by_rule(lab) -> None:
    bid, _ = await lab.started()
    [outcome] = await lab.venue.place([lab.order(below(bid), quote=0)])
    assert refusal(outcome) is RefusalCode.RULE


async def test_a_client_id_that_rests_already_is_refused(lab) -> None:
    bid, _ = await lab.started()
    order = lab.order(below(bid))
    await lab.venue.place([order])
    [outcome] = await lab.venue.place([order])
    assert refusal(outcome) is RefusalCode.DUPLICATE_ID


async def test_what_does_not_trade_is_refused_for_good(lab) -> None:
    with pytest.raises(VenueError) as caught:
        await lab.venue.position("NOSUCHUSDT")
    assert caught.value.final
    bid, _ = await lab.started()
    request = lab.order(bid)
    stranger = type(request)(request.client_id, "NOSUCHUSDT", request.side, request.price, request.quantity)
    outcomes = await lab.venue.place([stranger, lab.order(below(bid))])
    assert refusal(outcomes[0]) is RefusalCode.SYMBOL_CLOSED
    assert isinstance(outcomes[1], Accepted)


async def test_quotes_come_while_subscribed_and_subscribing_twice_changes_nothing(lab) -> None:
    bid, _ = await lab.started()
    await lab.venue.subscribe(lab.instrument)
    again, _ = await lab.price(below(bid, 1))
    assert again < bid
    assert lab.venue.last_frame(lab.symbol) is not None
    await lab.venue.unsubscribe(lab.symbol)
    await lab.venue.unsubscribe(lab.symbol)


async def test_the_account_tells_balance_mode_and_permission(lab) -> None:
    state = await lab.venue.account()
    assert (state.wallet_balance, state.hedged, state.can_trade) == (10_000, False, True)
    assert 0 < state.available <= state.wallet_balance
    fees = await lab.venue.fees(lab.symbol)
    assert 0 < fees.maker < fees.taker
    assert await lab.venue.set_leverage(lab.symbol, 5) == 5
    assert await lab.venue.leverage(lab.symbol) == 5


async def test_positions_are_told_with_their_symbol_and_none_when_there_are_none(lab) -> None:
    assert list(await lab.venue.positions()) == []
    await lab.started()
    [outcome] = await lab.venue.place([lab.order(None, post_only=False)])
    assert isinstance(outcome, Accepted)
    held = await lab.venue.position(outcome.report.symbol)
    assert held.quantity > 0
    [position] = await lab.venue.positions()
    assert (position.symbol, position.quantity, position.entry_price) == (held.symbol, held.quantity, held.entry_price)


async def test_without_funding_there_are_no_payments(lab) -> None:
    assert list(await lab.venue.funding(0)) == []


async def test_closing_twice_is_no_error(lab) -> None:
    await lab.venue.close()
    await lab.venue.close()
