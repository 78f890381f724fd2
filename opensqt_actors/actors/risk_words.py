"""Breakers as words: the gate of a symbol, the line that operators see, the announcement, the row of the journal."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import asdict

from opensqt_actors.actors import ports
from opensqt_actors.actors.risk_messages import GlobalWord
from opensqt_actors.actors.views import RiskRow
from opensqt_actors.domain.breaker import Breaker, BreakerSaved, State, Transition
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.runtime.effects import Effect

_KINDS = {State.OPEN: "breaker.opened", State.HALF_OPEN: "breaker.half_open", State.CLOSED: "breaker.closed"}
_LEVELS = {State.OPEN: "error", State.HALF_OPEN: "warning", State.CLOSED: "info"}
_NAMES = {"breaker": "the circuit breaker", "breaker_global": "the global circuit breaker"}


def word_of(breaker: Breaker, code: str) -> GlobalWord:
    """What a breaker lets through. code: of its gate. The moment at which it tries again is told, not the time left."""
    saved = breaker.saved()
    match State(saved.state):
        case State.CLOSED:
            return GlobalWord()
        case State.OPEN:
            until = f"until {_moment(saved.until)}" if saved.until else "until it is reset"
            return GlobalWord(((code, f"{_NAMES[code]} is open {until}: {saved.sentence}"),))
        case State.HALF_OPEN:
            most = breaker.settings.probe_orders
            sentence = f"{_NAMES[code]} is half-open and lets {most} opening orders be tried after: {saved.sentence}"
            return GlobalWord((), most, (f"{code}_half_open", sentence))


def row_of(breaker: Breaker, scope: RiskScope, account: str, symbol: str) -> RiskRow:
    """A breaker's line for operators."""
    saved = breaker.saved()
    return RiskRow(scope, account, symbol, saved.state, saved.cause, saved.sentence, saved.since, saved.until)


def announcement(transition: Transition, account: str, symbol: str) -> Effect:
    """A change of state, for operators."""
    about = f"the circuit breaker of {symbol}" if symbol else "the global circuit breaker"
    state = transition.after.value.replace("_", "-")
    data = {"cause": transition.cause.value if transition.cause else "", "until": transition.until}
    return ports.Announce(
        _KINDS[transition.after], account, symbol, f"{about} is {state}: {transition.sentence}",
        _LEVELS[transition.after], data,
    )  # fmt: skip


def saved_of(breaker: Breaker, scope: RiskScope, account: str, symbol: str, now: int) -> RiskSaved:
    """What is written down of a breaker."""
    return RiskSaved(scope, account, symbol, asdict(breaker.saved()), now)


def restored(saved: RiskSaved | None) -> BreakerSaved | None:
    """What was written down, of this version or an older or newer one: what is not known is left out."""
    if saved is None:
        return None
    known = BreakerSaved.__struct_fields__
    return BreakerSaved(**{name: value for name, value in saved.state.items() if name in known})


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
