"""The storage effects of actors, from a real host through the journal to the database and back."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy.engine import make_url

from opensqt_actors.actors.ports import (
    AwaitWritten,
    CommitIntents,
    IntentsCommitted,
    IntentsFailed,
    LoadFailed,
    LoadSymbol,
    Persist,
    SaveSpec,
    SpecFailed,
    SpecSaved,
    SymbolLoaded,
    Written,
)
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import ActorFailed
from opensqt_actors.runtime.thespian_host import ThespianHost
from opensqt_actors.storage import ASSIGN, Database, bind_storage


class WallClock:
    def now(self) -> int:
        return time.time_ns()


class Asker:
    """Emits the effects that it is told, and passes everything else on."""

    def __init__(self, heard: Callable[[Any], None]) -> None:
        self._heard = heard

    def step(self, message: Any, now: int) -> Sequence[Any]:
        if isinstance(message, (Persist, AwaitWritten, CommitIntents, LoadSymbol, SaveSpec)):
            return [message]
        self._heard(message)
        return []


class Stage:
    """An actor on a host with the journal behind it."""

    def __init__(self, journal: Any) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.failed: list[ActorFailed] = []
        loop = asyncio.get_running_loop()
        self.host = ThespianHost(WallClock(), loop.call_later, on_root_failure=self.failed.append)
        bind_storage(self.host, journal)
        self.host.start(ActorId("asker"), Asker(self.heard.put_nowait))

    async def ask(self, effect: Any) -> Any:
        self.host.tell(ActorId("asker"), effect)
        return await self.heard.get()


async def test_every_storage_effect_gets_its_answer(database, start, maker):
    run = await start(database)
    stage = Stage(run.journal)
    spec = SymbolSpec("main", "BTCUSDT", ASSIGN)
    assert await stage.ask(SaveSpec(1, spec)) == SpecSaved(1, SymbolSpec("main", "BTCUSDT", 0))
    assert await stage.ask(CommitIntents(4, (maker.intent(1),))) == IntentsCommitted(4)
    stage.host.tell(ActorId("asker"), Persist((maker.fill(1),)))
    assert await stage.ask(AwaitWritten(5)) == Written(5)
    assert run.journal.counters().pending == 0
    loaded = await stage.ask(LoadSymbol("main", "BTCUSDT"))
    assert isinstance(loaded, SymbolLoaded)
    assert loaded.restored.known_trades == {1}
    assert [order.intent for order in loaded.restored.orders] == [maker.intent(1)]
    stage.host.close()


async def test_with_the_database_away_every_question_is_refused_with_a_reason(sqlite_url, start, maker):
    database = Database(sqlite_url, busy_timeout=0.02)
    with closing(sqlite3.connect(make_url(sqlite_url).database, isolation_level=None)) as other:
        other.execute("begin immediate")
        run = await start(database)
        stage = Stage(run.journal)
        stage.host.tell(ActorId("asker"), Persist((maker.fill(1),)))
        await run.alerted("journal.away")
        answers = [
            await stage.ask(CommitIntents(4, (maker.intent(1),))),
            await stage.ask(LoadSymbol("main", "BTCUSDT")),
            await stage.ask(SaveSpec(2, SymbolSpec("main", "BTCUSDT", ASSIGN))),
            await stage.ask(AwaitWritten(3)),
        ]
    assert [type(answer) for answer in answers] == [IntentsFailed, LoadFailed, SpecFailed, Written]
    assert all("is locked by another process" in answer.reason for answer in answers)
    stage.host.close()
    await run.journal.close()
    database.close()


async def test_an_actor_whose_entries_cannot_be_kept_fails(database, start, maker):
    run = await start(database, settings={"max_pending": 0})
    stage = Stage(run.journal)
    stage.host.tell(ActorId("asker"), Persist((maker.fill(1),)))
    assert [failure.child for failure in stage.failed] == ["asker"]
    assert "JournalFull" in stage.failed[0].reason
    stage.host.close()


async def test_an_answer_to_an_actor_that_is_gone_disturbs_nobody(database, start, maker):
    run = await start(database)
    stage = Stage(run.journal)
    stage.host.tell(ActorId("asker"), CommitIntents(1, (maker.intent(1),)))
    stage.host.close()
    assert await run.commit(maker.intent(2)) is None
    assert stage.heard.empty()
