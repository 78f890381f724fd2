"""Commit latency and orders a second of both engines on both databases: one JSON line each, the journal's rows with it.

An order is timed from decision to outcome, at a venue that answers at once: intent, send, and what the engine
adds. SQLite in a folder of its own; PostgreSQL with --postgres or OPENSQT_TEST_POSTGRES_URL (tables are made there).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import uvloop

from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import (
    Accepted,
    Fill,
    OrderReport,
    OrderRequest,
    OrderStatus,
    PlaceOutcome,
    Side,
)
from opensqt_actors.domain.records import Entry, FillSaved, Intent, OrderSaved, SlotSaved, TotalsSaved
from opensqt_actors.durable.engine import DurableEngine
from opensqt_actors.storage import Database, Journal, Registry
from opensqt_actors.venues.engine import Engine, Send, SimpleEngine
from opensqt_actors.venues.fake import FakeVenue

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


class Venue(FakeVenue):
    """Accepts everything at once."""

    async def place(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        """See Venue."""
        return [
            Accepted(OrderReport(o.client_id, o.symbol, "1", o.side, OrderStatus.NEW, o.price or 0, o.quantity, 0, 1))
            for o in orders
        ]


async def order(journal: Journal, send: Send, intents: tuple[Intent, ...]) -> float:
    """Seconds until these orders were committed, sent and answered."""
    began = time.perf_counter()
    await commit(journal, intents)
    outcomes = await send(
        [OrderRequest(i.client_id, i.symbol, i.side, i.price, i.quantity, i.post_only, i.reduce_only) for i in intents]
    )
    if not all(isinstance(outcome, Accepted) for outcome in outcomes):
        raise SystemExit(f"an order was not sent: {outcomes}")
    return time.perf_counter() - began


async def orders(journal: Journal, send: Send, market: Market, args: argparse.Namespace) -> dict[str, object]:
    """One order after another, then as many batches at once as an account may have in flight."""
    one = [await order(journal, send, (market.intent(),)) for _ in range(args.orders)]
    used = time.process_time()
    began = time.perf_counter()

    async def lane() -> None:
        for _ in range(args.orders // args.at_once):
            await order(journal, send, tuple(market.intent() for _ in range(args.batch)))

    async with asyncio.TaskGroup() as group:
        for _ in range(args.at_once):
            group.create_task(lane())
    took = time.perf_counter() - began
    batches = args.orders // args.at_once * args.at_once
    return {
        "order_1": summary(one),
        "batches_per_s": round(batches / took),
        "orders_per_s": round(batches * args.batch / took),
        "cpu_ms_per_batch": round((time.process_time() - used) / batches * 1e3, 2),
    }


async def rows(journal: Journal, markets: list[Market], args: argparse.Namespace) -> dict[str, object]:
    """What the journal writes when nobody waits for it."""
    intents = [market.intent() for _ in range(args.rows // 5 // len(markets)) for market in markets]
    filled = [market.filled(intent) for intent, market in zip(intents, markets * len(intents), strict=False)]
    before = journal.counters().rows
    began = time.perf_counter()
    for intent, entries in zip(intents, filled, strict=True):
        journal.append((intent, *entries))
    appended = time.perf_counter() - began
    await journal.flush()
    took = time.perf_counter() - began
    return {
        "rows_per_s": round((journal.counters().rows - before) / took),
        "append_us": round(appended / len(intents) * 1e6, 2),
    }


async def measure(engine: Engine, database: Database, args: argparse.Namespace) -> dict[str, object]:
    """All figures of one engine on one database."""
    database.migrate()
    Registry(database).instance_id()
    markets = [Market(number, time.time_ns() // 1_000_000 % 46_656) for number in range(args.symbols)]
    alerts: list[tuple[str, str]] = []
    journal = Journal(database, on_alert=lambda code, sentence: alerts.append((code, sentence)))
    send = engine.sender(ACCOUNT, Venue([]))
    await engine.start(journal.append)
    one = [await commit(journal, (markets[0].intent(),)) for _ in range(args.commits)]
    five = [await commit(journal, tuple(markets[1].intent() for _ in range(5))) for _ in range(args.commits)]

    busy_until = time.perf_counter() + args.busy
    asyncio.get_running_loop().call_soon(spin, asyncio.get_running_loop(), busy_until)
    busy: list[float] = []
    while time.perf_counter() < busy_until:
        busy.append(await commit(journal, (markets[2].intent(),)))

    result: dict[str, object] = {
        "commit_1": summary(one),
        "commit_5": summary(five),
        "commit_1_busy_loop": summary(busy),
        **await orders(journal, send, markets[3], args),
        **await rows(journal, markets, args),
    }
    await engine.close()
    return {**result, "failures": journal.counters().failures, "unwritten": await journal.close(), "alerts": alerts}


def main() -> None:
    """Parse the command line and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=500)
    parser.add_argument("--orders", type=int, default=480, help="batches of each of the two kinds")
    parser.add_argument("--batch", type=int, default=5, help="orders in a batch, as the venue allows")
    parser.add_argument("--at-once", type=int, default=16, help="batches in flight")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--symbols", type=int, default=36)
    parser.add_argument("--busy", type=float, default=2.0, help="seconds of commits beside a busy loop")
    parser.add_argument("--synchronous", choices=["FULL", "NORMAL"], default="FULL", help="of the journal on SQLite")
    parser.add_argument("--folder", type=Path, default=None, help="where SQLite's files go; default: a temporary one")
    parser.add_argument("--postgres", default=os.environ.get("OPENSQT_TEST_POSTGRES_URL"), help="URL of a database")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        urls = {"sqlite": f"sqlite:///{folder}/bench.db", "postgresql": args.postgres}
        for kind, url in urls.items():
            for name in ("simple", "durable") if url else ():
                engine: Engine = SimpleEngine() if name == "simple" else DurableEngine(url, "bench")
                database = Database(url, synchronous=args.synchronous)
                result = uvloop.run(measure(engine, database, args))
                database.close()
                print(json.dumps({"bench": "journal", "database": kind, "engine": name, **result}), flush=True)


if __name__ == "__main__":
    main()
