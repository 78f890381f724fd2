"""One shard's process as its supervisor sees it while it is being started, without any process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from opensqt_actors.actors.shard_link import ReachShard, ShardAbsent, ShardGone
from opensqt_actors.app.shard_launcher import Child, NotLaunched
from opensqt_actors.app.shard_processes import ShardProcess
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.kernel import ActorRef

OWNER, NEXT = ActorRef(ActorId("supervisor/shard-0"), 1), ActorRef(ActorId("supervisor/shard-0"), 2)


class Stage:
    """A shard whose launcher answers when it is told to, with this very process as the one that was started."""

    def __init__(self, folder: Path) -> None:
        self.told: list[tuple[ActorRef, Any]] = []
        self.asked: list[asyncio.Future[Child]] = []
        self.closed = 0
        self.shard = ShardProcess(self, folder, self, 0)  # type: ignore[arg-type]

    def tell(self, to: ActorRef, message: Any) -> None:
        self.told.append((to, message))

    async def launch(self, number: int) -> Child:
        assert number == 0
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]

    def close(self) -> None:
        self.closed += 1

    def started(self) -> None:
        self.asked[-1].set_result(Child(os.getpid()))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_process_that_is_there_only_when_it_is_started_is_launched_once(stage: Stage) -> None:
    stage.shard.reach(OWNER, ReachShard(0, 1, launch=False))
    assert stage.told == [(OWNER, ShardAbsent(1))]
    stage.shard.reach(OWNER, ReachShard(0, 1, launch=True))
    await turns()
    stage.shard.reach(NEXT, ReachShard(0, 2, launch=True))
    await turns()
    assert len(stage.asked) == 1
    stage.started()
    await turns()
    assert stage.shard.watch is not None
    assert stage.shard.watch.pid == os.getpid()
    await stage.shard.close(kill=False)
    assert len(stage.told) == 1


async def test_who_owns_the_shard_by_then_is_told_that_none_was_started(stage: Stage) -> None:
    stage.shard.reach(OWNER, ReachShard(0, 1, launch=True))
    await turns()
    stage.shard.reach(NEXT, ReachShard(0, 2, launch=True))
    stage.asked[0].set_exception(NotLaunched("nobody starts anything"))
    await turns()
    assert stage.told == [(NEXT, ShardGone(2, "nobody starts anything"))]
    stage.shard.reach(NEXT, ReachShard(0, 3, launch=True))
    await turns()
    assert len(stage.asked) == 2
    stage.asked[1].cancel()
    await stage.shard.close(kill=False)


async def test_one_that_is_not_started_in_time_is_given_up_and_another_server_is_asked(stage: Stage) -> None:
    stage.shard.reach(OWNER, ReachShard(0, 1, launch=True))
    await turns()
    stage.shard.kill()
    assert stage.told == [(OWNER, ShardGone(1, "no process was started in time"))]
    assert stage.closed == 1
    stage.shard.reach(OWNER, ReachShard(0, 2, launch=True))
    await turns()
    assert stage.asked[0].cancelled()
    stage.started()
    await turns()
    assert stage.shard.watch is not None
    assert len(stage.told) == 1
    await stage.shard.close(kill=False)


async def test_a_supervisor_that_ends_waits_for_what_was_being_started(stage: Stage) -> None:
    stage.shard.reach(OWNER, ReachShard(0, 1, launch=True))
    await turns()
    closing = asyncio.ensure_future(stage.shard.close(kill=False))
    await turns()
    assert not closing.done()
    stage.started()
    await closing
    assert stage.told == []
