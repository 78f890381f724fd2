"""One request as an endpoint sees it: checked parameters, the account behind the key, the time; and the route table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.simvenue.rules import MarketRules
from opensqt_actors.simvenue.server.core import Core
from opensqt_actors.simvenue.server.errors import VenueError, illegal, mandatory, unknown_symbol

E = TypeVar("E", bound=Enum)
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


class Security(Enum):
    """What a request must carry: nothing, a known key, or a key and a signature."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


class Call(Struct, frozen=True):
    """Parameters are texts as they came. `account` is the API key, empty without one. `now`: engine time, ms."""

    core: Core
    parameters: Mapping[str, str]
    account: str
    now: int

    def text(self, name: str) -> str | None:
        """The parameter, or None when it is missing or empty."""
        return self.parameters.get(name) or None

    def required(self, name: str) -> str:
        """Raises VenueError -1102."""
        value = self.parameters.get(name)
        if not value:
            raise mandatory(name)
        return value

    def whole(self, name: str) -> int | None:
        """A whole number, or None. Raises VenueError -1130."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise illegal(name) from None

    def limit(self, default: int, most: int) -> int:
        """The parameter `limit`, at most `most`. Raises VenueError -1130."""
        value = self.whole("limit")
        if value is None:
            return default
        if value < 1:
            raise illegal("limit")
        return min(value, most)

    def decimal(self, name: str) -> Decimal | None:
        """A decimal, at least 0, or None. Raises VenueError -1100."""
        value = self.text(name)
        if value is None:
            return None
        if not _DECIMAL.fullmatch(value):
            raise VenueError(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                "legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'.",
            )
        return Decimal(value)

    def flag(self, name: str) -> bool | None:
        """true or false, or None. Raises VenueError -1130."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in {"true", "false"}:
            raise illegal(name)
        return value.lower() == "true"

    def choice(self, name: str, kind: type[E], error: VenueError) -> E | None:
        """A member of an enum by value, or None. Raises `error` for another value."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            raise error from None

    def symbol(self, *, optional: bool = False) -> str:
        """The known symbol; empty when it is optional and missing. Raises VenueError -1102, -1121."""
        value = self.parameters.get("symbol", "")
        if not value:
            if optional:
                return ""
            raise mandatory("symbol")
        if not self.core.exchange.has_market(value):
            raise unknown_symbol()
        return value

    def rules(self, symbol: str) -> MarketRules:
        return self.core.exchange.rules(symbol)

    def told(self) -> int:
        """The time as the venue tells it, ms."""
        return self.core.clock.told()

    def instead(self, parameters: Mapping[str, str]) -> Call:
        """The same call with other parameters (one order of a batch)."""
        return replace(self, parameters=parameters)


Handler = Callable[[Call], Any]
Weight = Callable[[Mapping[str, str]], int]
OrderCount = Callable[[Mapping[str, str]], tuple[int, int]]


class Endpoint(Struct, frozen=True):
    """`weight` of the request; `orders`: how much it counts in 10 s and in a minute, None when it is no order."""

    handler: Handler
    security: Security
    weight: Weight
    orders: OrderCount | None


ROUTES: dict[tuple[str, str], Endpoint] = {}


def route(
    method: str,
    *paths: str,
    weight: int | Weight = 1,
    security: Security = Security.NONE,
    orders: OrderCount | None = None,
) -> Callable[[Handler], Handler]:
    """Register a handler under a method and some paths."""

    def register(handler: Handler) -> Handler:
        cost: Weight = (lambda _: weight) if isinstance(weight, int) else weight
        for path in paths:
            ROUTES[method, path] = Endpoint(handler, security, cost, orders)
        return handler

    return register


def by_symbol(one: int, all_symbols: int) -> Weight:
    """A weight that depends on whether a symbol is named."""
    return lambda parameters: one if parameters.get("symbol") else all_symbols


def by_limit(*steps: tuple[int, int], default: int) -> Weight:
    """A weight that depends on `limit`: that of the first step that is large enough, else the last one."""

    def weight(parameters: Mapping[str, str]) -> int:
        text = parameters.get("limit", "")
        limit = int(text) if text.isdecimal() else default
        return next((cost for most, cost in steps if limit <= most), steps[-1][1])

    return weight
