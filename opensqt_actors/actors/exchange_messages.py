"""What an ExchangeActor is told by symbols, shard and risk, and what it tells SymbolActors."""

from __future__ import annotations

from dataclasses import dataclass

from opensqt_actors.actors import ports
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderRequest
from opensqt_actors.domain.values import hot_value
from opensqt_actors.runtime.behaviour import ActorId

# --- to the ExchangeActor --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attach:
    """A SymbolActor takes this symbol: from now on its events go there. Answered by SymbolPrepared or SymbolRefused.

    instance: of the client order ids that are ours; hurry: exits are missing, the candles of the past come later;
    working: whether orders of an earlier life may rest.
    """

    symbol: str
    number: int
    actor: ActorId
    instance: str = ""
    hurry: bool = False
    working: bool = False


@dataclass(frozen=True, slots=True)
class Detach:
    """The symbol has left: stop its streams. handed_over: with its orders, to another shard."""

    symbol: str
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class SymbolDown:
    """The SymbolActor is dead: cancel its opening orders, keep tracking the rest."""

    symbol: str


@hot_value
class OrderPlan:
    """One order that a SymbolActor wants, with everything its intent needs.

    again: its intent is in the journal from an earlier life; the same order is sent once more under the same id;
    at_once: it closes a position in an emergency: its intent is written after it was sent.
    """

    request: OrderRequest
    level: int
    kind: OrderKind
    generation: int
    again: bool = False
    at_once: bool = False


@hot_value
class Submit:
    """A decision: cancels first, then places, and the quiet band until the next one.

    long, short: what the slots hold on either side, at cost, quanta; heard: news of fills since it attached.
    """

    symbol: str
    cancels: tuple[ClientId, ...]
    places: tuple[OrderPlan, ...]
    low: int
    high: int
    urgent: bool = False
    long: int = 0
    short: int = 0
    heard: int = 0


@dataclass(frozen=True, slots=True)
class AdoptOrder:
    """A slot takes an order that rests on the venue and was not known here. Nothing is sent; its intent is written.

    Answered by OrderAdopted once it is durable. When it cannot be, for the journal knows the id or is away, the order
    is cancelled and PlaceFailed follows.
    """

    plan: OrderPlan


@dataclass(frozen=True, slots=True)
class WithdrawOpenings:
    """The symbol's gate has closed: opening orders that were not sent yet are not to be."""

    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class WantTruth:
    """A SymbolActor wants the venue's view. Answered by TruthFetched or TruthFailed."""

    symbol: str
    client_ids: tuple[ClientId, ...]
    venue_ids: tuple[tuple[str, ClientId], ...]
    after_trade: int
    since: int


@dataclass(frozen=True, slots=True)
class WantFacts:
    """A SymbolActor wants to know what the venue says of its market and account now. Answered as Attach is."""

    symbol: str


@dataclass(frozen=True, slots=True)
class NotAgain:
    """These exits would close more than their slots still hold: what was not sent is not, and nothing is sent again."""

    symbol: str
    client_ids: tuple[ClientId, ...]


@dataclass(frozen=True, slots=True)
class WantPast:
    """A SymbolActor wants the candles of the past. Answered by ports.CandlesFetched or CandlesFailed."""

    symbol: str


@dataclass(frozen=True, slots=True)
class CheckSymbol:
    """Can this symbol be traded? Answered to `asker` by SymbolChecked."""

    request: int
    symbol: str
    asker: ActorId


@dataclass(frozen=True, slots=True)
class CheckHoldings:
    """What does the venue hold, and what of ours rests there? Answered by a Reply with a HoldingsView or Refusal.

    symbols: whose orders are looked at; whole: positions of every symbol count, not of these alone; instance: ours.
    """

    request: int
    account: str
    symbols: tuple[str, ...]
    instance: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class SymbolChecked:
    """Answer to CheckSymbol: the venue's word."""

    request: int
    answer: ports.SymbolPrepared | ports.SymbolRefused


@dataclass(frozen=True, slots=True)
class CancelOpeningBuys:
    """Risk: take back every opening buy at once, before anything else."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelOpenings:
    """Risk: take back every opening order of a symbol, of all symbols when symbol is "", before anything else."""

    reason: str
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class CancelEverything:
    """Emergency: take back every order of the account but those that close a position at the market."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReportTo:
    """Who wants this account's row, once a second."""

    actor: ActorId


@dataclass(frozen=True, slots=True)
class BudgetShare:
    """What of the account's request budget may be used here from now on, in thousandths; the rest is other shards'."""

    thousandths: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """A second has passed. Sent to itself."""


@dataclass(frozen=True, slots=True)
class Pump:
    """There is room in the budget again. Sent to itself."""


# --- from the ExchangeActor to SymbolActors --------------------------------------------------------------------------


@hot_value
class Quote:
    """The newest best bid and ask, ticks. at: the venue's time, ns."""

    bid: int
    ask: int
    at: int


@hot_value
class OrderUpdate:
    """An order changed, or filled, or both. Never dropped, may come twice and in any order."""

    report: OrderReport | None
    fill: Fill | None

    @property
    def filled(self) -> bool:
        """Whether it may change what is held."""
        return self.fill is not None or (self.report is not None and self.report.filled > 0)


@dataclass(frozen=True, slots=True)
class OrderAdopted:
    """The intent of an adopted order is durable. report: the newest that is known of it, None = nothing."""

    client_id: ClientId
    report: OrderReport | None


@dataclass(frozen=True, slots=True)
class PlaceFailed:
    """An order was certainly not placed. code: a RefusalCode, "not_sent", "withdrawn" or "journal"; retry_after: ns.

    journalled: whether its intent was written.
    """

    client_id: ClientId
    code: str
    sentence: str
    retry_after: int = 0
    journalled: bool = True


@dataclass(frozen=True, slots=True)
class PlacesWithdrawn:
    """Orders were taken back before they were sent, in one message: each has a symbol decide anew."""

    failures: tuple[PlaceFailed, ...]


@dataclass(frozen=True, slots=True)
class CancelFailed:
    """A cancel was certainly not carried out: the order rests on."""

    client_id: ClientId


@dataclass(frozen=True, slots=True)
class StreamGate:
    """Whether opening is allowed as far as one stream is concerned; sentence: why not."""

    code: str
    opens: bool
    sentence: str = ""
    resync: bool = False


@dataclass(frozen=True, slots=True)
class ForeignFill:
    """An order that is not ours has filled in this market, or the position was liquidated: what the slots hold may no
    longer be what the venue holds. sentence: which order it was; trade: its id, so that nobody wonders whose it is.
    """

    sentence: str
    trade: int = 0


@dataclass(frozen=True, slots=True)
class Pulse:
    """Once a second: the newest price even when it is inside the band."""

    bid: int
    ask: int
    at: int
    mark: int
