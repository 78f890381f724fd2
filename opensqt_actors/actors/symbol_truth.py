"""What a SymbolActor makes of the venue's view of its orders, trades and position, and when it asks for it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.symbol_messages import Phase, Reconcile
from opensqt_actors.actors.symbol_orders import not_again, submit
from opensqt_actors.actors.symbol_start import first_price
from opensqt_actors.actors.symbol_sync import SOON, Verdict
from opensqt_actors.domain.orders import Truth
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.runtime.effects import Effect, SetTimer

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

SECOND = 1_000_000_000


def fetched(actor: SymbolActor, message: ports.TruthFetched, now: int) -> list[Effect]:
    """Book what was missed, compare, and trade once both agree. An answer that came too late teaches ends only."""
    actor.heard += 1
    truth = message.truth
    if actor.phase in (Phase.PREPARING, Phase.REFUSED) or not actor.sync.asking:
        actor.sync.ends(truth)
        return actor.act(now)
    if not actor.sync.answered():
        actor.sync.ends(truth)
        return [*actor.act(now), *actor.ask_truth(now)]
    actor.strays.gone(actor, {report.client_id for report in truth.open_orders}, actor.sync.asked)
    again = actor.sync.apply(truth, actor.strategy, (actor.bid, actor.ask), now)
    outdated = actor.takeover.outdated(actor, now)
    effects = submit(actor, tuple(outdated), tuple(again)) if outdated or again else []
    verdict = actor.sync.compare(truth, now)
    if verdict is not Verdict.BUSY and actor.ledger.untouched and truth.position.quantity:
        effects += _stranger(actor, truth, now)
        if actor.state is SymbolState.REFUSED:
            return effects
        verdict = Verdict.SAME
    verdict, told = actor.reconciliation.compared(actor, truth, verdict, now)
    effects += [*told, *not_again(actor, actor.slots.by_level.values())]
    if actor.sync.of_earlier_epochs():
        verdict = Verdict.UNSURE
    elif verdict is not Verdict.UNSURE:
        effects += actor.takeover.seen(actor, now)
    if actor.phase is Phase.SYNCING and verdict is not Verdict.UNSURE and "order_stream" not in actor.gates:
        actor.phase = Phase.TRADING
        actor.why = "waiting for the first price"
        effects += [actor.tell_row(), *actor.past.hold(actor)]
    interval = max(actor.execution.reconcile_interval, message.pace)
    wait = actor.reconciliation.wait(verdict, actor.sync.wait(verdict, interval, now))
    if actor.phase is Phase.SYNCING and verdict is Verdict.UNSURE:
        wait = min(wait, SOON)  # what is held has no exits until they agree, or until the difference is believed
    return [*effects, SetTimer("reconcile", wait, Reconcile()), *actor.act(now)]


def failed(actor: SymbolActor, message: ports.TruthFailed, now: int) -> list[Effect]:
    """It could not be had: ask again, not before the venue lets us."""
    actor.sync.answered()
    if actor.phase in (Phase.PREPARING, Phase.REFUSED):
        return []
    if actor.phase is Phase.SYNCING:
        actor.why = f"the venue's view could not be had: {message.reason}"
    told = actor.reconciliation.failed(message.reason)
    return [*told, SetTimer("reconcile", max(message.retry_after, SECOND), Reconcile())]


def _stranger(actor: SymbolActor, truth: Truth, now: int) -> list[Effect]:
    """A position was there before this symbol was added: adopted when that was asked for, else refused."""
    instrument = actor.ledger.instrument
    if instrument is None:
        return []
    held = f"{instrument.quantity(truth.position.quantity)} {instrument.base}"
    if not actor.spec.adopt:
        return actor.refuse(f"there is a position of {held} already; close it, or add the symbol with adopt", now)
    entry = instrument.price_to_ticks(truth.position.entry_price)
    refusal = first_price(actor, entry)
    if refusal is not None or actor.strategy is None:
        return actor.refuse(refusal or "the market's rules are not known", now)
    actor.ledger.adopt(truth.position.quantity, entry, actor.strategy, now)
    sentence = f"adopted a position of {held}"
    return [ports.Announce("position.adopted", actor.account, actor.symbol, sentence, "warning")]
