"""The dead-man switch of an account: off by default, armed while orders live, renewed in time, disarmed at the end."""

from __future__ import annotations

from decimal import Decimal

from support.account import SECOND, Bench

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Attach, Detach, Sweep
from opensqt_actors.domain.orders import Accepted, OrderStatus, Position, Truth


def armed(bench: Bench, seconds: int = 1) -> list[tuple[str, int]]:
    """What so many sweeps ask for."""
    found = []
    for _ in range(seconds):
        bench.step(Sweep(), SECOND)
        found += [(effect.symbol, effect.seconds) for effect in bench.effects(ports.ArmDeadMan)]
    return found


def test_it_is_off_unless_asked_for() -> None:
    bench = Bench("AUSDT")
    bench.rest(bench.plan())
    assert armed(bench, 60) == []


def test_it_is_armed_while_a_symbol_has_orders_and_renewed_three_times_a_countdown() -> None:
    bench = Bench("AUSDT", "BUSDT", dead_man=30)
    assert armed(bench, 5) == []
    plan = bench.plan()
    bench.rest(plan)
    assert armed(bench, 31) == [("AUSDT", 30)] * 4
    bench.event(plan, OrderStatus.CANCELED)
    assert armed(bench, 40) == [("AUSDT", 0)]


def test_a_symbol_that_leaves_keeps_what_is_to_stay() -> None:
    bench = Bench("AUSDT", dead_man=30)
    bench.rest(bench.plan())
    armed(bench)
    bench.step(Detach("AUSDT"))
    assert bench.effects(ports.ArmDeadMan) == [ports.ArmDeadMan("AUSDT", 0)]
    assert armed(bench, 40) == []


def test_nothing_is_renewed_while_the_venue_wants_a_pause() -> None:
    bench = Bench("AUSDT", dead_man=30)
    bench.rest(bench.plan())
    armed(bench)
    bench.step(ports.Throttled(15 * SECOND, True, "418"))
    assert armed(bench, 14) == []
    assert armed(bench, 2) == [("AUSDT", 30)]


def test_many_symbols_are_renewed_in_time_and_never_all_at_once() -> None:
    names = [f"S{number}USDT" for number in range(60)]
    bench = Bench(*names, dead_man=30)
    for name in names:
        bench.rest(bench.plan(name))
    armed(bench)
    last = dict.fromkeys(names, bench.now)
    for _ in range(120):
        found = armed(bench)
        assert len(found) <= 7
        for name, _ in found:
            last[name] = bench.now
        assert min(last.values()) > bench.now - 25 * SECOND


def test_a_symbol_that_another_shard_takes_keeps_its_countdown_and_its_orders_are_armed_here_no_more() -> None:
    bench = Bench("AUSDT", "BUSDT", dead_man=30)
    plan = bench.plan()
    bench.rest(plan, bench.plan("BUSDT"))
    armed(bench)
    bench.step(Detach("AUSDT", handed_over=True))
    assert bench.effects(ports.ArmDeadMan) == [ports.ArmDeadMan("AUSDT", 30, handed_over=True)]
    bench.step(ports.PlacesAnswered((Accepted(bench.report(plan, OrderStatus.NEW)),)))  # an answer that comes too late
    bench.event(plan, OrderStatus.NEW)
    assert {symbol for symbol, _ in armed(bench, 40)} == {"BUSDT"}


def test_a_symbol_without_a_countdown_is_handed_over_without_one() -> None:
    bench = Bench("AUSDT", dead_man=30)
    bench.step(Detach("AUSDT", handed_over=True))
    assert bench.effects(ports.ArmDeadMan) == []


def test_a_symbol_whose_orders_may_rest_is_taken_over_before_the_venue_has_told_of_them() -> None:
    bench = Bench("AUSDT", dead_man=30)
    bench.step(Attach("AUSDT", 0, bench.owner("AUSDT"), "aa", working=True))
    assert armed(bench, 25) == [("AUSDT", 30)] * 3
    plan = bench.plan()
    bench.step(
        ports.TruthFetched(
            Truth("AUSDT", (bench.report(plan, OrderStatus.NEW),), (), Position("AUSDT", 0, Decimal(0)), (), bench.now)
        )
    )
    assert armed(bench, 10) == [("AUSDT", 30)]
    bench.event(plan, OrderStatus.CANCELED)
    assert armed(bench) == [("AUSDT", 0)]


def test_a_countdown_that_was_taken_over_ends_when_the_venue_has_told_that_nothing_rests() -> None:
    bench = Bench("AUSDT", dead_man=30)
    bench.step(Attach("AUSDT", 0, bench.owner("AUSDT"), "aa", working=True))
    armed(bench)
    bench.step(ports.TruthFetched(Truth("AUSDT", (), (), Position("AUSDT", 0, Decimal(0)), (), bench.now)))
    assert armed(bench, 40) == [("AUSDT", 0)]
