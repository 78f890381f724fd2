"""Markets are added and removed while the others trade, and a refusal changes nothing."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from support.accounting import differences, exit_orders, openings, registry_rows, settled
from support.processes import added, mixed, pb, registry_pb2, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TRADING = 20
CHANGED = 10


def remove(supervisor: Any, symbol: str, mode: registry_pb2.RemoveMode) -> str:
    return str(supervisor.ask("RemoveSymbol", pb.RemoveSymbolRequest(symbol=symbol, mode=mode)).sentence)


@pytest.mark.timeout(200)
def test_ten_symbols_come_and_go_while_the_rest_trades(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(TRADING + CHANGED)
    names = sorted(venue.markets())
    stay, come = names[:TRADING], names[TRADING:]
    supervisor = make_supervisor(venue, mixed(stay)).start()
    supervisor.wait_trading(TRADING)

    def fills_of_the_rest() -> int:
        rows = supervisor.rows()
        return sum(rows[name].fills for name in stay if name in rows)

    before = wait_until(fills_of_the_rest, "the first fills")
    for name in come:
        assert name in supervisor.add(name, interval_percent="0.2")
    supervisor.wait_trading(TRADING + CHANGED)
    for name in come:
        wait_until(lambda name=name: openings(venue, name), f"openings of {name}")
    assert wait_until(lambda: fills_of_the_rest() > before, "fills of the rest")

    def held(name: str) -> bool:
        return name in venue.account()["positions"] and bool(exit_orders(venue, name))

    for name in come:
        # so that there is something to leave behind, to close, to wait for, and stays until it is told to go
        venue.pause(name)
        wait_until(lambda name=name: held(name) or venue.move(name, "-0.3"), f"a position of {name} with an exit")
    graceful, flatten, leave = come[:4], come[4:7], come[7:]
    before = fills_of_the_rest()
    for mode, leaving in (
        (registry_pb2.REMOVE_MODE_GRACEFUL, graceful),
        (registry_pb2.REMOVE_MODE_FLATTEN, flatten),
        (registry_pb2.REMOVE_MODE_LEAVE, leave),
    ):
        for name in leaving:
            assert name in remove(supervisor, name, mode)
    for name in flatten + leave:
        supervisor.wait_gone(name)
        assert venue.open_orders(symbol=name) == []
    positions = venue.account()["positions"]
    assert not set(flatten) & positions.keys()
    assert set(leave) <= positions.keys()
    for name in graceful:
        wait_until(lambda name=name: not openings(venue, name), f"no openings of {name}")
        wait_until(
            lambda name=name: name not in supervisor.rows() or venue.move(name, "1"), f"{name} sold out and gone"
        )
        assert name not in venue.account()["positions"]
        assert venue.open_orders(symbol=name) == []
    assert wait_until(lambda: fills_of_the_rest() > before, "fills of the rest")

    assert set(supervisor.rows()) == set(stay)
    settled(supervisor.database_url, venue, exits=False)  # what was left behind has none
    assert supervisor.counters().illegal_transitions == 0
    assert supervisor.terminate() == 0
    assert differences(supervisor.database_url, venue) == []


REFUSALS = [
    ("a mistyped symbol", added("ETHUSTD"), grpc.StatusCode.NOT_FOUND, "ETHUSTD; did you mean ETHUSDT?"),
    ("one that trades already", added("BTCUSDT"), grpc.StatusCode.ALREADY_EXISTS, "BTCUSDT"),
    ("an unknown account", added("SOLUSDT", account="spare"), grpc.StatusCode.NOT_FOUND, "'spare'"),
    (
        "an interval below the fees",
        added("SOLUSDT", interval_percent="0.03"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "interval",
    ),
    ("an amount below the venue's minimum", added("SOLUSDT", amount="1"), grpc.StatusCode.INVALID_ARGUMENT, "amount"),
    (
        "a strategy that is not there",
        added("SOLUSDT", strategy="martingale"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "martingale",
    ),
]


@pytest.mark.timeout(120)
def test_refusals_name_the_mistake_and_change_nothing(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(3)
    supervisor = make_supervisor(venue, ["BTCUSDT", "ETHUSDT"], defaults={"amount": 60}).start()
    supervisor.wait_trading(2)
    rows = registry_rows(supervisor.database_url)
    assert len(rows) == 2
    for what, request, code, words in REFUSALS:
        given, sentence = supervisor.refusal("AddSymbol", request)
        assert given is code, f"{what}: {given}, {sentence}"
        assert words in sentence, f"{what}: {sentence}"
        assert registry_rows(supervisor.database_url) == rows, what
    for method, request in (
        ("RemoveSymbol", pb.RemoveSymbolRequest(symbol="SOLUSDT")),
        ("PauseSymbol", pb.PauseSymbolRequest(symbol="SOLUSDT")),
        ("ResumeSymbol", pb.ResumeSymbolRequest(symbol="SOLUSDT")),
        ("DescribeSymbol", pb.DescribeSymbolRequest(symbol="SOLUSDT")),
    ):
        given, sentence = supervisor.refusal(method, request)
        assert given is grpc.StatusCode.NOT_FOUND
        assert "SOLUSDT" in sentence
    assert registry_rows(supervisor.database_url) == rows
    assert set(supervisor.rows()) == {"BTCUSDT", "ETHUSDT"}
    assert venue.open_orders(symbol="SOLUSDT") == []
