"""How a crash is told: one line of reason and a short traceback, without the values of any variable."""

from __future__ import annotations

import traceback

MAX_REASON = 300
MAX_FRAMES = 12


def describe(error: BaseException) -> tuple[str, str]:
    """Reason and detail for an exception.

    The reason is one line of at most 300 characters. The detail has one line per frame, innermost last, at most 12
    for the error and 12 for its cause; it reads no file and never raises.
    """
    lines = _frames(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines += [f"after {_one_line(cause)}", *_frames(cause)]
    return _one_line(error), "\n".join(lines)


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - a report must not fail on what it reports
        text = "(its text cannot be shown)"
    name = type(error).__name__
    line = f"{name}: {text}" if text else name
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 3] + "..."


def _frames(error: BaseException) -> list[str]:
    stack = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), limit=-MAX_FRAMES, lookup_lines=False, capture_locals=False
    )
    return [f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in stack]


def _short(filename: str) -> str:
    return "/".join(filename.replace("\\", "/").split("/")[-3:])
