"""Client order ids: fixed width, decodable without any local state, never reused.

prefix(2) instance(2) symbol(3) epoch(3) level(4) kind(1) generation(4): base 36, lower case, 19 characters.
The prefix never starts with `t` (Gate puts `t-` in front of ids that do not) and venue prefixes come on top.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NewType

from msgspec import Struct

from opensqt_actors.domain.errors import InvalidValue

ClientId = NewType("ClientId", str)

PREFIX = "sq"
LENGTH = 19
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_VALID = frozenset(_DIGITS)
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_PAIR = len(_PAIRS)
_FOUR = _PAIR**2


class OrderKind(StrEnum):
    """What an order is for; one letter in the id."""

    OPEN_BUY = "b"
    OPEN_SELL = "s"
    EXIT_SELL = "x"
    EXIT_BUY = "y"
    FLATTEN_SELL = "f"
    FLATTEN_BUY = "g"

    @property
    def opens(self) -> bool:
        """Whether a fill of this order makes the position of its slot larger."""
        return self in OPENING

    @property
    def buys(self) -> bool:
        """Whether this order buys."""
        return self in BUYING


OPENING = frozenset({OrderKind.OPEN_BUY, OrderKind.OPEN_SELL})
BUYING = frozenset({OrderKind.OPEN_BUY, OrderKind.EXIT_BUY, OrderKind.FLATTEN_BUY})
"""Asked directly where orders are made: a property of a member costs four times as much."""

_KINDS = {kind.value: kind for kind in OrderKind}


class OrderKey(Struct, frozen=True):
    """What a client order id says: whose order it is and for which slot and placement."""

    instance: str
    symbol: int
    epoch: int
    level: int
    kind: OrderKind
    generation: int


def base36(value: int, width: int, field: str) -> str:
    """`value` in base 36 with leading zeros; a value that does not fit is refused, never truncated."""
    if not 0 <= value < 36**width:
        raise InvalidValue(field, f"{value} does not fit into {width} base-36 digits (0 to {36**width - 1})")
    text = ""
    for _ in range(width):
        value, digit = divmod(value, 36)
        text = _DIGITS[digit] + text
    return text


def zigzag(level: int) -> int:
    """Signed level -> unsigned: 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4 ..."""
    return level * 2 if level >= 0 else -level * 2 - 1


def unzigzag(value: int) -> int:
    """Inverse of `zigzag`."""
    return value // 2 if value % 2 == 0 else -(value + 1) // 2


class IdCoder:
    """Encodes ids of one symbol of one instance; the constant head is built once."""

    def __init__(self, instance: str, symbol: int, epoch: int = 0) -> None:
        check_instance(instance)
        self.instance = instance
        self.symbol = symbol
        self.epoch = epoch
        self._head = PREFIX + instance + base36(symbol, 3, "symbol number") + base36(epoch, 3, "lease epoch")

    def encode(self, level: int, kind: OrderKind, generation: int) -> ClientId:
        """The id of one placement."""
        place = level * 2 if level >= 0 else -level * 2 - 1
        if not (place < _FOUR and 0 <= generation < _FOUR):
            base36(place, 4, "level")
            base36(generation, 4, "generation")
        return ClientId(
            f"{self._head}{_PAIRS[place // _PAIR]}{_PAIRS[place % _PAIR]}{kind}"
            f"{_PAIRS[generation // _PAIR]}{_PAIRS[generation % _PAIR]}"
        )


def check_instance(instance: str) -> None:
    """Refuse an instance name that is not exactly two base-36 digits."""
    if len(instance) != 2 or not _VALID.issuperset(instance):
        raise InvalidValue("instance", f"must be two characters of 0-9 and a-z, not {instance!r}")


@lru_cache(maxsize=8_192)  # news of one order passes here half a dozen times
def decode(text: str) -> OrderKey | None:
    """The key of one of our ids; None for a foreign id."""
    if len(text) != LENGTH or not text.startswith(PREFIX) or not _VALID.issuperset(text):
        return None
    kind = _KINDS.get(text[14])
    if kind is None:
        return None
    return OrderKey(
        instance=text[2:4],
        symbol=int(text[4:7], 36),
        epoch=int(text[7:10], 36),
        level=unzigzag(int(text[10:14], 36)),
        kind=kind,
        generation=int(text[15:19], 36),
    )


def is_ours(text: str, instance: str) -> bool:
    """Whether an id was made by this instance."""
    key = decode(text)
    return key is not None and key.instance == instance
