"""The ShardGateway, message by message: what a supervisor hears when it comes, and what happens when none does."""

from __future__ import annotations

from typing import Any

from opensqt_actors.actors import ports, symbol
from opensqt_actors.actors.risk_messages import GlobalWord
from opensqt_actors.actors.shard_gateway import EndShard, ShardGateway, StartGateway, VenuesOpen
from opensqt_actors.actors.shard_link import Hello, Screens, SendUp, SupervisorAttached, SupervisorLost
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    RestartSymbol,
    ShardStopped,
    StartShard,
    StopShard,
    SymbolQuarantined,
    SymbolReleased,
    ToSymbol,
)
from opensqt_actors.actors.views import AccountRow, RiskRow
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import ActorFailed, CancelTimer, SetTimer, Spawn, Tell

SECOND = 1_000_000_000
SHARD = ActorId("supervisor/shard-2")
SPEC = SymbolSpec("main", "BTCUSDT", 1)
KEY = ("main", "BTCUSDT")
POLICY = StopShard(True, False)


def gateway(alone: int = 60 * SECOND, unheard: int = 15 * SECOND) -> ShardGateway:
    return ShardGateway(
        ActorId("supervisor"), 2, lambda parent: _never(), pid=5, version="1", configuration="c", policy=POLICY,
        deadline=8 * SECOND, alone=alone, unheard=unheard,
    )  # fmt: skip


def _never() -> Any:
    raise AssertionError("nothing is made by a step")


def started(unheard: int = 15 * SECOND) -> ShardGateway:
    made = gateway(unheard=unheard)
    for message in (
        StartGateway(),
        SupervisorAttached(),
        VenuesOpen(),
        StartShard(),
        AddSymbolActor(SPEC),
    ):
        made.step(message, 0)
    return made


def up(effects: list[Any]) -> list[Any]:
    return [effect.fact for effect in effects if isinstance(effect, SendUp)]


def down(effects: list[Any]) -> list[Any]:
    return [effect.message for effect in effects if isinstance(effect, Tell) and effect.to == SHARD]


def test_commands_wait_for_the_venues_and_are_done_in_order() -> None:
    made = gateway()
    made.step(StartGateway(), 0)
    made.step(SupervisorAttached(), 0)
    word = GlobalWord((("breaker_global", "open"),))
    for early in (word, StartShard(), AddSymbolActor(SPEC)):
        assert made.step(early, 0) == []
    effects = made.step(VenuesOpen(), 0)
    assert isinstance(effects[0], Spawn)
    assert down(effects) == [word, StartShard(), AddSymbolActor(SPEC)]


def test_a_supervisor_that_comes_later_hears_everything_that_it_cannot_know() -> None:
    made = started()
    made.step(AccountRow("main", True, True, 0, 0, 0, 5, 5), 0)
    quarantined = SymbolQuarantined(*KEY, "too often")
    made.step(quarantined, 0)
    rule = RiskRow("symbol", *KEY, "open")
    made.step(rule, 0)
    made.step(ToSymbol(*KEY, symbol.Pause()), 0)
    made.step(SupervisorLost(), 0)
    hello, screens, *standing = up(made.step(SupervisorAttached(), 0))
    assert isinstance(hello, Hello)
    assert (hello.started, [spec.state for spec in hello.symbols]) == (True, [SymbolState.PAUSED])
    assert isinstance(screens, Screens)
    assert screens.accounts
    assert standing == [quarantined, rule]


def test_without_a_supervisor_it_trades_on_and_stops_in_order_only_after_the_limit() -> None:
    made = started()
    [timer] = made.step(SupervisorLost(), 0)
    assert isinstance(timer, SetTimer)
    assert timer.after == 60 * SECOND
    effects = made.step(timer.message, 60 * SECOND)
    assert down(effects) == [POLICY]
    assert [e.level for e in effects if isinstance(e, ports.Announce)] == ["critical"]


def test_a_supervisor_in_time_ends_the_wait() -> None:
    made = started()
    [timer] = made.step(SupervisorLost(), 0)
    assert CancelTimer("alone") in made.step(SupervisorAttached(), 0)
    assert made.step(timer.message, 0) == []


def test_alone_for_ever_is_allowed() -> None:
    made = gateway(alone=0)
    assert [effect.key for effect in made.step(StartGateway(), 0) if isinstance(effect, SetTimer)] == ["beat"]


[BEAT] = [e.message for e in gateway().step(StartGateway(), 0) if isinstance(e, SetTimer) and e.key == "beat"]


