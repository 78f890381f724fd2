"""What the venue answers when it refuses: Binance's codes, messages and HTTP statuses."""

from __future__ import annotations

from opensqt_actors.simvenue.events import Rejection

_UNAUTHORIZED = frozenset({-2014, -2015})
_TOO_MANY = frozenset({-1003, -1015})


class VenueError(Exception):
    """A refusal as the client gets it. `retry_after` in seconds becomes a header."""

    def __init__(self, code: int, message: str, *, status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status if status is not None else _status(code)
        self.retry_after = retry_after

    def body(self) -> dict[str, object]:
        return {"code": self.code, "msg": self.message}


def _status(code: int) -> int:
    if code in _UNAUTHORIZED:
        return 401
    if code in _TOO_MANY:
        return 429
    return 400


def refused(rejection: Rejection) -> VenueError:
    """An engine's refusal as an error."""
    return VenueError(rejection.code, rejection.message)


def mandatory(name: str) -> VenueError:
    return VenueError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str) -> VenueError:
    return VenueError(-1130, f"Data sent for parameter '{name}' is not valid.")


def unknown_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")
