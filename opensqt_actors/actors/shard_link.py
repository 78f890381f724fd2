"""What passes between a shard's process and its ShardProxy: requests to the adapter, and what it tells.

The commands themselves are the ShardActor's messages, the facts are what it tells its parent: see shard.py.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.views import AccountRow, Durations, SymbolRow
from opensqt_actors.domain.settings import SymbolSpec

Key = tuple[str, str]


class Hello(Struct, frozen=True):
    """Who a shard's process is, and what it owns."""

    pid: int
    version: str
    configuration: str
    started: bool
    symbols: tuple[SymbolSpec, ...]


class Measured(Struct, frozen=True):
    """What only the process itself can know of it. resident: memory in bytes; pending, durations: see ShardRow."""

    resident: int = 0
    pending: int = 0
    durations: tuple[Durations, ...] = ()


class Screens(Struct, frozen=True):
    """A heartbeat: the lines that changed, and what the process has measured of itself."""

    symbols: tuple[SymbolRow, ...]
    accounts: tuple[AccountRow, ...]
    measured: Measured = Measured()


# --- effects of a ShardProxy -----------------------------------------------------------------------------------------


class ReachShard(Struct, frozen=True):
    """Attach to a shard's process. Answered by ShardUp; by ShardAbsent when there is none and `launch` is off.

    From now on everything about this shard is told to the actor that asked, with this `life`.
    """

    shard: int
    life: int
    launch: bool


class CommandShard(Struct, frozen=True):
    """Send a command, in order, never dropped. Not answered."""

    shard: int
    message: Any


class KillShard(Struct, frozen=True):
    """End the process at once; ShardGone follows when it is certain that it has ended."""

    shard: int


class Overheard(Struct, frozen=True):
    """An announcement of a shard's process, which has logged and stored it itself. Not answered."""

    announce: Announce


# --- what the adapter tells a ShardProxy -----------------------------------------------------------------------------


class ShardAbsent(Struct, frozen=True):
    """There is no process of this shard."""

    life: int


class ShardUp(Struct, frozen=True):
    """The stream is up; again after it broke while the process lives."""

    life: int
    hello: Hello


class ShardGone(Struct, frozen=True):
    """The process has ended, for certain. reason: one clause."""

    life: int
    reason: str


class ShardSaid(Struct, frozen=True):
    """A fact from the shard's process."""

    life: int
    fact: Any


# --- from a ShardProxy to the SupervisorActor ------------------------------------------------------------------------


class ShardOwns(Struct, frozen=True):
    """What a shard's process was found to trade when it was looked for; nothing when there was none."""

    shard: int
    symbols: tuple[Key, ...]


class ShardDown(Struct, frozen=True):
    """A shard's process has ended unasked. quarantined: it is not started again by itself."""

    shard: int
    sentence: str
    quarantined: bool


# --- from the SupervisorActor to a ShardProxy ------------------------------------------------------------------------


class RestartShard(Struct, frozen=True):
    """An operator wants a new process: the old one ends and leaves its orders; a quarantine is over."""


# --- in the shard's process ------------------------------------------------------------------------------------------


class SupervisorAttached(Struct, frozen=True):
    """To the ShardGateway: a supervisor has opened the stream; it knows nothing yet."""


class SupervisorLost(Struct, frozen=True):
    """To the ShardGateway: the stream has ended."""


class SendUp(Struct, frozen=True):
    """Effect of the ShardGateway: a fact for the supervisor; nobody gets it while none is attached. Not answered."""

    fact: Any
