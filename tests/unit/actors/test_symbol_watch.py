"""F27: a grid that could trade and rests nothing is told, once; one that says why is not."""

from __future__ import annotations

import pytest
from support.market import NOW, SECOND, Market

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Pulse, StreamGate, WantTruth
from opensqt_actors.actors.symbol import Execution, Pause
from opensqt_actors.domain.orders import OrderStatus, RefusalCode
from opensqt_actors.domain.strategy import Decision


def alarms(market: Market, seconds: int) -> list[str]:
    """What operators are told while pulses come every second."""
    told = []
    for _ in range(seconds):
        market.step(Pulse(100_000, 100_001, NOW, 100_000), SECOND)
        told += [announced.kind for announced in market.effects(ports.Announce)]
    return told


def silent(execution: Execution | None = None) -> Market:
    """A market whose strategy asks for nothing although its window is empty: what F27 is about."""
    market = Market(execution=execution).trade()
    strategy = market.actor.strategy
    assert strategy is not None
    strategy.decide = lambda *_: Decision((), (), 0, 1 << 40)  # type: ignore[method-assign]
    for level in (-1, -2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    return market


def test_f27_a_grid_in_range_with_nothing_at_rest_is_told_once() -> None:
    market = silent()
    assert alarms(market, 60) == []
    assert alarms(market, 200) == ["grid.silent"]


@pytest.mark.parametrize(("interval", "patience"), [(20, 20), (1, 5)])
def test_f27_the_alarm_waits_for_one_comparison_with_the_venue_and_for_some_seconds(
    interval: int, patience: int
) -> None:
    market = silent(Execution(reconcile_interval=interval * SECOND))
    assert alarms(market, patience) == []
    assert alarms(market, 1) == ["grid.silent"]


def test_f27_a_grid_whose_orders_rest_is_not_told() -> None:
    assert alarms(Market().trade(), 200) == []


def test_f27_a_closed_gate_says_why_nothing_rests() -> None:
    market = silent()
    market.step(Pause())
    assert alarms(market, 200) == []


def test_f27_levels_that_wait_after_a_refusal_say_why() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.quote()
    for _ in range(3):
        for plan in market.places():
            market.fails(plan, RefusalCode.RULE.value)
            market.now += 20 * SECOND
    assert "grid.silent" not in alarms(market, 70)


def test_f05_the_venues_view_is_asked_for_when_prices_come_back() -> None:
    market = Market().trade()
    market.step(StreamGate("stale_price", False, "no frame"))
    market.step(StreamGate("stale_price", True, resync=True))
    assert market.told(WantTruth)
