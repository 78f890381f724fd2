"""Carries operations out until it kills itself at a named point. Started by test_runners.py."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from operations_bench import Bench


async def main(engine: str, url: str, effects: Path, first: int, at: str, after: int) -> None:
    """Kills itself the `after`-th time that point `at` is passed; ends in order when it never is."""
    passed = 0

    def reached(name: str) -> None:
        nonlocal passed
        passed += name == at
        if at and passed == after:
            os.kill(os.getpid(), 9)

    bench = await Bench(engine, url, effects, reached).start()
    left = [record.key for record in await bench.runner.unfinished()]
    for number in range(first, first + 3):
        await bench.submit(f"key-{number}")
        reached("submitted")
    for key in (*left, *(f"key-{number}" for number in range(first, first + 3))):
        await bench.ended(key)
    await bench.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6])))
