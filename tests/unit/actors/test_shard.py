"""The ShardActor: its children's failures and departures, when both come at once."""

from __future__ import annotations

from typing import Any

from support.market import EMPTY, NOW, SPEC

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Detach
from opensqt_actors.actors.risk import RiskActor
from opensqt_actors.actors.shard import ShardActor, ShardParts
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    DropSymbol,
    ReleaseSymbol,
    StartShard,
    ToSymbol,
)
from opensqt_actors.actors.symbol import Execution, Remove, SymbolDone
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.risk import RiskSettings
from opensqt_actors.domain.settings import RemoveMode
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import ActorFailed, ActorStopped, CancelTimer, SetTimer, Spawn, Stop, Tell
from opensqt_actors.runtime.supervision import RestartPolicy

POLICY = RestartPolicy(5, 30 * 10**9, 2 * 10**9, 5 * 10**9)


class Exchange:
    """Stands where the exchange's actor does, and hears."""

    def step(self, message: Any, now: int) -> list[Any]:
        return []


def shard() -> ShardActor:
    parts = ShardParts(
        "s1", {"main": lambda risk: Exchange()}, lambda: RiskActor(RiskSettings()), {"grid": Grid}, Execution(), POLICY
    )
    actor = ShardActor(ActorId("shard"), ActorId("supervisor"), parts)
    actor.step(StartShard(), NOW)
    return actor


def test_a_symbol_that_left_while_its_restart_was_due_is_not_started_again() -> None:
    actor = shard()
    name = actor.symbol_id("main", SPEC.symbol)
    actor.step(AddSymbolActor(SPEC), NOW)
    spawned = actor.step(ports.SymbolLoaded(EMPTY), NOW)[0]
    assert isinstance(spawned, Spawn)
    failed = actor.step(ActorFailed(name, spawned.incarnation, "injected", ""), NOW)
    timer = next(effect for effect in failed if isinstance(effect, SetTimer))

    actor.step(ToSymbol("main", SPEC.symbol, Remove(RemoveMode.LEAVE)), NOW)
    spawned = actor.step(ports.SymbolLoaded(EMPTY), NOW + 1)[0]
    assert isinstance(spawned, Spawn)
    actor.step(SymbolDone("main", SPEC.symbol), NOW + 2)
    assert actor.step(ActorStopped(name, spawned.incarnation), NOW + 3) == [CancelTimer(timer.key)]


def test_a_symbol_that_goes_to_another_shard_is_handed_over_with_its_orders_and_one_that_has_left_is_not() -> None:
    for leaving in (False, True):
        actor = shard()
        actor.step(AddSymbolActor(SPEC), NOW)
        actor.step(ports.SymbolLoaded(EMPTY), NOW)
        if not leaving:
            actor.step(ReleaseSymbol("main", SPEC.symbol), NOW)
        done = actor.step(SymbolDone("main", SPEC.symbol), NOW)
        told = [effect.message for effect in done if isinstance(effect, Tell)]
        assert [message for message in told if isinstance(message, Detach)] == [Detach(SPEC.symbol, not leaving)]


def test_f36_a_dropped_symbol_ends_at_once_without_a_word_about_its_orders() -> None:
    actor = shard()
    name = actor.symbol_id("main", SPEC.symbol)
    actor.step(AddSymbolActor(SPEC), NOW)
    actor.step(ports.SymbolLoaded(EMPTY), NOW)
    effects = actor.step(DropSymbol("main", SPEC.symbol), NOW)
    assert Stop(name) in effects
    assert Tell(actor.exchange_id("main"), Detach(SPEC.symbol, True)) in effects
    assert not any(isinstance(effect, Tell) and effect.to == name for effect in effects)
    assert actor.step(DropSymbol("main", SPEC.symbol), NOW) == []


def test_f36_what_the_journal_answers_to_the_last_owner_is_not_what_the_next_one_starts_from() -> None:
    actor = shard()
    actor.step(AddSymbolActor(SPEC), NOW)
    actor.step(DropSymbol("main", SPEC.symbol), NOW)
    assert [type(effect) for effect in actor.step(AddSymbolActor(SPEC), NOW)] == [ports.LoadSymbol]
    assert actor.step(ports.SymbolLoaded(EMPTY), NOW) == []
    assert isinstance(actor.step(ports.SymbolLoaded(EMPTY), NOW)[0], Spawn)


def test_a_failed_answer_to_the_last_owner_starts_nothing_either() -> None:
    actor = shard()
    actor.step(AddSymbolActor(SPEC), NOW)
    actor.step(DropSymbol("main", SPEC.symbol), NOW)
    assert actor.step(ports.LoadFailed("main", SPEC.symbol, "away"), NOW) == []
