"""Orders that carry our ids and rest on the venue, although this symbol has never had them: adopted or cancelled.

They come with a journal that was put back from an older copy. The rule is `claim` in domain/reconcile.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import AdoptOrder, OrderAdopted, OrderPlan
from opensqt_actors.actors.symbol_messages import Phase, Recheck
from opensqt_actors.actors.symbol_orders import cancel_orphans
from opensqt_actors.domain.ids import ClientId, OrderKey, decode
from opensqt_actors.domain.orders import OrderReport, OrderRequest
from opensqt_actors.domain.reconcile import Claim, claim
from opensqt_actors.domain.settings import RemoveMode
from opensqt_actors.domain.strategy import Place
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

MOST = 200
"""So many are waited for; what comes beyond them is cancelled at once."""
YOUNG = "an order that is not known here rests on this level; it is adopted or cancelled when it is old enough"


class Strays:
    """Since when each stranger of the slots counts: by the venue's time, or from when it was first met. grace: ns."""

    def __init__(self, grace: int) -> None:
        self.grace = grace
        self._due: dict[ClientId, int] = {}

    def look(self, actor: SymbolActor, now: int) -> list[Effect]:
        """Take note of new ones, forget those that have gone; those that must not wait are given up and cancelled."""
        strangers, due = actor.slots.slotless.strangers, self._due
        for client_id in [client_id for client_id in due if client_id not in strangers]:
            del due[client_id]
        for client_id, report in list(strangers.items()):
            if _goes(actor, client_id) or (client_id not in due and len(due) >= MOST):
                actor.slots.slotless.disown(client_id)
            elif client_id not in due:
                due[client_id] = min(report.at or now, now) + self.grace
        later = [at for at in due.values() if at > now]
        timer = [SetTimer("strays", min(later) - now, Recheck())] if later else []
        return [*timer, *(cancel_orphans(actor) if actor.slots.slotless.orphans else [])]

    def gone(self, actor: SymbolActor, open_ids: set[ClientId], asked: int) -> None:
        """The venue's view, asked for at `asked`: whoever was there before and is not in it has ended."""
        for client_id, report in list(actor.slots.slotless.strangers.items()):
            if client_id not in open_ids and report.at < asked:
                del actor.slots.slotless.strangers[client_id]

    def claimed(self, actor: SymbolActor, place: Place, now: int) -> tuple[bool, list[Effect]]:
        """Whether an order that a slot wants is not to be placed, because of a stranger on its level; and what follows.

        The same order is adopted: its intent is written first, as of any other.
        """
        for client_id, report in actor.slots.slotless.strangers.items():
            key = decode(client_id)
            if key is None or key.level != place.level:
                continue
            due = self._due.get(client_id, now + self.grace)
            match claim(report, key.kind, place, old=due <= now):
                case Claim.ADOPT:
                    return True, _adopt(actor, report, key, place, now)
                case Claim.WAIT:
                    slot = actor.slots.slot(place.level)
                    slot.blocked_until, slot.blocked_reason = due, YOUNG
                    return True, []
                case Claim.OTHER:
                    continue
        return False, []

    def decided(self, actor: SymbolActor, now: int) -> list[Effect]:
        """A decision was made at a known price: what is old and was not adopted by it is not wanted."""
        if not actor.slots.slotless.strangers:
            return []
        for client_id in list(actor.slots.slotless.strangers):
            if self._due.get(client_id, now + 1) <= now:
                actor.slots.slotless.disown(client_id)
        return cancel_orphans(actor) if actor.slots.slotless.orphans else []


def order_adopted(actor: SymbolActor, message: OrderAdopted, now: int) -> list[Effect]:
    """An adopted order is written down."""
    actor.slots.written(message.client_id)
    if message.report is not None:
        actor.slots.report(message.report)
    return actor.act(now)


def _goes(actor: SymbolActor, client_id: ClientId) -> bool:
    """Whether nothing is waited for: an order of another host, a market that is left, the process's end, a refusal."""
    key = decode(client_id)
    if key is None:
        return False
    if actor.sync.earlier(client_id):
        return True
    if actor.stopping is not None:
        return actor.stopping.cancel_openings if key.kind.opens else actor.stopping.cancel_exits
    if actor.phase is Phase.REFUSED:
        return key.kind.opens
    return actor.leaving is not None and (key.kind.opens or actor.leaving is not RemoveMode.GRACEFUL)


def _adopt(actor: SymbolActor, report: OrderReport, key: OrderKey, place: Place, now: int) -> list[Effect]:
    order = actor.slots.adopt(report, key.kind, key.generation, now, place.reduce_only)
    request = OrderRequest(
        order.client_id, actor.symbol, order.side, order.price, order.quantity, order.post_only, place.reduce_only
    )
    side = "buy" if key.kind.buys else "sell"
    sentence = f"adopted an order that was not known here: {order.client_id}, a {side} on level {key.level}"
    return [
        Tell(actor.exchange, AdoptOrder(OrderPlan(request, key.level, key.kind, key.generation))),
        ports.Announce("order.adopted", actor.account, actor.symbol, sentence, "warning"),
    ]
