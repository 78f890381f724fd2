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
    # the centre may have moved to a level below the first
    assert {slot.reason.code for slot in view.slots if slot.level < 0} - {"centre"} == {"preflight_leverage"}
    assert venue.orders() == []


def waiting_for(supervisor: Any, rule: str) -> bool:
    """Whether some level says that this rule holds its order back."""
    views = [supervisor.describe(name) for name in supervisor.rows()]
    return any(rule in slot.reason.sentence for view in views for slot in view.slots)


def at_rest(venue: Any, name: str) -> Decimal:
    """Value of the opening orders: these grids are long."""
    orders = [order for order in venue.open_orders(symbol=name) if order["side"] == "BUY"]
    return sum((Decimal(order["price"]) * Decimal(order["origQty"]) for order in orders), Decimal(0))


@pytest.mark.timeout(90)
def test_a_symbol_stays_within_its_exposure_limit(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(2)
    limits = {"symbol": {"notional": 250}}
    supervisor = make_supervisor(venue, NAMES, defaults={"amount": 60}, risk={"exposure": limits}).start()
    supervisor.wait_trading(2)
    wait_until(lambda: waiting_for(supervisor, "exposure_symbol"), "levels that name the limit")
    assert all(at_rest(venue, name) <= 250 for name in NAMES)
    assert any(at_rest(venue, name) for name in NAMES)


@pytest.mark.timeout(90)
def test_an_account_stays_within_its_leverage_limit(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(2)
    limits = {"account": {"leverage": 0.0003}}
    supervisor = make_supervisor(venue, NAMES, defaults={"amount": 60}, risk={"exposure": limits}).start()
    supervisor.wait_trading(2)
    wait_until(lambda: waiting_for(supervisor, "leverage_account"), "levels that name the limit")
    most = Decimal("0.0003") * Decimal(venue.account()["wallet_balance"]) + 1  # the equity is some seconds old
    assert 0 < sum(at_rest(venue, name) for name in NAMES) <= most
