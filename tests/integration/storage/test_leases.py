"""The lease table: one owner at a time, epochs that only grow, and nothing written under a lease that has gone.

The same contract holds for SQLite, PostgreSQL and the table in memory that other tests use.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.lease_table import LeaseRows, MemoryLeases
from support.processes import wait_until

from opensqt_actors.actors.leases import LAST_EPOCH, SECOND, Lease, LeaseTerms, Market
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.storage import ASSIGN, Database, Registry, StorageError
from opensqt_actors.storage.leases import LeaseTable, journal_name, lease_rows, not_held, traded_elsewhere
from opensqt_actors.storage.tables import symbol_lease

TERMS = LeaseTerms()
MARKETS = (("main", "BTCUSDT"), ("main", "ETHUSDT"), ("other", "BTCUSDT"))


class Owner(Protocol):
    """What the contract is about."""

    owner: str

    def claim(self, accounts: Iterable[str], most: int) -> tuple[Lease, ...]: ...
    def renew(self) -> tuple[Lease, ...]: ...
    def release(self, leases: Iterable[Lease] | None = None) -> None: ...


@dataclass
class Bench:
    """Makes owners of one table. age: lets this many ns pass for every row; epoch: sets a row's."""

    owner: Callable[[str], Owner]
    age: Callable[[int], None]
    set_epoch: Callable[[Market, int], None]


def of(database: Database) -> Bench:
    registry = Registry(database)
    for account, name in MARKETS:
        registry.save(SymbolSpec(account, name, ASSIGN))
    LeaseTable(database, "nobody", TERMS).claim((), 0)

    def age(ns: int) -> None:
        with database.write() as connection:
            connection.execute(sa.update(symbol_lease).values(expires_at=symbol_lease.c.expires_at - ns))

    def set_epoch(market: Market, epoch: int) -> None:
        here = (symbol_lease.c.account == market[0]) & (symbol_lease.c.symbol == market[1])
        with database.write() as connection:
            connection.execute(sa.update(symbol_lease).where(here).values(epoch=epoch))

    return Bench(lambda name: LeaseTable(database, name, TERMS), age, set_epoch)


def in_memory() -> Bench:
    now = [10**18]
    rows = LeaseRows(MARKETS, lambda: now[0])

    def age(ns: int) -> None:
        now[0] += ns

    def set_epoch(market: Market, epoch: int) -> None:
        rows.rows[market].epoch = epoch

    return Bench(lambda name: MemoryLeases(rows, name, TERMS), age, set_epoch)


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "memory":
        yield in_memory()
        return
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "fresh_postgres_url")
    database = Database(url)
    yield of(database)
    database.close()


# --- the contract ----------------------------------------------------------------------------------------------------


def test_what_is_free_is_claimed_in_order_up_to_the_number_asked_for(bench: Bench) -> None:
    assert bench.owner("a").claim(["main", "other"], 2) == (Lease("main", "BTCUSDT", 1), Lease("main", "ETHUSDT", 1))
    assert bench.owner("b").claim(["main", "other"], 9) == (Lease("other", "BTCUSDT", 1),)
    assert bench.owner("c").claim(["main", "other"], 9) == ()


def test_only_symbols_of_the_accounts_that_a_host_can_trade_are_claimed(bench: Bench) -> None:
    assert bench.owner("a").claim(["other"], 9) == (Lease("other", "BTCUSDT", 1),)
    assert bench.owner("a").claim([], 9) == ()


