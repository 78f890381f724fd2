"""A loop that is busy pauses in every pass for the thread it waits for; one that idles only looks, and never spins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.storage.breathing import BUSY, LOOK_EVERY, PAUSE, Breathing

FREE, WORK = BUSY / 2, BUSY * 4


class Loop(asyncio.AbstractEventLoop):
    """Runs what is due, on a clock of its own. passes: seconds that the rest of each takes; then nothing is left."""

    def __init__(self, passes: list[float]) -> None:
        self.now = 100.0
        self.passes = passes
        self.soon: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.later: list[tuple[float, Callable[..., object]]] = []
        self.came_round = 0

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        self.soon.append((callback, args))

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        assert round(delay * 1_000) >= 1, "uvloop would come back in the next pass"
        self.later.append((self.now + delay, callback))

    def run(self, seconds: float) -> None:
        """Like a loop: without anything due, or work of its own, it sleeps until the next timer."""
        until = self.now + seconds
        while self.now < until and (self.soon or self.later):
            self.came_round += 1
            work = self.passes.pop(0) if self.passes else 0.0
            if not self.soon and not work:
                self.now = max(self.now, min(due for due, _ in self.later))
            ready, self.soon = self.soon, []
            ready += [(callback, ()) for due, callback in self.later if due <= self.now]
            self.later = [timer for timer in self.later if timer[0] > self.now]
            for callback, args in ready:
                callback(*args)
            self.now += work or FREE


class Rig:
    def __init__(self, passes: list[float]) -> None:
        self.loop = Loop(passes)
        self.waited = True
        self.pauses: list[float] = []
        self.breathing = Breathing(self.loop, lambda: self.waited, clock=lambda: self.loop.now, pause=self.pause)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.loop.now += seconds


def test_a_loop_that_idles_is_never_paused_and_comes_round_a_few_times_a_millisecond() -> None:
    rig = Rig([])
    rig.breathing.begin()
    rig.loop.run(0.1)
    assert rig.pauses == []
    assert rig.loop.came_round <= 3 * (0.1 / LOOK_EVERY + 1)


def test_a_busy_loop_pauses_in_every_pass() -> None:
    rig = Rig([WORK] * 100)
    rig.breathing.begin()
    rig.loop.run(0.1)
    assert len(rig.pauses) >= 95
    assert set(rig.pauses) == {PAUSE}


def test_what_is_left_of_the_pass_in_which_it_begins_does_not_count() -> None:
    rig = Rig([WORK])
    rig.loop.call_soon(rig.breathing.begin)
    rig.loop.run(0.1)
    assert rig.pauses == []


def test_it_ends_when_nobody_waits_and_can_begin_again() -> None:
    rig = Rig([WORK] * 10)
    rig.breathing.begin()
    rig.loop.run(3 * WORK)
    rig.waited = False
    rig.loop.run(1)
    assert not rig.loop.soon
    assert not rig.loop.later
    before = len(rig.pauses)
    rig.waited = True
    rig.loop.passes = [WORK] * 10
    rig.breathing.begin()
    rig.loop.run(8 * WORK)
    assert len(rig.pauses) > before


@given(st.lists(st.sampled_from([0.0, WORK]), max_size=60), st.integers(1, 5))
def test_however_often_it_is_begun_it_is_at_work_once(passes: list[float], times: int) -> None:
    rig = Rig(passes)
    for _ in range(times):
        rig.breathing.begin()
    while rig.loop.passes:
        rig.loop.run(WORK)
        rig.breathing.begin()
        assert len(rig.loop.soon) + len(rig.loop.later) == 1
