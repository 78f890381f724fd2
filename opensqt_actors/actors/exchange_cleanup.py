"""Keeps the number of an account's orders below a threshold: which opening orders go, and that no more are added."""

from __future__ import annotations

from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.actors.tracker import Stage, Tracked, Tracker
from opensqt_actors.domain.cleanup import CleanupSettings, Resting, full, surplus
from opensqt_actors.domain.exposure import Blocked


class Cleanup:
    """One account. settings: None = off."""

    def __init__(self, settings: CleanupSettings | None, tracker: Tracker, board: PriceBoard) -> None:
        self._settings = settings
        self._tracker = tracker
        self._board = board

    def refusal(self) -> Blocked | None:
        """Why one more opening order may not be sent, or None."""
        if self._settings is None:
            return None
        found = full(self._tracker.size, self._settings)
        return None if found is None else Blocked(*found)

    def due(self) -> list[Tracked]:
        """Once a second: the opening orders to cancel now, the first to go first."""
        if self._settings is None or self._tracker.size <= self._settings.threshold:
            return []
        resting = {t.client_id: t for t in self._tracker.all_live() if t.stage is Stage.RESTING}
        going = surplus([self._resting(tracked) for tracked in resting.values()], self._settings)
        return [resting[client_id] for client_id in going]

    def _resting(self, tracked: Tracked) -> Resting:
        cell = self._board.cells.get(tracked.symbol)
        mid = 0 if cell is None else (cell.bid + cell.ask) // 2
        price = tracked.report.price if tracked.report is not None else 0
        if not price and tracked.plan is not None:
            price = tracked.plan.request.price or 0
        return Resting(tracked.client_id, tracked.kind.opens, price, mid, tracked.since)
