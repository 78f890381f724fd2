"""The lock of a shard's process in the state folder: one process for each shard, and a way to tell whether it lives.

The kernel gives the lock back however the process ends; so a number in the file is a living process or nobody's.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from opensqt_actors.config.paths import shard_lock_path
from opensqt_actors.domain.errors import OpenSqtError

PATIENCE = 1.0
_NAME = re.compile(r"shard-([0-9]{1,3})\.lock")


class ShardRuns(OpenSqtError):
    """Another process of the same shard lives."""

    code = "shard_runs"


class ShardLock:
    """Held for the life of a shard's process."""

    def __init__(self, state_dir: Path, number: int) -> None:
        self._path = shard_lock_path(state_dir, number)
        self._number = number
        self._file = -1

    def __enter__(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # whoever only looks holds it for a moment
                if time.monotonic() > deadline:
                    os.close(self._file)
                    raise ShardRuns(f"shard-{self._number} is at work in {self._path.parent} already") from None
                time.sleep(0.01)
        os.truncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def __exit__(self, *_: object) -> None:
        os.truncate(self._file, 0)
        os.close(self._file)


def shard_process(state_dir: Path, number: int) -> int | None:
    """The living process of a shard; None when there is none, 0 when it has not yet said its number."""
    try:
        file = os.open(shard_lock_path(state_dir, number), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(file, 32, 0).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(file)
    return None


def shard_processes(state_dir: Path) -> Iterator[tuple[int, int]]:
    """(number, process) of every shard that lives on this state folder."""
    for path in sorted(state_dir.glob("shard-*.lock")):
        found = _NAME.fullmatch(path.name)
        pid = shard_process(state_dir, int(found[1])) if found else None
        if found and pid:
            yield int(found[1]), pid
