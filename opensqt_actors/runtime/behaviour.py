"""What an actor is: a pure step from a message and a time to effects.

A behaviour owns its state and nothing else. It does no I/O, reads no clock and keeps no reference to a host;
everything it wants done it returns as effects (see `effects.py`), which a host performs after the step has returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NewType, Protocol

if TYPE_CHECKING:
    from opensqt_actors.runtime.effects import Effect

ActorId = NewType("ActorId", str)
"""A path that names an actor within one host, e.g. `shard-0/symbol:main:BTCUSDT`. It outlives a restart."""


class Behaviour(Protocol):
    """The state and the decisions of one actor."""

    def step(self, message: Any, now: int) -> Sequence[Effect]:
        """Take one message at `now` (ns since the epoch, UTC) and return the effects, performed in order.

        The only entry. A raised exception is a crash: none of this step's effects happen, the actor ends, what is
        queued for it is dropped, and its parent receives `ActorFailed`. A step is attempted once.
        """
        ...
