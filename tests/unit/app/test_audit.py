from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from opensqt_actors.app.audit import Audit, audit
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import Fill, Side
from opensqt_actors.domain.records import Entry, FillSaved, SlotSaved, TotalsSaved
from opensqt_actors.storage import Database, Journal

KEY = "sim-demo-key"
TICK, STEP = Decimal("0.1"), Decimal("0.001")
QUANTUM = TICK * STEP


class PaperVenue:
    """A venue's books, kept by hand: every amount in them is what the test says."""

    def __init__(self) -> None:
        self.trades: list[dict[str, Any]] = []
        self.repeated = 0
        self.summary: dict[str, Any] = {
            "wallet_balance": "1000000.00000000",
            "initial_balance": "1000000.00000000",
            "transfers": "0.00000000",
            "realized_pnl": "0.00000000",
            "fees": "0.00000000",
            "funding": "0.00000000",
            "insurance": "0.00000000",
            "positions": {},
            "open_orders": 3,
            "fills": 0,
            "fills_dropped": 0,
        }

    def markets(self) -> list[dict[str, Any]]:
        return [{"symbol": "BTCUSDT", "tick": str(TICK), "step": str(STEP)}]

    def account(self, key: str) -> dict[str, Any]:
        assert key == KEY
        return self.summary

    def fills(self, key: str, symbol: str) -> list[dict[str, Any]]:
        return [trade for trade in self.trades if trade["symbol"] == symbol]

    def duplicates(self) -> int:
        return self.repeated


def fill(
    trade: int, side: Side, price: int, quantity: int, realized: int = 0, level: int = 0, **more: Any
) -> FillSaved:
    fee = Decimal("0.01")
    made = Fill("BTCUSDT", trade, ClientId(f"id{trade}"), f"v{trade}", side, price, quantity, fee, "USDT", True, trade)
    return FillSaved("main", made, level, realized, fee, **more)


# bought 10 steps at 1000 and 5 at 990 ticks, sold the first ten at 1010: 100 quanta realised, 5 steps held
BOOKS: tuple[Entry, ...] = (
    fill(1, Side.BUY, 1000, 10),
    fill(2, Side.BUY, 990, 5, level=-1),
    fill(3, Side.SELL, 1010, 10, realized=100),
    SlotSaved("main", "BTCUSDT", 0, 0, 0, None, 2),
    SlotSaved("main", "BTCUSDT", -1, 5, 5 * 990, 0, 1),
    TotalsSaved("main", "BTCUSDT", 100, Decimal("0.03"), Decimal(0), 1, 3),
)


def venue() -> PaperVenue:
    """The same trades in the venue's books, which averages the entry price: (10*1000 + 5*990) / 15."""
    made = PaperVenue()
    entry = Decimal(10 * 1000 + 5 * 990) / 15
    realized = (10 * 1010 - 10 * entry) * QUANTUM
    mark = Decimal(1005)
    made.trades = [
        {"symbol": "BTCUSDT", "side": side, "price": price, "qty": quantity, "commission": "0.01"}
        for side, price, quantity in (("BUY", "100.0", "0.010"), ("BUY", "99.0", "0.005"), ("SELL", "101.0", "0.010"))
    ]
    made.summary |= {
        "realized_pnl": f"{realized:.8f}",
        "fees": "0.03",
        "wallet_balance": f"{1_000_000 + realized - Decimal('0.03'):.8f}",
        "fills": 3,
        "positions": {
            "BTCUSDT": {
                "amount": "0.005",
                "mark_price": str(mark * TICK),
                "unrealized_pnl": f"{5 * (mark - entry) * QUANTUM:.8f}",
            }
        },
    }
    return made


Audited = Callable[..., Any]


@pytest.fixture
async def audited(tmp_path: Path) -> AsyncIterator[Audited]:
    database = Database(f"sqlite:///{tmp_path}/x.db")
    database.migrate()

    async def run(books: tuple[Entry, ...], theirs: PaperVenue) -> Audit:
        journal = Journal(database, on_alert=lambda code, sentence: pytest.fail(sentence))
        journal.append(books)
        assert await journal.close() == 0
        return audit(database, {"main": KEY}, theirs)

    yield run
    database.close()


async def test_books_that_agree_are_ok(audited: Audited) -> None:
    found = await audited(BOOKS, venue())
    assert found == Audit((), symbols=1, fills=3, open_orders=3)
    assert found.verdict == "ok"


async def test_two_empty_books_agree(audited: Audited) -> None:
    assert (await audited((), PaperVenue())).verdict == "ok"


def without(number: int) -> tuple[Entry, ...]:
    return BOOKS[:number] + BOOKS[number + 1 :]


