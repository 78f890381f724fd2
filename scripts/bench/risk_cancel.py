"""How soon cancels leave while the loop is flooded with ticks: a risk cancel of every resting buy, and ordinary ones.

The production host, actors, frame hook and venue driver; only the journal and the session behind the driver are ours.
A risk cancel is timed from the moment at which the candle that triggers the monitor could be read to the call that
hands each cancel to the session; exits and opening orders wait in the budget meanwhile. Ordinary cancels are timed from
the moment at which the price that causes them was due, so that a loop that falls behind counts. One JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
import uvloop
from tick_to_order import ACCOUNT, EXCHANGE, SHARD, START, Root, frame

from opensqt_actors.actors import exchange, ports, risk, shard, symbol
from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.exchange_messages import Submit
from opensqt_actors.actors.prices import PriceBoard, PriceMoved
from opensqt_actors.actors.shard_messages import AddSymbolActor, StartShard
from opensqt_actors.domain.breaker import BreakerSettings
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import ClientId, OrderKind, decode
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    Accepted,
    AccountState,
    Cancelled,
    CancelOutcome,
    CancelRequest,
    Candle,
    Fill,
    OrderReport,
    OrderRequest,
    OrderStatus,
    PlaceOutcome,
    Side,
)
from opensqt_actors.domain.records import Restored, RiskSaved, TotalsSaved
from opensqt_actors.domain.risk import RiskSettings
from opensqt_actors.domain.settings import GridMode, GridSettings, SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import SystemClock
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.runtime.memory import calm_collector
from opensqt_actors.runtime.supervision import RestartPolicy
from opensqt_actors.runtime.thespian_host import TURN, ThespianHost
from opensqt_actors.venues.ccxt.binance_frames import Frames
from opensqt_actors.venues.ccxt.expected import Expected
from opensqt_actors.venues.driver import VenueDriver, VenueRouter
from opensqt_actors.venues.fake import FakeVenue

CLOCK = [time.perf_counter_ns]
"""The clock of all figures, ns."""
MINUTE = 60_000_000_000
MOST_AT_ONCE = 256
"""Frames that one turn of the loop takes at most: about what a socket's buffer holds."""
JUMP_EVERY = 2_000
"""In the run of ordinary cancels every so many frames a market jumps; in between it creeps."""
CROSS_EVERY = 16
"""Frames between two looks at which orders the market has gone through."""
FREE = 250.0
"""Orders a second in the run of ordinary cancels: ten times what an account may send, so that there are many."""
PATIENCE = 20.0


