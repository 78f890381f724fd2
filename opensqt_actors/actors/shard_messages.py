"""What a shard is told and what it tells: between ShardActor, its gateway or proxy, and the supervisor."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId


class StartShard(Struct, frozen=True):
    """Spawn the exchanges and the risk actor. saved: what the risk rules have written down before.

    shares: thousandths of request budgets, by account; an account that is not named has all of its own.
    """

    saved: tuple[RiskSaved, ...] = ()
    shares: tuple[tuple[str, int], ...] = ()


class AddSymbolActor(Struct, frozen=True):
    """Begin to trade a symbol: its state is loaded, then its actor spawned.

    saved: what the risk rules of the shard where it was before have written down of it.
    """

    spec: SymbolSpec
    saved: tuple[RiskSaved, ...] = ()


class ToSymbol(Struct, frozen=True):
    """Pass a message on to a symbol's actor."""

    account: str
    symbol: str
    message: Any


class ReleaseSymbol(Struct, frozen=True):
    """Another shard takes this symbol: its orders stay, its actor ends. SymbolReleased follows."""

    account: str
    symbol: str


class DropSymbol(Struct, frozen=True):
    """Another host may have this symbol: its actor ends as it stands, its orders are left alone. Not answered."""

    account: str
    symbol: str


class ShareBudget(Struct, frozen=True):
    """What of an account's request budget is this shard's from now on, in thousandths."""

    account: str
    thousandths: int


class RestartSymbol(Struct, frozen=True):
    """An operator resumes a quarantined symbol."""

    account: str
    symbol: str


class StopShard(Struct, frozen=True):
    """Stop trading everywhere; ShardStopped follows."""

    cancel_openings: bool
    cancel_exits: bool


class ShardStopped(Struct, frozen=True):
    """Every symbol has come to rest. shard: its number."""

    shard: int = 0


class SymbolLeft(Struct, frozen=True):
    """A removed symbol has been left for good."""

    account: str
    symbol: str


class SymbolReleased(Struct, frozen=True):
    """A symbol's actor has ended and everything that it knew is written: another shard may take it."""

    account: str
    symbol: str


class SymbolQuarantined(Struct, frozen=True):
    """A symbol failed too often and stands still until an operator resumes it."""

    account: str
    symbol: str
    sentence: str


class ShardRestarted(Struct, frozen=True):
    """One of the shard's actors failed and is started again."""

    actor: ActorId
    reason: str
