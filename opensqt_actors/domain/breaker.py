"""Circuit breaker of one symbol or of everything: closed -> open -> half-open after the cool-down -> closed.

It only says what it is. Taking orders back, telling operators and journalling `saved()` is the business of its actor.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, assert_never

from msgspec import Struct

from opensqt_actors.domain.orders import RefusalCode
from opensqt_actors.domain.windows import AnswerCounts, SlidingPeak

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
PROBE_SHARE = 4
_NEVER = 0


class State(StrEnum):
    """CLOSED: trading. OPEN: no opening orders. HALF_OPEN: a few opening orders, the first bad sign opens again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """Why a breaker opened; stable codes."""

    LOSSES = "consecutive_losses"
    DRAWDOWN = "drawdown"
    DRAWDOWN_PERCENT = "drawdown_percent"
    ORDER_ERRORS = "order_errors"
    STALE_FEED = "stale_feed"
    LATENCY = "order_latency"
    FAULT = "fault"
    MANUAL = "manual"


class BreakerSettings(Struct, frozen=True):
    """When it opens and for how long; 0 switches a condition off. Times in ns.

    max_losses: losing round trips in a row; max_drawdown: quote currency below the highest profit since it last closed;
    max_drawdown_percent: of the capital, within drawdown_window; max_error_rate: share of the order answers in
    `window`, once there are min_answers; max_latency: for the 99th percentile of the same answers; stale_after: without
    a frame; probe_time: the shortest half-open time; probe_orders: opening orders per symbol in it; probe_successes:
    accepted orders or winning round trips that it takes to close.
    """

    max_losses: int = 5
    max_drawdown: Decimal = Decimal(0)
    max_drawdown_percent: Decimal = Decimal(10)
    drawdown_window: int = 24 * HOUR
    max_error_rate: float = 0.5
    max_latency: int = 5 * SECOND
    window: int = 60 * SECOND
    min_answers: int = 20
    stale_after: int = 30 * SECOND
    cool_down: int = 300 * SECOND
    max_cool_down: int = 4 * HOUR
    probe_time: int = 60 * SECOND
    probe_orders: int = 2
    probe_successes: int = 1


# --- events ----------------------------------------------------------------------------------------------------------


class RoundTrip(NamedTuple):
    """A slot was closed. profit: quote currency, after fees."""

    profit: Decimal


class Profit(NamedTuple):
    """Profit so far, open positions, fees and funding included, transfers not; capital: the account's equity. Quote."""

    value: Decimal
    capital: Decimal


class OrderAnswer(NamedTuple):
    """The venue answered a place or a cancel, or the time for it ran out. latency: ns since it was sent."""

    failed: bool
    latency: int


class FeedAge(NamedTuple):
    """Once a second: ns since the last frame of the market (of the freshest one, for the global breaker)."""

    age: int


class Fault(NamedTuple):
    """Something else that must stop opening: a position that does not match the venue's. One sentence."""

    sentence: str


Event = RoundTrip | Profit | OrderAnswer | FeedAge | Fault

_NOT_ERRORS = frozenset(
    {RefusalCode.WOULD_CROSS, RefusalCode.INSUFFICIENT_MARGIN, RefusalCode.RATE_LIMITED, RefusalCode.UNKNOWN_ORDER}
)


def counts_as_error(code: RefusalCode) -> bool:
    """Whether a refusal is a failed OrderAnswer. What has a remedy of its own (reprice, margin lock, pause) is not."""
    return code not in _NOT_ERRORS


# --- what comes out --------------------------------------------------------------------------------------------------


class Transition(NamedTuple):
    """A change of state, to be announced and journalled. cause: of the opening; until: ns, 0 = until it is reset."""

    before: State
    after: State
    cause: Cause | None
    sentence: str
    until: int


class BreakerSaved(Struct, frozen=True):
    """What survives a restart: all plain values, so that it is JSON as it stands. Decimals are text.

    since, until, closed_at: ns, 0 = never; cool_down: ns, the last one used; peak and window_peak: highest profits.
    """

    state: str = State.CLOSED.value
    cause: str = ""
    sentence: str = ""
    since: int = 0
    until: int = 0
    cool_down: int = 0
    closed_at: int = 0
    losses: int = 0
    successes: int = 0
    peak: str = ""
    window_peak: str = ""
    window_peak_at: int = 0


