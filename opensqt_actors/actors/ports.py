"""Effects that leave the actor system, and the messages that answer them. Adapters bind to the effect types.

Every effect is answered by exactly one message to the actor that emitted it, unless its docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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
    Truth,
)
from opensqt_actors.domain.records import Entry, Intent, Restored
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.domain.values import hot_value

REQUEST_WINDOW = 1_500_000_000
"""ns after which a venue refuses a request as too old, at the latest. What a process has sent cannot arrive after that,
so adapters must not ask for more: the actors reckon with it."""

# --- storage ---------------------------------------------------------------------------------------------------------


@hot_value
class Persist:
    """Write entries as one transaction, in order, kept and retried until written. Not answered."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class AwaitWritten:
    """Ask when everything emitted before is durable. Answered by Written within seconds, also when it is not."""

    request: int


@dataclass(frozen=True, slots=True)
class Written:
    """Everything emitted before the question is durable, or a reason: it is kept, and tried until it is."""

    request: int
    reason: str = ""


@hot_value
class CommitIntents:
    """Write intents. Answered by IntentsCommitted once they are durable, by IntentsFailed when they cannot be."""

    batch: int
    intents: tuple[Intent, ...]


@hot_value
class IntentsCommitted:
    """The intents of this batch are durable."""

    batch: int


@dataclass(frozen=True, slots=True)
class IntentsFailed:
    """The intents of this batch were not written, for certain."""

    batch: int
    reason: str


@dataclass(frozen=True, slots=True)
class LoadSymbol:
    """Read a symbol's state, after everything emitted before was written. Answered by SymbolLoaded or LoadFailed."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolLoaded:
    """What the journal knows of a symbol."""

    restored: Restored


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """The journal could not be read; try again later."""

    account: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class SaveSpec:
    """Insert or change a registry row. Answered by SpecSaved or SpecFailed. fresh: refuse it when it is traded."""

    request: int
    spec: SymbolSpec
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class SpecSaved:
    """The registry row is durable."""

    request: int
    spec: SymbolSpec


@dataclass(frozen=True, slots=True)
class SpecFailed:
    """The registry row was not written."""

    request: int
    spec: SymbolSpec
    reason: str


# --- venue -----------------------------------------------------------------------------------------------------------


@hot_value
class SendPlaces:
    """Send orders (at most the venue's batch size). Answered by one PlacesAnswered, outcomes in the order sent."""

    orders: tuple[OrderRequest, ...]


@hot_value
class PlacesAnswered:
    """What became of a SendPlaces."""

    outcomes: tuple[PlaceOutcome, ...]


@hot_value
class SendCancels:
    """Cancel orders (at most the venue's cancel batch size). Answered by one CancelsAnswered, in the order sent."""

    cancels: tuple[CancelRequest, ...]


@hot_value
class CancelsAnswered:
    """What became of a SendCancels."""

    outcomes: tuple[CancelOutcome, ...]


@dataclass(frozen=True, slots=True)
class FindOrder:
    """Look an order up by client id. Answered by OrderFound, OrderNotKnown or FindFailed."""

    symbol: str
    client_id: ClientId


@dataclass(frozen=True, slots=True)
class OrderFound:
    """The venue knows the order; fills: its trades, when anything filled."""

    report: OrderReport
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class OrderNotKnown:
    """The venue says that it has never seen this client id."""

    symbol: str
    client_id: ClientId


@dataclass(frozen=True, slots=True)
class FindFailed:
    """The look-up itself failed; nothing is known."""

    symbol: str
    client_id: ClientId
    reason: str
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class FetchTruth:
    """Fetch the venue's view of a symbol: its open orders, these client ids, its position, and its trades.

    after_trade: trades after this id, 0: those since `since` ns; venue_ids: order ids already known, so that trades can
    be matched to client ids. Answered by TruthFetched or TruthFailed.
    """

    symbol: str
    client_ids: tuple[ClientId, ...]
    venue_ids: Mapping[str, ClientId]
    after_trade: int
    since: int


@dataclass(frozen=True, slots=True)
class TruthFetched:
    """The venue's view of a symbol. pace: ns between two regular questions about it that the venue bears, 0 = any."""

    truth: Truth
    pace: int = 0


@dataclass(frozen=True, slots=True)
class TruthFailed:
    """The venue's view could not be had."""

    symbol: str
    reason: str
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class PrepareSymbol:
    """Resolve a symbol: rules, fees, leverage, account, recent candles. Answered by SymbolPrepared or SymbolRefused.

    history: whether the candles are wanted; whose exits are missing does not wait for them.
    """

    symbol: str
    history: bool = True


@dataclass(frozen=True, slots=True)
class SymbolPrepared:
    """The venue trades this symbol and the account may trade it. history: closed candles, oldest first.

    clock_offset: ns, the venue's clock minus ours, None = not measured.
    """

    instrument: Instrument
    fees: Fees
    account: AccountState
    leverage: int
    history: tuple[Candle, ...]
    clock_offset: int | None = None


@dataclass(frozen=True, slots=True)
class SymbolRefused:
    """This symbol cannot be traded, with one sentence why. final: trying again will not help."""

    symbol: str
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class FetchAccount:
    """Fetch the account's money and mode. Answered by AccountFetched or AccountFailed."""


@dataclass(frozen=True, slots=True)
class AccountFetched:
    """The account as the venue sees it."""

    account: AccountState


@dataclass(frozen=True, slots=True)
class AccountFailed:
    """The account could not be fetched."""

    reason: str


@dataclass(frozen=True, slots=True)
class FetchPositions:
    """Fetch every position of the account. Answered by PositionsFetched or PositionsFailed."""


@dataclass(frozen=True, slots=True)
class PositionsFetched:
    """Every position that the account holds."""

    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class PositionsFailed:
    """The positions could not be fetched."""

    reason: str


@dataclass(frozen=True, slots=True)
class FetchHoldings:
    """Fetch the open orders of these symbols, then every position. Answered by HoldingsFetched or HoldingsFailed."""

    request: int
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HoldingsFetched:
    """positions: of all symbols whose rules are known, not 0, in base units; orders: client ids as the venue has them.

    positions were asked for after the orders: what filled in between is seen.
    """

    request: int
    positions: tuple[tuple[str, Decimal], ...]
    orders: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HoldingsFailed:
    """They could not be fetched."""

    request: int
    reason: str


@dataclass(frozen=True, slots=True)
class FetchCandles:
    """Fetch the newest closed candles of a symbol. Answered by CandlesFetched or CandlesFailed."""

    symbol: str
    interval: str
    limit: int


@dataclass(frozen=True, slots=True)
class CandlesFetched:
    """Closed candles, the oldest first."""

    symbol: str
    interval: str
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True)
class CandlesFailed:
    """The candles could not be fetched."""

    symbol: str
    interval: str
    reason: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Start the price, candle and mark streams of a symbol. Not answered: frames follow."""

    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Stop the streams of a symbol. Not answered."""

    symbol: str


