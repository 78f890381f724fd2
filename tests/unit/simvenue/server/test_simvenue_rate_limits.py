"""Windows, refusals and bans of the simulated venue's limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.simvenue.server.errors import VenueError
from opensqt_actors.simvenue.server.limits import MINUTE, TEN_SECONDS, Limits, RateLimiter

START = 1_700_000_000_000 - 1_700_000_000_000 % MINUTE
LIMITS = Limits(weight_per_minute=10, orders_per_10s=3, orders_per_minute=5, ban_after=2, ban_seconds=120)


def refused(call: object, *arguments: object) -> VenueError:
    with pytest.raises(VenueError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


def test_weight_adds_up_and_starts_anew_with_the_minute() -> None:
    limiter = RateLimiter(LIMITS)
    assert [limiter.request("a", 5, START), limiter.request("a", 5, START + 1)] == [5, 10]
    assert limiter.request("a", 1, START + MINUTE) == 1


def test_too_much_weight_is_told_with_the_time_to_wait() -> None:
    limiter = RateLimiter(LIMITS)
    limiter.request("a", 10, START)
    error = refused(limiter.request, "a", 1, START + 45_500)
    assert (error.code, error.status, error.retry_after) == (-1003, 429, 15)


def test_addresses_have_windows_of_their_own() -> None:
    limiter = RateLimiter(LIMITS)
    limiter.request("a", 10, START)
    assert limiter.request("b", 10, START) == 10


def test_who_ignores_the_refusals_is_banned_and_twice_as_long_the_next_time() -> None:
    limiter = RateLimiter(LIMITS)
    limiter.request("a", 10, START)
    answers = [refused(limiter.request, "a", 1, START) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 418]
    assert answers[-1].retry_after == 120
    later = START + 2 * MINUTE
    assert limiter.request("a", 10, later) == 10
    answers = [refused(limiter.request, "a", 1, later) for _ in range(3)]
    assert (answers[-1].status, answers[-1].retry_after) == (418, 240)


def test_a_ban_refuses_until_its_end() -> None:
    limiter = RateLimiter(LIMITS)
    assert limiter.ban("a", START, 30) == START + 30_000
    assert refused(limiter.request, "a", 1, START + 29_999).retry_after == 1
    assert limiter.request("a", 1, START + 30_000) == 1


def test_a_lifted_ban_is_forgotten() -> None:
    limiter = RateLimiter(LIMITS)
    limiter.ban("a", START)
    limiter.lift()
    assert limiter.request("a", 1, START) == 1


def test_orders_have_two_windows() -> None:
    limiter = RateLimiter(LIMITS)
    assert [limiter.orders("me", 1, 1, START) for _ in range(3)] == [(1, 1), (2, 2), (3, 3)]
    error = refused(limiter.orders, "me", 1, 1, START)
    assert (error.code, error.status, error.retry_after) == (-1015, 429, 10)
    assert limiter.orders("me", 1, 1, START + TEN_SECONDS) == (1, 5)
    error = refused(limiter.orders, "me", 1, 1, START + TEN_SECONDS)
    assert (error.code, error.retry_after) == (-1015, 50)
    assert limiter.used("other", START) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(1, 4)), max_size=60))
def test_no_minute_ever_lets_more_weight_through_than_granted(requests: list[tuple[int, int]]) -> None:
    limiter = RateLimiter(Limits(weight_per_minute=10, ban_after=1_000))
    granted: dict[int, int] = {}
    for offset, weight in sorted(requests):
        try:
            limiter.request("a", weight, START + offset)
        except VenueError:
            continue
        granted[offset // MINUTE] = granted.get(offset // MINUTE, 0) + weight
    assert all(total <= 10 for total in granted.values())
