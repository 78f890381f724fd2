"""Recorded candles come to the same fills on the venue's matching engine, with all actors, as in both replays."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest
from fleet.invariants import violations
from fleet.recorded import GridLevels, PlainLevels, Recorded, RecordedWorld, recorded, replayed
from msgspec.structs import replace

from opensqt_actors.domain.settings import GridMode, GridSettings, Trail

EXCERPT = Path(__file__).parents[1] / "data" / "XRPUSDT-perp-5m-2021-11-first-400.csv"
DATA = Path(os.environ.get("OPENSQT_DATA", "data"))
GRID = GridSettings(
    amount=Decimal(100), interval_percent=Decimal("0.2"), max_open_orders=190, max_position=Decimal(30_000)
)
# interval in percent, amount
FILES = [
    ("BTCUSDT-perp-1m-2022-01.csv.gz", "0.3", "100"),
    ("XRPUSDT-perp-5m-2021-11.csv.gz", "0.3", "100"),
    ("ETHBTC-spot-5m-2018-01.csv.gz", "0.6", "0.01"),
    ("LTCBTC-spot-5m-2018-01.csv.gz", "0.8", "0.01"),
    ("XMRBTC-spot-5m-2018-01.csv.gz", "0.8", "0.01"),
    ("DASHBTC-spot-5m-2018-01.csv.gz", "0.8", "0.01"),
    ("ADABTC-spot-5m-2018-01.csv.gz", "1", "0.01"),
]


@pytest.fixture(scope="module")
def excerpt() -> Recorded:
    return recorded(EXCERPT)


def compare(recording: Recorded, grid: GridSettings, least: int) -> None:
    """Every fill: which price, level, side, order price and quantity, in which order."""
    world = RecordedWorld(recording, grid)
    traded = world.run()
    plain, result = replayed(PlainLevels, recording, grid)
    fast, _ = replayed(GridLevels, recording, grid)
    assert len(traded) >= least
    assert traded == plain
    assert traded == fast
    assert world.crashes == []
    assert world.venue.refused == {}
    actor = world.symbol(world.name)
    assert actor is not None
    assert actor.instrument is not None
    assert actor.instrument.money(actor.totals.realized) == result.realized
    assert actor.instrument.quantity(actor.slots.position) == result.position
    world.rest()
    assert violations(world) == []


@pytest.mark.parametrize("mode", GridMode)
def test_recorded_candles_fill_the_same_orders_on_the_venue_and_in_the_replays(
    excerpt: Recorded, mode: GridMode
) -> None:
    compare(excerpt, replace(GRID, mode=mode), 300)


@pytest.mark.parametrize(
    "change",
    [
        {"max_position": Decimal(700)},
        {"max_open_orders": 14},
        {"interval_percent": None, "interval": Decimal("0.0035"), "buy_window": 3, "sell_window": 2},
        {"trail": Trail.UP},
        {"min_price": Decimal("1.15"), "max_price": Decimal("1.19")},
        {"amount": Decimal("5.5")},
    ],
    ids=str,
)
def test_limits_corridors_and_small_orders_change_nothing_of_that(excerpt: Recorded, change: dict[str, object]) -> None:
    compare(excerpt, replace(GRID, mode=GridMode.NEUTRAL, **change), 20)  # type: ignore[arg-type]


def test_where_touching_is_enough_the_venue_fills_more_than_the_replays(excerpt: Recorded) -> None:
    touched = RecordedWorld(excerpt, GRID, volume=10_000_000).run()
    plain, _ = replayed(PlainLevels, excerpt, GRID)
    assert touched != plain
    assert len(touched) > len(plain)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "percent", "amount"), FILES, ids=[name for name, *_ in FILES])
@pytest.mark.parametrize("mode", GridMode)
def test_whole_recordings_fill_the_same_orders(mode: GridMode, name: str, percent: str, amount: str) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there; OPENSQT_DATA names the folder of recorded candles")
    grid = replace(
        GRID,
        mode=mode,
        interval_percent=Decimal(percent),
        amount=Decimal(amount),
        max_position=Decimal(amount) * 300,
    )
    compare(recorded(path), grid, 500)
