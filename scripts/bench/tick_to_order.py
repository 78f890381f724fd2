"""From the frame hook's call to the order request's hand-over: latency, tick rate with and without bands, memory.

The parts measured are the real ones: the adapter's hook, the price board, the actors on the Thespian host. The venue is
an echo that accepts every order and fills what the price has crossed; the journal answers at once in the latency run,
its commits are measured apart on a real SQLite file. One JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import psutil
from msgspec.structs import replace

from opensqt_actors.actors import exchange, ports, risk, shard, symbol
from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.prices import PriceBoard, PriceMoved
from opensqt_actors.actors.shard_messages import AddSymbolActor, ShardRestarted, StartShard
from opensqt_actors.domain.breaker import BreakerSettings
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    Accepted,
    AccountState,
    Cancelled,
    Fees,
    Fill,
    OrderReport,
    OrderRequest,
    OrderStatus,
    Position,
    Side,
    Truth,
)
from opensqt_actors.domain.records import Intent, Restored, RiskSaved, TotalsSaved
from opensqt_actors.domain.settings import GridMode, GridSettings, SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.clock import SystemClock
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, Effect, Spawn
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.runtime.memory import calm_collector
from opensqt_actors.runtime.supervision import RestartPolicy
from opensqt_actors.runtime.thespian_host import ThespianHost
from opensqt_actors.storage import Database, Journal
from opensqt_actors.venues.ccxt.binance_frames import Frames
from opensqt_actors.venues.ccxt.expected import Expected

ACCOUNT = "bench"
SHARD = ActorId("shard-0")
EXCHANGE = ActorId(f"{SHARD}/exchange:{ACCOUNT}")
START = 100_000


class Root:
    """Stands where the SupervisorActor stands: spawns the shard and swallows its news."""

    def __init__(self, make: Callable[[], Behaviour]) -> None:
        self._make = make

    def step(self, message: Any, now: int) -> list[Effect]:
        """The first message spawns; a failure of anything is a failure of the bench."""
        if message == "start":
            return [Spawn(SHARD, self._make, 1)]
        if isinstance(message, ActorFailed | ShardRestarted | symbol.SymbolUnable):
            raise RuntimeError(str(message))
        return []


class Echo:
    """A venue that accepts everything and fills what the price has crossed.

    `handed`: when requests arrived, in ns of `read`, which is the clock on the wall unless it is replaced.
    """

    def __init__(self, host: ThespianHost, instruments: dict[str, Instrument], clock: SystemClock) -> None:
        self.host = host
        self.instruments = instruments
        self.clock = clock
        self.handed = 0
        self.read: Callable[[], int] = time.perf_counter_ns
        self.orders = 0
        self.cancels = 0
        self.fills = 0
        self.open: dict[str, dict[str, OrderRequest]] = {name: {} for name in instruments}
        self.later: list[tuple[ActorRef, Any]] = []
        for effect, port in (
            (ports.PrepareSymbol, self.prepare), (ports.FetchTruth, self.truth), (ports.SendPlaces, self.place),
            (ports.SendCancels, self.cancel), (ports.CommitIntents, self.commit), (ports.Persist, self.ignore),
            (ports.LoadSymbol, self.load), (ports.Subscribe, self.ignore), (ports.Unsubscribe, self.ignore),
            (ports.FetchAccount, self.ignore), (ports.FetchPositions, self.ignore), (ports.Announce, self.ignore),
            (ports.FindOrder, self.ignore), (ports.Reply, self.ignore),
        ):  # fmt: skip
            host.bind(effect, port)

    def ignore(self, sender: ActorRef, effect: Any) -> None:
        """Nothing follows."""

    def load(self, sender: ActorRef, effect: ports.LoadSymbol) -> None:
        """A symbol without a past."""
        totals = TotalsSaved(effect.account, effect.symbol, 0, Decimal(0), Decimal(0), 0, 0)
        restored = Restored(effect.account, effect.symbol, None, (), (), 0, totals, frozenset(), 0)
        self.host.tell(sender, ports.SymbolLoaded(restored))

    def prepare(self, sender: ActorRef, effect: ports.PrepareSymbol) -> None:
        """Rules at once."""
        account = AccountState(Decimal(10**6), Decimal(10**6), hedged=False, can_trade=True)
        fees = Fees(Decimal("0.0002"), Decimal("0.0005"))
        self.host.tell(sender, ports.SymbolPrepared(self.instruments[effect.symbol], fees, account, 5, (), 0))

    def truth(self, sender: ActorRef, effect: ports.FetchTruth) -> None:
        """Nothing rests, nothing is held."""
        position = Position(effect.symbol, 0, Decimal(0))
        self.host.tell(sender, ports.TruthFetched(Truth(effect.symbol, (), (), position, (), 0)))

    def commit(self, sender: ActorRef, effect: ports.CommitIntents) -> None:
        """Durable at once: the real commit is measured apart."""
        self.host.tell(sender, ports.IntentsCommitted(effect.batch))

    def place(self, sender: ActorRef, effect: ports.SendPlaces) -> None:
        """The hand-over that the latency ends with."""
        self.handed = self.handed or self.read()
        self.orders += len(effect.orders)
        for request in effect.orders:
            self.open[request.symbol][request.client_id] = request
        outcomes = tuple(Accepted(self.report(request, OrderStatus.NEW, 0)) for request in effect.orders)
        self.later.append((sender, ports.PlacesAnswered(outcomes)))

    def cancel(self, sender: ActorRef, effect: ports.SendCancels) -> None:
        """Gone at once; the event follows the answer."""
        self.handed = self.handed or self.read()
        self.cancels += len(effect.cancels)
        self.later.append((sender, ports.CancelsAnswered(tuple(Cancelled(c.client_id) for c in effect.cancels))))
        for request in effect.cancels:
            order = self.open[request.symbol].pop(request.client_id, None)
            if order is not None:
                self.later.append((sender, ports.OrderEvent(self.report(order, OrderStatus.CANCELED, 0), None)))

    def report(self, request: OrderRequest, status: OrderStatus, filled: int) -> OrderReport:
        """The order as the venue tells it."""
        return OrderReport(
            request.client_id, request.symbol, request.client_id, request.side, status, request.price or 0,
            request.quantity, filled, self.clock.now(),
        )  # fmt: skip

    def settle(self) -> None:
        """Deliver the answers: what a socket would bring a moment later."""
        while self.later:
            waiting, self.later = self.later, []
            for sender, message in waiting:
                self.host.tell(sender, message)

    def cross(self, name: str, bid: int, ask: int) -> None:
        """Fill what the price has gone through."""
        hit = [
            order for order in self.open[name].values()
            if order.price is not None and (order.price >= ask if order.side is Side.BUY else order.price <= bid)
        ]  # fmt: skip
        for order in hit:
            if self.open[name].pop(order.client_id, None) is None:
                continue
            self.fills += 1
            fill = Fill(
                name, self.fills, order.client_id, order.client_id, order.side, order.price or 0, order.quantity,
                Decimal(0), "USDT", True, self.clock.now(),
            )  # fmt: skip
            event = ports.OrderEvent(self.report(order, OrderStatus.FILLED, order.quantity), fill)
            self.host.tell(EXCHANGE, event)
        self.settle()


def _risk(me: ActorId, parent: ActorId, saved: Sequence[RiskSaved]) -> risk.RiskActor:
    rules = risk.RiskRules(breaker=BreakerSettings(stale_after=0))  # here a market stands still for long
    return risk.RiskActor(rules, me=me, parent=parent, saved=saved)


class Bench:
    """A shard of N symbols and the frames that move it."""

    def __init__(self, symbols: int, loop: asyncio.AbstractEventLoop, bands: bool) -> None:
        clock = SystemClock()
        self.names = [f"S{number:03}USDT" for number in range(symbols)]
        instruments = {
            name: Instrument(name, name[:4], "USDT", Decimal("0.01"), Decimal("0.001"), min_notional=Decimal(5))
            for name in self.names
        }
        self.host = ThespianHost(clock, loop.call_later, on_root_failure=_fail)
        self.echo = Echo(self.host, instruments, clock)
        self.board = PriceBoard(bands)
        settings = GridSettings(
            GridMode.LONG, Decimal(30), interval_percent=Decimal("0.4"), max_position=Decimal(10**6)
        )
        self.specs = [SymbolSpec(ACCOUNT, name, number, settings) for number, name in enumerate(self.names)]
        parts = shard.ShardParts(
            "bb", {ACCOUNT: self._exchange}, _risk, {"grid": Grid}, symbol.Execution(), RestartPolicy(0, 10**9, 0, 0)
        )
        root = ActorId("root")
        self.host.start(root, Root(lambda: shard.ShardActor(SHARD, root, parts)))
        self.host.tell(root, "start")
        self.host.tell(SHARD, StartShard())
        expected = Expected(5.0, time.monotonic)
        self.hook = Frames(instruments, self._on_quote, lambda event: None, lambda frame: None, expected).quote

    def _exchange(self, risk_actor: ActorId) -> exchange.ExchangeActor:
        published = ports.Published(place_batch=5, cancel_batch=10)
        actor = exchange.ExchangeActor(ACCOUNT, self.board, Limits(1e9, 10**9), risk=risk_actor, published=published)
        actor.orders_up = True
        return actor

    def _on_quote(self, symbol: str, bid: str | float, ask: str | float, at: int) -> None:
        if self.board.offer(symbol, bid, ask, at):
            self.host.tell(EXCHANGE, PriceMoved(symbol))

    def start(self) -> None:
        """Add the symbols and lay their ladders."""
        for spec in self.specs:
            self.host.tell(SHARD, AddSymbolActor(spec))
            self.hook(frame(spec.symbol, START))
            self.echo.settle()

    def move(self, prices: dict[str, int], choose: random.Random, step: int) -> tuple[str, int]:
        """The next symbol and its next price: a random walk around the start."""
        name = choose.choice(self.names)
        pull = (START - prices[name]) // 2_000
        prices[name] += choose.randint(-step, step) + pull
        return name, prices[name]

    def latencies(self, ticks: int, seed: int) -> list[int]:
        """ns from the hook's call to the hand-over, for every tick that led to an order or a cancel."""
        choose = random.Random(seed)
        prices = dict.fromkeys(self.names, START)
        samples: list[int] = []
        for _ in range(ticks):
            name, price = self.move(prices, choose, 60)
            message = frame(name, price)
            self.echo.handed = 0
            before = self.echo.read()
            self.hook(message)
            if self.echo.handed:
                samples.append(self.echo.handed - before)
            self.echo.settle()
            self.echo.cross(name, price - 1, price + 1)
        return samples

    def rate(self, ticks: int, seed: int, read: Callable[[], float] = time.perf_counter) -> float:
        """Ticks a second of `read` through the hook, small moves, everything that follows included."""
        choose = random.Random(seed)
        prices = dict.fromkeys(self.names, START)
        frames = [
            (name, price, frame(name, price)) for name, price in (self.move(prices, choose, 8) for _ in range(ticks))
        ]
        hook, echo, board = self.hook, self.echo, self.board
        before = read()
        for name, price, message in frames:
            skipped = board.skipped
            hook(message)
            if board.skipped == skipped:
                echo.settle()
                echo.cross(name, price - 1, price + 1)
        return ticks / (read() - before)


