"""What each documented answer of Binance USD-M means for the request: one row per code that can occur."""

from __future__ import annotations

import pytest

from opensqt_actors.domain.orders import RefusalCode
from opensqt_actors.venues.ccxt.errors import Meaning, RestFailure, Verdict, already_so, classify
from opensqt_actors.venues.ccxt.lazy import load

SECOND = 1_000_000_000
NOW = 1_700_000_000_000_000_000
R = RefusalCode

REFUSED = [
    (-1002, R.PERMISSION), (-1005, R.PERMISSION), (-1011, R.PERMISSION), (-1013, R.RULE), (-1014, R.RULE),
    (-1020, R.RULE), (-1022, R.PERMISSION), (-1023, R.RULE), (-1099, R.PERMISSION), (-1100, R.RULE), (-1101, R.RULE),
    (-1102, R.RULE), (-1103, R.RULE), (-1104, R.RULE), (-1105, R.RULE), (-1106, R.RULE), (-1108, R.RULE),
    (-1109, R.PERMISSION), (-1110, R.RULE), (-1111, R.RULE), (-1112, R.RULE), (-1114, R.RULE), (-1115, R.RULE),
    (-1116, R.RULE), (-1117, R.RULE), (-1118, R.RULE), (-1119, R.RULE), (-1120, R.RULE), (-1121, R.SYMBOL_CLOSED),
    (-1122, R.SYMBOL_CLOSED), (-1125, R.RULE), (-1127, R.RULE), (-1128, R.RULE), (-1130, R.RULE), (-1136, R.RULE),
    (-2011, R.UNKNOWN_ORDER), (-2013, R.UNKNOWN_ORDER), (-2014, R.PERMISSION), (-2015, R.PERMISSION),
    (-2017, R.PERMISSION), (-2018, R.INSUFFICIENT_MARGIN), (-2019, R.INSUFFICIENT_MARGIN), (-2021, R.RULE),
    (-2022, R.REDUCE_ONLY), (-2023, R.PERMISSION), (-2024, R.REDUCE_ONLY), (-2025, R.TOO_MANY_ORDERS),
    (-2026, R.RULE), (-2027, R.INSUFFICIENT_MARGIN), (-2028, R.INSUFFICIENT_MARGIN), (-4001, R.RULE),
    (-4002, R.RULE), (-4003, R.RULE), (-4004, R.RULE), (-4005, R.RULE), (-4013, R.RULE), (-4014, R.RULE),
    (-4015, R.RULE), (-4016, R.RULE), (-4023, R.RULE), (-4024, R.RULE), (-4061, R.PERMISSION), (-4087, R.PERMISSION),
    (-4088, R.PERMISSION), (-4108, R.SYMBOL_CLOSED), (-4116, R.DUPLICATE_ID), (-4118, R.REDUCE_ONLY),
    (-4131, R.RULE), (-4140, R.SYMBOL_CLOSED), (-4141, R.SYMBOL_CLOSED), (-4164, R.RULE), (-4192, R.PERMISSION),
    (-4400, R.PERMISSION), (-4401, R.PERMISSION), (-5021, R.RULE), (-5022, R.WOULD_CROSS), (-5024, R.SYMBOL_CLOSED),
]  # fmt: skip


@pytest.fixture(scope="module")
def family():
    """The class that ccxt's tables give to a code."""
    exchange = load("binance", "binanceusdm").binanceusdm({"timeout_on_exit": 0})
    tables = (exchange.exceptions["linear"]["exact"], exchange.exceptions["exact"])
    return lambda code: next((table[str(code)] for table in tables if str(code) in table), None)


def nothing(_: int) -> None:
    return None


@pytest.mark.parametrize(("code", "refusal"), REFUSED)
def test_a_code_of_the_table_is_a_certain_refusal(code: int, refusal: RefusalCode) -> None:
    meaning = classify(RestFailure(400, code, "no"), nothing, NOW)
    assert (meaning.verdict, meaning.refusal) == (Verdict.REFUSED, refusal)


@pytest.mark.parametrize(("code", "refusal"), REFUSED)
def test_ccxt_never_contradicts_the_table_on_whether_a_request_was_refused(code, refusal, family) -> None:
    known = family(code)
    assert known is None or "RequestTimeout" not in [base.__name__ for base in known.__mro__]


@pytest.mark.parametrize("code", [-1000, -1006, -1007])
def test_a_venue_that_does_not_know_itself_leaves_the_outcome_open(code: int) -> None:
    assert classify(RestFailure(400, code, ""), nothing, NOW) == Meaning(Verdict.UNKNOWN)


