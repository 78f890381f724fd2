"""Plain values on the wire: decimals, times, enums. Reading is strict: what is not exactly right is an InvalidValue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import Side
from opensqt_actors.domain.settings import GridMode, RemoveMode, SymbolState, Trail
from opensqt_actors.domain.slots import SlotStatus
from opensqt_actors.wire.v1 import common_pb2, order_pb2, registry_pb2, slot_pb2

NANOSECONDS = 1_000_000_000
MAX_LENGTH = 64
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)

E = TypeVar("E", bound=StrEnum)


def decimal_to(value: Decimal) -> common_pb2.Decimal:
    """A finite decimal in plain notation."""
    return common_pb2.Decimal(value=format(value, "f"))


def optional_to(value: Decimal | None) -> common_pb2.Decimal | None:
    """A decimal, or a field that is not set."""
    return None if value is None else decimal_to(value)


def decimal_from(message: common_pb2.Decimal, field: str) -> Decimal:
    """An exact decimal; InvalidValue names the field when the text is not plain notation."""
    text = message.value
    if len(text) > MAX_LENGTH or not _PLAIN.fullmatch(text):
        raise InvalidValue(field, f"must be a plain decimal number like 0.4, not {text[:40]!r}")
    return Decimal(text)


def optional_from(message: Any, field: str) -> Decimal | None:
    """The decimal in a field of a message, or None where it is not set."""
    return decimal_from(getattr(message, field), field) if message.HasField(field) else None


def present(message: Any, field: str) -> Decimal:
    """The decimal in a field of a message, 0 where it is not set."""
    return optional_from(message, field) or Decimal(0)


def time_to(ns: int) -> Timestamp | None:
    """Nanoseconds since the epoch; 0 is a field that is not set."""
    return Timestamp(seconds=ns // NANOSECONDS, nanos=ns % NANOSECONDS) if ns else None


def time_from(stamp: Timestamp) -> int:
    """Nanoseconds since the epoch; 0 where it is not set."""
    return stamp.seconds * NANOSECONDS + stamp.nanos


class Names(Generic[E]):
    """One of our enums and its twin on the wire, whose names are ours behind a prefix."""

    def __init__(self, ours: type[E], wire: Any, prefix: str) -> None:
        self.ours = ours
        self._to: Mapping[E, int] = {member: wire.Value(f"{prefix}_{member.name}") for member in ours}
        self._from = {number: member for member, number in self._to.items()}

    def to(self, member: E | str) -> Any:
        """The number on the wire."""
        return self._to[self.ours(member)]

    def read(self, number: int, field: str) -> E:
        """Our member; InvalidValue for UNSPECIFIED and for numbers that this version does not know."""
        member = self._from.get(number)
        if member is None:
            words = ", ".join(sorted(str(known) for known in self._to))
            given = "not given" if number == 0 else f"the unknown number {number}"
            raise InvalidValue(field, f"must be one of {words}, but is {given}")
        return member


MODES = Names(GridMode, registry_pb2.GridMode, "GRID_MODE")
TRAILS = Names(Trail, registry_pb2.GridTrail, "GRID_TRAIL")
STATES = Names(SymbolState, registry_pb2.SymbolState, "SYMBOL_STATE")
REMOVALS = Names(RemoveMode, registry_pb2.RemoveMode, "REMOVE_MODE")
SLOTS = Names(SlotStatus, slot_pb2.SlotStatus, "SLOT_STATUS")
SIDES = Names(Side, common_pb2.Side, "SIDE")
KINDS = Names(OrderKind, order_pb2.OrderKind, "ORDER_KIND")