def test_a_lease_is_claimed_by_another_only_after_its_end_and_the_grace(bench: Bench) -> None:
    first, second = bench.owner("a"), bench.owner("b")
    first.claim(["main", "other"], 9)
    bench.age(TERMS.ttl + TERMS.grace - SECOND // 2)
    assert second.claim(["main"], 9) == ()
    bench.age(SECOND)
    assert second.claim(["main"], 9) == (Lease("main", "BTCUSDT", 2), Lease("main", "ETHUSDT", 2))
    assert first.renew() == (Lease("other", "BTCUSDT", 1),)


def test_a_renewed_lease_is_nobody_elses_however_long_it_is_held(bench: Bench) -> None:
    first, second = bench.owner("a"), bench.owner("b")
    first.claim(["main", "other"], 9)
    for _ in range(3):
        bench.age(TERMS.ttl)
        assert len(first.renew()) == 3
        assert second.claim(["main", "other"], 9) == ()


def test_an_expired_lease_that_nobody_claimed_is_renewed_under_its_epoch(bench: Bench) -> None:
    first, second = bench.owner("a"), bench.owner("b")
    first.claim(["main"], 1)
    bench.age(TERMS.ttl + TERMS.grace + SECOND)
    assert first.renew() == (Lease("main", "BTCUSDT", 1),)
    assert second.claim(["main"], 1) == (Lease("main", "ETHUSDT", 1),)


def test_a_released_symbol_is_free_at_once_and_its_epoch_goes_on(bench: Bench) -> None:
    first, second = bench.owner("a"), bench.owner("b")
    first.claim(["main"], 9)
    first.release([Lease("main", "BTCUSDT", 1)])
    assert second.claim(["main"], 9) == (Lease("main", "BTCUSDT", 2),)
    first.release()
    assert second.claim(["main"], 9) == (Lease("main", "ETHUSDT", 2),)


def test_releasing_what_is_anothers_or_of_an_earlier_epoch_changes_nothing(bench: Bench) -> None:
    first, second = bench.owner("a"), bench.owner("b")
    [old] = first.claim(["main"], 1)
    first.release([old])
    [new] = first.claim(["main"], 1)
    second.release([new])
    second.release()
    first.release([old])
    assert first.renew() == (new,)
    assert second.claim(["main"], 1) == (Lease("main", "ETHUSDT", 1),)


def test_a_symbol_whose_epochs_are_used_up_is_never_claimed_again(bench: Bench) -> None:
    bench.set_epoch(("main", "BTCUSDT"), LAST_EPOCH)
    assert bench.owner("a").claim(["main"], 9) == (Lease("main", "ETHUSDT", 1),)


# --- on a database ---------------------------------------------------------------------------------------------------


@pytest.fixture
def leased(database: Database) -> Database:
    of(database)
    return database


def test_symbols_are_entered_when_they_are_added_and_nobodys_when_they_were_removed(leased: Database) -> None:
    owner, registry = LeaseTable(leased, "a", TERMS), Registry(leased)
    spec = registry.save(SymbolSpec("main", "SOLUSDT", ASSIGN, epoch=7))
    assert Lease("main", "SOLUSDT", 8) in owner.claim(["main"], 9)
    owner.release()
    registry.save(replace(spec, state=SymbolState.REMOVED))
    assert {lease.symbol for lease in owner.claim(["main"], 9)} == {"BTCUSDT", "ETHUSDT"}
    owner.release()
    registry.save(replace(spec, state=SymbolState.TRADING))
    assert Lease("main", "SOLUSDT", 9) in owner.claim(["main"], 9)


def test_the_rows_say_who_has_what_and_for_how_long(leased: Database) -> None:
    LeaseTable(leased, "a", TERMS).claim(["main"], 1)
    with leased.read() as connection:
        rows = {(row.account, row.symbol): row for row in lease_rows(connection)}
        assert traded_elsewhere(connection, TERMS.grace) == "a"
    mine = rows["main", "BTCUSDT"]
    assert (mine.owner, mine.epoch, mine.enabled) == ("a", 1, True)
    assert TERMS.ttl - 10 * SECOND < mine.left <= TERMS.ttl
    assert rows["main", "ETHUSDT"].owner is None


def test_nobody_trades_when_every_lease_is_free_or_over(leased: Database) -> None:
    owner = LeaseTable(leased, "a", TERMS)
    owner.claim(["main"], 9)
    owner.release()
    with leased.read() as connection:
        assert traded_elsewhere(connection, TERMS.grace) is None


def test_what_is_not_held_any_more_is_told_by_owner_and_by_epoch(leased: Database) -> None:
    [mine] = LeaseTable(leased, "a", TERMS).claim(["main"], 1)
    [other] = LeaseTable(leased, "b", TERMS).claim(["main"], 1)
    old = mine._replace(epoch=0)
    with leased.write() as connection:
        assert not_held(connection, "a", [mine]) == frozenset()
        assert not_held(connection, "a", [mine, other, old]) == {other, old}
        assert not_held(connection, "a2", [mine]) == {mine}


def test_hosts_that_claim_at_once_never_get_the_same_symbol(database: Database) -> None:
    registry = Registry(database)
    for index in range(40):
        registry.save(SymbolSpec("main", f"S{index}USDT", ASSIGN))
    start = threading.Barrier(4)
    found: dict[str, list[Lease]] = {}

    def host(name: str) -> None:
        owner, mine = LeaseTable(database, name, TERMS), found.setdefault(name, [])
        start.wait(10)
        while True:
            try:
                claimed = owner.claim(["main"], 3)
            except StorageError:
                continue  # somebody else held the lock of the whole database for too long
            if not claimed:
                return
            mine += claimed

    threads = [threading.Thread(target=host, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    markets = [lease.market for mine in found.values() for lease in mine]
    assert len(markets) == len(set(markets)) == 40
    assert {lease.epoch for mine in found.values() for lease in mine} == {1}


# --- PostgreSQL alone: its locks -------------------------------------------------------------------------------------


@pytest.fixture
def postgres(fresh_postgres_url: str) -> Iterator[Database]:
    database = Database(fresh_postgres_url)
    of(database)
    yield database
    database.close()


@pytest.mark.postgres
def test_no_claim_passes_while_something_is_being_written_under_the_lease(postgres: Database) -> None:
    first, second = LeaseTable(postgres, "a", TERMS), LeaseTable(postgres, "b", TERMS)
    [mine] = first.claim(["main"], 1)
    with postgres.write() as connection:
        connection.execute(sa.update(symbol_lease).where(symbol_lease.c.owner == "a").values(expires_at=1))
    with postgres.write() as writing:
        assert not_held(writing, "a", [mine]) == frozenset()
        assert second.claim(["main"], 9) == (Lease("main", "ETHUSDT", 1),)
        assert first.renew() == (mine,)  # which would wait for a lock in share mode
    with postgres.write() as connection:
        connection.execute(sa.update(symbol_lease).where(symbol_lease.c.owner == "a").values(expires_at=1))
    assert second.claim(["main"], 9) == (mine._replace(epoch=2),)


@pytest.mark.postgres
def test_a_client_that_hangs_in_a_transaction_does_not_hold_up_the_takeover(postgres: Database) -> None:
    [mine] = LeaseTable(postgres, "a", TERMS).claim(["main"], 1)
    with postgres.write() as connection:
        connection.execute(sa.update(symbol_lease).where(symbol_lease.c.owner == "a").values(expires_at=1))
    hanging = postgres.connect()
    hanging.begin()
    not_held(hanging, "a", [mine])
    began = time.monotonic()
    second = LeaseTable(postgres, "b", TERMS)
    wait_until(lambda: mine._replace(epoch=2) in second.claim(["main"], 9), "the takeover", 10)
    assert 1.5 < time.monotonic() - began < 5
    with pytest.raises(sa.exc.SQLAlchemyError):
        hanging.execute(sa.select(sa.literal(1)))
    hanging.invalidate()
    hanging.close()


@pytest.mark.postgres
def test_f36_an_owner_that_stands_still_within_a_batch_does_not_hold_up_the_takeover(postgres: Database) -> None:
    """Its server process waits for the rest of a pipeline: neither idle nor in a statement, so no time-out ends it."""
    [mine] = LeaseTable(postgres, "a", TERMS).claim(["main"], 1)
    second = LeaseTable(postgres, "b", TERMS)
    hanging = postgres.connect()
    hanging.exec_driver_sql(f"set application_name = '{journal_name('a')}'")
    not_held(hanging, "a", [mine])
    driver: Any = hanging.connection.driver_connection
    driver.pgconn.enter_pipeline_mode()
    driver.pgconn.send_query_params(b"select 1", None)
    driver.pgconn.send_flush_request()
    driver.pgconn.flush()
    with postgres.write() as connection:
        connection.execute(sa.update(symbol_lease).where(symbol_lease.c.owner == "a").values(expires_at=1))
    wait_until(lambda: mine._replace(epoch=2) in second.claim(["main"], 9), "the takeover", 8)
    hanging.invalidate()
    hanging.close()


@pytest.mark.postgres
def test_the_time_outs_of_a_lease_connection_are_short(postgres: Database) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    with postgres.connect() as connection:
        shown: list[Any] = [connection.exec_driver_sql(f"show {name}").scalar() for name in names]
    assert shown == ["1s", "500ms", "2s"]
