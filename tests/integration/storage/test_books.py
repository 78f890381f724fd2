"""Audit questions: exact sums, whatever their size."""

from __future__ import annotations

from decimal import Decimal

from opensqt_actors.domain.orders import FundingPayment, OrderStatus, Side
from opensqt_actors.domain.records import EventSaved, FundingSaved, LatticeSaved, SlotSaved, TotalsSaved
from opensqt_actors.storage import books


async def test_a_ledger_is_the_exact_sum_of_its_fills(database, start, maker, other_maker):
    run = await start(database)
    huge = 2**62
    run.journal.append(
        (
            maker.fill(1, Side.BUY, huge, price=huge, fee=Decimal("0.1"), realized=-huge),
            maker.fill(2, Side.BUY, huge, price=huge, fee=Decimal("0.2"), realized=-huge, fee_asset="BNB"),
            maker.fill(3, Side.SELL, 1, price=3, fee=Decimal("-0.0000000000000000000000000001"), inferred=True),
            other_maker.fill(1, Side.SELL, 5),
        )
    )
    await run.journal.flush()
    with database.read() as connection:
        ledgers = books.ledgers(connection, "main")
        assert books.ledgers(connection, "nobody") == {}
    assert ledgers["main", "BTCUSDT"] == books.Ledger(
        fills=3,
        net=2 * huge - 1,
        bought=2 * huge,
        sold=1,
        cash=-2 * huge * huge + 3,
        realized=-2 * huge,
        inferred=1,
        inferred_net=-1,
        last_trade_id=3,
        fees=Decimal("0.2999999999999999999999999999"),
        venue_fees={"USDT": Decimal("0.0999999999999999999999999999"), "BNB": Decimal("0.2")},
    )
    assert ledgers["main", "ETHUSDT"].net == -5


async def test_slots_totals_lattices_and_funding_by_market(database, start):
    run = await start(database)
    totals = TotalsSaved("main", "BTCUSDT", 2**100, Decimal("1.5"), Decimal("0.5"), 2, 9)
    lattice = LatticeSaved("main", "BTCUSDT", 1, 2, Decimal("1.01"))
    run.journal.append(
        (
            SlotSaved("main", "BTCUSDT", 0, 5, 2**80, 1, 1),
            SlotSaved("main", "BTCUSDT", 1, 0, 0, None, 2),
            SlotSaved("main", "BTCUSDT", 2, -2, 2**80, 1, 1),
            SlotSaved("other", "BTCUSDT", 2, 1, 1, 1, 1),
            totals,
            lattice,
            FundingSaved("main", FundingPayment("BTCUSDT", "a", Decimal("0.1"), 1)),
            FundingSaved("main", FundingPayment("BTCUSDT", "b", Decimal("0.2"), 2)),
        )
    )
    await run.journal.flush()
    with database.read() as connection:
        assert books.slot_sums(connection, "main") == {("main", "BTCUSDT"): books.SlotSum(3, 2, 3, 2**81)}
        assert len(books.slot_sums(connection)) == 2
        assert books.all_totals(connection) == {("main", "BTCUSDT"): totals}
        assert books.all_lattices(connection) == {("main", "BTCUSDT"): lattice}
        assert books.funding_sums(connection) == {("main", "BTCUSDT"): Decimal("0.3")}
        assert [payment.payment_id for payment in books.newest_funding(connection, "main", 1)] == ["b"]


async def test_orders_by_status_and_newest_first(database, start, maker, other_maker):
    run = await start(database)
    await run.commit(*(maker.intent(generation) for generation in range(1, 4)), other_maker.intent(9))
    run.journal.append((maker.saved(2, OrderStatus.REJECTED, reason="venue_rule"),))
    await run.journal.flush()
    with database.read() as connection:
        assert books.orders_by_status(connection, "main") == {
            ("main", "BTCUSDT"): {OrderStatus.PENDING: 2, OrderStatus.REJECTED: 1},
            ("main", "ETHUSDT"): {OrderStatus.PENDING: 1},
        }
        newest = books.newest_orders(connection, "main", "BTCUSDT", 2)
    assert [stored.order.intent for stored in newest] == [maker.intent(3), maker.intent(2)]
    assert newest[1].reason == "venue_rule"


async def test_events_newest_first_filtered_and_paged(database, start):
    run = await start(database)
    for number in range(5):
        kind = "even" if number % 2 == 0 else "odd"
        run.journal.append(
            (EventSaved("main", "BTCUSDT", kind, f"é {number}", {"n": number, "d": Decimal("1.10")}, 1),)
        )
    run.journal.append((EventSaved("main", "", "run.ended", "bye", {}, 1),))
    await run.journal.flush()
    with database.read() as connection:
        found = books.newest_events(connection, symbol="BTCUSDT", limit=2)
        assert [event.data for event in found] == [{"n": 4, "d": "1.10"}, {"n": 3, "d": "1.10"}]
        assert found[0].sentence == "é 4"
        assert [event.data["n"] for event in books.newest_events(connection, kind="even", before=found[0].id)] == [2, 0]
        assert [event.kind for event in books.newest_events(connection, account="main", symbol="")] == ["run.ended"]
        assert books.newest_events(connection, account="other") == ()
