"""What operators ask of the SupervisorActor, from wherever they ask. Each request is answered by one Reply effect.

`request` is a number that the asking side makes up; payloads are the views, Done, or Refusal.
"""

from __future__ import annotations

from dataclasses import dataclass

from opensqt_actors.domain.settings import GridSettings, RemoveMode


@dataclass(frozen=True, slots=True)
class AddSymbol:
    """Add a market. Answered once the venue knows the symbol and the registry row is durable: Done or Refusal."""

    request: int
    account: str
    symbol: str
    grid: GridSettings
    strategy: str = "grid"
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class RemoveSymbol:
    """Remove a market. Answered by Done when the removal is durable; its orders go by `mode` after that."""

    request: int
    account: str
    symbol: str
    mode: RemoveMode = RemoveMode.GRACEFUL


@dataclass(frozen=True, slots=True)
class PauseSymbol:
    """No new openings, resting openings cancelled, exits stay. Durable. Done or Refusal."""

    request: int
    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class ResumeSymbol:
    """Undo a pause, a refusal or a quarantine. Durable. Done or Refusal."""

    request: int
    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class DescribeSymbol:
    """Answered by a SymbolView or Refusal."""

    request: int
    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class ReconcileSymbol:
    """Compare a market with the venue now. accept: the venue's position counts. A ReconcileView or Refusal."""

    request: int
    account: str
    symbol: str
    accept: bool = False


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Answered by a StatusView (which lists the symbols too)."""

    request: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Stop trading: openings cancelled, exits by policy, journal flushed, process ends. Answered by Done at once."""

    request: int


@dataclass(frozen=True, slots=True)
class GetRisk:
    """Answered by a RiskView."""

    request: int


@dataclass(frozen=True, slots=True)
class TripBreaker:
    """Open the breaker of a symbol, the global one when symbol is "", until it is reset. Done or Refusal."""

    request: int
    account: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResetBreaker:
    """Close the breaker of a symbol, the global one when symbol is "". Done or Refusal."""

    request: int
    account: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class EmergencyExit:
    """Cancel every order of an account, close its positions reduce-only, open nothing until it is cleared.

    Done: it has begun; nothing waits for the database. Or Refusal.
    """

    request: int
    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClearEmergency:
    """An operator has seen to an emergency exit: the account trades again. Done or Refusal."""

    request: int
    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """Would these settings work on a market that is traded, now? Changes nothing. Done or Refusal."""

    request: int
    account: str
    symbol: str
    grid: GridSettings


@dataclass(frozen=True, slots=True)
class ReconfigureSymbol:
    """Trade a market with other grid settings; its actor takes them up, its orders stay. Durable. Done or Refusal."""

    request: int
    account: str
    symbol: str
    grid: GridSettings


@dataclass(frozen=True, slots=True)
class FlattenSymbol:
    """Cancel every order of a market and close its position; it stays so until it is resumed. Not durable.

    Done: it has been told. Or Refusal.
    """

    request: int
    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class GetRegistry:
    """Answered by a RegistryView: every row, and where its symbol stands."""

    request: int


@dataclass(frozen=True, slots=True)
class GetHoldings:
    """Ask the venue what it holds and what of ours rests there. A HoldingsView or Refusal.

    symbol: "" = every market of the account.
    """

    request: int
    account: str
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class MoveSymbol:
    """Another shard is to trade a market; its orders stay. Durable. Done or Refusal. shard: its name."""

    request: int
    account: str
    symbol: str
    shard: str


@dataclass(frozen=True, slots=True)
class DrainShard:
    """Move every market of a shard to the others; it gets no new ones. Done or Refusal."""

    request: int
    shard: str


@dataclass(frozen=True, slots=True)
class RestartShard:
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


@dataclass(frozen=True, slots=True)
class Done:
    """It is done; `sentence` says what."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """It was not done and nothing changed. code: not_found, already_exists, invalid, unavailable, failed."""

    code: str
    sentence: str
