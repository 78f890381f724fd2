"""What the risk actors are told by shard, exchanges, symbols and operators, and what they tell them."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from opensqt_actors.domain.breaker import OrderAnswer
from opensqt_actors.domain.orders import Position
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.runtime.behaviour import ActorId

UNHEARD = "portfolio_unheard"
"""The gate that a shard's process closes while it does not hear the risk over all shards."""
GATES = frozenset({"risk", "breaker", "breaker_global", UNHEARD, "emergency", "position_mode", "risk_unknown"})
"""Codes of the gates that RiskChanged closes and opens."""

# --- to the RiskActor ------------------------------------------------------------------------------------------------


class Listen(Struct, frozen=True):
    """This actor trades this symbol: tell it every change, beginning with the state now."""

    actor: ActorId
    account: str
    symbol: str


class Connect(Struct, frozen=True):
    """This actor has the orders of this account: it cancels at once what must go."""

    actor: ActorId
    account: str


class Ignore(Struct, frozen=True):
    """This actor has gone."""

    actor: ActorId


class Inherit(Struct, frozen=True):
    """A symbol comes from another shard, which had written this down."""

    saved: tuple[RiskSaved, ...]


class RoundTripDone(Struct, frozen=True):
    """A slot was closed. profit: quote currency, after fees."""

    account: str
    symbol: str
    profit: Decimal


class FaultFound(Struct, frozen=True):
    """Something that must stop a symbol's opening for a while: its position and the venue's do not match."""

    account: str
    symbol: str
    sentence: str


class FaultSettled(Struct, frozen=True):
    """An operator has settled it. reason: what was done."""

    account: str
    symbol: str
    reason: str


class Measured(Struct, frozen=True):
    """Once a second, what an ExchangeActor has seen.

    ages: ns since a symbol's last frame; answers: of the venue to orders, by symbol; equity: newly fetched, None =
    nothing new; positions: quantity, liquidation and mark price of each symbol that we trade, as far as they are known;
    hedged: whether the account is in hedge mode, newly fetched, None = nothing new.
    """

    account: str
    ages: tuple[tuple[str, int], ...] = ()
    answers: tuple[tuple[str, OrderAnswer], ...] = ()
    equity: Decimal | None = None
    positions: tuple[Position, ...] = ()
    hedged: bool | None = None


class Tick(Struct, frozen=True):
    """A second has passed. Sent to itself."""


# --- from the RiskActor ----------------------------------------------------------------------------------------------


class RiskChanged(Struct, frozen=True):
    """The last word of all risk rules on one symbol; it holds until the next one.

    closed: gates, the most urgent first; allowance, limited: as in Gate; exit: why everything must be closed at once,
    "" = nothing must.
    """

    closed: tuple[tuple[str, str], ...] = ()
    allowance: int | None = None
    limited: tuple[str, str] = ("", "")
    exit: str = ""


class ExitBegun(Struct, frozen=True):
    """To the shard: an emergency exit of this account has begun; symbols that stand still must live to be closed."""

    account: str


class WatchCandles(Struct, frozen=True):
    """To an ExchangeActor: the closed candles of these symbols are needed, traded or not, with so much of the past.

    interval: as the venue writes it; window: closed candles.
    """

    symbols: tuple[str, ...]
    interval: str
    window: int


class ShardFacts(Struct, frozen=True):
    """Once a second, from a shard's RiskActor to the PortfolioRiskActor.

    trips: profits of round trips; change: of the profit of all symbols, open positions included; capital: equity of the
    accounts, None = not known; equities: the same by account, for one that is spread over shards counts once;
    age: ns since the freshest frame, None = nothing is watched.
    """

    shard: ActorId
    trips: tuple[Decimal, ...]
    change: Decimal
    capital: Decimal | None
    answers: tuple[OrderAnswer, ...]
    age: int | None
    equities: tuple[tuple[str, Decimal], ...] = ()


# --- to and from the PortfolioRiskActor ------------------------------------------------------------------------------


class Wake(Struct, frozen=True):
    """To the PortfolioRiskActor, first of all: tell the supervisor what is remembered."""


class ShardAway(Struct, frozen=True):
    """To the PortfolioRiskActor: a shard's process has ended. Its profit so far counts, its equity and feed do not."""

    shard: ActorId


class GlobalWord(Struct, frozen=True):
    """The global breaker's word on every symbol; told down to each RiskActor.

    It is repeated every second, so that a shard notices when nobody says anything any more.
    """

    closed: tuple[tuple[str, str], ...] = ()
    allowance: int | None = None
    limited: tuple[str, str] = ("", "")


class ExposureReport(Struct, frozen=True):
    """About once a second: what an account uses, the share of the total limit it works under, its equity. Units."""

    account: str
    used: int
    share: int
    equity: int | None


class ShareGiven(Struct, frozen=True):
    """The share of the total limit that an account works under from now on, in units."""

    account: str
    share: int
