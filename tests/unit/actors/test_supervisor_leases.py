"""A host's SupervisorActor: it trades what is leased to it, drops what is lost, and begins nothing while it ends."""

from __future__ import annotations

from typing import Any

import pytest
from support.market import NOW, SPEC

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.exchange_messages import StreamGate
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    DropSymbol,
    ShardStopped,
    ShareBudget,
    SymbolLeft,
    ToSymbol,
)
from opensqt_actors.actors.supervisor import StartSupervisor, SupervisorActor
from opensqt_actors.actors.supervisor_leases import (
    GiveUp,
    LeaseGained,
    LeaseLost,
    LeasesAgain,
    LeasesClosing,
    LeaseShares,
    LeasesStopped,
)
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Tell

SHARD = ActorId("supervisor/shard-0")
KEY = (SPEC.account, SPEC.symbol)
LEASED = SymbolSpec(SPEC.account, SPEC.symbol, 1, SPEC.grid, epoch=5)


@pytest.fixture
def supervisor() -> SupervisorActor:
    made = SupervisorActor(
        ActorId("supervisor"), (), ("main",), lambda parent: None, strategies=frozenset({"grid"}), version="1",
        instance="s1", portfolio=lambda parent, saved: None, leased=True,
    )  # fmt: skip
    made.step(StartSupervisor(), NOW)
    return made


def told(effects: list[Any], kind: type) -> list[Any]:
    return [e.message for e in effects if isinstance(e, Tell) and e.to == SHARD and isinstance(e.message, kind)]


def test_a_gained_symbol_is_traded_with_what_its_last_owner_had_written_down(supervisor: SupervisorActor) -> None:
    saved = (RiskSaved(RiskScope.SYMBOL, *KEY, {}, 1),)
    effects = supervisor.step(LeaseGained(LEASED, saved), NOW)
    assert told(effects, AddSymbolActor) == [AddSymbolActor(LEASED, saved)]
    assert supervisor.specs == {KEY: LEASED}


def test_f36_a_lost_symbol_is_dropped_as_it_stands(supervisor: SupervisorActor) -> None:
    supervisor.step(LeaseGained(LEASED), NOW)
    effects = supervisor.step(LeaseLost(*KEY, 5), NOW)
    assert told(effects, DropSymbol) == [DropSymbol(*KEY)]
    assert supervisor.specs == {}


def test_news_of_a_loss_that_came_before_the_gain_changes_nothing(supervisor: SupervisorActor) -> None:
    supervisor.step(LeaseGained(LEASED), NOW)
    assert supervisor.step(LeaseLost(*KEY, 3), NOW) == []
    assert supervisor.specs == {KEY: LEASED}


def test_what_is_gained_while_the_host_ends_is_given_up(supervisor: SupervisorActor) -> None:
    supervisor.step(operator.Shutdown(1), NOW)
    assert supervisor.step(LeaseGained(LEASED), NOW) == [GiveUp(*KEY)]
    assert supervisor.specs == {}


def test_past_half_of_a_leases_life_its_gate_closes_and_opens_with_a_comparison(supervisor: SupervisorActor) -> None:
    supervisor.step(LeaseGained(LEASED), NOW)
    [closed] = told(supervisor.step(LeasesClosing((KEY, ("main", "ZUSDT"))), NOW), ToSymbol)
    assert isinstance(closed.message, StreamGate)
    assert (closed.symbol, closed.message.code, closed.message.opens) == (SPEC.symbol, "lease", False)
    assert told(supervisor.step(LeasesStopped((KEY,)), NOW), object) == []
    [opened] = told(supervisor.step(LeasesAgain((KEY,)), NOW), ToSymbol)
    assert (opened.message.opens, opened.message.resync) == (True, True)


def test_the_host_uses_its_part_of_each_budget(supervisor: SupervisorActor) -> None:
    effects = supervisor.step(LeaseShares((("main", 500),)), NOW)
    assert told(effects, ShareBudget) == [ShareBudget("main", 500)]


def test_a_symbol_that_has_left_is_given_up(supervisor: SupervisorActor) -> None:
    supervisor.step(LeaseGained(LEASED), NOW)
    [save] = supervisor.step(SymbolLeft(*KEY), NOW)
    assert isinstance(save, ports.SaveSpec)
    assert GiveUp(*KEY) in supervisor.step(ports.SpecSaved(save.request, save.spec), NOW)


def test_a_symbol_of_another_host_is_refused_with_the_way_to_find_it(supervisor: SupervisorActor) -> None:
    [reply] = supervisor.step(operator.PauseSymbol(7, *KEY), NOW)
    assert reply.payload.code == "not_found"
    assert "opensqt shards list" in reply.payload.sentence


def test_whether_everything_had_come_to_rest_is_known_at_the_end(supervisor: SupervisorActor) -> None:
    supervisor.step(operator.Shutdown(1), NOW)
    assert not supervisor.rested
    supervisor.step(ShardStopped(0), NOW)
    assert supervisor.rested
