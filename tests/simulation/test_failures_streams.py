"""Failure catalogue, streams and limits: silence, bursts, bans, absurd prices, cut-off networks, wrong clocks."""

from __future__ import annotations

import pytest
from fleet.connection import SECOND
from fleet.faults import RATES
from fleet.scenario import (
    CALM,
    GRID,
    agreed,
    calm,
    effects,
    exits,
    explain,
    fill_down,
    held,
    move,
    openings,
    orders,
    said,
    slots,
    status,
)
from fleet.translate import MS
from fleet.world import ACCOUNT, World
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.prices import PriceMoved
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.settings import GridMode

WIDE = replace(GRID, buy_window=60, sell_window=60, max_open_orders=130)
THREE = replace(CALM, symbols=3)


@pytest.mark.parametrize("broken", ["stream.reset", "event.lost", "event.late"])
def test_f04_of_a_burst_of_fifty_fills_none_is_lost(broken: str) -> None:
    world = calm(replace(CALM, grid=WIDE), laid=10.0)
    name = world.names[0]
    assert len(openings(world, name)) == 60
    world.faults.arm(broken, 1 if broken == "stream.reset" else 20, skip=20)
    filled = fill_down(world, name, 50)
    assert world.faults.counts[broken]
    world.advance(30)
    fills = world.engine.fills(ACCOUNT, name, limit=1_000)
    assert len(fills) >= 50
    assert {fill.trade_id for fill in fills} == {fill.trade_id for fill, _ in world.tables.booked(ACCOUNT, name)}
    assert len(exits(world, name)) >= 50 - 1
    assert sum(held(world, name).values()) >= sum(order.quantity for order in filled[1:])
    agreed(world)


def test_f05_a_market_whose_frames_stop_opens_nothing_is_subscribed_again_and_told() -> None:
    world = calm(THREE)
    name, *others = world.names
    asked = effects(world, ports.Unsubscribe, ports.Subscribe)
    world.venue.subscribed.discard(name)
    world.venue.deaf.add(name)
    world.advance(13)
    assert openings(world, name) == []
    assert any(name in sentence for sentence in said(world, "price.stale"))
    assert {getattr(effect, "symbol", "") or effect.instrument.symbol for _, effect in asked} == {name}
    assert all(len(openings(world, other)) == GRID.buy_window for other in others)
    assert any("no frame" in gate[1] for gate in explain(world, name).gates)
    world.venue.deaf.clear()
    world.advance(15)
    assert len(openings(world, name)) == GRID.buy_window
    agreed(world)


def test_f05_an_order_stream_that_is_dead_without_a_word_is_made_good_for_once_it_is_noticed() -> None:
    world = calm()
    name = world.names[0]
    world.venue.silence_stream(4 * SECOND)
    buys = fill_down(world, name, 3)
    world.advance(3)
    assert held(world, name) == {}
    world.advance(4)
    assert sum(held(world, name).values()) == sum(order.quantity for order in buys)
    assert len(exits(world, name)) == 3
    agreed(world)


def test_f06_a_gap_of_a_private_stream_that_was_replaced_is_filled_from_the_trades() -> None:
    world = calm()
    name = world.names[0]
    asked = effects(world, ports.FetchTruth)
    world.venue.break_stream(5 * SECOND)
    buys = fill_down(world, name, 2)
    world.advance(4)
    assert held(world, name) == {}
    assert not asked
    world.advance(3)
    assert asked[0][1].symbol == name
    assert sum(held(world, name).values()) == sum(order.quantity for order in buys)
    agreed(world)


def test_f07_of_many_subscriptions_the_silent_ones_alone_are_made_again_and_not_all_at_once() -> None:
    world = calm(replace(CALM, symbols=6))
    silent, lively = world.names[3:], world.names[:3]
    asked = effects(world, ports.Subscribe)
    for name in silent:
        world.venue.subscribed.discard(name)
        world.venue.deaf.add(name)
    world.advance(25)
    again = [effect.instrument.symbol for _, effect in asked]
    assert set(again) == set(silent)
    assert all(again.count(name) <= 3 for name in silent)
    assert all(openings(world, name) for name in lively)
    assert not any(openings(world, name) for name in silent)
    world.venue.deaf.clear()
    world.advance(15)
    assert all(openings(world, name) for name in silent)
    agreed(world)


