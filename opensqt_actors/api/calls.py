"""What every call has in common: the account and the market that are meant, refusals, and how a call ends with one."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Sequence
from typing import Any, NoReturn, TypeVar

import grpc
from loguru import logger

from opensqt_actors.domain.errors import InvalidValue, OpenSqtError
from opensqt_actors.domain.settings_check import symbol_problem

CODE_KEY = "opensqt-code"
Context = Any  # grpc.aio.ServicerContext; the stubs type it by message, which a shared function cannot
Answer = TypeVar("Answer")
STATUS = {
    "not_found": grpc.StatusCode.NOT_FOUND,
    "already_exists": grpc.StatusCode.ALREADY_EXISTS,
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "timeout": grpc.StatusCode.DEADLINE_EXCEEDED,
    "failed": grpc.StatusCode.FAILED_PRECONDITION,
}


class Refused(Exception):
    """A request that ends with a status. code: stable, for programs."""

    def __init__(self, status: grpc.StatusCode, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence


def account_named(name: str, accounts: Sequence[str]) -> str:
    """The account that is meant; the only one when none is named."""
    known = ", ".join(accounts)
    if not name:
        if len(accounts) == 1:
            return accounts[0]
        raise InvalidValue("account", f"is needed, one of {known}")
    if name not in accounts:
        close = difflib.get_close_matches(name[:40], accounts, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        sentence = f"account: there is no account {name[:40]!r}, only {known}{hint}"
        raise Refused(grpc.StatusCode.NOT_FOUND, "not_found", sentence)
    return name


def symbol_named(name: str) -> str:
    """The market's name, checked for what can be seen from the name alone."""
    if not name:
        raise InvalidValue("symbol", "is missing")
    if problem := symbol_problem(name):
        raise InvalidValue("symbol", problem)
    return name


def invalid(error: InvalidValue) -> Refused:
    """A field that cannot be as it was given."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, "invalid", error.sentence)


async def answered(answer: Awaitable[Answer], context: Context) -> Answer:
    """The answer, or the status that says why there is none. What nobody foresaw is logged and told without details."""
    try:
        return await answer
    except Refused as refused:
        await abort(context, refused)
    except InvalidValue as error:
        await abort(context, invalid(error))
    except OpenSqtError as error:
        await abort(context, Refused(grpc.StatusCode.UNAVAILABLE, "unavailable", error.sentence))
    except Exception:  # noqa: BLE001 - whatever it was must not reach the caller, nor end the server
        logger.exception("a request of an operator failed")
        sentence = "internal error; the supervisor's log has the details"
        await abort(context, Refused(grpc.StatusCode.INTERNAL, "internal", sentence))


async def abort(context: Context, refused: Refused) -> NoReturn:
    """End the call with its status and its code."""
    context.set_trailing_metadata(((CODE_KEY, refused.code),))
    await context.abort(refused.status, refused.sentence)
    raise AssertionError("abort does not return")
