"""F22 and F34: the database locked, read-only, full, stuck, cut off or restarted; what is answered, what is kept."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.domain.records import EventSaved, Restored
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage import ASSIGN, Database, JournalClosed, StorageError, books
from opensqt_actors.storage.tables import orders


class Fail:
    """A failpoint that raises like a broken connection, at one name, once armed, once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.armed = True

    def __call__(self, name: str) -> None:
        if self.armed and name == self.name:
            self.armed = False
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))


def stored(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(orders.c.generation).order_by(orders.c.generation)))


def fills(database: Database) -> int:
    with database.read() as connection:
        ledger = books.ledgers(connection).get(("main", "BTCUSDT"))
    return 0 if ledger is None else ledger.fills


@pytest.fixture
def locked(sqlite_url: str) -> Any:
    """Another process's write lock on the SQLite file; roll it back to free it."""
    with closing(sqlite3.connect(make_url(sqlite_url).database, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield other


@pytest.fixture
def sqlite(sqlite_url: str) -> Any:
    database = Database(sqlite_url, busy_timeout=0.02)
    yield database
    database.close()


async def test_f22_a_locked_file_refuses_intents_and_keeps_entries_until_it_is_free(sqlite, locked, start, maker):
    run = await start(sqlite)
    run.journal.append((maker.fill(1),))
    assert "is locked by another process" in await run.alerted("journal.away")
    assert "is locked by another process" in await run.commit(maker.intent(1))
    assert isinstance(await run.load(maker), StorageError)
    run.journal.append((maker.fill(2),))
    locked.execute("rollback")
    await run.alerted("journal.back")
    assert await run.commit(maker.intent(2)) is None
    assert fills(sqlite) == 2
    assert stored(sqlite) == [2]


async def test_f22_a_read_only_disk_refuses_intents_and_keeps_entries(sqlite, start, maker):
    broken = True

    @event.listens_for(sqlite._engine, "connect")
    def break_it(connection: Any, record: Any) -> None:
        if broken:
            connection.execute("pragma query_only=on")

    run = await start(sqlite)
    run.journal.append((maker.fill(1),))
    assert "cannot be written" in await run.alerted("journal.away")
    assert "cannot be written" in await run.commit(maker.intent(1))
    broken = False
    await run.alerted("journal.back")
    assert await run.commit(maker.intent(2)) is None
    assert stored(sqlite) == [2]
    assert fills(sqlite) == 1


async def test_f22_a_full_disk_loses_nothing_and_alerts_once(sqlite, start, maker):
    full, attempts = True, 0
    loop, tried_often = asyncio.get_running_loop(), asyncio.Event()

    @event.listens_for(sqlite._engine, "connect")
    def fill_it(connection: Any, record: Any) -> None:
        nonlocal attempts
        attempts += 1
        if attempts > 5:
            loop.call_soon_threadsafe(tried_often.set)
        if full:
            connection.execute("pragma max_page_count=1")

    run = await start(sqlite)
    big = tuple(EventSaved("main", "", "k", "x" * 10_000, {}, 1) for _ in range(100))
    run.journal.append(big)
    await tried_often.wait()
    assert run.journal.counters().pending == 100
    full = False
    await run.journal.flush()
    with sqlite.read() as connection:
        assert len(books.newest_events(connection, limit=1000)) == 100
    assert "cannot be written" in await run.alerted("journal.away")
    await run.alerted("journal.back")
    assert run.alerts.empty()


async def test_a_stuck_database_does_not_hold_an_answer_and_the_intent_is_never_written(database, start, maker):
    release = threading.Event()
    run = await start(
        database,
        settings={"commit_timeout": 0.05},
        failpoint=lambda name: name == "journal.before_commit" and release.wait(10),
    )
    taken = run.commit(maker.intent(1))
    assert "did not get to it within 0.05 s" in await taken
    assert await run.commit(maker.intent(2)) is not None
    assert "has not answered for more than 0.05 s" in await run.commit(maker.intent(4))
    run.journal.append((maker.fill(1),))
    release.set()
    await run.journal.flush()
    assert stored(database) == []
    assert fills(database) == 1
    assert await run.commit(maker.intent(3)) is None


async def test_a_withdrawn_intent_takes_nothing_with_it(database, start, maker):
    release = threading.Event()
    run = await start(
        database,
        settings={"commit_timeout": 0.05},
        failpoint=lambda name: name == "journal.before_commit" and release.wait(10),
    )
    run.journal.append((maker.intent(5),))
    refused = asyncio.ensure_future(run.commit(maker.intent(1)))
    run.journal.append((maker.fill(1),))
    assert await refused is not None
    release.set()
    await run.journal.flush()
    assert stored(database) == [5]
    assert fills(database) == 1


async def test_an_error_before_the_commit_means_certainly_not_written(database, start, maker):
    run = await start(database, failpoint=Fail("journal.before_commit"))
    assert "disk I/O error" in await run.commit(maker.intent(1))
    await run.alerted("journal.back")
    assert stored(database) == []
    assert await run.commit(maker.intent(1)) is None


async def test_a_lost_answer_to_a_commit_that_happened_is_found_by_reading_back(database, start, maker):
    run = await start(database, failpoint=Fail("journal.after_commit"))
    results = await asyncio.gather(run.commit(maker.intent(1)), run.commit(maker.intent(2)))
    run.journal.append((EventSaved("main", "", "k", "s", {}, 1),))
    await run.journal.flush()
    assert results == [None, None]
    assert stored(database) == [1, 2]
    assert run.journal.counters().failures == 1


async def test_a_commit_that_did_not_happen_is_found_by_reading_back_too(database, start, maker):
    run = await start(database, failpoint=Fail("journal.sealed"))
    run.journal.append((maker.fill(1),))
    answer = await run.commit(maker.intent(1))
    await run.journal.flush()
    assert fills(database) == 1
    assert (answer is None) == (stored(database) == [1])
    assert run.journal.counters().pending == 0


@pytest.mark.parametrize(
    "failpoint", ["journal.begun", "journal.before_commit", "journal.sealed", "journal.after_commit"]
)
async def test_entries_are_written_once_wherever_the_connection_breaks(database, start, maker, failpoint):
    fail = Fail(failpoint)
    run = await start(database, failpoint=fail)
    run.journal.append((EventSaved("main", "", "k", "first", {}, 1), maker.fill(1)))
    run.journal.append((EventSaved("main", "", "k", "second", {}, 1), maker.fill(2)))
    await run.alerted("journal.back")
    run.journal.append((EventSaved("main", "", "k", "third", {}, 1), maker.fill(3)))
    await run.journal.flush()
    with database.read() as connection:
        assert [found.sentence for found in books.newest_events(connection)] == ["third", "second", "first"]
    assert fills(database) == 3


async def test_a_registry_row_whose_commit_was_lost_is_saved_once(database, start):
    run = await start(database, failpoint=Fail("journal.after_commit"))
    assert await run.save(SymbolSpec("main", "BTCUSDT", ASSIGN)) == SymbolSpec("main", "BTCUSDT", 0)
    assert await run.save(SymbolSpec("main", "ETHUSDT", ASSIGN)) == SymbolSpec("main", "ETHUSDT", 1)


async def test_closing_with_the_database_away_says_what_was_not_written(sqlite, locked, start, maker):
    run = await start(sqlite)
    run.journal.append((maker.fill(1), maker.fill(2)))
    await run.alerted("journal.away")
    flushing = asyncio.ensure_future(run.journal.flush())
    await asyncio.sleep(0)
    assert await run.journal.close() == 2
    with pytest.raises(JournalClosed):
        await flushing


async def test_a_journal_may_start_before_its_database(tmp_path, start, maker):
    folder = tmp_path / "not" / "yet"
    folder.parent.write_text("in the way")
    database = Database(f"sqlite:///{folder}/a.db")
    run = await start(database)
    assert "cannot be written" in await run.alerted("journal.away")
    folder.parent.unlink()
    migrated = Database(f"sqlite:///{folder}/a.db")
    migrated.migrate()
    migrated.close()
    await run.alerted("journal.back")
    assert await run.commit(maker.intent(1)) is None
    database.close()


async def test_a_torn_tail_of_the_log_loses_only_the_end(sqlite, start, maker, tmp_path):
    run = await start(sqlite)
    for generation in range(1, 30):
        assert await run.commit(maker.intent(generation)) is None
    source = sqlite.path
    wal = source.with_name(source.name + "-wal").read_bytes()
    for cut in range(0, len(wal), 7_919):
        torn = tmp_path / f"torn{cut}.db"
        torn.write_bytes(source.read_bytes())
        torn.with_name(torn.name + "-wal").write_bytes(wal[: len(wal) - cut])
        database = Database(f"sqlite:///{torn}")
        with database.read() as connection:
            assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
        found = stored(database)
        assert found == list(range(1, len(found) + 1))
        database.close()


class Proxy:
    """Stands between the journal and PostgreSQL. `at_commit`: what happens when the client sends COMMIT, once."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.at_commit: Callable[[], str] | None = None
        self.commits_cut = 0

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go_away(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there = await asyncio.open_connection(*self._target)
        self._open |= {writer, there[1]}
        back = asyncio.ensure_future(self._copy(there[0], writer))
        await self._copy(reader, there[1], watch=True)
        await back
        self._open -= {writer, there[1]}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, watch: bool = False) -> None:
        try:
            while data := await reader.read(65_536):
                if watch and self.at_commit is not None and b"COMMIT" in data:
                    fate, self.at_commit = self.at_commit(), None
                    self.commits_cut += 1
                    if fate == "forward and cut":
                        writer.write(data)
                        await writer.drain()
                    for other in list(self._open - {writer}):
                        other.close()
                    break
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()


@pytest.fixture
async def proxy(fresh_postgres_url: str) -> AsyncIterator[Proxy]:
    url = make_url(fresh_postgres_url)
    proxy = Proxy(url.host or "127.0.0.1", url.port or 5432)
    await proxy.listen()
    yield proxy
    await proxy.go_away()


@pytest.fixture
def direct(fresh_postgres_url: str) -> Any:
    database = Database(fresh_postgres_url)
    yield database
    database.close()


def through(proxy: Proxy, url: str) -> Database:
    return Database(make_url(url).set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False))


@pytest.mark.postgres
async def test_f34_a_server_that_goes_away_and_comes_back(proxy, direct, fresh_postgres_url, start, maker):
    run = await start(through(proxy, fresh_postgres_url))
    assert await run.commit(maker.intent(1)) is None
    await proxy.go_away()
    run.journal.append((maker.saved(1, OrderStatus.CANCELED), maker.fill(1)))
    assert "cannot be reached" in await run.alerted("journal.away")
    assert "cannot be reached" in await run.commit(maker.intent(2))
    run.journal.append((maker.fill(2),))
    await proxy.listen()
    await run.alerted("journal.back")
    assert await run.commit(maker.intent(3)) is None
    assert stored(direct) == [1, 3]
    assert fills(direct) == 2
    restored = await run.load(maker)
    assert isinstance(restored, Restored)
    assert [order.intent.generation for order in restored.orders] == [3]
    await run.journal.close()


@pytest.mark.postgres
@pytest.mark.parametrize("fate", ["forward and cut", "cut"])
async def test_f34_a_connection_lost_during_the_commit(proxy, direct, fresh_postgres_url, start, maker, fate):
    run = await start(through(proxy, fresh_postgres_url))
    assert await run.commit(maker.intent(1)) is None
    proxy.at_commit = lambda: fate
    run.journal.append((maker.fill(1), EventSaved("main", "", "k", "s", {}, 1)))
    answer = await run.commit(maker.intent(2))
    await run.journal.flush()
    assert proxy.commits_cut == 1
    assert (answer is None) == (2 in stored(direct))
    assert fills(direct) == 1
    with direct.read() as connection:
        assert len(books.newest_events(connection)) == 1
    await run.journal.close()


@pytest.mark.postgres
async def test_f34_a_session_ended_by_the_server_costs_nothing(direct, fresh_postgres_url, start, maker):
    run = await start(Database(fresh_postgres_url))
    assert await run.commit(maker.intent(1)) is None
    with direct.write() as connection:
        ended = connection.exec_driver_sql(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            " where application_name like 'opensqt-journal-%%'"
        )
        assert all(ended.scalars())
    assert await run.commit(maker.intent(2)) is None
    assert stored(direct) == [1, 2]
    await run.journal.close()


@pytest.mark.postgres
async def test_f34_rows_that_another_session_locks_do_not_hold_an_answer(direct, fresh_postgres_url, start, maker):
    run = await start(Database(fresh_postgres_url, lock_timeout=0.05))
    with direct.connect() as other, other.begin():
        other.exec_driver_sql("lock table orders in access exclusive mode")
        assert "is locked by another process" in await run.commit(maker.intent(1))
    await run.alerted("journal.back")
    assert await run.commit(maker.intent(2)) is None
    assert stored(direct) == [2]
    await run.journal.close()


@pytest.mark.parametrize("time", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("failpoint", ["journal.before_commit", "journal.after_commit"])
async def test_a_connection_lost_while_a_bad_entry_is_looked_for_loses_no_other(sqlite, start, maker, failpoint, time):
    passed = 0

    def fail(name: str) -> None:
        nonlocal passed
        passed += name == failpoint
        if passed == time and name == failpoint:
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    run = await start(sqlite, failpoint=fail)
    bad = EventSaved("main", "", "k", "s", {"x": object()}, 1)
    run.journal.append((maker.fill(1), bad, maker.fill(2), maker.fill(3), maker.fill(4)))
    run.journal.append((EventSaved("main", "", "after", "s", {}, 1),))
    await run.journal.flush()
    assert fills(sqlite) == 4
    with sqlite.read() as connection:
        assert [found.kind for found in books.newest_events(connection)] == ["after", "journal.rejected"]
    assert run.journal.counters().rejected == 1
    assert run.journal.counters().pending == 0