@pytest.mark.parametrize("kind", ["place.throttled", "venue.banned"])
def test_f08_nothing_is_requested_while_the_venue_wants_a_pause_and_cancels_and_exits_come_first(kind: str) -> None:
    world = calm(replace(CALM, published=ports.Published(place_batch=1, cancel_batch=1)), laid=0.5)
    name = world.names[0]
    world.advance(3)
    world.faults.arm(kind)
    buys = fill_down(world, name, 2)
    asked = effects(world, ports.SendPlaces, ports.SendCancels, ports.FindOrder, ports.FetchTruth, ports.FetchAccount)
    while not world.faults.counts[kind]:
        world.advance(0.01)
    since, until = world.clock.now(), world.venue.paused_until
    del asked[:]
    move(world, name, buys[0].price + 2)
    world.mischief.tell_supervisor(operator.PauseSymbol, name)
    world.advance((until - since) / SECOND - 0.05)
    assert asked == []
    world.advance(5)
    changes = [effect for _, effect in asked if isinstance(effect, ports.SendPlaces | ports.SendCancels)]
    assert isinstance(changes[0], ports.SendCancels)
    assert exits(world, name)
    assert not openings(world, name)
    assert said(world, "venue.banned" if kind == "venue.banned" else "venue.throttled")
    world.ask(lambda request: operator.ResumeSymbol(request, ACCOUNT, name))
    agreed(world)


def test_f21_a_clock_that_is_wrong_holds_openings_back_and_trading_begins_when_it_is_right() -> None:
    world = World(5, CALM)
    name = world.names[0]
    world.engine.pause(name, world.venue.now_ms)
    world.process_clock.jump(4 * SECOND)
    world.start()
    world.advance(5)
    assert not openings(world, name)
    assert any("clock" in gate[1] for gate in explain(world, name).gates)
    world.process_clock.correct()
    world.advance(25)
    assert len(openings(world, name)) == GRID.buy_window
    agreed(world)


@pytest.mark.parametrize("seconds", [-5, -1, 2, 5])
def test_f21_a_clock_that_is_set_while_trading_doubles_and_loses_nothing(seconds: int) -> None:
    world = World(8, replace(THREE, rates={"place.late": 0.1, "place.timeout_after": 0.1, "process.killed": 0.01}))
    world.start()
    world.advance(15)
    world.process_clock.jump(seconds * SECOND)
    world.advance(15)
    world.process_clock.correct()
    world.advance(10)
    agreed(world, 60)


@pytest.mark.parametrize(("bid", "ask"), [(0, 0), (1.2, 1.0), (3.0, 3.0003), (0.2, 0.20002)])
def test_f25_no_order_follows_a_price_that_is_none(bid: float, ask: float) -> None:
    world = calm()
    name = world.names[0]
    now = world.engine.book_ticker(name)
    line = world.venue.line
    assert line is not None
    tick = float(world.engine.rules(name).tick)
    sent = effects(world, ports.SendPlaces, ports.SendCancels)
    if line.board.offer(name, str(now.bid * tick * bid), str(now.bid * tick * ask), world.clock.now()):
        line.host.tell(line.exchange, PriceMoved(name))
    world.advance(2)
    assert sent == []
    assert line.board.refused == 1
    agreed(world)


def test_f27_every_level_of_a_grid_in_range_without_orders_says_why() -> None:
    world = calm()
    name = world.names[0]
    world.ask(lambda request: operator.PauseSymbol(request, ACCOUNT, name))
    world.advance(3)
    assert not openings(world, name)
    view = explain(world, name)
    assert len(view.levels) > GRID.buy_window
    assert all(level.reason for level in view.levels)
    assert "paused" in view.row.why


def test_f32_prices_are_conflated_to_the_newest_and_order_events_never() -> None:
    world = calm()
    name = world.names[0]
    buys = orders(world, name, OrderKind.OPEN_BUY)
    start = world.engine.book_ticker(name).bid
    told: list[int] = []
    world.on_step = lambda record: told.append(record.now) if isinstance(record.message, PriceMoved) else None
    for price in range(start, buys[-1].price - 20, -20):
        move(world, name, price)
    for price in range(buys[-1].price - 20, start, 20):
        move(world, name, price)
    line = world.venue.line
    assert line is not None
    assert line.board.conflated > 1_000
    world.advance(3)
    assert 1 <= len(told) <= 2
    assert len(world.engine.fills(ACCOUNT, name, limit=1_000)) >= len(buys)
    actor = world.symbol(name)
    ticker = world.engine.book_ticker(name)
    assert actor is not None
    assert (actor.bid, actor.ask) == (ticker.bid, ticker.ask)
    agreed(world)


