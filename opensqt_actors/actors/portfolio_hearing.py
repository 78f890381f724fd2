"""Whether a shard's process still hears the portfolio's risk: after too long a silence it must open nothing.

The PortfolioRiskActor repeats its word every second, so silence says that nobody could close the gates over all shards:
the supervisor is dead, stands still or cannot be reached, or that actor itself is. A shard in the supervisor's own
process has none of this: who hangs there hangs with it. Pure; fails closed.
"""

from __future__ import annotations

from msgspec.structs import replace

from opensqt_actors.actors.risk_messages import UNHEARD, GlobalWord

SECOND = 1_000_000_000
HELD_UP = SECOND
"""ns between two looks that say that this process itself stood still, and what was said meanwhile waits to be read."""
GRACE = 2 * SECOND


class PortfolioHearing:
    """limit: ns of silence, 0 = any. look() must be called several times a second.

    word: what the portfolio's risk said last. lost: whether the silence has lasted too long.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.word = GlobalWord()
        self.lost = False
        self._last = 0
        self._looked = 0
        self._excused = False

    def begin(self, now: int) -> None:
        """Silence counts from now."""
        self._last = self._looked = now

    def heard(self, word: GlobalWord, now: int) -> bool:
        """Take a word. True when it ends a silence that had lasted too long."""
        self.word, self._last, self._excused = word, now, False
        was, self.lost = self.lost, False
        return was

    def look(self, now: int) -> bool:
        """True when the silence has just become too long.

        A process that stood still itself gets a moment to read what was told to it meanwhile, once in a silence.
        """
        held_up = now - self._looked > HELD_UP
        self._looked = now
        if not self.limit or self.lost:
            return False
        if held_up and not self._excused and now - self._last > self.limit - GRACE:
            self._excused = True
            self._last = now - self.limit + GRACE
        self.lost = now - self._last >= self.limit
        return self.lost

    def told(self) -> GlobalWord:
        """What the shard's own risk rules are to go by: the last word, and after too long a silence no opening."""
        if not self.lost:
            return self.word
        sentence = (
            f"nothing was heard of the risk over all shards for {self.limit / SECOND:g} s (the supervisor is dead, "
            "stands still or cannot be reached): nothing opens until it is heard again"
        )
        return replace(self.word, closed=(*self.word.closed, (UNHEARD, sentence)))
