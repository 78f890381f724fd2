"""What an answer of Binance USD-M, or the lack of one, means for the request: refused, not sent, or nobody knows.

The code in the body decides, then the HTTP status, then the class that ccxt's tables give to the code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto

from msgspec import Struct

from opensqt_actors.domain.orders import RefusalCode

SECOND = 1_000_000_000

Family = Callable[[int], type | None]
"""Venue code -> the exception class in ccxt's tables, None when it has none."""


class RestFailure(Exception):
    """A REST call without a good answer. status: HTTP, 0 = no answer; code: of the body, 0 = none; retry_after: ns.

    sent: whether a byte of the request may have left this machine.
    """

    def __init__(
        self, status: int, code: int, message: str, *, retry_after: int | None = None, sent: bool = True
    ) -> None:
        super().__init__(f"{status or 'no answer'} {code or ''} {message}".replace("  ", " "))
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.sent = sent


class Verdict(Enum):
    """What happened to the request."""

    REFUSED = auto()
    NOT_SENT = auto()
    UNKNOWN = auto()


class Meaning(Struct, frozen=True):
    """A classified failure. retry_after: ns; throttled: the venue asks this account to wait; banned: it enforces it.

    orders_only: only new orders are held back, cancels and queries may go on; clock: our clock must be measured again.
    """

    verdict: Verdict
    refusal: RefusalCode = RefusalCode.OTHER
    retry_after: int = 0
    throttled: bool = False
    banned: bool = False
    orders_only: bool = False
    clock: bool = False


_REFUSALS: dict[RefusalCode, tuple[int, ...]] = {
    RefusalCode.INSUFFICIENT_MARGIN: (-2018, -2019, -2027, -2028, -4050, -4051),
    RefusalCode.WOULD_CROSS: (-5022,),
    RefusalCode.REDUCE_ONLY: (-2022, -2024, -4118),
    RefusalCode.DUPLICATE_ID: (-4116,),
    RefusalCode.UNKNOWN_ORDER: (-2011, -2013),
    RefusalCode.SYMBOL_CLOSED: (-1121, -1122, -4108, -4140, -4141, -4144, -5024),
    RefusalCode.TOO_MANY_ORDERS: (-2025,),
    RefusalCode.PERMISSION: (
        *(-1002, -1005, -1011, -1022, -1099, -1109, -2014, -2015, -2017, -2023, -4061, -4087, -4088, -4192),
        *(-4202, -4203, -4205, -4206, -4400, -4401, -4402, -4403, -4531),
    ),
    RefusalCode.RULE: (
        *(-1013, -1014, -1020, -1023, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1110, -1111, -1112),
        *(-1113, -1114, -1115, -1116, -1117, -1118, -1119, -1120, -1125, -1126, -1127, -1128, -1130, -1136, -2021),
        *(-2026, -4001, -4002, -4003, -4004, -4005, -4006, -4007, -4008, -4009, -4010, -4011, -4012, -4013, -4014),
        *(-4015, -4016, -4017, -4018, -4019, -4020, -4021, -4022, -4023, -4024, -4025, -4026, -4027, -4028, -4029),
        *(-4030, -4031, -4032, -4033, -4045, -4055, -4060, -4062, -4082, -4083, -4084, -4114, -4115, -4117, -4120),
        *(-4131, -4137, -4138, -4139, -4142, -4164, -4183, -4184, -5021, -5025, -5026, -5037, -5038, -5039, -5040),
    ),
}
_REFUSAL_OF = {code: refusal for refusal, codes in _REFUSALS.items() for code in codes}

_UNKNOWN = frozenset({-1000, -1006, -1007})
_TRY_LATER = {-1001: SECOND, -1008: SECOND, -1016: 5 * SECOND}
_CLOCK = frozenset({-1021, -5028})
_TOO_MANY_REQUESTS = -1003
_TOO_MANY_ORDERS = -1015
_ALREADY_SO = frozenset({-4046, -4059, -4171, -5027})

_DEFAULT_WAIT = 10 * SECOND
_BANNED_UNTIL = re.compile(r"banned until (\d{13})")

