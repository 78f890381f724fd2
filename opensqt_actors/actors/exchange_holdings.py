"""The ExchangeActor's answer to the question whether an account, or a market of it, is flat: the venue's own word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.exchange_messages import CheckHoldings
from opensqt_actors.actors.views import HoldingsView
from opensqt_actors.domain.ids import decode
from opensqt_actors.runtime.effects import Effect

MOST_WAITING = 100


class Holdings:
    """Questions that wait for the venue. Orders of others, by hand or of another program, are not ours to count."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._waiting: dict[int, CheckHoldings] = {}
        self.handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            CheckHoldings: self._ask,
            ports.HoldingsFetched: self._fetched,
            ports.HoldingsFailed: self._failed,
        }

    def _ask(self, message: CheckHoldings, now: int) -> list[Effect]:
        if len(self._waiting) >= MOST_WAITING:
            refusal = operator.Refusal("unavailable", f"{MOST_WAITING} questions about {self._account} wait already")
            return [ports.Reply(message.request, refusal)]
        self._waiting[message.request] = message
        return [ports.FetchHoldings(message.request, message.symbols)]

    def _fetched(self, message: ports.HoldingsFetched, now: int) -> list[Effect]:
        question = self._waiting.pop(message.request, None)
        if question is None:
            return []
        wanted = frozenset(question.symbols)
        positions = tuple(held for held in message.positions if question.whole or held[0] in wanted)
        ours: Counter[str] = Counter()
        for symbol, client_id in message.orders:
            key = decode(client_id)
            if key is not None and key.instance == question.instance:
                ours[symbol] += 1
        return [ports.Reply(message.request, HoldingsView(self._account, positions, tuple(sorted(ours.items()))))]

    def _failed(self, message: ports.HoldingsFailed, now: int) -> list[Effect]:
        if self._waiting.pop(message.request, None) is None:
            return []
        sentence = f"the venue did not say what {self._account} holds: {message.reason}"
        return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]
