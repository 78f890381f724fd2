"""What a SymbolActor does with a comparison: corrections, the alarm, and the answer for whoever asked for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.exchange_messages import ForeignFill
from opensqt_actors.actors.risk_messages import FaultFound, FaultSettled
from opensqt_actors.actors.symbol_messages import Phase, ReconcileNow
from opensqt_actors.actors.symbol_sync import SECOND, SOON, UNCLAIMED, Verdict
from opensqt_actors.actors.views import ReconcileView
from opensqt_actors.domain.orders import RefusalCode, Truth
from opensqt_actors.domain.reconcile import LAG, Holding, corrections
from opensqt_actors.runtime.effects import Effect, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

GATE = "position_mismatch"
FOREIGN = "foreign_fill"
ACCEPTED = "the venue's position was accepted"
MOST_WAITING = 16
LOOKS = 4
"""A question is answered after so many comparisons, even when nothing is sure yet."""
UNNAMED = f"a trade of the last {UNCLAIMED // SECOND} s"
PATIENCE = 2 * LAG
"""But not before that: looks in quick succession say nothing new, however many there are."""


class Reconciliation:
    """The operators' open questions, and what a believed difference leads to.

    disturbed_at: ns, when an order that is not ours last filled, until a comparison has answered it, 0 = none has;
    missing: signed steps that the venue is believed to hold more than the slots, None = they agree.
    """

    def __init__(self) -> None:
        self.disturbed_at = 0
        self.missing: int | None = None
        self._waiting: list[ReconcileNow] = []
        self._looks = 0
        self._looked_at = 0

    def ask(self, actor: SymbolActor, message: ReconcileNow) -> list[Effect]:
        """Take an operator's question. Empty: it waits for the next comparison; else it is refused."""
        sentence = ""
        if actor.phase in (Phase.PREPARING, Phase.REFUSED):
            sentence = f"{actor.symbol} cannot be compared now: {actor.why}"
        elif len(self._waiting) >= MOST_WAITING:
            sentence = f"{MOST_WAITING} questions about {actor.symbol} wait for an answer already; try again"
        if sentence:
            return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]
        self._waiting.append(message)
        self._looks = 0
        return []

    def disturbed(self, actor: SymbolActor, message: ForeignFill, now: int) -> list[Effect]:
        """An order that is not ours has filled: nothing opens until a comparison says what that did to the position.

        It is asked for at once. The one that counts is asked for `LAG` later: a read of the position may lag behind.
        """
        if actor.phase in (Phase.PREPARING, Phase.REFUSED):
            return []
        actor.sync.not_ours(message.trade)
        first, self.disturbed_at = not self.disturbed_at, now
        actor.gates.close(FOREIGN, message.sentence)
        return [*(actor.ask_truth(now) if first else []), *actor.act(now)]

    def failed(self, reason: str) -> list[Effect]:
        """The venue's view could not be had."""
        refusal = operator.Refusal("unavailable", f"the venue's view could not be had: {reason}; try again")
        waiting, self._waiting = self._waiting, []
        return [ports.Reply(message.request, refusal) for message in waiting]

    def compared(self, actor: SymbolActor, truth: Truth, verdict: Verdict, now: int) -> tuple[Verdict, list[Effect]]:
        """Correct a small difference, or a large one that an operator accepts; close the gate for any other large one.

        R12. Nothing is corrected while a trade that nobody can name yet may explain the difference.
        Returns what is true after that.
        """
        effects: list[Effect] = []
        before, corrected = actor.slots.position, 0
        believed = verdict is Verdict.CLOSE or (verdict is Verdict.DIFFERENT and self._accepted)
        if believed and not actor.sync.unnamed:
            corrected = self._correct(actor, truth, now)
            if corrected:
                verdict = Verdict.SAME
                effects.append(_corrected(actor, before, corrected))
        if verdict is Verdict.SAME:
            if corrected or self.missing is not None:
                _release(actor)
            if self._accepted:
                effects.append(Tell(actor.parent, FaultSettled(actor.account, actor.symbol, ACCEPTED)))
            self.missing = None
            actor.gates.open(GATE)
        elif verdict is Verdict.DIFFERENT:
            self.missing = truth.position.quantity - actor.slots.position
            effects += _mismatch(actor, truth)
        settled = verdict in (Verdict.SAME, Verdict.DIFFERENT)
        if settled and self.disturbed_at and actor.sync.asked >= self.disturbed_at + LAG:
            self.disturbed_at = 0
            actor.gates.open(FOREIGN)
        return verdict, effects + self._answers(actor, truth, verdict, before, corrected, now)

    def wait(self, verdict: Verdict, wait: int) -> int:
        """ns until the next comparison: sooner while somebody waits for a verdict, or while openings wait for one."""
        wait = min(wait, LAG) if self.disturbed_at or self._waiting else wait
        return min(wait, SOON) if self._waiting and verdict is Verdict.BUSY else wait

    @property
    def _accepted(self) -> bool:
        """Whether an operator wants the venue's position to be true."""
        return any(message.accept for message in self._waiting)

    def _correct(self, actor: SymbolActor, truth: Truth, now: int) -> int:
        """Bring the slots to what the venue holds; the signed steps. 0: not without a price."""
        instrument, strategy = actor.instrument, actor.strategy
        if instrument is None or strategy is None or not actor.bid:
            return 0
        price = (actor.bid + actor.ask) // 2
        held = [
            Holding(slot.level, slot.position, strategy.lattice.price(slot.level)) for slot in actor.slots.held.values()
        ]
        difference = truth.position.quantity - actor.slots.position
        found, rest = corrections(held, difference, price)
        actor.ledger.correct(found, price, strategy, now)
        if rest:
            actor.ledger.adopt(rest, instrument.price_to_ticks(truth.position.entry_price), strategy, now)
        return difference

    def _answers(
        self, actor: SymbolActor, truth: Truth, verdict: Verdict, before: int, corrected: int, now: int
    ) -> list[Effect]:
        if not self._waiting or actor.instrument is None:
            return []
        self._looks += 1
        self._looked_at = now if self._looks == 1 else self._looked_at
        early = self._looks < LOOKS or now - self._looked_at < PATIENCE
        unnamed = verdict in (Verdict.CLOSE, Verdict.DIFFERENT) and self._accepted and actor.sync.unnamed
        if early and (unnamed or verdict in (Verdict.BUSY, Verdict.UNSURE)):
            return []
        waiting, self._waiting = self._waiting, []
        quantity, seen = actor.instrument.quantity, actor.sync.seen
        view = ReconcileView(
            account=actor.account,
            symbol=actor.symbol,
            verdict=verdict.value,
            slots_position=quantity(before),
            venue_position=quantity(truth.position.quantity),
            corrected=quantity(corrected),
            orders=seen.orders,
            foreign_orders=seen.foreign_orders,
            missed_fills=seen.missed_fills,
            foreign_trades=seen.foreign_trades,
            sentence=_sentence(
                actor, verdict, quantity(truth.position.quantity), quantity(before), quantity(corrected)
            ),
        )
        return [ports.Reply(message.request, view) for message in waiting]


