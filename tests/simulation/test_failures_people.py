"""Failure catalogue, people: modes, keys and settings that are wrong, other hands on the account, deaf listeners."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from fleet.connection import SECOND
from fleet.hands import liquidate, manual_order, market_buy
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
    openings,
    orders,
    said,
    status,
)
from fleet.world import ACCOUNT, World
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.domain.exposure import ExposureLimits, Limit
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import OrderRequest, RefusalCode
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.simvenue import events as engine

THREE = replace(CALM, symbols=3)


def test_f19_an_account_in_hedge_mode_is_refused_before_the_first_order_and_never_changed() -> None:
    world = World(5, THREE)
    world.venue.hedged = True
    world.start()
    world.advance(5)
    rows = status(world).symbols
    assert [row.state for row in rows] == [SymbolState.REFUSED] * 3
    assert all("hedge" in row.why for row in rows)
    assert not world.tables.orders
    world.venue.hedged = False
    for name in world.names:
        world.ask(lambda request, name=name: operator.ResumeSymbol(request, ACCOUNT, name))
    world.advance(5)
    assert all(openings(world, name) for name in world.names)
    agreed(world)


def test_f19_a_mode_that_flipped_while_the_process_was_away_is_refused_at_its_start() -> None:
    world = calm(THREE)
    world.kill()
    world.venue.hedged = True
    world.start()
    world.advance(5)
    assert all(row.state is SymbolState.REFUSED for row in status(world).symbols)
    assert not any(openings(world, name) for name in world.names)


def test_f19_a_mode_that_flips_while_trading_closes_the_gate_until_it_is_changed_back_by_hand() -> None:
    world = calm(THREE)
    world.venue.hedged = True
    world.advance(15)
    assert not any(openings(world, name) for name in world.names)
    assert all("position_mode" in world.symbol(name).gates for name in world.names)
    assert all("hedge" in row.why for row in status(world).symbols)
    assert len(said(world, "account.mode_changed")) == 1
    assert world.venue.hedged
    world.venue.hedged = False
    world.advance(15)
    assert all(openings(world, name) for name in world.names)
    assert len(said(world, "account.mode_restored")) == 1
    agreed(world)


def test_f24_what_becomes_of_announcements_and_rows_changes_nothing_in_trading() -> None:
    ends = []
    for deaf in (False, True):
        world = World(7, replace(THREE, rates={"event.lost": 0.05, "operator.paused": 0.05})).start()
        if deaf:
            world.announced = _Void()
        world.advance(30)
        summary = world.engine.summary(ACCOUNT)
        ends.append((world.steps, summary.wallet, summary.fills, sorted(world.tables.orders)))
    assert ends[0] == ends[1]


class _Void(list[Any]):
    """A listener that takes everything and remembers nothing."""

    def append(self, item: Any) -> None:
        """Gone."""


def test_f26_orders_of_others_stay_where_they_are_and_are_reported() -> None:
    world = calm()
    name = world.names[0]
    manual_order(world.engine, ACCOUNT, name, world.venue.now_ms, world.faults.random)
    rules, ticker = world.engine.rules(name), world.engine.book_ticker(name)
    near = engine.NewOrder(
        name, engine.Side.SELL, engine.OrderType.LIMIT, rules.quantity(200), price=rules.price(ticker.ask + 3),
        client_id="ctp0000000000b0001",
    )  # fmt: skip
    world.engine.place(ACCOUNT, near, world.venue.now_ms)
    world.advance(30)
    foreign = [order.client_id for order in world.engine.open_orders(ACCOUNT, name) if decode(order.client_id) is None]
    assert min(foreign) == "ctp0000000000b0001"
    assert len(foreign) == 2
    assert 1 <= len(said(world, "order.foreign")) <= 2
    world.ask(operator.Shutdown)
    world.advance(3)
    assert len([o for o in world.engine.open_orders(ACCOUNT, name) if decode(o.client_id) is None]) == 2


def test_f27_a_grid_that_is_held_back_by_a_limit_says_so_at_each_level() -> None:
    world = calm(replace(CALM, exposure=ExposureLimits(symbol=Limit(Decimal(65)))))
    name = world.names[0]
    assert len(openings(world, name)) == 2
    bare = [level for level in explain(world, name).levels if not level.order_id]
    assert len(bare) >= GRID.buy_window - 2
    assert all(level.reason for level in bare)


def test_f29_a_level_that_is_missing_from_the_ladder_is_shown_with_its_reason() -> None:
    world = calm(laid=0.0)
    name = world.names[0]

    def veto(request: OrderRequest) -> RefusalCode | None:
        key = decode(request.client_id)
        return RefusalCode.RULE if key is not None and key.level == -4 else None

    world.venue.veto = veto
    world.advance(10)
    levels = {level.level: level for level in explain(world, name).levels}
    assert set(range(-GRID.buy_window, 0)) <= set(levels)
    assert "the venue does not want it" in levels[-4].reason
    assert not levels[-4].order_id
    assert all(levels[level].order_id for level in range(-GRID.buy_window, 0) if level != -4)


@pytest.mark.parametrize(
    ("grid", "field"),
    [
        (replace(GRID, interval_percent=Decimal("0.01")), "interval_percent"),
        (replace(GRID, amount=Decimal(1)), "amount"),
    ],
    ids=["interval", "amount"],
)
def test_f38_settings_that_cannot_work_are_refused_by_name_and_change_nothing(grid: Any, field: str) -> None:
    world = calm()
    name = world.names[0]
    world.ask(lambda request: operator.RemoveSymbol(request, ACCOUNT, name, operator.RemoveMode.LEAVE))
    world.advance(2)
    before = dict(world.tables.specs)
    refusal = world.add(name, grid)
    assert isinstance(refusal, operator.Refusal)
    assert refusal.sentence.startswith(f"{field}:")
    assert world.tables.specs == before


def test_f38_an_unknown_symbol_and_a_key_without_trade_permission_are_refused_in_one_sentence() -> None:
    world = calm()
    refusal = world.add("NOSUCHUSDT", GRID)
    assert isinstance(refusal, operator.Refusal)
    assert "NOSUCHUSDT" in refusal.sentence
    barred = World(5, CALM)
    barred.venue.can_trade = False
    barred.start()
    barred.advance(5)
    row = status(barred).symbols[0]
    assert row.state is SymbolState.REFUSED
    assert "trade" in row.why
    assert not orders(barred, barred.names[0])
    assert not barred.tables.orders


@pytest.mark.parametrize("way", ["by hand", "liquidated"])
def test_f18_a_position_that_is_closed_on_the_venue_is_seen_and_never_bought_back(way: str) -> None:
    world = calm()
    name = world.names[0]
    fill_down(world, name, 3)
    world.advance(3)
    had = held(world, name)
    if way == "by hand":
        assert world.mischief.close_by_hand(name)
    else:
        assert liquidate(world.engine, ACCOUNT, name, world.venue.now_ms)
        world.touched.add(name)
    bought = effects(world, ports.SendPlaces)
    world.advance(CALM.execution.reconcile_interval / SECOND + 8)
    assert world.engine.position(ACCOUNT, name).amount == 0
    assert openings(world, name) == []
    assert said(world, "position.mismatch")
    keys = [decode(order.client_id) for _, effect in bought for order in effect.orders]
    assert not [key for key in keys if key is not None and key.kind.opens and key.level in had]
    answer = world.ask(lambda request: operator.ReconcileSymbol(request, ACCOUNT, name, True), 10)
    assert answer.verdict == "same"
    world.advance(5)
    assert held(world, name) == {}
    assert exits(world, name) == []
    assert openings(world, name)
    agreed(world)


@pytest.mark.parametrize("way", ["by hand", "liquidated"])
def test_f18_what_others_trade_here_is_looked_at_within_seconds_and_nothing_opens_meanwhile(way: str) -> None:
    world = calm()
    name = world.names[0]
    fill_down(world, name, 3)
    world.advance(3)
    asked, sent = effects(world, ports.FetchTruth), effects(world, ports.SendPlaces)
    if way == "by hand":
        assert world.mischief.close_by_hand(name)
    else:
        assert liquidate(world.engine, ACCOUNT, name, world.venue.now_ms)
        world.touched.add(name)
    world.advance(6)
    assert CALM.execution.reconcile_interval > 6 * SECOND
    assert len(asked) >= 2
    assert said(world, "position.mismatch")
    keys = [decode(order.client_id) for _, effect in sent for order in effect.orders]
    assert not [key for key in keys if key is not None and key.kind.opens]
    assert openings(world, name) == []


def test_f18_a_stranger_who_buys_and_sells_again_costs_a_pause_of_seconds() -> None:
    world = calm()
    name = world.names[0]
    market_buy(world.engine, ACCOUNT, name, 50, world.venue.now_ms)
    world.advance(0.5)
    assert world.mischief.close_by_hand(name)
    world.advance(1)
    assert "foreign_fill" in world.symbol(name).gates
    world.advance(8)
    assert not world.symbol(name).gates
    assert openings(world, name)
    assert not said(world, "position.mismatch")
    agreed(world)


def test_f18_a_small_part_that_is_closed_on_the_venue_is_corrected_without_a_question() -> None:
    world = calm(replace(CALM, grid=replace(GRID, amount=Decimal(300))))
    name = world.names[0]
    fill_down(world, name, 3)
    world.advance(3)
    assert world.mischief.close_by_hand(name, 0.03)
    world.advance(CALM.execution.reconcile_interval / SECOND + 8)
    assert sum(held(world, name).values()) == world.engine.position(ACCOUNT, name).amount
    assert said(world, "position.corrected")
    assert not said(world, "position.mismatch")
    agreed(world)
