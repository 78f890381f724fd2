"""What a step may ask of its host, and what the host itself tells actors.

Any effect object of a type not defined here is a request to a port: the host looks up the port bound to its type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct

from opensqt_actors.runtime.behaviour import ActorId, Behaviour


class Tell(Struct, frozen=True):
    """Send `message` to the actor `to`. To an unknown actor: dropped and counted."""

    to: ActorId
    message: Any


class Spawn(Struct, frozen=True):
    """Start an actor as a child of the one that asks.

    `make` builds its behaviour and is called while the effect is performed; when it raises, the child has failed and
    the parent receives `ActorFailed`. `incarnation` counts the starts of this id and must grow with each of them.
    An id that is in use is a programming error: the asking actor fails.
    """

    child: ActorId
    make: Callable[[], Behaviour]
    incarnation: int


class Stop(Struct, frozen=True):
    """Stop a child (or the asking actor itself): its children first, the youngest before the older, then itself.

    Messages already queued for it are dropped, its timers cancelled; its parent receives `ActorStopped`.
    A child that no longer exists is no error: it may have crashed a moment ago.
    """

    child: ActorId


class SetTimer(Struct, frozen=True):
    """Tell the asking actor `message` once, `after` ns from the step's `now`. Replaces the timer of the same key."""

    key: str
    after: int
    message: Any


class CancelTimer(Struct, frozen=True):
    """Forget the timer of this key. No message of it arrives after this, not even one already due. May be absent."""

    key: str


class ActorFailed(Struct, frozen=True):
    """A child raised, and is gone. Sent to its parent, once per failure.

    `reason` is one line: the exception's type and text. `detail` is a short traceback: files, lines and functions,
    without the values of local variables, so that no secret gets into a log by this way.
    """

    child: ActorId
    incarnation: int
    reason: str
    detail: str


class ActorStopped(Struct, frozen=True):
    """A child was stopped, or stopped itself, and is gone. Sent to its parent."""

    child: ActorId
    incarnation: int


Effect: TypeAlias = Tell | Spawn | Stop | SetTimer | CancelTimer | object
