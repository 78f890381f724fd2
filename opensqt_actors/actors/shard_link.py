"""What passes between a shard's process and its ShardProxy: requests to the adapter, and what it tells.

The commands themselves are the ShardActor's messages, the facts are what it tells its parent: see shard.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.views import AccountRow, SymbolRow
from opensqt_actors.domain.settings import SymbolSpec

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Hello:
    """Who a shard's process is, and what it owns."""

    pid: int
    version: str
    configuration: str
    started: bool
    symbols: tuple[SymbolSpec, ...]


@dataclass(frozen=True, slots=True)
class Screens:
    """A heartbeat: the lines that changed, and the process's resident memory in bytes."""

    symbols: tuple[SymbolRow, ...]
    accounts: tuple[AccountRow, ...]
    resident: int = 0


# --- effects of a ShardProxy -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReachShard:
    """Attach to a shard's process. Answered by ShardUp; by ShardAbsent when there is none and `launch` is off.

    From now on everything about this shard is told to the actor that asked, with this `life`.
    """

    shard: int
    life: int
    launch: bool


@dataclass(frozen=True, slots=True)
class CommandShard:
    """Send a command, in order, never dropped. Not answered."""

    shard: int
    message: Any


@dataclass(frozen=True, slots=True)
class KillShard:
    """End the process at once; ShardGone follows when it is certain that it has ended."""

    shard: int


@dataclass(frozen=True, slots=True)
class Overheard:
    """An announcement of a shard's process, which has logged and stored it itself. Not answered."""

    announce: Announce


# --- what the adapter tells a ShardProxy -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShardAbsent:
    """There is no process of this shard."""

    life: int


@dataclass(frozen=True, slots=True)
class ShardUp:
    """The stream is up; again after it broke while the process lives."""

    life: int
    hello: Hello


@dataclass(frozen=True, slots=True)
class ShardGone:
    """The process has ended, for certain. reason: one clause."""

    life: int
    reason: str


@dataclass(frozen=True, slots=True)
class ShardSaid:
    """A fact from the shard's process."""

    life: int
    fact: Any


# --- from a ShardProxy to the SupervisorActor ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShardOwns:
    """What a shard's process was found to trade when it was looked for; nothing when there was none."""

    shard: int
    symbols: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class ShardDown:
    """A shard's process has ended unasked. quarantined: it is not started again by itself."""

    shard: int
    sentence: str
    quarantined: bool


# --- from the SupervisorActor to a ShardProxy ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestartShard:
    """An operator wants a new process: the old one ends and leaves its orders; a quarantine is over."""


# --- in the shard's process ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SupervisorAttached:
    """To the ShardGateway: a supervisor has opened the stream; it knows nothing yet."""


@dataclass(frozen=True, slots=True)
class SupervisorLost:
    """To the ShardGateway: the stream has ended."""


@dataclass(frozen=True, slots=True)
class SendUp:
    """Effect of the ShardGateway: a fact for the supervisor; nobody gets it while none is attached. Not answered."""

    fact: Any
