"""Shards as processes: one that dies or hangs is replaced, the supervisor may die, orders survive a move."""

from __future__ import annotations

import signal
from typing import Any

import grpc
import psutil
import pytest
from support.accounting import openings, settled, unjournalled
from support.processes import mixed, pb, wait_until
from support.scrape import samples

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


def books_agree(fleet: Any) -> None:
    settled(fleet.supervisor.database_url, fleet.venue)
    assert fleet.supervisor.counters().illegal_transitions == 0
    assert unjournalled(fleet.supervisor.database_url, fleet.venue) == set()


def test_symbols_move_with_their_orders_and_a_drained_shard_is_empty(fleet: Any) -> None:
    assert {name: row.symbols for name, row in fleet.shards().items()} == {"shard-0": 4, "shard-1": 0}
    fleet.venue.pause()
    wait_until(lambda: all(fleet.venue.open_orders(symbol=name) for name in fleet.names), "a ladder in every market")
    settled(fleet.supervisor.database_url, fleet.venue)
    before = {order["clientOrderId"] for order in fleet.venue.open_orders()}
    moved = fleet.names[2:]
    for name in moved:
        fleet.supervisor.ask("MoveSymbol", pb.MoveSymbolRequest(symbol=name, shard_id="shard-1"))

    def adopted(name: str) -> bool:
        row = fleet.supervisor.rows()[name]
        return "on its way" not in row.why and row.open_orders == len(fleet.venue.open_orders(symbol=name))

    wait_until(lambda: all(adopted(name) for name in moved), "the new owner knows what rests")
    assert {order["clientOrderId"] for order in fleet.venue.open_orders()} == before
    assert {name: row.symbols for name, row in fleet.shards().items()} == {"shard-0": 2, "shard-1": 2}
    fleet.supervisor.wait_trading(len(fleet.names), fleet.venue.stir)
    fleet.venue.resume()
    fleet.supervisor.wait_fills(4)
    fleet.supervisor.ask("DrainShard", pb.DrainShardRequest(shard_id="shard-0"))
    wait_until(lambda: fleet.shards()["shard-0"].symbols == 0, "an empty shard-0")
    fleet.supervisor.wait_trading(len(fleet.names))
    fleet.supervisor.wait_fills(4)
    assert fleet.shards()["shard-0"].state == pb.SHARD_STATE_DRAINED
    books_agree(fleet)


def test_f31_a_killed_shard_is_replaced_and_the_others_notice_nothing(fleet: Any) -> None:
    fleet.spread()
    other = fleet.processes()[1]
    old = fleet.signal(0, signal.SIGKILL)
    fleet.supervisor.wait_fills(1)
    fleet.wait_new(0, old)
    assert fleet.processes()[1] == other
    assert fleet.shards()["shard-0"].restarts == 1
    assert fleet.shards()["shard-1"].restarts == 0
    fleet.supervisor.wait_fills(5)
    books_agree(fleet)


def test_f31_shards_live_on_without_the_process_that_forks_them_and_a_killed_one_is_replaced(fleet: Any) -> None:
    supervisor = psutil.Process(fleet.supervisor.process.pid)
    [server] = [child for child in supervisor.children() if "opensqt_actors.shard" in child.cmdline()]
    server.kill()
    psutil.wait_procs([server], 10)
    before = fleet.processes()
    fleet.supervisor.wait_fills(2)
    assert fleet.processes() == before
    fleet.wait_new(1, fleet.signal(1, signal.SIGKILL))
    books_agree(fleet)


def test_f31_a_shard_that_hangs_is_killed_within_the_heartbeat_limit_and_replaced(fleet: Any) -> None:
    old = fleet.signal(0, signal.SIGSTOP)
    fleet.wait_new(0, old)
    fleet.supervisor.wait_fills(3)
    books_agree(fleet)


def test_what_shards_measure_of_themselves_is_in_the_supervisors_metrics(fleet: Any) -> None:
    fleet.spread()

    def measured() -> bool:
        told = {(sample.name, sample.labels.get("shard")): sample.value for sample in samples(fleet.metrics_port)}
        return all(
            told.get((name, f"shard-{number}"), 0) > 0
            for number in fleet.processes()
            for name in (
                "opensqt_tick_to_order_seconds_count",
                "opensqt_journal_commit_seconds_sum",
                "opensqt_shard_resident_bytes",
            )
        )

    wait_until(measured, "orders of both shards in the metrics")
    assert len(fleet.processes()) == 2


