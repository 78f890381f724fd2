"""The driver over the fake venue: each effect is answered once, with the documented message, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.actors import ports
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    CancelRequest,
    Candle,
    FundingPayment,
    NotSent,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OutcomeUnknown,
    Side,
)
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.kernel import ActorRef, Port
from opensqt_actors.venues import driver as driver_module
from opensqt_actors.venues import procedures
from opensqt_actors.venues.driver import VenueDriver, VenueRouter
from opensqt_actors.venues.fake import MINUTE, FakeVenue, Trouble

EXCHANGE = ActorId("shard-0/exchange:main")
DAY = 86_400 * 1_000_000_000
SENDER = ActorRef(EXCHANGE, 1)


class Host:
    """What a driver needs of a host: who was told what, and which ports are bound."""

    def __init__(self) -> None:
        self.told: list[tuple[ActorId | ActorRef, Any]] = []
        self.ports: dict[type, Port] = {}
        self._news = asyncio.Event()

    def start(self, actor: ActorId, behaviour: Behaviour) -> ActorRef:
        raise AssertionError("a driver starts no actors")

    def tell(self, to: ActorId | ActorRef, message: Any) -> None:
        self.told.append((to, message))
        self._news.set()

    def bind(self, effect_type: type, port: Port) -> None:
        assert effect_type not in self.ports
        self.ports[effect_type] = port

    def close(self) -> None:
        """Nothing is held."""

    def answers(self) -> list[Any]:
        return [message for to, message in self.told if to == SENDER]

    async def answer(self, count: int = 1) -> Any:
        """The newest of at least `count` answers."""
        async with asyncio.timeout(5):
            while len(self.answers()) < count:
                self._news.clear()
                await self._news.wait()
        return self.answers()[-1]


class World:
    """A driver on a fake venue with two markets at a price of 100."""

    def __init__(self, venue: FakeVenue, host: Host, driver: VenueDriver) -> None:
        self.venue, self.host, self.driver = venue, host, driver
        self._count = 0

    async def ask(self, effect: Any) -> Any:
        before = len(self.host.answers())
        self.driver.perform(SENDER, effect)
        return await self.host.answer(before + 1)

    def order(self, price: int | None = 9_000, **more: Any) -> OrderRequest:
        self._count += 1
        return OrderRequest(ClientId(f"sq0000000000000{self._count:04}"), "AAAUSDT", Side.BUY, price, 1_000, **more)


def rules(symbol: str) -> Instrument:
    return Instrument(
        symbol, symbol.removesuffix("USDT"), "USDT", Decimal("0.01"), Decimal("0.001"), min_notional=Decimal(5)
    )


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(driver_module, "_FUNDING_SETTLES", 0.0)
    venue, host = FakeVenue([rules("AAAUSDT"), rules("BBBUSDT")]), Host()
    driver = VenueDriver(host, venue, EXCHANGE)
    await driver.open(lambda *_: None)
    venue.set_price("AAAUSDT", 10_000)
    yield World(venue, host, driver)
    await driver.close()


async def test_events_of_the_venue_go_to_the_exchange_actor_in_order(world: World) -> None:
    await world.ask(ports.SendPlaces((world.order(),)))
    to_exchange = [message for to, message in world.host.told if to == EXCHANGE]
    assert to_exchange[0] == ports.StreamUp("orders", reconnected=False)
    assert isinstance(to_exchange[1], ports.OrderEvent)


async def test_places_and_cancels_are_answered_in_the_order_sent(world: World) -> None:
    orders = tuple(world.order(price) for price in (9_000, 20_000, 9_100))
    placed = await world.ask(ports.SendPlaces(orders))
    assert [isinstance(outcome, Accepted) for outcome in placed.outcomes] == [True, False, True]
    cancels = tuple(CancelRequest(order.client_id, order.symbol) for order in orders)
    ended = await world.ask(ports.SendCancels(cancels))
    assert [isinstance(outcome, Cancelled) for outcome in ended.outcomes] == [True, False, True]


async def test_a_found_order_comes_with_its_fills_and_their_client_id(world: World) -> None:
    order = world.order()
    await world.ask(ports.SendPlaces((order,)))
    world.venue.fill_part(order.client_id, 400)
    found = await world.ask(ports.FindOrder("AAAUSDT", order.client_id))
    assert found.report.status is OrderStatus.PARTIALLY_FILLED
    assert [(fill.client_id, fill.quantity) for fill in found.fills] == [(order.client_id, 400)]


async def test_an_order_without_fills_is_found_without_asking_for_trades(world: World) -> None:
    order = world.order()
    await world.ask(ports.SendPlaces((order,)))
    found = await world.ask(ports.FindOrder("AAAUSDT", order.client_id))
    assert found.fills == ()
    assert "order_trades AAAUSDT" not in world.venue.requests


@pytest.mark.parametrize("hangs", [False, True])
async def test_f37_a_symbol_is_prepared_without_its_candles_when_they_do_not_come(
    world: World, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> Sequence[Candle]:
        await asyncio.Event().wait()
        raise AssertionError

    if hangs:
        monkeypatch.setattr(procedures, "HISTORY_PATIENCE", 0.01)
        monkeypatch.setattr(world.venue, "candles", never)
    else:
        world.venue.trouble("candles", Trouble.NOT_SENT)
    prepared = await world.ask(ports.PrepareSymbol("AAAUSDT"))
    assert isinstance(prepared, ports.SymbolPrepared)
    assert prepared.history == ()


async def test_an_unknown_order_and_a_failed_look_up_are_told_apart(world: World) -> None:
    effect = ports.FindOrder("AAAUSDT", ClientId("sq00000000000000000"))
    assert await world.ask(effect) == ports.OrderNotKnown("AAAUSDT", effect.client_id)
    world.venue.trouble("find", Trouble.NOT_SENT)
    failed = await world.ask(effect)
    assert isinstance(failed, ports.FindFailed)
    assert failed.reason == "find: no answer"


async def test_a_second_look_up_of_the_same_order_is_not_answered_with_a_second_verdict(world: World) -> None:
    effect = ports.FindOrder("AAAUSDT", ClientId("sq00000000000000000"))
    world.driver.perform(SENDER, effect)
    world.driver.perform(SENDER, effect)
    await world.host.answer(2)
    assert {type(message) for message in world.host.answers()} == {ports.OrderNotKnown, ports.FindFailed}
    assert isinstance(await world.ask(effect), ports.OrderNotKnown)


async def test_the_truth_names_the_orders_of_fills_that_happened_while_nobody_listened(world: World) -> None:
    kept, filled, ended, never = (world.order(price) for price in (8_000, 9_500, 8_100, 8_200))
    await world.ask(ports.SendPlaces((kept, filled, ended)))
    await world.ask(ports.SendCancels((CancelRequest(ended.client_id, "AAAUSDT"),)))
    world.venue.lose_orders_stream()
    world.venue.set_price("AAAUSDT", 9_400)
    answer = await world.ask(
        ports.FetchTruth(
            "AAAUSDT", tuple(o.client_id for o in (kept, filled, ended, never)), {}, after_trade=0, since=0
        )
    )
    truth = answer.truth
    assert [report.client_id for report in truth.open_orders] == [kept.client_id]
    found = dict(truth.found)
    assert found[filled.client_id].status is OrderStatus.FILLED
    assert found[ended.client_id].status is OrderStatus.CANCELED
    assert found[never.client_id] is None
    assert kept.client_id not in found
    assert [fill.client_id for fill in truth.fills] == [filled.client_id]
    assert truth.position.quantity == 1_000
    assert truth.started > 0
    asked = [request.split()[0] for request in world.venue.requests if request.split()[0] not in {"place", "cancel"}]
    asked = [request for request in asked if request != "funding"]
    assert asked == ["open_orders", "position", "trades", "find", "find", "find"]


async def test_an_order_that_the_trades_account_for_is_not_asked_for(world: World) -> None:
    whole, part, gone = world.order(9_500), world.order(9_600), world.order(8_000)
    placed = await world.ask(ports.SendPlaces((whole, part, gone)))
    resting = [outcome.report for outcome in placed.outcomes]
    world.venue.lose_orders_stream()
    world.venue.fill_part(part.client_id, 1)
    await world.ask(ports.SendCancels(tuple(CancelRequest(o.client_id, "AAAUSDT") for o in (part, gone))))
    world.venue.fill_part(whole.client_id, whole.quantity)
    if_filled = tuple(replace(one, status=OrderStatus.FILLED, filled=one.quantity) for one in resting)
    venue_ids = {one.venue_id: one.client_id for one in resting}
    world.venue.requests.clear()
    answer = await world.ask(ports.FetchTruth("AAAUSDT", tuple(venue_ids.values()), venue_ids, 0, 0, if_filled))
    truth = answer.truth
    assert [(client_id, found.status, found.filled) for client_id, found in truth.found] == [
        (whole.client_id, OrderStatus.FILLED, whole.quantity),
        (part.client_id, OrderStatus.CANCELED, 1),
        (gone.client_id, OrderStatus.CANCELED, 0),
    ]
    last = max(fill.at for fill in truth.fills if fill.client_id == whole.client_id)
    assert dict(truth.found)[whole.client_id].at == last
    assert [request.split()[0] for request in world.venue.requests].count("find") == 2
    assert [request.split()[0] for request in world.venue.requests].count("trades") == 1


async def test_trades_that_only_a_look_up_knows_of_are_fetched_before_it_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = world.order(9_500)
    await world.ask(ports.SendPlaces((order,)))
    world.venue.lose_orders_stream()
    find = world.venue.find

    async def filled_meanwhile(symbol: str, client_id: ClientId) -> OrderReport | None:
        world.venue.fill_part(order.client_id, order.quantity)
        return await find(symbol, client_id)

    async def none_open(symbol: str) -> Sequence[OrderReport]:
        return ()

    monkeypatch.setattr(world.venue, "find", filled_meanwhile)
    monkeypatch.setattr(world.venue, "open_orders", none_open)
    answer = await world.ask(ports.FetchTruth("AAAUSDT", (order.client_id,), {}, 0, 0))
    assert dict(answer.truth.found)[order.client_id].filled == order.quantity
    assert [(fill.client_id, fill.quantity) for fill in answer.truth.fills] == [(order.client_id, order.quantity)]


async def test_fills_are_named_by_venue_ids_that_the_actor_knows(world: World) -> None:
    order = world.order()
    placed = await world.ask(ports.SendPlaces((order,)))
    venue_id = placed.outcomes[0].report.venue_id
    world.venue.fill_part(order.client_id, 1_000)
    answer = await world.ask(ports.FetchTruth("AAAUSDT", (), {venue_id: order.client_id}, 0, 0))
    assert [fill.client_id for fill in answer.truth.fills] == [order.client_id]


@pytest.mark.parametrize("query", ["open_orders", "find", "position", "trades"])
async def test_a_truth_with_a_hole_is_no_truth(world: World, query: str) -> None:
    world.venue.trouble(query, Trouble.NOT_SENT)
    answer = await world.ask(ports.FetchTruth("AAAUSDT", (ClientId("sq00000000000000000"),), {}, 0, 0))
    assert answer == ports.TruthFailed("AAAUSDT", f"{query}: no answer", 0)


async def test_a_symbol_is_prepared_with_everything_that_it_needs_to_start(world: World) -> None:
    candle = Candle("AAAUSDT", MINUTE, 1.0, 2.0, 0.5, 1.5, 10.0, True)
    world.venue.close_candle(candle)
    prepared = await world.ask(ports.PrepareSymbol("AAAUSDT"))
    assert isinstance(prepared, ports.SymbolPrepared)
    assert prepared.instrument == rules("AAAUSDT")
    assert (prepared.leverage, prepared.history, prepared.account.can_trade) == (10, (candle,), True)
    assert prepared.clock_offset == 0


async def test_a_mistyped_symbol_is_refused_with_the_name_that_was_meant(world: World) -> None:
    refused = await world.ask(ports.PrepareSymbol("AAUSDT"))
    assert refused == ports.SymbolRefused(
        "AAUSDT", "the venue has no perpetual with the name AAUSDT; did you mean AAAUSDT?", final=True
    )
    refused = await world.ask(ports.PrepareSymbol("aaa/usdt"))
    assert refused.reason.endswith("did you mean AAAUSDT?")
    refused = await world.ask(ports.PrepareSymbol("XYZQ"))
    assert refused.reason == "the venue has no perpetual with the name XYZQ"


async def test_the_account_is_fetched_with_its_equity_or_the_failure_is_said(world: World) -> None:
    fetched = await world.ask(ports.FetchAccount())
    assert isinstance(fetched, ports.AccountFetched)
    assert fetched.account.equity == world.venue.balance
    world.venue.trouble("account", Trouble.NOT_SENT)
    assert await world.ask(ports.FetchAccount()) == ports.AccountFailed("account: no answer")
    await world.driver.close()
    assert await world.ask(ports.FetchAccount()) == ports.AccountFailed("closing")


async def test_positions_are_fetched_or_the_failure_is_said(world: World) -> None:
    assert await world.ask(ports.FetchPositions()) == ports.PositionsFetched(())
    await world.driver.close()
    assert await world.ask(ports.FetchPositions()) == ports.PositionsFailed("closing")


async def test_candles_are_fetched_or_the_failure_is_said(world: World) -> None:
    candle = Candle("AAAUSDT", MINUTE, 1.0, 2.0, 0.5, 1.5, 10.0, True)
    world.venue.close_candle(candle)
    fetched = await world.ask(ports.FetchCandles("AAAUSDT", "1m", 5))
    assert fetched == ports.CandlesFetched("AAAUSDT", "1m", (candle,))
    world.venue.trouble("candles", Trouble.NOT_SENT)
    failed = await world.ask(ports.FetchCandles("AAAUSDT", "1m", 5))
    assert failed == ports.CandlesFailed("AAAUSDT", "1m", "candles: no answer")


async def test_a_symbol_that_is_closed_or_newly_listed_is_known_as_such(world: World) -> None:
    world.venue.not_trading["BBBUSDT"] = "SETTLING"
    refused = await world.ask(ports.PrepareSymbol("BBBUSDT"))
    assert refused.reason == "BBBUSDT is not open for trading at the venue: its status is SETTLING"
    world.venue.hidden["CCCUSDT"] = rules("CCCUSDT")
    assert isinstance(await world.ask(ports.PrepareSymbol("CCCUSDT")), ports.SymbolPrepared)


async def test_a_key_without_permission_is_refused_for_good_and_a_failed_query_is_not(world: World) -> None:
    world.venue.trouble("fees", Trouble.NOT_SENT)
    refused = await world.ask(ports.PrepareSymbol("AAAUSDT"))
    assert (refused.reason, refused.final) == ("fees: no answer", False)
    world.venue.can_trade = False
    refused = await world.ask(ports.PrepareSymbol("AAAUSDT"))
    assert refused.final
    assert "may not trade" in refused.reason


async def test_a_broken_adapter_leaves_orders_in_doubt_instead_of_unanswered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise RuntimeError("bug")

    for name in ("place", "cancel", "find", "open_orders", "account"):
        monkeypatch.setattr(world.venue, name, breaks)
    order = world.order()
    placed = await world.ask(ports.SendPlaces((order,)))
    assert placed.outcomes == (OutcomeUnknown(order.client_id, "interrupted"),)
    ended = await world.ask(ports.SendCancels((CancelRequest(order.client_id, "AAAUSDT"),)))
    assert ended.outcomes == (OutcomeUnknown(order.client_id, "interrupted"),)
    assert isinstance(await world.ask(ports.FindOrder("AAAUSDT", order.client_id)), ports.FindFailed)
    assert isinstance(await world.ask(ports.FetchTruth("AAAUSDT", (), {}, 0, 0)), ports.TruthFailed)
    refused = await world.ask(ports.PrepareSymbol("AAAUSDT"))
    assert not refused.final


async def test_what_is_in_flight_at_the_end_is_answered_and_nothing_is_sent_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object) -> None:
        await asyncio.Event().wait()

    for name in ("place", "cancel", "find", "open_orders", "account"):
        monkeypatch.setattr(world.venue, name, hangs)
    order = world.order()
    effects = [
        ports.SendPlaces((order,)),
        ports.SendCancels((CancelRequest(order.client_id, "AAAUSDT"),)),
        ports.FindOrder("AAAUSDT", order.client_id),
        ports.FetchTruth("AAAUSDT", (), {}, 0, 0),
        ports.PrepareSymbol("AAAUSDT"),
    ]
    for effect in effects:
        world.driver.perform(SENDER, effect)
    await asyncio.sleep(0)
    assert world.driver.in_flight == 5
    await world.driver.close()
    answers = {type(message): message for message in world.host.answers()}
    assert len(world.host.answers()) == 5
    assert answers[ports.PlacesAnswered].outcomes == (OutcomeUnknown(order.client_id, "interrupted"),)
    assert answers[ports.CancelsAnswered].outcomes == (OutcomeUnknown(order.client_id, "interrupted"),)
    assert {ports.FindFailed, ports.TruthFailed, ports.SymbolRefused} < answers.keys()
    late = await world.ask(ports.SendPlaces((order,)))
    assert isinstance(late.outcomes[0], NotSent)
    world.driver.perform(SENDER, ports.Subscribe(rules("AAAUSDT")))
    await world.driver.close()


async def test_an_end_that_was_asked_for_disarms_the_dead_man_switch_and_one_that_fails_is_only_told(
    world: World,
) -> None:
    for symbol, seconds in (("AAAUSDT", 30), ("BBBUSDT", 30), ("BBBUSDT", 0)):
        world.driver.perform(SENDER, ports.ArmDeadMan(symbol, seconds))
        await asyncio.sleep(0)
    assert world.venue.dead_man == {"AAAUSDT": 30, "BBBUSDT": 0}
    asked = world.venue.requests.count("arm_dead_man BBBUSDT")
    await world.driver.close()
    assert world.venue.dead_man == {"AAAUSDT": 0, "BBBUSDT": 0}
    assert world.venue.requests.count("arm_dead_man BBBUSDT") == asked
    world.driver.perform(SENDER, ports.ArmDeadMan("AAAUSDT", 30))
    await asyncio.sleep(0)
    assert world.venue.dead_man["AAAUSDT"] == 0


async def test_a_dead_man_switch_that_another_process_renews_is_not_ended_with_this_one(world: World) -> None:
    world.driver.perform(SENDER, ports.ArmDeadMan("AAAUSDT", 30))
    world.driver.perform(SENDER, ports.ArmDeadMan("AAAUSDT", 20, handed_over=True))
    world.driver.perform(SENDER, ports.ArmDeadMan("BBBUSDT", 30))
    await asyncio.sleep(0)
    await world.driver.close()
    assert world.venue.dead_man == {"AAAUSDT": 20, "BBBUSDT": 0}


async def test_beyond_the_bound_nothing_is_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "MOST_IN_FLIGHT", 0)
    order = world.order()
    placed = await world.ask(ports.SendPlaces((order,)))
    assert placed.outcomes == (NotSent(order.client_id, "too many requests are in flight", 1_000_000_000),)
    assert not [request for request in world.venue.requests if request.startswith("place")]


async def test_funding_is_told_once_for_each_payment(world: World) -> None:
    first = FundingPayment("AAAUSDT", "1", Decimal("-0.5"), world.venue.now)
    second = replace(first, payment_id="2", at=world.venue.now + 1)

    def told() -> list[ports.FundingSeen]:
        return [message for _, message in world.host.told if isinstance(message, ports.FundingSeen)]

    async def until(count: int) -> None:
        async with asyncio.timeout(5):
            while len(told()) < count:
                world.host._news.clear()
                await world.host._news.wait()

    world.venue.pay_funding(first)
    await until(1)
    world.venue.pay_funding(second)
    await until(2)
    assert [event.payments for event in told()] == [(first,), (second,)]


async def test_funding_that_could_not_be_fetched_is_fetched_later(world: World) -> None:
    world.venue.trouble("funding", Trouble.NOT_SENT, Trouble.NOT_SENT)
    payment = FundingPayment("AAAUSDT", "1", Decimal("0.5"), world.venue.now)
    world.venue.pay_funding(payment)
    async with asyncio.timeout(5):
        while (EXCHANGE, ports.FundingSeen((payment,))) not in world.host.told:
            world.host._news.clear()
            await world.host._news.wait()


@pytest.mark.parametrize(("newest", "told"), [(None, {"a", "b", "c"}), (5 * DAY, {"b", "c"}), (20 * DAY, {"c"})])
async def test_the_first_payments_asked_for_overlap_those_on_record_by_three_days(
    newest: int | None, told: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the process was away. What is on record counts as booked, and is not booked again."""
    monkeypatch.setattr(driver_module, "_FUNDING_SETTLES", 0.0)
    venue, host, asked = FakeVenue([rules("AAAUSDT")]), Host(), count()

    def until() -> int | None:
        if not next(asked):
            raise InvalidValue("database", "is away")
        return newest

    driver = VenueDriver(host, venue, EXCHANGE, funding_until=until)
    await driver.open(lambda *_: None)
    for name, days in (("a", 1), ("b", 2), ("c", 17)):
        venue.pay_funding(FundingPayment("AAAUSDT", name, Decimal(1), days * DAY))
    async with asyncio.timeout(5):
        while not (found := [one for _, one in host.told if isinstance(one, ports.FundingSeen)]):
            host._news.clear()
            await host._news.wait()
    await driver.close()
    assert {payment.payment_id for event in found for payment in event.payments} == told
    assert next(asked) == 2


