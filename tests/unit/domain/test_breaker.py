"""Circuit breakers: what opens them, what they allow, what closes them, and that a restart changes none of it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from opensqt_actors.domain.breaker import (
    HOUR,
    SECOND,
    Breaker,
    BreakerSaved,
    BreakerSettings,
    Cause,
    Event,
    Fault,
    FeedAge,
    OrderAnswer,
    Profit,
    RoundTrip,
    State,
    Transition,
    counts_as_error,
)
from opensqt_actors.domain.orders import RefusalCode

NOW = 1_700_000_000 * SECOND
LOSS = RoundTrip(Decimal("-0.01"))
WIN = RoundTrip(Decimal("0.01"))
GOOD = OrderAnswer(False, SECOND)
BAD = OrderAnswer(True, SECOND)
SLOW = OrderAnswer(False, 5 * SECOND + 1)
COOL = 300 * SECOND


def after(breaker: Breaker, *events: Event, now: int = NOW) -> list[Transition]:
    return [transition for event in events for transition in breaker.observe(event, now)]


def opened(settings: BreakerSettings | None = None, now: int = NOW) -> Breaker:
    breaker = Breaker(settings)
    after(breaker, Fault("the position does not match"), now=now)
    assert breaker.state(now) is State.OPEN
    return breaker


def half_open(settings: BreakerSettings | None = None) -> tuple[Breaker, int]:
    breaker = opened(settings)
    now = NOW + COOL
    (transition,) = breaker.advance(now)
    assert transition.after is State.HALF_OPEN
    return breaker, now


def restored(breaker: Breaker) -> Breaker:
    text = json.dumps(asdict(breaker.saved()))
    return Breaker(breaker.settings, BreakerSaved(**json.loads(text)))


# --- what opens it --------------------------------------------------------------------------------------------------


def test_a_new_breaker_is_closed_and_in_nobodys_way() -> None:
    breaker = Breaker()
    assert breaker.state(NOW) is State.CLOSED
    assert breaker.allowance(NOW) is None
    assert breaker.why(NOW) is None
    assert breaker.wake_at() == 0
    assert breaker.advance(NOW) == ()
    assert breaker.saved() == BreakerSaved()


def test_losing_round_trips_in_a_row_open_it() -> None:
    breaker = Breaker()
    assert after(breaker, LOSS, LOSS, LOSS, LOSS) == []
    (transition,) = breaker.observe(LOSS, NOW)
    assert transition == Transition(
        State.CLOSED, State.OPEN, Cause.LOSSES, "5 losing round trips in a row (max_losses 5)", NOW + COOL
    )


@pytest.mark.parametrize("profit", ["0", "0.000001"])
def test_a_round_trip_that_does_not_lose_ends_the_row(profit: str) -> None:
    breaker = Breaker()
    assert after(breaker, *[LOSS] * 4, RoundTrip(Decimal(profit)), *[LOSS] * 4) == []
    assert len(after(breaker, LOSS)) == 1


def test_a_fall_from_the_highest_profit_opens_it() -> None:
    breaker = Breaker(BreakerSettings(max_drawdown=Decimal(20), max_drawdown_percent=Decimal(0)))
    equity = Decimal(1_000)
    assert after(breaker, *(Profit(Decimal(p), equity) for p in ("-5", "10", "-9.99"))) == []
    (transition,) = breaker.observe(Profit(Decimal(-10), equity), NOW)
    assert transition.cause is Cause.DRAWDOWN
    assert transition.sentence == "profit is 20.0000 below its highest, the limit is 20.0000 (max_drawdown)"


def test_a_share_of_the_capital_lost_within_the_window_opens_it() -> None:
    breaker = Breaker()
    assert after(breaker, Profit(Decimal(50), Decimal(1_000)), Profit(Decimal("-49.99"), Decimal("900.01"))) == []
    (transition,) = breaker.observe(Profit(Decimal(-50), Decimal(900)), NOW)
    assert transition.cause is Cause.DRAWDOWN_PERCENT
    assert transition.sentence == (
        "100.0000 of 1000.0000 were lost within 86400 s, the limit is 10 % (max_drawdown_percent)"
    )


def test_what_was_lost_before_the_window_no_longer_counts() -> None:
    breaker = Breaker()
    assert after(breaker, Profit(Decimal(100), Decimal(1_000))) == []
    assert after(breaker, Profit(Decimal(1), Decimal(901)), now=NOW + 1) == []
    assert after(breaker, Profit(Decimal(-90), Decimal(810)), now=NOW + 25 * HOUR) == []
    assert after(Breaker(), Profit(Decimal(0), Decimal(0)), Profit(Decimal(0), Decimal(0))) == []


def test_small_losses_of_small_capital_count() -> None:
    (transition,) = after(Breaker(), Profit(Decimal(0), Decimal(5)), Profit(Decimal("-0.6"), Decimal("4.4")))
    assert transition.cause is Cause.DRAWDOWN_PERCENT


def test_what_is_no_event_is_a_mistake_of_the_program() -> None:
    with pytest.raises(AssertionError):
        Breaker().observe("a word", NOW)  # type: ignore[arg-type]


def test_capital_that_is_gone_opens_it() -> None:
    breaker = Breaker()
    assert after(breaker, Profit(Decimal(0), Decimal(10))) == []
    (transition,) = after(breaker, Profit(Decimal(-11), Decimal(-1)))
    assert transition.cause is Cause.DRAWDOWN_PERCENT


def test_too_many_failed_requests_open_it_once_there_are_enough_to_tell() -> None:
    breaker = Breaker(BreakerSettings(min_answers=4))
    assert after(breaker, BAD, BAD, GOOD) == []
    (transition,) = breaker.observe(GOOD, NOW)
    assert transition.cause is Cause.ORDER_ERRORS
    assert transition.sentence == "2 of 4 order requests failed within 60 s (max_error_rate 0.5)"
    assert after(Breaker(BreakerSettings(min_answers=4)), BAD, GOOD, GOOD, GOOD, GOOD) == []


def test_failed_requests_of_a_minute_ago_are_forgotten() -> None:
    breaker = Breaker(BreakerSettings(min_answers=4))
    assert after(breaker, BAD, BAD, BAD) == []
    assert after(breaker, GOOD, GOOD, GOOD, GOOD, now=NOW + 60 * SECOND) == []


def test_slow_requests_open_it_when_more_than_one_in_a_hundred_is() -> None:
    settings = BreakerSettings(window=HOUR)
    breaker = Breaker(settings)
    assert after(breaker, *[OrderAnswer(False, 5 * SECOND)] * 99, SLOW) == []
    (transition,) = breaker.observe(SLOW, NOW)
    assert transition.cause is Cause.LATENCY
    assert transition.sentence == (
        "2 of 101 order requests took longer than 5 s: the 99th percentile is above max_latency"
    )
    assert after(Breaker(settings), SLOW, *[GOOD] * 18) == []
    assert len(after(Breaker(settings), SLOW, *[GOOD] * 19)) == 1


def test_a_feed_that_is_silent_too_long_opens_it() -> None:
    breaker = Breaker()
    assert after(breaker, FeedAge(30 * SECOND - 1)) == []
    (transition,) = after(breaker, FeedAge(30 * SECOND))
    assert transition.cause is Cause.STALE_FEED
    assert transition.sentence == "no market data for 30 s (stale_after 30 s)"


def test_a_fault_that_others_found_opens_it_at_once() -> None:
    (transition,) = after(Breaker(), Fault("the account was switched to hedge mode"))
    assert transition == Transition(
        State.CLOSED, State.OPEN, Cause.FAULT, "the account was switched to hedge mode", NOW + COOL
    )


def test_conditions_that_are_switched_off_open_nothing() -> None:
    off = BreakerSettings(
        max_losses=0, max_drawdown_percent=Decimal(0), max_error_rate=0.0, max_latency=0, stale_after=0, min_answers=1
    )
    events: list[Event] = [
        *[LOSS] * 99,
        BAD,
        SLOW,
        FeedAge(HOUR),
        Profit(Decimal(9), Decimal(9)),
        Profit(Decimal(-9), Decimal(0)),
    ]
    assert after(Breaker(off), *events) == []
    breaker, now = half_open(off)
    assert after(breaker, *events, now=now) == []


def test_what_has_a_remedy_of_its_own_is_no_error() -> None:
    assert {code for code in RefusalCode if not counts_as_error(code)} == {
        RefusalCode.WOULD_CROSS,
        RefusalCode.INSUFFICIENT_MARGIN,
        RefusalCode.RATE_LIMITED,
        RefusalCode.UNKNOWN_ORDER,
    }


# --- while it is open -----------------------------------------------------------------------------------------------


def test_an_open_breaker_allows_no_opening_order_until_its_cool_down_is_over() -> None:
    breaker = opened()
    last = NOW + COOL - 1
    assert breaker.allowance(last) == 0
    assert breaker.advance(last) == ()
    assert breaker.wake_at() == NOW + COOL
    assert breaker.why(NOW + 290 * SECOND) == (
        "breaker_open",
        "the circuit breaker is open, 10 s more: the position does not match",
    )
    assert breaker.state(NOW + COOL) is State.HALF_OPEN
    assert breaker.allowance(NOW + COOL) == 2


def test_an_open_breaker_is_not_opened_again_and_its_cool_down_does_not_grow() -> None:
    breaker = opened()
    events: list[Event] = [*[LOSS] * 9, *[BAD] * 30, FeedAge(HOUR), Fault("again")]
    assert after(breaker, *events, now=NOW + SECOND) == []
    assert breaker.wake_at() == NOW + COOL
    assert breaker.why(NOW + COOL - 1) == (
        "breaker_open",
        "the circuit breaker is open, 1e-09 s more: the position does not match",
    )


def test_asking_changes_nothing() -> None:
    breaker = opened()
    before = breaker.saved()
    breaker.state(NOW + HOUR)
    breaker.allowance(NOW + HOUR)
    breaker.why(NOW + HOUR)
    assert breaker.saved() == before


# --- the trial ------------------------------------------------------------------------------------------------------


def test_after_the_cool_down_a_few_orders_are_tried() -> None:
    breaker = opened()
    (transition,) = breaker.advance(NOW + COOL)
    assert transition == Transition(
        State.OPEN, State.HALF_OPEN, Cause.FAULT, "trying again after: the position does not match", 0
    )
    assert breaker.allowance(NOW + COOL) == 2
    assert breaker.wake_at() == 0
    assert breaker.why(NOW + COOL) == (
        "breaker_half_open",
        "the circuit breaker tries 2 opening orders after: the position does not match",
    )


@pytest.mark.parametrize("success", [GOOD, WIN])
def test_a_trial_with_a_success_closes_it_when_its_time_is_over(success: Event) -> None:
    breaker, now = half_open()
    assert after(breaker, success, now=now + SECOND) == []
    assert breaker.wake_at() == now + 60 * SECOND
    assert breaker.advance(now + 60 * SECOND - 1) == ()
    (transition,) = breaker.advance(now + 60 * SECOND)
    assert transition == Transition(
        State.HALF_OPEN, State.CLOSED, Cause.FAULT, "the trial went well after: the position does not match", 0
    )
    assert breaker.saved().since == breaker.saved().closed_at == now + 60 * SECOND
    assert breaker.allowance(now + HOUR) is None
    assert breaker.why(now + HOUR) is None
    assert breaker.wake_at() == 0


def test_a_success_after_the_time_of_the_trial_closes_it_at_once() -> None:
    breaker, now = half_open()
    assert breaker.advance(now + HOUR) == ()
    assert after(breaker, RoundTrip(Decimal(0)), FeedAge(0), now=now + HOUR) == []
    (transition,) = breaker.observe(GOOD, now + HOUR)
    assert transition.after is State.CLOSED


def test_a_trial_takes_as_many_successes_as_are_set() -> None:
    breaker, now = half_open(BreakerSettings(probe_successes=3, probe_time=0, probe_orders=7))
    assert breaker.allowance(now) == 7
    assert after(breaker, GOOD, WIN, now=now) == []
    assert len(after(breaker, GOOD, now=now)) == 1


@pytest.mark.parametrize(
    ("sign", "cause"),
    [
        (LOSS, Cause.LOSSES),
        (BAD, Cause.ORDER_ERRORS),
        (SLOW, Cause.LATENCY),
        (FeedAge(30 * SECOND), Cause.STALE_FEED),
        (Fault("the mode flipped"), Cause.FAULT),
    ],
)
def test_the_first_bad_sign_in_a_trial_opens_it_for_twice_as_long(sign: Event, cause: Cause) -> None:
    breaker, now = half_open()
    after(breaker, *[GOOD] * 500, now=now)
    (transition,) = breaker.observe(sign, now)
    assert (transition.before, transition.after) == (State.HALF_OPEN, State.OPEN)
    assert transition.cause is cause
    assert transition.until == now + 2 * COOL


@pytest.mark.parametrize(
    ("settings", "cause", "limit"),
    [
        (BreakerSettings(max_drawdown=Decimal(20), max_drawdown_percent=Decimal(0)), Cause.DRAWDOWN, "5"),
        (BreakerSettings(max_drawdown_percent=Decimal(10)), Cause.DRAWDOWN_PERCENT, "25"),
    ],
)
def test_a_trial_may_lose_a_quarter_of_the_drawdown(settings: BreakerSettings, cause: Cause, limit: str) -> None:
    breaker, now = half_open(settings)
    capital = Decimal(1_000)
    lost = Decimal(limit)
    nearly = Profit(-lost + Decimal("0.01"), capital - lost + Decimal("0.01"))
    assert after(breaker, Profit(Decimal(0), capital), nearly, now=now) == []
    (transition,) = breaker.observe(Profit(-lost, capital - lost), now)
    assert transition.cause is cause
    assert {"5": "limit is 5.0000 ", "25": "limit is 2.5 %"}[limit] in transition.sentence


def test_a_trial_is_not_judged_by_what_came_before_it() -> None:
    settings = BreakerSettings(max_drawdown=Decimal(20), window=HOUR, min_answers=1)
    breaker = Breaker(settings)
    after(breaker, Profit(Decimal(500), Decimal(500)), *[LOSS] * 4, BAD)
    assert breaker.state(NOW) is State.OPEN
    after(breaker, *[LOSS] * 4, *[BAD] * 9, Profit(Decimal(400), Decimal(400)), now=NOW + 1)
    now = NOW + COOL
    (tried,) = after(breaker, Profit(Decimal(0), Decimal(400)), GOOD, FeedAge(0), now=now)
    assert tried.after is State.HALF_OPEN
    assert breaker.saved().losses == 0
    (closed,) = after(breaker, GOOD, now=now + 60 * SECOND)
    assert closed.after is State.CLOSED
    assert after(breaker, *[LOSS] * 4, Profit(Decimal(-499), Decimal(5_000)), now=now + 60 * SECOND) == []


def test_an_event_at_the_end_of_the_cool_down_is_the_first_of_the_trial() -> None:
    breaker = opened()
    first, second = breaker.observe(FeedAge(HOUR), NOW + COOL)
    assert (first.after, second.after) == (State.HALF_OPEN, State.OPEN)
    assert second.until == NOW + COOL + 2 * COOL


# --- cool-downs -----------------------------------------------------------------------------------------------------


def test_cool_downs_double_up_to_a_bound() -> None:
    breaker, now, seen = opened(BreakerSettings(max_cool_down=1_000 * SECOND)), NOW, []
    for _ in range(4):
        seen.append((breaker.wake_at() - now) // SECOND)
        now = breaker.wake_at()
        assert len(after(breaker, Fault("still"), now=now)) == 2
    assert seen == [300, 600, 1_000, 1_000]


def closed_again(settings: BreakerSettings | None = None) -> tuple[Breaker, int]:
    breaker, now = half_open(settings)
    after(breaker, GOOD, now=now)
    breaker.advance(now + 60 * SECOND)
    return breaker, now + 60 * SECOND


def test_opening_soon_after_a_trial_doubles_too_and_later_begins_anew() -> None:
    breaker, now = closed_again()
    assert after(breaker, Fault("again"), now=now + 4 * HOUR - 1)[0].until == now + 4 * HOUR - 1 + 2 * COOL
    breaker, now = closed_again()
    assert after(breaker, Fault("again"), now=now + 4 * HOUR)[0].until == now + 4 * HOUR + COOL


def test_the_first_cool_down_is_within_the_bound_too() -> None:
    breaker = opened(BreakerSettings(cool_down=HOUR, max_cool_down=SECOND))
    assert breaker.wake_at() == NOW + SECOND


def test_a_clock_that_is_put_back_does_not_lengthen_the_cool_down() -> None:
    breaker = opened()
    back = NOW - 24 * HOUR
    assert breaker.advance(back) == ()
    assert breaker.wake_at() == back + COOL
    (transition,) = breaker.advance(back + COOL)
    assert transition.after is State.HALF_OPEN
    assert breaker.advance(back) == ()
    after(breaker, GOOD, now=back)
    assert breaker.wake_at() == back + 60 * SECOND


# --- operators ------------------------------------------------------------------------------------------------------


def test_what_an_operator_opens_stays_open_until_an_operator_resets_it() -> None:
    breaker = Breaker()
    (transition,) = breaker.trip("exchange maintenance", NOW)
    sentence = "opened by an operator: exchange maintenance"
    assert transition == Transition(State.CLOSED, State.OPEN, Cause.MANUAL, sentence, 0)
    assert breaker.wake_at() == 0
    assert breaker.advance(NOW + 1_000 * HOUR) == ()
    assert breaker.allowance(NOW + 1_000 * HOUR) == 0
    assert breaker.why(NOW) == ("breaker_open", f"the circuit breaker is open, until it is reset: {sentence}")
    assert breaker.trip("once more", NOW) == ()
    assert breaker.advance(NOW - HOUR) == ()
    assert breaker.wake_at() == 0
    (transition,) = breaker.reset("maintenance is over", NOW)
    assert transition == Transition(
        State.OPEN, State.CLOSED, Cause.MANUAL, "reset by an operator: maintenance is over", 0
    )
    assert breaker.saved() == BreakerSaved(since=NOW)


def test_an_operator_may_open_what_is_open_and_then_no_cool_down_ends_it() -> None:
    breaker = opened()
    (transition,) = breaker.trip("I look into it", NOW + SECOND)
    assert (transition.before, transition.after, transition.until) == (State.OPEN, State.OPEN, 0)
    assert breaker.advance(NOW + HOUR) == ()


def test_an_operator_may_open_a_trial() -> None:
    breaker = opened()
    first, second = breaker.trip("no", NOW + COOL)
    assert (first.after, second.before, second.after) == (State.HALF_OPEN, State.HALF_OPEN, State.OPEN)


def test_a_reset_forgets_the_doubling() -> None:
    breaker, now = half_open()
    after(breaker, LOSS, now=now)
    assert len(breaker.reset("looked into", now)) == 1
    assert breaker.reset("looked into", now) == ()
    assert after(breaker, Fault("again"), now=now)[0].until == now + COOL


# --- restarts -------------------------------------------------------------------------------------------------------


def test_a_cool_down_goes_on_after_a_restart() -> None:
    breaker = restored(opened())
    assert breaker.allowance(NOW + COOL - 1) == 0
    assert breaker.advance(NOW + COOL - 1) == ()
    (transition,) = breaker.advance(NOW + COOL)
    assert transition.cause is Cause.FAULT


def test_a_cool_down_that_ended_while_nobody_was_there_gives_a_full_trial() -> None:
    breaker = restored(opened())
    now = NOW + 100 * HOUR
    assert breaker.state(now) is State.HALF_OPEN
    assert [transition.after for transition in after(breaker, GOOD, now=now)] == [State.HALF_OPEN]
    assert breaker.wake_at() == now + 60 * SECOND


def test_losses_and_peaks_survive_a_restart() -> None:
    settings = BreakerSettings(max_drawdown=Decimal(20), max_drawdown_percent=Decimal(5))
    breaker = Breaker(settings)
    after(breaker, *[LOSS] * 4, Profit(Decimal("30.5"), Decimal(1_000)))
    assert len(after(restored(breaker), LOSS)) == 1
    assert [t.cause for t in after(restored(breaker), Profit(Decimal("10.5"), Decimal(980)))] == [Cause.DRAWDOWN]
    late = NOW + 23 * HOUR
    fallen = Profit(Decimal(11), Decimal(300))
    assert [t.cause for t in after(restored(breaker), fallen, now=late)] == [Cause.DRAWDOWN_PERCENT]
    assert after(restored(breaker), fallen, now=NOW + 25 * HOUR) == []


EVENTS = st.one_of(
    st.sampled_from([LOSS, WIN, GOOD, BAD, SLOW, Fault("a fault")]),
    st.builds(FeedAge, st.sampled_from([0, 29 * SECOND, 31 * SECOND])),
    st.builds(lambda p: Profit(Decimal(p), Decimal(1_000 + p)), st.integers(-150, 150)),
)
ACTS = st.lists(
    st.tuples(st.sampled_from([0, SECOND, 30 * SECOND, COOL, HOUR]), st.one_of(EVENTS, st.sampled_from("trwa"))),
    max_size=40,
)


def act(breaker: Breaker, what: Event | str, now: int) -> tuple[Transition, ...]:
    match what:
        case "t":
            return breaker.trip("by hand", now)
        case "r":
            return breaker.reset("by hand", now)
        case "w":
            return breaker.advance(max(breaker.wake_at(), now))
        case "a":
            return breaker.advance(now)
        case _:
            assert not isinstance(what, str)
            return breaker.observe(what, now)


LEGAL = {
    (State.CLOSED, State.OPEN),
    (State.OPEN, State.HALF_OPEN),
    (State.HALF_OPEN, State.OPEN),
    (State.HALF_OPEN, State.CLOSED),
}


@given(ACTS)
def test_every_change_is_told_once_and_every_state_is_what_it_says(acts: list[tuple[int, Event | str]]) -> None:
    breaker, now, state = Breaker(), NOW, State.CLOSED
    settings = breaker.settings
    for passed, what in acts:
        now += passed
        for transition in act(breaker, what, now):
            by_hand = what in ("t", "r")
            assert transition.before is state
            assert (transition.before, transition.after) in LEGAL or by_hand
            assert transition.cause is not None
            state = transition.after
        if what == "w":
            now = max(now, breaker.saved().since)
        assert breaker.state(now) in (state, State.HALF_OPEN)
        assert (breaker.why(now) is None) == (breaker.allowance(now) is None) == (breaker.state(now) is State.CLOSED)
        saved = breaker.saved()
        if state is State.OPEN and saved.cause != Cause.MANUAL:
            assert settings.cool_down <= saved.until - saved.since <= settings.max_cool_down
            assert saved.until - saved.since == saved.cool_down
        if state is State.CLOSED:
            assert (saved.cause, saved.sentence, saved.until) == ("", "", 0)


@given(ACTS, st.lists(st.tuples(st.sampled_from([1, SECOND, COOL]), st.sampled_from([LOSS, WIN, "t", "r", "a"]))))
def test_after_a_restart_it_goes_on_as_if_nothing_had_been(
    before: list[tuple[int, Event | str]], then: list[tuple[int, Event | str]]
) -> None:
    breaker, now = Breaker(), NOW
    for passed, what in before:
        now += passed
        act(breaker, what, now)
    again = restored(breaker)
    assert again.saved() == breaker.saved()
    for passed, what in then:
        now += passed
        assert act(again, what, now) == act(breaker, what, now)
        assert again.saved() == breaker.saved()
        assert again.wake_at() == breaker.wake_at()


def test_a_saved_state_is_small_and_plain() -> None:
    breaker = opened()
    after(breaker, Profit(Decimal("1.5"), Decimal(10)))
    assert asdict(breaker.saved()) == {
        "state": "open",
        "cause": "fault",
        "sentence": "the position does not match",
        "since": NOW,
        "until": NOW + COOL,
        "cool_down": COOL,
        "closed_at": 0,
        "losses": 0,
        "successes": 0,
        "peak": "1.5",
        "window_peak": "1.5",
        "window_peak_at": NOW // (24 * 60 * SECOND) * (24 * 60 * SECOND),
    }
    assert replace(breaker.saved(), until=0) != breaker.saved()


def test_the_usual_settings_are_the_documented_ones() -> None:
    assert BreakerSettings() == BreakerSettings(
        max_losses=5,
        max_drawdown=Decimal(0),
        max_drawdown_percent=Decimal(10),
        drawdown_window=86_400 * SECOND,
        max_error_rate=0.5,
        max_latency=5 * SECOND,
        window=60 * SECOND,
        min_answers=20,
        stale_after=30 * SECOND,
        cool_down=300 * SECOND,
        max_cool_down=14_400 * SECOND,
        probe_time=60 * SECOND,
        probe_orders=2,
        probe_successes=1,
    )
