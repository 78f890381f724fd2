"""The keeper of a host's leases, turn by turn: what it tells the actors, and what it leaves in the table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from opensqt_actors.actors.leases import Leases, LeaseTerms
from opensqt_actors.actors.supervisor_leases import (
    GiveUp,
    LeaseGained,
    LeaseLost,
    LeasesAgain,
    LeasesClosing,
    LeaseShares,
    LeasesStopped,
)
from opensqt_actors.app.lease_keeper import TURNS, VENUE_PATIENCE, LeaseKeeper
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.storage import ASSIGN, Database, Registry
from opensqt_actors.storage.batch import Batch
from opensqt_actors.storage.leases import lease_rows
from opensqt_actors.storage.tables import symbol_lease

TERMS = LeaseTerms()
NOBODY = ActorRef(ActorId("supervisor"), 1)
BTC, ETH = ("main", "BTCUSDT"), ("main", "ETHUSDT")


class Host:
    """A keeper with a clock, an account and ears of its own."""

    def __init__(self, database: Database, capacity: int) -> None:
        self.database = database
        self.now = 0
        self.up = ["main"]
        self.claiming = True
        self.told: list[Any] = []
        self.leases = Leases("host-a/1", TERMS)
        self.keeper = LeaseKeeper(
            self.leases,
            database,
            capacity,
            tell=self.told.append,
            accounts=lambda: self.up,
            claiming=lambda: self.claiming,
            clock=lambda: self.now,
        )

    async def turns(self, count: int = TURNS) -> list[Any]:
        """What was told during so many turns; in every second one leases are renewed."""
        before = len(self.told)
        for _ in range(count):
            await self.keeper.turn()
        return self.told[before:]

    def owners(self) -> dict[str, str | None]:
        with self.database.read() as connection:
            return {row.symbol: row.owner for row in lease_rows(connection)}

    def set_owner(self, symbol: str, owner: str) -> None:
        with self.database.write() as connection:
            here = symbol_lease.c.symbol == symbol
            connection.execute(
                sa.update(symbol_lease)
                .where(here)
                .values(owner=owner, epoch=9, expires_at=symbol_lease.c.expires_at * 2)
            )


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Any]:
    database = Database(f"sqlite:///{tmp_path}/o.db")
    database.migrate()
    for name in ("BTCUSDT", "ETHUSDT"):
        Registry(database).save(SymbolSpec("main", name, ASSIGN))
    made: list[Host] = []

    def host(capacity: int = 9) -> Host:
        made.append(Host(database, capacity))
        return made[-1]

    yield host
    for each in made:
        await each.keeper.close(release=False)
    database.close()


def of(told: list[Any], kind: type) -> list[Any]:
    return [message for message in told if isinstance(message, kind)]


async def test_what_is_free_is_claimed_and_told_with_its_epoch_and_its_risk_state(make: Any) -> None:
    host = make()
    saved = RiskSaved(RiskScope.SYMBOL, *ETH, {"open": True}, 5)
    batch = Batch()
    batch.add(saved, "")
    with host.database.write() as connection:
        batch.write(connection)
    told = await host.turns(1)
    gained = {message.spec.symbol: message for message in of(told, LeaseGained)}
    assert {name: message.spec.epoch for name, message in gained.items()} == {"BTCUSDT": 1, "ETHUSDT": 1}
    assert (gained["ETHUSDT"].saved, gained["BTCUSDT"].saved) == ((saved,), ())
    assert host.keeper.may_send(*BTC)
    assert of(await host.turns(), LeaseGained) == []


async def test_no_more_than_its_capacity_and_its_part_of_the_budget(make: Any) -> None:
    host = make(1)
    assert of(await host.turns(), LeaseShares) == [LeaseShares((("main", 500),))]
    assert host.owners() == {"BTCUSDT": "host-a/1", "ETHUSDT": None}


@pytest.mark.parametrize("field", ["up", "claiming"])
async def test_nothing_is_claimed_without_an_order_stream_or_while_the_host_ends(make: Any, field: str) -> None:
    host = make()
    setattr(host, field, [])
    assert of(await host.turns(), LeaseGained) == []


async def test_f36_what_another_has_is_dropped_with_the_next_renewal(make: Any) -> None:
    host = make()
    await host.turns()
    host.set_owner("BTCUSDT", "host-b/1")
    assert of(await host.turns(), LeaseLost) == [LeaseLost(*BTC, 1)]
    assert not host.keeper.may_send(*BTC)
    assert host.keeper.may_send(*ETH)


async def test_without_its_database_a_host_closes_stops_and_goes_on_when_it_is_back(make: Any) -> None:
    host = make()
    await host.turns()
    host.now = TERMS.half
    host.keeper.look()
    assert of(host.told, LeasesClosing) == [LeasesClosing((BTC, ETH))]
    host.now = TERMS.life
    assert not host.keeper.may_send(*BTC)
    host.keeper.look()
    assert of(host.told, LeasesStopped) == [LeasesStopped((BTC, ETH))]
    assert of(await host.turns(), LeasesAgain) == [LeasesAgain((BTC, ETH))]
    assert host.keeper.may_send(*BTC)


async def test_a_symbol_that_is_given_up_is_free_and_stays_so(make: Any) -> None:
    host = make()
    await host.turns()
    host.claiming = False
    host.keeper.give_up(NOBODY, GiveUp(*BTC))
    assert not host.keeper.may_send(*BTC)
    await host.turns()
    assert host.owners() == {"BTCUSDT": None, "ETHUSDT": "host-a/1"}


async def test_f36_without_an_order_stream_for_long_the_symbols_go_to_a_host_that_has_one(make: Any) -> None:
    host = make()
    await host.turns()
    host.up = []
    assert of(await host.turns(), LeaseLost) == []
    host.now = VENUE_PATIENCE - 1
    await host.turns()
    host.up = ["main"]
    await host.turns()
    host.up = []
    host.now += VENUE_PATIENCE - 1
    assert of(await host.turns(), LeaseLost) == []
    host.now += VENUE_PATIENCE
    assert of(await host.turns(), LeaseLost) == [LeaseLost(*BTC, 1), LeaseLost(*ETH, 1)]
    assert not host.keeper.may_send(*BTC)
    assert host.owners() == {"BTCUSDT": "host-a/1", "ETHUSDT": "host-a/1"}  # what was sent may still arrive


@pytest.mark.parametrize(("release", "owner"), [(True, None), (False, "host-a/1")])
async def test_only_a_host_that_came_to_rest_gives_its_leases_back_at_the_end(
    make: Any, release: bool, owner: str | None
) -> None:
    host = make()
    await host.turns()
    await host.keeper.close(release=release)
    assert set(host.owners().values()) == {owner}
