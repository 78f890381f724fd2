"""What the service needs of operations: commands that survive a killed supervisor, and what has become of them.

Nothing of the wire is here: who carries them out starts before anybody is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from opensqt_actors.actors.operations import Json, Kind, Record
from opensqt_actors.actors.operator import Done, Refusal

MOST_SHOWN = 1_000
USUAL_SHOWN = 50


class Answer(Struct, frozen=True):
    """What an operation says first. notes: what was asked for and left out, one sentence each."""

    key: str
    payload: Done | Refusal
    notes: tuple[str, ...] = ()


class OperationView(Struct, frozen=True):
    """A record, and the step at which it is. since: ns; "" and 0 when it is at none."""

    record: Record
    step: str
    since: int


class Operations(Protocol):
    """What the service needs of the operations behind it. All but `perform` and `apply` may raise StorageError."""

    async def perform(self, kind: Kind, key: str, arguments: Mapping[str, Json], timeout: float) -> Answer:
        """Begin one, or tell what came of a known key; Refusal "timeout" after `timeout` s."""

    async def apply(self, key: str, timeout: float) -> Answer:
        """Read the configuration file again and apply what has changed in it."""

    async def records(self, limit: int, *, running: bool) -> tuple[OperationView, ...]:
        """The newest first."""

    async def show(self, key: str) -> OperationView | None:
        """One with its steps."""