async def test_a_lost_fill_is_seen_in_position_count_fees_and_money(audited: Audited) -> None:
    text = "\n".join((await audited(without(1), venue())).differences)
    assert "BTCUSDT: the slots hold 5 steps, the fills in our ledger come to 0" in text
    assert "BTCUSDT: the venue holds 5 steps, the fills in our ledger come to 0" in text
    assert "BTCUSDT: the venue knows 3 fills, our ledger 2" in text
    assert "BTCUSDT: the totals say 0.03 fees, the fills 0.02" in text
    assert "main: the venue took 0.03 in fees, our ledger has 0.02" in text
    assert "main: the venue's equity changed by" in text


async def test_a_fill_booked_twice_is_seen(audited: Audited) -> None:
    found = await audited((*BOOKS, fill(4, Side.BUY, 990, 5, level=-1)), venue())
    assert any("the slots hold 5 steps, the fills in our ledger come to 10" in line for line in found.differences)


async def test_a_slot_that_forgot_its_holding_is_seen(audited: Audited) -> None:
    found = await audited(without(4), venue())
    assert found.differences == (
        "BTCUSDT: the slots hold 0 steps, the fills in our ledger come to 5",
        "BTCUSDT: fills cost 4850 quanta, of which 0 are held and -100 are realised: they do not add up",
    )


async def test_profit_that_no_fill_made_is_seen(audited: Audited) -> None:
    books = (*without(5), TotalsSaved("main", "BTCUSDT", 777, Decimal("0.03"), Decimal(0), 1, 3))
    assert (await audited(books, venue())).differences == (
        "BTCUSDT: the totals say 777 quanta realised, the fills 100",
    )


async def test_a_position_that_we_do_not_know_is_seen(audited: Audited) -> None:
    theirs = PaperVenue()
    theirs.summary["positions"] = {"ETHUSDT": {"amount": "1", "mark_price": "1", "unrealized_pnl": "0"}}
    assert (await audited((), theirs)).differences == (
        "ETHUSDT: our books have it or a position is held in it, but the venue does not list it",
    )


async def test_money_that_came_from_nowhere_is_seen(audited: Audited) -> None:
    theirs = venue()
    theirs.summary["wallet_balance"] = str(Decimal(theirs.summary["wallet_balance"]) + 1)
    found = await audited(BOOKS, theirs)
    assert [line.split(" ")[1:4] for line in found.differences] == [
        ["the", "venue's", "wallet"],
        ["the", "venue's", "equity"],
    ]


async def test_a_fill_at_another_price_than_the_venues_is_seen_in_its_market(audited: Audited) -> None:
    theirs = venue()
    theirs.trades[2]["price"] = "101.1"
    (found,) = (await audited(BOOKS, theirs)).differences
    assert found == "BTCUSDT: the venue's fills brought in -0.4840, those of our ledger -0.4850"


async def test_funding_in_the_totals_that_no_payment_brought_is_seen(audited: Audited) -> None:
    wrong = TotalsSaved("main", "BTCUSDT", 100, Decimal("0.03"), Decimal("0.5"), 1, 3)
    (found,) = (await audited((*BOOKS, wrong), venue())).differences
    assert found == "BTCUSDT: the totals say 0.5 of funding, the payments 0"


async def test_a_deposit_is_no_profit(audited: Audited) -> None:
    theirs = venue()
    theirs.summary["wallet_balance"] = str(Decimal(theirs.summary["wallet_balance"]) + 500)
    theirs.summary["transfers"] = "500"
    assert (await audited(BOOKS, theirs)).verdict == "ok"


async def test_funding_that_we_missed_is_seen(audited: Audited) -> None:
    theirs = venue()
    theirs.summary["wallet_balance"] = str(Decimal(theirs.summary["wallet_balance"]) - 2)
    theirs.summary["funding"] = "-2"
    found = await audited(BOOKS, theirs)
    assert "main: the venue booked -2 of funding, our ledger has 0" in found.differences


async def test_an_order_accepted_twice_is_seen(audited: Audited) -> None:
    theirs = venue()
    theirs.repeated = 2
    assert (await audited(BOOKS, theirs)).differences == (
        "the venue accepted 2 orders under a client id that it had seen before",
    )


async def test_inferred_fills_are_named(audited: Audited) -> None:
    found = await audited((*without(1), fill(2, Side.BUY, 990, 5, level=-1, inferred=True)), venue())
    assert found.differences == (
        (
            "BTCUSDT: 1 of our fills, +5 steps together, were inferred by reconciliation and not told by the venue: "
            "their prices and fees are not its own"
        ),
        "BTCUSDT: the venue knows 3 fills, our ledger 2 that it told",
    )


async def test_fills_that_the_venue_forgot_are_not_counted_against_us(audited: Audited) -> None:
    theirs = venue()
    theirs.trades = theirs.trades[1:]
    theirs.summary["fills_dropped"] = 1
    assert (await audited(BOOKS, theirs)).verdict == "ok"