def quiet(made: ShardGateway, since: int, until: int, step: int = SECOND // 4) -> list[Any]:
    """What the gateway does while nothing but its own beat is heard, from `since` to `until`, ns."""
    return [effect for now in range(since + step, until + 1, step) for effect in made.step(BEAT, now)]


def codes(effects: list[Any]) -> list[list[str]]:
    """The closed gates of each word to the shard."""
    return [[code for code, _ in message.closed] for message in down(effects) if isinstance(message, GlobalWord)]


def told(effects: list[Any]) -> list[tuple[str, str]]:
    return [(effect.kind, effect.level) for effect in effects if isinstance(effect, ports.Announce)]


def test_when_the_risk_over_all_shards_is_not_heard_nothing_opens_until_it_is() -> None:
    made = started()
    few = GlobalWord((), 2, ("breaker_global_half_open", "few"))
    assert down(made.step(few, SECOND)) == [few]
    assert not down(quiet(made, SECOND, 16 * SECOND - 1))
    effects = made.step(BEAT, 16 * SECOND)
    [closed] = down(effects)
    assert (codes(effects), closed.allowance) == ([["portfolio_unheard"]], 2)
    assert "for 15 s" in closed.closed[0][1]
    assert told(effects) == [("shard.unheard", "error")]
    assert not down(quiet(made, 16 * SECOND, 30 * SECOND)), "it is said once"
    effects = made.step(few, 30 * SECOND)
    assert down(effects) == [few]
    assert told(effects) == [("shard.heard", "warning")]


def test_a_word_that_is_repeated_is_no_news_and_keeps_the_gates_open() -> None:
    made = started()
    word = GlobalWord((("breaker_global", "open"),))
    assert down(made.step(word, 0)) == [word]
    for second in range(1, 60):
        assert not made.step(word, second * SECOND)
        assert not down(quiet(made, second * SECOND, (second + 1) * SECOND - 1))


def test_a_stream_that_breaks_and_comes_back_in_time_closes_nothing() -> None:
    made = started()
    made.step(SupervisorLost(), 0)
    assert not down(quiet(made, 0, 14 * SECOND))
    made.step(SupervisorAttached(), 14 * SECOND)
    assert not down(made.step(GlobalWord(), 14 * SECOND))
    assert not down(quiet(made, 14 * SECOND, 28 * SECOND))


def test_a_supervisor_that_is_attached_and_silent_is_not_heard() -> None:
    effects = quiet(started(), 0, 20 * SECOND)
    assert codes(effects) == [["portfolio_unheard"]]


def test_an_open_breaker_stays_open_when_nothing_is_heard_any_more() -> None:
    made = started()
    made.step(GlobalWord((("breaker_global", "open"),)), 0)
    assert codes(quiet(made, 0, 20 * SECOND)) == [["breaker_global", "portfolio_unheard"]]


def test_a_process_that_stood_still_itself_reads_first_what_was_said_meanwhile_but_only_once() -> None:
    made = started()
    assert not down(made.step(BEAT, 100 * SECOND))
    assert not down(quiet(made, 100 * SECOND, 102 * SECOND - 1))
    assert codes(made.step(BEAT, 102 * SECOND)) == [["portfolio_unheard"]]
    made.step(GlobalWord(), 103 * SECOND)
    assert not down(made.step(BEAT, 200 * SECOND)), "the next silence has its own excuse"
    assert codes(made.step(BEAT, 300 * SECOND)) == [["portfolio_unheard"]], "and no second one"


def test_without_a_limit_silence_closes_nothing() -> None:
    made = started(unheard=0)
    assert not down(quiet(made, 0, 4_000 * SECOND, SECOND))


def test_a_shard_that_stops_or_trades_nothing_yet_is_not_concerned() -> None:
    made = started()
    made.step(EndShard(), 0)
    assert not codes(quiet(made, 0, 60 * SECOND))
    waiting = gateway()
    waiting.step(StartGateway(), 0)
    assert not down(quiet(waiting, 0, 60 * SECOND))
    waiting.step(VenuesOpen(), 60 * SECOND)
    assert codes(waiting.step(StartShard(), 60 * SECOND)) == [[]]
    assert not down(quiet(waiting, 60 * SECOND, 74 * SECOND))


def test_resume_also_ends_a_quarantine() -> None:
    made = started()
    made.step(SymbolQuarantined(*KEY, "too often"), 0)
    effects = made.step(ToSymbol(*KEY, symbol.Resume()), 0)
    assert down(effects) == [RestartSymbol(*KEY), ToSymbol(*KEY, symbol.Resume())]
    assert not [fact for fact in up(made.step(SupervisorAttached(), 0)) if isinstance(fact, SymbolQuarantined)]


def test_a_released_symbol_is_not_owned_any_more() -> None:
    made = started()
    assert SymbolReleased(*KEY) in up(made.step(SymbolReleased(*KEY), 0))
    assert up(made.step(SupervisorAttached(), 0))[0].symbols == ()


def test_it_ends_when_everything_has_come_to_rest_or_the_deadline_has_passed_and_only_once() -> None:
    made = started()
    effects = made.step(EndShard(), 0)
    [timer] = [effect for effect in effects if isinstance(effect, SetTimer)]
    assert timer.after == 8 * SECOND
    assert ports.Exited(0) in made.step(ShardStopped(), 0)
    assert made.step(timer.message, 0) == []


def test_a_signal_before_anything_trades_ends_it_at_once() -> None:
    assert ports.Exited(0) in gateway().step(EndShard(), 0)


def test_the_failure_of_the_shards_actor_ends_the_process_so_that_it_is_started_anew() -> None:
    effects = started().step(ActorFailed(SHARD, 1, "ValueError: x", ""), 0)
    assert ports.Exited(1) in effects
