"""Failure catalogue, fills: parts of orders, late cancels, bursts, levels that fill while nobody looks."""

from __future__ import annotations

import signal
from decimal import Decimal
from typing import Any

import pytest
from support.accounting import exposed
from support.processes import VenueProcess, pb, wait_until
from support.stage import WINDOW, Hire, Stage

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]

MET, PARTLY, DOWN, RACING = "ADAUSDT", "PARTSUSDT", "LINKUSDT", "FTMUSDT"
SWINGS = 60
SOON = 20
"""Seconds: what takes one here, and less than until the books are compared with the venue's anyway."""
STRANGER, HOLDER = "sim-stranger", "sim-holder"
HELD_BACK = 1_000
"""Milliseconds that a cancel needs to the venue: enough to fill what it is for, on a busy machine too."""


@pytest.fixture(scope="module")
def stage(hire: Hire, venue: VenueProcess) -> Stage:
    """Ladders of four markets. An order in one of them has six steps, each worth more than the least notional."""
    rules = {"symbol": PARTLY, "base": "PARTS", "quote": "USDT", "tick": "0.001", "step": "0.1", "reference": "100"}
    venue.admin("POST", "/markets", {"rules": rules | {"min_notional": "5"}, "scripted": True})
    return hire("sim-demo-key", [MET, PARTLY, DOWN, RACING])


def late_cancels(stage: Stage, name: str) -> list[str]:
    """Cancels of a market arrive late; the two faults."""
    match = {"method": "DELETE", "symbol": name}
    late = {"action": "delay", "ms": HELD_BACK}
    paths = ("/fapi/v1/order", "/fapi/v1/batchOrders")
    return [stage.venue.admin("POST", "/faults", late | {"match": match | {"path": path}})["id"] for path in paths]


