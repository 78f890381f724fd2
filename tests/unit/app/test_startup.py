"""The phases of a start are told once, in their order, when what is held has its exits."""

from __future__ import annotations

import time

from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.shard_protection import PROTECTED, FirstProtection
from opensqt_actors.app.startup import Startup, process_begun
from opensqt_actors.runtime.behaviour import ActorId

A, B = ActorId("a"), ActorId("b")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_phase_counts_once_and_the_shards_word_ends_the_start() -> None:
    clock = Clock()
    startup = Startup(99.0, clock)
    startup.reached("imports")
    clock.now = 101.5
    startup.reached("imports")
    startup.heard(Announce("order.orphan", "main", "X", "something else"))
    assert not startup.protected.is_set()
    startup.heard(Announce(PROTECTED, "", "", "all of it"))
    clock.now = 200.0
    startup.heard(Announce(PROTECTED, "", "", "all of it again"))
    assert startup.protected.is_set()
    assert startup.phases == {"imports": 1.0, "exits": 2.5}


def test_the_process_began_before_now_and_not_long_ago() -> None:
    assert 0 <= time.monotonic() - process_begun() < 3_600


def test_a_shard_says_once_that_all_who_began_with_it_have_their_exits() -> None:
    first = FirstProtection()
    first.begins(A)
    first.begins(B)
    assert first.protected(A, 3) == []
    (said,) = first.protected(B, 2)
    assert isinstance(said, Announce)
    assert said.kind == PROTECTED
    assert "5 levels of 2 symbols" in said.sentence
    first.begins(A)
    assert first.protected(A, 1) == []


def test_a_symbol_that_cannot_trade_is_not_waited_for() -> None:
    first = FirstProtection()
    first.begins(A)
    first.begins(B)
    first.protected(A, 3)
    (said,) = first.ends(B)
    assert isinstance(said, Announce)
    assert "3 levels of 1 symbols" in said.sentence
