"""Each engine on each database, with a venue in a file; every test has a database of its own."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

sys.path.insert(0, str(Path(__file__).parent))

from desk import Stand
from file_venue import FileVenue

from opensqt_actors.storage import Database

Start = Callable[..., Awaitable[Stand]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/opensqt.db"
        _migrate(url)
        yield url
        return
    server = make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"opensqt_test_{secrets.token_hex(6)}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
        url = server.set(database=name).render_as_string(hide_password=False)
        _migrate(url)
        yield url
        connection.exec_driver_sql(f"drop database {name} with (force)")
    engine.dispose()


@pytest.fixture(params=["simple", "durable"])
def engine(request: pytest.FixtureRequest) -> str:
    """Both engines."""
    return str(request.param)


@pytest.fixture
def venue(tmp_path: Path) -> FileVenue:
    return FileVenue(tmp_path / "orders")


@pytest.fixture
async def start(url: str, engine: str, venue: FileVenue) -> AsyncIterator[Start]:
    """Starts an engine; one at a time, as in a process."""
    stands: list[Stand] = []

    async def make(**settings: Any) -> Stand:
        stands.append(Stand(engine, url, venue, **settings))
        return await stands[-1].start()

    yield make
    for stand in stands:
        await stand.close()


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()
