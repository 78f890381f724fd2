"""Answers to operators about risk. They hold after a crash: they leave once what they say is in the journal."""

from __future__ import annotations

from opensqt_actors.actors import operator, ports
from opensqt_actors.runtime.effects import Effect

MOST = 256
"""Answers that wait. Far more than operators who do; the oldest is given without waiting."""


class RiskAnswers:
    """Those of one actor that wait for the journal, by their requests."""

    def __init__(self) -> None:
        self._waiting: dict[int, str] = {}

    def once_written(self, request: int, sentence: str) -> list[Effect]:
        """Answer when everything that was emitted before is durable. To be emitted after what it is about."""
        effects: list[Effect] = []
        if len(self._waiting) >= MOST:
            oldest = next(iter(self._waiting))
            effects += self.written(ports.Written(oldest, "too many answers wait for it"), 0)
        self._waiting[request] = sentence
        return [*effects, ports.AwaitWritten(request)]

    def written(self, message: ports.Written, now: int) -> list[Effect]:
        """The journal has it, or says why not yet: it holds in any case while the process lives."""
        sentence = self._waiting.pop(message.request, None)
        if sentence is None:
            return []
        if message.reason:
            sentence = f"{sentence}; not written down yet, so that a crash would forget it: {message.reason}"
        return [ports.Reply(message.request, operator.Done(sentence))]
