"""How a SymbolActor comes to know its market: the venue's rules, the lattice, and the strategy that is made of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.symbol_messages import Phase, Start
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.strategy import Market
from opensqt_actors.runtime.effects import Effect, SetTimer

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

SECOND = 1_000_000_000
ATTACH_AGAIN = 2 * SECOND


def prepared(actor: SymbolActor, message: ports.SymbolPrepared, now: int) -> list[Effect]:
    """The venue's rules are known: the books are fitted to them, then its view is asked for."""
    actor.clearance.learn(message)
    if actor.phase is not Phase.PREPARING:
        return actor.act(now)
    actor.ledger.instrument = message.instrument
    actor.ledger.fees = message.fees
    actor.history = message.history
    refusal = actor.clearance.refusal(actor)
    if refusal is not None:
        return actor.refuse(refusal, now)
    effects: list[Effect] = []
    try:
        kept = actor.ledger.fit()
    except InvalidValue as error:
        return actor.refuse(error.sentence, now)
    if kept is not None:
        effects.append(ports.Announce("grid.lattice_kept", actor.account, actor.symbol, kept, "warning"))
    if actor.ledger.lattice is not None:
        refusal = build(actor)
        if refusal is not None:
            return actor.refuse(refusal, now)
    actor.phase = Phase.SYNCING
    actor.why = "waiting for the venue's open orders, trades and position"
    if "order_stream" in actor.gates:
        actor.why = actor.gates["order_stream"]
        return [*effects, actor.tell_row()]  # asked once it is up: nothing could be made of an answer before that
    return [*effects, *actor.ask_truth(now)]


def refused(actor: SymbolActor, message: ports.SymbolRefused, now: int) -> list[Effect]:
    """The venue says no: for good, or asked again in a while."""
    if actor.phase is not Phase.PREPARING:
        return []
    if message.final:
        return actor.refuse(message.reason, now)
    actor.why = message.reason
    return [SetTimer("attach", ATTACH_AGAIN, Start()), actor.tell_row()]


def first_price(actor: SymbolActor, price: int) -> str | None:
    """Anchor the lattice where it has none, and make the strategy; a sentence when its settings cannot work here."""
    if actor.ledger.lattice is None:
        try:
            actor.ledger.anchor(price)
        except InvalidValue as error:
            return error.sentence
    return build(actor) if actor.strategy is None else None


def build(actor: SymbolActor) -> str | None:
    """Make the strategy, with the candles that closed before it; a sentence when its settings cannot work."""
    ledger = actor.ledger
    if ledger.lattice is None or ledger.instrument is None or ledger.fees is None:
        return "the market's rules are not known"
    factory = actor.strategies.get(actor.spec.strategy)
    if factory is None:
        return f"strategy {actor.spec.strategy!r} is not installed; there are {', '.join(sorted(actor.strategies))}"
    try:
        actor.strategy = factory(Market(ledger.instrument, ledger.fees, actor.spec.grid, ledger.lattice))
    except InvalidValue as error:
        return error.sentence
    for candle in actor.history:
        actor.strategy.candle(candle)
    actor.history = ()
    actor.strategy.recall(ledger.memory)
    return None
