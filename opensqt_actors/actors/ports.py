"""Effects that leave the actor system, and the messages that answer them. Adapters bind to the effect types.

Every effect is answered by exactly one message to the actor that emitted it, unless its docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

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

REQUEST_WINDOW = 1_500_000_000
"""ns after which a venue refuses a request as too old, at the latest. What a process has sent cannot arrive after that,
so adapters must not ask for more: the actors reckon with it."""

# --- storage ---------------------------------------------------------------------------------------------------------


class Persist(Struct, frozen=True):
    """Write entries as one transaction, in order, kept and retried until written. Not answered."""

    entries: tuple[Entry, ...]


class AwaitWritten(Struct, frozen=True):
    """Ask when everything emitted before is durable. Answered by Written within seconds, also when it is not."""

    request: int


class Written(Struct, frozen=True):
    """Everything emitted before the question is durable, or a reason: it is kept, and tried until it is."""

    request: int
    reason: str = ""


class CommitIntents(Struct, frozen=True):
    """Write intents. Answered by IntentsCommitted once they are durable, by IntentsFailed when they cannot be."""

    batch: int
    intents: tuple[Intent, ...]


class IntentsCommitted(Struct, frozen=True):
    """The intents of this batch are durable."""

    batch: int


class IntentsFailed(Struct, frozen=True):
    """The intents of this batch were not written, for certain."""

    batch: int
    reason: str


class LoadSymbol(Struct, frozen=True):
    """Read a symbol's state, after everything emitted before was written. Answered by SymbolLoaded or LoadFailed."""

    account: str
    symbol: str


class SymbolLoaded(Struct, frozen=True):
    """What the journal knows of a symbol."""

    restored: Restored


class LoadFailed(Struct, frozen=True):
    """The journal could not be read; try again later."""

    account: str
    symbol: str
    reason: str


class SaveSpec(Struct, frozen=True):
    """Insert or change a registry row. Answered by SpecSaved or SpecFailed. fresh: refuse it when it is traded."""

    request: int
    spec: SymbolSpec
    fresh: bool = False


class SpecSaved(Struct, frozen=True):
    """The registry row is durable."""

    request: int
    spec: SymbolSpec


class SpecFailed(Struct, frozen=True):
    """The registry row was not written."""

    request: int
    spec: SymbolSpec
    reason: str


# --- venue -----------------------------------------------------------------------------------------------------------


class SendPlaces(Struct, frozen=True):
    """Send orders (at most the venue's batch size). Answered by one PlacesAnswered, outcomes in the order sent."""

    orders: tuple[OrderRequest, ...]


class PlacesAnswered(Struct, frozen=True):
    """What became of a SendPlaces."""

    outcomes: tuple[PlaceOutcome, ...]


class SendCancels(Struct, frozen=True):
    """Cancel orders (at most the venue's cancel batch size). Answered by one CancelsAnswered, in the order sent."""

    cancels: tuple[CancelRequest, ...]


class CancelsAnswered(Struct, frozen=True):
    """What became of a SendCancels."""

    outcomes: tuple[CancelOutcome, ...]


class FindOrder(Struct, frozen=True):
    """Look an order up by client id. Answered by OrderFound, OrderNotKnown or FindFailed."""

    symbol: str
    client_id: ClientId


class OrderFound(Struct, frozen=True):
    """The venue knows the order; fills: its trades, when anything filled."""

    report: OrderReport
    fills: tuple[Fill, ...]


class OrderNotKnown(Struct, frozen=True):
    """The venue says that it has never seen this client id."""

    symbol: str
    client_id: ClientId


class FindFailed(Struct, frozen=True):
    """The look-up itself failed; nothing is known."""

    symbol: str
    client_id: ClientId
    reason: str
    retry_after: int = 0


class FetchTruth(Struct, frozen=True):
    """Fetch the venue's view of a symbol: its open orders, its position, its trades, and these client ids.

    after_trade: trades after this id, 0: those since `since` ns; venue_ids: order ids already known, so that trades can
    be matched to client ids; if_filled: what is to be told of orders among these ids when the trades account for the
    whole of them, so that nobody has to ask for each. Answered by TruthFetched or TruthFailed.
    """

    symbol: str
    client_ids: tuple[ClientId, ...]
    venue_ids: Mapping[str, ClientId]
    after_trade: int
    since: int
    if_filled: tuple[OrderReport, ...] = ()


class TruthFetched(Struct, frozen=True):
    """The venue's view of a symbol. pace: ns between two regular questions about it that the venue bears, 0 = any."""

    truth: Truth
    pace: int = 0


class TruthFailed(Struct, frozen=True):
    """The venue's view could not be had."""

    symbol: str
    reason: str
    retry_after: int = 0


class PrepareSymbol(Struct, frozen=True):
    """Resolve a symbol: rules, fees, leverage, account, recent candles. Answered by SymbolPrepared or SymbolRefused.

    history: whether the candles are wanted; whose exits are missing does not wait for them.
    """

    symbol: str
    history: bool = True


class SymbolPrepared(Struct, frozen=True):
    """The venue trades this symbol and the account may trade it. history: closed candles, oldest first.

    clock_offset: ns, the venue's clock minus ours, None = not measured.
    """

    instrument: Instrument
    fees: Fees
    account: AccountState
    leverage: int
    history: tuple[Candle, ...]
    clock_offset: int | None = None


