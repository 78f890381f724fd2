"""What a seed means: the fleet it sets up, the faults it meets, and how the run of it ended.

A run depends on its seed and on nothing else: the same seed gives the same run in any process, on any machine.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from fleet.faults import RATES
from fleet.invariants import violations
from fleet.world import ACCOUNT, Setup, World

from opensqt_actors.domain.settings import GridMode, GridSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """A seed's run. active: virtual seconds with faults; rest: seconds after them, until everything must agree."""

    setup: Setup
    active: int
    rest: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a seed's run ended. violations: sentences, none when all is well; crashes: of actors and of the process."""

    seed: int
    violations: tuple[str, ...]
    steps: int
    faults: Mapping[str, int]
    crashes: int
    fills: int


def fleet_setup(draw: Random, rates: Mapping[str, float], symbols: int = 3) -> Setup:
    """Markets with grids of all modes, drawn."""
    modes, shift = list(GridMode), draw.randrange(3)
    grids = {
        index: GridSettings(
            mode=modes[(shift + index) % 3],
            interval_percent=Decimal(draw.choice(["0.3", "0.4", "0.8"])),
            amount=Decimal(draw.choice([12, 30, 60])),
            buy_window=draw.randint(2, 8),
            sell_window=draw.randint(2, 8),
            skew=Decimal(draw.choice(["0", "0.01"])),
            max_open_orders=draw.choice([6, 15, 50]),
        )
        for index in range(symbols)
    }
    return Setup(symbols=symbols, grids=grids, rates=rates, profile=draw.choice(["demo", "wild"]))


def plan(seed: int) -> Plan:
    """What a seed sets up: mostly a little of everything, else much of a few kinds, seldom nothing but trading."""
    draw = Random(f"plan:{seed}")
    mixture = draw.random()
    if mixture < 0.55:
        rates = dict(RATES)
    elif mixture < 0.95:
        rates = {kind: min(0.5, 4 * RATES[kind]) for kind in draw.sample(sorted(RATES), draw.randint(2, 6))}
    else:
        rates = {}
    return Plan(fleet_setup(draw, rates, draw.randint(1, 3)), draw.randint(20, 60), 70)


def run(seed: int, watch: Callable[[World], None] | None = None) -> Outcome:
    """Run a seed. `watch` is given the world before it starts; an error of the harness itself is a violation, too."""
    chosen = plan(seed)
    world = World(seed, chosen.setup)
    if watch is not None:
        watch(world)
    try:
        world.start()
        world.advance(chosen.active)
        world.settle(chosen.rest)
        found = violations(world)
    except Exception:  # noqa: BLE001 - whatever it is, the seed is what matters
        found = [*world.violations, traceback.format_exc()]
    return Outcome(
        seed,
        tuple(found),
        world.steps,
        Counter(world.faults.counts),
        len(world.crashes) + world.lives - 1,
        world.engine.summary(ACCOUNT).fills,
    )
