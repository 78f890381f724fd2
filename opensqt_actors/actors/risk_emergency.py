"""Accounts of one shard: what their equity and liquidation distances say, whether one has exited, and its mode."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from opensqt_actors.actors.views import RiskRow
from opensqt_actors.domain.emergency import (
    EmergencyCode,
    EmergencyExit,
    EmergencyFacts,
    EmergencySettings,
    EmergencyWatch,
    liquidation_distance,
)
from opensqt_actors.domain.orders import Position
from opensqt_actors.domain.records import RiskSaved, RiskScope


class AccountWatch:
    """One account. reference: its equity at the process's start or the last clearing; run: names the process.

    hedged: it is in hedge mode, in which no order of ours means what it says.
    A later life of the watch in the same process goes on with the same reference.
    """

    def __init__(self, account: str, settings: EmergencySettings, run: int, saved: RiskSaved | None = None) -> None:
        self.account = account
        self.exit: EmergencyExit | None = None
        self.since = 0
        self.equity: Decimal | None = None
        self.reference: Decimal | None = None
        self.hedged = False
        self._run = run
        state = saved.state if saved is not None else {}
        if state.get("code"):
            self.exit = EmergencyExit(EmergencyCode(state["code"]), state["sentence"])
            self.since = state["since"]
        if state.get("run") == run and state.get("reference"):
            self.reference = Decimal(state["reference"])
        self._prices = EmergencyWatch(settings, self.exit)
        self._money = EmergencyWatch(settings, self.exit)

    def money(self, equity: Decimal, now: int) -> EmergencyExit | None:
        """A new reading of the equity; the exit to begin now, if any."""
        self.equity = equity
        if self.reference is None:
            self.reference = equity
        return self._begun(self._money.observe(EmergencyFacts(equity=equity, reference=self.reference)), now)

    def prices(self, positions: Iterable[Position], now: int) -> EmergencyExit | None:
        """A reading of every position with its mark and liquidation price; the exit to begin now, if any."""
        facts = [EmergencyFacts(held.quantity, held.mark, held.liquidation) for held in positions]
        known = [(distance, fact) for fact in facts if (distance := liquidation_distance(fact)) is not None]
        if not known:
            return None
        return self._begun(self._prices.observe(min(known, key=lambda pair: pair[0])[1]), now)

    def ask(self, reason: str, now: int) -> EmergencyExit | None:
        """An operator asks for it. None when it has begun already."""
        return self._begun(self._money.observe(EmergencyFacts(operator=reason)), now)

    def clear(self, now: int) -> bool:
        """An operator has seen to it: measured anew from the equity now. False when there was no exit."""
        if self.exit is None:
            return False
        self.exit = None
        self.since = now
        self.reference = self.equity
        self._prices.reset()
        self._money.reset()
        return True

    def _begun(self, found: EmergencyExit | None, now: int) -> EmergencyExit | None:
        if found is not None:
            self.exit = self._prices.exit = self._money.exit = found
            self.since = now
        return found

    def saved(self, now: int) -> RiskSaved:
        """What is written down."""
        state = {
            "code": self.exit.code.value if self.exit else "",
            "sentence": self.exit.sentence if self.exit else "",
            "since": self.since,
            "reference": str(self.reference) if self.reference is not None else "",
            "run": self._run,
        }
        return RiskSaved(RiskScope.EMERGENCY, self.account, "", state, now)

    def row(self) -> RiskRow:
        """Its line for operators."""
        if self.exit is None:
            return RiskRow(RiskScope.EMERGENCY, self.account, "", "calm", since=self.since)
        return RiskRow(
            RiskScope.EMERGENCY, self.account, "", "exited", self.exit.code.value, self.exit.sentence, self.since
        )
