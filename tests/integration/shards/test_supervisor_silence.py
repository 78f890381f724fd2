"""A supervisor that is dead, stands still or says nothing: its shards open nothing until they hear the risk again."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from support.accounting import exit_orders, openings, settled
from support.events import told
from support.processes import ACCOUNT, wait_until

from opensqt_actors.actors import symbol
from opensqt_actors.actors.ports import Reply
from opensqt_actors.actors.risk_messages import UNHEARD
from opensqt_actors.actors.shard_messages import ToSymbol
from opensqt_actors.actors.views import SymbolView
from opensqt_actors.api.shard_client import ShardStream
from opensqt_actors.config.paths import shard_socket_path
from opensqt_actors.domain.ids import decode

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(120)]
SILENCE = {"shard_unheard": 4}


def stand_still(fleet: Any) -> None:
    """Stop the supervisor's process at a moment when it does not hold SQLite's lock.

    With the lock in its hands no shard could write down what it says.
    """
    file = sa.make_url(fleet.supervisor.database_url).database

    def stopped() -> bool:
        fleet.supervisor.signal(signal.SIGSTOP)
        with closing(sqlite3.connect(str(file), timeout=1)) as connection:
            try:
                connection.execute("begin immediate")
            except sqlite3.OperationalError:
                fleet.supervisor.signal(signal.SIGCONT)
                return False
            connection.rollback()
        return True

    wait_until(stopped, "a supervisor that stands still without a lock")


def nothing_opens(fleet: Any) -> None:
    """Wait until no opening order rests, and see that none is sent while prices move and exits fill."""
    wait_until(lambda: not openings(fleet.venue), "no opening order rests")
    fills = fleet.venue.account()["fills"]
    sent = {order["clientOrderId"] for order in fleet.venue.orders()}
    for percent in ("-0.5", "1"):
        for name in fleet.names:
            fleet.venue.move(name, percent)
    wait_until(lambda: fleet.venue.account()["fills"] > fills or not exit_orders(fleet.venue), "an exit fills")
    later = {order["clientOrderId"] for order in fleet.venue.orders()} - sent
    assert [client_id for client_id in later if (key := decode(client_id)) is None or key.kind.opens] == []


def ask_in_silence(fleet: Any, number: int, name: str) -> dict[str, str]:
    """Attach to a shard as a supervisor that says nothing; a symbol's closed gates once this one is among them."""

    async def attached() -> dict[str, str]:
        found: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

        def heard(fact: Any) -> None:
            if isinstance(fact, Reply) and isinstance(fact.payload, SymbolView) and not found.done():
                gates = dict(fact.payload.gates)
                if UNHEARD in gates:
                    found.set_result(gates)

        stream = ShardStream(shard_socket_path(fleet.supervisor.state, number), heard, lambda: None)
        try:
            async with asyncio.timeout(30):
                while not found.done():
                    stream.send(ToSymbol(ACCOUNT, name, symbol.Describe(1)))
                    await asyncio.wait((found,), timeout=0.2)
            return await found
        finally:
            stream.cut()

    return asyncio.run(attached())


@pytest.mark.parametrize("fleet", [SILENCE], indirect=True)
def test_shards_of_a_supervisor_that_stands_still_open_nothing_until_it_goes_on(fleet: Any) -> None:
    processes = fleet.processes()
    wait_until(lambda: openings(fleet.venue), "openings")
    stand_still(fleet)
    try:
        nothing_opens(fleet)
        wait_until(
            lambda: told(fleet.supervisor.database_url, "shard.unheard") == len(processes), "every shard has said so"
        )
        assert told(fleet.supervisor.database_url, "shard.heard") == 0
    finally:
        fleet.supervisor.signal(signal.SIGCONT)
    wait_until(lambda: all(openings(fleet.venue, name) for name in fleet.names), "every ladder is back")
    wait_until(lambda: told(fleet.supervisor.database_url, "shard.heard") == len(processes), "every shard hears again")
    assert fleet.processes() == processes
    fleet.supervisor.wait_trading(len(fleet.names))
    fleet.supervisor.wait_fills(2)
    settled(fleet.supervisor.database_url, fleet.venue)


@pytest.mark.parametrize("fleet", [SILENCE], indirect=True)
def test_shards_of_a_dead_supervisor_open_nothing_until_the_next_one_is_there(fleet: Any) -> None:
    processes = fleet.processes()
    wait_until(lambda: openings(fleet.venue), "openings")
    fleet.supervisor.kill()
    nothing_opens(fleet)
    settled(fleet.supervisor.database_url, fleet.venue)
    fleet.supervisor.start()
    fleet.venue.resume()
    wait_until(lambda: all(openings(fleet.venue, name) for name in fleet.names), "every ladder is back")
    assert fleet.processes() == processes
    assert (
        told(fleet.supervisor.database_url, "shard.unheard")
        == told(fleet.supervisor.database_url, "shard.heard")
        == len(processes)
    )


@pytest.mark.parametrize("fleet", [SILENCE], indirect=True)
def test_a_supervisor_that_is_attached_but_silent_is_not_heard_and_explain_says_so(fleet: Any) -> None:
    stand_still(fleet)
    try:
        gates = ask_in_silence(fleet, 0, fleet.names[0])
        assert "nothing was heard of the risk over all shards for 4 s" in gates[UNHEARD]
        wait_until(lambda: not openings(fleet.venue, fleet.names[0]), "what had opened is taken back")
    finally:
        fleet.supervisor.signal(signal.SIGCONT)
    wait_until(lambda: openings(fleet.venue, fleet.names[0]), "openings again")
    assert not fleet.supervisor.describe(fleet.names[0]).gates