@pytest.mark.parametrize(("code", "wait"), [(-1001, SECOND), (-1008, SECOND), (-1016, 5 * SECOND)])
def test_an_overloaded_venue_did_not_take_the_request(code: int, wait: int) -> None:
    assert classify(RestFailure(503, code, ""), nothing, NOW) == Meaning(Verdict.NOT_SENT, retry_after=wait)


@pytest.mark.parametrize("code", [-1021, -5028])
def test_a_wrong_time_asks_for_the_clock(code: int) -> None:
    meaning = classify(RestFailure(400, code, ""), nothing, NOW)
    assert (meaning.verdict, meaning.clock) == (Verdict.NOT_SENT, True)


def test_429_waits_as_long_as_the_venue_says() -> None:
    meaning = classify(RestFailure(429, -1003, "Too many requests.", retry_after=7 * SECOND), nothing, NOW)
    assert (meaning.verdict, meaning.retry_after, meaning.throttled, meaning.banned) == (
        *(Verdict.NOT_SENT, 7 * SECOND),
        *(True, False),
    )


def test_418_is_a_ban_and_its_end_is_read_from_the_message_when_there_is_no_header() -> None:
    message = f"Way too many requests; IP banned until {NOW // 1_000_000 + 90_000}. Please use the websocket."
    meaning = classify(RestFailure(418, -1003, message), nothing, NOW)
    assert (meaning.retry_after, meaning.banned, meaning.orders_only) == (90 * SECOND, True, False)


def test_too_many_orders_holds_back_orders_only() -> None:
    meaning = classify(RestFailure(429, -1015, "Too many new orders."), nothing, NOW)
    assert (meaning.throttled, meaning.orders_only, meaning.retry_after) == (True, True, 10 * SECOND)


@pytest.mark.parametrize(
    ("status", "message", "verdict"),
    [
        (503, "Unknown error, please check your request or try again later.", Verdict.UNKNOWN),
        (503, "Service Unavailable.", Verdict.NOT_SENT),
        (503, "<html>", Verdict.UNKNOWN),
        (500, "", Verdict.UNKNOWN),
        (502, "", Verdict.UNKNOWN),
        (504, "", Verdict.UNKNOWN),
        (408, "", Verdict.UNKNOWN),
        (403, "blocked", Verdict.NOT_SENT),
        (404, "", Verdict.REFUSED),
        (200, "unreadable", Verdict.UNKNOWN),
        (0, "reset by peer", Verdict.UNKNOWN),
    ],
)
def test_without_a_code_the_status_decides(status: int, message: str, verdict: Verdict) -> None:
    assert classify(RestFailure(status, 0, message), nothing, NOW).verdict is verdict


def test_what_never_left_the_machine_was_not_sent() -> None:
    failure = RestFailure(0, 0, "not connected", retry_after=3, sent=False)
    assert classify(failure, nothing, NOW) == Meaning(Verdict.NOT_SENT, retry_after=3)


@pytest.mark.parametrize(
    ("name", "verdict", "refusal"),
    [
        ("InsufficientFunds", Verdict.REFUSED, R.INSUFFICIENT_MARGIN),
        ("OrderNotFound", Verdict.REFUSED, R.UNKNOWN_ORDER),
        ("OrderNotFillable", Verdict.REFUSED, R.RULE),
        ("BadSymbol", Verdict.REFUSED, R.SYMBOL_CLOSED),
        ("PermissionDenied", Verdict.REFUSED, R.PERMISSION),
        ("OperationFailed", Verdict.UNKNOWN, R.OTHER),
        ("RequestTimeout", Verdict.UNKNOWN, R.OTHER),
        ("RateLimitExceeded", Verdict.NOT_SENT, R.OTHER),
        ("ExchangeError", Verdict.REFUSED, R.OTHER),
    ],
)
def test_a_code_that_is_new_to_us_means_what_ccxt_takes_it_for(name, verdict, refusal) -> None:
    errors = load("binance", "binanceusdm")
    meaning = classify(RestFailure(400, -9999, ""), lambda _: getattr(errors, name), NOW)
    assert (meaning.verdict, meaning.refusal) == (verdict, refusal)


def test_a_code_that_nobody_knows_is_refused_at_400_and_open_at_500() -> None:
    assert classify(RestFailure(400, -9999, ""), nothing, NOW).verdict is Verdict.REFUSED
    assert classify(RestFailure(500, -9999, ""), nothing, NOW).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("code", "so"), [(-4046, True), (-4059, True), (-4171, True), (-2019, False)])
def test_already_so_is_success(code: int, so: bool) -> None:
    assert already_so(RestFailure(400, code, "No need to change.")) is so
