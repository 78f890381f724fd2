"""The journal of the simulation restores what the real one restores. Whatever is written, in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

import pytest
from fleet.journal import Tables
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, FundingPayment, OrderStatus, Side
from opensqt_actors.domain.records import (
    Entry,
    FillSaved,
    FundingSaved,
    Intent,
    LatticeSaved,
    MemorySaved,
    OrderSaved,
    SlotDropped,
    SlotSaved,
    TotalsSaved,
)
from opensqt_actors.storage import Database
from opensqt_actors.storage.batch import Batch
from opensqt_actors.storage.restore import load_symbol

MARKETS = [("main", "BTCUSDT"), ("main", "ETHUSDT"), ("other", "BTCUSDT")]
CODERS = {market: IdCoder("t0", number) for number, market in enumerate(MARKETS)}

markets = st.sampled_from(MARKETS)
few = st.integers(0, 4)
some = st.integers(-9, 9)
money = st.decimals(-2, 2, places=2)


@st.composite
def fills(draw: st.DrawFn) -> FillSaved:
    (account, symbol), trade_id, at = draw(markets), draw(few), draw(few)
    inferred = draw(st.booleans())
    fill = Fill(
        symbol, -1 - trade_id if inferred else trade_id, CODERS[account, symbol].encode(0, OrderKind.OPEN_BUY, 1), "v",
        Side.BUY, 1_000, 1, Decimal("0.1"), "USDT", True, at,
    )  # fmt: skip
    return FillSaved(account, fill, 0, 0, Decimal("0.1"), inferred=inferred)


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    (account, symbol), generation = draw(markets), draw(few)
    client_id = CODERS[account, symbol].encode(0, OrderKind.OPEN_BUY, generation)
    return Intent(
        account, symbol, client_id, 0, OrderKind.OPEN_BUY, generation, Side.BUY, 1_000, 10, False, True, generation
    )


@st.composite
def updates(draw: st.DrawFn) -> OrderSaved:
    (account, symbol), generation = draw(markets), draw(few)
    client_id = CODERS[account, symbol].encode(0, OrderKind.OPEN_BUY, generation)
    status, filled, at = draw(st.sampled_from(OrderStatus)), draw(few), draw(few)
    return OrderSaved(account, symbol, client_id, status, filled, draw(st.sampled_from(["", "v"])), "", at)


entries: st.SearchStrategy[Entry] = st.one_of(
    fills(),
    intents(),
    updates(),
    st.builds(
        lambda market, payment_id, amount: FundingSaved(
            # ids are unique within an account, and a payment is always told with the same moment
            market[0], FundingPayment(market[1], f"{market[1]}-{payment_id}", amount, payment_id)
        ),
        markets, few, money,
    ),
    st.builds(
        lambda market, level, position, generation: SlotSaved(*market, level, position, 7, level + 1, generation),
        markets, few, some, few,
    ),
    st.builds(lambda market, level: SlotDropped(*market, level), markets, few),
    st.builds(
        lambda market, realized, fees, trades: TotalsSaved(*market, realized, fees, fees, trades, trades),
        markets, some, money, few,
    ),
    st.builds(lambda market, anchor: LatticeSaved(*market, anchor, 1, None), markets, some),
    st.builds(lambda market, number: MemorySaved(*market, "grid", (number, 2)), markets, some),
)  # fmt: skip


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """One for all examples; each runs in a transaction that is rolled back."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('journal') / 'a.db'}")
    database.migrate()
    with database.connect() as connection:
        yield connection
    database.close()


@given(written=st.lists(entries, max_size=25), cuts=st.lists(st.integers(0, 25), max_size=3))
def test_both_journals_restore_the_same(connection: Connection, written: list[Entry], cuts: list[int]) -> None:
    tables = Tables()
    edges = [0, *sorted(min(cut, len(written)) for cut in cuts), len(written)]
    with connection.begin() as transaction:
        for first, last in pairwise(edges):
            batch = Batch()
            for number, entry in enumerate(written[first:last], first):
                batch.add(entry, f"k{number}")
            batch.write(connection)
            tables.write(written[first:last])
        for market in MARKETS:
            real, simulated = load_symbol(connection, *market), tables.load(*market)
            assert real == simulated
        transaction.rollback()
