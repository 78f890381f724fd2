"""What becomes of a position that somebody else changes on the venue, and what an operator can do about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.accounting import exit_orders, openings
from support.processes import KEY, pb, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.timeout(90)
def test_f18_a_position_closed_by_hand_stops_openings_until_an_operator_accepts_it(
    start_venue: Any, make_supervisor: Any
) -> None:
    venue = start_venue(3)
    name = "BTCUSDT"
    supervisor = make_supervisor(venue, [{"symbol": name, "mode": "long"}], defaults={"amount": 60}).start()
    supervisor.wait_trading(1)
    venue.pause()  # from here on only the test moves the price: an exit that is seen does not fill a moment later
    wait_until(lambda: exit_orders(venue, name) or venue.move(name, "-0.3"), "an exit")
    agreed = supervisor.ask("ReconcileSymbol", pb.ReconcileSymbolRequest(symbol=name))
    assert (agreed.verdict, agreed.slots_position) == ("same", agreed.venue_position)

    amount = Decimal(venue.account()["positions"][name]["amount"])
    order = {"symbol": name, "side": "SELL", "quantity": str(amount)}
    venue.admin("POST", f"/accounts/{KEY}/orders", order)
    assert name not in venue.account()["positions"]
    found = supervisor.ask("ReconcileSymbol", pb.ReconcileSymbolRequest(symbol=name))
    assert (found.verdict, Decimal(found.slots_position.value)) == ("different", amount)
    assert found.foreign_trades
    wait_until(lambda: not openings(venue, name), "no openings")
    assert supervisor.describe(name).gates

    accepted = supervisor.ask("ReconcileSymbol", pb.ReconcileSymbolRequest(symbol=name, accept=True))
    assert (accepted.verdict, Decimal(accepted.corrected.value)) == ("same", -amount)
    wait_until(lambda: openings(venue, name) and not exit_orders(venue, name), "openings again, and no exit")
    assert supervisor.counters().illegal_transitions == 0
    supervisor.kill()
    supervisor.start()
    wait_until(supervisor.rows, "an answer after the kill")
    wait_until(
        lambda: (
            supervisor.ask("ReconcileSymbol", pb.ReconcileSymbolRequest(symbol=name)).verdict == "same"
            if supervisor.rows()[name].state
            else False
        ),
        "books that agree after the kill",
    )
