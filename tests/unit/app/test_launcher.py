"""Spare processes that become shards: who is taken, who is made anew, and when."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opensqt_actors.app import shard_processes
from opensqt_actors.app.shard_processes import Launcher

SPARE = "import sys; line = sys.stdin.readline(); sys.exit(int(line) if line.strip() else 99)"
"""Ends with the number that it is told."""
NAMED = "import sys; sys.exit(100 + int(sys.argv[2]))"
"""Ends with 100 and the number that it was started with."""


class Stage:
    """A launcher of processes that end at once and say how they came to be."""

    def __init__(self, shards: int) -> None:
        self.launcher = Launcher(Path("none.yaml"), shards)
        self.started: list[subprocess.Popen[bytes]] = []
        self.another = asyncio.Event()
        start = self.launcher._start

        def seen(arguments: list[str], stdin: int) -> subprocess.Popen[bytes]:
            self.launcher._command = [sys.executable, "-c", NAMED if arguments else SPARE]
            self.started.append(start(arguments, stdin))
            self.another.set()
            return self.started[-1]

        self.launcher._start = seen  # type: ignore[method-assign]

    async def spares(self, number: int) -> None:
        async with asyncio.timeout(10):
            while self.waiting < number:
                self.another.clear()
                await self.another.wait()
                await asyncio.sleep(0)  # the launcher takes it down after it was started

    @property
    def waiting(self) -> int:
        return len(self.launcher._spares)

    @property
    def more(self) -> bool:
        """Whether another spare is planned."""
        return self.launcher._timer is not None


@pytest.fixture
def stage(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(shard_processes, "SPARE_AFTER", 0.01)
    made = Stage(request.param)
    yield made
    for process in made.started:
        if process.stdin is not None:
            process.stdin.close()
        process.kill()
        process.wait()


@pytest.mark.parametrize("stage", [4], indirect=True)
async def test_two_shards_that_die_at_once_are_each_replaced_by_a_spare(stage: Stage) -> None:
    first = stage.launcher.launch(0)
    assert first.wait(10) == 100, "there was no spare yet"
    await stage.spares(2)
    assert not stage.more, "no more than two"
    assert [stage.launcher.launch(number).wait(10) for number in (1, 2, 3)] == [1, 2, 103]
    await stage.spares(2)
    stage.launcher.close()


@pytest.mark.parametrize("stage", [1], indirect=True)
async def test_few_shards_have_one_spare_and_a_dead_one_is_not_taken(stage: Stage) -> None:
    stage.launcher.launch(0)
    await stage.spares(1)
    assert not stage.more
    [spare] = stage.launcher._spares
    spare.kill()
    spare.wait()
    assert stage.launcher.launch(0).wait(10) == 100
    stage.launcher.close()


@pytest.mark.parametrize("stage", [4], indirect=True)
async def test_no_spare_outlives_the_launcher(stage: Stage) -> None:
    stage.launcher.launch(0)
    await stage.spares(2)
    stage.launcher.close()
    assert [process.poll() for process in stage.started[1:]] == [-9, -9]
    assert not stage.more
