"""What the engine says: orders, fills, positions, refusals and the events of accounts and markets.

Neutral values, not a wire format. Prices are whole ticks, quantities whole steps (see `rules.MarketRules`), money is
`Decimal` in the venue's one settlement currency, times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from msgspec import Struct


class Side(Enum):
    """Side of an order; `sign` is +1 for a buy and -1 for a sell."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(Enum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIQUIDATION = "LIQUIDATION"  # only ever made by the venue


class TimeInForce(Enum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"  # post-only


class OrderStatus(Enum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"  # self-trade prevention

    @property
    def open(self) -> bool:
        return self is OrderStatus.NEW or self is OrderStatus.PARTIALLY_FILLED


class Execution(Enum):
    """Why an order event was sent (the field `x` of Binance's ORDER_TRADE_UPDATE)."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    CALCULATED = "CALCULATED"  # a liquidation's fill
    EXPIRED = "EXPIRED"
    TRADE = "TRADE"
    AMENDMENT = "AMENDMENT"


class ExpiryReason(Enum):
    """Why an order ended without its owner asking for it (the field `er` of Binance's ORDER_TRADE_UPDATE)."""

    NONE = 0
    SELF_TRADE = 1
    UNFILLED_REMAINDER = 2
    REDUCE_ONLY = 4
    LIQUIDATION = 5
    DELISTED = 7


class SelfTrade(Enum):
    """What happens when an account's order would meet its own resting order."""

    NONE = "NONE"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class PositionSide(Enum):
    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class MarginType(Enum):
    CROSSED = "CROSSED"
    ISOLATED = "ISOLATED"


class UpdateReason(Enum):
    """Why an account changed (the field `m` of Binance's ACCOUNT_UPDATE)."""

    ORDER = "ORDER"
    FUNDING_FEE = "FUNDING_FEE"
    ADJUSTMENT = "ADJUSTMENT"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"
    MARGIN_TYPE_CHANGE = "MARGIN_TYPE_CHANGE"


class IncomeType(Enum):
    REALIZED_PNL = "REALIZED_PNL"
    FUNDING_FEE = "FUNDING_FEE"
    COMMISSION = "COMMISSION"
    TRANSFER = "TRANSFER"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"


class MarketStatus(Enum):
    TRADING = "TRADING"
    SETTLING = "SETTLING"  # delisted: no new orders, no price moves


class NewOrder(Struct, frozen=True):
    """A request to place an order, in the client's own decimals. `price` only for LIMIT. Without `client_id` the
    venue makes one."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_id: str | None = None
    position_side: PositionSide = PositionSide.BOTH
    self_trade: SelfTrade = SelfTrade.NONE


class Rejection(Struct, frozen=True):
    """A refusal: Binance's error code and message. It changed nothing and caused no event."""

    code: int
    message: str


class Order(Struct, frozen=True):
    """An order as it stood at one moment. `price` (ticks) is 0 for a MARKET order; `quantity` and `executed` in steps;
    `quote` is the quote amount executed so far and `average_price` = quote / executed (0 while nothing is)."""

    order_id: int
    client_id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    executed: int
    quote: Decimal
    average_price: Decimal
    status: OrderStatus
    reduce_only: bool
    position_side: PositionSide
    self_trade: SelfTrade
    created: int
    updated: int


class Fill(Struct, frozen=True):
    """One account's side of a trade. `price` ticks, `quantity` steps, `quote` = price x quantity in money;
    `commission` >= 0 is taken from the wallet, `realized` is signed and booked to it. A settlement or a liquidation's
    rest, filled by the venue itself, has a trade id like any other trade."""

    trade_id: int
    order_id: int
    client_id: str
    account: str
    symbol: str
    side: Side
    price: int
    quantity: int
    quote: Decimal
    commission: Decimal
    realized: Decimal
    maker: bool
    reduce_only: bool
    time: int


class PositionView(Struct, frozen=True):
    """A position as it stood at one moment, one-way mode. `amount` is signed steps; `cost` its signed entry value;
    `entry_price` = cost / amount (0 when flat); `break_even` includes the fees paid since it was opened; `realized`
    is the P&L booked on this symbol so far, before fees. `mark_price` in ticks. `initial_margin` is that of the
    position alone, `order_margin` what open orders add. `liquidation_price` is 0 where there is none, and in events."""

    symbol: str
    amount: int
    cost: Decimal
    entry_price: Decimal
    break_even: Decimal
    mark_price: int
    unrealized: Decimal
    realized: Decimal
    leverage: int
    margin_type: MarginType
    initial_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    liquidation_price: Decimal
    notional: Decimal
    updated: int


class Income(Struct, frozen=True):
    """One booking. `trade_id` is 0 where there was no trade, `symbol` empty for a transfer."""

    tran_id: int
    type: IncomeType
    symbol: str
    amount: Decimal
    time: int
    trade_id: int


class AccountSummary(Struct, frozen=True):
    """An account's money at one moment. Exactly wallet = initial + transfers + realized - fees + funding + insurance;
    `margin_balance` = wallet + unrealized; `available` = margin balance - initial margin (positions and open orders),
    at least 0."""

    account: str
    initial: Decimal
    transfers: Decimal
    wallet: Decimal
    realized: Decimal
    fees: Decimal
    funding: Decimal
    insurance: Decimal
    unrealized: Decimal
    margin_balance: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    available: Decimal
    open_orders: int
    fills: int  # ever, dropped ones included
    fills_dropped: int  # no longer in the history because of its bound
    orders_dropped: int
    income_dropped: int


# --- account events: per account in order, `sequence` goes up by one with each ---


class OrderUpdate(Struct, frozen=True):
    """An order changed. `fill` is there exactly when the execution is TRADE or CALCULATED."""

    account: str
    sequence: int
    time: int
    execution: Execution
    order: Order
    fill: Fill | None
    expiry: ExpiryReason


class AccountUpdate(Struct, frozen=True):
    """The wallet or a position changed. `change` is the part of the wallet's change that is neither P&L nor fee
    (funding, transfer, insurance), as Binance's `bc`. Sent before the OrderUpdate of the trade that caused it."""

    account: str
    sequence: int
    time: int
    reason: UpdateReason
    wallet: Decimal
    change: Decimal
    positions: tuple[PositionView, ...]


class ConfigUpdate(Struct, frozen=True):
    """Leverage of a symbol changed (`symbol`, `leverage` given) or the position mode did (`hedge_mode` given)."""

    account: str
    sequence: int
    time: int
    symbol: str | None
    leverage: int | None
    hedge_mode: bool | None


AccountEvent = OrderUpdate | AccountUpdate | ConfigUpdate


# --- market events: tuples, because there are thousands a second ---


class BookTicker(NamedTuple):
    """Best bid and ask after a change. An empty side has price 0 and size 0. `update_id` goes up per symbol."""

    symbol: str
    update_id: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int
    time: int


class MarketTrade(NamedTuple):
    """A public trade. `trade_id` goes up per symbol by one; it is the id that fills carry too."""

    symbol: str
    trade_id: int
    price: int
    quantity: int
    buyer_is_maker: bool
    time: int


class MarkPrice(NamedTuple):
    """Mark and index price (one and the same here, ticks), the coming funding rate and its time."""

    symbol: str
    price: int
    funding_rate: Decimal
    next_funding: int
    time: int


class Candle(NamedTuple):
    """A candle: times in ms (`close_time` inclusive, as on Binance), prices in ticks, volumes in steps,
    `quote_volume` in ticks x steps (`MarketRules.money` turns it into money)."""

    open_time: int
    close_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int
    buy_volume: int
    buy_quote_volume: int
    first_trade: int
    last_trade: int


class CandleUpdate(NamedTuple):
    """The current candle of an interval ("1m") moved on, or `closed`. Each candle is reported closed exactly once."""

    symbol: str
    interval: str
    candle: Candle
    closed: bool
    time: int


class StatusChange(NamedTuple):
    """A market was listed (TRADING) or delisted (SETTLING)."""

    symbol: str
    status: MarketStatus
    time: int


MarketEvent = BookTicker | MarketTrade | MarkPrice | CandleUpdate | StatusChange
Event = AccountEvent | MarketEvent


class Depth(NamedTuple):
    """Aggregated levels, best first: (price in ticks, size in steps)."""

    update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class Ticker24h(NamedTuple):
    """Statistics over the last 24 h of 1-minute candles; units as in `Candle`. `last_quantity` in steps."""

    symbol: str
    open_time: int
    close_time: int
    open: int
    high: int
    low: int
    last: int
    last_quantity: int
    volume: int
    quote_volume: int
    trades: int
    first_trade: int
    last_trade: int
