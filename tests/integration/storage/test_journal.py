"""The journal on real databases: durability, order, idempotency, bounds."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from opensqt_actors.domain.orders import FundingPayment, OrderStatus, Side
from opensqt_actors.domain.records import (
    KNOWN_PAYMENTS,
    EventSaved,
    FundingSaved,
    LatticeSaved,
    LiveOrder,
    MemorySaved,
    Restored,
    RiskSaved,
    RiskScope,
    SlotDropped,
    SlotSaved,
    TotalsSaved,
)
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage import ASSIGN, JournalClosed, JournalFull, StorageError, books, load_risk
from opensqt_actors.storage.prune import Retention
from opensqt_actors.storage.tables import events, orders

DAY = 86_400 * 1_000_000_000


async def test_a_committed_intent_is_there_for_another_connection(database, start, maker):
    run = await start(database)
    assert await run.commit(maker.intent(1), maker.intent(2)) is None
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(orders)) == 2


async def test_the_newest_state_of_each_risk_rule_is_kept(database, start):
    run = await start(database)
    old = RiskSaved(RiskScope.SYMBOL, "main", "BTCUSDT", {"state": "open", "losses": 3}, 1)
    new = replace(old, state={"state": "closed", "sentence": "so it was"}, at=2)
    rest = (RiskSaved(RiskScope.GLOBAL, "", "", {"peak": "1.5"}, 1), RiskSaved(RiskScope.EMERGENCY, "main", "", {}, 1))
    run.journal.append((old, *rest))
    run.journal.append((new,))
    await run.journal.flush()
    assert set(map(repr, load_risk(database))) == set(map(repr, (new, *rest)))


async def test_an_empty_commit_is_durable_at_once(database, start):
    run = await start(database)
    assert await run.commit() is None


async def test_everything_that_was_written_is_restored(database, start, maker):
    run = await start(database)
    lattice = LatticeSaved("main", "BTCUSDT", 1_000, 5, None)
    slot = SlotSaved("main", "BTCUSDT", -3, -7, -(10**25), None, 4)
    totals = TotalsSaved("main", "BTCUSDT", 10**30, Decimal("1.10"), Decimal("-0.5"), 3, 77)
    run.journal.append((lattice, slot, totals))
    await run.commit(maker.intent(5), maker.intent(6))
    run.journal.append((maker.saved(5, OrderStatus.PARTIALLY_FILLED, filled=4), maker.fill(77, quantity=4)))
    run.journal.append((maker.saved(6, OrderStatus.CANCELED),))
    restored = await run.load(maker)
    assert isinstance(restored, Restored)
    assert restored.lattice == lattice
    assert restored.slots == (slot,)
    assert restored.totals == totals
    assert restored.orders == (LiveOrder(maker.intent(5), OrderStatus.PARTIALLY_FILLED, 4, "v5"),)
    assert restored.known_trades == {77}
    assert restored.generation_floor == 6
    run.journal.append((maker.saved(5, OrderStatus.PENDING, at=99),))
    await run.commit(maker.intent(7))
    sent_again = maker.saved(7, OrderStatus.PENDING, at=100, venue_id="")
    run.journal.append((sent_again,))
    again = await run.load(maker)
    assert isinstance(again, Restored)
    assert again.orders == (*restored.orders, LiveOrder(maker.intent(7), OrderStatus.PENDING, 0, "", sent_again.at))


async def test_symbols_that_are_read_together_are_what_each_is_by_itself(database, start, maker, other_maker):
    run = await start(database)
    elsewhere = type(maker)("BTCUSDT", 3)
    elsewhere.account = "second"
    makers = (maker, other_maker, elsewhere)
    for number, one in enumerate(makers, 1):
        run.journal.append((SlotSaved(one.account, one.symbol, number, number, number, None, number),))
        run.journal.append((LatticeSaved(one.account, one.symbol, 1_000 + number, number, None),))
        run.journal.append((TotalsSaved(one.account, one.symbol, number, Decimal(number), Decimal(0), number, number),))
        run.journal.append((MemorySaved(one.account, one.symbol, "grid", (number,)),))
        await run.commit(one.intent(10 * number), one.intent(10 * number + 1, level=1))
        run.journal.append((one.saved(10 * number, OrderStatus.FILLED, filled=10), one.fill(100 + number)))
    never = type(maker)("XRPUSDT", 4)
    alone = [await run.load(one) for one in (*makers, never)]
    together = await asyncio.gather(*(run.load(one) for one in (*makers, never)))
    assert together == alone
    assert [restored.generation_floor for restored in together] == [11, 21, 31, 0]
    assert [len(restored.orders) for restored in together] == [1, 1, 1, 0]
    assert [restored.known_trades for restored in together] == [{101}, {102}, {103}, frozenset()]


async def test_one_symbol_that_cannot_be_read_keeps_no_other_from_its_start(database, start, maker, other_maker):
    run = await start(database)
    await run.commit(maker.intent(1), other_maker.intent(1))
    with database.write() as connection:
        spoilt = sa.update(orders).where(orders.c.symbol == other_maker.symbol).values(status="nonsense")
        connection.execute(spoilt)
    good, bad = await asyncio.gather(run.load(maker), run.load(other_maker))
    assert isinstance(good, Restored)
    assert [order.intent for order in good.orders] == [maker.intent(1)]
    assert isinstance(bad, StorageError)
    assert "nonsense" in bad.sentence


async def test_a_symbol_that_was_never_seen_is_empty(database, start, maker):
    run = await start(database)
    restored = await run.load(maker)
    assert restored == Restored(
        account="main",
        symbol="BTCUSDT",
        lattice=None,
        slots=(),
        orders=(),
        generation_floor=0,
        totals=TotalsSaved("main", "BTCUSDT", 0, Decimal(0), Decimal(0), 0, 0),
        known_trades=frozenset(),
        since=0,
    )


async def test_a_geometric_lattice_keeps_its_ratio_digit_by_digit(database, start, maker):
    run = await start(database)
    lattice = LatticeSaved("main", "BTCUSDT", 1_000, 1, Decimal("1.0049999999999999999999999999999"))
    run.journal.append((lattice,))
    assert (await run.load(maker)).lattice == lattice


async def test_what_a_strategy_remembers_is_what_it_said_last(database, start, maker, other_maker):
    run = await start(database)
    first = MemorySaved("main", "BTCUSDT", "grid", (1, 2))
    last = MemorySaved("main", "BTCUSDT", "other", (-(2**63) + 1, 0, 2**63 - 1))
    run.journal.append((first,))
    assert (await run.load(maker)).memory == first
    run.journal.append((first, last))
    assert (await run.load(maker)).memory == last
    assert (await run.load(other_maker)).memory is None


@pytest.mark.parametrize("numbers", [(2**63,), (True,), (0,) * 65])
async def test_a_memory_that_is_no_few_whole_numbers_is_set_aside_and_the_rest_is_written(
    database, start, maker, numbers
):
    run = await start(database)
    run.journal.append((MemorySaved("main", "BTCUSDT", "grid", (7,)),))
    run.journal.append((MemorySaved("main", "BTCUSDT", "grid", numbers), maker.fill(1)))
    assert "numbers: must be" in await run.alerted("journal.rejected")
    restored = await run.load(maker)
    assert restored.memory == MemorySaved("main", "BTCUSDT", "grid", (7,))
    assert restored.known_trades == {1}


async def test_symbols_and_accounts_do_not_mix(database, start, maker, other_maker):
    run = await start(database)
    await run.commit(maker.intent(1), other_maker.intent(2))
    run.journal.append((maker.fill(1), other_maker.fill(1), SlotSaved("other", "BTCUSDT", 0, 1, 1, 1, 9)))
    assert [order.intent.generation for order in (await run.load(maker)).orders] == [1]
    assert (await run.load(maker)).slots == ()
    assert (await run.load(other_maker)).generation_floor == 2


async def test_a_load_comes_after_everything_appended_before_it(database, start, maker):
    run = await start(database)
    for level in range(500):
        run.journal.append((SlotSaved("main", "BTCUSDT", level, 1, 1, None, 1),))
    restored = await run.load(maker)
    assert len(restored.slots) == 500


async def test_entries_of_one_slot_are_written_in_their_order(database, start, maker):
    run = await start(database)
    for position in (1, 2, 3):
        run.journal.append((SlotSaved("main", "BTCUSDT", 0, position, position, None, position),))
    run.journal.append((SlotDropped("main", "BTCUSDT", 1), SlotSaved("main", "BTCUSDT", 1, 9, 9, None, 1)))
    run.journal.append((SlotSaved("main", "BTCUSDT", 2, 9, 9, None, 1), SlotDropped("main", "BTCUSDT", 2)))
    assert [(slot.level, slot.position) for slot in (await run.load(maker)).slots] == [(0, 3), (1, 9)]


async def test_the_generation_of_a_level_that_is_saved_and_dropped_at_once_stays_used(database, start, maker):
    run = await start(database)
    await run.commit(maker.intent(1))
    run.journal.append((SlotSaved("main", "BTCUSDT", 2, 0, 0, None, 70), SlotDropped("main", "BTCUSDT", 2)))
    restored = await run.load(maker)
    assert (restored.slots, restored.generation_floor) == ((), 70)


async def test_a_client_id_that_is_journalled_already_is_refused_and_the_others_go_on(database, start, maker):
    run = await start(database)
    assert await run.commit(maker.intent(1)) is None
    results = await asyncio.gather(
        run.commit(maker.intent(2)), run.commit(maker.intent(1)), run.commit(maker.intent(3))
    )
    assert results[0] is None
    assert results[1] == "a client id of these is journalled already"
    assert results[2] is None


async def test_a_batch_of_intents_is_written_whole_or_not_at_all(database, start, maker):
    run = await start(database)
    await run.commit(maker.intent(1))
    assert await run.commit(maker.intent(2), maker.intent(1)) is not None
    assert [order.intent.generation for order in (await run.load(maker)).orders] == [1]


async def test_an_intent_journalled_after_the_request_may_be_repeated(database, start, maker):
    run = await start(database)
    run.journal.append((maker.intent(1), maker.saved(1, OrderStatus.NEW)))
    run.journal.append((maker.intent(1),))
    assert [order.status for order in (await run.load(maker)).orders] == [OrderStatus.NEW]


async def test_an_entry_that_cannot_be_written_is_set_aside_and_those_around_it_are_written(database, start, maker):
    run = await start(database)
    too_big = SlotSaved("main", "BTCUSDT", 0, 2**63, 1, None, 1)
    run.journal.append((maker.intent(1),))
    run.journal.append((maker.fill(1), too_big, EventSaved("main", "BTCUSDT", "k", "s", {"x": object()}, 1)))
    run.journal.append((maker.saved(1, OrderStatus.FILLED, filled=10),))
    assert "position: must be a whole number within 64 bits" in await run.alerted("journal.rejected")
    await run.journal.flush()
    with database.read() as connection:
        assert books.ledgers(connection)["main", "BTCUSDT"].net == 10
        assert books.orders_by_status(connection) == {("main", "BTCUSDT"): {OrderStatus.FILLED: 1}}
        set_aside = books.newest_events(connection, kind="journal.rejected")
    assert len(set_aside) == 2
    assert "SlotSaved" in set_aside[1].data["entry"]
    assert run.journal.counters().rejected == 2
    assert run.journal.counters().pending == 0


async def test_an_entry_that_only_the_database_objects_to_is_set_aside_as_well(database, start, maker):
    with database.write() as connection:
        connection.exec_driver_sql("create unique index one_sentence on events (sentence)")
    try:
        run = await start(database)
        run.journal.append((EventSaved("main", "", "a", "same", {}, 1), maker.fill(1)))
        run.journal.append((EventSaved("main", "", "b", "same", {}, 1), maker.fill(2)))
        run.journal.append((maker.fill(3),))
        await run.journal.flush()
        with database.read() as connection:
            assert books.ledgers(connection)["main", "BTCUSDT"].fills == 3
            assert [event.kind for event in books.newest_events(connection)] == ["journal.rejected", "a"]
        assert run.journal.counters().rejected == 1
    finally:
        with database.write() as connection:
            connection.exec_driver_sql("drop index one_sentence")


async def test_an_update_without_its_order_is_counted_and_alerted(database, start, maker):
    run = await start(database)
    await run.commit(maker.intent(1))
    run.journal.append((maker.saved(1, OrderStatus.NEW), maker.saved(9, OrderStatus.NEW)))
    await run.journal.flush()
    assert run.journal.counters().strays == 1
    assert "1 order updates" in await run.alerted("journal.stray")


async def test_at_its_bound_the_journal_refuses_and_alerts_once(database, start, maker):
    held = threading.Event()
    run = await start(
        database, settings={"max_pending": 3}, failpoint=lambda name: name == "journal.begun" and held.wait(10)
    )
    try:
        run.journal.append((maker.fill(1), maker.fill(2), maker.fill(3)))
        for _ in range(3):
            with pytest.raises(JournalFull):
                run.journal.append((maker.fill(4),))
        assert run.alerts.qsize() == 1
        assert "may hold 3" in await run.alerted("journal.full")
        assert "unwritten entries" in await run.commit(maker.intent(1))
    finally:
        held.set()
    await run.journal.flush()
    run.journal.append((maker.fill(4),))
    await run.journal.flush()
    with database.read() as connection:
        assert books.ledgers(connection)["main", "BTCUSDT"].fills == 4


async def test_after_closing_nothing_is_taken(database, start, maker):
    run = await start(database)
    run.journal.append((maker.fill(1),))
    assert await run.journal.close() == 0
    assert await run.journal.close() == 0
    with pytest.raises(JournalClosed):
        run.journal.append((maker.fill(2),))
    assert await run.commit(maker.intent(1)) == "the journal is closed"
    assert isinstance(await run.load(maker), StorageError)
    with database.read() as connection:
        assert books.ledgers(connection)["main", "BTCUSDT"].fills == 1


async def test_closing_writes_everything_that_waits(database, start, maker):
    run = await start(database)
    for trade in range(1, 3_001):
        run.journal.append((maker.fill(trade),))
    assert await run.journal.close() == 0
    with database.read() as connection:
        assert books.ledgers(connection)["main", "BTCUSDT"].fills == 3_000


async def test_what_waits_shares_a_transaction(database, start, maker):
    release = threading.Event()
    run = await start(database, failpoint=lambda name: name == "journal.begun" and release.wait(10))
    commits = [asyncio.ensure_future(run.commit(maker.intent(generation))) for generation in range(1, 101)]
    await asyncio.sleep(0)
    release.set()
    assert await asyncio.gather(*commits) == [None] * 100
    assert run.journal.counters().commits <= 3


async def test_counters_tell_what_was_done(database, start, maker):
    run = await start(database)
    await run.commit(maker.intent(1), maker.intent(2))
    counters = run.journal.counters()
    assert (counters.commits, counters.rows, counters.pending, counters.failures) == (1, 2, 0, 0)
    assert 0 < counters.last_commit_ms == counters.commit_p50_ms == counters.commit_p99_ms
    assert counters.wait_p99_ms > 0
    assert counters.buckets[-1][1] <= 1
    assert counters.away is None


async def test_old_ended_orders_and_events_go_while_nothing_waits_but_their_generations_stay(database, start, maker):
    now = maker.intent(1).at + 100 * DAY
    old, new = maker.intent(7), maker.intent(3, at=now)
    pruned = asyncio.Event()
    loop = asyncio.get_running_loop()
    run = await start(
        database,
        now=lambda: now,
        failpoint=lambda name: name == "journal.pruned" and loop.call_soon_threadsafe(pruned.set),
        settings={"prune_every": 0.0, "retention": Retention(orders=14 * DAY, events=90 * DAY, batch=2)},
    )
    many = [maker.intent(generation, at=old.at) for generation in range(20, 30)]
    await run.commit(old, new, maker.intent(8), *many)
    run.journal.append((maker.saved(7, OrderStatus.FILLED), maker.saved(3, OrderStatus.FILLED, at=100 * DAY)))
    run.journal.append(tuple(maker.saved(intent.generation, OrderStatus.CANCELED, at=1) for intent in many))
    run.journal.append((EventSaved("main", "", "old", "s", {}, old.at), EventSaved("main", "", "new", "s", {}, now)))
    await run.journal.flush()
    while run.journal.counters().pruned < 12:
        pruned.clear()
        await pruned.wait()
    restored = await run.load(maker)
    assert [order.intent.generation for order in restored.orders] == [8]
    assert restored.generation_floor == 29
    with database.read() as connection:
        left = connection.scalars(sa.select(orders.c.generation).order_by(orders.c.generation)).all()
        assert list(left) == [3, 8]
        assert list(connection.scalars(sa.select(events.c.kind))) == ["new"]


async def test_funding_is_booked_once(database, start):
    run = await start(database)
    payment = FundingPayment("BTCUSDT", "f-1", Decimal("-0.00012345678901234567890"), 5)
    run.journal.append((FundingSaved("main", payment),))
    run.journal.append((FundingSaved("main", payment), FundingSaved("other", payment)))
    await run.journal.flush()
    with database.read() as connection:
        assert books.funding_sums(connection, "main") == {("main", "BTCUSDT"): payment.amount}
        assert books.newest_funding(connection, "main") == (payment,)


async def test_the_newest_payments_are_known_after_a_restart_the_oldest_first(database, start, maker, other_maker):
    """A start is told the payments of the last days again; the totals have them already."""
    run = await start(database)
    payments = [FundingPayment("BTCUSDT", str(number), Decimal(1), number) for number in range(KNOWN_PAYMENTS + 9)]
    run.journal.append([FundingSaved("main", payment) for payment in reversed(payments)])
    run.journal.append((FundingSaved("other", FundingPayment("BTCUSDT", "theirs", Decimal(1), 10**6)),))
    await run.journal.flush()
    restored = await run.load(maker)
    assert restored.known_funding == tuple(payment.payment_id for payment in payments[9:])
    assert (await run.load(other_maker)).known_funding == ()


async def test_a_registry_row_is_saved_by_the_same_thread(database, start, maker):
    run = await start(database)
    stored = await run.save(SymbolSpec("main", "BTCUSDT", ASSIGN))
    assert stored == SymbolSpec("main", "BTCUSDT", 0)
    assert (await run.load(maker)).since > 0
    refused = await run.save(SymbolSpec("main", "BTCUSDT", 5))
    assert isinstance(refused, StorageError)
    assert "number 0 for ever" in refused.sentence
    assert await run.commit(maker.intent(1)) is None


async def test_sides_and_signs_survive(database, start, maker):
    run = await start(database)
    run.journal.append(
        (maker.fill(1, Side.SELL, 3, fee=Decimal("-0.0001"), realized=-(2**70), level=-5, inferred=True),)
    )
    await run.journal.flush()
    with database.read() as connection:
        (stored,) = books.newest_fills(connection, "main", "BTCUSDT")
    assert stored == maker.fill(1, Side.SELL, 3, fee=Decimal("-0.0001"), realized=-(2**70), level=-5, inferred=True)
