"""What an ExchangeActor is told by symbols, shard and risk, and what it tells SymbolActors."""

from __future__ import annotations

from msgspec import Struct

from opensqt_actors.actors import ports
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderRequest
from opensqt_actors.runtime.behaviour import ActorId

# --- to the ExchangeActor --------------------------------------------------------------------------------------------


class Attach(Struct, frozen=True):
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


class Detach(Struct, frozen=True):
    """The symbol has left: stop its streams. handed_over: with its orders, to another shard."""

    symbol: str
    handed_over: bool = False


class SymbolDown(Struct, frozen=True):
    """The SymbolActor is dead: cancel its opening orders, keep tracking the rest."""

    symbol: str


class OrderPlan(Struct, frozen=True):
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


class Submit(Struct, frozen=True):
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


class AdoptOrder(Struct, frozen=True):
    """A slot takes an order that rests on the venue and was not known here. Nothing is sent; its intent is written.

    Answered by OrderAdopted once it is durable. When it cannot be, for the journal knows the id or is away, the order
    is cancelled and PlaceFailed follows.
    """

    plan: OrderPlan


class WithdrawOpenings(Struct, frozen=True):
    """The symbol's gate has closed: opening orders that were not sent yet are not to be."""

    symbol: str
    reason: str


class WantTruth(Struct, frozen=True):
    """A SymbolActor wants the venue's view. Answered by TruthFetched or TruthFailed. Fields: see ports.FetchTruth."""

    symbol: str
    client_ids: tuple[ClientId, ...]
    venue_ids: tuple[tuple[str, ClientId], ...]
    after_trade: int
    since: int
    if_filled: tuple[OrderReport, ...] = ()


class WantFacts(Struct, frozen=True):
    """A SymbolActor wants to know what the venue says of its market and account now. Answered as Attach is."""

    symbol: str


class NotAgain(Struct, frozen=True):
    """These exits would close more than their slots still hold: what was not sent is not, and nothing is sent again."""

    symbol: str
    client_ids: tuple[ClientId, ...]


class WantPast(Struct, frozen=True):
    """A SymbolActor wants the candles of the past. Answered by ports.CandlesFetched or CandlesFailed."""

    symbol: str


class CheckSymbol(Struct, frozen=True):
    """Can this symbol be traded? Answered to `asker` by SymbolChecked."""

    request: int
    symbol: str
    asker: ActorId


class CheckHoldings(Struct, frozen=True):
    """What does the venue hold, and what of ours rests there? Answered by a Reply with a HoldingsView or Refusal.

    symbols: whose orders are looked at; whole: positions of every symbol count, not of these alone; instance: ours.
    """

    request: int
    account: str
    symbols: tuple[str, ...]
    instance: str
    whole: bool = False


class SymbolChecked(Struct, frozen=True):
    """Answer to CheckSymbol: the venue's word."""

    request: int
    answer: ports.SymbolPrepared | ports.SymbolRefused


class CancelOpeningBuys(Struct, frozen=True):
    """Risk: take back every opening buy at once, before anything else."""

    reason: str


class CancelOpenings(Struct, frozen=True):
    """Risk: take back every opening order of a symbol, of all symbols when symbol is "", before anything else."""

    reason: str
    symbol: str = ""


class CancelEverything(Struct, frozen=True):
    """Emergency: take back every order of the account but those that close a position at the market."""

    reason: str


class ReportTo(Struct, frozen=True):
    """Who wants this account's row, once a second."""

    actor: ActorId


class BudgetShare(Struct, frozen=True):
    """What of the account's request budget may be used here from now on, in thousandths; the rest is other shards'."""

    thousandths: int


class Sweep(Struct, frozen=True):
    """A second has passed. Sent to itself."""


class Pump(Struct, frozen=True):
    """There is room in the budget again. Sent to itself."""


# --- from the ExchangeActor to SymbolActors --------------------------------------------------------------------------


class Quote(Struct, frozen=True):
    """The newest best bid and ask, ticks. at: the venue's time, ns."""

    bid: int
    ask: int
    at: int


class OrderUpdate(Struct, frozen=True):
    """An order changed, or filled, or both. Never dropped, may come twice and in any order."""

    report: OrderReport | None
    fill: Fill | None

    @property
    def filled(self) -> bool:
        """Whether it may change what is held."""
        return self.fill is not None or (self.report is not None and self.report.filled > 0)


class OrderAdopted(Struct, frozen=True):
    """The intent of an adopted order is durable. report: the newest that is known of it, None = nothing."""

    client_id: ClientId
    report: OrderReport | None


class PlaceFailed(Struct, frozen=True):
    """An order was certainly not placed. code: a RefusalCode, "not_sent", "withdrawn" or "journal"; retry_after: ns.

    journalled: whether its intent was written.
    """

    client_id: ClientId
    code: str
    sentence: str
    retry_after: int = 0
    journalled: bool = True


class PlacesWithdrawn(Struct, frozen=True):
    """Orders were taken back before they were sent, in one message: each has a symbol decide anew."""

    failures: tuple[PlaceFailed, ...]


class CancelFailed(Struct, frozen=True):
    """A cancel was certainly not carried out: the order rests on."""

    client_id: ClientId


class StreamGate(Struct, frozen=True):
    """Whether opening is allowed as far as one stream is concerned; sentence: why not."""

    code: str
    opens: bool
    sentence: str = ""
    resync: bool = False


class ForeignFill(Struct, frozen=True):
    """An order that is not ours has filled in this market, or the position was liquidated: what the slots hold may no
    longer be what the venue holds. sentence: which order it was; trade: its id, so that nobody wonders whose it is.
    """

    sentence: str
    trade: int = 0


class Pulse(Struct, frozen=True):
    """Once a second: the newest price even when it is inside the band."""

    bid: int
    ask: int
    at: int
    mark: int
