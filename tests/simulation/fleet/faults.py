"""What goes wrong in a simulation, by seed: one draw at each opportunity, counted by kind.

A kind's rate is the chance at each opportunity; a kind without a rate never happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

from opensqt_actors.domain.orders import RefusalCode

KINDS: dict[str, str] = {
    "place.timeout_before": "a request to place never reaches the venue, and the sender does not know",
    "place.timeout_after": "orders are placed, but the answer is lost",
    "place.late": "a request to place arrives seconds later",
    "place.doubled": "a request to place arrives twice, the second time a little later",
    "place.lies": "an order is placed, and the answer says that it was refused",
    "place.not_sent": "a request to place certainly does not leave",
    "place.throttled": "429: nothing is placed and the account is paused",
    "cancel.timeout_before": "a request to cancel never reaches the venue, and the sender does not know",
    "cancel.timeout_after": "orders are cancelled, but the answer is lost",
    "cancel.late": "a request to cancel arrives seconds later",
    "cancel.not_sent": "a request to cancel certainly does not leave",
    "cancel.refused": "the venue does not know an order that it is asked to cancel, although it rests",
    "venue.banned": "418: no request at all for many seconds",
    "answer.late": "an answer comes seconds after the venue has done what was asked, overtaken by events",
    "find.failed": "a look-up fails",
    "truth.failed": "the venue's view cannot be had",
    "prepare.failed": "a symbol's rules cannot be had for now",
    "event.lost": "an order event never arrives",
    "event.late": "an order event and all behind it come seconds late",
    "event.doubled": "an order event comes twice",
    "event.reordered": "an order event overtakes or is overtaken",
    "stream.reset": "the order stream breaks; what happens meanwhile is not told",
    "stream.silent": "the order stream seems open and tells nothing, until the adapter misses an event",
    "price.silent": "a market's frames stop without a word, until it is subscribed again",
    "price.absurd": "a quote is zero, crossed or three times the price",
    "journal.refused": "intents cannot be written",
    "journal.slow": "a transaction takes a second",
    "journal.away": "the database is away for seconds: what must be written waits, what is asked is refused",
    "strategy.raises": "a strategy raises on a decision",
    "symbol.crashed": "a SymbolActor fails on a message",
    "exchange.crashed": "the ExchangeActor fails on a message",
    "risk.crashed": "the RiskActor fails on a message",
    "shard.crashed": "the ShardActor fails, and all its children with it",
    "clock.jumped": "the process's clock is set forwards or back by seconds, and right again a little later",
    "funding.charged": "funding is booked on a symbol",
    "operator.paused": "an operator pauses a symbol, and resumes it soon",
    "operator.removed": "an operator removes a symbol in one of the three ways, and adds it again once it has left",
    "account.manual_order": "somebody else places an order by hand on the same account",
    "account.stranger": "an order of ours rests under an id that no journal knows, as after a restore of an older one",
    "account.closed": "somebody closes a position, or a part of it, by hand at the market",
    "account.liquidated": "the venue liquidates a position",
    "process.killed": "the process dies at once; what was not written is lost",
    "kill.journal.before_commit": "the process dies before a transaction",
    "kill.journal.torn": "the process dies within a transaction group, of which only the first part is durable",
    "kill.journal.after_commit": "the process dies when a transaction is durable and nobody was told",
    "kill.place.before_send": "the process dies when intents are durable and their orders have not left",
    "kill.place.after_send": "the process dies when orders have left and nothing was heard of them",
    "kill.cancel.before_send": "the process dies before a cancel leaves",
    "kill.cancel.after_send": "the process dies when a cancel has left",
}

REFUSED: dict[str, tuple[RefusalCode, str, str]] = {
    "place.refused": (RefusalCode.RULE, "-1013", "a filter says no"),
    "place.margin": (RefusalCode.INSUFFICIENT_MARGIN, "-2019", "margin is insufficient"),
    "place.would_cross": (RefusalCode.WOULD_CROSS, "-5022", "the order would immediately match and take"),
    "place.reduce_only": (RefusalCode.REDUCE_ONLY, "-2022", "reduce-only order is rejected"),
    "place.too_many": (RefusalCode.TOO_MANY_ORDERS, "-2025", "the limit of open orders is reached"),
    "place.closed": (RefusalCode.SYMBOL_CLOSED, "-4141", "the symbol is closed"),
    "place.permission": (RefusalCode.PERMISSION, "-2015", "the key may not do that"),
    "place.clock": (RefusalCode.CLOCK, "-1021", "the timestamp is outside of the window"),
    "place.rate_limited": (RefusalCode.RATE_LIMITED, "-1015", "too many new orders"),
    "place.duplicate": (RefusalCode.DUPLICATE_ID, "-4116", "the client order id is duplicated"),
    "place.other": (RefusalCode.OTHER, "-1000", "an unknown error occurred"),
}
"""The venue refuses one order: kind, class, the venue's code and words. One kind for each class of refusal."""

