"""What crosses between a shard's process and its supervisor, there and back; and what waits for a slow reader."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.actors import exchange, operator, symbol
from opensqt_actors.actors.market_check import check_settings
from opensqt_actors.actors.ports import Announce, Reply, SymbolPrepared, SymbolRefused
from opensqt_actors.actors.risk_messages import ExposureReport, GlobalWord, ShardFacts, ShareGiven
from opensqt_actors.actors.shard_link import Hello, Measured, Screens
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    ReleaseSymbol,
    ShardRestarted,
    ShardStopped,
    ShareBudget,
    StartShard,
    StopShard,
    SymbolLeft,
    SymbolQuarantined,
    SymbolReleased,
    ToSymbol,
)
from opensqt_actors.actors.views import AccountRow, Durations, HoldingsView, ReconcileView, RiskRow, SymbolRow
from opensqt_actors.api.shard_mapping import command_from, command_to, fact_from, fact_to
from opensqt_actors.api.shard_outbox import Outbox, OutboxFull
from opensqt_actors.api.shard_risk_mapping import UnknownMessage
from opensqt_actors.domain.breaker import OrderAnswer
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import AccountState, Candle, Fees
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.domain.settings import GridMode, GridSettings, RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId

ASKER = ActorId("supervisor")
GRID = GridSettings(GridMode.SHORT, Decimal("31.5"), interval_percent=Decimal("0.25"), buy_window=4)
SPEC = SymbolSpec("main", "BTCUSDT", 7, GRID, "own", SymbolState.REMOVING, RemoveMode.LEAVE, adopt=True, epoch=3)
SAVED = RiskSaved(RiskScope.SYMBOL, "main", "BTCUSDT", {"state": "open", "losses": 3, "until": None}, 12345)
ZERO = Decimal(0)
ROW = SymbolRow(
    "main", "BTCUSDT", "long", SymbolState.TRADING, 1, 20, 9, Decimal("0.5"), Decimal("1.25"), Decimal(-2), ZERO, ZERO,
    4, 2, 30, 12, 0, 1, Decimal("9.5"), Decimal("9.6"), 123_456_789, "",
)  # fmt: skip

COMMANDS = [
    StartShard((SAVED,), (("main", 250), ("other", 1_000))),
    AddSymbolActor(SPEC, (SAVED,)),
    ReleaseSymbol("main", "BTCUSDT"),
    ToSymbol("main", "BTCUSDT", symbol.Pause()),
    ToSymbol("main", "BTCUSDT", symbol.Resume()),
    ToSymbol("main", "BTCUSDT", symbol.Remove(RemoveMode.FLATTEN)),
    ToSymbol("main", "BTCUSDT", symbol.Describe(41)),
    ToSymbol("main", "BTCUSDT", symbol.ReconcileNow(42, True)),
    exchange.CheckSymbol(5, "main/BTCUSDT", ASKER),
    ToSymbol("main", "BTCUSDT", symbol.Flatten()),
    exchange.CheckHoldings(43, "main", ("BTCUSDT", "ETHUSDT"), "aa", True),
    exchange.CheckHoldings(44, "main", (), "aa"),
    ShareBudget("main", 333),
    StopShard(True, False),
    GlobalWord((("breaker_global", "it is open"),), 2, ("breaker_global", "few")),
    GlobalWord(),
    ShareGiven("main", 1 << 200),
    operator.TripBreaker(1, "main", "BTCUSDT", "why"),
    operator.ResetBreaker(2, "main", "BTCUSDT", "why"),
    operator.EmergencyExit(-1, "main", "why"),
    operator.ClearEmergency(4, "main", "why"),
]
MEASURED = Measured(1 << 30, 7, (Durations("a", (0, 2, 5), 0.25), Durations("b", (), 0)))
FACTS = [
    Reply(43, HoldingsView("main", (("BTCUSDT", Decimal("-0.5")),), (("ETHUSDT", 3),))),
    Reply(44, HoldingsView("main", (), ())),
    Hello(77, "1.0", "abc", True, (SPEC,)),
    Screens((ROW,), (AccountRow("main", True, False, 3, 4, 0, 900, 800, 250),), MEASURED),
    Announce("order.foreign", "main", "BTCUSDT", "an order", "warning", {"id": "7"}),
    Reply(9, operator.Refusal("unavailable", "later")),
    Reply(9, operator.Done("it is done")),
    Reply(8, ReconcileView("main", "X", "same", Decimal(1), Decimal(1), ZERO, 3, 0, 0, 0, "they agree")),
    exchange.SymbolChecked(3, SymbolRefused("XUSDT", "not there", True)),
    SymbolLeft("main", "BTCUSDT"),
    SymbolReleased("main", "BTCUSDT"),
    SymbolQuarantined("main", "BTCUSDT", "too often"),
    symbol.SymbolUnable("main", "BTCUSDT", "no margin"),
    ShardRestarted(ActorId("a/b"), "ValueError"),
    ShardStopped(),
    RiskRow("symbol", "main", "BTCUSDT", "open", "losses", "three losses", 1, 2),
    SAVED,
    ShardFacts(
        ActorId("s"),
        (Decimal("1.5"),),
        Decimal(-3),
        Decimal(150),
        (OrderAnswer(True, 5),),
        2,
        (("main", Decimal(9)),),
    ),
    ShardFacts(ActorId("s"), (), Decimal(0), None, (), None),
    ExposureReport("main", 10**30, 1 << 200, None),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_command_survives_the_wire(command: Any) -> None:
    message = command_to(command)
    assert command_from(type(message).FromString(message.SerializeToString()), ASKER) == command


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_survives_the_wire(fact: Any) -> None:
    message = fact_to(fact, 2)
    assert fact_from(type(message).FromString(message.SerializeToString())) == fact


def test_what_settings_are_checked_against_survives_the_wire() -> None:
    market = Instrument(
        "XUSDT", "X", "USDT", Decimal("0.01"), Decimal("0.001"), min_quantity=2, min_notional=Decimal(5)
    )
    candle = Candle("XUSDT", 5, 1.0, 2.0, 0.5, 100.25, 7.0, closed=True)
    fees = Fees(Decimal("0.0002"), Decimal("0.0005"))
    prepared = SymbolPrepared(market, fees, AccountState(ZERO, ZERO, hedged=False, can_trade=True), 20, (candle,))
    message = fact_to(exchange.SymbolChecked(3, prepared), 0)
    answer = fact_from(type(message).FromString(message.SerializeToString())).answer
    assert (answer.instrument, answer.fees, answer.leverage) == (market, fees, 20)
    assert answer.history[-1].close == candle.close
    for grid in (GRID, replace(GRID, amount=Decimal(1)), replace(GRID, interval_percent=Decimal("0.001"))):
        assert check_settings(grid, answer) == check_settings(grid, prepared)


def test_what_has_no_place_on_the_wire_is_an_error_and_not_silence() -> None:
    with pytest.raises(UnknownMessage):
        command_to(object())
    with pytest.raises(UnknownMessage):
        fact_to(object(), 0)


async def test_screens_are_conflated_to_the_newest_line_and_come_after_what_must_not_be_lost() -> None:
    outbox = Outbox()
    outbox.put(Screens((ROW,), (), Measured(1)))
    outbox.put(SymbolLeft("main", "X"))
    newer = replace(ROW, fills=99)
    outbox.put(Screens((newer, replace(ROW, symbol="ETHUSDT")), (), Measured(2)))
    assert await outbox.take() == SymbolLeft("main", "X")
    assert await outbox.take() == Screens((newer, replace(ROW, symbol="ETHUSDT")), (), Measured(2))


async def test_events_beyond_the_bound_are_dropped_and_counted_answers_are_not() -> None:
    outbox = Outbox(events=2, answers=3)
    for number in range(5):
        outbox.put(Announce("a", "", "", str(number)))
    for number in range(3):
        outbox.put(Reply(number, operator.Done("")))
    assert outbox.dropped == 3
    with pytest.raises(OutboxFull):
        outbox.put(Reply(3, operator.Done("")))
    outbox.end()
    taken = [await outbox.take() for _ in range(6)]
    assert [fact.request for fact in taken[2:5]] == [0, 1, 2]
    assert taken[5] is None
