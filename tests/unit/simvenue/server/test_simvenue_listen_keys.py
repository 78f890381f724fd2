"""Keys of the user data stream: one per account, renewed, ended, told once; and the venue's small clockwork."""

from __future__ import annotations

import pytest

from opensqt_actors.simvenue.server.clock import VenueClock
from opensqt_actors.simvenue.server.listenkeys import ListenKeys
from opensqt_actors.simvenue.server.sockets import is_socket_path
from opensqt_actors.simvenue.server.stats import ClientIdLedger
from opensqt_actors.simvenue.server.streams import offered

HOUR = 3_600_000


def test_a_key_is_the_same_until_it_ends() -> None:
    keys = ListenKeys(HOUR)
    first = keys.create("a", 0)
    assert keys.create("a", HOUR - 1) == first
    assert keys.renew("a", 2 * HOUR - 2) == first
    assert keys.account(first, 3 * HOUR - 3) == "a"
    assert keys.account(first, 3 * HOUR - 2) is None
    assert keys.create("a", 3 * HOUR) != first


def test_a_key_that_ended_is_told_once() -> None:
    keys = ListenKeys(HOUR)
    first, second = keys.create("a", 0), keys.create("b", 1)
    assert keys.ended(HOUR) == [("a", first)]
    assert keys.delete("b")
    assert keys.ended(HOUR) == [("b", second)]
    assert keys.ended(5 * HOUR) == []


def test_a_key_that_is_gone_cannot_be_renewed_or_deleted() -> None:
    keys = ListenKeys(HOUR)
    keys.create("a", 0)
    assert keys.renew("a", HOUR) is None
    assert keys.renew("b", 0) is None
    assert not keys.delete("b")


def test_a_key_replaced_after_its_time_is_told_as_ended() -> None:
    keys = ListenKeys(HOUR)
    first = keys.create("a", 0)
    keys.create("a", HOUR)
    assert keys.ended(HOUR) == [("a", first)]


def test_the_clock_never_goes_back_and_only_tells_the_skew() -> None:
    times = iter([5_000_000, 3_000_000, 9_000_000])
    clock = VenueClock(lambda: next(times))
    clock.skew = -100
    assert [clock.now(), clock.now(), clock.told()] == [5, 5, -91]


def test_an_id_accepted_twice_is_counted_over_the_whole_history() -> None:
    ledger = ClientIdLedger()
    for account, client_id in (("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"), ("a", "x")):
        ledger.accepted(account, client_id)
    assert ledger.report() == {"count": 2, "ids": {"x": 2}, "complete": True}


def test_a_full_ledger_says_that_it_is_not_complete() -> None:
    ledger = ClientIdLedger(bound=1)
    ledger.accepted("a", "x")
    ledger.accepted("a", "y")
    assert ledger.report()["complete"] is False


@pytest.mark.parametrize(
    "stream",
    [
        "btcusdt@bookTicker", "btcusdt@aggTrade", "btcusdt@trade", "btcusdt@kline_1m", "btcusdt@markPrice",
        "btcusdt@markPrice@1s", "btcusdt@depth5", "btcusdt@depth20@100ms", "btcusdt@ticker", "!bookTicker",
        "!markPrice@arr", "!markPrice@arr@1s", "!ticker@arr", "!miniTicker@arr",
    ],
)  # fmt: skip
def test_streams_of_the_venue_are_offered(stream: str) -> None:
    assert offered(stream)


@pytest.mark.parametrize("stream", ["btcusdt", "btcusdt@kline_2m", "BTCUSDT@bookTicker", "!all", "btcusdt@depth7", ""])
def test_other_streams_are_not(stream: str) -> None:
    assert not offered(stream)


@pytest.mark.parametrize(
    ("path", "socket"),
    [
        ("/ws", True), ("/ws/0", True), ("/stream", True), ("/public/ws/3", True), ("/market/stream", True),
        ("/private/ws", True), ("/ws-fapi/v1", True), ("/fapi/v1/order", False), ("/wsx", False), ("/", False),
    ],
)  # fmt: skip
def test_websockets_open_on_their_paths_only(path: str, socket: bool) -> None:
    assert is_socket_path(path) is socket
