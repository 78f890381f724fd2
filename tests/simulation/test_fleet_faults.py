"""The fleet with faults by seed: each kind alone, all together, and the process killed at any moment."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from fleet.faults import KINDS, RATES, Faults
from fleet.invariants import violations
from fleet.seeds import fleet_setup
from fleet.world import ACCOUNT, Setup, World

from opensqt_actors.actors import operator
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.runtime.supervision import RestartPolicy


def setup(seed: int, rates: dict[str, float]) -> Setup:
    """Three markets with grids of all modes, drawn by the seed."""
    return fleet_setup(Random(f"setup:{seed}"), rates)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_one_kind_of_fault_leaves_the_books_in_order(kind: str) -> None:
    wanted = {kind: {"prepare.failed": 0.5, "shard.crashed": 0.01}.get(kind, min(0.5, 5 * RATES[kind]))}
    if kind == "find.failed":
        wanted["place.timeout_after"] = 0.1
    world = World(11, setup(11, wanted)).start()
    world.advance(40)
    world.settle(60)
    assert world.faults.counts[kind] > 0
    assert violations(world) == []


@pytest.mark.parametrize("seed", range(20, 30))
def test_all_kinds_of_faults_together_leave_the_books_in_order(seed: int) -> None:
    world = World(seed, setup(seed, RATES)).start()
    world.advance(60)
    world.settle(70)
    assert sum(world.faults.counts.values()) > 20
    assert violations(world) == [], f"seed {seed}"


def test_every_kind_has_a_rate() -> None:
    assert set(RATES) == set(KINDS)


def test_faults_do_not_move_the_markets() -> None:
    prices = []
    for rates in ({}, {"event.doubled": 0.5}):
        world = World(3, setup(3, rates)).start()
        world.advance(10)
        prices.append([world.engine.mark_price(name).price for name in world.names])
    assert prices[0] == prices[1]


def test_an_unknown_kind_of_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no\\.such"):
        Faults(1, {"no.such": 0.1})


@pytest.mark.parametrize("seed", [40, 41])
def test_f15_kills_at_random_moments_lose_and_double_nothing(seed: int) -> None:
    world = World(seed, setup(seed, {"process.killed": 0.02})).start()
    world.advance(120)
    world.settle(60)
    assert world.lives > 10
    assert violations(world) == []


def without_exit(world: World) -> dict[tuple[str, int, int], list[str]]:
    """Holdings without an exit, by symbol, level and generation, with their histories."""
    found: dict[tuple[str, int, int], list[str]] = {}
    for name in world.names:
        actor = world.symbol(name)
        assert actor is not None
        assert actor.strategy is not None
        for slot in actor.slots.held.values():
            if slot.order is None:
                found[name, slot.level, slot.generation] = list(slot.history)
    return found


def test_f15_every_holding_has_its_exit_soon_after_a_kill() -> None:
    for seed in range(50, 56):
        world = World(seed, setup(seed, {})).start()
        world.advance(20 + seed % 7)
        world.kill()
        world.clock.advance(1_000_000_000)
        world.start()
        world.advance(2)
        bare = without_exit(world)
        world.advance(0.5)  # a fill of this very moment may have to wait until an opening order has gone
        stays = bare.keys() & without_exit(world).keys()
        assert not stays, f"seed {seed}: {[bare[key] for key in stays]}"


def test_f30_a_strategy_that_raises_stops_its_own_symbol_only() -> None:
    policy = RestartPolicy(2, 30_000_000_000, 200_000_000, 1_000_000_000)
    world = World(12, replace(setup(12, {}), policy=policy)).start()
    world.advance(10)
    name = world.names[0]
    actor = world.symbol(name)
    assert actor is not None
    world.broken.add(name)
    fills = {other: world.symbol(other).fills for other in world.names[1:]}  # type: ignore[union-attr]
    world.advance(20)
    status = world.ask(operator.GetStatus)
    broken = next(row for row in status.symbols if row.symbol == name)
    assert broken.state is SymbolState.QUARANTINED
    assert "injected" in broken.why
    assert not [o for o in world.engine.open_orders(ACCOUNT, name) if o.client_id[14] in "bs"]
    for other in world.names[1:]:
        mate = world.symbol(other)
        assert mate is not None
        assert mate.restarts == 0
        assert mate.fills > fills[other]
    world.broken.clear()
    assert isinstance(world.ask(lambda r: operator.ResumeSymbol(r, ACCOUNT, name)), operator.Done)
    world.advance(10)
    world.settle()
    assert violations(world) == []
    assert world.symbol(name) is not None
