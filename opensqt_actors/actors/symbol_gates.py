"""What keeps one symbol from opening, by code, and the risk rules' last word on it. Exits pass every gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opensqt_actors.actors.risk_messages import GATES, RiskChanged
from opensqt_actors.domain.strategy import Gate


class Gates(dict[str, str]):
    """Closed gates with their sentences. gate: as the strategy is told it; exit: why everything must be closed, or "".

    changed: since somebody last set it back; withdraw: opening orders that were not sent yet are to be taken back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()
        self.exit = ""
        self.changed = False
        self.withdraw = False
        self._word = RiskChanged()
        self._most: int | None = None
        self._why = ("", "")

    @property
    def urgent(self) -> bool:
        """Whether cancels go before everything else."""
        return not GATES.isdisjoint(self)

    def close(self, code: str, sentence: str) -> None:
        """Close a gate, or give it another sentence."""
        self.change((), {code: sentence})

    def open(self, code: str) -> None:
        """Open a gate that may be closed."""
        self.change((code,), {})

    def change(self, opened: Iterable[str], closed: Mapping[str, str]) -> None:
        """Open some and close others; nothing when that changes nothing."""
        after = {code: sentence for code, sentence in self.items() if code not in opened} | dict(closed)
        if after != self:
            self.withdraw = self.withdraw or (self.gate.opens and bool(after))
            self.clear()
            self.update(after)
            self._renew()

    def hold(self, openings: int | None, why: tuple[str, str] = ("", "")) -> None:
        """Let no more than so many opening orders be at work, whatever the risk rules allow; None lifts that."""
        most = openings if openings is None or self._most is None else min(openings, self._most)
        if most != self._most:
            self._most, self._why = most, why
            self._renew()

    def told(self, word: RiskChanged) -> None:
        """The risk rules have spoken: what they close comes first among what operators are shown."""
        closed = dict(word.closed)
        others = {code: sentence for code, sentence in self.items() if code not in GATES}
        tighter = word.allowance is not None and (self._word.allowance is None or word.allowance < self._word.allowance)
        self.withdraw = self.withdraw or (self.gate.opens and bool(closed)) or tighter
        self.clear()
        self.update(closed | others)
        self._word = word
        self.exit = word.exit
        self._renew()

    def _renew(self) -> None:
        allowed, most = self._word.allowance, self._most
        if most is None or (allowed is not None and allowed <= most):
            self.gate = Gate(tuple(self.items()), allowed, self._word.limited)
        else:
            self.gate = Gate(tuple(self.items()), most, self._why)
        self.changed = True
