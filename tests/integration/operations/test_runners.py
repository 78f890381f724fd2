"""What every runner of operations keeps, on every database: the contract that actors.operations writes down."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from operations_bench import STEPS, Bench
from sqlalchemy.engine import make_url

from opensqt_actors.actors.operations import Ended, Kind
from opensqt_actors.durable.workflows import workflow_url
from opensqt_actors.storage import StorageError

pytestmark = pytest.mark.integration

Start = Callable[..., Awaitable[Bench]]


@pytest.fixture(params=["simple", "durable"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def start(url: str, engine: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a life of the runner; one at a time, as in a process."""
    lives: list[Bench] = []

    async def make(*gates: str) -> Bench:
        bench = Bench(engine, url, tmp_path / "effects")
        bench.gates = {gate: asyncio.Event() for gate in gates}
        lives.append(bench)
        return await bench.start()

    yield make
    for bench in lives:
        await bench.close()


@contextmanager
def away(engine: str, url: str) -> Iterator[None]:
    """Nobody can write to the operations' tables."""
    if url.startswith("sqlite"):
        path = make_url(workflow_url(url) if engine == "durable" else url).database
        with sqlite3.connect(str(path), isolation_level=None) as connection:
            connection.execute("begin immediate")
            yield
            connection.execute("rollback")
        connection.close()
        return
    tables = "operations, operation_steps" if engine == "simple" else "dbos.workflow_status, dbos.operation_outputs"
    held = sa.create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with held.begin() as connection:
        connection.exec_driver_sql(f"lock table {tables} in access exclusive mode")
        yield
    held.dispose()


async def test_each_step_is_carried_out_once_and_what_came_of_it_can_be_read(start: Start) -> None:
    bench = await start()
    assert await bench.submit("a", "of it")
    assert (await bench.ended("a")).sentence == "a is done with of it"
    record = await bench.runner.show("a")
    assert record is not None
    assert (record.key, record.kind, record.arguments) == ("a", Kind.PAUSE, {"text": "of it"})
    assert [step.name for step in record.steps] == list(STEPS)
    assert record.steps[0].result == {"step": "first", "pair": [1, None], "given": "of it"}
    assert record.asked_at <= record.steps[0].at <= record.steps[2].at
    assert record.ended_at >= record.asked_at > 0
    assert bench.counts() == {f"a {step}": 1 for step in STEPS}


async def test_a_key_that_is_known_begins_nothing(start: Start) -> None:
    bench = await start("third")
    assert await bench.submit("a", "first")
    await bench.reaches("a", "third")
    assert not await bench.submit("a", "second")
    bench.gates["third"].set()
    assert (await bench.ended("a")).sentence == "a is done with first"
    assert not await bench.submit("a", "third")
    assert bench.counts() == {f"a {step}": 1 for step in STEPS}


async def test_of_two_that_come_at_once_with_one_key_one_begins(start: Start) -> None:
    bench = await start()
    assert sorted(await asyncio.gather(bench.submit("a"), bench.submit("a"))) == [False, True]
    await bench.ended("a")
    assert bench.counts() == {f"a {step}": 1 for step in STEPS}


async def test_the_next_process_goes_on_where_the_records_end(start: Start) -> None:
    bench = await start("third")
    await bench.submit("a", "one")
    await bench.submit("b", "two")
    for key in "ab":
        await bench.reaches(key, "third")
    await bench.close()
    bench = await start()
    assert (await bench.ended("a")).sentence == "a is done with one"
    assert (await bench.ended("b")).sentence == "b is done with two"
    assert bench.counts() == {f"{key} {step}": 1 for key in "ab" for step in STEPS}


async def test_one_that_was_taken_up_may_be_left_again(start: Start) -> None:
    bench = await start("second")
    await bench.submit("a")
    await bench.reaches("a", "second")
    for _ in range(2):
        await bench.close()
        bench = await start("second")
        await bench.reaches("a", "second")
    await bench.close()
    bench = await start()
    assert (await bench.ended("a")).ended is Ended.DONE
    assert bench.counts() == {f"a {step}": 1 for step in STEPS}