async def test_the_state_of_the_streams_can_be_asked_for(world: World) -> None:
    assert world.driver.streams == {"orders": True}
    world.venue.lose_orders_stream()
    assert world.driver.streams == {"orders": False}
    world.venue.regain_orders_stream()
    assert world.driver.streams == {"orders": True}


async def test_the_router_hands_each_effect_to_the_driver_of_its_sender() -> None:
    host = Host()
    router = VenueRouter(host)
    drivers = {}
    for name in ("one", "two"):
        driver = VenueDriver(host, FakeVenue([rules(f"{name.upper()}USDT")]), ActorId(f"exchange:{name}"))
        await driver.open(lambda *_: None)
        router.register(driver)
        drivers[name] = driver
    with pytest.raises(ValueError, match="has a venue driver already"):
        router.register(drivers["one"])
    host.ports[ports.PrepareSymbol](ActorRef(ActorId("exchange:two"), 7), ports.PrepareSymbol("TWOUSDT"))
    async with asyncio.timeout(5):
        while not isinstance(host.told[-1][1], ports.SymbolPrepared):
            host._news.clear()
            await host._news.wait()
    assert host.told[-1][0] == ActorRef(ActorId("exchange:two"), 7)
    router.unregister(drivers["one"])
    with pytest.raises(LookupError, match="has no venue driver"):
        host.ports[ports.Unsubscribe](ActorRef(ActorId("exchange:one"), 1), ports.Unsubscribe("ONEUSDT"))
    for driver in drivers.values():
        await driver.close()


async def test_streams_are_started_and_stopped_by_effects(world: World) -> None:
    instrument = rules("AAAUSDT")
    world.driver.perform(SENDER, ports.Subscribe(instrument))
    world.driver.perform(SENDER, ports.Unsubscribe("BBBUSDT"))
    async with asyncio.timeout(5):
        while (EXCHANGE, ports.StreamUp("prices", reconnected=False)) not in world.host.told:
            world.host._news.clear()
            await world.host._news.wait()
    world.venue.mark("AAAUSDT", 5)
    assert world.host.told[-1] == (EXCHANGE, ports.MarkSeen("AAAUSDT", 5))
