"""Another process may read an SQLite database at any time, by any program, and sees what is written from then on."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from opensqt_actors.storage import Database
from opensqt_actors.storage.tables import meta

READ = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from meta').fetchone()[0])"


def seen_by_another_process(path: Path) -> int:
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_reader_in_another_process_sees_every_commit_and_takes_none_away(tmp_path: Path) -> None:
    path = tmp_path / "opensqt.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.connect() as first, database.connect() as second:
        for number, connection in enumerate((first, second, first, second)):
            before = seen_by_another_process(path)
            with connection.begin():
                connection.execute(sa.insert(meta).values(key=f"row {number}", value=""))
            assert seen_by_another_process(path) == before + 1
            assert path.with_name("opensqt.db-wal").exists()
    database.close()


def test_the_write_lock_is_looked_for_all_the_time_and_the_patience_stays_what_it_was(tmp_path: Path) -> None:
    """SQLite itself looks eight times in its first fifth of a second, and later ten times in each."""
    path = tmp_path / "opensqt.db"
    database = Database(f"sqlite:///{path}", busy_timeout=0.2)
    database.migrate()
    seen: list[str] = []
    with database.connect() as connection, closing(sqlite3.connect(path, isolation_level=None)) as other:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(seen.append)
        other.execute("begin immediate")
        with pytest.raises(OperationalError, match="database is locked"), connection.begin():
            pass
        assert seen.count("BEGIN IMMEDIATE") > 20
        assert connection.exec_driver_sql("pragma busy_timeout").scalar() == 200
        connection.rollback()
        other.execute("commit")
        seen.clear()
        with connection.begin():
            assert seen.count("BEGIN IMMEDIATE") == 1
        assert raw.execute("pragma busy_timeout").fetchone() == (200,)
    database.close()
