"""How much of the processors this process asks for while others want them, too."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from loguru import logger

THREADS = Path("/proc/self/task")
"""On Linux each thread has a niceness of its own; a thread that is started later gets that of its starter."""
NICEST = 19


def make_way(steps: int) -> None:
    """Raise the niceness of every thread of this process; which cannot be taken back without a privilege.

    Where the system does not let it happen everything stays as it is, and it is logged.
    """
    if not steps:
        return
    try:
        threads = [int(entry.name) for entry in THREADS.iterdir()]
    except OSError:
        threads = [0]  # the process, where threads have no niceness
    try:
        for thread in threads:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                niceness = os.getpriority(os.PRIO_PROCESS, thread)
                os.setpriority(os.PRIO_PROCESS, thread, min(niceness + steps, NICEST))
    except OSError as error:
        logger.bind(code="priority.kept").info("this process keeps its priority: {}", error.strerror)
