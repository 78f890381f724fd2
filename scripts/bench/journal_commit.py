"""How long an intent takes to be durable, and how many rows a second the journal writes. Prints one JSON line.

SQLite in a folder of its own; PostgreSQL as well when OPENSQT_TEST_POSTGRES_URL is set (its tables are made and used).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderStatus, Side
from opensqt_actors.domain.records import Entry, FillSaved, Intent, OrderSaved, SlotSaved, TotalsSaved
from opensqt_actors.storage import Database, Journal, Registry

ACCOUNT = "bench"


class Market:
    """Makes the entries of one symbol's trading, each intent under a new id."""

    def __init__(self, number: int, epoch: int) -> None:
        self.symbol = f"S{number}USDT"
        self.coder = IdCoder("zz", number, epoch)
        self.generation = 0

    def intent(self) -> Intent:
        """The next order."""
        self.generation += 1
        level = self.generation % 40
        return Intent(
            account=ACCOUNT,
            symbol=self.symbol,
            client_id=self.coder.encode(level, OrderKind.OPEN_BUY, self.generation),
            level=level,
            kind=OrderKind.OPEN_BUY,
            generation=self.generation,
            side=Side.BUY,
            price=430_000 + level,
            quantity=25,
            reduce_only=False,
            post_only=True,
            at=time.time_ns(),
        )

    def filled(self, intent: Intent) -> tuple[Entry, ...]:
        """What a filled order leaves: its state, the fill, the slot, the totals."""
        now, trade = time.time_ns(), self.generation
        fill = Fill(
            symbol=self.symbol,
            trade_id=trade,
            client_id=intent.client_id,
            venue_id=str(trade),
            side=intent.side,
            price=intent.price,
            quantity=intent.quantity,
            fee=Decimal("0.0123"),
            fee_asset="USDT",
            maker=True,
            at=now,
        )
        return (
            OrderSaved(
                ACCOUNT, self.symbol, intent.client_id, OrderStatus.FILLED, intent.quantity, str(trade), "", now
            ),
            FillSaved(ACCOUNT, fill, intent.level, 0, fill.fee),
            SlotSaved(ACCOUNT, self.symbol, intent.level, 25, 25 * intent.price, intent.level + 1, intent.generation),
            TotalsSaved(ACCOUNT, self.symbol, 12345, Decimal("1.23"), Decimal(0), trade, trade),
        )


async def commit(journal: Journal, intents: tuple[Intent, ...]) -> float:
    """Seconds until these intents were durable."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()
    began = time.perf_counter()
    journal.commit(intents, answer.set_result)
    reason = await answer
    if reason is not None:
        raise SystemExit(f"a commit was refused: {reason}")
    return time.perf_counter() - began


def summary(samples: list[float]) -> dict[str, float]:
    """p50 and p99 in ms."""
    ordered = sorted(samples)
    return {
        "p50_ms": round(ordered[len(ordered) // 2] * 1e3, 3),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1e3, 3),
    }


def spin(loop: asyncio.AbstractEventLoop, until: float) -> None:
    """Keep the loop's thread busy in slices of 100 us, like a flood of ticks does."""
    end = time.perf_counter() + 1e-4
    while time.perf_counter() < end:
        pass
    if time.perf_counter() < until:
        loop.call_soon(spin, loop, until)


async def measure(database: Database, args: argparse.Namespace) -> dict[str, object]:
    """All figures of one database."""
    database.migrate()
    Registry(database).instance_id()
    markets = [Market(number, int(time.time()) % 46_656) for number in range(args.symbols)]
    alerts: list[tuple[str, str]] = []
    journal = Journal(database, on_alert=lambda code, sentence: alerts.append((code, sentence)))
    one = [await commit(journal, (markets[0].intent(),)) for _ in range(args.commits)]
    five = [await commit(journal, tuple(markets[1].intent() for _ in range(5))) for _ in range(args.commits)]

    busy_until = time.perf_counter() + args.busy
    asyncio.get_running_loop().call_soon(spin, asyncio.get_running_loop(), busy_until)
    busy: list[float] = []
    while time.perf_counter() < busy_until:
        busy.append(await commit(journal, (markets[2].intent(),)))

    intents = [market.intent() for _ in range(args.rows // 5 // len(markets)) for market in markets]
    filled = [market.filled(intent) for intent, market in zip(intents, markets * len(intents), strict=False)]
    rows = before = journal.counters().rows
    began = time.perf_counter()
    for intent, entries in zip(intents, filled, strict=True):
        journal.append((intent, *entries))
    appended = time.perf_counter() - began
    await journal.flush()
    took = time.perf_counter() - began
    counters = journal.counters()
    rows = counters.rows - before
    unwritten = await journal.close()
    return {
        "commit_1": summary(one),
        "commit_5": summary(five),
        "commit_1_busy_loop": summary(busy),
        "rows": rows,
        "rows_per_s": round(rows / took),
        "append_us": round(appended / len(intents) * 1e6, 2),
        "failures": counters.failures,
        "unwritten": unwritten,
        "alerts": alerts,
    }


def main() -> None:
    """Parse the command line and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--symbols", type=int, default=36)
    parser.add_argument("--busy", type=float, default=2.0, help="seconds of commits beside a busy loop")
    parser.add_argument("--synchronous", choices=["FULL", "NORMAL"], default="FULL", help="of SQLite")
    parser.add_argument("--folder", type=Path, default=None, help="where SQLite's file goes; default: a temporary one")
    args = parser.parse_args()
    result: dict[str, object] = {"bench": "journal_commit", "synchronous": args.synchronous}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        sqlite = Database(f"sqlite:///{folder}/bench.db", synchronous=args.synchronous)
        result["sqlite"] = asyncio.run(measure(sqlite, args))
        sqlite.close()
    url = os.environ.get("OPENSQT_TEST_POSTGRES_URL")
    if url:
        postgres = Database(url)
        result["postgresql"] = asyncio.run(measure(postgres, args))
        postgres.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
