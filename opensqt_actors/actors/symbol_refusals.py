"""What a SymbolActor does when an order was not placed: how long its slot waits, and how long margin is locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import PlaceFailed, PlacesWithdrawn
from opensqt_actors.actors.symbol_messages import Execution, Reconcile, Reopen, Unlock
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import RefusalCode
from opensqt_actors.domain.slots import Slot
from opensqt_actors.runtime.effects import Effect, SetTimer

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

SECOND = 1_000_000_000
CLOSED = "market_closed"

MILLISECOND = 1_000_000
FIRST_WAIT = 100 * MILLISECOND
LONGEST_WAIT = 10_000 * MILLISECOND
FIRST_EXIT_WAIT = 25 * MILLISECOND
EXIT_WAIT = 200 * MILLISECOND
"""An exit that would have crossed is put off for the first of these as often as it may be tried as post-only, since the
next quote names another price, then for the second at most: what is held must not wait out a pause for openings."""
STRUCTURAL = 3
"""After so many refusals for the same kind of reason the slot asks only once a pause."""

_NOT_OUR_FAULT = frozenset({"not_sent", "journal", RefusalCode.RATE_LIMITED, RefusalCode.INSUFFICIENT_MARGIN})
_LIMITS = ("exposure_", "leverage_", "equity_", "too_many_orders")
"""Codes of our own limits: they pass by themselves when something is closed."""


def back_off(slot: Slot, failure: PlaceFailed, execution: Execution, now: int) -> str:
    """Block the slot for a while; returns a sentence when an operator should hear of it."""
    slot.count_refusal(failure.code)
    wait = max(failure.retry_after, min(FIRST_WAIT * 2 ** min(slot.refusals, 10), LONGEST_WAIT))
    alarm = ""
    if failure.code == RefusalCode.WOULD_CROSS:
        key = decode(failure.client_id)
        if key is not None and not key.kind.opens:
            beyond = max(slot.alike - execution.post_only_retries, 0)
            wait = max(failure.retry_after, min(FIRST_EXIT_WAIT * 2 ** min(beyond, 10), EXIT_WAIT))
        elif slot.alike > execution.post_only_retries and execution.post_only_fallback == "pause":
            wait = execution.slot_pause
    elif failure.code not in _NOT_OUR_FAULT and not failure.code.startswith(_LIMITS) and slot.alike >= STRUCTURAL:
        wait = execution.slot_pause
        if slot.alike == STRUCTURAL:
            alarm = f"level {slot.level} was refused {slot.alike} times: {failure.sentence}"
    slot.blocked_until = now + wait
    times = "once" if slot.refusals == 1 else f"{slot.refusals} times"
    slot.blocked_reason = f"refused {times} ({failure.code}): {failure.sentence}"
    return alarm


class MarginLock:
    """How long no opening order is tried after margin did not suffice: doubled while it happens again and again."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._wait = 0
        self._free_since = 0

    def lock(self, now: int) -> int:
        """ns to wait. A lock that follows a time of trading as long as the last one begins anew."""
        long_ago = now - self._free_since > self._wait
        self._wait = self._execution.margin_lock if long_ago else min(self._wait * 2, self._execution.margin_lock_max)
        return self._wait

    def unlocked(self, now: int) -> None:
        """The wait is over."""
        self._free_since = now


def place_failed(actor: SymbolActor, message: PlaceFailed, now: int) -> list[Effect]:
    """An order was not placed: its slot is free again, for later."""
    actor.sync.news += 1
    crossed = message.code == RefusalCode.WOULD_CROSS
    if actor.sync.may_still_come(message.client_id, now, crossed=crossed):
        return [SetTimer("reconcile", max(actor.sync.again_at - now, 1), Reconcile()), *actor.act(now)]
    if not message.journalled and actor.ledger.adoption_failed(message.client_id):
        return actor.act(now)
    slot = actor.slots.refused(message.client_id, message.sentence)
    if not message.journalled:
        actor.ledger.never_journalled(message.client_id)
    if slot is None:
        return actor.act(now)
    if message.code == "withdrawn":
        return actor.act(now)
    if not actor.bid and actor.protection.refused(slot, message, now):
        return actor.act(now)
    effects: list[Effect] = []
    alarm = back_off(slot, message, actor.execution, now)
    if alarm:
        effects.append(ports.Announce("order.refused", actor.account, actor.symbol, alarm, "warning"))
    if message.code == RefusalCode.INSUFFICIENT_MARGIN and "margin_lock" not in actor.gates:
        sentence = f"margin does not suffice: {message.sentence}"
        actor.gates.close("margin_lock", sentence)
        effects += [
            SetTimer("margin", actor.margin.lock(now), Unlock()),
            ports.Announce("margin.locked", actor.account, actor.symbol, sentence, "error"),
        ]
    if message.code == RefusalCode.REDUCE_ONLY:
        effects += actor.ask_truth(now)
    if message.code == RefusalCode.SYMBOL_CLOSED and CLOSED not in actor.gates:
        sentence = f"the venue takes no orders for {actor.symbol}: {message.sentence}"
        actor.gates.close(CLOSED, sentence)
        effects += [
            SetTimer("reopen", actor.execution.slot_pause, Reopen()),
            ports.Announce("market.closed", actor.account, actor.symbol, sentence, "critical"),
        ]
    return effects + actor.act(now)


def places_withdrawn(actor: SymbolActor, message: PlacesWithdrawn, now: int) -> list[Effect]:
    """Orders that waited in the queues do not go: their slots are free again, and one decision answers for all."""
    actor.sync.news += 1
    look = False
    for failure in message.failures:
        if actor.sync.may_still_come(failure.client_id, now):
            look = True
        elif actor.slots.refused(failure.client_id, failure.sentence) is not None and not failure.journalled:
            actor.ledger.never_journalled(failure.client_id)
    wait = max(actor.sync.again_at - now, 1)
    return [*([SetTimer("reconcile", wait, Reconcile())] if look else []), *actor.act(now)]


def reopen(actor: SymbolActor, now: int) -> list[Effect]:
    """A market that took no orders may take them again: the next refusal closes it for another pause."""
    actor.gates.open(CLOSED)
    return actor.act(now)


def unlock(actor: SymbolActor, now: int) -> list[Effect]:
    """The margin lock has run out."""
    actor.margin.unlocked(now)
    actor.gates.open("margin_lock")
    return actor.act(now)