def test_shards_trade_on_without_a_supervisor_and_the_next_one_finds_them(fleet: Any) -> None:
    before = fleet.processes()
    fills = fleet.venue.account()["fills"]
    sent = {order["clientOrderId"] for order in fleet.venue.orders()}
    fleet.supervisor.kill()
    wait_until(lambda: fleet.venue.account()["fills"] > fills, "fills without a supervisor")
    wait_until(lambda: {o["clientOrderId"] for o in fleet.venue.orders()} - sent, "orders without a supervisor")
    fleet.supervisor.start()
    fleet.supervisor.wait_trading(len(fleet.names))
    assert fleet.processes() == before
    assert {row.pid for row in fleet.shards().values()} == set(before.values())
    fleet.supervisor.wait_fills(3)
    books_agree(fleet)


def test_nothing_is_left_after_a_shutdown_and_nothing_trades(fleet: Any) -> None:
    fleet.spread()
    settled(fleet.supervisor.database_url, fleet.venue)
    assert fleet.supervisor.terminate() == 0
    assert fleet.gone()
    assert openings(fleet.venue) == set()
    settled(fleet.supervisor.database_url, fleet.venue)
    sent = len(fleet.venue.orders())
    fleet.venue.resume()
    for name in fleet.names:
        fleet.venue.move(name, "-0.5")
    assert len(fleet.venue.orders()) == sent


def test_a_symbol_on_its_way_to_another_shard_is_not_left_with_openings_by_a_shutdown(fleet: Any) -> None:
    fleet.venue.pause()
    wait_until(lambda: openings(fleet.venue, fleet.names[3]), "openings")
    fleet.supervisor.ask("MoveSymbol", pb.MoveSymbolRequest(symbol=fleet.names[3], shard_id="shard-1"))
    assert fleet.supervisor.terminate() == 0
    assert fleet.gone()
    assert openings(fleet.venue) == set()


def test_a_second_signal_ends_the_shards_at_once(fleet: Any) -> None:
    fleet.signal(0, signal.SIGSTOP)
    fleet.supervisor.signal(signal.SIGTERM)
    fleet.supervisor.signal(signal.SIGINT)
    assert fleet.supervisor.wait() == 0
    assert fleet.gone()


def test_a_configuration_without_shards_ends_those_of_the_one_before(fleet: Any, make_supervisor: Any) -> None:
    fleet.supervisor.kill()
    assert len(fleet.processes()) == 2
    text = fleet.supervisor.config.read_text()
    fleet.supervisor.config.write_text(text.replace("shards: 2", "shards: 0"))
    fleet.supervisor.start()
    fleet.supervisor.wait_trading(len(fleet.names))
    assert fleet.gone()
    fleet.supervisor.wait_fills(2)
    books_agree(fleet)


def test_what_cannot_be_done_with_shards_is_refused_with_its_reason(fleet: Any) -> None:
    name = fleet.names[0]
    refusals = [
        fleet.supervisor.refusal("MoveSymbol", pb.MoveSymbolRequest(symbol=name, shard_id="shard-7")),
        fleet.supervisor.refusal("MoveSymbol", pb.MoveSymbolRequest(symbol=name, shard_id="shard-0")),
        fleet.supervisor.refusal("DrainShard", pb.DrainShardRequest(shard_id="x")),
    ]
    assert refusals == [
        (grpc.StatusCode.NOT_FOUND, "shard: there is no shard 'shard-7'; there is shard-0, shard-1"),
        (grpc.StatusCode.FAILED_PRECONDITION, f"symbol: {name} is on shard-0 already"),
        (grpc.StatusCode.NOT_FOUND, "shard: there is no shard 'x'; there is shard-0, shard-1"),
    ]


def test_one_shard_in_the_supervisors_process_has_nowhere_to_move_to(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(1)
    supervisor = make_supervisor(venue, mixed(sorted(venue.markets()))).start()
    supervisor.wait_trading(1)
    [name] = venue.markets()
    code, sentence = supervisor.refusal("MoveSymbol", pb.MoveSymbolRequest(symbol=name, shard_id="shard-1"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "`shards` in the configuration" in sentence
