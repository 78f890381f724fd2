"""One database, SQLite or PostgreSQL: how to reach it, its time-outs, its schema. No queries of its own.

A password in the URL appears in no message, repr or log: descriptions are built from host, port and name alone.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from opensqt_actors.storage.errors import (
    BadDatabaseUrl,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseNotWritable,
    DatabaseUnreachable,
    SchemaMismatch,
    StorageError,
)
from opensqt_actors.storage.migrations import SchemaNotUsable, migrate_schema, require_schema

Synchronous = Literal["FULL", "NORMAL"]

_MIGRATION_WAIT = 30
"""Seconds that a second process waits for the first one's migration."""
_FIELD = "database.url"


class Database:
    """A database by URL: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`.

    synchronous: SQLite only; FULL survives a power cut, NORMAL may lose the last commits then (never on a kill).
    create: whether a missing SQLite file is made (0600, its folder 0700); False for those who only read.
    Time-outs are in seconds. Nothing is opened before the first use.
    """

    def __init__(
        self,
        url: str,
        *,
        synchronous: Synchronous = "FULL",
        create: bool = True,
        busy_timeout: float = 1.0,
        statement_timeout: float = 1.0,
        lock_timeout: float = 0.5,
        idle_timeout: float = 2.0,
        connect_timeout: int = 2,
        silence_timeout: float = 5.0,
        pool_size: int = 2,
        max_overflow: int = 10,
    ) -> None:
        parsed = _parse(url)
        self.dialect = parsed.get_backend_name()
        self.path = Path(parsed.database or "") if self.dialect == "sqlite" else None
        self._password = parsed.password
        self._create = create
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        if self.path is not None:
            self.name = f"SQLite file {self.path}"
            arguments: dict[str, Any] = {"timeout": busy_timeout}
        else:
            self.name = f"PostgreSQL database {parsed.database!r} on {parsed.host or 'the local socket'}"
            self.name += f":{parsed.port}" if parsed.port else ""
            arguments = {
                "connect_timeout": connect_timeout,
                # Of a database that was made without an encoding the driver would read all text as bytes.
                "client_encoding": "UTF8",
                "options": f"-c statement_timeout={round(statement_timeout * 1000)}"
                f" -c lock_timeout={round(lock_timeout * 1000)}"
                f" -c idle_in_transaction_session_timeout={round(idle_timeout * 1000)}"
                # The server, too, must let go of what a host that was cut off had locked.
                " -c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3"
                f" -c tcp_user_timeout={round(silence_timeout * 1000)}",
                # A host that is cut off is noticed after seconds, not after the kernel's two hours.
                "keepalives_idle": 2,
                "keepalives_interval": 1,
                "keepalives_count": 3,
                "tcp_user_timeout": round(silence_timeout * 1000),
            }
        self._engine = sa.create_engine(
            parsed, connect_args=arguments, hide_parameters=True, pool_size=pool_size, max_overflow=max_overflow
        )
        if self.path is not None:
            event.listen(self._engine, "do_connect", partial(self._make_file, self.path))
            event.listen(self._engine, "connect", self._on_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    def __repr__(self) -> str:
        return f"Database({self.name})"

    def connect(self) -> Connection:
        """A connection for reading and writing; its transactions take SQLite's write lock at once.

        Raises a StorageError with one sentence when the database cannot be reached.
        """
        with self._sentences():
            connection = self._engine.connect()
        return connection.execution_options(sqlite_begin="IMMEDIATE")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed at the end. Raises StorageError instead of the driver's errors."""
        with self._sentences(), self.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot for reading; it neither waits for the writer nor holds it up."""
        with self._sentences(), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def migrate(self) -> None:
        """Bring the schema to this version's state; processes that start at once take turns.

        Raises SchemaMismatch when the schema is newer than this program, another StorageError when the database
        cannot be reached or written. Either way nothing is left half-done: it is one transaction.
        """
        with self._sentences(), self.connect() as connection:
            with connection.begin():
                self._set_migration_timeouts(connection)
            try:
                with connection.begin():
                    if self.dialect == "postgresql":
                        connection.exec_driver_sql("select pg_advisory_xact_lock(7031204519)")
                    migrate_schema(connection)
            finally:
                connection.invalidate()  # the time-outs of a migration must not get back into the pool

    def require_schema(self) -> None:
        """Refuse, with SchemaMismatch, a database whose schema is not exactly this version's. For readers."""
        with self.read() as connection:
            require_schema(connection)

    @property
    def engine(self) -> sa.Engine:
        """For a library with tables of its own: these connections and time-outs, SQLite's write lock taken at once."""
        return self._engine.execution_options(sqlite_begin="IMMEDIATE")

    def close(self) -> None:
        """Close the pooled connections. The database can be used again afterwards."""
        self._engine.dispose()

    def explain(self, error: BaseException) -> StorageError:
        """The sentence for an error of the driver or of SQLAlchemy, without secrets."""
        if isinstance(error, StorageError):
            return error
        if isinstance(error, SchemaNotUsable):
            return SchemaMismatch(f"{self.name}: {error}")
        detail = self._first_line(error)
        match _cause(error):
            case "busy":
                return DatabaseBusy(f"{self.name} is locked by another process ({detail}); try again later")
            case "readonly":
                return DatabaseNotWritable(
                    f"{self.name} cannot be written ({detail}); check permissions and disk space"
                )
            case "damaged":
                return DatabaseDamaged(
                    f"{self.name} is damaged or no database ({detail}); restore a copy or name another file"
                )
            case "schema":
                return SchemaMismatch(
                    f"{self.name} has no usable schema ({detail}); run the migrations, or name an empty database"
                )
            case _:
                return DatabaseUnreachable(f"{self.name} cannot be reached ({detail}); check {_FIELD} and the server")

    def _first_line(self, error: BaseException) -> str:
        original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        lines = [line.strip() for line in str(original).splitlines() if line.strip()]
        text = lines[0] if lines else type(original).__name__
        return text.replace(self._password, "***") if isinstance(self._password, str) and self._password else text

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError, SchemaNotUsable) as error:
            raise self.explain(error) from None

    def _make_file(self, path: Path, dialect: Any, record: Any, arguments: Any, keywords: Any) -> None:
        if not self._create and not path.is_file():
            raise DatabaseUnreachable(f"{self.name} does not exist; check {_FIELD}")
        try:
            if self._create:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made here, so that it is never readable by others, not even for a moment; -wal and -shm inherit the mode.
            # One that is there must not be opened: closing any descriptor of it takes SQLite's locks of the whole
            # process away, and another process that reads would then delete the log that is being written.
            if not path.exists():
                with suppress(FileExistsError):
                    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                path.chmod(0o600)
        except (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            if self._create or not path.is_file():
                raise DatabaseNotWritable(f"{self.name} cannot be written ({error.strerror}); check {_FIELD}") from None

    def _on_sqlite(self, connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: see _begin_sqlite
        cursor = connection.cursor()
        cursor.execute(f"pragma busy_timeout={round(self._busy_timeout * 1000)}")
        _set_wal(cursor, self._busy_timeout)
        cursor.execute(f"pragma synchronous={self._synchronous}")
        cursor.execute("pragma foreign_keys=on")
        cursor.execute("pragma journal_size_limit=67108864")
        cursor.close()

    def _set_migration_timeouts(self, connection: Connection) -> None:
        if self.dialect == "postgresql":
            milliseconds = _MIGRATION_WAIT * 1000
            connection.exec_driver_sql(f"set statement_timeout={milliseconds}")
            connection.exec_driver_sql(f"set lock_timeout={milliseconds}")
            connection.exec_driver_sql(f"set idle_in_transaction_session_timeout={milliseconds}")
        else:
            connection.exec_driver_sql(f"pragma busy_timeout={_MIGRATION_WAIT * 1000}")


def _parse(url: str) -> URL:
    wanted = f"{_FIELD}: must look like sqlite:///var/opensqt.db or postgresql://user@host/name"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadDatabaseUrl(wanted) from None
    match parsed.get_backend_name():
        case "sqlite":
            if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
                raise BadDatabaseUrl(f"{wanted}; a database in memory would lose everything")
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            if not parsed.database:
                raise BadDatabaseUrl(f"{wanted}; the name of the database is missing")
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise BadDatabaseUrl(f"{wanted}, not {other}")


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    if mode == "DEFERRED":
        connection.exec_driver_sql("BEGIN DEFERRED")
    else:
        _take_lock(connection, f"BEGIN {mode}")


def _take_lock(connection: Connection, begin: str) -> None:
    """Begin with the write lock, looking for it every millisecond for as long as the connection would wait.

    SQLite by itself looks less and less often, in the end ten times a second. Of four processes that write all the time
    one was seen to wait 0.8 s for its turn like that, and its orders with it.
    """
    cursor = connection.connection.cursor()
    patience = cursor.execute("pragma busy_timeout").fetchone()[0]
    deadline = time.monotonic() + patience / 1_000
    cursor.execute("pragma busy_timeout=1")
    try:
        while time.monotonic() < deadline:
            try:
                cursor.execute(begin)
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
            else:
                return
        connection.exec_driver_sql(begin)  # once more, for the error as everybody knows it
    finally:
        cursor.execute(f"pragma busy_timeout={patience}")
        cursor.close()


def _set_wal(cursor: sqlite3.Cursor, patience: float) -> None:
    """Switch to WAL. SQLite does not wait for its own lock here, so two processes that start at once have to."""
    deadline = time.monotonic() + patience
    while True:
        try:
            cursor.execute("pragma journal_mode=wal")
            return
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF
            if code == sqlite3.SQLITE_READONLY:
                return  # a reader of a read-only file takes it as it is
            if code not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


_SQLITE_CAUSES = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_FULL: "readonly",
    sqlite3.SQLITE_IOERR: "readonly",
    sqlite3.SQLITE_PERM: "readonly",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_ERROR: "schema",
}
_POSTGRES_CAUSES = {
    "55P03": "busy",  # lock not available
    "57014": "busy",  # statement time-out
    "40P01": "busy",  # deadlock
    "25006": "readonly",
    "53100": "readonly",  # disk full
    "42501": "readonly",  # insufficient privilege
    "42P01": "schema",  # undefined table
    "42703": "schema",  # undefined column
    "42P07": "schema",  # duplicate table
}


def _cause(error: BaseException) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _SQLITE_CAUSES.get(getattr(original, "sqlite_errorcode", 0) & 0xFF, "")
    return _POSTGRES_CAUSES.get(getattr(original, "sqlstate", None) or "", "")
