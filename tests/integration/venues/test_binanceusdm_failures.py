"""ccxt.pro against the simulated venue when things go wrong: lost answers, refusals, throttling, dead streams."""

from __future__ import annotations

import asyncio
import time

import pytest
from pydantic import SecretStr

from opensqt_actors.actors.ports import CandleSeen, MarkSeen, OrderEvent, OrdersCounted, StreamDown, StreamUp, Throttled
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    CancelRequest,
    Candle,
    NotSent,
    OrderStatus,
    OutcomeUnknown,
    Refused,
)
from opensqt_actors.venues.ccxt.binanceusdm import BinanceUsdm
from opensqt_actors.venues.ccxt.secrets import Credentials
from opensqt_actors.venues.ccxt.simulated import SimulatedSite
from opensqt_actors.venues.port import VenueError

pytestmark = pytest.mark.integration
SECOND = 1_000_000_000


@pytest.fixture
async def lab(open_simulated, quick):
    return await open_simulated(quick)


def on(lab, path: str = "/fapi/v1/order", method: str = "POST") -> dict[str, str]:
    return {"path": path, "method": method, "account": lab.key}


async def test_f01_an_order_whose_answer_is_lost_is_found_under_its_id(lab, simulator) -> None:
    bid, _ = await lab.started()
    order = lab.order(bid - bid // 50)
    await simulator.fault(on(lab), "timeout_after_accept", count=1, ms=3_000)
    [outcome] = await lab.venue.place([order])
    assert isinstance(outcome, OutcomeUnknown)
    found = await lab.venue.find(lab.symbol, order.client_id)
    assert found is not None
    assert found.status is OrderStatus.NEW


async def test_f01_an_order_that_never_arrived_is_unknown_only_after_its_window_has_passed(lab, simulator) -> None:
    bid, _ = await lab.started()
    order = lab.order(bid - bid // 50)
    await simulator.fault(on(lab), "reset", count=1)
    sent = time.monotonic()
    [outcome] = await lab.venue.place([order])
    assert isinstance(outcome, OutcomeUnknown)
    assert await lab.venue.find(lab.symbol, order.client_id) is None
    assert time.monotonic() - sent >= 0.4
    [outcome] = await lab.venue.place([order])
    assert isinstance(outcome, Accepted)


async def test_f01_an_order_that_is_still_on_its_way_is_not_called_unknown(lab, simulator) -> None:
    bid, _ = await lab.started()
    order = lab.order(bid - bid // 50)
    await simulator.fault(on(lab), "delay", count=1, ms=300)
    placing = asyncio.create_task(lab.venue.place([order]))
    await asyncio.sleep(0)
    found = await lab.venue.find(lab.symbol, order.client_id)
    assert found is not None
    assert isinstance((await placing)[0], Accepted)


async def test_f01_what_comes_late_is_refused_when_it_is_an_order_and_done_when_it_is_a_cancel(lab, simulator) -> None:
    """A venue that is slow must not keep an account from taking its orders back."""
    bid, _ = await lab.started()
    first, second = lab.order(bid - bid // 50), lab.order(bid - bid // 40)
    [rests] = await lab.venue.place([first])
    assert isinstance(rests, Accepted)
    await simulator.fault(on(lab), "delay", count=1, ms=600)
    [late] = await lab.venue.place([second])
    assert isinstance(late, NotSent)
    await simulator.fault(on(lab, method="DELETE"), "delay", count=1, ms=600)
    [gone] = await lab.venue.cancel([CancelRequest(first.client_id, lab.symbol)])
    assert isinstance(gone, Cancelled)
    assert await lab.venue.open_orders(lab.symbol) == []


@pytest.mark.parametrize(
    ("error", "final", "retry_after"),
    [
        ({"http_status": 503, "code": -1008, "msg": "Request throttled."}, False, SECOND),
        ({"http_status": 401, "code": -2015, "msg": "Invalid API-key, IP, or permissions."}, True, 0),
    ],
)
async def test_a_look_up_that_fails_says_nothing_about_the_order(lab, simulator, error, final, retry_after) -> None:
    await simulator.fault(on(lab, method="GET"), "error", count=1, **error)
    with pytest.raises(VenueError) as caught:
        await lab.venue.find(lab.symbol, ClientId("sq0000000000000none"))
    assert (caught.value.final, caught.value.retry_after) == (final, retry_after)
    assert await lab.venue.find(lab.symbol, ClientId("sq0000000000000none")) is None


async def test_f21_a_query_is_repeated_once_after_the_clock_was_measured(lab, simulator) -> None:
    await simulator.admin("POST", "/clock", {"skew_ms": 5_000})
    try:
        assert await lab.venue.open_orders(lab.symbol) == []
    finally:
        await simulator.admin("POST", "/clock", {"skew_ms": 0})


async def test_f01_a_connection_reset_after_acceptance_leaves_the_outcome_open(lab, simulator) -> None:
    bid, _ = await lab.started()
    order = lab.order(bid - bid // 50)
    await simulator.fault(on(lab), "reset_after_accept", count=1)
    [outcome] = await lab.venue.place([order])
    assert isinstance(outcome, OutcomeUnknown)
    found = await lab.venue.find(lab.symbol, order.client_id)
    assert found is not None


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (503, None, "Unknown error, please check your request or try again later.", OutcomeUnknown),
        (503, None, "Service Unavailable.", NotSent),
        (400, -1007, "Timeout waiting for response from backend server.", OutcomeUnknown),
        (400, -1006, "An unexpected response was received from the message bus.", OutcomeUnknown),
        (503, -1008, "Request throttled by system-level protection.", NotSent),
        (403, None, "Forbidden", NotSent),
    ],
)
async def test_f02_an_error_says_whether_the_order_may_exist(lab, simulator, status, code, message, kind) -> None:
    bid, _ = await lab.started()
    await simulator.fault(on(lab), "error", count=1, http_status=status, code=code, msg=message)
    [outcome] = await lab.venue.place([lab.order(bid - bid // 50)])
    assert isinstance(outcome, kind)
    await simulator.fault(on(lab, method="DELETE"), "error", count=1, http_status=status, code=code, msg=message)
    [outcome] = await lab.venue.cancel([CancelRequest(ClientId("sq0000000000000none"), lab.symbol)])
    assert isinstance(outcome, kind)


async def test_f08_after_429_nothing_is_sent_until_the_venue_allows_it(lab, simulator) -> None:
    bid, _ = await lab.started()
    order = lab.order(bid - bid // 50)
    await simulator.fault(
        on(lab), "error", count=1, http_status=429, code=-1003, msg="Too many requests.", retry_after=1
    )
    [outcome] = await lab.venue.place([order])
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after == SECOND
    assert [event for event in lab.told.events if isinstance(event, Throttled)] == [
        Throttled(SECOND, False, "Too many requests.")
    ]
    requests = lab.venue.usage()["requests"]
    with pytest.raises(VenueError) as caught:
        await lab.venue.open_orders(lab.symbol)
    assert 0 < caught.value.retry_after <= SECOND
    [outcome] = await lab.venue.cancel([CancelRequest(order.client_id, lab.symbol)])
    assert isinstance(outcome, NotSent)
    assert lab.venue.usage()["requests"] == requests


async def test_f08_f09_too_many_orders_holds_back_orders_but_not_cancels_and_queries(lab, simulator) -> None:
    bid, _ = await lab.started()
    resting, late = lab.order(bid - bid // 50), lab.order(bid - bid // 40)
    await lab.venue.place([resting])
    await simulator.fault(on(lab), "error", count=1, http_status=429, code=-1015, msg="Too many new orders.")
    [outcome] = await lab.venue.place([late])
    assert isinstance(outcome, NotSent)
    [outcome] = await lab.venue.place([late])
    assert isinstance(outcome, NotSent)
    assert len(await lab.venue.open_orders(lab.symbol)) == 1
    assert not isinstance((await lab.venue.cancel([CancelRequest(resting.client_id, lab.symbol)]))[0], NotSent)


async def test_f26_the_venues_count_of_orders_tells_what_another_program_sends_on_the_account(lab, simulator) -> None:
    bid, _ = await lab.started()
    number = lab.key.removeprefix("sim-key-")
    credentials = Credentials(SecretStr(lab.key), SecretStr(f"sim-secret-{number}"))
    other = BinanceUsdm("other", credentials, simulator.site)
    await other.open(lambda *_: None, lambda _: None)
    try:
        for _ in range(2):  # a window may end in between
            await other.place([lab.order(bid - bid // 40 - n) for n in range(3)])
            before = time.time_ns()
            await lab.venue.place([lab.order(bid - bid // 50)])
            told = lab.told.of(OrdersCounted)[-1]
            assert before <= told.asked <= time.time_ns()
            if told.in_10s >= 4:
                break
        assert told.in_10s >= 4
        assert told.in_minute >= 2
    finally:
        await other.close()


async def test_the_venue_cancels_everything_of_a_symbol_whose_countdown_is_not_renewed(lab) -> None:
    bid, _ = await lab.started()
    order, later = lab.order(bid - bid // 50), lab.order(bid - bid // 40)
    await lab.venue.place([order])
    await lab.venue.arm_dead_man(lab.symbol, 1)
    await lab.venue.arm_dead_man(lab.symbol, 0)
    await lab.venue.arm_dead_man(lab.symbol, 1)
    ended = await lab.told.until(
        lambda: [e for e in lab.told.of(OrderEvent) if e.report.status is OrderStatus.CANCELED]
    )
    assert [event.report.client_id for event in ended] == [order.client_id]
    await lab.venue.place([later])
    assert [report.client_id for report in await lab.venue.open_orders(lab.symbol)] == [later.client_id]


async def test_f21_a_wrong_clock_is_measured_and_the_order_is_not_sent(lab, simulator) -> None:
    bid, _ = await lab.started()
    order = lab.order(bid - bid // 50)
    await simulator.admin("POST", "/clock", {"skew_ms": 5_000})
    try:
        [outcome] = await lab.venue.place([order])
        assert isinstance(outcome, NotSent)
        [outcome] = await lab.venue.place([order])
        assert isinstance(outcome, Accepted)
        assert 4_900_000_000 < lab.venue.usage()["clock_offset_ns"] < 5_100_000_000
    finally:
        await simulator.admin("POST", "/clock", {"skew_ms": 0})
    assert len(await lab.venue.open_orders(lab.symbol)) == 1


async def test_one_bad_element_does_not_fail_its_batch(lab, simulator) -> None:
    bid, _ = await lab.started()
    orders = [lab.order(bid - bid // 50 - k) for k in range(3)]
    match = on(lab, "/fapi/v1/batchOrders") | {"client_id_prefix": orders[1].client_id}
    await simulator.fault(match, "error", count=1, code=-2019, msg="Margin is insufficient.", each=True)
    outcomes = await lab.venue.place(orders)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Accepted]


async def test_f01_a_lost_batch_leaves_every_order_of_it_open(lab, simulator) -> None:
    bid, _ = await lab.started()
    orders = [lab.order(bid - bid // 50 - k) for k in range(3)]
    await simulator.fault(on(lab, "/fapi/v1/batchOrders"), "reset_after_accept", count=1)
    outcomes = await lab.venue.place(orders)
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown] * 3
    found = await asyncio.gather(*(lab.venue.find(lab.symbol, order.client_id) for order in orders))
    assert all(report is not None and report.status is OrderStatus.NEW for report in found)


async def test_f06_an_expired_listen_key_is_replaced_and_events_go_on(lab, simulator) -> None:
    bid, _ = await lab.started()
    await lab.told.until(lambda: StreamUp("orders", reconnected=False) in lab.told.events)
    await simulator.admin("POST", f"/accounts/{lab.key}/listen-key/expire", {})
    await lab.told.until(lambda: StreamUp("orders", reconnected=True) in lab.told.events)
    [down] = [e for e in lab.told.of(StreamDown) if e.stream == "orders"]
    assert down.reason == "the listen key has expired"
    order = lab.order(bid - bid // 50)
    await lab.venue.place([order])
    await lab.told.until(lambda: any(e.report.client_id == order.client_id for e in lab.told.of(OrderEvent)))


async def test_f06_a_key_that_was_revoked_in_silence_is_noticed_at_the_next_renewal(open_simulated, quick) -> None:
    lab = await open_simulated(quick.with_renewal(0.2))
    await lab.told.until(lambda: StreamUp("orders", reconnected=False) in lab.told.events)
    await lab.simulator.fault(
        on(lab, "/fapi/v1/listenKey", "PUT"),
        "error",
        count=1,
        http_status=400,
        code=-1125,
        msg="This listenKey does not exist.",
    )
    await lab.told.until(lambda: StreamUp("orders", reconnected=True) in lab.told.events)


async def test_f05_an_order_stream_that_owes_an_event_is_replaced(lab, simulator) -> None:
    bid, _ = await lab.started()
    await lab.told.until(lambda: StreamUp("orders", reconnected=False) in lab.told.events)
    await simulator.admin("POST", "/sockets/silence", {"kind": "user"})
    await lab.venue.place([lab.order(bid - bid // 50)])
    await lab.told.until(lambda: StreamUp("orders", reconnected=True) in lab.told.events)
    [down] = [e for e in lab.told.of(StreamDown) if e.stream == "orders"]
    assert down.reason.endswith("but its event did not come")


async def test_f05_f07_a_silent_symbol_is_subscribed_again_and_then_on_a_new_connection(lab, simulator) -> None:
    await lab.started()
    connections = lab.venue.usage()["connections"]
    await simulator.admin("POST", "/sockets/silence", {"kind": "market"})
    await lab.venue.resubscribe(lab.symbol)
    assert not lab.told.of(StreamDown)
    await lab.venue.resubscribe(lab.symbol)
    await lab.told.until(lambda: StreamUp("prices", reconnected=True) in lab.told.events)
    assert lab.venue.usage()["connections"] > connections
    bid, _ = await lab.price(lab.last_bid() - lab.last_bid() // 100)
    assert bid > 0


async def test_f05_leaving_and_coming_back_at_once_subscribes_again(lab) -> None:
    await lab.started()
    for _ in range(2):
        await lab.venue.unsubscribe(lab.symbol)
        await lab.venue.subscribe(lab.instrument)
    await lab.told.until(lambda: StreamUp("prices", reconnected=True) in lab.told.events)


async def test_f35_after_a_reset_prices_and_marks_come_back_by_themselves(lab, simulator) -> None:
    await lab.started()
    await simulator.admin("POST", "/sockets/reset", {"kind": "market"})
    await lab.told.until(lambda: StreamUp("prices", reconnected=True) in lab.told.events)
    await lab.price(lab.last_bid() - lab.last_bid() // 100)
    marks = len(lab.told.of(MarkSeen))
    await lab.told.until(lambda: len(lab.told.of(MarkSeen)) > marks)


async def test_candles_that_closed_while_their_stream_was_away_are_told_once(lab, simulator, monkeypatch) -> None:
    await lab.started()
    minute = 60 * SECOND
    newest = time.time_ns() // minute * minute - minute
    missed = [Candle(lab.symbol, newest - k * minute, 1.0, 2.0, 0.5, 1.5, 9.0, True) for k in (3, 2, 1, 0)]
    asked: list[int] = []

    async def candles(symbol: str, interval: str, limit: int) -> list[Candle]:
        asked.append(limit)
        return missed

    monkeypatch.setattr(lab.venue, "candles", candles)
    lab.venue._frames.last_candle[lab.symbol] = missed[0].open_time
    await simulator.admin("POST", "/sockets/reset", {"kind": "market"})
    told = await lab.told.until(lambda: [e.candle for e in lab.told.of(CandleSeen) if e.candle in missed][2:] or None)
    assert told == missed[3:]
    assert [e.candle for e in lab.told.of(CandleSeen) if e.candle in missed] == missed[1:]
    assert 3 <= asked[0] <= 4


async def test_adding_and_removing_a_symbol_does_not_reconnect_the_others(lab) -> None:
    await lab.started()
    connections = lab.venue.usage()["connections"]
    other = next(i for s, i in lab.venue.instruments().items() if s != lab.symbol)
    await lab.venue.subscribe(other)
    await lab.told.until(lambda: any(mark.symbol == other.symbol for mark in lab.told.of(MarkSeen)))
    await lab.venue.unsubscribe(other.symbol)
    bid, _ = await lab.price(lab.last_bid() - lab.last_bid() // 100)
    assert bid > 0
    assert lab.venue.usage()["connections"] == connections
    assert not lab.told.of(StreamDown)


async def test_a_sink_that_raises_does_not_end_the_stream(lab) -> None:
    await lab.started()
    told = lab.told.on_quote
    broken = [ValueError("not again")]

    def raises_once(*quote: object) -> None:
        if broken:
            raise broken.pop()
        told(*quote)

    lab.venue._frames._on_quote = raises_once
    await lab.move(lab.last_bid() - lab.last_bid() // 100)
    await lab.price(lab.last_bid() - lab.last_bid() // 50)
    assert lab.venue.usage()["bad_frames"] == 1


async def test_f38_a_wrong_secret_is_refused_at_open_in_one_sentence_without_the_key(simulator) -> None:
    venue = BinanceUsdm("test", Credentials(SecretStr("sim-key-00"), SecretStr("sim-wrong-secret")), simulator.site)
    with pytest.raises(VenueError) as caught:
        await venue.open(lambda *_: None, lambda _: None)
    assert caught.value.final
    assert "sim-key-00" not in str(caught.value)
    assert "sim-wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(("key", "simulated"), [("sim-demo-key", False), ("a-real-key", True)])
async def test_keys_of_one_world_never_reach_the_other(simulator, key, simulated) -> None:
    credentials = Credentials(SecretStr(key), SecretStr("whatever"))
    venue = BinanceUsdm("test", credentials, simulator.site if simulated else None)
    with pytest.raises(VenueError, match="api_key") as caught:
        await venue.open(lambda *_: None, lambda _: None)
    assert caught.value.final
    assert key not in str(caught.value)
    await venue.close()


async def test_f38_a_venue_that_is_not_there_is_one_sentence(simulator, unused_tcp_port) -> None:
    credentials = Credentials(SecretStr("sim-key-00"), SecretStr("sim-secret-00"))
    venue = BinanceUsdm("test", credentials, SimulatedSite(unused_tcp_port, simulator.ca))
    with pytest.raises(VenueError, match="not connected"):
        await venue.open(lambda *_: None, lambda _: None)
    await venue.close()
