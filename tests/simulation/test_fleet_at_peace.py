"""The whole fleet on virtual time with nothing going wrong: the books agree, and a seed replays exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fleet.hands import market_buy
from fleet.invariants import violations
from fleet.venue import SECOND
from fleet.world import ACCOUNT, Setup, World
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.supervisor import ShutdownPolicy
from opensqt_actors.actors.views import StatusView, SymbolView
from opensqt_actors.domain.exposure import ExposureLimits, Limit
from opensqt_actors.domain.ids import OrderKind, decode
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.settings import GridMode, GridSettings, RemoveMode, SymbolState

PERCENT = GridSettings(interval_percent=Decimal("0.4"), amount=Decimal(30), buy_window=6, sell_window=6)
MODES = Setup(grids={index: replace(PERCENT, mode=mode) for index, mode in enumerate(GridMode)})


def fingerprint(world: World) -> tuple[object, ...]:
    """What a run came to."""
    summary = world.engine.summary(ACCOUNT)
    return (
        world.steps,
        summary.wallet,
        summary.fills,
        sorted(world.tables.orders),
        [(a.kind, a.sentence) for a in world.announced],
    )


def kinds(world: World, name: str | None = None) -> list[OrderKind]:
    """What our orders on the venue are for."""
    keys = (decode(order.client_id) for order in world.engine.open_orders(ACCOUNT, name))
    return [key.kind for key in keys if key is not None]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_slots_ledger_and_venue_agree_in_every_mode(seed: int) -> None:
    world = World(seed, MODES).start()
    world.advance(60)
    world.settle()
    assert violations(world) == []
    status = world.ask(operator.GetStatus)
    assert isinstance(status, StatusView)
    assert status.fills == world.engine.summary(ACCOUNT).fills
    assert status.fills > 100
    assert status.illegal_transitions == 0
    assert status.restarts == 0
    assert all(row.round_trips > 5 for row in status.symbols)


def test_the_same_seed_gives_the_same_run() -> None:
    runs = []
    for _ in range(2):
        world = World(7, MODES).start()
        world.advance(20)
        runs.append(fingerprint(world))
    assert runs[0] == runs[1]


def test_another_seed_gives_another_run() -> None:
    runs = []
    for seed in (7, 8):
        world = World(seed, MODES).start()
        world.advance(5)
        runs.append(fingerprint(world))
    assert runs[0] != runs[1]


def test_a_tight_budget_is_kept_and_the_nearest_levels_come_first() -> None:
    setup = replace(MODES, limits=Limits(2.0, 3), published=ports.Published(place_batch=1))
    world = World(4, setup).start()
    world.advance(30)
    sent = list(world.venue.sent)
    for at, _ in sent:
        within = sum(count for other, count in sent if at <= other < at + 10 * SECOND)
        assert within <= 3 + 2 * 10 + 1
    world.settle(120)
    assert violations(world) == []


def test_the_limits_that_the_venue_publishes_are_kept() -> None:
    setup = replace(MODES, published=ports.Published(orders_per_10s=12, place_batch=5))
    world = World(5, setup).start()
    world.advance(40)
    sent = list(world.venue.sent)
    assert max(sum(c for other, c in sent if at <= other < at + 9 * SECOND) for at, _ in sent) <= 12


def test_want_of_margin_locks_the_symbol_instead_of_asking_again_and_again() -> None:
    one_level = PreflightSettings(max_leverage=20, required_positions=1)
    world = World(6, replace(MODES, balance=Decimal(12), preflight=one_level)).start()
    world.advance(60)
    refused = world.venue.refused["insufficient_margin"]
    assert 0 < refused < 120
    assert any(a.kind == "margin.locked" for a in world.announced)
    world.settle()
    assert violations(world) == []


def test_a_balance_that_does_not_cover_the_grid_opens_nothing_and_says_so() -> None:
    world = World(6, replace(MODES, balance=Decimal(12))).start()
    world.advance(30)
    assert not world.tables.orders
    status = world.ask(operator.GetStatus)
    assert isinstance(status, StatusView)
    assert all(row.why.startswith("balance: free margin is 12") for row in status.symbols)
    world.engine.transfer(ACCOUNT, Decimal(1_000), world.clock.now() // 1_000_000)
    world.advance(15)
    assert all(kinds(world, name) for name in world.names)
    world.settle()
    assert violations(world) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_no_symbol_and_no_account_passes_its_exposure_limit(seed: int) -> None:
    limits = ExposureLimits(symbol=Limit(Decimal(120)), account=Limit(Decimal(250), Decimal("0.002")))
    world = World(seed, replace(MODES, exposure=limits)).start()
    most = Decimal(0)
    for _ in range(200):
        world.advance(0.1)
        exposures = [exposure(world, name) for name in world.names]
        assert all(sides[0] <= 120 and sides[1] <= 120 for sides in exposures)
        most = max(most, sum((max(sides) for sides in exposures), Decimal(0)))
    assert 150 < most <= 200
    name = world.names[0]
    view = world.ask(lambda r: operator.DescribeSymbol(r, ACCOUNT, name))
    assert any("above the limit" in level.reason for level in view.levels)


def exposure(world: World, name: str) -> tuple[Decimal, Decimal]:
    """What the slots hold and the venue has at rest on either side, in quote currency."""
    actor, rules = world.symbol(name), world.engine.rules(name)
    assert actor is not None
    sides = [actor.slots.long_cost, actor.slots.short_cost]
    for order in world.engine.open_orders(ACCOUNT, name):
        key = decode(order.client_id)
        if key is not None and key.kind.opens:
            sides[not key.kind.buys] += order.price * (order.quantity - order.executed)
    return rules.quantum * sides[0], rules.quantum * sides[1]


def test_a_paused_symbol_opens_nothing_and_keeps_its_exits() -> None:
    world = World(1, MODES).start()
    world.advance(20)
    name = world.names[0]
    assert isinstance(world.ask(lambda r: operator.PauseSymbol(r, ACCOUNT, name)), operator.Done)
    world.advance(5)
    assert not any(kind.opens for kind in kinds(world, name))
    view = world.ask(lambda r: operator.DescribeSymbol(r, ACCOUNT, name))
    assert isinstance(view, SymbolView)
    assert view.row.state is SymbolState.PAUSED
    assert isinstance(world.ask(lambda r: operator.ResumeSymbol(r, ACCOUNT, name)), operator.Done)
    world.advance(5)
    assert any(kind.opens for kind in kinds(world, name))
    world.settle()
    assert violations(world) == []


@pytest.mark.parametrize("mode", list(RemoveMode))
def test_a_removed_symbol_is_left_in_the_way_that_was_asked_for(mode: RemoveMode) -> None:
    world = World(2, MODES).start()
    world.advance(20)
    name = world.names[0]
    held = world.engine.position(ACCOUNT, name).amount
    assert isinstance(world.ask(lambda r: operator.RemoveSymbol(r, ACCOUNT, name, mode)), operator.Done)
    world.advance(5)
    left = kinds(world, name)
    assert not any(kind.opens for kind in left)
    gone = world.symbol(name) is None
    if mode is RemoveMode.GRACEFUL and held:
        assert left or gone
    else:
        assert gone
        assert not left
    if mode is RemoveMode.FLATTEN:
        assert world.engine.position(ACCOUNT, name).amount == 0
    if gone:
        assert name not in [row.symbol for row in world.ask(operator.GetStatus).symbols]


def test_a_symbol_that_was_left_with_its_position_goes_on_with_it_when_it_is_added_again() -> None:
    world = World(2, MODES).start()
    world.advance(20)
    name, grid = world.names[0], MODES.grids[0]
    world.ask(lambda r: operator.RemoveSymbol(r, ACCOUNT, name, RemoveMode.LEAVE))
    world.advance(5)
    held = world.engine.position(ACCOUNT, name).amount
    assert held
    assert isinstance(world.add(name, grid), operator.Done)
    world.advance(20)
    world.settle()
    assert violations(world) == []


def test_a_symbol_that_does_not_exist_is_refused_and_nothing_changes() -> None:
    world = World(1, MODES).start()
    world.advance(2)
    before = dict(world.tables.specs)
    refusal = world.add("NOSUCHUSDT", PERCENT)
    assert isinstance(refusal, operator.Refusal)
    assert refusal.code == "not_found"
    assert "NOSUCHUSDT" in refusal.sentence
    assert world.tables.specs == before


def test_a_position_that_was_there_before_is_refused_or_adopted() -> None:
    world = World(3, replace(MODES, symbols=3))
    name = world.names[0]
    market_buy(world.engine, ACCOUNT, name, 40, world.venue.now_ms)
    world.start()
    world.advance(5)
    row = next(row for row in world.ask(operator.GetStatus).symbols if row.symbol == name)
    assert row.state is SymbolState.REFUSED
    assert "adopt" in row.why
    assert not world.engine.open_orders(ACCOUNT, name)
    world.ask(lambda r: operator.RemoveSymbol(r, ACCOUNT, name, RemoveMode.LEAVE))
    world.advance(1)
    assert isinstance(world.add(name, PERCENT, adopt=True), operator.Done)
    world.advance(10)
    actor = world.symbol(name)
    assert actor is not None
    assert actor.slots.position == world.engine.position(ACCOUNT, name).amount
    assert all(slot.order is not None for slot in actor.slots.held.values())


@pytest.mark.parametrize("cancel_exits", [False, True])
def test_shutdown_takes_back_what_should_not_stay(cancel_exits: bool) -> None:
    world = World(1, replace(MODES, shutdown=ShutdownPolicy(True, cancel_exits))).start()
    world.advance(20)
    assert isinstance(world.ask(operator.Shutdown), operator.Done)
    world.advance(3)
    assert world.exited == 0
    assert not any(kind.opens for kind in kinds(world))
    assert bool(kinds(world)) is not cancel_exits


def test_a_start_after_a_shutdown_takes_the_exits_up_again() -> None:
    world = World(1, MODES).start()
    world.advance(20)
    world.ask(operator.Shutdown)
    world.advance(3)
    world.kill()
    world.clock.advance(20 * SECOND)
    world.start()
    world.advance(10)
    world.settle()
    assert violations(world) == []
