"""The journal's thread: takes what waits, writes it in one transaction, and goes on when the database comes back.

Defer: entries stay queued until written. Fail closed: intents are answered with a reason as soon as they certainly
will not be written; when the connection broke during a commit they are answered only after reading back.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from opensqt_actors.actors.leases import Lease
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.records import Entry, EventSaved
from opensqt_actors.storage.backlog import Asking, Backlog, Committing, Item, ItemState, Writing
from opensqt_actors.storage.batch import Batch
from opensqt_actors.storage.database import Database
from opensqt_actors.storage.errors import BadEntry, DatabaseUnreachable, StorageError
from opensqt_actors.storage.leases import journal_name, not_held
from opensqt_actors.storage.prune import Retention, prune
from opensqt_actors.storage.statistics import Statistics
from opensqt_actors.storage.tables import meta, orders

Answer = tuple[Committing | Asking, Any]
_LOST = (StorageError, SQLAlchemyError, sqlite3.Error, OSError)
_STRAY_QUIET = 60.0
_FENCED_QUIET = 5.0


class JournalSettings(Struct, frozen=True):
    """Bounds and time-outs; seconds unless said otherwise.

    max_pending: rows that may wait; max_group: rows of one transaction, about; commit_timeout: for intents;
    load_timeout: for loads and registry rows; backoff_*: between attempts to reach a database that is away;
    prune_every: how often an idle writer looks for old rows.
    """

    max_pending: int = 200_000
    max_group: int = 2_000
    commit_timeout: float = 2.0
    load_timeout: float = 10.0
    backoff_first: float = 0.05
    backoff_last: float = 2.0
    idle: float = 1.0
    prune_every: float = 60.0
    retention: Retention = field(default_factory=Retention)


class Writer:
    """The loop of the writer's thread. `away` and `busy_since` may be read from other threads.

    answer: hands results to the loop's thread. alert: (code, sentence) for an operator. now: ns since the epoch.
    failpoint: called with "journal.begun", "journal.before_commit", "journal.sealed", "journal.after_commit" and
    "journal.pruned"; what it raises is treated like an error of the database at that point. owner: of the leases that
    entries name.
    """

    def __init__(
        self,
        database: Database,
        backlog: Backlog,
        settings: JournalSettings,
        *,
        answer: Callable[[Sequence[Answer]], None],
        alert: Callable[[str, str], None],
        now: Callable[[], int],
        failpoint: Callable[[str], None],
        owner: str = "",
    ) -> None:
        self.statistics = Statistics()
        self.away: str | None = None
        self.busy_since: float | None = None
        self._database = database
        self._backlog = backlog
        self._settings = settings
        self._answer = answer
        self._alert = alert
        self._now = now
        self._failpoint = failpoint
        self._owner = owner
        self._name = journal_name(owner or secrets.token_hex(6))
        self._link: Connection | None = None
        self._unresolved: list[Item] = []
        self._delay = settings.backoff_first
        self._broken = False
        self._outage = False
        self._group = settings.max_group
        self._next_prune = time.monotonic() + settings.prune_every
        self._next_stray_alert = 0.0
        self._next_fenced_alert = 0.0

    def run(self) -> None:
        """Until the backlog is closed and empty, or closed and the database away."""
        try:
            self._connect()
        except _LOST as error:
            self._lost(error)
        while self._turn():
            pass
        self._drop_link()

    def _turn(self) -> bool:
        if self.away is not None:
            self._backlog.sleep(self._delay)
            self._delay = min(self._delay * 2, self._settings.backoff_last)
            if not self._reconnect():
                self._refuse_questions()
                return not self._backlog.closing
        group = self._backlog.take(self._group, self._settings.idle)
        if group is None:
            return False
        self.busy_since = time.monotonic()
        if not group:
            self._maintain()
        elif type(group[0]) is Asking:
            self._backlog.put_back(self._ask(group[0]))
        else:
            self._backlog.put_back(self._write(group))
        self.busy_since = None
        if self.away is not None and not (self._broken and self._reconnect()):
            self._refuse_questions()
            return not self._backlog.closing
        return True

    # --- writing -----------------------------------------------------------------------------------------------------

    def _write(self, group: Sequence[Item]) -> Sequence[Item]:
        """Write a group in one transaction; returns what has to wait for another attempt, in order."""
        batch = Batch()
        try:
            for item in group:
                if type(item) is Committing:
                    batch.add_new(item.intents)
                elif type(item) is Writing:
                    for index, entry in enumerate(item.entries, item.first):
                        batch.add(entry, f"{item.key}.{index}")
        except Exception as error:  # noqa: BLE001 whatever is wrong with an entry must not stop the others
            return self._refused(
                group, error if isinstance(error, BadEntry) else BadEntry(f"malformed entry: {error!r}")
            )
        leases = {lease for item in group if not isinstance(item, Asking) for lease in item.under if lease is not None}
        started = time.monotonic()
        sealed = False
        try:
            link = self._connect()
            with link.begin() as transaction:
                self._failpoint("journal.begun")
                lost = not_held(link, self._owner, leases) if leases else frozenset()
                if lost:
                    transaction.rollback()
                    return self._fenced(group, lost)
                strays = batch.write(link)
                self._failpoint("journal.before_commit")
                sealed = self._backlog.seal(group)
                if not sealed:
                    transaction.rollback()
                    return group
                self._failpoint("journal.sealed")
                transaction.commit()
                self._failpoint("journal.after_commit")
        except (IntegrityError, DataError) as error:
            return self._refused(group, error)
        except StatementError as error:
            if not isinstance(error, DBAPIError):
                return self._refused(group, error)
            return self._lose(error, group, sealed=sealed)
        except _LOST as error:
            return self._lose(error, group, sealed=sealed)
        ended = time.monotonic()
        self._recovered()
        self.statistics.committed(batch.size, ended - started)
        self._group = min(self._group * 2, self._settings.max_group)
        self._count_strays(strays)
        self._written(group, ended)
        return ()

    def _written(self, group: Sequence[Item], at: float) -> None:
        self._backlog.settle(group)
        answers: list[Answer] = []
        for item in group:
            if type(item) is Committing:
                self.statistics.waited(at - item.asked)
                answers.append((item, None))
        if answers:
            self._answer(answers)

    def _fenced(self, group: Sequence[Item], lost: frozenset[Lease]) -> Sequence[Item]:
        """Some of the group's leases are others': what needs them goes, the rest is to be written again."""
        rest: list[Item] = []
        dropped = 0
        for item in group:
            gone = (
                [] if isinstance(item, Asking) else [index for index, lease in enumerate(item.under) if lease in lost]
            )
            if not gone:
                rest.append(item)
            elif type(item) is Committing:
                if self._backlog.withdraw(item):
                    lease = item.under[gone[0]]
                    name = lease.symbol if lease is not None else ""
                    self._reply(item, f"another host may trade {name} by now: its lease is not held any more")
            elif type(item) is Writing:
                dropped += len(gone)
                parts = item.parts()
                self._backlog.settle(parts[index] for index in gone)
                rest += [part for index, part in enumerate(parts) if index not in gone]
        self.statistics.fenced += dropped
        if dropped and time.monotonic() >= self._next_fenced_alert:
            self._next_fenced_alert = time.monotonic() + _FENCED_QUIET
            names = ", ".join(sorted({lease.symbol for lease in lost})[:10])
            self._alert("journal.fenced", f"entries of leases that are not held any more are dropped: {names}")
        return rest

    def _refused(self, group: Sequence[Item], error: Exception) -> Sequence[Item]:
        """Something in the group cannot be written: find it by writing item by item, then entry by entry."""
        if len(group) > 1:
            return self._one_by_one(group)
        item = group[0]
        if type(item) is Writing:
            if len(item.entries) > 1:
                return self._one_by_one(item.parts())
            return self._set_aside(item, self._reason(error))
        if type(item) is Committing and self._backlog.withdraw(item):
            known = isinstance(error, IntegrityError)
            self._reply(item, "a client id of these is journalled already" if known else self._reason(error))
        return ()

    def _one_by_one(self, group: Sequence[Item]) -> Sequence[Item]:
        for position, item in enumerate(group):
            left = self._write([item])
            if left or self.away is not None:
                return [*left, *group[position + 1 :]]
        return ()

    def _set_aside(self, item: Writing, reason: str) -> Sequence[Item]:
        """Put an event into the place of an entry that cannot be written, so that it is not lost without a trace."""
        entry = item.entries[0]
        self.statistics.rejected += 1
        self._alert("journal.rejected", f"an entry cannot be written and was set aside: {reason}")
        if isinstance(entry, EventSaved) and entry.kind == "journal.rejected":
            self._backlog.settle([item])
            return ()
        event = EventSaved(
            account=_plain(entry, "account"),
            symbol=_plain(entry, "symbol"),
            kind="journal.rejected",
            sentence=ascii(reason)[1:500],
            data={"entry": ascii(entry)[:4000]},
            at=self._now(),
        )
        item.entries = (event,)
        return self._write([item])

    # --- questions ---------------------------------------------------------------------------------------------------

    def _ask(self, item: Asking) -> Sequence[Item]:
        try:
            link = self._connect()
            with link.begin() as transaction:
                result = item.run(link)
                if not self._backlog.seal([item]):
                    transaction.rollback()
                    return ()
                transaction.commit()
                self._failpoint("journal.after_commit")
        except (IntegrityError, DataError) as error:
            return self._decline(item, self._reason(error))
        except _LOST as error:
            self._lost(error)
            return [item]  # sealed: to be done again, as nobody knows; not sealed: answered with the other questions
        except OpenSqtError as error:
            return self._decline(item, error.sentence)
        except Exception as error:  # noqa: BLE001 a question that cannot be answered must not end the journal
            return self._decline(item, f"{type(error).__name__}: {error}")
        self._recovered()
        self._backlog.settle([item])
        self._answer([(item, result)])
        return ()

    def _decline(self, item: Asking, reason: str) -> Sequence[Item]:
        if item.state is not ItemState.DONE:
            self._backlog.settle([item])
            self._reply(item, reason)
        return ()

    def _refuse_questions(self) -> None:
        """Answer everything that waits for the database, and would wait longer than it may."""
        reason = self.away or "the database is away"
        answers = [(item, _refusal(item, reason)) for item in self._backlog.withdraw_questions()]
        if answers:
            self._answer(answers)

    def _reply(self, item: Committing | Asking, reason: str) -> None:
        self._answer([(item, _refusal(item, reason))])

    # --- the connection ----------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        if self._link is None:
            self._link = self._database.connect()
            if self._database.dialect == "postgresql":
                with self._link.begin():
                    self._link.execute(sa.select(sa.func.set_config("application_name", self._name, False)))
        return self._link

    def _lose(self, error: BaseException, group: Sequence[Item], *, sealed: bool) -> Sequence[Item]:
        self._lost(error)
        if sealed:
            self._unresolved = list(group)
            return ()
        return group

    def _lost(self, error: BaseException) -> None:
        self.statistics.failures += 1
        self._group = max(self._group // 2, 1)  # a group that takes longer than the time-outs must not come back as big
        self._broken = isinstance(error, DBAPIError) and error.connection_invalidated
        self._drop_link()
        self.away = self._reason(error)
        if not self._outage:
            self._outage = True
            self._alert("journal.away", f"nothing can be written: {self.away}")

    def _recovered(self) -> None:
        """Whoever hears that the database is back may write at once, so it is no longer away before that is told."""
        self.away = None
        if self._outage:
            self._outage = False
            self._delay = self._settings.backoff_first
            self._alert("journal.back", f"{self._database.name} can be written again")

    def _reconnect(self) -> bool:
        """Connect, make sure that the lost connection's transaction has ended, and settle what it left.

        The outage is over with the first write: of what waits, or, when nothing does, of a row made for it.
        """
        self._broken = False
        try:
            link = self._connect()
            if self._database.dialect == "postgresql":
                self._end_former_connection(link)
            self._resolve(link)
            if self._backlog.rows == 0:
                with link.begin():
                    self._probe(link)
                self._recovered()
        except _LOST as error:
            self._lost(error)
            return False
        self.away = None
        return True

    def _end_former_connection(self, link: Connection) -> None:
        """Without this, a commit that is still under way on the server could become visible after reading back."""
        with link.begin():
            gone = link.execute(
                sa.text(
                    "select pg_terminate_backend(pid, 800) from pg_stat_activity"
                    " where application_name = :name and pid <> pg_backend_pid()"
                ),
                {"name": self._name},
            ).scalars()
            if not all(gone):
                raise DatabaseUnreachable(f"{self._database.name}: the former connection has not ended yet")

    def _resolve(self, link: Connection) -> None:
        """A transaction is written as a whole: one of its new client ids tells the fate of all its rows."""
        group = self._unresolved
        if not group:
            return
        told = next((item.intents[0].client_id for item in group if type(item) is Committing), None)
        if told is None:
            written = False  # entries may be written twice
        else:
            with link.begin():
                written = link.scalar(sa.select(orders.c.client_id).where(orders.c.client_id == told)) is not None
        self._unresolved = []
        if written:
            self._written(group, time.monotonic())
            return
        for item in group:
            if type(item) is Committing:
                self._backlog.settle([item])
                self._reply(item, "the connection to the database broke, and it was not written")
        self._backlog.put_back(item for item in group if type(item) is Writing)

    def _probe(self, link: Connection) -> None:
        row = {"value": str(self._now())}
        if link.execute(sa.update(meta).where(meta.c.key == self._name).values(row)).rowcount == 0:
            link.execute(sa.insert(meta).values(key=self._name, **row))
        link.execute(sa.delete(meta).where(meta.c.key == self._name))

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            try:
                link.invalidate()
                link.close()
            except _LOST:
                pass  # it is given up in any case

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _maintain(self) -> None:
        """Delete old rows while nothing waits."""
        if time.monotonic() < self._next_prune:
            return None
        self._next_prune = time.monotonic() + self._settings.prune_every
        try:
            while not self._backlog.rows:
                link = self._connect()
                with link.begin():
                    gone = prune(link, self._settings.retention, self._now())
                self.statistics.pruned += gone
                if gone == 0:
                    return self._failpoint("journal.pruned")
        except _LOST as error:
            self._lost(error)

    def _count_strays(self, strays: int) -> None:
        if strays <= 0:
            return
        self.statistics.strays += strays
        if time.monotonic() >= self._next_stray_alert:
            self._next_stray_alert = time.monotonic() + _STRAY_QUIET
            self._alert("journal.stray", f"{self.statistics.strays} order updates so far met no journalled order")

    def _reason(self, error: BaseException) -> str:
        return error.sentence if isinstance(error, OpenSqtError) else self._database.explain(error).sentence


def _refusal(item: Committing | Asking, reason: str) -> Any:
    return reason if type(item) is Committing else StorageError(reason)


def _plain(entry: Entry, name: str) -> str:
    value = getattr(entry, name, "")
    return value if isinstance(value, str) and value.isascii() and "\0" not in value else ""
