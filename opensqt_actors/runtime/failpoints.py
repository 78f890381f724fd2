"""Named places around every commit and every send at which a test may end the process or raise.

A part takes a `Failpoint` and calls it with the name of the place it passes. Unarmed, that call does nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TypeAlias

Failpoint: TypeAlias = Callable[[str], None]

VARIABLE = "OPENSQT_FAILPOINT"
NAMES = (
    "journal.begun", "journal.before_commit", "journal.sealed", "journal.after_commit", "venue.before_send",
    "venue.after_send", "operation.asked", "operation.begun", "operation.before_step", "operation.after_step",
    "operation.step_recorded", "operation.ended",
)  # fmt: skip


def unarmed(name: str) -> None:
    """Pass."""


def kill() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Armed:
    """Acts the `after`-th time that one place is passed, once. `ValueError` for a place that does not exist."""

    def __init__(self, name: str, after: int, act: Callable[[], None]) -> None:
        if name not in NAMES:
            raise ValueError(f"there is no failpoint {name!r}; there are {', '.join(NAMES)}")
        if after < 1:
            raise ValueError(f"a failpoint acts the first time or later, not the {after}th")
        self._name = name
        self._left = after
        self._act = act

    def __call__(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                self._act()


def failpoint_of(text: str, act: Callable[[], None] = kill) -> Failpoint:
    """What `OPENSQT_FAILPOINT` asks for: "" nothing, "venue.after_send@3" the end at the third such moment."""
    if not text:
        return unarmed
    name, _, after = text.partition("@")
    if after and not after.isdigit():
        raise ValueError(f"{VARIABLE}: {after!r} is no number of times; write NAME@TIMES")
    return Armed(name, int(after or 1), act)