@pytest.mark.parametrize(
    "rates", [{"event.doubled": 0.5}, {"event.reordered": 0.5}, {"event.doubled": 0.4, "event.reordered": 0.6}]
)
def test_f33_events_twice_and_in_any_order_come_to_the_same_state_as_once_in_order(rates: dict[str, float]) -> None:
    ends = []
    for chosen in ({}, rates):
        world = calm(replace(CALM, grid=WIDE), rates=chosen, laid=10.0)
        name = world.names[0]
        fill_down(world, name, 30)
        world.advance(5)
        world.faults.active = False
        world.advance(5)
        actor = world.symbol(name)
        assert actor is not None
        held_now = {s.level: (s.position, s.cost) for s in slots(world, name) if s.position}
        ends.append((held_now, actor.totals.realized, actor.totals.fees, status(world).illegal_transitions))
        agreed(world)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("mode", [GridMode.LONG, GridMode.NEUTRAL])
def test_f35_after_the_network_was_away_the_venues_view_comes_before_the_first_new_order(mode: GridMode) -> None:
    world = calm(replace(THREE, grid=replace(GRID, mode=mode)))
    name = world.names[0]
    asked = effects(world, ports.SendPlaces, ports.FetchTruth)
    world.venue.offline = True
    world.venue.subscribed.clear()
    world.venue.break_stream(20 * SECOND)
    buys = fill_down(world, name, 2)
    world.advance(19)
    assert not [effect for _, effect in asked if isinstance(effect, ports.SendPlaces)]
    world.venue.offline = False
    del asked[:]
    world.advance(30)
    for symbol in world.names:
        views = [at for at, effect in asked if isinstance(effect, ports.FetchTruth) and effect.symbol == symbol]
        placed = [
            at for at, effect in asked
            if isinstance(effect, ports.SendPlaces) and any(order.symbol == symbol for order in effect.orders)
        ]  # fmt: skip
        assert views
        assert not placed or views[0] + 10 * MS < placed[0]
    assert sum(held(world, name).values()) == sum(order.quantity for order in buys)
    assert len(exits(world, name)) >= 2
    agreed(world)


def test_f23_nothing_grows_over_many_minutes_of_faults() -> None:
    world = World(4, replace(THREE, rates={kind: rate / 2 for kind, rate in RATES.items()}, profile="wild")).start()
    world.advance(150)
    half = dict(world.watch.largest)
    world.watch.largest.clear()
    world.advance(150)
    for name, (size, bound) in world.watch.largest.items():
        assert size <= bound, name
        if bound < 100 and name in half:
            assert size <= max(2 * half[name][0], half[name][0] + 10), name
    agreed(world, 70)


@pytest.mark.parametrize("settle", [False, True], ids=["trading stops", "and positions are settled"])
def test_f25_a_delisted_market_opens_nothing_is_told_once_a_pause_and_the_others_trade_on(settle: bool) -> None:
    world = calm(replace(THREE, symbols=2))
    name, other = world.names
    fill_down(world, name, 2)
    world.advance(3)
    world.engine.delist(name, world.venue.now_ms, settle=settle)
    world.touched.add(name)
    world.advance(2)
    sent = effects(world, ports.SendPlaces)
    world.advance(50)
    again = [
        order for _, effect in sent for order in effect.orders if order.symbol == name and order.client_id[14] in "bs"
    ]
    assert again == []
    gates = dict(explain(world, name).gates)
    assert "takes no orders" in gates["market_closed"]
    assert ("breaker" in gates) == settle  # a position that is gone without a trade is a fault
    assert len(said(world, "market.closed")) == 1
    assert len(openings(world, other)) == GRID.buy_window
    world.advance(130)
    if settle:  # nothing is left to be tried: the position is gone, and what the slots hold waits for an operator
        assert len(said(world, "market.closed")) == len(said(world, "position.mismatch")) == 1
    else:
        assert 3 <= len(said(world, "market.closed")) <= 4
