"""The fleet with faults by seed: each kind alone, all together, and the process killed at any moment."""

from __future__ import annotations

from random import Random

import pytest
from fleet.faults import KINDS, RATES, Faults
from fleet.invariants import violations
from fleet.seeds import fleet_setup
from fleet.world import Setup, World


def setup(seed: int, rates: dict[str, float]) -> Setup:
    """Three markets with grids of all modes, drawn by the seed."""
    return fleet_setup(Random(f"setup:{seed}"), rates)


@pytest.mark.parametrize("kind", sorted(RATES))
def test_one_kind_of_fault_leaves_the_books_in_order(kind: str) -> None:
    wanted = {
        kind: {"prepare.failed": 0.5, "shard.crashed": 0.01, "find.failed": 0.3}.get(
            kind, min(0.5, max(0.01, 5 * RATES[kind]))
        )
    }
    if kind == "find.failed":
        wanted |= {"place.timeout_before": 0.2, "event.lost": 0.1}
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


def test_every_kind_has_a_rate_but_the_one_that_only_a_scenario_can_bear() -> None:
    assert set(RATES) == set(KINDS) - {"place.lies"}


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
