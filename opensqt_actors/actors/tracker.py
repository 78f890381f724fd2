"""The order tracker of one account: what every live order is known to be, whatever order the news comes in.

Terminal states absorb, cumulative fills never fall, and a time-out never makes an order terminal: it makes it looked up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum

from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus, Side

ENDED = 20_000


class Stage(Enum):
    """What is known. QUEUED: not sent; SENDING, CANCELLING, LOOKING: a request is out; ENDING: terminal, fills missing."""

    QUEUED = "queued"
    SENDING = "sending"
    RESTING = "resting"
    CANCELLING = "cancelling"
    LOOKING = "looking"
    ENDING = "ending"


class Tracked:
    """One order. since: ns, when its stage began; tries: look-ups so far; look_at: ns, when to look again, 0 = no need."""

    __slots__ = (
        "booked", "cancel_sent", "client_id", "filled", "kind", "look_at", "report", "request", "resends", "since", "stage",
        "symbol", "tries", "was_resting",
    )  # fmt: skip

    def __init__(self, client_id: ClientId, symbol: str, kind: OrderKind, now: int) -> None:
        self.client_id = client_id
        self.symbol = symbol
        self.kind = kind
        self.stage = Stage.QUEUED
        self.since = now
        self.filled = 0
        self.booked = 0
        self.tries = 0
        self.resends = 0
        self.look_at = 0
        self.was_resting = False
        self.cancel_sent = False
        self.request: OrderRequest | None = None
        self.report: OrderReport | None = None

    def gone(self, now: int) -> OrderReport:
        """The venue has forgotten an order that it had accepted: it has ended, with what was filled."""
        if self.report is not None:
            return replace(self.report, status=OrderStatus.CANCELED, filled=self.filled, at=now)
        side = Side.BUY if self.kind.buys else Side.SELL
        return OrderReport(self.client_id, self.symbol, "", side, OrderStatus.CANCELED, 0, 0, self.filled, now)


class Tracker:
    """All live orders of one account, and a bounded memory of the ended ones."""

    def __init__(self) -> None:
        self._live: dict[ClientId, Tracked] = {}
        self._ended: set[ClientId] = set()
        self._ended_order: deque[ClientId] = deque()

    @property
    def size(self) -> int:
        """Live orders, those waiting to be sent included."""
        return len(self._live)

    def get(self, client_id: ClientId) -> Tracked | None:
        """A live order."""
        return self._live.get(client_id)

    def live(self, symbol: str) -> list[Tracked]:
        """A symbol's live orders."""
        return [tracked for tracked in self._live.values() if tracked.symbol == symbol]

    def all_live(self) -> list[Tracked]:
        """Every live order."""
        return list(self._live.values())

    def queue(self, request: OrderRequest, kind: OrderKind, now: int) -> None:
        """An order that waits for the budget."""
        tracked = Tracked(request.client_id, request.symbol, kind, now)
        tracked.request = request
        self._live[request.client_id] = tracked

    def sending(self, client_id: ClientId, now: int) -> None:
        """The request leaves."""
        tracked = self._live.get(client_id)
        if tracked is not None and tracked.stage is not Stage.RESTING:
            self._to(tracked, Stage.SENDING, now)

    def cancelling(self, tracked: Tracked, now: int) -> None:
        """A cancel request leaves."""
        tracked.cancel_sent = True
        self._to(tracked, Stage.CANCELLING, now)

    def looking(self, tracked: Tracked, now: int) -> None:
        """A look-up is due or out."""
        tracked.tries += 1
        tracked.look_at = 0
        if tracked.stage is not Stage.ENDING:
            tracked.stage = Stage.LOOKING
        tracked.since = now

    def resting(self, tracked: Tracked) -> None:
        """A cancel did not leave: the order rests on."""
        tracked.stage = Stage.RESTING
        tracked.cancel_sent = False

    def drop(self, client_id: ClientId) -> None:
        """The order certainly does not exist on the venue."""
        self._live.pop(client_id, None)

    def forget_symbol(self, symbol: str) -> None:
        """A symbol has left for good."""
        for client_id in [c for c, t in self._live.items() if t.symbol == symbol]:
            del self._live[client_id]

    def filled(self, fill: Fill) -> None:
        """Count a fill's quantity, so that missing ones are noticed."""
        tracked = self._live.get(fill.client_id)
        if tracked is not None:
            tracked.booked += fill.quantity
            tracked.filled = max(tracked.filled, tracked.booked)

    def observe(self, report: OrderReport, kind: OrderKind, now: int, looked: bool) -> bool:
        """Take a report. True: it is old news (the order has ended before). `looked`: a look-up brought its fills, too."""
        if report.client_id in self._ended:
            return True
        tracked = self._live.get(report.client_id)
        if tracked is None:
            tracked = self._live[report.client_id] = Tracked(report.client_id, report.symbol, kind, now)
        tracked.report = report
        tracked.filled = max(tracked.filled, report.filled)
        if looked:
            tracked.booked = max(tracked.booked, tracked.filled)
        if report.status.terminal:
            if tracked.booked >= tracked.filled:
                self._end(report.client_id)
            else:
                self._to(tracked, Stage.ENDING, now)
        elif tracked.stage is Stage.ENDING:
            if tracked.booked >= tracked.filled:
                self._end(report.client_id)
        elif report.status is not OrderStatus.PENDING and (looked or tracked.stage is not Stage.CANCELLING):
            tracked.was_resting = True
            self._to(tracked, Stage.RESTING, now)
        return False

    def overdue(self, now: int, timeout: int) -> Iterable[Tracked]:
        """Orders whose news is missing for longer than `timeout` ns, or whose next look-up is due."""
        waiting = (Stage.SENDING, Stage.CANCELLING, Stage.LOOKING, Stage.ENDING)
        for tracked in list(self._live.values()):
            if tracked.look_at:
                if now >= tracked.look_at:
                    yield tracked
            elif tracked.stage in waiting and now - tracked.since >= timeout:
                yield tracked

    def _to(self, tracked: Tracked, stage: Stage, now: int) -> None:
        if tracked.stage is not stage:
            tracked.stage = stage
            tracked.since = now
            tracked.look_at = 0

    def _end(self, client_id: ClientId) -> None:
        self._live.pop(client_id, None)
        self._ended.add(client_id)
        self._ended_order.append(client_id)
        if len(self._ended_order) > ENDED:
            self._ended.discard(self._ended_order.popleft())
