"""Failpoints: a place that is armed acts once, at the moment that was asked for, and no other does."""

from __future__ import annotations

import pytest

from opensqt_actors.runtime.failpoints import NAMES, failpoint_of, unarmed


def test_nothing_is_armed_unless_that_is_asked_for() -> None:
    assert failpoint_of("") is unarmed


@pytest.mark.parametrize("name", NAMES)
def test_it_acts_once_at_the_moment_that_was_asked_for(name: str) -> None:
    acted: list[str] = []
    failpoint = failpoint_of(f"{name}@3", lambda: acted.append(name))
    for passed in range(1, 6):
        for other in NAMES:
            failpoint(other)
        assert acted == ([name] if passed >= 3 else [])


@pytest.mark.parametrize("text", ["journal.nowhere", "venue.before_send@0", "venue.before_send@soon"])
def test_what_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"failpoint|FAILPOINT"):
        failpoint_of(text)
