"""The schema: made from nothing, by several at once, equal to the tables in the code, and refused when it is newer."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from opensqt_actors import resources
from opensqt_actors.storage import Database, Registry, SchemaMismatch, books
from opensqt_actors.storage.migrations import NEWEST, current_revision, revisions
from opensqt_actors.storage.schema import metadata

MIGRATE = "import sys; from opensqt_actors.storage import Database; d = Database(sys.argv[1]); d.migrate(); d.close()"


def test_the_migrations_lead_to_exactly_the_tables_in_the_code(blank_url):
    database = Database(blank_url)
    database.migrate()
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        indexes = {
            index["name"] for table in metadata.tables for index in sa.inspect(connection).get_indexes(table)
        } - {"uq_symbols_number", "uq_events_key"}
    assert indexes == {index.name for table in metadata.tables.values() for index in table.indexes}
    database.close()


def test_migrating_again_changes_nothing(blank_url):
    database = Database(blank_url)
    database.migrate()
    instance = Registry(database).instance_id()
    database.migrate()
    assert Registry(database).instance_id() == instance
    database.close()


@pytest.mark.integration
def test_processes_that_start_at_once_take_turns(blank_url):
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    starting = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, blank_url], env=path, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [(process.communicate(timeout=50)[1], process.returncode) for process in starting] == [("", 0)] * 3
    database = Database(blank_url)
    database.require_schema()
    database.close()


def test_a_database_of_the_first_version_is_brought_up_to_date_with_what_it_holds(blank_url):
    database = Database(blank_url)
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(resources.migrations()))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(sa.insert(metadata.tables["meta"]).values(key="instance", value="zz"))
    with pytest.raises(SchemaMismatch, match="has the older schema 0001"):
        database.require_schema()
    database.migrate()
    database.require_schema()
    assert Registry(database).instance_id() == "zz"
    database.close()


def test_totals_that_counted_funding_again_after_each_restart_are_put_right(blank_url):
    database = Database(blank_url)
    amounts = {"BTCUSDT": ["0.00614624", "-0.25"], "ETHUSDT": ["1"], "XRPUSDT": []}
    totals, funding = metadata.tables["totals"], metadata.tables["funding"]
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(resources.migrations()))
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        for symbol, paid in amounts.items():
            row = dict.fromkeys(totals.c.keys(), 0) | {"account": "main", "symbol": symbol, "fees": Decimal(3)}
            counted = sum(map(Decimal, paid), Decimal(0)) * (2 if symbol == "BTCUSDT" else 1)
            connection.execute(sa.insert(totals).values(row | {"funding": counted}))
            for number, amount in enumerate(paid):
                row = {"account": "main", "payment_id": f"{symbol}{number}", "symbol": symbol, "at": number}
                connection.execute(sa.insert(funding).values(row | {"amount": Decimal(amount)}))
    database.migrate()
    with database.read() as connection:
        found = {key: (row.funding, row.fees) for key, row in books.all_totals(connection).items()}
    assert found == {
        ("main", "BTCUSDT"): (Decimal("-0.24385376"), Decimal(3)),
        ("main", "ETHUSDT"): (Decimal(1), Decimal(3)),
        ("main", "XRPUSDT"): (Decimal(0), Decimal(3)),
    }
    database.close()


def test_a_newer_schema_is_refused_in_one_sentence(database):
    with database.write() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    for refused in (database.migrate, database.require_schema):
        with pytest.raises(SchemaMismatch) as caught:
            refused()
        assert "has schema 9999, which this version does not know" in str(caught.value)
        assert "\n" not in str(caught.value)
    with database.write() as connection:
        assert current_revision(connection) == "9999"
        connection.exec_driver_sql("update alembic_version set version_num = '0003'")


def test_a_database_without_a_schema_is_refused_by_readers(blank_url):
    database = Database(blank_url)
    with pytest.raises(SchemaMismatch, match="has no schema yet"):
        database.require_schema()
    with pytest.raises(SchemaMismatch, match="has no usable schema"):
        Registry(database).specs()
    database.close()


def test_a_migration_that_fails_leaves_nothing_behind(blank_url):
    database = Database(blank_url)
    with database.write() as connection:
        connection.exec_driver_sql("create table totals (in_the_way integer)")
    with pytest.raises(SchemaMismatch, match="totals"):
        database.migrate()
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == ["totals"]
    database.close()


def test_tables_of_others_are_left_alone(blank_url):
    database = Database(blank_url)
    with database.write() as connection:
        connection.exec_driver_sql("create table dbos_something (id integer)")
    database.migrate()
    with database.read() as connection:
        assert "dbos_something" in sa.inspect(connection).get_table_names()
    database.close()


def test_the_newest_revision_is_the_one_that_the_code_takes_for_it() -> None:
    head, known = revisions()
    assert head == NEWEST
    assert NEWEST in known
