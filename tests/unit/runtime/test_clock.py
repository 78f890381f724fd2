"""Clocks: never backwards, and calls made in the order of their times."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.runtime.clock import ManualClock, SystemClock


@given(st.lists(st.integers(min_value=0, max_value=2**63)))
def test_a_clock_set_back_stands_still_until_it_has_caught_up(readings: list[int]) -> None:
    clock = SystemClock(iter(readings).__next__)
    times = [clock.now() for _ in readings]
    assert times == sorted(times)
    assert all(shown >= read for shown, read in zip(times, readings, strict=True))
    assert set(times) <= set(readings)


def test_the_system_clock_shows_the_time_of_the_machine() -> None:
    before = time.time_ns()
    assert before <= SystemClock().now() <= time.time_ns()


def test_calls_are_made_at_their_times_in_order_and_first_planned_first() -> None:
    clock = ManualClock(100)
    made: list[tuple[str, int]] = []
    for name, when in (("c", 130), ("a", 110), ("b", 130), ("past", 50), ("late", 131)):
        clock.call_at(when, lambda name=name: made.append((name, clock.now())))
    clock.advance(30)
    assert made == [("past", 100), ("a", 110), ("c", 130), ("b", 130)]
    assert (clock.now(), clock.pending, clock.next_due()) == (130, 1, 131)


def test_a_call_may_plan_another_for_the_same_instant() -> None:
    clock = ManualClock()
    made: list[int] = []
    clock.call_at(10, lambda: clock.call_at(10, lambda: made.append(clock.now())))
    clock.advance(10)
    assert made == [10]


def test_one_move_leaves_what_is_planned_meanwhile_for_the_next() -> None:
    clock = ManualClock()
    made: list[str] = []
    clock.call_at(10, lambda: (made.append("first"), clock.call_at(10, lambda: made.append("second"))))
    assert clock.move_to_next(20)
    assert made == ["first"]
    assert clock.move_to_next(20)
    assert made == ["first", "second"]
    assert not clock.move_to_next(20)
    assert clock.now() == 20


def test_a_call_may_cancel_one_of_the_same_instant() -> None:
    clock = ManualClock()
    made: list[int] = []
    clock.call_at(10, lambda: [call.cancel() for call in planned])
    planned = [clock.call_at(10, lambda: made.append(2))]
    clock.advance(10)
    assert made == []
    assert clock.pending == 0


def test_cancelling_twice_or_too_late_changes_nothing() -> None:
    clock = ManualClock()
    made: list[int] = []
    kept = clock.call_later(1.5, lambda: made.append(1))
    lost = clock.call_later(0.5, lambda: made.append(2))
    lost.cancel()
    lost.cancel()
    assert clock.pending == 1
    clock.advance(1_500_000_000)
    kept.cancel()
    assert made == [1]
    assert (clock.pending, clock.next_due()) == (0, None)


def test_cancelled_calls_do_not_pile_up() -> None:
    clock = ManualClock()
    clock.call_at(10**9, lambda: None)
    for number in range(10_000):
        clock.call_at(number, lambda: None).cancel()
    assert len(clock._planned) < 200
    assert clock.next_due() == 10**9


def test_time_does_not_run_backwards() -> None:
    clock = ManualClock(5)
    with pytest.raises(ValueError, match="ns must not be negative, got -1"):
        clock.advance(-1)
    clock.move_to_next(3)
    assert clock.now() == 5
