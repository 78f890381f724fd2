"""The journal: everything the trading side writes, through one thread with group commit. Called on the loop's thread.

Its thread is in `writer.py`, the queue between the two in `backlog.py`.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from opensqt_actors.actors.leases import Lease
from opensqt_actors.domain.records import Entry, Intent, Restored
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage.backlog import Asking, Backlog, Committing, ItemState, Writing
from opensqt_actors.storage.breathing import Breathing
from opensqt_actors.storage.database import Database
from opensqt_actors.storage.errors import JournalClosed, JournalFull, StorageError
from opensqt_actors.storage.fence import Holdings, leases_of
from opensqt_actors.storage.registry import save_spec
from opensqt_actors.storage.restore import Key, load_symbols
from opensqt_actors.storage.statistics import JournalCounters
from opensqt_actors.storage.writer import Answer, JournalSettings, Writer

Alert = Callable[[str, str], None]
"""Told on the loop's thread: code ("journal.away", "journal.back", "journal.full", "journal.rejected", "journal.stray",
"journal.fenced") and one sentence."""

_LOADS_AT_ONCE = 50
"""More are read in turns, so that the first begin to trade while the others are read."""
_Load: TypeAlias = tuple[Key, Callable[[Restored | StorageError], None]]


def _no_failpoint(name: str) -> None:
    """Nothing armed."""


class Journal:
    """The one writer of a process. Make it where an event loop runs; migrate the database before.

    A database that is away at the start or later is no error: entries wait, intents are refused, both alerted.
    leases: where several hosts share the database. Then intents and entries of a symbol are written through its lease:
    without it intents are refused and entries dropped, because its next owner has begun with the venue's view.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_alert: Alert,
        settings: JournalSettings | None = None,
        now: Callable[[], int] = time.time_ns,
        failpoint: Callable[[str], None] = _no_failpoint,
        leases: Holdings | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings = settings or JournalSettings()
        self._backlog = Backlog(self._settings.max_pending)
        self._on_alert = on_alert
        self._now = now
        self._leases = leases
        self._run = secrets.token_hex(6)
        self._appended = 0
        self._loads: list[_Load] = []
        self._full = False
        self._asked = 0
        self._breathe_until = 0.0
        self._breathing = Breathing(self._loop, self._waited)
        self._writer = Writer(
            database,
            self._backlog,
            self._settings,
            answer=partial(self._call, self._deliver),
            alert=partial(self._call, on_alert),
            now=now,
            failpoint=failpoint,
            owner=leases.owner if leases is not None else "",
        )
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def append(self, entries: tuple[Entry, ...]) -> None:
        """Write entries in order, in one transaction, whatever it takes: kept and tried again until written.

        JournalFull at the bound, JournalClosed after `close`: nothing of this call was taken, and the caller must not
        go on as if it had been. An entry that no database could take is set aside: alerted, counted, and an event
        "journal.rejected" with its text stands in its place; the entries around it are written.
        """
        if not entries:
            return
        self._appended += 1
        try:
            self._backlog.put(Writing(entries, f"{self._run}.{self._appended}", under=self._under(entries)))
        except JournalFull as error:
            if not self._full:
                self._full = True
                self._on_alert("journal.full", error.sentence)
            raise
        if self._full and self._backlog.rows < self._settings.max_pending // 2:
            self._full = False

    def commit(self, intents: tuple[Intent, ...], on_done: Callable[[str | None], None]) -> None:
        """Write intents, all or none; `on_done` follows on the loop, never within this call.

        None: durable. A reason: certainly not written and not going to be; at once while the database is away, at the
        latest after `commit_timeout`, with one exception: when the connection broke during the commit, nobody knows,
        and the answer follows when the database is back and was asked. After `close` such a commit stays unanswered.
        """
        reason = self._not_now()
        if reason is not None or not intents:
            self._loop.call_soon(on_done, reason)
            return
        item = Committing(intents, on_done, time.monotonic(), self._under(intents))
        self._put(item, self._settings.commit_timeout)

    def written(self, on_done: Callable[[StorageError | None], None]) -> None:
        """Ask when everything appended before is durable; `on_done` follows on the loop, at the latest after
        `commit_timeout`, then and while the database is away with the reason why that cannot be said yet.
        """
        self._ask(lambda connection: None, on_done, self._settings.commit_timeout)

    def load(self, account: str, symbol: str, on_done: Callable[[Restored | StorageError], None]) -> None:
        """Read a symbol's state, after everything appended before; `on_done` follows on the loop.

        Those that are asked for in one turn of the loop, as at a start, are read together.
        """
        if not self._loads:
            self._loop.call_soon(self._load)
        self._loads.append(((account, symbol), on_done))

    def save_spec(
        self, spec: SymbolSpec, on_done: Callable[[SymbolSpec | StorageError], None], *, fresh: bool = False
    ) -> None:
        """Insert or change a registry row, see `registry.save_spec`; `on_done` follows with the row as stored."""
        self._ask(lambda connection: save_spec(connection, spec, self._now(), fresh=fresh), on_done)

    async def flush(self) -> None:
        """Return when everything appended before is written, however long the database is away.

        JournalClosed when the journal ends before that.
        """
        written = asyncio.Event()
        self._backlog.put(Asking(lambda connection: None, lambda _: written.set(), state=ItemState.SEALED, rows=0))
        waits = [asyncio.ensure_future(event.wait()) for event in (written, self._ended)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not written.is_set():
            raise JournalClosed("the journal ended before everything was written")

    async def close(self, timeout: float = 5.0) -> int:
        """Write what is left and end the thread; returns how many rows were not written (the database was away).

        Takes at most `timeout` seconds. Harmless a second time.
        """
        self._backlog.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), timeout)
        return self._backlog.rows

    def counters(self) -> JournalCounters:
        """How it has been doing."""
        return self._writer.statistics.snapshot(self._backlog.rows, self._writer.away)

    def _not_now(self) -> str | None:
        if self._backlog.closing:
            return "the journal is closed"
        if self._writer.away is not None:
            return self._writer.away
        busy = self._writer.busy_since
        if busy is not None and time.monotonic() - busy > self._settings.commit_timeout:
            return f"the database has not answered for more than {self._settings.commit_timeout:g} s"
        return None

    def _under(self, entries: tuple[Entry, ...]) -> tuple[Lease | None, ...]:
        return leases_of(entries, self._leases) if self._leases is not None else ()

    def _ask(self, run: Callable[[Any], Any], on_done: Callable[[Any], None], timeout: float | None = None) -> None:
        reason = self._not_now()
        if reason is not None:
            self._loop.call_soon(on_done, StorageError(reason))
            return
        self._put(Asking(run, on_done), self._settings.load_timeout if timeout is None else timeout)

    def _load(self) -> None:
        loads, self._loads = self._loads, []
        for first in range(0, len(loads), _LOADS_AT_ONCE):
            self._read(loads[first : first + _LOADS_AT_ONCE])

    def _read(self, loads: Sequence[_Load]) -> None:
        keys = [key for key, _ in loads]
        self._ask(lambda connection: load_symbols(connection, keys), partial(self._loaded, loads))

    def _loaded(self, loads: Sequence[_Load], found: Mapping[Key, Restored] | StorageError) -> None:
        if not isinstance(found, StorageError):
            for key, on_done in loads:
                self._loop.call_soon(on_done, found[key])
        elif len(loads) == 1:
            loads[0][1](found)
        else:
            for load in loads:  # one whose rows cannot be read must not keep the others from theirs
                self._read([load])

    def _put(self, item: Committing | Asking, timeout: float) -> None:
        try:
            self._backlog.put(item)
        except StorageError as error:
            self._loop.call_soon(item.on_done, _refusal(item, error.sentence))
            return
        item.timer = self._loop.call_later(timeout, self._expire, item, timeout)
        self._asked += 1
        self._breathe_until = time.monotonic() + self._settings.commit_timeout
        self._breathing.begin()

    def _waited(self) -> bool:
        """Whether somebody waits for the writer's thread, and not just for a database that does not answer."""
        return self._asked > 0 and time.monotonic() < self._breathe_until

    def _expire(self, item: Committing | Asking, timeout: float) -> None:
        if self._backlog.withdraw(item):
            self._asked -= 1
            item.on_done(_refusal(item, f"the database did not get to it within {timeout:g} s"))

    def _deliver(self, answers: Sequence[Answer]) -> None:
        for item, result in answers:
            if item.timer is not None:
                item.timer.cancel()
                self._asked -= 1
            try:
                item.on_done(result)
            except Exception as error:  # noqa: BLE001 one callback must not keep the others from theirs
                self._loop.call_exception_handler({"message": "an answer of the journal failed", "exception": error})

    def _work(self) -> None:
        try:
            self._writer.run()
        finally:
            self._call(self._ended.set)

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Run something on the loop's thread; after the loop is closed there is nobody left to tell."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            if not self._loop.is_closed():
                raise


def _refusal(item: Committing | Asking, reason: str) -> Any:
    return reason if type(item) is Committing else StorageError(reason)
