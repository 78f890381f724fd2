"""Recorded candles through the venue's matching engine, with all actors on virtual time, and through both replays.

One JSON line for each mode: how many fills, and whether every one is the same (price of the recording, level, side,
order price, quantity, order). Exit code 1 when one is not. What is alike for that: docs/reference/simulated-venue.md
"""

from __future__ import annotations

import argparse
import sys
import time
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "simulation"))

from fleet.recorded import (
    GridLevels,
    PlainLevels,
    Recorded,
    RecordedWorld,
    recorded,
    replayed,
)

from opensqt_actors.domain.settings import GridMode, GridSettings


def compared(recording: Recorded, grid: GridSettings) -> dict[str, object]:
    """One mode: counts, whether they agree, and the first fill that does not."""
    before = time.perf_counter()
    traded = RecordedWorld(recording, grid).run()
    seconds = time.perf_counter() - before
    plain, _ = replayed(PlainLevels, recording, grid)
    fast, _ = replayed(GridLevels, recording, grid)
    different = next((pair for pair in zip_longest(traded, plain) if pair[0] != pair[1]), None)
    return {
        "mode": grid.mode,
        "candles": len(recording.candles),
        "fills": len(traded),
        "same_as_plain_replay": traded == plain,
        "same_as_grid_replay": traded == fast,
        "first_difference": None if different is None else [str(side) for side in different],
        "venue_seconds": round(seconds, 1),
    }


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candles", type=Path, required=True, help="a file whose name begins with its market's")
    parser.add_argument("--count", type=int, help="only so many candles")
    parser.add_argument("--interval-percent", type=Decimal, default=Decimal("0.5"))
    parser.add_argument("--amount", type=Decimal, default=Decimal(100), help="per level, in the market's quote")
    parser.add_argument("--max-position", type=Decimal, default=Decimal(30_000))
    parser.add_argument("--max-open-orders", type=int, default=190)
    given = parser.parse_args()
    recording = recorded(given.candles, given.count)
    same = True
    for mode in GridMode:
        grid = GridSettings(
            mode,
            given.amount,
            interval_percent=given.interval_percent,
            max_position=given.max_position,
            max_open_orders=given.max_open_orders,
        )
        found = compared(recording, grid)
        same = same and found["first_difference"] is None and bool(found["same_as_grid_replay"])
        print(orjson.dumps(found).decode(), flush=True)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
