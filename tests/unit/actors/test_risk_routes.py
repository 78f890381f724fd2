"""Shard and supervisor: what passes through them for the risk rules, and what the next life of a rule begins with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from support.market import EMPTY, SPEC

from opensqt_actors.actors import operator, ports, symbol
from opensqt_actors.actors.risk_messages import (
    Connect,
    ExitBegun,
    ExposureReport,
    FaultFound,
    FaultSettled,
    GlobalWord,
    Ignore,
    Listen,
    RoundTripDone,
    ShardFacts,
    ShareGiven,
    Wake,
)
from opensqt_actors.actors.shard import ShardActor, ShardParts
from opensqt_actors.actors.shard_messages import AddSymbolActor, StartShard
from opensqt_actors.actors.supervisor import StartSupervisor, SupervisorActor
from opensqt_actors.actors.symbol_view import row
from opensqt_actors.actors.views import ExposureRow, RiskRow, RiskView, StatusView
from opensqt_actors.domain.exposure import NO_LIMIT, UNIT
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import ActorFailed, SetTimer, Spawn, Tell
from opensqt_actors.runtime.supervision import RestartPolicy

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
SUPERVISOR, SHARD = ActorId("supervisor"), ActorId("supervisor/shard-0")
RISK, EXCHANGE, SYMBOL = (
    ActorId(f"{SHARD}/risk"),
    ActorId(f"{SHARD}/exchange:main"),
    ActorId(f"{SHARD}/symbol:main:XUSDT"),
)
SAVED = RiskSaved(RiskScope.SYMBOL, "main", "XUSDT", {"state": "open"}, 1)
CLOSED = GlobalWord((("breaker_global", "it is open"),))
T = TypeVar("T")


class Bench:
    """An actor, stepped by hand."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.now = NOW
        self.sent: list[Any] = []

    def step(self, message: Any) -> list[Any]:
        self.now += SECOND
        self.sent = list(self.actor.step(message, self.now))
        return self.sent

    def told(self, to: ActorId) -> list[Any]:
        return [effect.message for effect in self.sent if isinstance(effect, Tell) and effect.to == to]

    def spawned(self, child: ActorId) -> Spawn:
        [spawn] = [effect for effect in self.sent if isinstance(effect, Spawn) and effect.child == child]
        return spawn


class Made:
    """What a rule was made from."""

    def __init__(self, *given: Any) -> None:
        self.given = given

    def step(self, message: Any, now: int) -> list[Any]:
        return []


@pytest.fixture
def parts() -> ShardParts:
    return ShardParts(
        "aa", {"main": Made}, Made, {"grid": Grid}, symbol.Execution(),
        RestartPolicy(0, SECOND, SECOND, SECOND),
    )  # fmt: skip


@pytest.fixture
def bench(parts: ShardParts) -> Bench:
    made = Bench(ShardActor(SHARD, SUPERVISOR, parts))
    made.step(StartShard((SAVED,)))
    return made


def traded(bench: Bench) -> Bench:
    bench.step(AddSymbolActor(SPEC))
    bench.step(ports.SymbolLoaded(EMPTY))
    return bench


def fail(bench: Bench, actor: ActorId) -> None:
    """It fails, and is started again."""
    child = bench.actor._children[actor]
    bench.step(ActorFailed(actor, child.incarnation, "a bug", ""))
    for timer in [effect for effect in bench.sent if isinstance(effect, SetTimer)]:
        bench.step(timer.message)


# --- the shard -------------------------------------------------------------------------------------------------------


def test_the_rules_begin_with_what_was_written_down_and_with_every_exchange(bench: Bench) -> None:
    assert bench.spawned(RISK).make().given == (RISK, SHARD, (SAVED,))  # type: ignore[attr-defined]
    assert bench.told(RISK) == [GlobalWord(), Connect(EXCHANGE, "main")]


def test_a_symbol_listens_from_its_start_and_opens_nothing_before(bench: Bench) -> None:
    traded(bench)
    assert bench.told(RISK) == [Listen(SYMBOL, "main", "XUSDT")]
    assert bench.spawned(SYMBOL).make().gates.keys() == {"risk_unknown"}  # type: ignore[attr-defined]


def test_a_next_life_of_the_rules_knows_what_the_last_one_had_told_and_who_is_there(bench: Bench) -> None:
    traded(bench)
    newer = replace(SAVED, state={"state": "closed"})
    bench.step(newer)
    assert bench.told(SUPERVISOR) == [newer]
    bench.step(CLOSED)
    assert bench.told(RISK) == [CLOSED]
    fail(bench, RISK)
    assert bench.spawned(RISK).make().given == (RISK, SHARD, (newer,))  # type: ignore[attr-defined]
    assert bench.told(RISK) == [CLOSED, Connect(EXCHANGE, "main"), Listen(SYMBOL, "main", "XUSDT")]


def test_an_exchange_that_is_started_again_connects_again(bench: Bench) -> None:
    fail(bench, EXCHANGE)
    assert bench.told(RISK) == [Connect(EXCHANGE, "main")]