def sell_into(stage: Stage, order: dict[str, Any]) -> Decimal:
    """The market falls to a tick above our order; strangers sell what rests there and one step into ours.

    The last of them sells what it holds: for that no sum is too little.
    """
    name, venue = order["symbol"], stage.venue
    market = venue.markets()[name]
    step, price = Decimal(market["step"]), Decimal(order["price"])
    above = price + Decimal(market["tick"])

    def trade(key: str, **order: Any) -> None:
        venue.admin("POST", f"/accounts/{key}/orders", {"symbol": name, "side": "SELL"} | order)

    at_once = {"type": "LIMIT", "time_in_force": "IOC"}
    trade(HOLDER, side="BUY", quantity=str(50 // price + 1))
    venue.set_price(name, above)
    trade(STRANGER, **at_once, quantity=str(50_000 // price), price=str(above))
    trade(HOLDER, **at_once, quantity=str(step), price=str(price), reduce_only=True)
    ours = [found for found in stage.buys(name) if found["clientOrderId"] == order["clientOrderId"]]
    assert [Decimal(found["executedQty"]) for found in ours] == [step]
    return step


def test_f03_a_cancel_that_meets_a_filled_order_books_the_fill_once_and_does_not_loop(
    stage: Stage, venue: VenueProcess
) -> None:
    buys = stage.laid(MET)
    unknown = venue.stats()["rejections"].get("-2011", 0)
    faults = late_cancels(stage, MET)
    stage.supervisor.ask("PauseSymbol", pb.PauseSymbolRequest(symbol=MET))
    wait_until(lambda: stage.hits(*faults), "the cancels on their way")
    filled = stage.fill_down(MET, 2)
    wait_until(lambda: len(stage.exits(MET)) == 2 and not stage.buys(MET), "two exits and no opening")
    assert venue.stats()["rejections"].get("-2011", 0) - unknown == 2
    stage.forgive(*faults)
    quantities = {stage.key(order).level: Decimal(order["origQty"]) for order in filled}
    assert stage.held(MET) == quantities
    assert stage.row(MET).fills == len(stage.fills_of(MET)) == 2
    assert len(buys) == WINDOW
    stage.settled()
    assert venue.stats()["rejections"].get("-2011", 0) - unknown == 2, "no cancel was asked for again"
    stage.resume(MET)


def test_f13_an_exit_follows_the_cumulative_fill(stage: Stage) -> None:
    """A part fills, the market turns, the rest fills before its cancel arrives: the exit is for all of it."""
    order = stage.laid(PARTLY)[0]
    level, whole = stage.key(order).level, Decimal(order["origQty"])
    faults = late_cancels(stage, PARTLY)
    part = sell_into(stage, order)
    wait_until(lambda: stage.held(PARTLY) == {level: part}, "the part booked")
    stage.venue.move(PARTLY, "0.38")
    wait_until(lambda: stage.hits(*faults), "the rest's cancel on its way")
    stage.below(PARTLY, order["price"])
    wait_until(lambda: stage.held(PARTLY) == {level: whole}, "the whole booked")
    wait_until(lambda: stage.exits(PARTLY), "its exit")
    stage.forgive(*faults)
    stage.settled()
    assert {stage.key(found).level: Decimal(found["origQty"]) for found in stage.exits(PARTLY)} == {level: whole}
    assert [Decimal(fill["qty"]) for fill in stage.fills_of(PARTLY)] == [part, whole - part]


def test_f13_an_exit_of_a_part_is_sized_to_it_when_the_rest_never_fills(stage: Stage) -> None:
    order = stage.laid(PARTLY)[0]
    level = stage.key(order).level
    before = stage.position(PARTLY)
    part = sell_into(stage, order)
    wait_until(lambda: stage.held(PARTLY).get(level) == part, "the part booked")
    stage.venue.move(PARTLY, "0.3")
    exits = wait_until(lambda: [found for found in stage.exits(PARTLY) if stage.key(found).level == level], "its exit")
    assert [Decimal(found["origQty"]) for found in exits] == [part]
    assert stage.position(PARTLY) == before + part
    stage.settled()


def test_f16_levels_that_fill_while_the_process_is_down_are_credited_and_get_their_exits(stage: Stage) -> None:
    stage.laid(DOWN)
    before = len(stage.fills_of(DOWN))
    stage.supervisor.kill()
    filled = stage.fill_down(DOWN, 4)
    stage.supervisor.start()
    wait_until(stage.supervisor.rows, "an answer")
    wait_until(lambda: len(stage.exits(DOWN)) == 4, "four exits")
    assert stage.held(DOWN) == {stage.key(order).level: Decimal(order["origQty"]) for order in filled}
    exits = {stage.key(order).level: Decimal(order["origQty"]) for order in stage.exits(DOWN)}
    assert exits == stage.held(DOWN)
    assert len(stage.fills_of(DOWN)) - before == 4
    stage.settled()
    assert exposed(stage.venue) == []


def test_f32_order_events_are_never_dropped_and_prices_conflated_to_the_newest(stage: Stage) -> None:
    """The process stands still while markets race: then it takes every fill, and of all the prices the last one."""
    ladder = {stage.key(order).level for order in stage.laid(RACING)}
    price = Decimal(stage.venue.markets()[RACING]["bid"])
    held, before = stage.held(MET), len(stage.venue.orders())
    stage.supervisor.signal(signal.SIGSTOP)
    try:
        filled = {stage.key(order).level: Decimal(order["origQty"]) for order in stage.fill_down(MET, 5)}
        for _ in range(SWINGS):
            stage.venue.move(RACING, "3")
            stage.venue.set_price(RACING, price)
    finally:
        stage.supervisor.signal(signal.SIGCONT)
    wait_until(lambda: stage.held(MET) == held | filled, "every fill booked", SOON)
    assert {stage.key(order).level for order in stage.laid(RACING)} == ladder
    sent = [order for order in stage.venue.orders()[before:] if order["symbol"] == RACING]
    assert len(sent) <= 2 * WINDOW, "the prices in between were followed"
    stage.settled()
