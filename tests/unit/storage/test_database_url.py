"""What a database URL may look like, what is said when it is wrong, and that a password never is."""

from __future__ import annotations

import sqlite3
import stat

import pytest

from opensqt_actors.storage import (
    BadDatabaseUrl,
    Database,
    DatabaseDamaged,
    DatabaseNotWritable,
    DatabaseUnreachable,
    StorageError,
)

SECRET = "hunter2/+x"
QUOTED = "hunter2%2F%2Bx"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://root@localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "postgresql://localhost",
        f"postgresql://u:{QUOTED}@host:port/x",
    ],
)
def test_a_url_that_names_no_database_is_refused_with_an_example(url):
    with pytest.raises(BadDatabaseUrl) as caught:
        Database(url)
    assert "sqlite:///var/opensqt.db" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert QUOTED not in str(caught.value)


@pytest.mark.parametrize("form", ["u:{}@127.0.0.1:1/db", "u@127.0.0.1:1/db?password={}", "127.0.0.1:1/db?passfile={}"])
def test_a_password_is_in_no_text(form):
    database = Database("postgresql://" + form.format(QUOTED))
    with pytest.raises(DatabaseUnreachable) as caught, database.read():
        pass
    for text in (repr(database), database.name, str(caught.value), repr(caught.value), repr(caught.value.__context__)):
        assert SECRET not in text
        assert QUOTED not in text
    assert str(caught.value).startswith("PostgreSQL database 'db' on 127.0.0.1:1 cannot be reached")
    assert "\n" not in str(caught.value)


def test_a_password_that_the_driver_repeats_is_struck_out():
    database = Database(f"postgresql://u:{QUOTED}@127.0.0.1:1/db")
    assert SECRET not in database.explain(OSError(f"bad password {SECRET}")).sentence


def test_a_new_file_and_its_folder_are_for_the_owner_alone(tmp_path):
    path = tmp_path / "state" / "a.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.read():
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    database.close()


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path):
    path = tmp_path / "a.db"
    path.touch(0o644)
    database = Database(f"sqlite:///{path}")
    with database.read():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    database.close()


def test_a_reader_does_not_make_a_missing_file(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/none.db", create=False)
    with pytest.raises(DatabaseUnreachable, match="does not exist"), database.read():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    database = Database(f"sqlite:///{tmp_path}/file/a.db")
    with pytest.raises(DatabaseNotWritable, match=r"file/a\.db cannot be written"):
        database.migrate()


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "a.db"
    path.write_bytes(b"a letter to a friend, " * 500)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseDamaged, match="is damaged or no database"):
        database.migrate()
    assert path.read_bytes().startswith(b"a letter to a friend")


def test_the_file_survives_a_power_cut_unless_asked_otherwise(tmp_path):
    for synchronous, level in (("FULL", 2), ("NORMAL", 1)):
        database = Database(f"sqlite:///{tmp_path}/{synchronous}.db", synchronous=synchronous)
        with database.read() as connection:
            assert connection.exec_driver_sql("pragma synchronous").scalar() == level
            assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("pragma foreign_keys").scalar() == 1
        database.close()


def test_a_reader_sees_one_state_while_a_writer_goes_on(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    database.migrate()
    count = "select count(*) from meta"
    with database.read() as reader:
        assert reader.exec_driver_sql(count).scalar() == 0
        with database.write() as writer:
            writer.exec_driver_sql("insert into meta values ('a', 'b')")
        assert reader.exec_driver_sql(count).scalar() == 0
    with database.read() as reader:
        assert reader.exec_driver_sql(count).scalar() == 1
    database.close()


def test_a_failed_transaction_leaves_nothing(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    database.migrate()

    def write_and_fail() -> None:
        with database.write() as writer:
            writer.exec_driver_sql("insert into meta values ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.read() as reader:
        assert reader.exec_driver_sql("select count(*) from meta").scalar() == 0
    database.close()


def test_every_error_has_a_code_of_its_own():
    codes = [error.code for error in StorageError.__subclasses__()]
    assert len(codes) == len(set(codes)) >= 8


def test_other_errors_of_sqlite_get_a_sentence_too(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    assert isinstance(database.explain(sqlite3.OperationalError("")), DatabaseUnreachable)
    database.close()
