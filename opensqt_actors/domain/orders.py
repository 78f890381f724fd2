"""Orders, fills and answers as values, in ticks and steps, as the venue reports them. No behaviour."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from opensqt_actors.domain.ids import ClientId


class Side(StrEnum):
    """Direction of an order or a fill."""

    BUY = "buy"
    SELL = "sell"


class OrderStatus(StrEnum):
    """Life of an order. PENDING: sent or about to be sent, the venue has not answered."""

    PENDING = "pending"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """Whether nothing can rest on the venue any more."""
        return self in _TERMINAL


_TERMINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class OrderRequest(Struct, frozen=True):
    """An order to place. price: ticks, None for a market order; quantity: steps, above 0."""

    client_id: ClientId
    symbol: str
    side: Side
    price: int | None
    quantity: int
    post_only: bool = True
    reduce_only: bool = False


class CancelRequest(Struct, frozen=True):
    """An order to cancel, by client id."""

    client_id: ClientId
    symbol: str


class OrderReport(Struct, frozen=True):
    """State of one order as the venue tells it. filled: cumulative steps; at: ns, the venue's time."""

    client_id: ClientId
    symbol: str
    venue_id: str
    side: Side
    status: OrderStatus
    price: int
    quantity: int
    filled: int
    at: int
    reason: str = ""


class Fill(Struct, frozen=True):
    """One trade of ours. quantity: steps, above 0; fee: in `fee_asset`, positive when paid, negative for a rebate.

    `client_id` is "" when the venue's trade list does not tell it; `venue_id` then names the order.
    """

    symbol: str
    trade_id: int
    client_id: ClientId
    venue_id: str
    side: Side
    price: int
    quantity: int
    fee: Decimal
    fee_asset: str
    maker: bool
    at: int


class RefusalCode(StrEnum):
    """Why a venue refused a request; decides what happens next."""

    INSUFFICIENT_MARGIN = "insufficient_margin"
    WOULD_CROSS = "post_only_would_cross"
    REDUCE_ONLY = "reduce_only_rejected"
    RULE = "venue_rule"
    DUPLICATE_ID = "duplicate_client_id"
    UNKNOWN_ORDER = "unknown_order"
    SYMBOL_CLOSED = "symbol_closed"
    TOO_MANY_ORDERS = "too_many_open_orders"
    PERMISSION = "permission"
    CLOCK = "clock_skew"
    RATE_LIMITED = "rate_limited"
    OTHER = "other"


class Refused(Struct, frozen=True):
    """The venue said no, for certain. `venue_code` is its own code, `message` its words without secrets."""

    client_id: ClientId
    code: RefusalCode
    venue_code: str
    message: str


class Accepted(Struct, frozen=True):
    """The venue took the order; the report is its first state (it may already be filled)."""

    report: OrderReport


class Cancelled(Struct, frozen=True):
    """The venue took the cancel. The order's final state still comes as an event."""

    client_id: ClientId


class OutcomeUnknown(Struct, frozen=True):
    """Nobody knows whether the request was carried out: look the client id up, never guess."""

    client_id: ClientId
    detail: str


class NotSent(Struct, frozen=True):
    """The request certainly did not reach the venue. retry_after: ns to wait, 0 when it may be tried at once."""

    client_id: ClientId
    detail: str
    retry_after: int = 0


PlaceOutcome = Accepted | Refused | OutcomeUnknown | NotSent
CancelOutcome = Cancelled | Refused | OutcomeUnknown | NotSent


class Fees(Struct, frozen=True):
    """Fee rates as fractions of notional (0.0002 = 0.02 %); negative is a rebate."""

    maker: Decimal
    taker: Decimal


class Position(Struct, frozen=True):
    """A position on the venue. quantity: signed steps; prices in quote currency.

    liquidation, mark: 0 = not told, or there is none.
    """

    symbol: str
    quantity: int
    entry_price: Decimal
    liquidation: Decimal = Decimal(0)
    mark: Decimal = Decimal(0)


class FundingPayment(Struct, frozen=True):
    """Funding booked to the account. amount: quote currency, positive when received; id: unique on the venue."""

    symbol: str
    payment_id: str
    amount: Decimal
    at: int


class Candle(Struct, frozen=True):
    """A candle. Times in ns (open time), prices and volume as floats: statistics only, never an order's price."""

    symbol: str
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    closed: bool


class AccountState(Struct, frozen=True):
    """An account's money and mode. Amounts in its margin asset; equity: with what is unrealised, None = not told."""

    wallet_balance: Decimal
    available: Decimal
    hedged: bool
    can_trade: bool
    equity: Decimal | None = None


class Truth(Struct, frozen=True):
    """What the venue says of one symbol, fetched in this order: open orders, position, trades, look-ups.

    found: every asked-for client id that is not open, with its report, or None when the venue does not know it. Of each
    fill that a report tells the trade is among the fills: they are fetched once more when a look-up knows of others.
    fills: all trades after the asked-for trade id, client ids filled in where an order id could be matched.
    started: ns, when the first request was sent; a local change after it is not contradicted by this truth.
    """

    symbol: str
    open_orders: tuple[OrderReport, ...]
    found: tuple[tuple[ClientId, OrderReport | None], ...]
    position: Position
    fills: tuple[Fill, ...]
    started: int
