"""What every execution engine does, on every database: F15, F22 and F34 seen from the orders."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from desk import Batch, order
from sqlalchemy.engine import make_url

from opensqt_actors.actors.ports import IntentsCommitted, IntentsFailed, PlacesAnswered
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import Accepted, Cancelled, NotSent, Refused
from opensqt_actors.durable.workflows import workflow_url
from opensqt_actors.storage import Database
from opensqt_actors.storage.schema import metadata

pytestmark = pytest.mark.integration
CHILD = Path(__file__).with_name("kill_me.py")
POINTS = [
    "journal.begun",
    "journal.sealed",
    "journal.after_commit",
    "committed",
    "durable.started",
    "sending",
    "sent",
    "durable.answered",
    "answered",
]


async def test_an_order_leaves_once_its_intent_is_durable(start, venue):
    stand = await start()
    stand.tell(Batch(1, [order(10), order(11)]))
    await stand.answer(IntentsCommitted)
    seen = [live.intent.client_id for live in (await stand.load()).orders]
    answered = await stand.answer(PlacesAnswered)
    assert seen == [order(10).client_id, order(11).client_id] == venue.placed()
    assert [type(outcome) for outcome in answered.outcomes] == [Accepted, Accepted]


async def test_each_order_of_a_batch_has_its_own_outcome(start, venue):
    stand = await start()
    venue.refuse = {order(11).client_id}
    answered = await stand.place(1, order(10), order(11), order(12))
    assert [type(outcome) for outcome in answered.outcomes] == [Accepted, Refused, Accepted]
    assert venue.placed() == [order(10).client_id, order(12).client_id]


async def test_a_batch_whose_commit_fails_sends_nothing(start, venue):
    stand = await start()
    assert isinstance(await stand.place(1, order(10)), PlacesAnswered)
    failed = await stand.place(1, order(11), order(10))
    assert isinstance(failed, IntentsFailed)
    assert venue.placed() == [order(10).client_id]


async def test_batches_leave_in_the_order_in_which_they_were_decided(start, venue):
    stand = await start()
    for number in range(1, 31):
        stand.tell(Batch(number, [order(number * 10)]))
    for _ in range(30):
        await stand.answer(PlacesAnswered)
    assert venue.placed() == [order(number * 10).client_id for number in range(1, 31)]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_f22_with_the_database_away_cancels_leave_and_openings_do_not(start, url, venue):
    stand = await start()
    placed = await stand.place(1, order(10))
    assert [type(outcome) for outcome in placed.outcomes] == [Accepted]
    with (
        closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as journal,
        closing(sqlite3.connect(make_url(workflow_url(url)).database or "", isolation_level=None)) as other,
    ):
        journal.execute("begin immediate")
        other.execute("begin immediate")
        assert (await stand.cancel(order(10))).outcomes == (Cancelled(order(10).client_id),)
        assert isinstance(await stand.place(2, order(20)), IntentsFailed)
        exits = order(30, OrderKind.EXIT_SELL), order(31, OrderKind.FLATTEN_SELL, market=True)
        for exit_again in exits:
            again = await stand.place(3, exit_again, journalled=True)
            assert [type(outcome) for outcome in again.outcomes] == [Accepted]
        journal.execute("rollback")
        other.execute("rollback")
    assert venue.placed() == [request.client_id for request in (order(10), *exits)]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["durable"], indirect=True)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_openings_are_refused_while_the_workflow_tables_alone_are_locked_and_never_sent_late(start, url, venue):
    stand = await start(start_timeout=2.0)
    with closing(sqlite3.connect(make_url(workflow_url(url)).database or "", isolation_level=None)) as other:
        other.execute("begin immediate")
        answered = await stand.place(1, order(10))
        assert [type(outcome) for outcome in answered.outcomes] == [NotSent]
        other.execute("rollback")
    assert [type(outcome) for outcome in (await stand.place(2, order(20))).outcomes] == [Accepted]
    assert venue.placed() == [order(20).client_id]


async def test_a_thousand_batches_leave_bounded_rows(start, engine):
    stand = await start(keep=50, sweep_every=100)
    for first in range(1, 1001, 20):
        for number in range(first, first + 20):
            stand.tell(Batch(number, [order(number * 10)], journalled=True))
        for _ in range(20):
            await stand.answer(PlacesAnswered)
    if engine == "durable":
        finished = await _until(lambda ids: len(ids) <= 150, stand.engine.workflows.finished)
        assert await _until(lambda ids: not ids, stand.engine.workflows.unfinished) == []
        assert len(finished) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
async def test_f15_killed_at_any_point_no_order_is_doubled_and_none_is_lost(start, engine, url, venue, point):
    if engine == "simple" and point.startswith("durable"):
        return
    run_until_killed(engine, url, venue.path, 1, point)
    placed = venue.placed()
    stand = await start()
    if engine == "durable":
        assert await _until(lambda ids: not ids, stand.engine.workflows.unfinished) == []
    live = {found.intent.client_id for found in (await stand.load()).orders}
    assert len(placed) >= 6
    assert venue.placed() == placed  # a start sends nothing of what an earlier process meant to send
    assert len(set(placed)) == len(placed)
    assert set(placed) <= live
    assert len(live) - len(placed) <= 3  # the batch in hand


@pytest.mark.parametrize("engine", ["durable"], indirect=True)
@pytest.mark.parametrize(("point", "looked_up"), [("sending", True), ("durable.sent", True), ("committed", False)])
async def test_f15_a_batch_without_recorded_outcomes_is_looked_up_and_its_venue_ids_journalled(
    start, url, venue, point, looked_up
):
    run_until_killed("durable", url, venue.path, 1, point)
    stand = await start()
    await _until(lambda ids: not ids, stand.engine.workflows.unfinished)
    batch = {order(30 + index).client_id for index in range(3)}
    assert (batch <= set(venue.finds)) is looked_up
    known = {found.intent.client_id: found.venue_id for found in (await stand.load()).orders}
    for client_id in batch & set(venue.placed()) if looked_up else ():
        assert known[client_id] == f"v-{client_id}"


async def _until(right: Any, ask: Any) -> Any:
    """Ask until the answer is right; the test's time-out is the limit."""
    while not right(found := await ask()):
        pass  # each question goes to the database and lets the loop run
    return found


def run_until_killed(engine: str, url: str, orders: Path, first: int, point: str) -> None:
    child = subprocess.run(
        [sys.executable, "-W", "error", str(CHILD), engine, url, str(orders), str(first), point, "3"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert child.returncode == -9, child.stderr[-2000:]


async def test_its_tables_are_none_of_the_migrations_business(start, url):
    stand = await start()
    assert isinstance(await stand.place(1, order(10)), PlacesAnswered)
    database = Database(url)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.migrate()
    database.close()
