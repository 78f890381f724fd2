"""The base of all errors that the trading side raises on purpose, each with a stable code."""

from __future__ import annotations


class OpenSqtError(Exception):
    """An error with a stable `code` and one sentence that says what would be right."""

    code = "error"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class InvalidValue(OpenSqtError):
    """A value that an operator or a venue gave cannot be used. `field` names it."""

    code = "invalid_value"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
