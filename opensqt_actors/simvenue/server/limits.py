"""Request weight per address and order counts per account: fixed windows as on the venue, 429, then a ban with 418.

Times are milliseconds since the epoch and come from the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct, field

from opensqt_actors.simvenue.server.errors import VenueError

MINUTE = 60_000
TEN_SECONDS = 10_000
LONGEST_BAN = 3 * 24 * 3_600
KNOWN_ADDRESSES = 4_096


@dataclass(frozen=True, slots=True)  # not a Struct: the settings have it as a field, which pydantic checks
class Limits:
    """Limits in force. `ban_after` requests refused with 429 in one minute are answered with a ban of `ban_seconds`,
    doubled with each further ban up to three days. A socket that sends more than `frames_per_second` is closed."""

    weight_per_minute: int = 2_400
    orders_per_10s: int = 300
    orders_per_minute: int = 1_200
    ban_after: int = 20
    ban_seconds: int = 120
    frames_per_second: int = 10


PRESETS = {
    "standard": Limits(),
    "market-maker": Limits(
        weight_per_minute=1_000_000, orders_per_10s=100_000, orders_per_minute=600_000, frames_per_second=1_000
    ),
}


class _Window(Struct):
    length: int
    start: int = -1
    used: int = 0

    def add(self, amount: int, now: int) -> int:
        start = now - now % self.length
        if start != self.start:
            self.start, self.used = start, 0
        self.used += amount
        return self.used

    def left(self, now: int) -> int:
        """Whole seconds until the window ends, at least 1."""
        return max(1, -(-(self.length - now % self.length) // 1_000))


class _Address(Struct):
    weight: _Window = field(default_factory=lambda: _Window(MINUTE))
    ignored: _Window = field(default_factory=lambda: _Window(MINUTE))
    banned_until: int = 0
    bans: int = 0


class _Orders(Struct):
    ten_seconds: _Window = field(default_factory=lambda: _Window(TEN_SECONDS))
    minute: _Window = field(default_factory=lambda: _Window(MINUTE))


class RateLimiter:
    """Counts and refuses. Each refusal is a VenueError with the right status and Retry-After."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._addresses: dict[str, _Address] = {}
        self._orders: dict[str, _Orders] = {}

    def request(self, address: str, weight: int, now: int) -> int:
        """Count a request; the weight used in this minute. Raises VenueError -1003 with status 429 or 418."""
        entry = self._address(address)
        if now < entry.banned_until:
            raise self._banned(entry, now)
        used = entry.weight.add(weight, now)
        if used <= self.limits.weight_per_minute:
            return used
        if entry.ignored.add(1, now) > self.limits.ban_after:
            self.ban(address, now)
            raise self._banned(entry, now)
        raise VenueError(
            -1003,
            f"Too many requests; current limit of IP({address}) is {self.limits.weight_per_minute} requests per minute."
            " Please use the websocket for live updates to avoid polling the API.",
            retry_after=entry.weight.left(now),
        )

    def orders(self, account: str, in_ten_seconds: int, in_minute: int, now: int) -> tuple[int, int]:
        """Count orders of an account; the counts of the 10 s and of the minute. Raises VenueError -1015."""
        entry = self._orders.setdefault(account, _Orders())
        short = entry.ten_seconds.add(in_ten_seconds, now)
        long = entry.minute.add(in_minute, now)
        if short > self.limits.orders_per_10s:
            raise self._too_many_orders(self.limits.orders_per_10s, "10 SECOND", entry.ten_seconds.left(now))
        if long > self.limits.orders_per_minute:
            raise self._too_many_orders(self.limits.orders_per_minute, "1 MINUTE", entry.minute.left(now))
        return short, long

    def used(self, account: str, now: int) -> tuple[int, int]:
        """Orders counted in the current 10 s and minute."""
        entry = self._orders.setdefault(account, _Orders())
        return entry.ten_seconds.add(0, now), entry.minute.add(0, now)

    def ban(self, address: str, now: int, seconds: int | None = None) -> int:
        """Ban an address now; the time (ms) until which."""
        entry = self._address(address)
        length = seconds if seconds is not None else min(LONGEST_BAN, self.limits.ban_seconds << min(entry.bans, 20))
        entry.bans += 1
        entry.banned_until = now + length * 1_000
        return entry.banned_until

    def lift(self) -> None:
        """Forget all bans and what has been used."""
        self._addresses.clear()
        self._orders.clear()

    def _address(self, address: str) -> _Address:
        entry = self._addresses.get(address)
        if entry is None:
            if len(self._addresses) >= KNOWN_ADDRESSES:
                del self._addresses[next(iter(self._addresses))]
            entry = self._addresses[address] = _Address()
        return entry

    @staticmethod
    def _banned(entry: _Address, now: int) -> VenueError:
        return VenueError(
            -1003,
            f"Way too many requests; IP banned until {entry.banned_until}. "
            "Please use the websocket for live updates to avoid bans.",
            status=418,
            retry_after=max(1, -(-(entry.banned_until - now) // 1_000)),
        )

    @staticmethod
    def _too_many_orders(limit: int, window: str, left: int) -> VenueError:
        return VenueError(
            -1015, f"Too many new orders; current limit is {limit} orders per {window}.", retry_after=left
        )
