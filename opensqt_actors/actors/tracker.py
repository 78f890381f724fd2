"""The order tracker of one account: what every live order is known to be, whatever order the news comes in.

Terminal states absorb, cumulative fills never fall, and a time-out never ends an order: it has it looked up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from opensqt_actors.actors.exchange_messages import OrderPlan
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderStatus, Side

ENDED = 20_000


class Stage(Enum):
    """What is known. QUEUED: not sent yet, its intent may be on its way; SENDING, CANCELLING: a request is out.

    RESTING: on the venue; LOOKING: nobody knows, it is looked up; ENDING: terminal, but fills are missing.
    """

    QUEUED = "queued"
    SENDING = "sending"
    RESTING = "resting"
    CANCELLING = "cancelling"
    LOOKING = "looking"
    ENDING = "ending"


_WAITING = frozenset({Stage.SENDING, Stage.CANCELLING, Stage.LOOKING, Stage.ENDING})


class Tracked:
    """One order. since: ns, when its stage began; tries: look-ups in a row; look_at: ns, when to look, 0 = no need.

    seen: the venue has confirmed it; denied: so often in a row has it said that it does not know it; asked: a look-up
    is out; cancel_sent: a cancel is out whose effect is not known; abandoned: its SymbolActor died, so that it is never
    sent again.
    """

    __slots__ = (
        "abandoned", "asked", "booked", "cancel_sent", "client_id", "denied", "filled", "kind", "look_at", "plan",
        "quantity", "report", "resends", "seen", "since", "stage", "symbol", "trades", "tries",
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
        self.look_at = 0
        self.seen = False
        self.cancel_sent = False
        self.abandoned = False
        self.plan: OrderPlan | None = None
        self.report: OrderReport | None = None

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

    def sending(self, tracked: Tracked, now: int) -> None:
        """The request leaves."""
        self._to(tracked, Stage.SENDING, now)

    def again(self, tracked: Tracked, now: int) -> None:
        """The order never arrived and waits to be sent once more."""
        tracked.resends += 1
        tracked.tries = 0
        self._to(tracked, Stage.QUEUED, now)

    def cancelling(self, tracked: Tracked, now: int) -> None:
        """A cancel request leaves."""
        tracked.cancel_sent = True
        self._to(tracked, Stage.CANCELLING, now)

    def looking(self, tracked: Tracked, now: int) -> None:
        """A look-up is due or out."""
        tracked.tries += 1
        tracked.look_at = 0
        if tracked.stage not in (Stage.ENDING, Stage.RESTING):
            tracked.stage = Stage.LOOKING
        tracked.since = now

    def resting(self, tracked: Tracked, now: int) -> None:
        """A cancel did not leave, or was not carried out: the order rests on."""
        tracked.cancel_sent = False
        self._to(tracked, Stage.RESTING, now)

    def drop(self, client_id: ClientId) -> None:
        """The order certainly does not exist on the venue."""
        self._live.pop(client_id, None)

    def forget_symbol(self, symbol: str) -> None:
        """A symbol has left for good."""
        for client_id in [c for c, t in self._live.items() if t.symbol == symbol]:
            del self._live[client_id]

    def filled(self, fill: Fill) -> None:
        """Count a fill once, so that missing ones are noticed."""
        tracked = self._live.get(fill.client_id)
        if tracked is None or fill.trade_id in tracked.trades:
            return
        tracked.trades.add(fill.trade_id)
        tracked.booked += fill.quantity
        tracked.filled = max(tracked.filled, tracked.booked)
        if 0 < tracked.quantity <= tracked.booked:
            self.end(fill.client_id)

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
        tracked.quantity = report.quantity
        tracked.denied = 0
        tracked.filled = max(tracked.filled, report.filled)
        complete = tracked.booked >= tracked.filled
        if report.status.terminal:
            if complete:
                self.end(report.client_id)
            elif tracked.stage is not Stage.ENDING:
                tracked.tries = 0
                self._to(tracked, Stage.ENDING, now)
        elif tracked.stage is Stage.ENDING:
            if complete:
                self.end(report.client_id)
        elif report.status is not OrderStatus.PENDING:
            tracked.seen = True
            if not tracked.cancel_sent:
                self._to(tracked, Stage.RESTING, now)
            if complete:
                tracked.tries = 0
                tracked.look_at = 0 if tracked.stage is Stage.RESTING else tracked.look_at
            elif not tracked.look_at:
                tracked.look_at = now + self._timeout
        return False

    def overdue(self, now: int) -> Iterator[Tracked]:
        """Orders whose news is missing for too long, or whose next look-up is due."""
        for tracked in list(self._live.values()):
            if tracked.asked:
                continue
            if tracked.look_at:
                if now >= tracked.look_at:
                    yield tracked
            elif tracked.stage in _WAITING and now - tracked.since >= self._timeout:
                yield tracked

    def end(self, client_id: ClientId) -> None:
        """Nothing of it rests and nothing of it is missing."""
        tracked = self._live.pop(client_id, None)
        if tracked is None:
            return
        if client_id not in self._ended:
            self._ended_order.append(client_id)
        self._ended[client_id] = tracked.report.venue_id if tracked.report is not None else ""
        if len(self._ended_order) > ENDED:
            self._ended.pop(self._ended_order.popleft(), None)

    @staticmethod
    def _to(tracked: Tracked, stage: Stage, now: int) -> None:
        if tracked.stage is not stage:
            tracked.stage = stage
            tracked.since = now
            tracked.look_at = 0
