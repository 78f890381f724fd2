"""What a shard is told and what it tells: between ShardActor, its gateway or proxy, and the supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId


@dataclass(frozen=True, slots=True)
class StartShard:
    """Spawn the exchanges and the risk actor. saved: what the risk rules have written down before.

    shares: thousandths of request budgets, by account; an account that is not named has all of its own.
    """

    saved: tuple[RiskSaved, ...] = ()
    shares: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AddSymbolActor:
    """Begin to trade a symbol: its state is loaded, then its actor spawned.

    saved: what the risk rules of the shard where it was before have written down of it.
    """

    spec: SymbolSpec
    saved: tuple[RiskSaved, ...] = ()


@dataclass(frozen=True, slots=True)
class ToSymbol:
    """Pass a message on to a symbol's actor."""

    account: str
    symbol: str
    message: Any


@dataclass(frozen=True, slots=True)
class ReleaseSymbol:
    """Another shard takes this symbol: its orders stay, its actor ends. SymbolReleased follows."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class DropSymbol:
    """Another host may have this symbol: its actor ends as it stands, its orders are left alone. Not answered."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class ShareBudget:
    """What of an account's request budget is this shard's from now on, in thousandths."""

    account: str
    thousandths: int


@dataclass(frozen=True, slots=True)
class RestartSymbol:
    """An operator resumes a quarantined symbol."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class StopShard:
    """Stop trading everywhere; ShardStopped follows."""

    cancel_openings: bool
    cancel_exits: bool


@dataclass(frozen=True, slots=True)
class ShardStopped:
    """Every symbol has come to rest. shard: its number."""

    shard: int = 0


@dataclass(frozen=True, slots=True)
class SymbolLeft:
    """A removed symbol has been left for good."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolReleased:
    """A symbol's actor has ended and everything that it knew is written: another shard may take it."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolQuarantined:
    """A symbol failed too often and stands still until an operator resumes it."""

    account: str
    symbol: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ShardRestarted:
    """One of the shard's actors failed and is started again."""

    actor: ActorId
    reason: str