class Breaker:
    """One breaker. Every method that takes `now` (ns) first lets time pass: an OPEN one may become HALF_OPEN by it."""

    def __init__(self, settings: BreakerSettings | None = None, saved: BreakerSaved | None = None) -> None:
        self.settings = settings or BreakerSettings()
        saved = saved or BreakerSaved()
        self._state = State(saved.state)
        self._cause = Cause(saved.cause) if saved.cause else None
        self._sentence = saved.sentence
        self._since = saved.since
        self._until = saved.until
        self._cool_down = saved.cool_down
        self._closed_at = saved.closed_at
        self._losses = saved.losses
        self._successes = saved.successes
        self._peak = Decimal(saved.peak) if saved.peak else None
        self._peaks = SlidingPeak(self.settings.drawdown_window)
        if saved.window_peak:
            self._peaks.add(Decimal(saved.window_peak), saved.window_peak_at)
        self._answers = AnswerCounts(self.settings.window, self.settings.max_latency)

    def saved(self) -> BreakerSaved:
        """The state to journal: after each transition and round trip, and now and then for the peaks."""
        window_peak_at, window_peak = self._peaks.highest or (0, "")
        return BreakerSaved(
            self._state.value, self._cause.value if self._cause else "", self._sentence, self._since, self._until,
            self._cool_down, self._closed_at, self._losses, self._successes,
            "" if self._peak is None else str(self._peak), str(window_peak), window_peak_at,
        )  # fmt: skip

    @property
    def cause(self) -> Cause | None:
        """Why it opened last; None while it is closed."""
        return self._cause

    # --- questions ---------------------------------------------------------------------------------------------------

    def state(self, now: int) -> State:
        """The state, as far as it follows from time alone; nothing is changed by asking."""
        return State.HALF_OPEN if self._cooled(now) else self._state

    def allowance(self, now: int) -> int | None:
        """Opening orders that a symbol may have at once: None = no limit, 0 = none."""
        match self.state(now):
            case State.CLOSED:
                return None
            case State.OPEN:
                return 0
            case State.HALF_OPEN:
                return self.settings.probe_orders
            case other:
                assert_never(other)

    def why(self, now: int) -> tuple[str, str] | None:
        """Code and sentence for whoever asks why there is no order; None while it is closed."""
        match self.state(now):
            case State.CLOSED:
                return None
            case State.OPEN:
                ends = f"{_seconds(self._until - now)} more" if self._until else "until it is reset"
                return "breaker_open", f"the circuit breaker is open, {ends}: {self._sentence}"
            case State.HALF_OPEN:
                most = self.settings.probe_orders
                return "breaker_half_open", f"the circuit breaker tries {most} opening orders after: {self._sentence}"
            case other:
                assert_never(other)

    def wake_at(self) -> int:
        """When `advance` changes something if nothing else happens, ns; 0 = never."""
        if self._state is State.OPEN:
            return self._until
        if self._state is State.HALF_OPEN and self._proven:
            return self._since + self.settings.probe_time
        return _NEVER

    # --- what happens ------------------------------------------------------------------------------------------------

    def advance(self, now: int) -> tuple[Transition, ...]:
        """Let time pass: the end of the cool-down, the end of the trial."""
        if self._state is State.CLOSED:
            return ()
        if now < self._since:
            self._until += (now - self._since) if self._until else 0  # the clock was put back: the time left stays
            self._since = now
        if self._cooled(now):
            self._until = _NEVER
            return (self._to(State.HALF_OPEN, now, f"trying again after: {self._sentence}"),)
        if self._state is State.HALF_OPEN and self._proven and now - self._since >= self.settings.probe_time:
            self._closed_at = now
            return (self._close(now, f"the trial went well after: {self._sentence}"),)
        return ()

    def observe(self, event: Event, now: int) -> tuple[Transition, ...]:
        """Take an event. What it changes, in order; nearly always nothing."""
        passed = self.advance(now)
        match event:
            case RoundTrip(profit):
                found = self._round_trip(profit)
            case Profit(value, capital):
                found = self._profit(value, capital, now)
            case OrderAnswer(failed, latency):
                found = self._answer(failed, latency, now)
            case FeedAge(age):
                found = self._feed(age)
            case Fault(sentence):
                found = (Cause.FAULT, sentence)
            case other:
                assert_never(other)
        if found is not None and self._state is not State.OPEN:
            return *passed, self._open(*found, now)
        return passed or self.advance(now)

    def trip(self, reason: str, now: int) -> tuple[Transition, ...]:
        """An operator opens it; it stays open until an operator resets it. Nothing when that is so already."""
        if self._state is State.OPEN and self._cause is Cause.MANUAL:
            return ()
        passed = self.advance(now)
        self._cause = Cause.MANUAL
        self._sentence = f"opened by an operator: {reason}"
        self._until = _NEVER
        return *passed, self._to(State.OPEN, now, self._sentence)

    def reset(self, reason: str, now: int) -> tuple[Transition, ...]:
        """An operator closes it, whatever it was; everything is measured anew. Nothing when it is closed already."""
        if self._state is State.CLOSED:
            return ()
        self._cool_down = 0
        self._closed_at = _NEVER
        return (self._close(now, f"reset by an operator: {reason}"),)

    # --- conditions --------------------------------------------------------------------------------------------------

    def _round_trip(self, profit: Decimal) -> tuple[Cause, str] | None:
        if profit >= 0:
            self._losses = 0
            self._successes += profit > 0
            return None
        self._losses += 1
        limit = self.settings.max_losses if self._state is not State.HALF_OPEN else min(self.settings.max_losses, 1)
        if not limit or self._losses < limit:
            return None
        return Cause.LOSSES, f"{self._losses} losing round trips in a row (max_losses {self.settings.max_losses})"

    def _profit(self, value: Decimal, capital: Decimal, now: int) -> tuple[Cause, str] | None:
        settings = self.settings
        share = PROBE_SHARE if self._state is State.HALF_OPEN else 1
        self._peak = value if self._peak is None else max(self._peak, value)
        below = self._peak - value
        if settings.max_drawdown and below * share >= settings.max_drawdown:
            limit = settings.max_drawdown / share
            return Cause.DRAWDOWN, f"profit is {below:.4f} below its highest, the limit is {limit:.4f} (max_drawdown)"
        if settings.max_drawdown_percent:
            below = self._peaks.add(value, now) - value
            limit = settings.max_drawdown_percent / share
            if below > 0 and below * 100 >= limit * (capital + below):
                window = _seconds(settings.drawdown_window)
                return Cause.DRAWDOWN_PERCENT, (
                    f"{below:.4f} of {capital + below:.4f} were lost within {window}, "
                    f"the limit is {limit:.4g} % (max_drawdown_percent)"
                )
        return None

    def _answer(self, failed: bool, latency: int, now: int) -> tuple[Cause, str] | None:
        settings = self.settings
        total, errors, slow = self._answers.add(failed, latency, now)
        self._successes += not failed
        if self._state is State.HALF_OPEN:
            too_many, too_slow = errors > 0, slow > 0
        elif total >= settings.min_answers:
            too_many, too_slow = errors >= total * settings.max_error_rate, slow * 100 > total
        else:
            return None
        if settings.max_error_rate and too_many:
            return Cause.ORDER_ERRORS, (
                f"{errors} of {total} order requests failed within {_seconds(settings.window)} "
                f"(max_error_rate {settings.max_error_rate:g})"
            )
        if settings.max_latency and too_slow:
            return Cause.LATENCY, (
                f"{slow} of {total} order requests took longer than {_seconds(settings.max_latency)}: "
                "the 99th percentile is above max_latency"
            )
        return None

    def _feed(self, age: int) -> tuple[Cause, str] | None:
        if not self.settings.stale_after or age < self.settings.stale_after:
            return None
        limit = _seconds(self.settings.stale_after)
        return Cause.STALE_FEED, f"no market data for {_seconds(age)} (stale_after {limit})"

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _proven(self) -> bool:
        return self._successes >= self.settings.probe_successes

    def _cooled(self, now: int) -> bool:
        return self._state is State.OPEN and self._until != _NEVER and now >= self._until

    def _open(self, cause: Cause, sentence: str, now: int) -> Transition:
        """The first cool-down, or twice the last one: from a trial, and soon after one."""
        settings = self.settings
        again = self._state is State.HALF_OPEN or (
            self._closed_at != _NEVER and now - self._closed_at < settings.max_cool_down
        )
        wanted = self._cool_down * 2 if again and self._cool_down else settings.cool_down
        self._cool_down = min(wanted, settings.max_cool_down)
        self._cause = cause
        self._sentence = sentence
        self._until = now + self._cool_down
        return self._to(State.OPEN, now, sentence)

    def _close(self, now: int, sentence: str) -> Transition:
        self._until = _NEVER
        transition = self._to(State.CLOSED, now, sentence)
        self._cause = None
        self._sentence = ""
        return transition

    def _to(self, after: State, now: int, sentence: str) -> Transition:
        before, self._state = self._state, after
        self._since = now
        self._measure_anew()
        return Transition(before, after, self._cause, sentence, self._until)

    def _measure_anew(self) -> None:
        """A trial and a new beginning are judged by what comes, not by what led to the opening."""
        self._losses = 0
        self._successes = 0
        self._peak = None
        self._peaks = SlidingPeak(self.settings.drawdown_window)
        self._answers = AnswerCounts(self.settings.window, self.settings.max_latency)


def _seconds(ns: int) -> str:
    return f"{ns / SECOND:g} s"
