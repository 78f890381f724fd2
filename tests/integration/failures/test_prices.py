"""Failure catalogue, prices: what is no price, and what is one that cannot be."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.processes import wait_until
from support.stage import WINDOW, Hire

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]

NAME = "SOLUSDT"


def test_f25_no_order_follows_a_quote_that_is_none_or_cannot_be(hire: Hire) -> None:
    """The true quote after the false ones comes over the same socket: when it is answered, they have been, too."""
    stage = hire("sim-prices", [NAME])
    laid = stage.laid(NAME)
    market = stage.venue.markets()[NAME]
    bid, ask, tick = (Decimal(market[name]) for name in ("bid", "ask", "tick"))
    half, twice = bid / 2 // tick * tick, bid * 2 // tick * tick
    for told in ((0, ask), (bid, 0), (0, 0), (ask, bid), (half, half + tick), (twice, twice + tick)):
        quote = {"bid": str(told[0]), "ask": str(told[1])}
        assert stage.venue.admin("POST", f"/markets/{NAME}/quote", quote)["told"] > 0
    stage.venue.move(NAME, "0.45")
    top = Decimal(laid[0]["price"])
    moved = wait_until(lambda: [order for order in stage.laid(NAME) if Decimal(order["price"]) > top], "a level more")
    assert len(moved) == 1
    ever = {order["clientOrderId"] for order in stage.venue.orders()}
    assert ever == {order["clientOrderId"] for order in (*laid, *moved)}
    assert len(ever) == WINDOW + 1
    stage.settled()
