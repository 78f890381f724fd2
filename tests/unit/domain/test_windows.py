"""Sliding windows against lists that remember everything."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.windows import BUCKETS, AnswerCounts, SlidingPeak

WINDOW = 6_000
GRAIN = WINDOW // BUCKETS
STEPS = st.lists(st.tuples(st.integers(0, 2 * GRAIN), st.integers(-50, 50)), min_size=1, max_size=120)


@given(STEPS)
def test_the_peak_is_the_highest_of_the_window_and_leaves_at_most_a_sixtieth_late(steps: list[tuple[int, int]]) -> None:
    peak, now = SlidingPeak(WINDOW), 1_000_000
    seen: list[tuple[int, int]] = []
    for passed, value in steps:
        now += passed
        seen.append((now, value))
        highest = peak.add(Decimal(value), now)
        in_time = [v for at, v in seen if at >= now - WINDOW]
        late = [v for at, v in seen if at >= now - WINDOW - GRAIN]
        assert max(in_time) <= highest <= max(late)
        assert peak.highest is not None
        assert peak.highest[1] == highest
        assert peak.highest[0] % GRAIN == 0


def test_the_peak_says_since_when() -> None:
    assert SlidingPeak(WINDOW).highest is None
    peak = SlidingPeak(WINDOW)
    peak.add(Decimal(5), 1_234)
    peak.add(Decimal(4), 1_999)
    assert peak.highest == (1_200, Decimal(5))
    uneven = SlidingPeak(WINDOW + BUCKETS - 1)
    uneven.add(Decimal(5), 1_234)
    assert repr(uneven.highest) == "(1200, Decimal('5'))"


def test_a_peak_leaves_when_its_last_moment_is_older_than_the_window() -> None:
    peak = SlidingPeak(WINDOW)
    peak.add(Decimal(5), 1_299)
    assert peak.add(Decimal(4), 1_299 + WINDOW) == 5
    assert peak.add(Decimal(3), 1_300 + WINDOW) == 4


def test_an_equal_peak_is_as_good_as_new() -> None:
    peak = SlidingPeak(WINDOW)
    peak.add(Decimal(5), 0)
    peak.add(Decimal(5), WINDOW)
    assert peak.highest == (WINDOW, Decimal(5))


def test_a_clock_that_was_put_back_leaves_the_peak_where_it_is() -> None:
    peak = SlidingPeak(WINDOW)
    peak.add(Decimal(5), 100 * WINDOW)
    assert peak.add(Decimal(4), 50 * WINDOW) == 5
    assert peak.add(Decimal(3), 100 * WINDOW) == 5


def test_a_falling_value_fills_no_memory() -> None:
    peak = SlidingPeak(WINDOW)
    for step in range(20_000):
        peak.add(Decimal(-step), step * 7)
    assert len(peak._peaks) <= BUCKETS + 1


def test_a_window_shorter_than_its_parts_still_works() -> None:
    peak, answers = SlidingPeak(10), AnswerCounts(10, 0)
    assert peak.add(Decimal(2), 0) == 2
    assert peak.add(Decimal(1), 10) == 2
    assert peak.add(Decimal(0), 11) == 1
    assert answers.add(True, 1, 5) == (1, 1, 1)
    assert answers.add(False, 0, 4 + BUCKETS) == (2, 1, 1)
    assert answers.add(False, 0, 5 + BUCKETS) == (2, 0, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * GRAIN) | st.just(WINDOW), st.booleans(), st.integers(0, 20)),
        min_size=1,
        max_size=120,
    )
)
def test_answers_are_counted_over_the_newest_sixty_parts(steps: list[tuple[int, bool, int]]) -> None:
    answers, now = AnswerCounts(WINDOW, 10), 1_000_000
    seen: list[tuple[int, bool, int]] = []
    for passed, failed, latency in steps:
        now += passed
        seen.append((now // GRAIN, failed, latency))
        inside = [row for row in seen if row[0] > now // GRAIN - BUCKETS]
        expected = len(inside), sum(row[1] for row in inside), sum(row[2] > 10 for row in inside)
        assert answers.add(failed, latency, now) == expected


def test_answers_of_a_clock_that_was_put_back_count_as_newest() -> None:
    answers = AnswerCounts(WINDOW, 10)
    answers.add(True, 0, 10 * WINDOW)
    assert answers.add(False, 11, 5 * WINDOW) == (2, 1, 1)
    assert answers.add(False, 0, 11 * WINDOW - GRAIN) == (3, 1, 1)
    assert answers.add(False, 0, 11 * WINDOW) == (2, 0, 0)
