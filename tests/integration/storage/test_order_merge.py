"""Replayed, reordered and regrouped entries lead to the same rows (F33 for what is written down)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from opensqt_actors.domain.orders import OrderStatus, Side
from opensqt_actors.domain.records import Entry, Intent, OrderSaved, SlotDropped, SlotSaved
from opensqt_actors.storage import Database, books
from opensqt_actors.storage.batch import Batch
from opensqt_actors.storage.restore import load_symbol
from opensqt_actors.storage.tables import metadata, orders

RANK = ["pending", "new", "partially_filled", "rejected", "expired", "canceled", "filled"]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def connection(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """One connection for all examples; every example runs in a transaction that is rolled back."""
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("merge") / "a.db"
        database = Database(f"sqlite:///{path}")
        database.migrate()
    else:
        database = Database(request.getfixturevalue("migrated_postgres_url"), idle_timeout=60)
    with database.connect() as connection:
        yield connection
    database.close()


def write(connection: Connection, entries: list[Entry], cuts: list[int]) -> None:
    """As several transactions would: a batch for the entries between two cuts."""
    edges = [0, *sorted(cut % (len(entries) + 1) for cut in cuts), len(entries)]
    for start, end in pairwise(edges):
        batch = Batch()
        for index, entry in enumerate(entries[start:end], start):
            batch.add(entry, f"k{index}")
        batch.write(connection)


updates = st.lists(
    st.tuples(
        st.sampled_from(list(OrderStatus)),
        st.integers(0, 10),
        st.sampled_from(["", "v1"]),
        st.sampled_from(["", "a", "b"]),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=8,
)
cuts = st.lists(st.integers(0, 50), max_size=4)


@given(updates=updates, order=st.randoms(use_true_random=False), cuts=cuts, repeats=st.integers(0, 3))
def test_order_updates_in_any_order_lead_to_the_same_row(connection, maker, updates, order, cuts, repeats):
    intent = maker.intent(1, at=0)
    entries = [
        OrderSaved("main", "BTCUSDT", intent.client_id, status, filled, venue, reason, at)
        for status, filled, venue, reason, at in updates
    ]
    shuffled = [*entries, *entries[:repeats]]
    order.shuffle(shuffled)
    status, reason, at = max(
        ((u.status, u.reason, u.at) for u in entries), key=lambda u: (RANK.index(u[0].value), u[2], u[1])
    )
    if status is OrderStatus.PENDING:
        at, reason = max((u.at, u.reason) for u in entries)
    with connection.begin() as transaction:
        write(connection, [intent, *shuffled], [*cuts, 1])
        row = connection.execute(sa.select(orders)).mappings().one()
        transaction.rollback()
    assert (row["status"], row["reason"], row["updated_at"]) == (status.value, reason, at)
    assert row["filled"] == max(u.filled for u in entries)
    assert row["venue_id"] == max(u.venue_id for u in entries)


@given(updates=updates)
def test_filled_never_falls_and_a_terminal_status_is_never_left(connection, maker, updates):
    intent = maker.intent(1, at=0)
    with connection.begin() as transaction:
        write(connection, [intent], [])
        before = connection.execute(sa.select(orders)).mappings().one()
        for status, filled, venue, reason, at in updates:
            saved = OrderSaved("main", "BTCUSDT", intent.client_id, status, filled, venue, reason, at)
            write(connection, [saved], [])
            after = connection.execute(sa.select(orders)).mappings().one()
            assert after["filled"] >= before["filled"]
            assert OrderStatus(after["status"]).terminal or not OrderStatus(before["status"]).terminal
            assert (after["stage"] >= 3) == OrderStatus(after["status"]).terminal
            before = after
        transaction.rollback()


@given(
    trades=st.lists(st.tuples(st.integers(1, 6), st.sampled_from(list(Side))), max_size=20),
    cuts=cuts,
)
def test_a_fill_counts_once_however_often_it_comes(connection, maker, trades, cuts):
    sides = {}
    for trade, side in trades:
        sides.setdefault(trade, side)
    fills = [maker.fill(trade, sides[trade], quantity=trade) for trade, _ in trades]
    with connection.begin() as transaction:
        write(connection, fills, cuts)
        ledger = books.ledgers(connection).get(("main", "BTCUSDT"), books.Ledger())
        transaction.rollback()
    assert ledger.fills == len(sides)
    assert ledger.net == sum(trade if side is Side.BUY else -trade for trade, side in sides.items())
    assert ledger.cash == -1_000 * ledger.net


@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(1, 9))), max_size=25),
    cuts=cuts,
)
def test_slots_end_as_their_last_entry_says_and_no_generation_is_forgotten(connection, steps, cuts):
    entries: list[Entry] = []
    held: dict[int, SlotSaved] = {}
    for number, (level, generation) in enumerate(steps):
        if generation is None:
            entries.append(SlotDropped("main", "BTCUSDT", level))
            held.pop(level, None)
        else:
            held[level] = SlotSaved("main", "BTCUSDT", level, number, -number, level + 1, generation)
            entries.append(held[level])
    gone = {
        entry.generation
        for position, entry in enumerate(entries)
        if isinstance(entry, SlotSaved)
        and isinstance(next((e for e in entries[position + 1 :] if e.level == entry.level), None), SlotDropped)
    }
    with connection.begin() as transaction:
        write(connection, entries, cuts)
        restored = load_symbol(connection, "main", "BTCUSDT")
        transaction.rollback()
    assert restored.slots == tuple(held[level] for level in sorted(held))
    assert restored.generation_floor >= max({slot.generation for slot in held.values()} | gone, default=0)


def test_no_table_keeps_anything_of_these_examples(connection):
    with connection.begin():
        for table in metadata.sorted_tables:
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_an_intent_is_never_overwritten(connection, maker):
    first, second = maker.intent(1), maker.intent(1, price=7)
    assert isinstance(first, Intent)
    with connection.begin() as transaction:
        write(connection, [first, second], [1])
        row = connection.execute(sa.select(orders)).mappings().one()
        transaction.rollback()
    assert row["price"] == first.price
