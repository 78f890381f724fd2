"""The staleness watchdog: for each symbol and stream, whether frames still come, and what follows if not."""

from __future__ import annotations

from support.account import SECOND, Bench

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Attach, StreamGate, Sweep


def test_f05_a_symbol_without_frames_is_gated_and_subscribed_again_until_frames_come() -> None:
    bench = Bench("AUSDT", "BUSDT", stale_after=3)
    told = []
    for _ in range(6):
        bench.step(ports.MarkSeen("BUSDT", 5))
        bench.step(Sweep(), SECOND)
        told += [(gate.code, gate.opens) for gate in bench.told(StreamGate, "AUSDT")]
        assert not bench.told(StreamGate, "BUSDT")
        if bench.effects(ports.Subscribe):
            assert bench.effects(ports.Unsubscribe) == [ports.Unsubscribe("AUSDT")]
            told.append(("subscribed", True))
    assert told == [("stale_price", False), ("subscribed", True), ("subscribed", True)]
    bench.step(ports.MarkSeen("AUSDT", 5))
    bench.step(Sweep(), SECOND)
    assert [(gate.code, gate.opens) for gate in bench.told(StreamGate, "AUSDT")] == [("stale_price", True)]


def test_f05_f07_quotes_that_stop_while_marks_move_are_dead_and_stay_so_until_one_comes() -> None:
    bench = Bench("AUSDT", stale_after=3)
    bench.board.offer("AUSDT", "1000.0", "1000.1", 5)
    told, renewed = [], 0
    for mark in (10_000, 10_010, 10_020, 10_050, 10_000, 10_001):
        bench.step(ports.MarkSeen("AUSDT", mark))
        bench.step(Sweep(), SECOND)
        told += [gate.sentence for gate in bench.told(StreamGate, "AUSDT")]
        renewed += len(bench.effects(ports.Subscribe))
    assert len(told) == 1
    assert "no quote, although its mark price moves, of AUSDT" in told[0]
    assert renewed
    bench.board.offer("AUSDT", "1000.0", "1000.1", 6)
    bench.step(ports.MarkSeen("AUSDT", 10_001))
    bench.step(Sweep(), SECOND)
    assert [gate.opens for gate in bench.told(StreamGate, "AUSDT")] == [True]


def test_a_calm_market_that_sends_no_quote_is_not_stale_as_long_as_its_mark_price_agrees() -> None:
    bench = Bench("AUSDT", stale_after=3)
    bench.board.offer("AUSDT", "1000.0", "1000.1", 5)
    for second in range(60):
        bench.step(ports.MarkSeen("AUSDT", 10_040 + second % 15))
        bench.step(Sweep(), SECOND)
        assert not bench.told(StreamGate)
        assert not bench.effects(ports.Subscribe)


def test_a_mark_price_that_comes_to_the_last_quote_after_a_jump_is_no_sign_of_dead_quotes() -> None:
    bench = Bench("AUSDT", stale_after=3)
    bench.board.offer("AUSDT", "1000.0", "1000.1", 5)
    bench.step(ports.MarkSeen("AUSDT", 10_000))
    bench.step(Sweep(), SECOND)
    bench.board.offer("AUSDT", "1009.0", "1009.1", 6)
    for mark in (10_000, 10_030, 10_060, 10_090, 10_090, 10_080, 10_095):
        bench.step(ports.MarkSeen("AUSDT", mark))
        bench.step(Sweep(), SECOND)
        assert not bench.told(StreamGate)
    bench.step(ports.MarkSeen("AUSDT", 10_130))
    bench.step(Sweep(), SECOND)
    assert [gate.opens for gate in bench.told(StreamGate)] == [False]


def test_f07_silent_symbols_are_subscribed_again_a_few_at_a_time() -> None:
    names = [f"{letter}USDT" for letter in "ABCDEFGHIJKL"]
    bench = Bench(*names, stale_after=3)
    renewed: list[list[str]] = []
    for _ in range(5):
        bench.step(Sweep(), SECOND)
        renewed.append([effect.instrument.symbol for effect in bench.effects(ports.Subscribe)])
    assert renewed[:2] == [[], []]
    assert [len(some) for some in renewed[2:]] == [5, 5, 2]
    assert sorted(renewed[2] + renewed[3] + renewed[4]) == names


def test_f05_what_was_missed_in_a_silence_is_asked_for_when_it_ends() -> None:
    bench = Bench("AUSDT", stale_after=1)
    bench.step(Sweep(), SECOND)
    bench.step(ports.MarkSeen("AUSDT", 5))
    bench.step(Sweep(), SECOND)
    assert [(gate.opens, gate.resync) for gate in bench.told(StreamGate, "AUSDT")] == [(True, True)]


def test_a_symbol_whose_actor_starts_again_is_told_again_that_it_is_stale() -> None:
    bench = Bench("AUSDT", stale_after=2)
    bench.step(Sweep(), SECOND)
    bench.step(Sweep(), SECOND)
    assert len(bench.told(StreamGate, "AUSDT")) == 1
    bench.step(Attach("AUSDT", 0, bench.owner("AUSDT")))
    bench.step(Sweep(), SECOND)
    assert not bench.told(StreamGate, "AUSDT")
    bench.step(Sweep(), SECOND)
    assert [gate.opens for gate in bench.told(StreamGate, "AUSDT")] == [False]
