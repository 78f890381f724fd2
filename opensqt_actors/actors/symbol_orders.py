"""How a SymbolActor's decision becomes a request to its exchange: cancels, places, and the band until the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import NotAgain, OrderPlan, Submit
from opensqt_actors.actors.symbol_messages import Recheck
from opensqt_actors.actors.symbol_sync import closes
from opensqt_actors.domain.admission import admitted, borne
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import OrderRequest, RefusalCode
from opensqt_actors.domain.slots import Slot
from opensqt_actors.domain.strategy import Decision, Place
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

FAR = 1 << 62
HELD_BACK = 10_000_000_000
"""ns until an exit that the venue's position does not bear is looked at again."""
FLATTEN = frozenset({OrderKind.FLATTEN_BUY, OrderKind.FLATTEN_SELL})


def carry_out(actor: SymbolActor, decision: Decision, now: int) -> list[Effect]:
    """Ask for what has changed, and for nothing when nothing has. Openings pass the gate here, whoever decided."""
    slots, gates = actor.slots, actor.gates
    if gates.changed:
        gates.changed = False
        actor.band = None
    cancelled, allowed, low, high, recheck = decision
    cancels = tuple([slots.cancel(level, now).client_id for level in cancelled]) if cancelled else ()
    places: tuple[OrderPlan, ...] = ()
    adopted: list[Effect] = []
    if allowed:
        gate = gates.gate
        if gate.closed or gate.allowance is not None:
            allowed = admitted(allowed, gate, len(slots.open_buys) + len(slots.open_sells))
        if allowed and actor.reconciliation.missing is not None:
            allowed = _bearable(actor, allowed, actor.reconciliation.missing, now)
        if slots.slotless.strangers:
            allowed, adopted = _unclaimed(actor, allowed, now)
        places = tuple([_plan(actor, place, now) for place in allowed])
    effects: list[Effect] = []
    band = (low, high)
    if cancels or places or band != actor.band or (slots.long_cost, slots.short_cost) != actor.held:
        effects = submit(actor, cancels, places, band)
    if recheck:
        effects.append(SetTimer("recheck", max(recheck - now, 1), Recheck()))
    return effects + adopted if adopted else effects


def submit(
    actor: SymbolActor,
    cancels: tuple[ClientId, ...],
    places: tuple[OrderPlan, ...],
    band: tuple[int, int] | None = None,
) -> list[Effect]:
    """Without a band every price counts until the next decision."""
    actor.band = band
    slots, gates = actor.slots, actor.gates
    long, short = actor.held = (slots.long_cost, slots.short_cost)
    actor.placed += len(places)
    actor.cancelled += len(cancels)
    low, high = band or (FAR, -FAR)
    urgent = bool(gates) and gates.urgent
    request = Submit(actor.symbol, cancels, places, low, high, urgent, long, short, actor.heard)
    return [Tell(actor.exchange, request)]


def _bearable(actor: SymbolActor, places: Sequence[Place], missing: int, now: int) -> Sequence[Place]:
    """While the venue holds `missing` signed steps more than the slots: exits that it would refuse wait, and say so."""
    slots = actor.slots
    at_rest = [order for order in slots.orders() if order.reduce_only and not order.terminal]
    sells = sum(order.remaining for order in at_rest if not order.buys)
    buys = sum(order.remaining for order in at_rest if order.buys)
    passed, held_back = borne(places, slots.position + missing, sells, buys)
    for place in held_back:
        slot = slots.by_level[place.level]
        slot.blocked_until = now + HELD_BACK
        slot.blocked_reason = "the venue holds less than the slots: the exits that rest close all of it"
    return passed


def _unclaimed(actor: SymbolActor, places: Sequence[Place], now: int) -> tuple[Sequence[Place], list[Effect]]:
    """What is to be placed although there are strangers; the others' adoption."""
    passed: list[Place] = []
    effects: list[Effect] = []
    for place in places:
        claimed, told = actor.strays.claimed(actor, place, now)
        effects += told
        if not claimed:
            passed.append(place)
    return passed, effects


def _plan(actor: SymbolActor, place: Place, now: int) -> OrderPlan:
    slots, execution = actor.slots, actor.execution
    level, kind, price, quantity, reduce_only = place
    order = slots.place(level, kind, price, quantity, now, reduce_only)
    market = kind in FLATTEN
    slot = slots.by_level[level]
    crosses = slot.refused_for == RefusalCode.WOULD_CROSS and slot.alike > execution.post_only_retries
    downgraded = crosses and execution.post_only_fallback == "downgrade"
    order.post_only = not (market or downgraded)
    request = OrderRequest(
        order.client_id, actor.symbol, order.side, None if market else price, quantity, order.post_only, reduce_only
    )
    at_once = market and bool(actor.gates.exit)
    return OrderPlan(request, level, kind, order.generation, False, at_once)


def not_again(actor: SymbolActor, slots: Iterable[Slot]) -> list[Effect]:
    """Tell the exchange which exits on their way would close more than their slots have come to hold.

    Nothing of them was seen at the venue yet: it might send them once more, or for the first time.
    """
    void = tuple(
        order.client_id
        for slot in slots
        if (order := slot.order) is not None
        and not (order.opens or order.seen or order.booked or order.terminal or closes(slot, order))
    )
    return [Tell(actor.exchange, NotAgain(actor.symbol, void))] if void else []


def cancel_orphans(actor: SymbolActor) -> list[Effect]:
    """Orders that rest although their slots have moved on."""
    orphans = tuple(actor.slots.slotless.orphans)
    actor.slots.slotless.orphans.clear()
    told = [
        ports.Announce(
            "order.orphan", actor.account, actor.symbol, f"cancelled an order without a slot: {client_id}", "warning"
        )
        for client_id in orphans
    ]
    return [*submit(actor, orphans, ()), *told]
