"""One account's connection to the simulated venue: prices, order events and what becomes of both on their way.

The order stream can break, or fall silent although it seems open; a market's frames can stop without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from fleet.faults import Faults
from fleet.translate import MS, candle_of, fill_of, report_of

from opensqt_actors.actors import ports
from opensqt_actors.actors.prices import PriceBoard, PriceMoved
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import FundingPayment
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock
from opensqt_actors.runtime.kernel import Host
from opensqt_actors.simvenue import events as engine
from opensqt_actors.simvenue.exchange import Exchange

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Latency:
    """Bounds in ms of what a request, an answer and an event take on their way."""

    request: tuple[int, int] = (3, 40)
    answer: tuple[int, int] = (3, 40)
    event: tuple[int, int] = (3, 60)


@dataclass(slots=True)
class Line:
    """The connection of one process. cut: when it was lost; what was under way then arrives at once or never.

    silent: the order stream seems open and tells nothing.
    """

    host: Host
    board: PriceBoard
    exchange: ActorId
    open: bool = True
    orders_up: bool = False
    had_been_up: bool = False
    silent: bool = False
    cut: int = 0


class Connection:
    """The streams of one account. `line` is the process that is connected now.

    deaf: markets whose subscriptions are taken and told nothing; twins: client ids of requests that came twice;
    strangers: of orders that no process of ours has placed.
    """

    def __init__(
        self, exchange: Exchange, account: str, clock: ManualClock, seed: int, faults: Faults, latency: Latency
    ) -> None:
        self.engine = exchange
        self.account = account
        self.clock = clock
        self.faults = faults
        self.latency = latency
        self.random = Random(f"latency:{seed}")
        self.line: Line | None = None
        self.subscribed: set[str] = set()
        self.deaf: set[str] = set()
        self.violations: list[str] = []
        self.twins: set[str] = set()
        self.strangers: set[str] = set()
        self._last_event = 0
        self._in_flight = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self._in_flight == 0

    @property
    def now_ms(self) -> int:
        """The venue's time."""
        return self.clock.now() // MS

    def _tell(self, line: Line, message: object) -> None:
        if line.open:
            line.host.tell(line.exchange, message)

    def _after(self, ns: int, call: Callable[[], None]) -> None:
        self._in_flight += 1

        def made() -> None:
            self._in_flight -= 1
            call()

        self.clock.call_at(self.clock.now() + ns, made)

    def _wait(self, bounds: tuple[int, int]) -> int:
        return self.random.randint(*bounds) * MS

    # --- the order stream --------------------------------------------------------------------------------------------

    def _connect_streams(self, line: Line) -> None:
        self.line = line
        self.subscribed.clear()
        self._after(self.random.randint(20, 400) * MS, lambda: self._up(line))

    def disconnect(self) -> None:
        """The process is gone."""
        if self.line is not None:
            self.line.open = False
            self.line.cut = self.clock.now()
            self.line = None

    def _up(self, line: Line) -> None:
        if line.open:
            line.orders_up = True
            line.silent = False
            self._tell(line, ports.StreamUp("orders", line.had_been_up))
            if not line.had_been_up:
                self._tell(line, ports.StreamUp("prices", False))
            line.had_been_up = True
            self._funding_event()

    def break_stream(self, down: int = SECOND // 2) -> None:
        """The order stream breaks for `down` ns; what happens meanwhile is never told."""
        line = self.line
        if line is not None and line.orders_up:
            line.orders_up = False
            self._tell(line, ports.StreamDown("orders", "connection reset"))
            self._after(down, lambda: self._up(line))

    def silence_stream(self, noticed: int = 5 * SECOND) -> None:
        """The order stream tells nothing more. After so many ns the adapter misses an event and connects anew."""
        line = self.line
        if line is not None and line.orders_up and not line.silent:
            line.silent = True
            self._after(noticed, lambda: self.break_stream() if line.silent and line is self.line else None)

    # --- what the engine tells ---------------------------------------------------------------------------------------

    def on_engine_event(self, event: engine.Event) -> None:
        """The engine's sink."""
        match event:
            case engine.BookTicker(symbol, _, bid, _, ask, _, time):
                line = self.line
                if line is not None and symbol in self.subscribed and bid and ask:
                    rules = self.engine.rules(symbol)
                    self._quote(line, symbol, rules.price_text(bid), rules.price_text(ask), time * MS)
            case engine.MarkPrice(symbol, price):
                self._market(symbol, ports.MarkSeen(symbol, price))
            case engine.CandleUpdate(symbol, "1m", candle, closed):
                self._market(symbol, ports.CandleSeen(candle_of(candle, self.engine.rules(symbol), closed)))
            case engine.OrderUpdate():
                if event.account == self.account:
                    self._order_event(event)
            case engine.AccountUpdate(account, _, _, engine.UpdateReason.FUNDING_FEE):
                if account == self.account:
                    self._funding_event()
            case _:
                pass

    def _quote(self, line: Line, symbol: str, bid: str, ask: str, at: int) -> None:
        if self.faults.strike("price.absurd"):
            far = (f"{float(bid) * 3:f}", f"{float(ask) * 3:f}")
            self._offer(line, symbol, *self.faults.random.choice([("0", "0"), (ask, bid), far]), at)
        self._offer(line, symbol, bid, ask, at)

    @staticmethod
    def _offer(line: Line, symbol: str, bid: str, ask: str, at: int) -> None:
        if line.board.offer(symbol, bid, ask, at):
            line.host.tell(line.exchange, PriceMoved(symbol))

    def _market(self, symbol: str, message: object) -> None:
        if self.line is not None and symbol in self.subscribed:
            self._tell(self.line, message)

    def _order_event(self, event: engine.OrderUpdate) -> None:
        if event.execution is engine.Execution.NEW:
            self._check_slot(event.order)
        line = self.line
        if line is None or not line.orders_up or line.silent:
            return
        faults = self.faults
        if faults.strike("stream.reset"):
            self.break_stream(faults.random.randint(50, 3_000) * MS)
            return
        if faults.strike("stream.silent"):
            self.silence_stream(faults.random.randint(1_000, 8_000) * MS)
            return
        if faults.strike("event.lost"):
            return
        fill = fill_of(event.fill, self.engine.rules(event.order.symbol)) if event.fill is not None else None
        message = ports.OrderEvent(report_of(event.order), fill)
        if faults.strike("event.reordered"):
            self._after(faults.random.randint(0, 500) * MS, lambda: self._event(line, message))
            return
        if faults.strike("event.late"):
            self._last_event = self.clock.now() + faults.random.randint(1_000, 8_000) * MS
        self._last_event = max(self._last_event, self.clock.now() + self._wait(self.latency.event))
        for _ in range(2 if faults.strike("event.doubled") else 1):
            self._after(self._last_event - self.clock.now(), lambda: self._event(line, message))

    def _event(self, line: Line, message: ports.OrderEvent) -> None:
        if line.orders_up:
            self._tell(line, message)

    def _funding_event(self) -> None:
        newest = self.engine.income(self.account, type=engine.IncomeType.FUNDING_FEE, limit=50)
        payments = tuple(FundingPayment(i.symbol, str(i.tran_id), i.amount, i.time * MS) for i in newest)
        if self.line is not None and payments:
            self._tell(self.line, ports.FundingSeen(payments))

    def _check_slot(self, order: engine.Order) -> None:
        """No slot ever has two live orders on the venue."""
        key = decode(order.client_id)
        others = self.twins | self.strangers
        if key is None or order.client_id in others:
            return
        for other in self.engine.open_orders(self.account, order.symbol):
            theirs = decode(other.client_id)
            if other.order_id != order.order_id and theirs is not None and theirs.level == key.level:
                if other.client_id in others:
                    continue
                self.violations.append(f"two live orders on level {key.level}: {order.client_id}, {other.client_id}")
