"""What a venue adapter must do, and what it tells unasked. The contract suite runs against every adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from opensqt_actors.actors.ports import Published
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    AccountState,
    CancelOutcome,
    CancelRequest,
    Candle,
    Fees,
    Fill,
    FundingPayment,
    OrderReport,
    OrderRequest,
    PlaceOutcome,
    Position,
)


class VenueError(OpenSqtError):
    """A query failed. retry_after: ns to wait; final: the same call will never succeed (bad key, unknown symbol)."""

    code = "venue_error"

    def __init__(self, sentence: str, *, retry_after: int = 0, final: bool = False) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.final = final


class FundingDue(Struct, frozen=True):
    """The venue has booked funding: its payments can be fetched. For the driver, which tells them as FundingSeen."""


class QuoteSink(Protocol):
    """Where best bid and ask go: called by the frame hook, must take about a microsecond and never raise."""

    def __call__(self, symbol: str, bid: str | float, ask: str | float, at: int) -> None:
        """bid, ask: quote currency as the frame has them; at: ns, the venue's time."""


class EventSink(Protocol):
    """Where everything else goes: OrderEvent, StreamUp, StreamDown, CandleSeen, MarkSeen, FundingDue, Throttled,
    OrdersCounted.
    """

    def __call__(self, event: Any) -> None:
        """Called in the order in which the venue told the events."""


class Venue(Protocol):
    """One account at one venue. Opened once; every coroutine either answers or raises VenueError.

    place and cancel never raise: each order gets its own outcome, in the order given.
    """

    published: Published

    async def open(self, on_quote: QuoteSink, on_event: EventSink) -> None:
        """Load rules and limits, check the keys, measure the clock, bring the order stream up (StreamUp follows)."""

    async def close(self) -> None:
        """Release sockets and tasks; idempotent, within 3 s."""

    def instruments(self) -> Mapping[str, Instrument]:
        """Rules of everything this account can trade, by market id."""

    async def refresh(self) -> None:
        """Load rules and limits again: new symbols appear, those that are streamed keep the rules they have."""

    def closed(self) -> Mapping[str, str]:
        """Symbols that exist but do not trade now, with the venue's word for it."""

    def usage(self) -> Mapping[str, int]:
        """Counters for screens and metrics: request weight and order counts as the venue tells them, frames."""

    def last_frame(self, symbol: str) -> int | None:
        """When the newest quote of a symbol arrived, ns of our clock; None before the first."""

    async def resubscribe(self, symbol: str) -> None:
        """The symbol's streams are silent: subscribe again; a second call without a frame in between reconnects."""

    async def fees(self, symbol: str) -> Fees:
        """The account's fee rates."""

    async def leverage(self, symbol: str) -> int:
        """The leverage in force."""

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Change the leverage; the one in force afterwards."""

    async def arm_dead_man(self, symbol: str, seconds: int) -> None:
        """Have the venue cancel every order of the symbol unless this is called again in time; 0: never mind."""

    async def account(self) -> AccountState:
        """Balance, position mode, permission."""

    async def place(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        """Place orders, as one batch where the venue has batches."""

    async def cancel(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        """Cancel orders, as one batch where the venue has batches."""

    async def find(self, symbol: str, client_id: ClientId) -> OrderReport | None:
        """The order with this client id; None when the venue says that it does not know it."""

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        """All open orders of the symbol, every page."""

    async def trades(self, symbol: str, after_trade: int, since: int) -> Sequence[Fill]:
        """Trades after a trade id (0: since `since` ns), every page, oldest first; client ids may be empty."""

    async def order_trades(self, symbol: str, venue_id: str) -> Sequence[Fill]:
        """Trades of one order."""

    async def position(self, symbol: str) -> Position:
        """The position, 0 when there is none."""

    async def positions(self) -> Sequence[Position]:
        """Every position of the account that is not 0, of symbols whose rules are known."""

    async def funding(self, since: int) -> Sequence[FundingPayment]:
        """Funding booked since `since` ns, oldest first."""

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The newest closed candles, oldest first."""

    async def subscribe(self, instrument: Instrument) -> None:
        """Start quotes, 1m candles and mark prices of a symbol. Idempotent."""

    async def unsubscribe(self, symbol: str) -> None:
        """Stop them. Idempotent."""
