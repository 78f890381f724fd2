"""Databases to test storage against: a fresh, migrated one per test, on SQLite and, where there is one, PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderStatus, Side
from opensqt_actors.domain.records import FillSaved, Intent, OrderSaved, Restored
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage import Database, Journal, JournalSettings, StorageError
from opensqt_actors.storage.tables import metadata

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


class Maker:
    """Entries of one market, short to write down in a test."""

    account = "main"

    def __init__(self, symbol: str = "BTCUSDT", number: int = 1) -> None:
        self.symbol = symbol
        self.coder = IdCoder("t0", number)

    def client_id(self, generation: int, level: int = 0) -> ClientId:
        return self.coder.encode(level, OrderKind.OPEN_BUY, generation)

    def intent(self, generation: int, level: int = 0, **changes: Any) -> Intent:
        values: dict[str, Any] = {
            "account": self.account,
            "symbol": self.symbol,
            "client_id": self.client_id(generation, level),
            "level": level,
            "kind": OrderKind.OPEN_BUY,
            "generation": generation,
            "side": Side.BUY,
            "price": 1_000 + level,
            "quantity": 10,
            "reduce_only": False,
            "post_only": True,
            "at": START + generation,
        }
        return Intent(**(values | changes))

    def saved(self, generation: int, status: OrderStatus, filled: int = 0, at: int = 0, **changes: Any) -> OrderSaved:
        values: dict[str, Any] = {
            "account": self.account,
            "symbol": self.symbol,
            "client_id": self.client_id(generation),
            "status": status,
            "filled": filled,
            "venue_id": f"v{generation}",
            "reason": "",
            "at": START + (at or generation + 1),
        }
        return OrderSaved(**(values | changes))

    def fill(self, trade: int, side: Side = Side.BUY, quantity: int = 10, **changes: Any) -> FillSaved:
        fee = changes.pop("fee", Decimal("0.001"))
        extra = {name: changes.pop(name) for name in ("level", "realized", "inferred") if name in changes}
        values: dict[str, Any] = {
            "symbol": self.symbol,
            "trade_id": trade,
            "client_id": self.client_id(trade),
            "venue_id": f"v{trade}",
            "side": side,
            "price": 1_000,
            "quantity": quantity,
            "fee": fee,
            "fee_asset": "USDT",
            "maker": True,
            "at": START + trade,
        }
        return FillSaved(self.account, Fill(**(values | changes)), **({"level": 0, "realized": 0, "fee": fee} | extra))


class Run:
    """A journal in a test, with awaitable questions and the alerts it gave."""

    def __init__(self, database: Database, **arguments: Any) -> None:
        self.alerts: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.database = database
        self.journal = Journal(database, on_alert=lambda *alert: self.alerts.put_nowait(alert), **arguments)

    async def commit(self, *intents: Intent) -> str | None:
        return await self._answer(lambda done: self.journal.commit(intents, done))

    async def load(self, maker: Maker) -> Restored | StorageError:
        return await self._answer(lambda done: self.journal.load(maker.account, maker.symbol, done))

    async def save(self, spec: SymbolSpec) -> SymbolSpec | StorageError:
        return await self._answer(lambda done: self.journal.save_spec(spec, done))

    async def alerted(self, code: str) -> str:
        while True:
            found, sentence = await self.alerts.get()
            if found == code:
                return sentence

    async def _answer(self, ask: Callable[[Callable[[Any], None]], None]) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        ask(answer.set_result)
        return await answer


@pytest.fixture(scope="session")
def maker() -> Maker:
    return Maker()


@pytest.fixture
def other_maker() -> Maker:
    return Maker("ETHUSDT", 2)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


class Server:
    """Makes and drops databases on the PostgreSQL server of the tests."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")

    def create(self, how: str = "") -> str:
        name = f"opensqt_test_{secrets.token_hex(6)}"
        self._run(f"create database {name} {how}")
        return name

    def drop(self, name: str) -> None:
        self._run(f"drop database if exists {name} with (force)")

    def url(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture(scope="session")
def postgres_server(postgres_url: str) -> Iterator[Server]:
    server = Server(postgres_url)
    yield server
    server.close()


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres_server: Server) -> Iterator[str]:
    name = postgres_server.create()
    database = Database(postgres_server.url(name))
    database.migrate()
    database.close()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "opensqt.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def fresh_postgres_url(migrated_postgres_url: str) -> Iterator[str]:
    """The same database for every test, emptied after each: making one takes half a second."""
    yield migrated_postgres_url
    engine = sa.create_engine(make_url(migrated_postgres_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        for table in metadata.sorted_tables:
            connection.execute(sa.delete(table))
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "fresh_postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind without any tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/blank.db"
        return
    server: Server = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url, busy_timeout=0.2)
    yield database
    database.close()


Start = Callable[..., Awaitable[Run]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts journals that are closed at the end of the test; quick back-off."""
    async with _journals() as make:
        yield make


@asynccontextmanager
async def _journals() -> AsyncIterator[Start]:
    runs: list[Run] = []

    async def make(database: Database, **arguments: Any) -> Run:
        settings = {"backoff_first": 0.01, "backoff_last": 0.02, "idle": 0.01} | arguments.pop("settings", {})
        runs.append(Run(database, settings=JournalSettings(**settings), **arguments))
        return runs[-1]

    yield make
    for run in runs:
        await run.journal.close()
