"""Driver, ccxt.pro and the simulated venue together: nothing is lost when the order stream breaks during a burst."""

from __future__ import annotations

from typing import Any

import pytest

from opensqt_actors.actors import ports
from opensqt_actors.domain.orders import Accepted, Fill
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.kernel import ActorRef, Port
from opensqt_actors.venues import driver as driver_module
from opensqt_actors.venues.ccxt.binanceusdm import BinanceUsdm
from opensqt_actors.venues.driver import VenueDriver

pytestmark = pytest.mark.integration
EXCHANGE = ActorId("shard-0/exchange:main")
SENDER = ActorRef(EXCHANGE, 1)


class Mailbox:
    """A host of which only the mailbox is used: what actors would be told lands with the events of the venue."""

    def __init__(self, told: Any) -> None:
        self._told = told

    def start(self, actor: ActorId, behaviour: Behaviour) -> ActorRef:
        raise AssertionError("a driver starts no actors")

    def bind(self, effect_type: type, port: Port) -> None:
        raise AssertionError("only a router binds")

    def close(self) -> None:
        """Nothing is held."""

    def tell(self, to: ActorId | ActorRef, message: Any) -> None:
        self._told.on_event(message)


@pytest.fixture
async def driven(open_simulated, quick, monkeypatch: pytest.MonkeyPatch):
    """An account behind a driver, subscribed to its symbol: the lab, the driver, what was told, the best bid."""
    monkeypatch.setattr(driver_module, "_FUNDING_SETTLES", 0.01)
    made: list[VenueDriver] = []

    async def opening(venue: BinanceUsdm, told: Any) -> None:
        made.append(VenueDriver(Mailbox(told), venue, EXCHANGE))
        await made[0].open(told.on_quote)

    lab = await open_simulated(quick, opening)
    bid, _ = await lab.started()
    yield lab, made[0], lab.told, bid
    await made[0].close()


async def test_f04_a_burst_of_fills_with_the_order_stream_cut_in_the_middle_loses_none(driven, simulator) -> None:
    lab, driver, told, bid = driven
    listen_key = {"path": "/fapi/v1/listenKey", "method": "POST", "account": lab.key}
    orders = [lab.order(bid - bid // 100 - k * max(1, bid // 2_000), quote=20) for k in range(80)]
    for start in range(0, len(orders), 5):
        driver.perform(SENDER, ports.SendPlaces(tuple(orders[start : start + 5])))
    await told.until(lambda: len(told.of(ports.PlacesAnswered)) == 16)
    outcomes = [outcome for answer in told.of(ports.PlacesAnswered) for outcome in answer.outcomes]
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)

    def heard() -> list[Fill]:
        return [event.fill for event in told.of(ports.OrderEvent) if event.fill is not None]

    await lab.move(orders[39].price - 1)
    await told.until(lambda: len({fill.client_id for fill in heard()}) >= 39)
    await simulator.fault(listen_key, "error", http_status=503)
    await simulator.admin("POST", "/sockets/reset", {"kind": "user"})
    await told.until(lambda: told.of(ports.StreamDown))
    await lab.move(orders[79].price - max(1, bid // 200))
    booked = (await simulator.admin("GET", f"/accounts/{lab.key}/fills"))["fills"]
    assert len(booked) >= 80
    assert len(heard()) < len(booked)
    await simulator.admin("DELETE", "/faults")
    await told.until(lambda: ports.StreamUp("orders", reconnected=True) in told.events)

    known = {event.report.venue_id: event.report.client_id for event in told.of(ports.OrderEvent)}
    last = max(fill.trade_id for fill in heard())
    open_ids = tuple(o.client_id for o in orders if o.client_id not in {fill.client_id for fill in heard()})
    driver.perform(SENDER, ports.FetchTruth(lab.symbol, open_ids, known, last, 0))
    [answer] = await told.until(lambda: told.of(ports.TruthFetched))
    fills = {fill.trade_id: fill for fill in [*heard(), *answer.truth.fills]}
    assert sorted(fills) == sorted(int(row["id"]) for row in booked)
    assert {fill.client_id for fill in fills.values()} == {order.client_id for order in orders}
    assert sum(fill.quantity for fill in fills.values()) == answer.truth.position.quantity
    assert answer.truth.position.quantity == sum(order.quantity for order in orders)
    assert not answer.truth.open_orders


async def test_f33_events_that_come_twice_or_swapped_are_all_told(driven, simulator) -> None:
    lab, driver, told, bid = driven
    order = lab.order(bid - bid // 50)
    await simulator.fault({"account": lab.key, "event": "ORDER_TRADE_UPDATE"}, "duplicate_event", count=1)
    driver.perform(SENDER, ports.SendPlaces((order,)))
    await told.until(lambda: len(told.of(ports.OrderEvent)) == 2)
    first, second = told.of(ports.OrderEvent)
    assert first == second


async def test_funding_that_the_venue_books_is_told_with_its_id(driven, simulator) -> None:
    lab, driver, told, _ = driven
    order = lab.order(None, post_only=False)
    driver.perform(SENDER, ports.SendPlaces((order,)))
    await told.until(lambda: told.of(ports.PlacesAnswered))
    await simulator.admin("POST", f"/accounts/{lab.key}/funding", {"symbol": lab.symbol, "rate": "0.01"})
    [seen] = await told.until(lambda: told.of(ports.FundingSeen))
    [payment] = seen.payments
    assert payment.symbol == lab.symbol
    assert payment.amount < 0
    assert payment.payment_id
    assert list(await lab.venue.funding(0)) == [payment]


async def test_f38_a_mistyped_symbol_is_refused_by_name(driven) -> None:
    _, driver, told, _ = driven
    driver.perform(SENDER, ports.PrepareSymbol("BTCUSDTT"))
    [refused] = await told.until(lambda: told.of(ports.SymbolRefused))
    assert refused.final
    assert refused.reason == "the venue has no perpetual with the name BTCUSDTT; did you mean BTCUSDT?"


async def test_a_symbol_is_prepared_with_the_rules_and_the_state_of_the_account(driven) -> None:
    lab, driver, told, _ = driven
    driver.perform(SENDER, ports.PrepareSymbol(lab.symbol))
    [prepared] = await told.until(lambda: told.of(ports.SymbolPrepared))
    assert prepared.instrument == lab.instrument
    assert (prepared.leverage, prepared.account.can_trade, prepared.account.hedged) == (20, True, False)
    assert prepared.fees.taker > prepared.fees.maker > 0
    assert all(candle.closed for candle in prepared.history)
