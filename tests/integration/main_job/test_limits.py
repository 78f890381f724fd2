"""What keeps opening orders away on the whole stack: pre-flight, and limits of one symbol and of the account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.processes import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NAMES = ["BTCUSDT", "ETHUSDT"]


@pytest.mark.timeout(90)
def test_a_leverage_above_the_highest_allowed_opens_nothing_and_says_so(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(2)
    preflight = {"preflight": {"max_leverage": 10}}
    supervisor = make_supervisor(venue, NAMES, defaults={"amount": 60}, risk=preflight).start()

    def said() -> bool:
        return all("is 20, but must be from 1 to 10" in row.why for row in supervisor.rows().values())

    wait_until(lambda: len(supervisor.rows()) == 2 and said(), "why nothing is opened")
    view = supervisor.describe("BTCUSDT")
    assert {slot.reason.code for slot in view.slots if slot.level < 0} == {"preflight_leverage"}
    assert venue.orders() == []


@pytest.mark.timeout(90)
def test_a_symbol_and_an_account_stay_within_their_exposure_limits(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(2)
    limits = {"symbol": {"notional": 250}, "account": {"notional": 1_000, "leverage": 0.0003}}
    supervisor = make_supervisor(venue, NAMES, defaults={"amount": 60}, risk={"exposure": limits}).start()

    supervisor.wait_trading(2)

    def blocked(word: str) -> bool:
        views = [supervisor.describe(name) for name in supervisor.rows()]
        return any(word in slot.reason.sentence for view in views for slot in view.slots)

    def at_rest(name: str) -> Decimal:
        """Value of the opening orders: these grids are long."""
        orders = [order for order in venue.open_orders(symbol=name) if order["side"] == "BUY"]
        return sum((Decimal(order["price"]) * Decimal(order["origQty"]) for order in orders), Decimal(0))

    wait_until(lambda: blocked("exposure_symbol") and blocked("leverage_account"), "levels that say which limit it is")
    assert all(at_rest(name) <= 250 for name in NAMES)
    assert any(at_rest(name) for name in NAMES)
    most = Decimal("0.0003") * Decimal(venue.account()["wallet_balance"]) + 1  # the equity is some seconds old
    assert sum(at_rest(name) for name in NAMES) <= most
