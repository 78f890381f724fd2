"""Failure catalogue, refusals: what the venue does not take, and what is never sent because it would not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.processes import VenueProcess, pb, wait_until
from support.stage import GRID, WINDOW, Hire, Stage

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]

STRUCTURAL, CROSSING, SMALL, MISSING, PARTLY = "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT", "DOGEUSDT"
COARSE = "COARSEUSDT"
RULE = -1013
WOULD_CROSS = -5022
TRIES = 3


@pytest.fixture(scope="module")
def stage(hire: Hire) -> Stage:
    """Ladders of four markets."""
    return hire("sim-orders", [STRUCTURAL, CROSSING, MISSING, PARTLY])


def laid_anew(stage: Stage, name: str, place: int, code: int, **match: Any) -> tuple[int, list[str]]:
    """Have the ladder laid again while the venue refuses one level of it: the level, and the faults that do."""
    level = stage.key(stage.laid(name)[place]).level
    prefix = stage.prefix(name, level)
    stage.pause(name)
    faults = stage.refuse({"client_id_prefix": prefix, **match}, code, "refused for the scenario's sake")
    stage.resume(name)
    return level, faults


def test_f11_an_order_that_is_refused_for_the_same_reason_is_tried_thrice_and_then_left_for_a_minute(
    stage: Stage,
) -> None:
    level, faults = laid_anew(stage, STRUCTURAL, 1, RULE)
    wait_until(lambda: stage.hits(*faults) == TRIES, "three refusals")
    said = wait_until(lambda: stage.said("order.refused", STRUCTURAL), "the refusals told")
    # decisions go on, as the venue's new orders at the ladder's other end show, and the level is not asked for again
    for _ in range(3):
        top = stage.buys(STRUCTURAL)[0]["price"]
        stage.venue.move(STRUCTURAL, "0.45")
        wait_until(lambda top=top: Decimal(stage.buys(STRUCTURAL)[0]["price"]) > Decimal(top), "the ladder moved up")
    assert stage.hits(*faults) == TRIES
    assert stage.said("order.refused", STRUCTURAL) == said
    assert len(said) == 1
    assert f"level {level} was refused {TRIES} times" in said[0]
    slot = stage.levels(STRUCTURAL)[level]
    assert not slot.order.client_order_id
    assert slot.reason.code == "blocked"
    assert "refused 3 times (venue_rule)" in slot.reason.sentence
    stage.forgive(*faults)


@pytest.mark.parametrize("fallback", ["downgrade", "pause"])
def test_f12_a_post_only_order_that_is_refused_far_from_the_touch_is_tried_a_few_times(
    stage: Stage, hire: Hire, fallback: str
) -> None:
    name = CROSSING
    if fallback == "pause":
        name = SMALL
        stage = hire("sim-process", [name], execution={"post_only_fallback": "pause"})
    level, faults = laid_anew(stage, name, 2, WOULD_CROSS, time_in_force="GTX")
    wait_until(lambda: stage.hits(*faults) == TRIES + 1, "the first try and three more")
    if fallback == "downgrade":
        laid = stage.laid(name)
        there = {stage.key(order).level: order["timeInForce"] for order in laid}
        assert there == {stage.key(order).level: "GTX" for order in laid} | {level: "GTC"}
    else:
        slot = wait_until(
            lambda: s if "refused 4 times" in (s := stage.levels(name)[level]).reason.sentence else None, "a pause"
        )
        assert slot.reason.code == "blocked"
        assert not slot.order.client_order_id
        assert len(stage.buys(name)) == WINDOW - 1
    assert stage.hits(*faults) == TRIES + 1
    stage.forgive(*faults)
    stage.settled()


def test_f29_a_level_that_is_missing_from_the_ladder_is_shown_with_its_reason(stage: Stage) -> None:
    level, faults = laid_anew(stage, MISSING, 3, RULE)
    wait_until(lambda: stage.hits(*faults) == TRIES, "the venue's refusals")
    laid = {stage.key(order).level: order["clientOrderId"] for order in stage.laid(MISSING, WINDOW - 1)}
    levels = stage.levels(MISSING)
    assert level not in laid
    assert "refused for the scenario's sake" in levels[level].reason.sentence
    assert not levels[level].order.client_order_id
    assert {other: levels[other].order.client_order_id for other in laid} == laid
    stage.forgive(*faults)


def test_f20_reduce_only_exits_are_clamped_to_the_position_that_is_left(stage: Stage, venue: VenueProcess) -> None:
    """Somebody sells a part of what is held: the exits come to what is left, and none is refused again and again."""
    before = venue.stats()["rejections"].get("-2022", 0)
    stage.fill_down(PARTLY, 3)
    wait_until(lambda: len(stage.exits(PARTLY)) == 3, "three exits")
    held = stage.position(PARTLY)
    part = held * Decimal("0.5") // 1
    order = {"symbol": PARTLY, "side": "SELL", "quantity": str(part)}
    stage.venue.admin("POST", f"/accounts/{stage.venue.key}/orders", order)

    def covered() -> Decimal:
        left = (Decimal(order["origQty"]) - Decimal(order["executedQty"]) for order in stage.exits(PARTLY))
        return sum(left, Decimal(0))

    found = stage.supervisor.ask("ReconcileSymbol", pb.ReconcileSymbolRequest(symbol=PARTLY, accept=True))
    assert found.verdict == "same"
    wait_until(lambda: covered() == held - part == sum(stage.held(PARTLY).values()), "exits of what is left")
    assert venue.stats()["rejections"].get("-2022", 0) - before <= TRIES


def test_f14_what_lies_below_the_least_notional_is_never_sent_and_the_slot_names_the_rule(
    hire: Hire, venue: VenueProcess
) -> None:
    """A step of this market is worth about 5 USDT, which is also the least: below 5.00 one step is too little."""
    rules = {"symbol": COARSE, "base": "COARSE", "quote": "USDT", "tick": "0.01", "step": "1", "reference": "5.20"}
    venue.admin("POST", "/markets", {"rules": rules | {"min_notional": "5"}, "scripted": True})
    stage = hire("sim-markets", [COARSE], trading=False, defaults=GRID | {"amount": 6})
    stage.supervisor.wait_trading(1, lambda: stage.stir(COARSE))
    stage.laid(COARSE)
    venue.set_price(COARSE, Decimal("5.05"))
    levels = wait_until(
        lambda: got if len(got := too_small(stage.levels(COARSE))) >= TRIES else {}, "levels that name the rule"
    )
    for slot in levels.values():
        assert "is below the venue's minimum 5" in slot.reason.sentence
        assert Decimal(slot.price.value) < 5
        assert not slot.order.client_order_id
    wait_until(lambda: stage.buys(COARSE), "orders at the levels above")
    sent = stage.venue.orders()
    assert min(Decimal(order["price"]) * Decimal(order["origQty"]) for order in sent) >= 5
    assert {order["symbol"] for order in stage.venue.orders()} == {COARSE}
    stage.settled()


def too_small(levels: dict[int, Any]) -> dict[int, Any]:
    """The levels that have no order because it would be too small."""
    return {level: slot for level, slot in levels.items() if slot.reason.code == "too_small"}
