"""Questions at about the same time share a request that leaves after the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from opensqt_actors.venues.ccxt.together import Together


class Desk:
    """Answers when it is told to. asked: what each request was about."""

    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []
        self.answers: list[asyncio.Future[Mapping[str, int]]] = []

    async def fetch(self, symbols: frozenset[str]) -> Mapping[str, int]:
        self.asked.append(symbols)
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_asks_while_a_request_is_out_shares_the_next_one() -> None:
    desk = Desk()
    together = Together(desk.fetch)
    first = asyncio.ensure_future(together.get("A"))
    await turns()
    others = [asyncio.ensure_future(together.get(symbol)) for symbol in ("A", "B", "C")]
    await turns()
    assert desk.asked == [{"A"}]
    desk.answers[0].set_result({"A": 1})
    assert await first == 1
    await turns()
    assert desk.asked == [{"A"}, {"A", "B", "C"}]
    desk.answers[1].set_result({"A": 2, "B": 3, "C": 4})
    assert await asyncio.gather(*others) == [2, 3, 4]


async def test_a_failure_is_that_of_everybody_who_waited_and_of_nobody_else() -> None:
    desk = Desk()
    together = Together(desk.fetch)
    first = asyncio.ensure_future(together.get("A"))
    await turns()
    second = asyncio.ensure_future(together.get("B"))
    await turns()
    desk.answers[0].set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await first
    await turns()
    desk.answers[1].set_result({"B": 5})
    assert await second == 5


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    desk = Desk()
    together = Together(desk.fetch)
    one, other = (asyncio.ensure_future(together.get("A")) for _ in range(2))
    await turns()
    one.cancel()
    await turns()
    desk.answers[0].set_result({"A": 1})
    assert await other == 1


async def test_closing_leaves_nobody_waiting() -> None:
    desk = Desk()
    together = Together(desk.fetch)
    one = asyncio.ensure_future(together.get("A"))
    await turns()
    later = asyncio.ensure_future(together.get("B"))
    await turns()
    await together.close()
    for waiting in (one, later):
        with pytest.raises(asyncio.CancelledError):
            await waiting
