"""How commands end: exit codes that scripts can rely on, and failures that carry one sentence."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `opensqt`."""

    OK = 0
    ERROR = 1
    NOT_FOUND = 2
    NOT_RUNNING = 3
    CONFIGURATION = 4
    TIMEOUT = 5


class Failure(Exception):
    """A command that could not do what was asked. code: stable, for programs."""

    def __init__(self, exit_code: Exit, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.code = code
        self.sentence = sentence
