"""The order tracker of one account: what every live order is known to be, whatever order the news comes in.

Its stages follow the table in tracker_table.py; cumulative fills never fall; a time-out only has an order looked up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec.structs import replace

from opensqt_actors.actors.exchange_messages import OrderPlan
from opensqt_actors.actors.tracker_table import CANCEL_OUT, TRANSITIONS, WAITING, Stage, Trigger
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side

__all__ = ["Stage", "Tracked", "Tracker", "Trigger"]

ENDED = 8_000
"""Five minutes of orders at 25 a second: news of a request that old cannot come any more."""


class Tracked:
    """One order. since: ns, when its stage began; tries: look-ups in a row; look_at: ns, when to look, 0 = no need.

    seen: the venue has confirmed it; denied: so often in a row has it said that it does not know it; asked: a look-up
    is out; unanswered: requests to place it whose answers are out; venue_id: the first under which it was known,
    whatever a twin's is; abandoned: its SymbolActor died, or has nothing left to close with it, so that it is never
    sent again.
    """

    __slots__ = (
        "abandoned", "asked", "booked", "client_id", "denied", "filled", "kind", "look_at", "plan",
        "quantity", "report", "resends", "seen", "since", "stage", "symbol", "trades", "tries", "unanswered",
        "venue_id",
    )  # fmt: skip

    def __init__(self, client_id: ClientId, symbol: str, kind: OrderKind, now: int) -> None:
        self.client_id = client_id
        self.symbol = symbol
        self.kind = kind
        self.stage = Stage.QUEUED
        self.since = now
        self.quantity = 0
        self.filled = 0
        self.booked = 0
        self.asked = False
        self.denied = 0
        self.trades: set[int] = set()
        self.tries = 0
        self.resends = 0
        self.unanswered = 0
        self.look_at = 0
        self.seen = False
        self.abandoned = False
        self.plan: OrderPlan | None = None
        self.report: OrderReport | None = None
        self.venue_id = ""

    @property
    def cancel_sent(self) -> bool:
        """Whether a cancel is out whose effect is not known."""
        return self.stage in CANCEL_OUT

    def is_not(self, venue_id: str) -> bool:
        """Whether a venue id is that of a twin: none under which this order is known."""
        known = {self.venue_id, self.report.venue_id if self.report is not None else ""} - {""}
        return bool(venue_id and known) and venue_id not in known

    def gone(self, now: int) -> OrderReport:
        """The venue has forgotten an order that it had accepted: it has ended, with what was filled."""
        if self.report is not None:
            return replace(self.report, status=OrderStatus.CANCELED, filled=self.filled, at=now)
        side = Side.BUY if self.kind.buys else Side.SELL
        return OrderReport(self.client_id, self.symbol, "", side, OrderStatus.CANCELED, 0, 0, self.filled, now)


class Tracker:
    """All live orders of one account, and a bounded memory of ended ones. timeout: ns without news before a look."""

    def __init__(self, timeout: int) -> None:
        self._timeout = timeout
        self._live: dict[ClientId, Tracked] = {}
        self._ended: dict[ClientId, str] = {}
        self._ended_order: deque[ClientId] = deque()

    @property
    def size(self) -> int:
        """Live orders, those waiting to be sent included."""
        return len(self._live)

    def get(self, client_id: ClientId) -> Tracked | None:
        """A live order."""
        return self._live.get(client_id)

    def has_ended(self, client_id: ClientId) -> bool:
        """Whether an order is remembered to have ended."""
        return client_id in self._ended

    def live(self, symbol: str) -> list[Tracked]:
        """A symbol's live orders."""
        return [tracked for tracked in self._live.values() if tracked.symbol == symbol]

    def all_live(self) -> list[Tracked]:
        """Every live order."""
        return list(self._live.values())

    def queue(self, plan: OrderPlan, now: int) -> None:
        """An order that waits for the budget."""
        request = plan.request
        tracked = self._live[request.client_id] = Tracked(request.client_id, request.symbol, plan.kind, now)
        tracked.plan = plan
        tracked.quantity = request.quantity

    def adopt(self, client_id: ClientId, symbol: str, kind: OrderKind, now: int) -> Tracked:
        """An order that somebody else knows to rest."""
        tracked = self._live[client_id] = Tracked(client_id, symbol, kind, now)
        tracked.stage = Stage.RESTING
        tracked.seen = True
        return tracked

    def sending(self, tracked: Tracked, now: int) -> bool:
        """The request is about to leave. False: it must not, the order is on the venue or its fate is looked up."""
        leaves = self._on(tracked, Trigger.SEND, now) is Stage.SENDING
        tracked.unanswered += leaves
        return leaves

    def answered(self, client_id: ClientId) -> None:
        """A request to place an order has its answer, whatever it says."""
        tracked = self._live.get(client_id)
        if tracked is not None and tracked.unanswered:
            tracked.unanswered -= 1

    def again(self, tracked: Tracked, now: int) -> None:
        """The order never arrived and waits to be sent once more."""
        tracked.resends += 1
        tracked.tries = 0
        self._on(tracked, Trigger.AGAIN, now)

    def cancelling(self, tracked: Tracked, now: int) -> None:
        """A cancel request leaves."""
        self._on(tracked, Trigger.CANCEL, now)

    def looking(self, tracked: Tracked, now: int) -> None:
        """A look-up is due or out."""
        tracked.tries += 1
        self._on(tracked, Trigger.LOOK, now)
        tracked.look_at = 0
        tracked.since = now

    def resting(self, tracked: Tracked, now: int) -> None:
        """A cancel did not leave, or was not carried out: the order rests on."""
        self._on(tracked, Trigger.KEPT, now)

    def drop(self, client_id: ClientId) -> None:
        """The order certainly does not exist on the venue."""
        self._live.pop(client_id, None)

    def forget_symbol(self, symbol: str) -> None:
        """A symbol has left for good."""
        for client_id in [c for c, t in self._live.items() if t.symbol == symbol]:
            del self._live[client_id]

    def filled(self, fill: Fill) -> OrderReport | None:
        """Count a fill once, so that missing ones are noticed. The end of an order that has filled by it."""
        tracked = self._live.get(fill.client_id)
        if tracked is None or fill.trade_id in tracked.trades or tracked.is_not(fill.venue_id):
            return None
        tracked.trades.add(fill.trade_id)
        tracked.booked += fill.quantity
        tracked.filled = max(tracked.filled, tracked.booked)
        if not 0 < tracked.quantity <= tracked.booked:
            return None
        self.end(fill.client_id)
        if tracked.report is None:
            return None
        filled = tracked.quantity
        return replace(tracked.report, status=OrderStatus.FILLED, filled=filled, venue_id=tracked.venue_id, at=fill.at)

    def observe(self, report: OrderReport, kind: OrderKind, now: int) -> bool:
        """Take a report, its fills counted before. True: it is old news, the order has ended before.

        Another venue id under the same client id is a twin: a request that came twice, the second time too late.
        """
        ended = self._ended.get(report.client_id)
        if ended is not None:
            if report.status.terminal or not ended or report.venue_id in ("", ended):
                return True
            del self._ended[report.client_id]
        tracked = self._live.get(report.client_id)
        if tracked is None:
            tracked = self._live[report.client_id] = Tracked(report.client_id, report.symbol, kind, now)
        tracked.report = report
        tracked.venue_id = tracked.venue_id or report.venue_id
        tracked.quantity = report.quantity
        tracked.denied = 0
        tracked.filled = max(tracked.filled, report.filled)
        self._told(tracked, report.status, now)
        return False

    def _told(self, tracked: Tracked, status: OrderStatus, now: int) -> None:
        """The venue's word on an order. Of one that has ended nothing is missing once its fills are in."""
        complete = tracked.booked >= tracked.filled
        if status.terminal or tracked.stage is Stage.ENDING:
            if complete:
                self.end(tracked.client_id)
            elif tracked.stage is not Stage.ENDING:
                tracked.tries = 0
                self._on(tracked, Trigger.OVER, now)
        elif status is not OrderStatus.PENDING:
            tracked.seen = True
            self._on(tracked, Trigger.LIVE, now)
            if complete:
                tracked.tries = 0
                tracked.look_at = 0 if tracked.stage is Stage.RESTING else tracked.look_at
            elif not tracked.look_at:
                tracked.look_at = now + self._timeout

    def overdue(self, now: int) -> Iterator[Tracked]:
        """Orders whose news is missing for too long, or whose next look-up is due."""
        for tracked in list(self._live.values()):
            if tracked.asked:
                continue
            if tracked.look_at:
                if now >= tracked.look_at:
                    yield tracked
            elif tracked.stage in WAITING and now - tracked.since >= self._timeout:
                yield tracked

    def end(self, client_id: ClientId) -> None:
        """Nothing of it rests and nothing of it is missing."""
        tracked = self._live.pop(client_id, None)
        if tracked is None:
            return
        tracked.stage = TRANSITIONS[tracked.stage, Trigger.DONE]
        if client_id not in self._ended:
            self._ended_order.append(client_id)
        self._ended[client_id] = tracked.venue_id
        if len(self._ended_order) > ENDED:
            self._ended.pop(self._ended_order.popleft(), None)

    @staticmethod
    def _on(tracked: Tracked, trigger: Trigger, now: int) -> Stage:
        """Take the transition; the stage after it."""
        stage = TRANSITIONS[tracked.stage, trigger]
        if tracked.stage is not stage:
            tracked.stage = stage
            tracked.since = now
            tracked.look_at = 0
        return stage
