"""Sends batches of three until it kills itself at a named point. Started by test_engines.py."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from desk import Batch, Stand, order
from file_venue import FileVenue

from opensqt_actors.actors.ports import IntentsCommitted, PlacesAnswered


async def main(engine: str, url: str, orders: Path, first: int, at: str, after: int) -> None:
    """Kills itself the `after`-th time that point `at` is passed."""
    passed = 0

    def reached(name: str) -> None:
        nonlocal passed
        passed += name == at
        if passed == after:
            os.kill(os.getpid(), 9)

    stand = await Stand(engine, url, FileVenue(orders, reached), reached).start(reached)
    for number in range(first, first + 100):
        stand.tell(Batch(number, [order(number * 10 + index) for index in range(3)]))
        await stand.answer(IntentsCommitted)
        reached("committed")
        await stand.answer(PlacesAnswered)
        reached("answered")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6])))
