"""What operators ask of the SupervisorActor, from wherever they ask. Each request is answered by one Reply effect.

`request` is a number that the asking side makes up; payloads are the views, Done, or Refusal.
"""

from __future__ import annotations

from msgspec import Struct

from opensqt_actors.domain.settings import GridSettings, RemoveMode


class AddSymbol(Struct, frozen=True):
    """Add a market. Answered once the venue knows the symbol and the registry row is durable: Done or Refusal."""

    request: int
    account: str
    symbol: str
    grid: GridSettings
    strategy: str = "grid"
    adopt: bool = False


class RemoveSymbol(Struct, frozen=True):
    """Remove a market. Answered by Done when the removal is durable; its orders go by `mode` after that."""

    request: int
    account: str
    symbol: str
    mode: RemoveMode = RemoveMode.GRACEFUL


class PauseSymbol(Struct, frozen=True):
    """No new openings, resting openings cancelled, exits stay. Durable. Done or Refusal."""

    request: int
    account: str
    symbol: str


class ResumeSymbol(Struct, frozen=True):
    """Undo a pause, a refusal or a quarantine. Durable. Done or Refusal."""

    request: int
    account: str
    symbol: str


class DescribeSymbol(Struct, frozen=True):
    """Answered by a SymbolView or Refusal."""

    request: int
    account: str
    symbol: str


class ReconcileSymbol(Struct, frozen=True):
    """Compare a market with the venue now. accept: the venue's position counts. A ReconcileView or Refusal."""

    request: int
    account: str
    symbol: str
    accept: bool = False


class GetStatus(Struct, frozen=True):
    """Answered by a StatusView (which lists the symbols too)."""

    request: int


class Shutdown(Struct, frozen=True):
    """Stop trading: openings cancelled, exits by policy, journal flushed, process ends. Answered by Done at once."""

    request: int


class GetRisk(Struct, frozen=True):
    """Answered by a RiskView."""

    request: int


class TripBreaker(Struct, frozen=True):
    """Open the breaker of a symbol, the global one when symbol is "", until it is reset. Done or Refusal."""

    request: int
    account: str
    symbol: str
    reason: str


class ResetBreaker(Struct, frozen=True):
    """Close the breaker of a symbol, the global one when symbol is "". Done or Refusal."""

    request: int
    account: str
    symbol: str
    reason: str


class EmergencyExit(Struct, frozen=True):
    """Cancel every order of an account, close its positions reduce-only, open nothing until it is cleared.

    Done: it has begun; nothing waits for the database. Or Refusal.
    """

    request: int
    account: str
    reason: str


class ClearEmergency(Struct, frozen=True):
    """An operator has seen to an emergency exit: the account trades again. Done or Refusal."""

    request: int
    account: str
    reason: str


class CheckSettings(Struct, frozen=True):
    """Would these settings work on a market that is traded, now? Changes nothing. Done or Refusal."""

    request: int
    account: str
    symbol: str
    grid: GridSettings


class ReconfigureSymbol(Struct, frozen=True):
    """Trade a market with other grid settings; its actor takes them up, its orders stay. Durable. Done or Refusal."""

    request: int
    account: str
    symbol: str
    grid: GridSettings


class FlattenSymbol(Struct, frozen=True):
    """Cancel every order of a market and close its position; it stays so until it is resumed. Not durable.

    Done: it has been told. Or Refusal.
    """

    request: int
    account: str
    symbol: str


class GetRegistry(Struct, frozen=True):
    """Answered by a RegistryView: every row, and where its symbol stands."""

    request: int


class GetHoldings(Struct, frozen=True):
    """Ask the venue what it holds and what of ours rests there. A HoldingsView or Refusal.

    symbol: "" = every market of the account.
    """

    request: int
    account: str
    symbol: str = ""


class MoveSymbol(Struct, frozen=True):
    """Another shard is to trade a market; its orders stay. Durable. Done or Refusal. shard: its name."""

    request: int
    account: str
    symbol: str
    shard: str


class DrainShard(Struct, frozen=True):
    """Move every market of a shard to the others; it gets no new ones. Done or Refusal."""

    request: int
    shard: str


class RestartShard(Struct, frozen=True):
    """End a shard's process, whose orders stay, and start it anew. Ends a quarantine or a drain. Done or Refusal."""

    request: int
    shard: str


Request = (
    MoveSymbol
    | CheckSettings
    | ReconfigureSymbol
    | FlattenSymbol
    | GetRegistry
    | GetHoldings
    | DrainShard
    | RestartShard
    | AddSymbol
    | RemoveSymbol
    | PauseSymbol
    | ResumeSymbol
    | DescribeSymbol
    | ReconcileSymbol
    | GetStatus
    | Shutdown
    | GetRisk
    | TripBreaker
    | ResetBreaker
    | EmergencyExit
    | ClearEmergency
)


class Done(Struct, frozen=True):
    """It is done; `sentence` says what."""

    sentence: str


class Refusal(Struct, frozen=True):
    """It was not done and nothing changed. code: not_found, already_exists, invalid, unavailable, failed."""

    code: str
    sentence: str
