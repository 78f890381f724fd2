"""Orders whose fate nobody knows: the venue is asked for each under its id, again and again, until it has said.

Nothing is guessed. Only when the venue does not know an order: an exit goes out once more under the same id, an opening
order goes back to its symbol, which decides anew.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import SECOND
from opensqt_actors.actors.exchange_messages import CancelFailed, OrderUpdate
from opensqt_actors.actors.tracker import Stage
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import Truth
from opensqt_actors.runtime.effects import Effect

if TYPE_CHECKING:
    from opensqt_actors.actors.order_desk import OrderDesk

TRIES = 5
DENIALS = 3
"""So often must the venue deny an order that it had confirmed: a read may lag behind."""


class LookUps:
    """Of one desk. When an order is looked at next is kept with the order, in the desk's tracker."""

    def __init__(self, desk: OrderDesk, seed: int) -> None:
        self._desk = desk
        self._jitter = random.Random(seed)

    def ask(self, client_id: ClientId, now: int, retry_after: int = 0) -> list[Effect]:
        """Ask the venue for an order whose state nobody knows: at once, then backed off with full jitter."""
        tracked = self._desk.tracker.get(client_id)
        settled = tracked is not None and tracked.stage is Stage.RESTING and not tracked.look_at and not retry_after
        if tracked is None or tracked.asked or settled:
            return []
        self._desk.tracker.looking(tracked, now)
        if tracked.tries <= 1 and not retry_after and now >= self._desk.budget.paused_until:
            tracked.asked = True
            return [ports.FindOrder(tracked.symbol, client_id)]
        most = min(SECOND // 2 * 2**tracked.tries, 10 * SECOND)
        tracked.look_at = now + max(retry_after, int(self._jitter.random() * most), 1)
        return []

    def missing(self, truth: Truth, asked_at: int, now: int) -> None:
        """Orders that should rest but do not, as far as the venue could know when it was asked: look them up."""
        resting = {report.client_id for report in truth.open_orders}
        for tracked in self._desk.tracker.live(truth.symbol):
            known = tracked.client_id in resting or tracked.stage is not Stage.RESTING
            if not known and not tracked.look_at and tracked.since < asked_at:
                tracked.look_at = now + 1

    def overdue(self, now: int) -> list[Effect]:
        """Once a second: whatever was not heard of for too long."""
        if now < self._desk.budget.paused_until:
            return []
        tracker = self._desk.tracker
        effects: list[Effect] = []
        for tracked in tracker.overdue(now):
            tracker.looking(tracked, now)
            if tracked.stage is Stage.ENDING and tracked.tries > TRIES:
                tracker.end(tracked.client_id)
            else:
                tracked.asked = True
                effects.append(ports.FindOrder(tracked.symbol, tracked.client_id))
        return effects

    def found(self, message: ports.OrderFound, now: int) -> list[Effect]:
        """The venue knows it: its fills first, then its state."""
        desk, report = self._desk, message.report
        effects: list[Effect] = []
        tracked = desk.tracker.get(report.client_id)
        if tracked is not None:
            tracked.asked = False
        for fill in message.fills:
            # that its fills have ended it is told as well: its slot may have moved on, and writes down what it hears
            effects += desk.tell(fill.symbol, OrderUpdate(desk.tracker.filled(fill), fill))
        effects += desk.observe(report, now)
        if tracked is not None and not report.status.terminal and desk.tracker.get(report.client_id) is tracked:
            tracked.tries = 0
            if tracked.cancel_sent and tracked.stage is not Stage.ENDING:
                desk.tracker.resting(tracked, now)
                effects += desk.tell(tracked.symbol, CancelFailed(tracked.client_id))
        return effects + desk.pump(now)

    def not_known(self, message: ports.OrderNotKnown, now: int) -> list[Effect]:
        """The venue has never seen it, or has forgotten how it ended."""
        desk = self._desk
        tracked = desk.tracker.get(message.client_id)
        if tracked is None:
            return []
        tracked.asked = False
        if tracked.seen or tracked.filled:
            tracked.denied += 1
            if tracked.denied < DENIALS:
                return self.ask(message.client_id, now, SECOND)
            effects = desk.observe(tracked.gone(now), now)
            desk.tracker.end(message.client_id)
            return effects + desk.pump(now)
        plan = tracked.plan
        wanted = desk.alive(tracked.symbol) and not tracked.abandoned
        if plan is not None and not plan.kind.opens and wanted and tracked.resends < TRIES:
            desk.tracker.again(tracked, now)
            return desk.send_again(plan, now)
        return desk.fail(message.client_id, "not_sent", "the venue does not know the order")

    def failed(self, message: ports.FindFailed, now: int) -> list[Effect]:
        """Nothing learnt."""
        tracked = self._desk.tracker.get(message.client_id)
        if tracked is not None:
            tracked.asked = False
        return self.ask(message.client_id, now, max(message.retry_after, 1))
