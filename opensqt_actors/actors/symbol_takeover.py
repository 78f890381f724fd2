"""How a SymbolActor begins under a lease: orders of earlier epochs go, and are looked for again before anything opens.

An order that the last owner had sent may show itself late. What is held gets its exits as soon as the venue's view
shows no order of an earlier epoch; openings wait until two more looks have found none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from opensqt_actors.actors import ports
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.runtime.effects import Effect, SetTimer

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

SECOND = 1_000_000_000
GATE = "takeover"
LOOKS = (2 * SECOND, 10 * SECOND)
"""ns after the first clean view when the venue is looked at again."""
SOON = SECOND // 2
SENTENCE = (
    "another host has traded this symbol; orders of its epochs are looked for until none has shown itself for 10 s"
)


class LookAgain(Struct, frozen=True):
    """Time for the next look. Sent to itself."""


class Takeover:
    """waiting: whether openings are still held back."""

    def __init__(self, *, needed: bool) -> None:
        self.waiting = needed
        self._since = 0
        self._looks = 0
        self._due = 0

    def outdated(self, actor: SymbolActor, now: int) -> list[ClientId]:
        """The orders of earlier epochs that rest, as the view that has just come says: marked as being cancelled."""
        slots = actor.slots
        return [slots.cancel(level, now).client_id for level in actor.sync.resting_of_earlier_epochs()]

    def look(self, message: LookAgain, actor: SymbolActor, now: int) -> list[Effect]:
        """The moment has come: the next view that is asked for from now on counts."""
        self._due = now
        return actor.ask_truth(now)

    def seen(self, actor: SymbolActor, now: int) -> list[Effect]:
        """A view has come and was believed, and no order of an earlier epoch is in it any more."""
        if not self.waiting:
            return []
        if not self._since:
            self._since = now
            return [SetTimer("takeover", LOOKS[0], LookAgain())]
        if not self._due or actor.sync.asked < self._due:
            return []
        self._due = 0
        self._looks += 1
        if self._looks < len(LOOKS):
            return [SetTimer("takeover", max(self._since + LOOKS[self._looks] - now, 1), LookAgain())]
        self.waiting = False
        actor.gates.open(GATE)
        sentence = f"{actor.symbol} is taken over under epoch {actor.spec.epoch}: it opens again"
        return [ports.Announce("lease.taken_over", actor.account, actor.symbol, sentence)]
