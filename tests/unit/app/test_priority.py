"""A process makes way for others with all of its threads, and stays as it is where it may not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from opensqt_actors.app import priority

THREADED = """
import os, sys, threading
from opensqt_actors.app.priority import THREADS, make_way

def nicenesses():
    return {os.getpriority(os.PRIO_PROCESS, int(thread.name)) for thread in THREADS.iterdir()}

end = threading.Event()
thread = threading.Thread(target=end.wait)
thread.start()
before = nicenesses()
for steps in map(int, sys.argv[1:]):
    make_way(steps)
print(len(list(THREADS.iterdir())), *before, *nicenesses())
end.set()
"""


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]))
    yield lines
    logger.remove(sink)


@pytest.mark.skipif(not priority.THREADS.is_dir(), reason="threads have a niceness of their own on Linux only")
@pytest.mark.parametrize(("steps", "more"), [((5,), 5), ((0,), 0), ((3, 4), 7), ((19, 19), 19)])
def test_every_thread_becomes_nicer_and_no_further_than_it_goes(steps: tuple[int, ...], more: int) -> None:
    command = [sys.executable, "-c", THREADED, *map(str, steps)]
    threads, before, after = map(int, subprocess.check_output(command, text=True, timeout=60).split())
    assert threads == 2
    assert after == min(before + more, priority.NICEST)


def test_a_thread_that_has_ended_meanwhile_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("7", "8"):
        (tmp_path / name).mkdir()
    set_to: list[tuple[int, int]] = []

    def ended(which: int, who: int) -> int:
        if who == 7:
            raise ProcessLookupError
        return 1

    monkeypatch.setattr(priority, "THREADS", tmp_path)
    monkeypatch.setattr(os, "getpriority", ended)
    monkeypatch.setattr(os, "setpriority", lambda which, who, niceness: set_to.append((who, niceness)))
    priority.make_way(5)
    assert set_to == [(8, 6)]


def test_what_the_system_does_not_allow_is_logged_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    def refused(which: int, who: int, niceness: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refused)
    priority.make_way(5)
    assert logged == ["this process keeps its priority: Operation not permitted"]


def test_without_threads_of_its_own_it_is_the_process_that_makes_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(priority, "THREADS", tmp_path / "none")
    monkeypatch.setattr(os, "getpriority", lambda which, who: 0)
    monkeypatch.setattr(os, "setpriority", lambda which, who, niceness: set_to.append((who, niceness)))
    priority.make_way(5)
    assert set_to == [(0, 5)]
