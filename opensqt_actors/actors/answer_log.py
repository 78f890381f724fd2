"""How the venue answered an account's order requests, and how fast, since somebody last asked."""

from __future__ import annotations

from collections import deque

from opensqt_actors.domain.breaker import OrderAnswer, counts_as_error
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import Accepted, CancelOutcome, NotSent, OutcomeUnknown, PlaceOutcome, Refused

MOST = 2_000


class AnswerLog:
    """Each request is noted when it is sent and when it is answered. Bounded: the oldest answers go first."""

    def __init__(self) -> None:
        self._sent: dict[ClientId, tuple[str, int]] = {}
        self._answers: deque[tuple[str, OrderAnswer]] = deque(maxlen=MOST)

    def sent(self, client_id: ClientId, symbol: str, now: int) -> None:
        """A place or a cancel leaves."""
        self._sent[client_id] = symbol, now

    def answered(self, outcome: PlaceOutcome | CancelOutcome, now: int) -> None:
        """What became of it. What was put off by a rate limit was no answer."""
        sent = self._sent.pop(outcome.report.client_id if isinstance(outcome, Accepted) else outcome.client_id, None)
        if sent is None:
            return
        match outcome:
            case NotSent(_, _, retry_after) if retry_after:
                return
            case Refused(_, code):
                failed = counts_as_error(code)
            case OutcomeUnknown() | NotSent():
                failed = True
            case _:
                failed = False
        symbol, at = sent
        self._answers.append((symbol, OrderAnswer(failed, max(now - at, 0))))

    def take(self) -> tuple[tuple[str, OrderAnswer], ...]:
        """Answers by symbol, the oldest first; they are forgotten here."""
        found = tuple(self._answers)
        self._answers.clear()
        return found