class Session(FakeVenue):
    """Takes every order, answers after a round trip, and keeps a log: (ns, kind of request, client ids).

    Orders fill when `fill` or `cross` says so.
    """

    def __init__(self, instruments: Sequence[Instrument], round_trip: float) -> None:
        super().__init__(instruments, balance=Decimal(10**9))
        self.round_trip = round_trip
        self.log: list[tuple[int, str, tuple[ClientId, ...]]] = []
        self.resting: dict[str, dict[ClientId, OrderReport]] = {instrument.symbol: {} for instrument in instruments}
        self.traded = 0

    async def account(self) -> AccountState:
        """Rich, whatever rests."""
        return AccountState(self.balance, self.balance, hedged=False, can_trade=True, equity=self.balance)

    async def place(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        """The hand-over is the call; the order rests when the answer is there."""
        self.log.append((CLOCK[0](), "place", tuple(order.client_id for order in orders)))
        await asyncio.sleep(self.round_trip)
        outcomes: list[PlaceOutcome] = []
        for order in orders:
            report = OrderReport(
                order.client_id, order.symbol, order.client_id, order.side, OrderStatus.NEW, order.price or 0,
                order.quantity, 0, time.time_ns(),
            )  # fmt: skip
            self.resting[order.symbol][order.client_id] = report
            self._on_event(ports.OrderEvent(report, None))
            outcomes.append(Accepted(report))
        return outcomes

    async def cancel(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        """The hand-over is the call; the order is gone when the answer is there."""
        self.log.append((CLOCK[0](), "cancel", tuple(cancel.client_id for cancel in cancels)))
        await asyncio.sleep(self.round_trip)
        for cancel in cancels:
            report = self.resting[cancel.symbol].pop(cancel.client_id, None)
            if report is not None:
                self._end(report, OrderStatus.CANCELED, 0, None)
        return [Cancelled(cancel.client_id) for cancel in cancels]

    def buys(self) -> list[OrderReport]:
        """Opening buys that rest."""
        kinds = ((decode(client_id), report) for some in self.resting.values() for client_id, report in some.items())
        return [report for key, report in kinds if key is not None and key.kind is OrderKind.OPEN_BUY]

    def fill(self, report: OrderReport) -> None:
        """All of an order, at its price."""
        if self.resting[report.symbol].pop(report.client_id, None) is None:
            return
        self.traded += 1
        fill = Fill(
            report.symbol, self.traded, report.client_id, report.venue_id, report.side, report.price, report.quantity,
            Decimal(0), "USDT", True, time.time_ns(),
        )  # fmt: skip
        self._end(report, OrderStatus.FILLED, report.quantity, fill)

    def cross(self, name: str, bid: int, ask: int) -> None:
        """What the price has gone through fills."""
        for order in list(self.resting[name].values()):
            if order.price >= ask if order.side is Side.BUY else order.price <= bid:
                self.fill(order)

    def _end(self, report: OrderReport, status: OrderStatus, filled: int, fill: Fill | None) -> None:
        ended = OrderReport(
            report.client_id, report.symbol, report.venue_id, report.side, status, report.price, report.quantity,
            filled, time.time_ns(),
        )  # fmt: skip
        self._on_event(ports.OrderEvent(ended, fill))


class Timed(exchange.ExchangeActor):
    """Notes since when each ordinary cancel was owed. cause: due time in ns of the frame being taken, 0 = none is."""

    cause = 0

    def __init__(self, *args: Any, **details: Any) -> None:
        super().__init__(*args, **details)
        self.owed: dict[ClientId, int] = {}

    def step(self, message: Any, now: int) -> list[Any]:
        """As ever."""
        if type(message) is Submit and message.cancels:
            self.owed.update(dict.fromkeys(message.cancels, self.cause or CLOCK[0]()))
        return super().step(message, now)


class Bench:
    """A shard of N symbols, its driver and session, and a flood of frames."""

    def __init__(self, options: argparse.Namespace, limits: Limits, seed: int) -> None:
        self.options = options
        self.names = [f"S{number:03}USDT" for number in range(options.symbols)]
        self.choose = random.Random(seed)
        self.prices = dict.fromkeys(self.names, START)
        instruments = {
            name: Instrument(name, name[:4], "USDT", Decimal("0.01"), Decimal("0.001"), min_notional=Decimal(5))
            for name in self.names
        }
        self.session = Session(list(instruments.values()), options.round_trip / 1e3)
        clock = SystemClock()
        self.loop = asyncio.get_running_loop()
        self.host = ThespianHost(clock, self.loop.call_later, on_root_failure=_fail, turn=options.turn or None)
        for effect, port in (
            (ports.CommitIntents, self._commit), (ports.LoadSymbol, self._load), (ports.Persist, _ignore),
            (ports.Announce, _ignore), (ports.Reply, _ignore),
        ):  # fmt: skip
            self.host.bind(effect, port)
        self.driver = VenueDriver(self.host, self.session, EXCHANGE)
        VenueRouter(self.host).register(self.driver)
        self.board = PriceBoard()
        self.exchange = Timed(
            ACCOUNT, self.board, limits, risk=ActorId(f"{SHARD}/risk"), published=self.session.published
        )
        levels = options.window
        grid = GridSettings(
            GridMode.LONG, Decimal(30), interval_percent=Decimal("0.4"), buy_window=levels, max_open_orders=2 * levels,
            max_position=Decimal(10**6),
        )  # fmt: skip
        self.specs = [SymbolSpec(ACCOUNT, name, number, grid) for number, name in enumerate(self.names)]
        parts = shard.ShardParts(
            "bb", {ACCOUNT: lambda _: self.exchange}, self._risk, {"grid": Grid}, symbol.Execution(),
            RestartPolicy(0, 10**9, 0, 0),
        )  # fmt: skip
        root = ActorId("root")
        self.host.start(root, Root(lambda: shard.ShardActor(SHARD, root, parts)))
        expected = Expected(5.0, time.monotonic)
        self.hook = Frames(instruments, self._on_quote, lambda event: None, lambda frame: None, expected).quote
        self.lags: list[float] = []

    def _risk(self, me: ActorId, parent: ActorId, saved: Sequence[RiskSaved]) -> risk.RiskActor:
        monitor = RiskSettings(monitor=(self.names[0],), window=3)
        rules = risk.RiskRules(monitor=monitor, breaker=BreakerSettings(stale_after=0, max_losses=0))
        return risk.RiskActor(rules, me=me, parent=parent, saved=saved)

    def _on_quote(self, symbol: str, bid: str | float, ask: str | float, at: int) -> None:
        if self.board.offer(symbol, bid, ask, at):
            self.host.tell(EXCHANGE, PriceMoved(symbol))

    def _load(self, sender: ActorRef, effect: ports.LoadSymbol) -> None:
        totals = TotalsSaved(effect.account, effect.symbol, 0, Decimal(0), Decimal(0), 0, 0)
        restored = Restored(effect.account, effect.symbol, None, (), (), 0, totals, frozenset(), 0)
        self.host.tell(sender, ports.SymbolLoaded(restored))

    def _commit(self, sender: ActorRef, effect: ports.CommitIntents) -> None:
        self.loop.call_later(self.options.commit / 1e3, self.host.tell, sender, ports.IntentsCommitted(effect.batch))

    async def start(self, done: int) -> None:
        """Lay the ladders, until so many buys rest."""
        self.host.tell(ActorId("root"), "start")
        self.host.tell(SHARD, StartShard())
        await self.driver.open(self._on_quote)
        for spec in self.specs:
            self.host.tell(SHARD, AddSymbolActor(spec))
        end = time.monotonic() + PATIENCE
        while len(self.session.buys()) < done:
            if time.monotonic() > end:
                raise SystemExit(f"only {len(self.session.buys())} buys rest after {PATIENCE:g} s")
            for name in self.names:
                self.hook(frame(name, self.prices[name]))
            await asyncio.sleep(0.02)

    def candle(self, minute: int, close: float, volume: float) -> None:
        """The monitored market closes a candle: the driver's way in, as from a socket."""
        closed = Candle(self.names[0], minute * MINUTE, close, close, close, close, volume, True)
        self.session._on_event(ports.CandleSeen(closed))  # noqa: SLF001 - our own session

    def frames(self, number: int, jumps: bool) -> list[tuple[str, int, bytes]]:
        """Name, price (0: nothing can have filled) and bytes of the next frames: small steps, now and then a jump."""
        found = []
        for count in range(number):
            name = self.choose.choice(self.names)
            jumping = jumps and not count % JUMP_EVERY
            if jumping:
                self.prices[name] = START + self.choose.randint(-1_500, 1_500)
            else:
                self.prices[name] += self.choose.randint(-4, 4) + (0 if jumps else (START - self.prices[name]) // 50)
            crosses = jumping or (jumps and not count % CROSS_EVERY)
            found.append((name, self.prices[name] * crosses, orjson.dumps(frame(name, self.prices[name]))))
        return found

    async def flood(self, seconds: float, *, jumps: bool = False) -> tuple[int, float]:
        """Frames at their due times for so long; frames taken, and seconds that it took to take them all."""
        rate, hook, timed, session, lags = self.options.rate, self.hook, self.exchange, self.session, self.lags
        waiting = self.frames(int(rate * seconds), jumps)
        calm_collector()  # as a trading process does; else half a million frames of ours would be looked through
        clock, apart = CLOCK[0], 1e9 / rate
        taken, began = 0, CLOCK[0]()
        while taken < len(waiting):
            now = clock()
            due = min(int((now - began) / apart), len(waiting), taken + MOST_AT_ONCE)
            if due > taken:
                lags.append(now - began - taken * apart)
            for name, price, raw in waiting[taken:due]:
                timed.cause = int(began + taken * apart)
                hook(orjson.loads(raw))
                taken += 1
                if price:
                    timed.cause = 0
                    session.cross(name, price - 1, price + 1)
            timed.cause = 0
            await asyncio.sleep(0)  # a loop that never sleeps: the processor's clock goes on, too
        return taken, (clock() - began) / 1e9

    async def close(self) -> None:
        """End what runs."""
        await self.driver.close()
        self.host.close()


def _ignore(sender: ActorRef, effect: Any) -> None:
    pass


def _fail(failure: ActorFailed | ActorStopped) -> None:
    raise RuntimeError(str(failure))


async def risk_round(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One fleet, one trigger. ns from the trigger for every cancel, and what left before the last of them."""
    fills = options.exits
    bench = Bench(options, Limits(options.pace, options.resting + fills), seed)
    session, desk = bench.session, bench.exchange.desk
    await bench.start(options.resting + fills)
    for minute in range(4):
        bench.candle(minute, 100.0, 10.0)
    flood = asyncio.create_task(bench.flood(options.seconds))
    await asyncio.sleep(0.3)
    for report in sorted(session.buys(), key=lambda report: -report.price)[:fills]:
        session.fill(report)
    await asyncio.sleep(0.2)
    buys = {report.client_id for report in session.buys()}
    exits, opens = len(desk._exits), len(desk._opens)  # noqa: SLF001 - who waits, by kind
    session.log.clear()
    due = CLOCK[0]() + 10_000_000
    while CLOCK[0]() < due:  # noqa: ASYNC110 - a loop that never sleeps
        await asyncio.sleep(0)
    bench.candle(5, 90.0, 1_000.0)
    taken, took = await flood
    await asyncio.sleep(0.3)
    handed = [(at, ids) for at, kind, ids in session.log if kind == "cancel" and at >= due]
    samples = sorted(at - due for at, ids in handed for client_id in ids if client_id in buys)
    first, last = (due + samples[0], due + samples[-1]) if samples else (due, due)
    sent = [(at, client_id) for at, kind, ids in session.log if kind == "place" for client_id in ids]
    gone = {client_id for _, kind, ids in session.log if kind == "cancel" for client_id in ids}
    left = [report for report in session.buys() if report.client_id in buys]
    await bench.close()
    return {
        "buys": len(buys), "exits": exits, "opens": opens, "samples": samples, "resting_after": len(left),
        "missed": len(buys - gone), "under_way": sum(due <= at < first for at, _ in sent),
        "overtaken_by": sum(first <= at <= last for at, _ in sent),
        "places_later": sum(at > last for at, _ in sent), "taken": taken, "took": took, "lags": bench.lags,
    }  # fmt: skip


async def ordinary(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Cancels that prices lead to. ns from the moment when the price was due."""
    bench = Bench(options, Limits(FREE, options.resting), seed)
    await bench.start(options.resting)
    bench.session.log.clear()
    taken, took = await bench.flood(options.ordinary, jumps=True)
    await asyncio.sleep(0.3)
    owed = bench.exchange.owed
    handed = [(at, client_id) for at, kind, ids in bench.session.log if kind == "cancel" for client_id in ids]
    samples = sorted(at - owed[client_id] for at, client_id in handed if client_id in owed)
    await bench.close()
    return {"samples": samples, "taken": taken, "took": took, "lags": bench.lags}


def quantile(samples: list[int], share: float) -> float | None:
    """In ms, of sorted ns."""
    return round(samples[min(len(samples) - 1, int(len(samples) * share))] / 1e6, 3) if samples else None


async def main() -> int:
    """Measure and print; exit code 1 when a waiting order left before a risk cancel, or a cancel never left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--window", type=int, default=60, help="levels that each grid wants")
    parser.add_argument("--resting", type=int, default=400, help="buys that rest when risk is triggered")
    parser.add_argument("--exits", type=int, default=100, help="exits that wait in the budget then")
    parser.add_argument("--pace", type=float, default=25.0, help="orders a second that the budget allows")
    parser.add_argument("--rate", type=int, default=50_000, help="ticks a second")
    parser.add_argument("--round-trip", type=float, default=20.0, help="ms until the venue answers")
    parser.add_argument("--commit", type=float, default=1.0, help="ms until an intent is durable")
    parser.add_argument("--turn", type=int, default=TURN, help="ns of a turn of the host, 0 = no end")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0, help="of flood in each round")
    parser.add_argument("--ordinary", type=float, default=10.0, help="seconds of flood with jumping prices")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: without what others got of it")
    options = parser.parse_args()
    if options.clock == "cpu":
        CLOCK[0] = time.thread_time_ns
    await risk_round(options, options.seed)  # the first one finds everything cold, as no trading process is
    rounds = [await risk_round(options, options.seed + 1 + number) for number in range(options.rounds)]
    free = await ordinary(options, options.seed)
    every = [*rounds, free]
    samples = sorted(sample for found in rounds for sample in found["samples"])
    firsts = sorted(found["samples"][0] for found in rounds if found["samples"])
    lags = sorted(int(lag) for found in every for lag in found["lags"])
    overtaken = sum(found["overtaken_by"] for found in rounds)
    missed = sum(found["missed"] + found["resting_after"] for found in rounds)
    later = min(found["places_later"] for found in rounds)
    line = {
        "rounds": len(rounds),
        "buys": min(found["buys"] for found in rounds),
        "waiting_exits": min(found["exits"] for found in rounds),
        "waiting_opens": min(found["opens"] for found in rounds),
        "first_ms": {"p50": quantile(firsts, 0.5), "worst": quantile(firsts, 1)},
        "risk_cancel_ms": {
            "p50": quantile(samples, 0.5),
            "p99": quantile(samples, 0.99),
            "worst": quantile(samples, 1),
        },
        "places_before_the_trigger_was_known": sum(found["under_way"] for found in rounds),
        "places_among_the_cancels": overtaken,
        "places_after_it": later,
        "cancels_that_never_left": missed,
        "cancel_ms": {"p50": quantile(free["samples"], 0.5), "p99": quantile(free["samples"], 0.99)},
        "cancels": len(free["samples"]),
        "ticks_per_s": round(sum(found["taken"] for found in rounds) / sum(found["took"] for found in rounds)),
        "ticks_per_s_ordinary": round(free["taken"] / free["took"]),
        "ticks": sum(found["taken"] for found in every),
        "loop_behind_ms": {"p50": quantile(lags, 0.5), "p99": quantile(lags, 0.99)},
        "round_trip_ms": options.round_trip,
        "clock": options.clock,
    }
    print(orjson.dumps(line).decode())
    return 1 if overtaken or missed or not later else 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
