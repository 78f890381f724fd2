"""Orders that rest on the venue and that a slot takes although nobody here had sent them: written down, then told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import SECOND
from opensqt_actors.actors.exchange_messages import AdoptOrder, OrderAdopted, OrderPlan, PlaceFailed
from opensqt_actors.actors.order_intents import intent
from opensqt_actors.runtime.effects import Effect

if TYPE_CHECKING:
    from opensqt_actors.actors.order_desk import OrderDesk


class Adoptions:
    """writing: those whose intents are on their way to the journal, by the number of their batch."""

    def __init__(self, desk: OrderDesk) -> None:
        self._desk = desk
        self.writing: dict[int, OrderPlan] = {}

    def adopt(self, message: AdoptOrder, now: int) -> list[Effect]:
        """Write its intent as that of a new order: the journal refuses an id that it knows."""
        plan, tracker = message.plan, self._desk.tracker
        client_id = plan.request.client_id
        if tracker.get(client_id) is None:
            if tracker.has_ended(client_id):
                return []
            tracker.adopt(client_id, plan.request.symbol, plan.kind, now)
        batch = self._desk.new_batch()
        self.writing[batch] = plan
        return [ports.CommitIntents(batch, (intent(self._desk.account, plan, now),))]

    def committed(self, batch: int, now: int) -> list[Effect] | None:
        """Durable: what is known of it is told once more, now that a slot has it. None: no adoption."""
        plan = self.writing.pop(batch, None)
        if plan is None:
            return None
        client_id = plan.request.client_id
        tracked = self._desk.tracker.get(client_id)
        report = None if tracked is None else tracked.report
        if tracked is not None and report is None:
            tracked.look_at = now
        return self._desk.tell(plan.request.symbol, OrderAdopted(client_id, report))

    def failed(self, batch: int, sentence: str, now: int) -> list[Effect] | None:
        """Not written: the order must not rest. None: no adoption."""
        plan = self.writing.pop(batch, None)
        if plan is None:
            return None
        client_id, symbol = plan.request.client_id, plan.request.symbol
        self._desk.cancel(client_id, symbol, now, urgent=False)
        told = self._desk.tell(symbol, PlaceFailed(client_id, "journal", sentence, SECOND, journalled=False))
        return told + self._desk.pump(now)
