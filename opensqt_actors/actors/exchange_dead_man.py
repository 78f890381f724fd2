"""The dead-man switch of one account: the venue cancels what rests of a symbol when it is not told in time not to.

Off unless it is asked for. It cancels exits as well, and each renewal costs request weight.
"""

from __future__ import annotations

from opensqt_actors.actors import ports
from opensqt_actors.actors.tracker import Tracker
from opensqt_actors.runtime.effects import Effect

SECOND = 1_000_000_000
RENEWALS = 3
"""A countdown is begun anew so many times while it runs: one request that is lost does no harm."""


class DeadMan:
    """seconds: length of the countdown, 0 = off. Armed for a symbol while it has orders, and only then."""

    def __init__(self, seconds: int, tracker: Tracker) -> None:
        self.seconds = seconds
        self._tracker = tracker
        self._armed: dict[str, int] = {}

    def sweep(self, now: int, *, paused: bool) -> list[Effect]:
        """Once a second: arm what has orders, and renew the oldest countdowns; none while the venue wants a pause.

        Renewals are spread over the countdown, so that many symbols are no burst of requests.
        """
        if not self.seconds or paused:
            return []
        ordered = {tracked.symbol for tracked in self._tracker.all_live()}
        effects = [effect for symbol in sorted(self._armed.keys() - ordered) for effect in self.disarm(symbol)]
        effects += [self._arm(symbol, now) for symbol in sorted(ordered - self._armed.keys())]
        every = self.seconds * SECOND // RENEWALS
        most = -(-len(ordered) * RENEWALS // self.seconds) + 1
        due = sorted((at, symbol) for symbol, at in self._armed.items() if now - at >= every)
        return effects + [self._arm(symbol, now) for _, symbol in due[:most]]

    def disarm(self, symbol: str) -> list[Effect]:
        """The symbol has no orders any more, or leaves with some that are to stay."""
        return [ports.ArmDeadMan(symbol, 0)] if self._armed.pop(symbol, None) is not None else []

    def _arm(self, symbol: str, now: int) -> Effect:
        self._armed[symbol] = now
        return ports.ArmDeadMan(symbol, self.seconds)
