"""What must be true before a symbol's first opening order: gathers the facts, closes one gate for each failed check.

Exits do not wait for it. Once everything has passed it is not asked again in this life of the actor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import WantFacts
from opensqt_actors.actors.symbol_messages import AskFacts
from opensqt_actors.domain.preflight import Facts, Planned, Preflight, PreflightSettings, Problem, blocking, plan
from opensqt_actors.runtime.effects import Effect, SetTimer, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.symbol import SymbolActor

SECOND = 1_000_000_000
ASK_AGAIN = 10 * SECOND
PREFIX = "preflight_"
_FATAL = frozenset({"permission", "position_mode"})


class Clearance:
    """One symbol's pre-flight. passed: opening orders may be placed as far as it is concerned."""

    def __init__(self, settings: PreflightSettings) -> None:
        self.passed = False
        self._rules = Preflight(settings)
        self._prepared: ports.SymbolPrepared | None = None
        self._asked = False

    def learn(self, prepared: ports.SymbolPrepared) -> None:
        """What the venue says of the market and the account, now."""
        self._prepared = prepared
        self._asked = False

    def refusal(self, actor: SymbolActor) -> str | None:
        """Why this account cannot trade the market at all, or None."""
        fatal = [problem for problem in self._rules.run(self._facts(actor, ())) if problem.code in _FATAL]
        return _sentence(fatal[0]) if fatal else None

    def check(self, actor: SymbolActor) -> list[Effect]:
        """Bring the actor's gates in line with what is known now; ask for fresh facts while something fails."""
        lattice, instrument = actor.ledger.lattice, actor.ledger.instrument
        if self.passed or lattice is None or instrument is None:
            return []
        ladder = plan(instrument, actor.spec.grid, lattice, (actor.bid + actor.ask) // 2)
        problems = blocking(self._rules.run(self._facts(actor, ladder)))
        closed = {PREFIX + problem.code: _sentence(problem) for problem in problems}
        before = [code for code in actor.gates if code.startswith(PREFIX)]
        actor.gates.change(before, closed)
        if not problems:
            self.passed = True
            return [_announce(actor, "preflight.passed", "pre-flight has passed", "info")] if before else []
        effects: list[Effect] = []
        if set(before) != set(closed):
            effects.append(_announce(actor, "preflight.failed", "; ".join(closed.values()), "warning"))
        if not self._asked:
            self._asked = True
            effects.append(SetTimer("facts", ASK_AGAIN, AskFacts()))
        return effects

    def ask(self, actor: SymbolActor) -> list[Effect]:
        """Ask the venue again; an answer that does not come is asked for once more."""
        if self.passed:
            return []
        return [Tell(actor.exchange, WantFacts(actor.symbol)), SetTimer("facts", ASK_AGAIN, AskFacts())]

    def _facts(self, actor: SymbolActor, planned: tuple[Planned, ...]) -> Facts:
        found, ledger = self._prepared, actor.ledger
        if found is None:
            return Facts(actor.symbol, actor.spec.grid)
        slots = ledger.slots
        at_rest = sum(order.price * order.remaining for order in slots.orders() if order.opens)
        return Facts(
            symbol=actor.symbol,
            grid=actor.spec.grid,
            order_stream="order_stream" not in actor.gates,
            price=(actor.bid + actor.ask) // 2 if actor.bid else None,
            instrument=found.instrument,
            trading=True,
            can_trade=found.account.can_trade,
            hedged=found.account.hedged,
            leverage=found.leverage,
            available=found.account.available,
            committed=found.instrument.money(slots.long_cost + slots.short_cost + at_rest),
            fees=found.fees,
            clock_skew=found.clock_offset,
            planned=planned,
        )


def _sentence(problem: Problem) -> str:
    return f"{problem.field}: {problem.sentence}"


def _announce(actor: SymbolActor, kind: str, sentence: str, level: str) -> Effect:
    return ports.Announce(kind, actor.account, actor.symbol, sentence, level)
