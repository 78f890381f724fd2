"""What all parts of the server share: the engine, its clock, accounts' secrets, limits, faults, counters, listeners.

Whoever changed something in the engine calls `settle`; the listeners then get the events in the order they happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from opensqt_actors.simvenue.events import (
    AccountUpdate,
    ConfigUpdate,
    Event,
    Execution,
    MarkPrice,
    OrderUpdate,
)
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.server.clock import VenueClock
from opensqt_actors.simvenue.server.config import VenueSettings
from opensqt_actors.simvenue.server.faults import Faults
from opensqt_actors.simvenue.server.limits import RateLimiter
from opensqt_actors.simvenue.server.listenkeys import ListenKeys
from opensqt_actors.simvenue.server.stats import Stats

FUNDING_HISTORY = 100
# After a longer pause than this the process was suspended: the market goes on from now instead of catching up.
LONGEST_GAP = 5_000

Listener = Callable[[Sequence[Event], int], None]
AccountEvents = (OrderUpdate, AccountUpdate, ConfigUpdate)


class FundingRecord(Struct, frozen=True):
    """A funding that has been charged: the rate, when, and the mark price (ticks) before it."""

    rate: Decimal
    time: int
    mark: int


class Core:
    """The venue without its sockets."""

    def __init__(self, exchange: Exchange, settings: VenueSettings, clock: VenueClock) -> None:
        self.exchange = exchange
        self.settings = settings
        self.clock = clock
        self.limiter = RateLimiter(settings.limits_in_force())
        self.faults = Faults(settings.seed)
        self.stats = Stats()
        self.listen_keys = ListenKeys(int(settings.listen_key_seconds * 1_000))
        self.secrets = {account.key: account.secret for account in settings.accounts}
        self.funding: dict[str, deque[FundingRecord]] = {}
        self._marks: dict[str, MarkPrice] = {}
        self._listeners: list[Listener] = []
        self._advanced = clock.now()

    def listen(self, listener: Listener) -> None:
        """`listener(events, told time)` is called with everything that happened."""
        self._listeners.append(listener)

    def now(self) -> int:
        """The time to give to the engine, which must not catch up on hours in which the process was suspended."""
        now = self.clock.now()
        if now - self._advanced > LONGEST_GAP:
            self.exchange.skip(now)
        self._advanced = now
        return now

    def tick(self) -> None:
        """Run the markets up to now."""
        self.exchange.advance(self.now())
        self.settle()

    def settle(self) -> None:
        """Tell the listeners what has happened since the last time."""
        events = self.exchange.drain()
        if not events:
            return
        for event in events:
            if isinstance(event, OrderUpdate):
                self._count(event)
            elif isinstance(event, MarkPrice):
                self._note_funding(event)
        told = self.clock.told()
        for listener in self._listeners:
            listener(events, told)

    def margin_assets(self) -> list[str]:
        """Assets in which the one wallet is shown: the quotes of the markets, USDT when there are none."""
        quotes = dict.fromkeys(self.exchange.rules(symbol).quote for symbol in self.exchange.symbols())
        return list(quotes) or ["USDT"]

    def _count(self, event: OrderUpdate) -> None:
        orders = self.stats.orders
        match event.execution:
            case Execution.NEW:
                orders["placed"] += 1
                self.stats.client_ids.accepted(event.account, event.order.client_id)
            case Execution.CANCELED:
                orders["cancelled"] += 1
            case Execution.AMENDMENT:
                orders["amended"] += 1
            case Execution.TRADE | Execution.CALCULATED:
                orders["fills"] += 1
            case Execution.EXPIRED:
                orders["expired"] += 1

    def _note_funding(self, mark: MarkPrice) -> None:
        before = self._marks.get(mark.symbol)
        if before is not None and before.next_funding < mark.next_funding:
            history = self.funding.setdefault(mark.symbol, deque(maxlen=FUNDING_HISTORY))
            history.append(FundingRecord(before.funding_rate, before.next_funding, before.price))
        self._marks[mark.symbol] = mark