def frame(name: str, price: int) -> dict[str, Any]:
    """A bookTicker frame as orjson decodes it. price: ticks of 0.01."""
    return {
        "e": "bookTicker", "u": 1, "E": 1_700_000_000_000, "T": 1_700_000_000_000, "s": name,
        "b": f"{(price - 1) / 100:.2f}", "B": "5.000", "a": f"{(price + 1) / 100:.2f}", "A": "5.000",
    }  # fmt: skip


def _fail(failure: ActorFailed | ActorStopped) -> None:
    raise RuntimeError(str(failure))


def _set(done: asyncio.Event, reason: str | None) -> None:
    done.set()


async def commits(intents: int, batch: int) -> float:
    """Median ms from CommitIntents to its answer, on a real SQLite file with full synchronisation."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.db'}")
        database.migrate()
        journal = Journal(database, on_alert=lambda code, sentence: None)
        one = Intent("a", "S", ClientId("x"), 0, OrderKind.OPEN_BUY, 0, Side.BUY, 1, 1, False, True, 1)
        took: list[float] = []
        for number in range(intents // batch):
            rows = tuple(replace(one, client_id=ClientId(f"sqbb{number:06}{k:09}")) for k in range(batch))
            done = asyncio.Event()
            before = time.perf_counter()
            journal.commit(rows, partial(_set, done))
            await done.wait()
            took.append((time.perf_counter() - before) * 1e3)
        await journal.close()
        database.close()
        return statistics.median(took)


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--ticks", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    loop = asyncio.get_running_loop()
    process = psutil.Process()
    warm = Bench(1, loop, bands=True)
    warm.start()
    gc.collect()
    before = process.memory_info().rss
    bench = Bench(options.symbols, loop, bands=True)
    bench.start()
    gc.collect()
    rss = (process.memory_info().rss - before) / options.symbols / 1024
    bench.latencies(options.ticks // 10, options.seed)
    calm_collector()
    samples = sorted(bench.latencies(options.ticks, options.seed + 1))
    with_bands = bench.rate(options.ticks, options.seed + 2)
    loud = Bench(options.symbols, loop, bands=False)
    loud.start()
    without = loud.rate(options.ticks // 10, options.seed + 2)
    print(
        orjson.dumps(
            {
                "symbols": options.symbols,
                "samples": len(samples),
                "p50_us": round(samples[len(samples) // 2] / 1e3, 1),
                "p99_us": round(samples[len(samples) * 99 // 100] / 1e3, 1),
                "commit_ms": round(await commits(2_000, 5), 3),
                "ticks_per_s": round(with_bands),
                "ticks_per_s_no_bands": round(without),
                "rss_per_symbol_kb": round(rss),
                "orders": bench.echo.orders,
                "cancels": bench.echo.cancels,
                "fills": bench.echo.fills,
            }
        ).decode()
    )


if __name__ == "__main__":
    asyncio.run(main())
