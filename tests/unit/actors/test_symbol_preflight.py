from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from support.symbol_bench import FINE, GRID, NOW, Bench, held

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import WantFacts
from opensqt_actors.actors.symbol import Describe, Phase
from opensqt_actors.actors.symbol_messages import AskFacts, SymbolUnable
from opensqt_actors.runtime.effects import SetTimer


def account(**changes: Any) -> ports.SymbolPrepared:
    return replace(FINE, account=replace(FINE.account, **changes))


FAILING = {
    "leverage": (replace(FINE, leverage=20), "leverage: of XUSDT is 20, but must be from 1 to 10"),
    "balance": (account(available=Decimal(5)), "balance: free margin is 5"),
    "clock_skew": (replace(FINE, clock_offset=2_000_000_000), "clock: is +2000 ms away"),
}


@pytest.mark.parametrize("code", FAILING)
def test_a_failing_check_keeps_openings_away_and_says_so(code: str) -> None:
    prepared, sentence = FAILING[code]
    bench = Bench()
    bench.begin(prepared)
    assert bench.openings == 0
    assert bench.actor.why.startswith(sentence)
    assert bench.actor.gates.keys() == {f"preflight_{code}"}
    assert bench.announced() == ["preflight.failed"]


@pytest.mark.parametrize("code", FAILING)
def test_it_is_tried_again_until_the_facts_have_changed(code: str) -> None:
    bench = Bench()
    bench.begin(FAILING[code][0])
    assert any(isinstance(effect, SetTimer) and effect.message == AskFacts() for effect in bench.other)
    assert bench.step(AskFacts()) == [WantFacts("XUSDT")]
    bench.step(FAILING[code][0])
    assert bench.openings == 0
    bench.step(AskFacts())
    bench.step(FINE)
    assert bench.openings == 3
    assert bench.actor.why == ""
    assert bench.announced() == ["preflight.failed", "preflight.passed"]
    assert bench.step(AskFacts()) == []


def test_every_failing_check_has_its_own_sentence() -> None:
    bench = Bench()
    bench.begin(replace(account(available=Decimal(5)), leverage=20))
    view = next(effect for effect in bench.actor.step(Describe(1), NOW) if isinstance(effect, ports.Reply)).payload
    assert {code for code, _ in view.gates} == {"preflight_leverage", "preflight_balance"}
    waiting = {level.reason_code for level in view.levels if level.level < 0}
    assert waiting == {"preflight_leverage"}


def test_exits_do_not_wait_for_preflight() -> None:
    bench = Bench(held())
    bench.begin(replace(FINE, leverage=20))
    assert bench.openings == 0
    assert bench.exits == 1


def test_what_the_grid_holds_already_needs_no_margin_again() -> None:
    needed = account(available=Decimal("27.1"))
    fresh, restarted = Bench(), Bench(held())
    fresh.begin(needed)
    restarted.begin(needed)
    assert "preflight_balance" in fresh.actor.gates
    assert restarted.actor.gates == {}


def test_once_passed_it_holds_for_the_rest_of_the_life() -> None:
    bench = Bench()
    bench.begin()
    assert bench.openings == 3
    bench.step(account(available=Decimal(0)))
    assert bench.actor.gates == {}


def test_a_level_outside_the_price_limits_of_the_grid_is_not_checked() -> None:
    grid = replace(GRID, buy_window=120, interval=Decimal(10), interval_percent=None)
    bench = Bench(grid=grid)
    bench.begin()
    assert "preflight_price_limits" in bench.actor.gates
    bench = Bench(
        grid=replace(GRID, buy_window=120, interval=Decimal(10), interval_percent=None, min_price=Decimal(900))
    )
    bench.begin()
    assert bench.actor.gates == {}
    assert bench.openings


@pytest.mark.parametrize(
    ("prepared", "sentence"),
    [
        (account(hedged=True), "position mode: is hedge (dual-side), but must be one-way"),
        (account(can_trade=False), "api_key: may not trade futures"),
    ],
)
def test_an_account_that_cannot_trade_refuses_the_symbol(prepared: ports.SymbolPrepared, sentence: str) -> None:
    bench = Bench()
    bench.begin(prepared)
    assert bench.actor.phase is Phase.REFUSED
    assert bench.actor.why.startswith(sentence)
    assert any(isinstance(message, SymbolUnable) for message in bench.other)
    assert bench.openings == 0
