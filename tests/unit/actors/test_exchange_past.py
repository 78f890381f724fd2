"""Candles of the past are fetched when everything that started in a hurry has its exits, or has waited long enough."""

from __future__ import annotations

import pytest
from support.account import Bench

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Attach, Detach, SymbolDown, WantPast
from opensqt_actors.actors.exchange_past import PATIENCE
from opensqt_actors.actors.exchange_risk import HISTORY
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import CancelTimer, SetTimer

NAMES = ("AUSDT", "BUSDT", "CUSDT")
FETCHED = [ports.FetchCandles(name, "1m", HISTORY) for name in NAMES]


def attach(bench: Bench, name: str, *, hurry: bool = True) -> None:
    bench.step(Attach(name, NAMES.index(name), ActorId(f"s:{name}"), hurry=hurry))


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    for name in NAMES:
        attach(bench, name)
    return bench


def asked(bench: Bench) -> list[ports.FetchCandles]:
    return bench.effects(ports.FetchCandles)


def timers(bench: Bench) -> list[SetTimer]:
    return [timer for timer in bench.effects(SetTimer) if timer.key == "pasts"]


def test_the_first_that_have_their_exits_wait_for_the_last(bench: Bench) -> None:
    for name in NAMES[:2]:
        bench.step(WantPast(name))
        assert asked(bench) == []
    bench.step(WantPast(NAMES[2]))
    assert asked(bench) == FETCHED
    assert CancelTimer("pasts") in bench.sent
    bench.step(WantPast(NAMES[0]))
    assert asked(bench) == FETCHED[:1]


def test_they_do_not_wait_for_ever(bench: Bench) -> None:
    bench.step(WantPast(NAMES[0]))
    (timer,) = timers(bench)
    assert timer.after == PATIENCE
    bench.step(WantPast(NAMES[1]))
    assert timers(bench) == []
    bench.step(timer.message, PATIENCE)
    assert asked(bench) == FETCHED[:2]
    bench.step(WantPast(NAMES[2]))
    assert asked(bench) == FETCHED[2:]


@pytest.mark.parametrize(
    "end", [Detach(NAMES[2]), SymbolDown(NAMES[2]), ports.SymbolRefused(NAMES[2], "is closed", final=True)], ids=type
)
def test_they_do_not_wait_for_one_that_is_gone(bench: Bench, end: object) -> None:
    for name in NAMES[:2]:
        bench.step(WantPast(name))
    bench.step(end)
    assert asked(bench) == FETCHED[:2]


def test_nor_for_one_that_holds_nothing_in_its_next_life_and_who_is_gone_is_not_asked_for(bench: Bench) -> None:
    bench.step(WantPast(NAMES[0]))
    bench.step(SymbolDown(NAMES[0]))
    attach(bench, NAMES[2], hurry=False)
    assert asked(bench) == []
    bench.step(WantPast(NAMES[1]))
    assert asked(bench) == FETCHED[1:2]
