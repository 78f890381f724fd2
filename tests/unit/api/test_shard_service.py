"""What a shard's service makes of questions: their answers find the supervisor that asked, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from opensqt_actors.actors import exchange, operator, symbol
from opensqt_actors.actors.ports import Reply
from opensqt_actors.actors.shard_link import SupervisorAttached, SupervisorLost
from opensqt_actors.actors.shard_messages import ToSymbol
from opensqt_actors.api.shard_mapping import command_to, fact_from
from opensqt_actors.api.shard_service import ShardService
from opensqt_actors.runtime.behaviour import ActorId

QUESTIONS = [
    ToSymbol("main", "BTCUSDT", symbol.Describe(7)),
    ToSymbol("main", "BTCUSDT", symbol.ReconcileNow(7)),
    exchange.CheckHoldings(7, "main", ("BTCUSDT",), "aa"),
    operator.TripBreaker(7, "main", "BTCUSDT", "why"),
    operator.EmergencyExit(7, "main", "why"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
async def test_the_answer_to_a_question_goes_to_the_supervisor_that_asked_it(question: Any) -> None:
    told: list[Any] = []
    service = ShardService(0, ActorId("gateway"), told.append)
    asked = asyncio.Event()

    async def requests() -> AsyncIterator[Any]:
        yield command_to(question)
        asked.set()
        await asyncio.Event().wait()

    stream = service.Attach(requests(), None)
    first = asyncio.ensure_future(anext(stream))
    await asked.wait()
    [command] = [message for message in told if not isinstance(message, SupervisorAttached | SupervisorLost)]
    inner = command.message if isinstance(command, ToSymbol) else command
    refusal = operator.Refusal("failed", "no")
    service.send(Reply(7, refusal))  # of a question of an earlier attachment
    service.send(Reply(inner.request, refusal))
    assert fact_from(await first) == Reply(7, refusal)
    second = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert not second.done()
    second.cancel()
