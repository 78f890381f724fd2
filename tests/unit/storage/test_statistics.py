"""The journal's numbers."""

from __future__ import annotations

from opensqt_actors.storage.statistics import Statistics


def test_nothing_yet_is_zero():
    counters = Statistics().snapshot(0, None)
    assert (counters.commits, counters.commit_p99_ms, counters.wait_p50_ms) == (0, 0.0, 0.0)


def test_percentiles_are_of_the_last_and_buckets_of_all():
    statistics = Statistics()
    for _ in range(1_000):
        statistics.committed(1, 0.0008)
    for _ in range(24):
        statistics.committed(2, 0.003)
    statistics.waited(0.004)
    counters = statistics.snapshot(7, "away")
    assert (counters.commits, counters.rows, counters.pending, counters.away) == (1_024, 1_048, 7, "away")
    assert (round(counters.commit_p50_ms, 6), round(counters.commit_p99_ms, 6)) == (0.8, 3.0)
    assert dict(counters.buckets)[1.0] == 1_000
    assert counters.buckets[-1][1] == 1_024
    assert (round(counters.wait_p50_ms, 6), round(counters.last_commit_ms, 6)) == (4.0, 3.0)
    for _ in range(1_024):
        statistics.committed(1, 2.0)
    assert statistics.snapshot(0, None).commit_p50_ms == 2_000
