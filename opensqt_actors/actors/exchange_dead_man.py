"""The dead-man switch of one account: the venue cancels what rests of a symbol when it is not told in time not to.

Off unless it is asked for. It cancels exits as well, and each renewal costs request weight. The venue has one countdown
for each symbol: of an account that is spread over shards each has those of its own symbols, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from opensqt_actors.actors import ports
from opensqt_actors.actors.tracker import Tracker
from opensqt_actors.runtime.effects import Effect

SECOND = 1_000_000_000
RENEWALS = 3
"""A countdown is begun anew so many times while it runs: one request that is lost does no harm."""
LONG_AGO = 0


class DeadMan:
    """seconds: length of the countdown, 0 = off. Armed for a symbol while it has orders, and only then.

    traded: the symbols that are attached here, now.
    """

    def __init__(self, seconds: int, tracker: Tracker, traded: Callable[[], Container[str]]) -> None:
        self.seconds = seconds
        self._tracker = tracker
        self._traded = traded
        self._armed: dict[str, int] = {}
        self._unseen: set[str] = set()

    def begin(self, symbol: str) -> None:
        """Orders of an earlier life may rest, here or in another shard, whose countdown goes on: it is taken over at
        once, and not ended before the venue's view has told whether there are any.
        """
        if self.seconds and symbol not in self._armed:
            self._unseen.add(symbol)
            self._armed[symbol] = LONG_AGO

    def seen(self, symbol: str) -> None:
        """The venue's view of a symbol is known."""
        self._unseen.discard(symbol)

    def sweep(self, now: int, *, paused: bool) -> list[Effect]:
        """Once a second: arm what has orders, and renew the oldest countdowns; none while the venue wants a pause.

        Renewals are spread over the countdown, so that many symbols are no burst of requests.
        """
        if not self.seconds or paused:
            return []
        traded = self._traded()
        ordered = {tracked.symbol for tracked in self._tracker.all_live() if tracked.symbol in traded} | self._unseen
        effects = [effect for symbol in sorted(self._armed.keys() - ordered) for effect in self.disarm(symbol)]
        effects += [self._arm(symbol, now) for symbol in sorted(ordered - self._armed.keys())]
        every = self.seconds * SECOND // RENEWALS
        most = -(-len(ordered) * RENEWALS // self.seconds) + 1
        taken_over = [symbol for symbol, at in self._armed.items() if at == LONG_AGO]
        due = sorted((at, symbol) for symbol, at in self._armed.items() if at != LONG_AGO and now - at >= every)
        return effects + [self._arm(symbol, now) for symbol in (*sorted(taken_over), *(s for _, s in due[:most]))]

    def disarm(self, symbol: str) -> list[Effect]:
        """The symbol has no orders any more, or leaves with some that are to stay."""
        self._unseen.discard(symbol)
        return [ports.ArmDeadMan(symbol, 0)] if self._armed.pop(symbol, None) is not None else []

    def hand_over(self, symbol: str) -> list[Effect]:
        """Another shard takes the symbol with its orders: its countdown begins anew once more, and runs until the other
        one renews it. If that one never comes the venue cancels.
        """
        self._unseen.discard(symbol)
        armed = self._armed.pop(symbol, None) is not None
        return [ports.ArmDeadMan(symbol, self.seconds, handed_over=True)] if armed else []

    def _arm(self, symbol: str, now: int) -> Effect:
        self._armed[symbol] = now
        return ports.ArmDeadMan(symbol, self.seconds)
