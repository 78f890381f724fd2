"""The journal under leases: no intent without its lease, nothing of an old owner over what the next one has begun."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from opensqt_actors.actors.leases import Leases, LeaseTerms
from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.records import EventSaved, RiskSaved, RiskScope, SlotSaved
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage import ASSIGN, Registry
from opensqt_actors.storage.leases import LeaseTable
from opensqt_actors.storage.tables import events, orders, risk_states, slots

TERMS = LeaseTerms()
BTC, ETH = ("main", "BTCUSDT"), ("main", "ETHUSDT")


class Host:
    """One owner: its leases, its table and its journal."""

    def __init__(self, database: Any, run: Any, leases: Leases) -> None:
        self.database = database
        self.run = run
        self.leases = leases
        self.table = LeaseTable(database, leases.owner, TERMS)

    def claim(self, most: int = 9) -> None:
        self.leases.claimed(0, self.table.claim(["main"], most))

    def slot(self, market: Any, position: int) -> None:
        self.run.journal.append((SlotSaved(*market, 0, position, position * 1_000, None, 1),))


@pytest.fixture
def host(database, start):
    for name in ("BTCUSDT", "ETHUSDT"):
        Registry(database).save(SymbolSpec("main", name, ASSIGN))

    async def make(owner: str) -> Host:
        leases = Leases(owner, TERMS)
        return Host(database, await start(database, leases=leases), leases)

    return make


def intent(maker, epoch: int, generation: int):
    return maker.intent(generation, client_id=IdCoder("t0", 1, epoch).encode(0, OrderKind.OPEN_BUY, generation))


def take_over(first: Host, second: Host) -> None:
    """The first host's leases run out, and the second one takes them."""
    first.table.release()
    second.claim()


def rows(database, table, *columns):
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*(table.c[name] for name in columns)))]


async def test_an_intent_is_written_while_its_lease_is_held(host, maker, database):
    first = await host("a")
    first.claim()
    assert await first.run.commit(intent(maker, 1, 1), intent(maker, 1, 2)) is None
    assert len(rows(database, orders, "client_id")) == 2


async def test_f36_no_intent_is_written_once_another_host_has_the_symbol(host, maker, database):
    first, second = await host("a"), await host("b")
    first.claim()
    take_over(first, second)
    reason = await first.run.commit(intent(maker, 1, 1))
    assert reason is not None
    assert "BTCUSDT" in reason
    assert await second.run.commit(intent(maker, 2, 2)) is None
    assert rows(database, orders, "generation") == [(2,)]


async def test_f36_an_intent_of_an_earlier_epoch_is_refused_although_the_same_host_holds_the_symbol_again(host, maker):
    first, second = await host("a"), await host("b")
    first.claim()
    take_over(first, second)
    second.table.release()
    first.claim()
    assert first.leases.epoch(*BTC) == 3
    assert await first.run.commit(intent(maker, 1, 1)) is not None
    assert await first.run.commit(intent(maker, 3, 2)) is None


async def test_an_intent_of_a_symbol_that_is_not_held_at_all_is_refused(host, maker):
    first = await host("a")
    assert await first.run.commit(intent(maker, 0, 1)) is not None


async def test_f36_what_an_old_owner_still_has_to_write_does_not_overwrite_the_next_ones(host, database):
    first, second = await host("a"), await host("b")
    first.claim()
    first.slot(BTC, 1)
    await first.run.journal.flush()
    take_over(first, second)
    second.slot(BTC, 5)
    await second.run.journal.flush()
    first.slot(BTC, 2)
    await first.run.alerted("journal.fenced")
    await first.run.journal.flush()
    assert rows(database, slots, "symbol", "position") == [("BTCUSDT", 5)]
    assert first.run.journal.counters().fenced == 1
    assert first.run.journal.counters().pending == 0


async def test_other_symbols_and_events_of_the_same_group_are_written(host, database, maker):
    first, second = await host("a"), await host("b")
    first.claim()
    first.table.release([lease for lease in first.table.renew() if lease.market == BTC])
    second.claim(1)
    first.run.journal.append(
        (
            SlotSaved(*BTC, 0, 1, 1_000, None, 1),
            SlotSaved(*ETH, 0, 7, 7_000, None, 1),
            EventSaved(*BTC, "test", "it happened", {}, 1),
            RiskSaved(RiskScope.SYMBOL, *BTC, {"open": True}, 1),
            RiskSaved(RiskScope.GLOBAL, "", "", {"open": False}, 1),
        )
    )
    await first.run.journal.flush()
    assert rows(database, slots, "symbol", "position") == [("ETHUSDT", 7)]
    assert ("it happened",) in rows(database, events, "sentence")
    assert rows(database, risk_states, "scope") == [("global",)]
    assert first.run.journal.counters().fenced == 2


async def test_a_group_with_a_lost_lease_answers_the_other_intents(host, database, maker, other_maker):
    first, second = await host("a"), await host("b")
    first.claim()
    first.table.release([lease for lease in first.table.renew() if lease.market == BTC])
    second.claim(1)
    eth = other_maker.intent(1, client_id=IdCoder("t0", 2, 1).encode(0, OrderKind.OPEN_BUY, 1))
    answers: dict[str, Any] = {}
    first.run.journal.commit((intent(maker, 1, 1),), lambda reason: answers.update(btc=reason))
    first.run.journal.commit((eth,), lambda reason: answers.update(eth=reason))
    await first.run.journal.flush()
    assert answers["eth"] is None
    assert "BTCUSDT" in answers["btc"]


async def test_without_leases_nothing_is_asked_of_the_table(database, start, maker):
    run = await start(database)
    assert await run.commit(intent(maker, 0, 1)) is None
