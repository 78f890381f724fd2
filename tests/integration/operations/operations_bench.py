"""A runner with a body of three steps whose effects go to a file, as the tests of both runners use it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from opensqt_actors.actors.operations import Ended, Kind, Outcome, Run, Runner
from opensqt_actors.app.operations.journal import JournalRunner
from opensqt_actors.durable.operations import DurableRunner
from opensqt_actors.storage import Database
from opensqt_actors.storage.operations import OperationTable

STEPS = ("first", "second", "third")


def nothing(name: str) -> None:
    """No failpoint."""


class Bench:
    """One life of a runner. effects: a file with one line for each effect, `KEY STEP`.

    gates: steps that wait until their event is set; reached: called around each step and before the outcome.
    """

    def __init__(self, engine: str, url: str, effects: Path, reached: Callable[[str], None] = nothing) -> None:
        self.engine = engine
        self.effects = effects
        self.reached = reached
        self.gates: dict[str, asyncio.Event] = {}
        self.at: dict[str, str] = {}
        self.results: dict[str, list[Any]] = {}
        self.database = Database(url)
        quick = {"retry_first": 0.05, "retry_last": 0.2}
        self.runner: Runner = (
            JournalRunner(OperationTable(self.database), **quick)
            if engine == "simple"
            else DurableRunner(url, "bench", **quick)
        )

    async def start(self) -> Bench:
        await self.runner.start(self.body)
        return self

    async def close(self) -> None:
        await self.runner.close()
        self.database.close()

    async def body(self, run: Run) -> Outcome:
        results: list[Any] = []
        for step in STEPS:

            async def work(step: str = step) -> Any:
                self.at[run.key] = step
                self.reached("before")
                if step in self.gates:
                    await self.gates[step].wait()
                with self.effects.open("a") as file:
                    file.write(f"{run.key} {step}\n")
                self.reached("after")
                return {"step": step, "pair": (1, None), "given": run.arguments["text"]}

            results.append(await run.step(step, work))
            self.reached("recorded")
        self.results[run.key] = results
        self.reached("ended")
        return Outcome(Ended.DONE, f"{run.key} is done with {run.arguments['text']}")

    async def submit(self, key: str, text: str = "x") -> bool:
        return await self.runner.submit(key, Kind.PAUSE, {"text": text})

    async def ended(self, key: str, timeout: float = 30) -> Outcome:
        async with asyncio.timeout(timeout):
            while True:
                with suppress(Exception):  # the database may be away
                    record = await self.runner.show(key)
                    if record is not None and record.outcome is not None:
                        return record.outcome
                await asyncio.sleep(0.02)

    async def reaches(self, key: str, step: str, timeout: float = 30) -> None:
        async with asyncio.timeout(timeout):
            while self.at.get(key) != step:  # noqa: ASYNC110 - steps are seen from outside, as by an operator
                await asyncio.sleep(0.01)

    def counts(self) -> Counter[str]:
        return Counter(self.effects.read_text().splitlines()) if self.effects.exists() else Counter()