def _release(actor: SymbolActor) -> None:
    """Exits that were refused or held back for a position that the books were wrong about need not wait any longer."""
    for slot in actor.slots.held.values():
        if slot.refused_for in ("", RefusalCode.REDUCE_ONLY):
            slot.blocked_until = 0


def _held(actor: SymbolActor, theirs: Decimal, ours: Decimal) -> str:
    return f"the venue holds {theirs} and the slots of {actor.symbol} hold {ours}"


def _sentence(actor: SymbolActor, verdict: Verdict, theirs: Decimal, ours: Decimal, corrected: Decimal) -> str:
    held = _held(actor, theirs, ours)
    if corrected:
        return f"{held}: the slots were corrected by {corrected}, marked as inferred"
    match verdict:
        case Verdict.SAME:
            return f"{held}: they agree"
        case Verdict.BUSY:
            return f"{held}: orders fill just now, so that nothing can be said; ask again"
        case Verdict.UNSURE:
            return f"{held}: this was seen once and is looked at again"
        case Verdict.CLOSE:
            until = f"{UNNAMED} has a name" if actor.sync.unnamed else "there is a price"
            return f"{held}: the slots are corrected once {until}"
        case Verdict.DIFFERENT:
            cannot = "; there is no price yet, with which it could be accepted" if not actor.bid else ""
            if actor.sync.unnamed:
                cannot = f"; not yet: {UNNAMED} may still turn out to be ours"
            return f"{held}: nothing opens until they agree, or until you accept the venue's position{cannot}"


def _corrected(actor: SymbolActor, before: int, corrected: int) -> Effect:
    instrument = actor.instrument
    if instrument is None:
        raise RuntimeError("slots cannot be corrected without the market's rules")
    theirs, ours = instrument.quantity(before + corrected), instrument.quantity(before)
    sentence = f"the venue held {theirs}, the slots {ours}: corrected, marked as inferred"
    return ports.Announce("position.corrected", actor.account, actor.symbol, sentence, "warning")


def _mismatch(actor: SymbolActor, truth: Truth) -> list[Effect]:
    """Slots and venue disagree for good: nothing opens until they agree again, and the breaker opens."""
    instrument = actor.instrument
    if instrument is None or GATE in actor.gates:
        return []
    sentence = (
        f"the venue holds {instrument.quantity(truth.position.quantity)}, "
        f"the slots {instrument.quantity(actor.slots.position)}"
    )
    actor.gates.close(GATE, sentence)
    return [
        Tell(actor.parent, FaultFound(actor.account, actor.symbol, sentence)),
        ports.Announce("position.mismatch", actor.account, actor.symbol, sentence, "critical"),
    ]