_BY_CLASS: tuple[tuple[str, Meaning], ...] = (
    ("RequestTimeout", Meaning(Verdict.UNKNOWN)),
    ("InvalidNonce", Meaning(Verdict.NOT_SENT, clock=True)),
    ("DDoSProtection", Meaning(Verdict.NOT_SENT, retry_after=_DEFAULT_WAIT, throttled=True)),
    ("RateLimitExceeded", Meaning(Verdict.NOT_SENT, retry_after=_DEFAULT_WAIT, throttled=True)),
    ("ExchangeNotAvailable", Meaning(Verdict.UNKNOWN)),
    ("OperationFailed", Meaning(Verdict.UNKNOWN)),
    ("InsufficientFunds", Meaning(Verdict.REFUSED, RefusalCode.INSUFFICIENT_MARGIN)),
    ("OrderNotFound", Meaning(Verdict.REFUSED, RefusalCode.UNKNOWN_ORDER)),
    ("OrderImmediatelyFillable", Meaning(Verdict.REFUSED, RefusalCode.WOULD_CROSS)),
    ("DuplicateOrderId", Meaning(Verdict.REFUSED, RefusalCode.DUPLICATE_ID)),
    ("InvalidOrder", Meaning(Verdict.REFUSED, RefusalCode.RULE)),
    ("BadSymbol", Meaning(Verdict.REFUSED, RefusalCode.SYMBOL_CLOSED)),
    ("BadRequest", Meaning(Verdict.REFUSED, RefusalCode.RULE)),
    ("AuthenticationError", Meaning(Verdict.REFUSED, RefusalCode.PERMISSION)),
)


def already_so(failure: RestFailure) -> bool:
    """Whether a change was refused because things are already as asked for: that is success."""
    return failure.code in _ALREADY_SO


def classify(failure: RestFailure, family: Family, now: int) -> Meaning:
    """The meaning of a failed request or of one failed element of a batch. now: ns since the epoch."""
    if not failure.sent:
        return Meaning(Verdict.NOT_SENT, retry_after=failure.retry_after or 0)
    code, status = failure.code, failure.status
    if status in {418, 429} or code in {_TOO_MANY_REQUESTS, _TOO_MANY_ORDERS}:
        return _throttled(failure, now)
    if code in _CLOCK:
        return Meaning(Verdict.NOT_SENT, RefusalCode.CLOCK, clock=True)
    if code in _TRY_LATER:
        return Meaning(Verdict.NOT_SENT, retry_after=failure.retry_after or _TRY_LATER[code])
    if code in _UNKNOWN:
        return Meaning(Verdict.UNKNOWN)
    if code in _REFUSAL_OF:
        return Meaning(Verdict.REFUSED, _REFUSAL_OF[code])
    if code == 0:
        return _by_status(failure)
    known = family(code)
    for name, meaning in _BY_CLASS:
        if known is not None and any(base.__name__ == name for base in known.__mro__):
            return meaning
    return Meaning(Verdict.UNKNOWN) if status >= 500 else Meaning(Verdict.REFUSED, RefusalCode.OTHER)


def _throttled(failure: RestFailure, now: int) -> Meaning:
    """429, 418, -1003 and -1015: refused before it was looked at. Retry-After first, then the time in the message."""
    wait = failure.retry_after
    banned = failure.status == 418
    until = _BANNED_UNTIL.search(failure.message)
    if until is not None:
        banned = True
        if wait is None:
            wait = max(0, int(until.group(1)) * 1_000_000 - now)
    return Meaning(
        Verdict.NOT_SENT,
        RefusalCode.RATE_LIMITED,
        retry_after=_DEFAULT_WAIT if wait is None else wait,
        throttled=True,
        banned=banned,
        orders_only=failure.code == _TOO_MANY_ORDERS and not banned,
    )


def _by_status(failure: RestFailure) -> Meaning:
    """An answer without a code: a proxy, a firewall or an overloaded gateway speaks, or nobody does."""
    status = failure.status
    if status == 503 and failure.message.strip().rstrip(".").lower() == "service unavailable":
        return Meaning(Verdict.NOT_SENT, retry_after=failure.retry_after or SECOND)
    if status == 403:
        return Meaning(Verdict.NOT_SENT, retry_after=failure.retry_after or _DEFAULT_WAIT)
    if 400 <= status < 500 and status != 408:
        return Meaning(Verdict.REFUSED, RefusalCode.OTHER)
    return Meaning(Verdict.UNKNOWN)
