"""The journal with its intents timed, for the metrics: how long they wait, and whether a tick has led to one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opensqt_actors.domain.records import Intent
from opensqt_actors.storage import Journal

if TYPE_CHECKING:
    from opensqt_actors.telemetry.metrics import Metrics


class ObservedJournal(Journal):
    """asked: batches of intents so far; metrics: where their times are told, None = nowhere yet."""

    def __init__(self, *arguments: Any, metrics: Metrics | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked = 0
        self.metrics = metrics

    def commit(self, intents: tuple[Intent, ...], on_done: Callable[[str | None], None]) -> None:
        """See Journal.commit."""
        self.asked += 1
        started = time.perf_counter()

        def done(reason: str | None) -> None:
            if reason is None and self.metrics is not None:
                self.metrics.journal_commit_seconds.observe(time.perf_counter() - started)
            on_done(reason)

        super().commit(intents, done)
