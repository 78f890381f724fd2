"""What goes wrong in a simulation, by seed: one draw at each opportunity, counted by kind.

A kind's rate is the chance at each opportunity; a kind without a rate never happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

KINDS: dict[str, str] = {
    "place.timeout_before": "a request to place never reaches the venue, and the sender does not know",
    "place.timeout_after": "orders are placed, but the answer is lost",
    "place.late": "a request to place arrives seconds later",
    "place.not_sent": "a request to place certainly does not leave",
    "place.refused": "the venue refuses one order for a rule",
    "place.margin": "the venue refuses one order for want of margin",
    "place.throttled": "429: nothing is placed and the account is paused",
    "cancel.timeout_before": "a request to cancel never reaches the venue, and the sender does not know",
    "cancel.timeout_after": "orders are cancelled, but the answer is lost",
    "cancel.late": "a request to cancel arrives seconds later",
    "cancel.not_sent": "a request to cancel certainly does not leave",
    "find.failed": "a look-up fails",
    "truth.failed": "the venue's view cannot be had",
    "prepare.failed": "a symbol's rules cannot be had for now",
    "event.lost": "an order event never arrives",
    "event.late": "an order event and all behind it come seconds late",
    "event.doubled": "an order event comes twice",
    "event.reordered": "an order event overtakes or is overtaken",
    "stream.reset": "the order stream breaks; what happens meanwhile is not told",
    "journal.refused": "intents cannot be written",
    "journal.slow": "a transaction takes a second",
    "strategy.raises": "a strategy raises on a decision",
    "exchange.crashed": "the ExchangeActor fails on a message",
    "shard.crashed": "the ShardActor fails, and all its children with it",
    "funding.charged": "funding is booked on a symbol",
    "operator.paused": "an operator pauses a symbol, and resumes it soon",
    "operator.removed": "an operator removes a symbol in one of the three ways, and adds it again once it has left",
    "account.manual_order": "somebody else places an order by hand on the same account",
    "process.killed": "the process dies at once; what was not written is lost",
}


RATES: dict[str, float] = {
    "place.timeout_before": 0.02,
    "place.timeout_after": 0.02,
    "place.late": 0.02,
    "place.not_sent": 0.02,
    "place.refused": 0.01,
    "place.margin": 0.003,
    "place.throttled": 0.003,
    "cancel.timeout_before": 0.02,
    "cancel.timeout_after": 0.02,
    "cancel.late": 0.02,
    "cancel.not_sent": 0.02,
    "find.failed": 0.1,
    "truth.failed": 0.1,
    "prepare.failed": 0.1,
    "event.lost": 0.01,
    "event.late": 0.003,
    "event.doubled": 0.03,
    "event.reordered": 0.03,
    "stream.reset": 0.003,
    "journal.refused": 0.01,
    "journal.slow": 0.01,
    "strategy.raises": 0.002,
    "exchange.crashed": 0.002,
    "shard.crashed": 0.0005,
    "funding.charged": 0.01,
    "operator.paused": 0.01,
    "operator.removed": 0.01,
    "account.manual_order": 0.003,
    "process.killed": 0.002,
}
"""What a fleet bears all at once: together they leave it time to trade in between."""


class Faults:
    """Draws by a seed of its own, so that switching one kind on leaves the markets as they are."""

    def __init__(self, seed: int, rates: Mapping[str, float] | None = None) -> None:
        unknown = set(rates or {}) - set(KINDS)
        if unknown:
            raise ValueError(f"Unknown kinds of fault: {', '.join(sorted(unknown))}.")
        self.rates = dict(rates or {})
        self.counts: Counter[str] = Counter()
        self.active = True
        self.random = Random(f"faults:{seed}")

    def strike(self, kind: str) -> bool:
        """Whether this kind happens now."""
        rate = self.rates.get(kind, 0.0)
        if not rate or not self.active or self.random.random() >= rate:
            return False
        self.counts[kind] += 1
        return True