@dataclass(frozen=True, slots=True)
class ArmDeadMan:
    """The venue is to cancel every order of a symbol unless it is told again within so many seconds; 0: never mind.

    handed_over: another process renews it from now on, so that the end of this one must not end it. Not answered: one
    that fails is repeated with the next renewal.
    """

    symbol: str
    seconds: int
    handed_over: bool = False


# --- what a venue session tells the ExchangeActor unasked ------------------------------------------------------------


@hot_value
class OrderEvent:
    """An order changed, with the fill that changed it, if any. Never dropped."""

    report: OrderReport
    fill: Fill | None


@dataclass(frozen=True, slots=True)
class StreamUp:
    """A stream is connected and subscribed. stream: "orders" or "prices"; reconnected: it had been up before."""

    stream: str
    reconnected: bool


@dataclass(frozen=True, slots=True)
class StreamDown:
    """A stream lost its connection."""

    stream: str
    reason: str


@dataclass(frozen=True, slots=True)
class CandleSeen:
    """A candle was updated or closed."""

    candle: Candle


@dataclass(frozen=True, slots=True)
class MarkSeen:
    """A mark price, in ticks."""

    symbol: str
    mark: int


@dataclass(frozen=True, slots=True)
class FundingSeen:
    """Funding payments since the last ones seen; may repeat, ids are unique."""

    payments: tuple[FundingPayment, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """Limits that the venue publishes; any may be 0 = not published. Orders per window; weight per minute.

    view_weight: what one question about a symbol's orders, position and trades takes of that weight.
    """

    orders_per_10s: int = 0
    orders_per_minute: int = 0
    weight_per_minute: int = 0
    view_weight: int = 0
    place_batch: int = 1
    cancel_batch: int = 1


@dataclass(frozen=True, slots=True)
class Throttled:
    """The venue answered 429 or 418: no request for `retry_after` ns."""

    retry_after: int
    banned: bool
    detail: str


@hot_value
class OrdersCounted:
    """What the venue has counted of the account's orders, of whatever program, in its windows of 10 s and a minute.

    asked: ns, when the request was sent whose answer said so; 0 = a window that it did not tell.
    """

    asked: int
    in_10s: int
    in_minute: int


# --- operators -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to a request that came from outside (CLI, API): the wiring resolves the waiting caller. Not answered."""

    request: int
    payload: Any


@dataclass(frozen=True, slots=True)
class Announce:
    """Something that operators should see: the event stream, the log, later alerts. Not answered."""

    kind: str
    account: str
    symbol: str
    sentence: str
    level: str = "info"
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Exited:
    """The whole system has stopped trading and flushed; the process may end with this code. Not answered."""

    code: int
