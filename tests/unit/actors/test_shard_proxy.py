"""The ShardProxy, message by message: finding, watching, killing, restarting, bringing up to date."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.actors import exchange, operator, ports, symbol
from opensqt_actors.actors.shard_link import (
    CommandShard,
    Hello,
    KillShard,
    Measured,
    ReachShard,
    RestartShard,
    Screens,
    ShardAbsent,
    ShardDown,
    ShardGone,
    ShardOwns,
    ShardSaid,
    ShardUp,
)
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    ReleaseSymbol,
    ShardStopped,
    StartShard,
    StopShard,
    SymbolReleased,
    ToSymbol,
)
from opensqt_actors.actors.shard_proxy import ShardLimits, ShardProxy, ShardState
from opensqt_actors.actors.views import Durations, ShardRow
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import SetTimer, Tell
from opensqt_actors.runtime.supervision import RestartPolicy

SECOND = 1_000_000_000
PARENT = ActorId("supervisor")
SPEC = SymbolSpec("main", "BTCUSDT", 1)
KEY = ("main", "BTCUSDT")


class Bench:
    """A proxy with its clock and its timers."""

    def __init__(self, intensity: int = 2) -> None:
        policy = RestartPolicy(intensity, 60 * SECOND, SECOND, 8 * SECOND)
        limits = ShardLimits(30 * SECOND, 5 * SECOND, 9 * SECOND, 1 << 30)
        self.proxy = ShardProxy(PARENT, 1, limits, policy, version="1", configuration="c")
        self.now = 100 * SECOND
        self.timers: dict[str, tuple[int, Any]] = {}
        self.life = 0

    def step(self, message: Any) -> list[Any]:
        effects = self.proxy.step(message, self.now)
        for effect in effects:
            if isinstance(effect, SetTimer):
                self.timers[effect.key] = (self.now + effect.after, effect.message)
            if isinstance(effect, ReachShard):
                self.life = effect.life
        return effects

    def ring(self, key: str, late: int = 0) -> list[Any]:
        due, message = self.timers.pop(key)
        self.now = due + late
        return self.step(message)

    def up(self, *specs: SymbolSpec, started: bool = False) -> list[Any]:
        return self.step(ShardUp(self.life, Hello(7, "1", "c", started, specs)))

    def said(self, fact: Any) -> list[Any]:
        return self.step(ShardSaid(self.life, fact))

    def running(self) -> Bench:
        self.step(StartShard((), (("main", 500),)))
        self.step(ShardAbsent(self.life))
        self.up()
        return self


def commands(effects: list[Any]) -> list[Any]:
    return [effect.message for effect in effects if isinstance(effect, CommandShard)]


def told(effects: list[Any], kind: type) -> list[Any]:
    return [e.message for e in effects if isinstance(e, Tell) and isinstance(e.message, kind)]


def test_a_living_process_is_looked_for_before_one_is_launched() -> None:
    bench = Bench()
    first = bench.step(StartShard())
    assert [e for e in first if isinstance(e, ReachShard)] == [ReachShard(1, 1, launch=False)]
    effects = bench.step(ShardAbsent(1))
    assert told(effects, ShardOwns) == [ShardOwns(1, ())]
    assert [e for e in effects if isinstance(e, ReachShard)] == [ReachShard(1, 2, launch=True)]


def test_a_new_process_is_started_with_its_share_and_gets_its_symbols() -> None:
    bench = Bench()
    bench.step(StartShard((), (("main", 500),)))
    bench.step(ShardAbsent(bench.life))
    bench.step(AddSymbolActor(SPEC))
    effects = bench.up()
    assert commands(effects)[-2:] == [
        StartShard((), (("main", 500),)),
        AddSymbolActor(SPEC),
    ]


def test_a_process_that_trades_already_is_only_told_what_has_changed() -> None:
    bench = Bench()
    bench.step(StartShard())
    paused = SymbolSpec("main", "ETHUSDT", 2)
    effects = bench.up(SPEC, paused, started=True)
    assert told(effects, ShardOwns) == [ShardOwns(1, (KEY, ("main", "ETHUSDT")))]
    assert not [c for c in commands(effects) if isinstance(c, StartShard)]
    assert commands(bench.step(AddSymbolActor(SPEC))) == []
    changed = SymbolSpec("main", "ETHUSDT", 2, state=SymbolState.PAUSED)
    assert commands(bench.step(AddSymbolActor(changed))) == [ToSymbol("main", "ETHUSDT", symbol.Pause())]


def test_f31_a_silent_process_is_killed_and_restarted_only_when_it_has_ended() -> None:
    bench = Bench().running()
    effects = bench.ring("watch")
    assert KillShard(1) in effects
    assert not [e for e in effects if isinstance(e, ReachShard)]
    effects = bench.step(ShardGone(bench.life, "signal"))
    assert told(effects, ShardDown)[0].quarantined is False
    assert bench.timers["again"][0] == bench.now + 1
    effects = bench.ring("again")
    assert [e for e in effects if isinstance(e, ReachShard)] == [ReachShard(1, bench.life, launch=True)]
    assert bench.proxy.restarts == 1


def test_a_process_is_replaced_at_once_and_only_one_that_fails_again_is_waited_for() -> None:
    bench = Bench().running()
    bench.step(ShardGone(bench.life, "signal"))
    assert bench.timers["again"][0] == bench.now + 1
    bench.ring("again")
    bench.up()
    bench.step(ShardGone(bench.life, "signal"))
    assert bench.timers["again"][0] >= bench.now + SECOND


@pytest.mark.parametrize(("ran", "waits"), [(0, 2), (1, 1), (2, 0), (30, 0)])
def test_a_process_that_was_up_for_longer_than_it_would_wait_is_replaced_at_once(ran: int, waits: int) -> None:
    """The second failure in a row waits until two seconds after the process was up."""
    bench = Bench().running()
    bench.step(ShardGone(bench.life, "signal"))
    bench.ring("again")
    bench.up()
    bench.now += ran * SECOND
    bench.up()  # the stream was cut meanwhile
    bench.step(ShardGone(bench.life, "signal"))
    assert bench.timers["again"][0] == bench.now + max(waits * SECOND, 1)


def test_only_short_lives_in_a_row_are_waited_for() -> None:
    bench = Bench(intensity=9).running()
    for ran, wait in ((60, 0), (2, 0), (0, 0), (0, 2), (1, 3), (5, 3), (7, 1), (90, 0), (0, 0), (0, 2)):
        bench.now += ran * SECOND
        bench.step(ShardGone(bench.life, "signal"))
        assert bench.timers["again"][0] == bench.now + max(wait * SECOND, 1), (ran, wait)
        bench.ring("again")
        bench.up()
    bench.step(RestartShard())
    bench.step(ShardGone(bench.life, "as it was told to"))
    bench.up()
    bench.step(ShardGone(bench.life, "signal"))
    assert bench.timers["again"][0] == bench.now + 1, "an operator's restart begins anew"


def test_a_heartbeat_puts_the_end_of_patience_off() -> None:
    bench = Bench().running()
    bench.now += 4 * SECOND
    bench.said(Screens((), ()))
    assert bench.timers["watch"][0] == bench.now + 5 * SECOND


def test_a_watch_that_rings_late_blames_this_process_and_not_the_shard() -> None:
    bench = Bench().running()
    effects = bench.ring("watch", late=SECOND)
    assert KillShard(1) not in effects
    assert KillShard(1) in bench.ring("watch")


def test_f31_memory_beyond_the_limit_ends_the_process() -> None:
    bench = Bench().running()
    assert KillShard(1) not in bench.said(Screens((), (), Measured(1 << 30)))
    assert KillShard(1) in bench.said(Screens((), (), Measured((1 << 30) + 1)))


def test_what_a_process_has_measured_is_told_in_its_line_and_forgotten_with_it() -> None:
    bench = Bench().running()
    durations = (Durations("opensqt_tick_to_order_seconds", (1, 2), 0.5),)
    (row,) = told(bench.said(Screens((), (), Measured(1 << 20, 3, durations))), ShardRow)
    assert (row.resident, row.pending, row.durations) == (1 << 20, 3, durations)
    bench.step(ShardGone(bench.life, "crash"))
    gone = bench.proxy.row()
    assert (gone.resident, gone.pending, gone.durations) == (0, 0, ())


def test_too_many_failures_end_in_quarantine_with_an_alert_until_an_operator_restarts_it() -> None:
    bench = Bench(intensity=1).running()
    bench.step(ShardGone(bench.life, "crash"))
    bench.ring("again")
    bench.up()
    effects = bench.step(ShardGone(bench.life, "crash"))
    assert bench.proxy.state is ShardState.QUARANTINED
    assert [e.level for e in effects if isinstance(e, ports.Announce)] == ["critical"]
    assert told(effects, ShardDown)[0].quarantined is True
    effects = bench.step(RestartShard())
    assert [e.launch for e in effects if isinstance(e, ReachShard)] == [True]


def test_what_an_earlier_life_of_the_process_says_is_not_heard() -> None:
    bench = Bench().running()
    old = bench.life
    bench.step(ShardGone(old, "crash"))
    bench.ring("again")
    assert bench.step(ShardSaid(old, Screens((), ()))) == []
    assert bench.step(ShardGone(old, "again")) == []


def test_a_symbol_is_released_by_the_process_or_by_its_end() -> None:
    bench = Bench().running()
    bench.step(AddSymbolActor(SPEC))
    assert commands(bench.step(ReleaseSymbol(*KEY))) == [ReleaseSymbol(*KEY)]
    assert told(bench.said(SymbolReleased(*KEY)), SymbolReleased) == [SymbolReleased(*KEY)]
    bench.step(AddSymbolActor(SPEC))
    bench.step(ReleaseSymbol(*KEY))
    effects = bench.step(ShardGone(bench.life, "crash"))
    assert told(effects, SymbolReleased) == [SymbolReleased(*KEY)]


def test_a_release_that_a_broken_stream_has_lost_is_told_again() -> None:
    bench = Bench().running()
    bench.step(AddSymbolActor(SPEC))
    bench.step(ReleaseSymbol(*KEY))
    assert ReleaseSymbol(*KEY) in commands(bench.up(SPEC, started=True))


def test_questions_are_answered_while_there_is_no_process() -> None:
    bench = Bench().running()
    bench.step(AddSymbolActor(SPEC))
    bench.step(exchange.CheckSymbol(5, "main/XRPUSDT", PARENT))
    effects = bench.step(ShardGone(bench.life, "crash"))
    [checked] = told(effects, exchange.SymbolChecked)
    assert (checked.request, checked.answer.final) == (5, False)
    [reply] = bench.step(ToSymbol(*KEY, symbol.Describe(9)))
    assert (reply.request, reply.payload.code) == (9, "unavailable")
    [reply] = bench.step(operator.EmergencyExit(4, "main", "now"))
    assert (reply.request, reply.payload.code) == (4, "unavailable")


def test_what_an_operator_said_while_it_was_down_is_part_of_the_next_life() -> None:
    bench = Bench().running()
    bench.step(AddSymbolActor(SPEC))
    bench.step(ShardGone(bench.life, "crash"))
    bench.step(ToSymbol(*KEY, symbol.Pause()))
    bench.ring("again")
    [add] = [c for c in commands(bench.up()) if isinstance(c, AddSymbolActor)]
    assert add.spec.state is SymbolState.PAUSED


@pytest.mark.parametrize("cancel", [True, False])
def test_stopping_is_over_when_the_process_has_ended(cancel: bool) -> None:
    bench = Bench().running()
    stop = StopShard(cancel, False)
    assert commands(bench.step(stop)) == [stop]
    assert told(bench.said(ShardStopped()), ShardStopped) == []
    effects = bench.step(ShardGone(bench.life, "exit code 0"))
    assert told(effects, ShardStopped) == [ShardStopped(1)]
    assert not [e for e in effects if isinstance(e, ReachShard)]


def test_stopping_kills_what_does_not_end() -> None:
    bench = Bench().running()
    bench.step(StopShard(True, False))
    assert KillShard(1) in bench.ring("watch")


def test_a_restart_by_an_operator_leaves_the_orders_and_is_no_failure() -> None:
    bench = Bench().running()
    assert commands(bench.step(RestartShard())) == [StopShard(False, False)]
    effects = bench.step(ShardGone(bench.life, "exit code 0"))
    assert [e.launch for e in effects if isinstance(e, ReachShard)] == [True]
    assert bench.proxy.restarts == 0


def test_a_process_that_trades_with_settings_of_before_takes_the_changed_ones_up() -> None:
    """The supervisor died between writing them down and telling the shard."""
    bench = Bench()
    bench.step(StartShard())
    changed = replace(SPEC, grid=replace(SPEC.grid, buy_window=3))
    bench.up(SPEC, started=True)
    effects = bench.step(AddSymbolActor(changed))
    assert commands(effects) == [ReleaseSymbol(*KEY)]
    effects = bench.said(SymbolReleased(*KEY))
    assert commands(effects) == [AddSymbolActor(changed)]
    assert not told(effects, SymbolReleased)
    bench.up(changed, started=True)
    assert not [c for c in commands(bench.step(AddSymbolActor(changed))) if isinstance(c, ReleaseSymbol)]


def test_a_shard_that_does_not_run_cannot_be_asked_what_the_venue_holds() -> None:
    bench = Bench()
    bench.step(StartShard())
    [reply] = bench.step(exchange.CheckHoldings(9, "main", ("BTCUSDT",), "aa"))
    assert reply.request == 9
    assert reply.payload.code == "unavailable"
    bench.running()
    question = exchange.CheckHoldings(9, "main", ("BTCUSDT",), "aa")
    assert commands(bench.step(question)) == [question]
