"""A PostgreSQL database may have been made with any encoding: what we write comes back as the text that it was."""

from __future__ import annotations

from typing import Any

import pytest

from opensqt_actors.domain.records import EventSaved
from opensqt_actors.storage import Database, Registry, books
from opensqt_actors.storage.batch import Batch

SENTENCE = "a price of 5 \u20ac, \u00fcberall"

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN9", "UTF8"])
def test_text_comes_back_as_it_was_written(postgres_server: Any, encoding: str) -> None:
    name = postgres_server.create(f"encoding '{encoding}' template template0 lc_collate 'C' lc_ctype 'C'")
    database = Database(postgres_server.url(name))
    try:
        database.migrate()
        assert Registry(database).instance_id() == Registry(database).instance_id()
        batch = Batch()
        batch.add(EventSaved("main", "BTCUSDT", "told", SENTENCE, {"of": SENTENCE}, 1), "run.1")
        with database.write() as connection:
            batch.write(connection)
        with database.read() as connection:
            (event,) = books.newest_events(connection, kind="told", limit=1)
        assert (event.sentence, event.data) == (SENTENCE, {"of": SENTENCE})
    finally:
        database.close()
        postgres_server.drop(name)
