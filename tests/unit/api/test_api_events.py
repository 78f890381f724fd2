from __future__ import annotations

import asyncio

import pytest

from opensqt_actors.actors.operator import Done, GetStatus, Refusal, Request
from opensqt_actors.actors.ports import Announce
from opensqt_actors.api.backend import Asks
from opensqt_actors.api.events import EventHub, Subscription, TooManySubscribers


def tell(hub: EventHub, *numbers: int) -> None:
    for number in numbers:
        hub.publish(Announce("symbol.added", "main", f"S{number}USDT", "added"), number)


async def rest(subscription: Subscription) -> list[int]:
    subscription.end()
    return [happening.at async for happening in subscription]


async def test_a_watcher_sees_everything_in_order_and_numbered() -> None:
    hub = EventHub()
    subscription = hub.subscribe()
    tell(hub, 10, 11, 12)
    assert await rest(subscription) == [10, 11, 12]


async def test_a_watcher_waits_for_what_is_to_come() -> None:
    hub = EventHub()
    subscription = hub.subscribe()
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert not waiting.done()
    tell(hub, 10)
    assert (await waiting).sequence == 1


async def test_the_past_comes_first_as_much_as_is_asked_for_and_remembered() -> None:
    hub = EventHub(remembered=3)
    tell(hub, 1, 2, 3, 4)
    assert await rest(hub.subscribe(2)) == [3, 4]
    assert await rest(hub.subscribe(10)) == [2, 3, 4]
    assert await rest(hub.subscribe()) == []


async def test_a_slow_watcher_loses_the_oldest_which_is_counted_and_seen_in_the_numbers() -> None:
    hub = EventHub(remembered=1, backlog=2)
    slow, other = hub.subscribe(), hub.subscribe()
    assert (await anext_after(hub, other, 1)).at == 1
    tell(hub, 2, 3)
    assert slow.dropped == 1
    assert hub.dropped == 1
    slow.end()
    assert [happening.sequence async for happening in slow] == [2, 3]


async def anext_after(hub: EventHub, subscription: Subscription, number: int) -> object:
    tell(hub, number)
    return await anext(subscription)


async def test_no_more_watchers_than_allowed_and_one_that_leaves_makes_room() -> None:
    hub = EventHub(subscribers=1)
    first = hub.subscribe()
    with pytest.raises(TooManySubscribers):
        hub.subscribe()
    first.close()
    assert await rest(hub.subscribe()) == []


async def test_closing_the_hub_ends_every_watcher_also_a_later_one() -> None:
    hub = EventHub()
    early = hub.subscribe()
    tell(hub, 1)
    hub.close()
    assert [happening.at async for happening in early] == [1]
    assert [happening.at async for happening in hub.subscribe(5)] == [1]


async def test_an_answer_reaches_the_one_who_asked() -> None:
    sent: list[Request] = []
    asks = Asks(sent.append)
    first = asyncio.ensure_future(asks.ask(GetStatus, 5))
    second = asyncio.ensure_future(asks.ask(GetStatus, 5))
    await asyncio.sleep(0)
    asks.resolve(sent[1].request, Done("second"))
    asks.resolve(sent[0].request, Done("first"))
    assert await first == Done("first")
    assert await second == Done("second")
    assert len(asks) == 0


async def test_a_synchronous_answer_is_an_answer_too() -> None:
    asks = Asks(lambda request: asks.resolve(request.request, Done("at once")))
    assert await asks.ask(GetStatus, 5) == Done("at once")


async def test_no_answer_is_a_timeout_and_a_late_one_is_dropped() -> None:
    sent: list[Request] = []
    asks = Asks(sent.append)
    with pytest.raises(TimeoutError):
        await asks.ask(GetStatus, 0.001)
    asks.resolve(sent[0].request, Done("late"))
    assert len(asks) == 0


async def test_the_number_of_open_questions_is_bounded() -> None:
    asks = Asks(lambda request: None, bound=1)
    waiting = asyncio.ensure_future(asks.ask(GetStatus, 5))
    await asyncio.sleep(0)
    refusal = await asks.ask(GetStatus, 5)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "unavailable"
    asks.close()
    assert isinstance(await waiting, Refusal)


async def test_at_the_end_nobody_is_left_waiting() -> None:
    asks = Asks(lambda request: None)
    waiting = asyncio.ensure_future(asks.ask(GetStatus, 5))
    await asyncio.sleep(0)
    asks.close()
    assert await waiting == Refusal("unavailable", "the supervisor has stopped")
    assert await asks.ask(GetStatus, 5) == Refusal("unavailable", "the supervisor has stopped")
