"""A supervisor that is killed and started again, five times, while its shards trade: no order hears of it."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from support.accounting import order_differences, settled, unjournalled
from support.events import told
from support.processes import VenueProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]
KILLS = 5


def history(venue: VenueProcess) -> Counter[tuple[str, str, str]]:
    """Every order that the venue was ever sent, with what has become of it and how much of it has filled."""
    return Counter((o["clientOrderId"], o["status"], o["executedQty"]) for o in venue.orders())


def shown(fleet: Any) -> dict[str, tuple[int, Decimal]]:
    """Open orders and position of each symbol as operators see them."""
    rows = fleet.supervisor.rows()
    return {name: (row.open_orders, Decimal(row.position.quantity.value or 0)) for name, row in rows.items()}


def real(fleet: Any) -> dict[str, tuple[int, Decimal]]:
    """The same as the venue has it."""
    positions = fleet.venue.account()["positions"]
    resting = Counter(order["symbol"] for order in fleet.venue.open_orders())
    return {name: (resting[name], Decimal(positions.get(name, {}).get("amount", 0))) for name in fleet.names}


def test_five_kills_of_the_supervisor_neither_cancel_nor_double_an_order(fleet: Any) -> None:
    before = fleet.processes()
    for _ in range(KILLS):
        fleet.supervisor.kill()
        fleet.venue.wait_fills(1)
        settled(fleet.supervisor.database_url, fleet.venue)
        # prices stand still and every decision is made: an order that comes or goes now does so because of the start
        orders = history(fleet.venue)
        fleet.supervisor.start()
        wait_until(lambda: len(shown(fleet)) == len(fleet.names) and shown(fleet) == real(fleet), "the status is true")
        wait_until(lambda: {row.pid for row in fleet.shards().values()} == set(before.values()), "every shard is found")
        assert history(fleet.venue) == orders
        fleet.venue.resume()
        fleet.supervisor.wait_trading(len(fleet.names))
        fleet.supervisor.wait_fills(1)
    assert fleet.processes() == before
    assert {row.restarts for row in fleet.shards().values()} == {0}
    assert told(fleet.supervisor.database_url, "shard.unheard") == 0
    settled(fleet.supervisor.database_url, fleet.venue)
    wait_until(lambda: shown(fleet) == real(fleet), "the status is true at the end")
    assert order_differences(fleet.venue) == []
    assert unjournalled(fleet.supervisor.database_url, fleet.venue) == set()
    assert fleet.supervisor.counters().illegal_transitions == 0
