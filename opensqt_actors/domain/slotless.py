"""Orders with ids of ours that no slot has: ended, given up, or never had here. What news of them means."""

from __future__ import annotations

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import OrderReport

KNOWN_ENDS = 1_024
"""Ended orders that are remembered with their venue ids, whatever became of their slots: late news of them is none."""


class SlotlessOrders:
    """What is known of them.

    late: news of orders that no slot has any more; unwritten: which of these may never have been written down;
    orphans: orders that rest on the venue, although no slot has them, and must be cancelled. Whoever owns the slots
    empties these three. strangers: orders of ours that rest on the venue and that these slots have never had.
    unended: orders that the journal has as alive although their slots had moved on when the last process ended.
    """

    __slots__ = ("_ended", "_given_up", "late", "orphans", "strangers", "unended", "unwritten")

    def __init__(self) -> None:
        self.late: dict[ClientId, OrderReport] = {}
        self.unwritten: set[ClientId] = set()
        self.orphans: set[ClientId] = set()
        self.strangers: dict[ClientId, OrderReport] = {}
        self.unended: dict[ClientId, OrderReport] = {}
        self._given_up: dict[ClientId, bool] = {}
        self._ended: dict[ClientId, str] = {}

    def end(self, client_id: ClientId, venue_id: str) -> None:
        """It has ended and left its slot."""
        self._ended[client_id] = venue_id
        if len(self._ended) > KNOWN_ENDS:
            del self._ended[next(iter(self._ended))]

    def give_up(self, client_id: ClientId, *, written: bool = True) -> None:
        """Its slot has moved on without it. written: whether the journal has its intent."""
        self._given_up[client_id] = written
        if len(self._given_up) > KNOWN_ENDS:
            del self._given_up[next(iter(self._given_up))]

    def report(self, report: OrderReport) -> bool:
        """News of an order although its slot has moved on. True: it is an orphan now.

        Another venue id under the same client id is a twin.
        """
        client_id = report.client_id
        venue_id = self._ended.get(client_id)
        if venue_id is not None and (report.status.terminal or report.venue_id == venue_id or not venue_id):
            return False
        written = self._given_up.get(client_id, venue_id is not None)
        unknown = venue_id is None and client_id not in self._given_up
        unended = report.status.terminal and self.unended.pop(client_id, None) is not None
        if report.filled or unended or (written and not report.status.terminal):
            self.late[client_id] = report
            if not written:
                self.unwritten.add(client_id)
        if report.status.terminal:
            self.strangers.pop(client_id, None)
        elif unknown:
            self.strangers[client_id] = report
        else:
            self.orphans.add(client_id)
            return True
        return False

    def disown(self, client_id: ClientId) -> None:
        """A stranger that no slot wants: it is to be cancelled."""
        report = self.strangers.pop(client_id, None)
        if report is not None:
            self.give_up(client_id, written=False)
            self.orphans.add(client_id)