class SymbolRefused(Struct, frozen=True):
    """This symbol cannot be traded, with one sentence why. final: trying again will not help."""

    symbol: str
    reason: str
    final: bool


class FetchAccount(Struct, frozen=True):
    """Fetch the account's money and mode. Answered by AccountFetched or AccountFailed."""


class AccountFetched(Struct, frozen=True):
    """The account as the venue sees it."""

    account: AccountState


class AccountFailed(Struct, frozen=True):
    """The account could not be fetched."""

    reason: str


class FetchPositions(Struct, frozen=True):
    """Fetch every position of the account. Answered by PositionsFetched or PositionsFailed."""


class PositionsFetched(Struct, frozen=True):
    """Every position that the account holds."""

    positions: tuple[Position, ...]


class PositionsFailed(Struct, frozen=True):
    """The positions could not be fetched."""

    reason: str


class FetchHoldings(Struct, frozen=True):
    """Fetch the open orders of these symbols, then every position. Answered by HoldingsFetched or HoldingsFailed."""

    request: int
    symbols: tuple[str, ...]


class HoldingsFetched(Struct, frozen=True):
    """positions: of all symbols whose rules are known, not 0, in base units; orders: client ids as the venue has them.

    positions were asked for after the orders: what filled in between is seen.
    """

    request: int
    positions: tuple[tuple[str, Decimal], ...]
    orders: tuple[tuple[str, str], ...]


class HoldingsFailed(Struct, frozen=True):
    """They could not be fetched."""

    request: int
    reason: str


class FetchCandles(Struct, frozen=True):
    """Fetch the newest closed candles of a symbol. Answered by CandlesFetched or CandlesFailed."""

    symbol: str
    interval: str
    limit: int


class CandlesFetched(Struct, frozen=True):
    """Closed candles, the oldest first."""

    symbol: str
    interval: str
    candles: tuple[Candle, ...]


class CandlesFailed(Struct, frozen=True):
    """The candles could not be fetched."""

    symbol: str
    interval: str
    reason: str


class Subscribe(Struct, frozen=True):
    """Start the price, candle and mark streams of a symbol. Not answered: frames follow."""

    instrument: Instrument


class Unsubscribe(Struct, frozen=True):
    """Stop the streams of a symbol. Not answered."""

    symbol: str


class ArmDeadMan(Struct, frozen=True):
    """The venue is to cancel every order of a symbol unless it is told again within so many seconds; 0: never mind.

    handed_over: another process renews it from now on, so that the end of this one must not end it. Not answered: one
    that fails is repeated with the next renewal.
    """

    symbol: str
    seconds: int
    handed_over: bool = False


# --- what a venue session tells the ExchangeActor unasked ------------------------------------------------------------


class OrderEvent(Struct, frozen=True):
    """An order changed, with the fill that changed it, if any. Never dropped."""

    report: OrderReport
    fill: Fill | None


class StreamUp(Struct, frozen=True):
    """A stream is connected and subscribed. stream: "orders" or "prices"; reconnected: it had been up before."""

    stream: str
    reconnected: bool


class StreamDown(Struct, frozen=True):
    """A stream lost its connection."""

    stream: str
    reason: str


class CandleSeen(Struct, frozen=True):
    """A candle was updated or closed."""

    candle: Candle


class MarkSeen(Struct, frozen=True):
    """A mark price, in ticks."""

    symbol: str
    mark: int


class FundingSeen(Struct, frozen=True):
    """Funding payments since the last ones seen; may repeat, ids are unique."""

    payments: tuple[FundingPayment, ...]


class Published(Struct, frozen=True):
    """Limits that the venue publishes; any may be 0 = not published. Orders per window; weight per minute.

    view_weight: what one question about a symbol's orders, position and trades takes of that weight.
    """

    orders_per_10s: int = 0
    orders_per_minute: int = 0
    weight_per_minute: int = 0
    view_weight: int = 0
    place_batch: int = 1
    cancel_batch: int = 1


class Throttled(Struct, frozen=True):
    """The venue answered 429 or 418: no request for `retry_after` ns."""

    retry_after: int
    banned: bool
    detail: str


class OrdersCounted(Struct, frozen=True):
    """What the venue has counted of the account's orders, of whatever program, in its windows of 10 s and a minute.

    asked: ns, when the request was sent whose answer said so; 0 = a window that it did not tell.
    """

    asked: int
    in_10s: int
    in_minute: int


# --- operators -------------------------------------------------------------------------------------------------------


class Reply(Struct, frozen=True):
    """Answer to a request that came from outside (CLI, API): the wiring resolves the waiting caller. Not answered."""

    request: int
    payload: Any


class Announce(Struct, frozen=True):
    """Something that operators should see: the event stream, the log, later alerts. Not answered."""

    kind: str
    account: str
    symbol: str
    sentence: str
    level: str = "info"
    data: Mapping[str, Any] | None = None


class Exited(Struct, frozen=True):
    """The whole system has stopped trading and flushed; the process may end with this code. Not answered."""

    code: int