KINDS |= {kind: f"the venue refuses one order: {sentence}" for kind, (_, _, sentence) in REFUSED.items()}

RATES: dict[str, float] = {
    "place.timeout_before": 0.02,
    "place.timeout_after": 0.02,
    "place.late": 0.02,
    "place.doubled": 0.01,
    "place.not_sent": 0.02,
    "place.refused": 0.01,
    "place.margin": 0.003,
    "place.would_cross": 0.005,
    "place.reduce_only": 0.003,
    "place.too_many": 0.003,
    "place.closed": 0.002,
    "place.permission": 0.002,
    "place.clock": 0.003,
    "place.rate_limited": 0.003,
    "place.duplicate": 0.003,
    "place.other": 0.003,
    "place.throttled": 0.003,
    "cancel.timeout_before": 0.02,
    "cancel.timeout_after": 0.02,
    "cancel.late": 0.02,
    "cancel.not_sent": 0.02,
    "cancel.refused": 0.01,
    "venue.banned": 0.002,
    "answer.late": 0.01,
    "find.failed": 0.1,
    "truth.failed": 0.1,
    "prepare.failed": 0.1,
    "event.lost": 0.01,
    "event.late": 0.003,
    "event.doubled": 0.03,
    "event.reordered": 0.03,
    "stream.reset": 0.003,
    "stream.silent": 0.002,
    "price.silent": 0.001,
    "price.absurd": 0.005,
    "journal.refused": 0.01,
    "journal.slow": 0.01,
    "journal.away": 0.002,
    "strategy.raises": 0.002,
    "symbol.crashed": 0.001,
    "exchange.crashed": 0.002,
    "risk.crashed": 0.001,
    "shard.crashed": 0.0005,
    "clock.jumped": 0.002,
    "funding.charged": 0.01,
    "operator.paused": 0.01,
    "operator.removed": 0.01,
    "account.manual_order": 0.003,
    "account.stranger": 0.005,
    "account.closed": 0.001,
    "account.liquidated": 0.0005,
    "process.killed": 0.001,
    "kill.journal.before_commit": 0.001,
    "kill.journal.torn": 0.001,
    "kill.journal.after_commit": 0.001,
    "kill.place.before_send": 0.002,
    "kill.place.after_send": 0.002,
    "kill.cancel.before_send": 0.003,
    "kill.cancel.after_send": 0.003,
}
"""What a fleet bears all at once: together they leave it time to trade in between."""


class InjectedKill(BaseException):
    """The process dies here: no handler of the process may catch it."""


class Faults:
    """Draws by a seed of its own, so that switching one kind on leaves the markets as they are."""

    def __init__(self, seed: int, rates: Mapping[str, float] | None = None) -> None:
        unknown = set(rates or {}) - set(KINDS)
        if unknown:
            raise ValueError(f"Unknown kinds of fault: {', '.join(sorted(unknown))}.")
        self.rates = dict(rates or {})
        self.counts: Counter[str] = Counter()
        self.active = True
        self._armed: dict[str, list[int]] = {}
        self.random = Random(f"faults:{seed}")

    def arm(self, kind: str, times: int = 1, *, skip: int = 0) -> None:
        """Let this kind happen for certain, so many times in a row, after so many more opportunities."""
        if kind not in KINDS:
            raise ValueError(f"Unknown kind of fault: {kind}.")
        self._armed[kind] = [skip, times]

    def strike(self, kind: str) -> bool:
        """Whether this kind happens now."""
        armed = self._armed.get(kind)
        if armed is not None:
            if armed[0]:
                armed[0] -= 1
            elif armed[1]:
                armed[1] -= 1
                self.counts[kind] += 1
                return True
        rate = self.rates.get(kind, 0.0)
        if not rate or not self.active or self.random.random() >= rate:
            return False
        self.counts[kind] += 1
        return True

    def failpoint(self, name: str) -> None:
        """A named moment at which the process may die. Raises InjectedKill when it does."""
        if self.strike(f"kill.{name}"):
            raise InjectedKill(name)
