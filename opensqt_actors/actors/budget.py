"""How many orders an account may send now: a token bucket and the venue's sliding windows. Pure, time comes in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """orders_per_second, burst: our own pace; per_10s and per_minute: what the venue publishes, 0 = nothing."""

    orders_per_second: float = 25.0
    burst: int = 30
    per_10s: int = 0
    per_minute: int = 0


class Budget:
    """One venue account's budget. `pause` stops everything until a moment (429, 418, Retry-After)."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.paused_until = 0
        self._tokens = float(limits.burst)
        self._at = 0
        self._windows = [
            (span, count, deque[int]())
            for span, count in ((10 * SECOND, limits.per_10s), (60 * SECOND, limits.per_minute))
            if count
        ]

    def pause(self, now: int, wait: int) -> None:
        """No request for `wait` ns."""
        self.paused_until = max(self.paused_until, now + wait)

    def room(self, now: int) -> int:
        """How many orders may go now."""
        if now < self.paused_until:
            return 0
        self._refill(now)
        room = int(self._tokens)
        for span, count, sent in self._windows:
            while sent and sent[0] <= now - span:
                sent.popleft()
            room = min(room, count - len(sent))
        return max(room, 0)

    def take(self, now: int, orders: int) -> None:
        """Use up `orders`; the caller has asked `room` before."""
        self._refill(now)
        self._tokens -= orders
        for _, _, sent in self._windows:
            sent.extend([now] * orders)

    def next_room(self, now: int) -> int:
        """ns until one order may go."""
        wait = max(0, self.paused_until - now)
        if self._tokens < 1:
            wait = max(wait, int((1 - self._tokens) / self.limits.orders_per_second * SECOND) + 1)
        for span, count, sent in self._windows:
            if len(sent) >= count:
                wait = max(wait, sent[0] + span - now)
        return wait

    def _refill(self, now: int) -> None:
        if now > self._at:
            if self._at:
                self._tokens += (now - self._at) / SECOND * self.limits.orders_per_second
                self._tokens = min(self._tokens, float(self.limits.burst))
            self._at = now
