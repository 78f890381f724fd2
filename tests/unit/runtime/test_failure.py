"""Reports of crashes: short, on one line, without the values of variables."""

from __future__ import annotations

import pytest

from opensqt_actors.runtime.failure import describe


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def caught(error: BaseException, *, cause: BaseException | None = None, depth: int = 0) -> BaseException:
    def raise_it(level: int) -> None:
        api_secret = "s3cret"
        assert api_secret
        if level:
            raise_it(level - 1)
        if cause is not None:
            raise error from cause
        raise error

    with pytest.raises(type(error)) as raised:
        raise_it(depth)
    return raised.value


def test_the_reason_is_one_line_of_type_and_text() -> None:
    assert describe(ValueError("a\n  b"))[0] == "ValueError: a b"
    assert describe(KeyError())[0] == "KeyError"


def test_a_long_reason_is_cut() -> None:
    reason, _ = describe(ValueError("x" * 1_000))
    assert len(reason) == 300
    assert reason.endswith("x...")


def test_an_error_whose_text_raises_is_still_described() -> None:
    assert describe(caught(Unprintable()))[0] == "Unprintable: (its text cannot be shown)"


def test_the_detail_names_files_lines_and_functions_but_no_values() -> None:
    _, detail = describe(caught(ValueError("no")))
    lines = detail.splitlines()
    assert [line.split(" in ")[1] for line in lines] == ["caught", "raise_it"]
    assert all(line.startswith("unit/runtime/test_failure.py:") for line in lines)
    assert "s3cret" not in detail


def test_the_detail_of_a_deep_crash_keeps_the_innermost_frames() -> None:
    _, detail = describe(caught(ValueError("no"), depth=100))
    assert [line.split(" in ")[1] for line in detail.splitlines()] == ["raise_it"] * 12


def test_the_cause_is_told_after_the_error() -> None:
    _, detail = describe(caught(ValueError("outer"), cause=caught(KeyError("inner"))))
    assert "after KeyError: 'inner'" in detail.splitlines()


def test_a_suppressed_context_is_not_told() -> None:
    error = ValueError("outer")
    error.__context__ = KeyError("hidden")
    assert "after KeyError: 'hidden'" in describe(error)[1]
    error.__suppress_context__ = True
    assert describe(error)[1] == ""
