"""How many orders an account may send now: a token bucket and the venue's sliding windows. Pure, time comes in."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

SECOND = 1_000_000_000
SKEW = SECOND
"""So far may our clock and the venue's be apart (pre-flight asks for no less)."""
ON_THE_WAY = SECOND // 2
"""So much later than the orders before it an order may be counted by the venue: a commit, a busy loop, the network."""
LEAST_PACE = 0.1
"""Orders a second that a share always allows: an exit must be able to go out."""


class Limits(Struct, frozen=True):
    """orders_per_second, burst: our own pace; per_10s and per_minute: what the venue publishes, 0 = nothing."""

    orders_per_second: float = 25.0
    burst: int = 30
    per_10s: int = 0
    per_minute: int = 0


class _Window:
    """One published limit, kept as a sliding window, which is stricter than the venue's own, fixed one, and longer.

    began, mine, others: the venue's window as far as it is known here: when it began, ns, and what was sent in it.
    elsewhere: what those may send in it who have the other shares of this account.
    """

    __slots__ = ("began", "elsewhere", "limit", "mine", "others", "sent", "span")

    def __init__(self, span: int, limit: int) -> None:
        self.span = span
        self.limit = limit
        self.elsewhere = 0
        self.sent: deque[int] = deque()
        self.began = 0
        self.mine = 0
        self.others = 0

    def share(self, part: int, whole: int) -> None:
        self.limit = part
        self.elsewhere = whole - part

    def room(self, now: int) -> int:
        while self.sent and self.sent[0] <= now - self.span - ON_THE_WAY:
            self.sent.popleft()
        return self.limit - len(self.sent)

    def take(self, now: int, orders: int) -> None:
        self._roll(now)
        self.mine += orders
        self.sent.extend([now] * orders)

    def counted(self, asked: int, now: int, used: int) -> None:
        """The venue's count; one that may be of the window before, or counted by a clock that differs, says nothing."""
        if (asked - SKEW) // self.span != (now + SKEW) // self.span:
            return
        self._roll(now)
        surplus = min(used - self.mine - self.others - self.elsewhere, self.limit)
        if surplus > 0:
            self.others += surplus
            self.sent.extend([now] * surplus)

    def _roll(self, now: int) -> None:
        began = now - now % self.span
        if began != self.began:
            self.began, self.mine, self.others = began, 0, 0


class Budget:
    """One venue account's budget. `pause` stops everything until a moment (429, 418, Retry-After)."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.thousandths = 1_000
        self.paused_until = 0
        self._whole = limits
        self._tokens = float(limits.burst)
        self._at = 0
        self._short = _Window(10 * SECOND, limits.per_10s)
        self._long = _Window(60 * SECOND, limits.per_minute)
        self._windows = [window for window in (self._short, self._long) if window.limit]

    def share(self, thousandths: int) -> None:
        """Use only so many thousandths of the whole from now on. What was sent before still counts."""
        whole = self._whole
        self.thousandths = thousandths
        self.limits = Limits(
            max(whole.orders_per_second * thousandths / 1_000, LEAST_PACE),
            max(whole.burst * thousandths // 1_000, 1),
            _part(whole.per_10s, thousandths),
            _part(whole.per_minute, thousandths),
        )
        self._tokens = min(self._tokens, float(self.limits.burst))
        self._short.share(self.limits.per_10s, whole.per_10s)
        self._long.share(self.limits.per_minute, whole.per_minute)

    def pause(self, now: int, wait: int) -> None:
        """No request for `wait` ns."""
        self.paused_until = max(self.paused_until, now + wait)

    def room(self, now: int) -> int:
        """How many orders may go now."""
        if now < self.paused_until:
            return 0
        self._refill(now)
        room = int(self._tokens)
        for window in self._windows:
            room = min(room, window.room(now))
        return max(room, 0)

    def take(self, now: int, orders: int) -> None:
        """Use up `orders`; the caller has asked `room` before."""
        self._refill(now)
        self._tokens -= orders
        for window in self._windows:
            window.take(now, orders)

    def counted(self, asked: int, now: int, in_10s: int, in_minute: int) -> None:
        """How many orders the venue has counted in its windows when it answered a request that was sent at `asked`.

        What is more than ours was sent by others on the same account, and uses up the same limit.
        """
        for window, used in ((self._short, in_10s), (self._long, in_minute)):
            if window.limit:
                window.counted(asked, now, used)

    @property
    def others(self) -> tuple[int, int]:
        """Orders of others that the venue has counted in its newest windows of 10 s and of a minute."""
        return self._short.others, self._long.others

    def next_room(self, now: int) -> int:
        """ns until one order may go."""
        wait = max(0, self.paused_until - now)
        if self._tokens < 1:
            wait = max(wait, int((1 - self._tokens) / self.limits.orders_per_second * SECOND) + 1)
        for window in self._windows:
            excess = len(window.sent) - window.limit
            if excess >= 0:
                wait = max(wait, window.sent[excess] + window.span + ON_THE_WAY - now)
        return wait

    def _refill(self, now: int) -> None:
        if now > self._at:
            if self._at:
                self._tokens += (now - self._at) / SECOND * self.limits.orders_per_second
                self._tokens = min(self._tokens, float(self.limits.burst))
            self._at = now


def _part(count: int, thousandths: int) -> int:
    """A share of a window's count; 0, no limit, stays 0."""
    return max(count * thousandths // 1_000, 1) if count else 0
