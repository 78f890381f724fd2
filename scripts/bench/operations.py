"""What an operation costs with each runner on each database: one JSON line each.

An operation of three steps that do nothing, one after the other, then a hundred at once; how long the runner takes to
start, and to take up fifty that an earlier process left. PostgreSQL with --postgres or OPENSQT_TEST_POSTGRES_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

from opensqt_actors.actors.operations import Ended, Json, Kind, Outcome, Run, Runner
from opensqt_actors.app.operations.journal import JournalRunner
from opensqt_actors.durable.operations import DurableRunner
from opensqt_actors.storage import Database
from opensqt_actors.storage.operations import OperationTable

ALONE, TOGETHER, LEFT = 40, 100, 50
STEPS = 3


async def _step() -> Json:
    return {"done": "nothing"}


class Bench:
    """One life of a runner. held: whether operations stay at their second step."""

    def __init__(self, name: str, url: str, *, held: bool = False) -> None:
        self.database = Database(url)
        self.runner: Runner = (
            JournalRunner(OperationTable(self.database)) if name == "simple" else DurableRunner(url, "bench")
        )
        self.held = held
        self.ended: dict[str, asyncio.Event] = {}

    async def body(self, run: Run) -> Outcome:
        """Three steps."""
        for number in range(STEPS):
            if self.held and number == 1:
                self.event(run.key).set()
                await asyncio.Event().wait()
            await run.step(f"step {number}", _step)
        self.event(run.key).set()
        return Outcome(Ended.DONE, "done")

    def event(self, key: str) -> asyncio.Event:
        """Set when the operation has taken its last step."""
        return self.ended.setdefault(key, asyncio.Event())

    async def one(self, key: str) -> float:
        """Seconds from asking to the last step's record."""
        began = time.perf_counter()
        await self.runner.submit(key, Kind.PAUSE, {"symbol": "BTCUSDT"})
        await self.event(key).wait()
        return time.perf_counter() - began

    async def close(self) -> None:
        """End it."""
        await self.runner.close()
        self.database.close()


async def measure(name: str, url: str) -> dict[str, float | str]:
    """The figures of one runner on one database."""
    database = Database(url)
    database.migrate()
    database.close()
    first = Bench(name, url, held=True)
    await first.runner.start(first.body)
    await asyncio.gather(*(first.one(f"left-{number}") for number in range(LEFT)))
    await first.close()
    bench = Bench(name, url)
    began = time.perf_counter()
    await bench.runner.unfinished()
    await bench.runner.start(bench.body)
    started = time.perf_counter() - began
    await asyncio.gather(*(bench.event(f"left-{number}").wait() for number in range(LEFT)))
    taken_up = time.perf_counter() - began
    spent = time.process_time()
    alone = sorted([await bench.one(f"alone-{number}") for number in range(ALONE)])
    spent = time.process_time() - spent
    began = time.perf_counter()
    await asyncio.gather(*(bench.one(f"together-{number}") for number in range(TOGETHER)))
    together = time.perf_counter() - began
    await bench.close()
    return {
        "runner": name,
        "database": url.partition(":")[0],
        "start_ms": round(started * 1e3, 1),
        "take_up_50_ms": round(taken_up * 1e3, 1),
        "alone_p50_ms": round(alone[ALONE // 2] * 1e3, 1),
        "alone_max_ms": round(alone[-1] * 1e3, 1),
        "cpu_ms": round(spent / ALONE * 1e3, 2),
        "together_per_s": round(TOGETHER / together, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", default=os.environ.get("OPENSQT_TEST_POSTGRES_URL", ""), help="an empty database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{Path(folder)}/bench.db", *([options.postgres] if options.postgres else [])]
        for url in urls:
            for name in ("simple", "durable"):
                print(json.dumps(asyncio.run(measure(name, url))), flush=True)


if __name__ == "__main__":
    main()
