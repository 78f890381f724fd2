from __future__ import annotations

import socket
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from opensqt_actors.actors.views import AccountRow, Durations, ShardRow, StatusView, SymbolRow
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.telemetry.endpoint import MetricsEndpoint, health_problems
from opensqt_actors.telemetry.listener import PortInUse
from opensqt_actors.telemetry.metrics import MAX_REJECT_CODES, Metrics

ROW = SymbolRow(
    "main", "BTCUSDT", "long", SymbolState.TRADING, 2, 12, 10, Decimal("0.5"), Decimal("3.25"), Decimal("-1.5"),
    Decimal("0.05"), Decimal(0), 7, 3, 30, 5, 0, 0, None, None, 1_500_000_000, "",
)  # fmt: skip
VIEW = StatusView(
    "1", "ab", 2_000_000_000, "running", 1, 100, 90, 30, 5, 7, Decimal("3.25"), Decimal("-1.5"), Decimal("0.05"),
    Decimal(0), 1, 2, True, "it fell", (AccountRow("main", True, False, 10, 4, 0, 100, 90),), (ROW,),
)  # fmt: skip


def samples(metrics: Metrics, view: StatusView | None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = metrics.exposition(view).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_status_is_told_in_samples() -> None:
    found = samples(Metrics(), VIEW)
    symbol = (("account", "main"), ("symbol", "BTCUSDT"))
    expected = {
        ("opensqt_ticks_total", ()): 100,
        ("opensqt_ticks_skipped_total", ()): 90,
        ("opensqt_orders_placed_total", ()): 30,
        ("opensqt_orders_cancelled_total", ()): 5,
        ("opensqt_fills_total", ()): 7,
        ("opensqt_restarts_total", ()): 1,
        ("opensqt_illegal_transitions_total", ()): 2,
        ("opensqt_realized_pnl", ()): 3.25,
        ("opensqt_unrealized_pnl", ()): -1.5,
        ("opensqt_fees_total", ()): 0.05,
        ("opensqt_risk_triggered", ()): 1,
        ("opensqt_stream_up", (("account", "main"), ("stream", "orders"))): 1,
        ("opensqt_stream_up", (("account", "main"), ("stream", "prices"))): 0,
        ("opensqt_budget_waiting", (("account", "main"),)): 4,
        ("opensqt_position", symbol): 0.5,
        ("opensqt_open_orders", symbol): 10,
        ("opensqt_slots", (*symbol[:1], ("status", "filled"), symbol[1])): 2,
        ("opensqt_slots", (*symbol[:1], ("status", "empty"), symbol[1])): 10,
        ("opensqt_symbol_state", (*symbol[:1], ("state", "trading"), symbol[1])): 1,
        ("opensqt_last_tick_seconds", symbol): 1.5,
    }
    assert {key: found.get(key) for key in map(ordered, expected)} == {ordered(k): v for k, v in expected.items()}


def ordered(key: Any) -> Any:
    return key[0], tuple(sorted(key[1]))


def test_durations_and_refusals_are_counted_as_they_happen() -> None:
    metrics = Metrics()
    metrics.journal_commit_seconds.observe(0.0004)
    metrics.tick_to_order_seconds.observe(0.00003)
    metrics.rejected("insufficient_margin")
    metrics.rejected("insufficient_margin")
    found = samples(metrics, None)
    own = ("shard", "shard-0")
    assert found["opensqt_journal_commit_seconds_count", (own,)] == 1
    assert found["opensqt_journal_commit_seconds_sum", (own,)] == 0.0004
    assert found["opensqt_tick_to_order_seconds_bucket", (("le", "2e-05"), own)] == 0
    assert found["opensqt_tick_to_order_seconds_bucket", (("le", "5e-05"), own)] == 1
    assert found["opensqt_tick_to_order_seconds_bucket", (("le", "+Inf"), own)] == 1
    assert found["opensqt_orders_rejected_total", (("code", "insufficient_margin"),)] == 2
    assert ("opensqt_ticks_total", ()) not in found


def test_shards_processes_are_told_by_shard_in_place_of_what_the_supervisor_has_timed() -> None:
    first, second = Metrics(), Metrics()
    first.tick_to_order_seconds.observe(0.00003)
    first.tick_to_order_seconds.observe(3)
    second.journal_commit_seconds.observe(0.0004)
    of_other_buckets = Durations("opensqt_tick_to_order_seconds", (1, 2), 0.5)
    rows = (
        ShardRow("shard-0", "running", 17, 3, 2, 1 << 20, "", 5, first.durations()),
        ShardRow("shard-1", "running", 18, 3, 0, 2 << 20, "", 0, second.durations()),
        ShardRow("shard-2", "running", 19, 3, 0, 3 << 20, "", 0, (of_other_buckets,)),
        ShardRow("shard-3", "starting", 0, 0, 0, 0, ""),
    )
    found = samples(Metrics(), replace(VIEW, shard_rows=rows))
    name = "opensqt_tick_to_order_seconds"
    assert found[f"{name}_bucket", (("le", "5e-05"), ("shard", "shard-0"))] == 1
    assert found[f"{name}_count", (("shard", "shard-0"),)] == 2
    assert found[f"{name}_sum", (("shard", "shard-0"),)] == pytest.approx(3.00003)
    assert found[f"{name}_count", (("shard", "shard-1"),)] == 0
    assert found["opensqt_journal_commit_seconds_count", (("shard", "shard-1"),)] == 1
    assert (f"{name}_count", (("shard", "shard-2"),)) not in found, "another version's buckets are not ours"
    assert found["opensqt_shard_journal_pending", (("shard", "shard-0"),)] == 5
    assert found["opensqt_shard_resident_bytes", (("shard", "shard-1"),)] == 2 << 20
    assert found["opensqt_shard_restarts_total", (("shard", "shard-0"),)] == 2
    assert found["opensqt_shard_state", (("shard", "shard-3"), ("state", "starting"))] == 1
    assert ("opensqt_shard_resident_bytes", (("shard", "shard-3"),)) not in found


def test_the_number_of_refusal_codes_is_bounded() -> None:
    metrics = Metrics()
    for number in range(MAX_REJECT_CODES + 50):
        metrics.rejected(f"code{number}")
    found = samples(metrics, None)
    codes = {key[1][0][1]: value for key, value in found.items() if key[0] == "opensqt_orders_rejected_total"}
    assert len(codes) == MAX_REJECT_CODES + 1
    assert codes["other"] == 50


def test_two_systems_in_one_process_do_not_mix() -> None:
    first, second = Metrics(), Metrics()
    first.rejected("x")
    assert ("opensqt_orders_rejected_total", (("code", "x"),)) not in samples(second, None)


def test_health_names_every_problem() -> None:
    assert health_problems(VIEW) == ["the price stream of main is down"]
    assert health_problems(None) == ["the supervisor does not answer"]
    assert health_problems(replace(VIEW, state="stopping", accounts=())) == ["the supervisor is stopping"]
    assert health_problems(replace(VIEW, accounts=())) == []


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_the_endpoint_serves_metrics_and_health() -> None:
    views: list[StatusView | None] = [VIEW]

    async def status() -> StatusView | None:
        return views[-1]

    metrics = Metrics()
    endpoint = MetricsEndpoint(0, metrics, status, lambda: metrics.journal_pending.set(9))
    await endpoint.start()
    try:
        code, text = await get(endpoint.port, "/metrics")
        assert code == 200
        assert "opensqt_fills_total 7.0" in text
        assert "opensqt_journal_pending 9.0" in text
        assert await get(endpoint.port, "/healthz") == (
            503,
            '{"status":"degraded","problems":["the price stream of main is down"]}',
        )
        views.append(replace(VIEW, accounts=()))
        assert await get(endpoint.port, "/healthz") == (200, '{"status":"ok","problems":[]}')
    finally:
        await endpoint.stop()


async def test_a_port_in_use_is_one_sentence_that_names_the_setting() -> None:
    async def status() -> StatusView | None:
        return None

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"telemetry\.metrics_port: 127\.0\.0\.1:{port} cannot be used"):
            await MetricsEndpoint(port, Metrics(), status).start()