def test_it_passes_on_what_symbols_rules_and_supervisor_say_to_each_other(bench: Bench) -> None:
    traded(bench)
    made = bench.spawned(SYMBOL).make()
    line = row(made)  # type: ignore[arg-type]
    for message, to in (
        (RoundTripDone("main", "XUSDT", Decimal(1)), RISK),
        (FaultFound("main", "XUSDT", "no match"), RISK),
        (FaultSettled("main", "XUSDT", "accepted"), RISK),
        (RiskRow("symbol", "main", "XUSDT", "open"), SUPERVISOR),
        (ShardFacts(RISK, (), Decimal(0), None, (), None), SUPERVISOR),
        (ExposureReport("main", 1, 2, None), SUPERVISOR),
        (ShareGiven("main", 5), EXCHANGE),
        (operator.TripBreaker(1, "main", "XUSDT", ""), RISK),
        (operator.EmergencyExit(1, "main", ""), RISK),
    ):
        bench.step(message)
        assert bench.sent == [Tell(to, message)]
    bench.step(symbol.RowChanged(line))
    assert bench.sent == [Tell(SUPERVISOR, line), Tell(RISK, line)]
    with pytest.raises(TypeError, match="str"):
        bench.step("hello")


def test_while_the_rules_are_away_an_operator_is_told(bench: Bench) -> None:
    bench.step(ActorFailed(RISK, bench.actor._children[RISK].incarnation, "a bug", ""))
    bench.step(operator.EmergencyExit(4, "main", ""))
    [reply] = bench.sent
    assert (reply.request, reply.payload.code) == (4, "unavailable")


def test_a_symbol_in_quarantine_lives_again_to_be_closed(bench: Bench) -> None:
    traded(bench)
    bench.step(ActorFailed(SYMBOL, bench.actor._children[SYMBOL].incarnation, "a bug", ""))
    assert bench.told(RISK) == [Ignore(SYMBOL)]
    bench.step(ExitBegun("other"))
    assert not bench.sent
    bench.step(ExitBegun("main"))
    assert bench.sent == [ports.LoadSymbol("main", "XUSDT")]
    bench.step(ports.SymbolLoaded(EMPTY))
    assert bench.told(RISK) == [Listen(SYMBOL, "main", "XUSDT")]


# --- the supervisor --------------------------------------------------------------------------------------------------

PORTFOLIO = ActorId(f"{SUPERVISOR}/portfolio-risk")


@pytest.fixture
def above() -> Bench:
    made = Bench(
        SupervisorActor(
            SUPERVISOR, [SPEC], ("main",), Made, strategies=frozenset({"grid"}), version="1",
            instance="aa", portfolio=Made, risk=(SAVED,),
        )
    )  # fmt: skip
    made.step(StartSupervisor())
    return made


def test_the_global_rules_begin_before_the_shard_which_gets_what_was_written_down(above: Bench) -> None:
    kinds = [effect.child for effect in above.sent if isinstance(effect, Spawn)]
    assert kinds == [PORTFOLIO, SHARD]
    assert above.spawned(PORTFOLIO).make().given == (SUPERVISOR, (SAVED,))  # type: ignore[attr-defined]
    assert above.told(PORTFOLIO) == [Wake()]
    assert above.told(SHARD)[:2] == [GlobalWord(), StartShard((SAVED,))]


def test_a_shard_that_is_started_again_knows_the_newest_of_both(above: Bench) -> None:
    newer = replace(SAVED, at=2)
    above.step(newer)
    above.step(CLOSED)
    assert above.sent == [Tell(SHARD, CLOSED)]
    above.step(ActorFailed(SHARD, 1, "a bug", ""))
    [timer] = [effect for effect in above.sent if isinstance(effect, SetTimer)]
    above.step(timer.message)
    assert above.told(SHARD)[:2] == [CLOSED, StartShard((newer,))]


def test_the_global_rules_fail_alone(above: Bench) -> None:
    above.step(ActorFailed(PORTFOLIO, 1, "a bug", ""))
    [timer] = [effect for effect in above.sent if isinstance(effect, SetTimer)]
    above.step(timer.message)
    assert above.spawned(PORTFOLIO).incarnation == 2
    assert not above.told(SHARD)


def test_what_the_rules_say_is_shown(above: Bench) -> None:
    rows = (
        RiskRow("symbol", "main", "XUSDT", "open", "consecutive_losses", "5 losses"),
        RiskRow("global", "", "", "half_open", "drawdown", "so much"),
        RiskRow("emergency", "main", "", "exited", "operator", "a fire"),
    )
    for line in rows:
        above.step(line)
    above.step(ExposureReport("main", 5 * UNIT, NO_LIMIT, 7 * UNIT))
    assert above.told(PORTFOLIO) == [ExposureReport("main", 5 * UNIT, NO_LIMIT, 7 * UNIT)]
    above.step(operator.GetRisk(1))
    [reply] = above.sent
    shown = RiskView((rows[2], rows[1], rows[0]), (ExposureRow("main", Decimal(5), None, Decimal(7)),))
    assert reply.payload == shown
    view = above.actor.view()
    assert isinstance(view, StatusView)
    assert (view.risk_triggered, view.risk_reason, view.breaker) == (True, "a fire", "half_open")


def test_operators_reach_the_rule_that_they_mean(above: Bench) -> None:
    for message, to in (
        (operator.TripBreaker(1, "main", "XUSDT", ""), SHARD),
        (operator.ResetBreaker(1, "", "", ""), PORTFOLIO),
        (operator.EmergencyExit(1, "main", ""), SHARD),
        (operator.ClearEmergency(1, "main", ""), SHARD),
        (ShareGiven("main", 5), SHARD),
        (ShardFacts(RISK, (), Decimal(0), None, (), None), PORTFOLIO),
    ):
        above.step(message)
        assert above.sent == [Tell(to, message)]
    above.step(operator.TripBreaker(9, "main", "NOPE", ""))
    [reply] = above.sent
    assert (reply.request, reply.payload.code) == (9, "not_found")
