"""The rate budget: never more than the pace, the burst and the published windows allow, and nothing while paused."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from opensqt_actors.actors.budget import ON_THE_WAY, SECOND, Budget, Limits

START = 1_700_000_000 * SECOND
WAITS = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=80)


@given(
    waits=WAITS,
    rate=st.integers(1, 50),
    burst=st.integers(1, 40),
    per_10s=st.sampled_from([0, 5, 60]),
    per_minute=st.sampled_from([0, 20, 200]),
)
def test_f09_no_window_ever_sees_more_than_is_allowed(
    waits: list[int], rate: int, burst: int, per_10s: int, per_minute: int
) -> None:
    budget = Budget(Limits(float(rate), burst, per_10s, per_minute))
    sent: list[int] = []
    now = START
    for wait in waits:
        now += wait
        room = budget.room(now)
        assert 0 <= room <= burst
        budget.take(now, room)
        sent += [now] * room
    for span, most in ((10 * SECOND, per_10s), (60 * SECOND, per_minute)):
        for at in set(sent):
            if most:
                assert sum(at <= other < at + span for other in sent) <= most
    for first in set(sent):
        for last in set(sent):
            if first <= last:
                count = sum(first <= at <= last for at in sent)
                assert count <= burst + (last - first) / SECOND * rate + 1e-6


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3 * SECOND), st.sampled_from([0, 1, ON_THE_WAY // 3, ON_THE_WAY - 1])),
        min_size=1,
        max_size=80,
    ),
    phase=st.integers(0, 10 * SECOND),
)
@example(steps=[(0, ON_THE_WAY - 1), (10 * SECOND, 0)], phase=SECOND // 4)
def test_f09_orders_that_are_late_on_their_way_do_not_meet_those_of_the_next_window(
    steps: list[tuple[int, int]], phase: int
) -> None:
    """The venue counts an order when it arrives, in windows that begin when it likes."""
    budget = Budget(Limits(100.0, 100, 40, 0))
    arrived: Counter[int] = Counter()
    now = START
    for wait, late in steps:
        now += wait
        room = budget.room(now)
        budget.take(now, room)
        arrived[(now + late - phase) // (10 * SECOND)] += room
    assert max(arrived.values()) <= 40


@given(takes=st.lists(st.integers(1, 10), min_size=1, max_size=20), rate=st.integers(1, 50))
def test_the_wait_that_is_named_is_enough_for_one_order(takes: list[int], rate: int) -> None:
    budget = Budget(Limits(float(rate), 10, 15, 40))
    now = START
    for take in takes:
        budget.take(now, min(take, budget.room(now)))
        wait = budget.next_room(now)
        now += wait
        assert budget.room(now) >= 1


def test_nothing_goes_while_the_venue_wants_a_pause() -> None:
    budget = Budget(Limits())
    budget.pause(START, 5 * SECOND)
    budget.pause(START, SECOND)
    assert budget.room(START + 4 * SECOND) == 0
    assert budget.next_room(START + 4 * SECOND) == SECOND
    assert budget.room(START + 5 * SECOND) == 30


def test_a_clock_that_stands_still_grants_nothing() -> None:
    budget = Budget(Limits(25.0, 3))
    budget.take(START, 3)
    assert budget.room(START) == 0
    assert budget.room(START + SECOND // 25) == 1


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2 * SECOND), st.integers(0, 4), st.integers(0, 300_000_000)), min_size=1, max_size=60
    )
)
def test_f26_no_order_goes_out_once_what_is_known_of_others_fills_the_venues_window(
    steps: list[tuple[int, int, int]],
) -> None:
    """A venue with fixed windows; others send at any time, its count is told with each of our answers."""
    budget = Budget(Limits(50.0, 40, 30, 0))
    now, window, used, unseen = START, 0, 0, 0
    for wait, others, latency in steps:
        now += wait
        if now // (10 * SECOND) != window:
            window, used, unseen = now // (10 * SECOND), 0, 0
        used += others
        unseen += others
        room = min(budget.room(now), 5)
        budget.take(now, room)
        used += room
        if room:
            assert used - unseen <= 30
            budget.counted(now, now + latency, used, 0)
            counted = (now - SECOND) // (10 * SECOND) == (now + latency + SECOND) // (10 * SECOND)
            unseen = 0 if counted else unseen
        now += latency
        if now // (10 * SECOND) != window:
            window, used, unseen = now // (10 * SECOND), 0, 0


def test_what_others_send_uses_up_the_same_windows_and_passes_with_them() -> None:
    budget = Budget(Limits(100.0, 100, 50, 0))
    now = START + 2 * SECOND
    budget.take(now, 10)
    budget.counted(now, now, 45, 0)
    assert budget.others == (35, 0)
    assert budget.room(now) == 5
    budget.counted(now, now, 45, 0)
    assert budget.room(now) == 5
    assert budget.room(now + 10 * SECOND + ON_THE_WAY) == 50


def test_our_own_orders_alone_are_nobody_elses() -> None:
    budget = Budget(Limits(100.0, 100, 50, 200))
    now = START + 2 * SECOND
    budget.take(now, 20)
    budget.counted(now, now + SECOND, 20, 4)
    assert budget.others == (0, 0)
    assert budget.room(now + SECOND) == 30


def test_a_count_that_may_be_of_the_window_before_says_nothing() -> None:
    budget = Budget(Limits(100.0, 100, 50, 0))
    start = START - START % (10 * SECOND) + 10 * SECOND
    budget.counted(start - SECOND // 2, start + SECOND // 2, 50, 0)
    budget.counted(start + SECOND // 2, start + SECOND, 50, 0)
    assert budget.room(start + SECOND) == 50
    budget.counted(start + 2 * SECOND, start + 3 * SECOND, 70, 0)
    assert budget.room(start + 3 * SECOND) == 0
    assert budget.next_room(start + 3 * SECOND) == 10 * SECOND + ON_THE_WAY


def test_what_the_other_shares_of_an_account_send_is_nobody_elses_and_what_is_beyond_it_is() -> None:
    budget = Budget(Limits(1_000.0, 1_000, 100, 0))
    now = 1_000 * 10 * SECOND + 3 * SECOND
    budget.share(400)
    budget.take(now, 10)
    budget.counted(now, now, 70, 0)  # 10 of ours, 60 that the other shares may send
    assert budget.others == (0, 0)
    assert budget.room(now) == 30
    budget.counted(now, now, 75, 0)
    assert budget.others == (5, 0)
    assert budget.room(now) == 25
