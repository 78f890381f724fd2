"""The request budget of an account that is spread over shards: who has which part of it, and how parts change hands.

At no time do the parts come to more than the whole: a part grows only when another shard has said that its own shrank.
"""

from __future__ import annotations

from collections.abc import Mapping

from opensqt_actors.domain.placement import WHOLE, shares

LEAST_CHANGE = 50
"""Thousandths: smaller differences are not worth a message."""


class SharedBudget:
    """One account. given: what each shard was told last; in_force: what it says it works under, 0 = not running."""

    def __init__(self) -> None:
        self.given: dict[int, int] = {}
        self.in_force: dict[int, int] = {}
        self._unheard: dict[int, list[int]] = {}

    def begin(self, symbols: Mapping[int, int]) -> None:
        """First parts, by the number of symbols."""
        self.given = shares(symbols, {})

    def heard(self, shard: int, thousandths: int) -> None:
        """A shard tells what it works under."""
        self.in_force[shard] = thousandths
        waiting = self._unheard.get(shard, [])
        if thousandths in waiting:
            del waiting[: waiting.index(thousandths) + 1]

    def down(self, shard: int) -> None:
        """A shard's process has ended: it uses nothing until it starts again with what it was given."""
        self.in_force[shard] = 0
        self._unheard.pop(shard, None)

    def of(self, shard: int) -> int:
        """What a shard is to start with."""
        return self.given.get(shard, 0)

    def rebalance(self, symbols: Mapping[int, int], waiting: Mapping[int, int]) -> dict[int, int]:
        """New parts to be told now, by shard. What cannot grow yet grows at a later call."""
        target = shares(symbols, waiting)
        told: dict[int, int] = {}
        for shard in sorted(self.given.keys() | target.keys()):
            now, then = self.given.get(shard, 0), target.get(shard, 0)
            if then < now and (then == 0 or now - then >= LEAST_CHANGE):
                told[shard] = self._tell(shard, then)
        for shard, then in target.items():
            now = self.given.get(shard, 0)
            if then <= now or (now and then - now < LEAST_CHANGE):
                continue
            others = self.given.keys() | self.in_force.keys()
            taken = sum(self._most(other) for other in others if other != shard)
            room = min(then, WHOLE - taken)
            if room > now:
                told[shard] = self._tell(shard, room)
        return told

    def _tell(self, shard: int, part: int) -> int:
        self.given[shard] = part
        self._unheard.setdefault(shard, []).append(part)
        return part

    def _most(self, shard: int) -> int:
        """The largest part under which a shard may be working now: what it was told and has not confirmed counts."""
        return max(self.given.get(shard, 0), self.in_force.get(shard, 0), *self._unheard.get(shard, ()))