async def test_results_are_the_same_in_the_life_that_made_them_and_in_the_next(start: Start) -> None:
    bench = await start()
    await bench.submit("a")
    await bench.ended("a")
    await bench.submit("b")
    await bench.ended("b")
    first = bench.results["a"]
    assert first[0]["pair"] == [1, None]
    await bench.close()
    bench = await start("third")
    await bench.submit("c")
    await bench.reaches("c", "third")
    await bench.close()
    bench = await start()
    await bench.ended("c")
    assert bench.results["c"] == first


async def test_what_is_unfinished_is_listed_oldest_first_and_records_newest_first(start: Start) -> None:
    bench = await start("second")
    for key in "abc":
        await bench.submit(key)
        await bench.reaches(key, "second")
        await asyncio.sleep(0.005)  # their times are told in milliseconds
    assert [record.key for record in await bench.runner.unfinished()] == ["a", "b", "c"]
    assert [record.key for record in await bench.runner.records(2)] == ["c", "b"]
    assert all(record.outcome is None and record.ended_at == 0 for record in await bench.runner.records(9))
    bench.gates["second"].set()
    for key in "abc":
        assert (await bench.ended(key)).ended is Ended.DONE
    assert await bench.runner.unfinished() == ()
    assert await bench.runner.show("d") is None


async def test_with_the_database_away_a_command_is_refused_soon_and_what_runs_goes_on_later(
    start: Start, engine: str, url: str
) -> None:
    bench = await start("second")
    await bench.submit("a")
    await bench.reaches("a", "second")
    with away(engine, url):
        bench.gates["second"].set()
        with pytest.raises(StorageError):
            async with asyncio.timeout(10):
                await bench.submit("b")
        await bench.reaches("a", "second")
    assert (await bench.ended("a")).sentence == "a is done with x"
    counts = bench.counts()
    assert counts["a first"] == counts["a third"] == 1
    # The journal's runner keeps the result until it can be recorded; DBOS runs the step again.
    assert 1 <= counts["a second"] <= (1 if engine == "simple" else 3)
    # What was refused has not been written, or runs as well: it never stays behind.
    record = await bench.runner.show("b")
    if record is not None:
        await bench.ended("b")


async def test_a_process_ends_quickly_with_the_database_away(start: Start, engine: str, url: str) -> None:
    bench = await start("second")
    await bench.submit("a")
    await bench.reaches("a", "second")
    with away(engine, url):
        bench.gates["second"].set()
        async with asyncio.timeout(12):
            await bench.close()
    bench = await start()
    assert (await bench.ended("a")).ended is Ended.DONE


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("at", ["submitted", "before", "after", "recorded", "ended"])
def test_killed_again_and_again_every_operation_ends_and_no_recorded_step_is_repeated(
    engine: str, url: str, tmp_path: Path, at: str
) -> None:
    effects = tmp_path / "effects"
    script = str(Path(__file__).parent / "operations_kill_me.py")

    def life(first: int, point: str, after: int) -> int:
        command = [sys.executable, script, engine, url, str(effects), str(first), point, str(after)]
        return subprocess.run(command, timeout=60, check=False).returncode

    kills = [1, 2, 3] if at in {"ended", "submitted"} else [1, 2, 5]
    for number, after in enumerate(kills):
        assert life(number * 3, at, after) == -9
    assert life(100, "", 0) == 0
    bench = Bench(engine, url, effects)

    async def read() -> dict[str, Any]:
        await bench.start()
        try:
            assert await bench.runner.unfinished() == ()
            return {record.key: record for record in await bench.runner.records(100)}
        finally:
            await bench.close()

    records = asyncio.run(read())
    counts = bench.counts()
    assert {"key-100", "key-101", "key-102"} <= records.keys()
    for key, record in records.items():
        assert record.outcome is not None, key
        assert record.outcome.ended is Ended.DONE, key
        for step in STEPS:
            assert counts[f"{key} {step}"] >= 1, (key, step)
    # Up to three are at work at each kill: each may repeat the one step whose record was cut off.
    assert sum(counts.values()) <= len(records) * len(STEPS) + 3 * len(kills)
    assert {key.split()[0] for key in counts} == records.keys()
