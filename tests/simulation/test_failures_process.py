"""Failure catalogue, processes and databases: kills at every named point, restarts, outages, failing actors."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from random import Random

import pytest
from fleet.connection import SECOND
from fleet.faults import KINDS
from fleet.hands import market_buy
from fleet.invariants import violations
from fleet.scenario import (
    CALM,
    GRID,
    agreed,
    calm,
    effects,
    exits,
    fill_down,
    held,
    move,
    openings,
    orders,
    said,
    slots,
    status,
)
from fleet.seeds import fleet_setup
from fleet.world import ACCOUNT, Setup, World
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.exchange_messages import CancelOpeningBuys
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.records import FillSaved
from opensqt_actors.domain.settings import GridMode, GridSettings, RemoveMode, SymbolState
from opensqt_actors.runtime.supervision import RestartPolicy

FAILPOINTS = sorted(kind for kind in KINDS if kind.startswith("kill."))
THREE = replace(CALM, symbols=3)


def setup(seed: int, rates: dict[str, float]) -> Setup:
    """Three markets with grids of all modes, drawn by the seed."""
    return fleet_setup(Random(f"setup:{seed}"), rates)


@pytest.mark.parametrize("seed", [40, 41])
def test_f15_kills_at_random_moments_lose_and_double_nothing(seed: int) -> None:
    world = World(seed, setup(seed, {"process.killed": 0.02})).start()
    world.advance(120)
    agreed(world, 60)
    assert world.lives > 10


@pytest.mark.parametrize("point", FAILPOINTS)
def test_f15_a_kill_at_each_named_point_around_a_commit_and_a_send_loses_and_doubles_nothing(point: str) -> None:
    world = World(9, setup(9, {point: 0.05, "event.lost": 0.05, "place.late": 0.1, "cancel.late": 0.1})).start()
    world.advance(40)
    agreed(world, 60)
    assert world.faults.counts[point] >= 2


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("age", [1, 20])
def test_orders_that_an_older_copy_of_the_journal_does_not_know_are_adopted_or_cancelled(
    wanted: bool, age: int
) -> None:
    world = calm(THREE)
    for name in world.names:
        world.ask(lambda request, name=name: operator.PauseSymbol(request, ACCOUNT, name))
    world.advance(3)
    older = deepcopy(world.tables)
    for name in world.names:
        world.ask(lambda request, name=name: operator.ResumeSymbol(request, ACCOUNT, name))
    world.advance(age)
    unknown = {order.client_id for name in world.names for order in openings(world, name)}
    assert len(unknown) == 3 * GRID.buy_window
    assert not unknown & older.orders.keys()
    world.kill()
    older.specs = world.tables.specs if wanted else older.specs
    world.tables = older
    world.start()
    world.advance(4 if age == 20 else 10)
    resting = {order.client_id for name in world.names for order in openings(world, name)}
    assert resting == (unknown if wanted else set())
    assert len(said(world, "order.adopted")) == (len(unknown) if wanted else 0)
    agreed(world)
    if wanted:
        fill_down(world, world.names[0], 2)
        world.advance(2)
        assert len(exits(world, world.names[0])) == 2
        agreed(world)


def without_exit(world: World) -> dict[tuple[str, int, int], list[str]]:
    """Holdings without an exit, by symbol, level and generation, with their histories."""
    found: dict[tuple[str, int, int], list[str]] = {}
    for name in world.names:
        for slot in slots(world, name):
            if slot.position and slot.order is None:
                found[name, slot.level, slot.generation] = list(slot.history)
    return found


def test_f15_every_holding_has_its_exit_soon_after_a_kill() -> None:
    for seed in range(50, 56):
        world = World(seed, setup(seed, {})).start()
        world.advance(20 + seed % 7)
        world.kill()
        world.clock.advance(SECOND)
        world.start()
        world.advance(2)
        bare = without_exit(world)
        world.advance(0.5)  # a fill of this very moment may have to wait until an opening order has gone
        stays = bare.keys() & without_exit(world).keys()
        assert not stays, f"seed {seed}: {[bare[key] for key in stays]}"


def test_f16_levels_that_fill_while_the_process_is_down_are_credited_and_get_their_exits() -> None:
    world = calm()
    name = world.names[0]
    world.kill()
    buys = fill_down(world, name, 4)
    world.clock.advance(30 * SECOND)
    world.start()
    world.advance(3)
    assert sorted(held(world, name).values()) == sorted(order.quantity for order in buys)
    assert sorted(order.quantity for order in exits(world, name)) == sorted(order.quantity for order in buys)
    agreed(world)


def test_f17_a_position_older_than_the_history_is_refused_or_adopted_marked_inferred_and_told() -> None:
    world = World(3, CALM)
    name = world.names[0]
    world.engine.pause(name, world.venue.now_ms)
    market_buy(world.engine, ACCOUNT, name, 40, world.venue.now_ms)
    world.start()
    world.advance(3)
    assert status(world).symbols[0].state is SymbolState.REFUSED
    assert not orders(world, name)
    world.ask(lambda request: operator.RemoveSymbol(request, ACCOUNT, name, RemoveMode.LEAVE))
    world.advance(1)
    assert isinstance(world.add(name, GRID, adopt=True), operator.Done)
    world.advance(5)
    position = world.engine.position(ACCOUNT, name).amount
    assert sum(held(world, name).values()) == position
    assert sum(order.quantity for order in exits(world, name)) == position
    inferred = [saved for saved in world.tables.fills.values() if saved.inferred]
    assert sum(saved.fill.quantity for saved in inferred) == position
    assert said(world, "position.adopted")


def test_f22_while_the_database_is_away_no_opening_goes_out_and_nothing_is_booked_twice_after() -> None:
    world = calm()
    name = world.names[0]
    assert world.journal is not None
    world.journal.outage(20 * SECOND)
    sent = effects(world, ports.SendPlaces)
    fill_down(world, name, 2)
    world.advance(5)
    move(world, name, world.engine.book_ticker(name).bid * 98 // 100)
    world.advance(10)
    opened = [order for _, effect in sent for order in effect.orders if order.client_id[14] in "bs"]
    assert opened == []
    fills = {fill.trade_id for fill in world.engine.fills(ACCOUNT, name, limit=100)}
    assert fills
    assert not world.tables.booked(ACCOUNT, name)
    world.advance(20)
    assert {fill.trade_id for fill, _ in world.tables.booked(ACCOUNT, name)} == fills
    assert openings(world, name)
    agreed(world)


@pytest.mark.parametrize("kind", ["journal.refused", "journal.away", "kill.journal.torn"])
def test_f22_a_journal_that_fails_again_and_again_leaves_the_books_in_order(kind: str) -> None:
    world = World(21, setup(21, {kind: 0.03, "process.killed": 0.01})).start()
    world.advance(60)
    agreed(world, 60)
    assert world.faults.counts[kind] >= 3


def test_f28_a_change_that_cannot_be_saved_is_not_applied_either() -> None:
    world = calm()
    name = world.names[0]
    before = dict(world.tables.specs)
    assert world.journal is not None
    world.journal.outage(30 * SECOND)
    for ask in (
        lambda request: operator.PauseSymbol(request, ACCOUNT, name),
        lambda request: operator.RemoveSymbol(request, ACCOUNT, name, RemoveMode.FLATTEN),
    ):
        answer = world.ask(ask)
        assert isinstance(answer, operator.Refusal)
        assert "nothing was changed" in answer.sentence
    actor = world.symbol(name)
    assert actor is not None
    assert actor.gate.opens
    assert actor.leaving is None
    assert world.tables.specs == before
    assert len(openings(world, name)) == GRID.buy_window
    world.advance(30)
    agreed(world)


def test_f30_a_strategy_that_raises_stops_its_own_symbol_only() -> None:
    policy = RestartPolicy(2, 30 * SECOND, SECOND // 5, SECOND)
    world = World(12, replace(setup(12, {}), policy=policy)).start()
    world.advance(10)
    name = world.names[0]
    world.broken.add(name)
    fills = {other: world.symbol(other).fills for other in world.names[1:]}  # type: ignore[union-attr]
    world.advance(20)
    broken = next(row for row in status(world).symbols if row.symbol == name)
    assert broken.state is SymbolState.QUARANTINED
    assert "injected" in broken.why
    assert not openings(world, name)
    for other in world.names[1:]:
        mate = world.symbol(other)
        assert mate is not None
        assert mate.restarts == 0
        assert mate.fills > fills[other]
    world.broken.clear()
    assert isinstance(world.ask(lambda request: operator.ResumeSymbol(request, ACCOUNT, name)), operator.Done)
    world.advance(10)
    agreed(world)


def test_f30_a_symbol_whose_strategy_raises_once_is_back_within_seconds() -> None:
    world = calm(THREE)
    name = world.names[0]
    fill_down(world, name, 2)
    world.advance(2)
    had = held(world, name)
    world.broken.add(name)
    move(world, name, world.engine.book_ticker(name).bid * 985 // 1000)
    world.advance(0.15)
    world.broken.clear()
    world.advance(3)
    assert had.items() <= held(world, name).items()
    assert len(exits(world, name)) == len(held(world, name))
    assert openings(world, name)
    assert status(world).restarts >= 1
    agreed(world)


def test_f31_a_process_that_hangs_is_killed_and_its_next_life_takes_everything_up() -> None:
    world = calm(THREE)
    name = world.names[0]
    buys = fill_down(world, name, 2)
    world.clock.advance(10 * SECOND)  # nothing is delivered: a strategy loops for ever
    buys += fill_down(world, name, 1)
    assert exits(world, name) == []
    world.kill()
    world.start()
    world.advance(3)
    assert sum(held(world, name).values()) == sum(order.quantity for order in buys)
    assert sum(order.quantity for order in exits(world, name)) == sum(order.quantity for order in buys)
    assert all(len(openings(world, other)) == GRID.buy_window for other in world.names[1:])
    agreed(world)


def test_f34_cancels_go_out_while_the_database_is_away_and_are_journalled_after() -> None:
    world = calm()
    name = world.names[0]
    buys = orders(world, name, OrderKind.OPEN_BUY)
    assert world.journal is not None
    assert world.host is not None
    world.journal.outage(60 * SECOND)
    world.host.tell(world.exchange_id, CancelOpeningBuys("risk"))
    world.advance(1)
    assert openings(world, name) == []
    journalled = [world.tables.orders[order.client_id].status for order in buys]
    assert not any(state.terminal for state in journalled)
    world.advance(30)
    assert openings(world, name) == []
    world.advance(40)
    assert all(world.tables.orders[order.client_id].status.terminal for order in buys)
    assert len(openings(world, name)) == GRID.buy_window
    agreed(world)


def test_f22_a_fill_that_is_told_again_after_a_restart_is_journalled_once() -> None:
    world = calm()
    name = world.names[0]
    fill_down(world, name, 3)
    world.advance(0.06)
    world.kill()
    world.clock.advance(SECOND)
    world.start()
    world.advance(3)
    written = [entry for entry in world.tables.fills.values() if isinstance(entry, FillSaved)]
    assert len(written) == len({entry.fill.trade_id for entry in written}) == 3
    assert violations(world) == []
    agreed(world)


def test_f23_a_symbol_that_comes_and_goes_leaves_nothing_behind() -> None:
    world = calm()
    name = world.names[0]
    for _ in range(6):
        world.ask(lambda request: operator.RemoveSymbol(request, ACCOUNT, name, RemoveMode.LEAVE))
        world.advance(2)
        assert world.exchange.tracker.size == 0
        assert not world.exchange.board.cells
        assert isinstance(world.add(name, replace(GRID, amount=Decimal(20))), operator.Done)
        world.advance(3)
    agreed(world)


def test_f37_after_a_restart_exits_go_out_although_no_price_and_no_candle_comes() -> None:
    world = calm(THREE)
    for name in world.names:
        fill_down(world, name, 2)
    world.advance(0.01)
    world.kill()
    world.venue.deaf.update(world.names)
    world.clock.advance(SECOND)
    world.start()
    world.advance(3)
    for name in world.names:
        actor = world.symbol(name)
        assert actor is not None
        assert actor.bid == 0
        assert sum(order.quantity for order in exits(world, name)) == world.engine.position(ACCOUNT, name).amount > 0
    world.venue.deaf.clear()
    world.advance(25)
    agreed(world)


def test_f15_a_kill_moves_no_centre_and_asks_for_no_order_anew() -> None:
    grid = GridSettings(GridMode.NEUTRAL, Decimal(30), interval_percent=Decimal("0.2"), atr_scale=Decimal(3))
    sticky = widened = 0
    for seed in range(60, 66):
        world = World(seed, Setup(symbols=4, grid=grid)).start()
        world.advance(65)
        for name in world.names:
            world.engine.pause(name, world.venue.now_ms)
        world.advance(8)
        before = {name: standing(world, name) for name in world.names}
        world.kill()
        world.clock.advance(3_000_000_000)
        world.start()
        world.advance(8)
        for name in world.names:
            assert standing(world, name) == before[name], f"seed {seed}: {name}"
            actor = world.symbol(name)
            assert actor is not None
            assert isinstance(actor.strategy, Grid)
            ladder = actor.strategy.ladder
            sticky += ladder.centre != ladder.lattice.nearest((actor.bid + actor.ask) // 2, ladder.multiple)
            widened += ladder.multiple > 1
    assert sticky
    assert widened


def standing(world: World, name: str) -> tuple[object, ...]:
    """Where a symbol's grid stands, and what rests for it."""
    actor = world.symbol(name)
    assert actor is not None
    assert actor.strategy is not None
    return actor.strategy.memory, sorted(order.client_id for order in world.engine.open_orders(ACCOUNT, name))
