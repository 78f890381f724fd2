"""What is written down of an order before it leaves: its intent, or that it goes once more under its id."""

from __future__ import annotations

from opensqt_actors.actors.exchange_messages import OrderPlan
from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.domain.records import Intent, OrderSaved


def intent(account: str, plan: OrderPlan, now: int) -> Intent:
    """Of a new order."""
    request = plan.request
    return Intent(
        account, request.symbol, request.client_id, plan.level, plan.kind, plan.generation, request.side,
        request.price or 0, request.quantity, request.reduce_only, request.post_only, now,
    )  # fmt: skip


def sent_again(account: str, plan: OrderPlan, now: int) -> OrderSaved:
    """Of an order whose intent is in the journal."""
    name, client_id = plan.request.symbol, plan.request.client_id
    return OrderSaved(account, name, client_id, OrderStatus.PENDING, 0, "", "sent again", now)
