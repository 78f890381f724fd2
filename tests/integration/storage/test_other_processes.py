"""Another process may read an SQLite database at any time, by any program, and sees what is written from then on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

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
