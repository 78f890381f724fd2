"""The restart policy: bounded patience, growing waits, and forgiveness after healthy time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.runtime.supervision import Quarantine, Restart, RestartHistory, RestartPolicy, decide

SECOND = 1_000_000_000
POLICY = RestartPolicy(
    intensity=3, period_ns=60 * SECOND, backoff_initial_ns=SECOND, backoff_max_ns=5 * SECOND, factor=2.0
)


@st.composite
def policies(draw: st.DrawFn) -> RestartPolicy:
    initial = draw(st.integers(0, 10 * SECOND))
    return RestartPolicy(
        intensity=draw(st.integers(0, 8)),
        period_ns=draw(st.integers(1, 100 * SECOND)),
        backoff_initial_ns=initial,
        backoff_max_ns=draw(st.integers(initial, 100 * SECOND)),
        factor=draw(st.floats(1.0, 10.0)),
    )


gaps = st.lists(st.integers(0, 300 * SECOND), max_size=30)


def fail(policy: RestartPolicy, waits: list[int]) -> RestartHistory:
    history, now = RestartHistory(), 0
    for wait in waits:
        now += wait
        history = history.failed(policy, now)
    return history


def test_an_actor_that_never_failed_starts_at_once_as_the_first_incarnation() -> None:
    assert decide(RestartHistory(), POLICY, 0) == Restart(0, 1)


def test_each_restart_waits_longer_up_to_the_bound_and_then_comes_quarantine() -> None:
    policy = RestartPolicy(4, 60 * SECOND, SECOND, 5 * SECOND)
    history, now, waits = RestartHistory(), 1_000 * SECOND, []
    while True:
        history = history.failed(policy, now)
        verdict = decide(history, policy, now)
        if isinstance(verdict, Quarantine):
            break
        waits.append((verdict.after_ns // SECOND, verdict.incarnation))
        now += verdict.after_ns
    assert waits == [(1, 2), (2, 3), (4, 4), (5, 5)]
    assert verdict.reason == (
        "5 failures within 12.0 s, none after 60 s of healthy running; 4 restarts in a row are allowed."
    )


def test_with_no_restart_allowed_the_first_failure_is_the_last() -> None:
    policy = RestartPolicy(0, SECOND, 0, 0)
    assert isinstance(decide(RestartHistory().failed(policy, 5), policy, 5), Quarantine)


def test_time_spent_waiting_for_the_restart_is_not_healthy_time() -> None:
    patient = RestartPolicy(intensity=1, period_ns=10, backoff_initial_ns=100, backoff_max_ns=100)
    history = RestartHistory().failed(patient, 0)
    assert len(history.failed(patient, 109).failures) == 2
    assert len(history.failed(patient, 110).failures) == 1


def test_a_lifted_quarantine_starts_at_once_and_keeps_counting_incarnations() -> None:
    history = fail(POLICY, [0, 1, 1, 1])
    assert isinstance(decide(history, POLICY, 3), Quarantine)
    assert decide(history.cleared(), POLICY, 3) == Restart(0, 5)


def test_the_clock_set_back_does_not_lengthen_a_row() -> None:
    history = RestartHistory().failed(POLICY, 100 * SECOND).failed(POLICY, 40 * SECOND)
    assert history.failures == (100 * SECOND, 100 * SECOND)


@given(policies(), gaps)
def test_every_failure_makes_a_new_incarnation(policy: RestartPolicy, waits: list[int]) -> None:
    assert fail(policy, waits).incarnation == 1 + len(waits)


@given(policies(), gaps)
def test_a_history_is_bounded(policy: RestartPolicy, waits: list[int]) -> None:
    assert len(fail(policy, waits).failures) <= policy.intensity + 1


@given(policies(), st.lists(st.integers(0, 10), max_size=20))
def test_failures_without_healthy_time_end_in_quarantine_after_exactly_the_intensity(
    policy: RestartPolicy, ran: list[int]
) -> None:
    history, now, restarts = RestartHistory(), 0, 0
    for healthy in [min(time, policy.period_ns - 1) for time in ran] + [0] * (policy.intensity + 1):
        now += healthy
        history = history.failed(policy, now)
        verdict = decide(history, policy, now)
        if isinstance(verdict, Quarantine):
            break
        restarts += 1
        now += verdict.after_ns
    assert isinstance(verdict, Quarantine)
    assert restarts == policy.intensity


@given(policies(), gaps)
def test_healthy_time_makes_the_next_failure_the_first(policy: RestartPolicy, waits: list[int]) -> None:
    history = fail(policy, waits)
    later = sum(waits) + policy.delay(len(history.failures)) + policy.period_ns
    after = history.failed(policy, later)
    assert after.failures == (later,)


@given(policies())
def test_waits_never_shrink_and_keep_their_bounds(policy: RestartPolicy) -> None:
    waits = [policy.delay(count) for count in range(1, 50)]
    assert waits == sorted(waits)
    assert waits[0] == policy.backoff_initial_ns
    assert waits[-1] <= policy.backoff_max_ns
    assert policy.delay(0) == 0


@given(policies(), gaps, st.integers(0, 500 * SECOND))
def test_asking_later_takes_the_time_waited_off(policy: RestartPolicy, waits: list[int], later: int) -> None:
    history = fail(policy, waits)
    now = sum(waits)
    first, second = decide(history, policy, now), decide(history, policy, now + later)
    if isinstance(first, Restart):
        assert second == Restart(max(first.after_ns - later, 0), first.incarnation)
    else:
        assert second == first


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("intensity", -1),
        ("intensity", 1_001),
        ("period_ns", 0),
        ("backoff_initial_ns", -1),
        ("backoff_initial_ns", 11),
        ("factor", 0.5),
        ("factor", float("nan")),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_name(field: str, value: float) -> None:
    values = {"intensity": 1, "period_ns": 1, "backoff_initial_ns": 1, "backoff_max_ns": 10, "factor": 1.0}
    with pytest.raises(ValueError, match=f"^{field} must be"):
        RestartPolicy(**{**values, field: value})
