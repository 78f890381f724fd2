"""What of a strategy's orders passes the gate: the same for every strategy, whatever it makes of the gate itself.

Exits pass every gate; only what the venue's position cannot bear is held back. Limits of exposure are the next and last
question, asked where the orders of a whole account come together.
"""

from __future__ import annotations

from collections.abc import Sequence

from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.strategy import Gate, Place

_EXITS = frozenset({OrderKind.EXIT_BUY, OrderKind.EXIT_SELL})


def admitted(places: Sequence[Place], gate: Gate, openings: int) -> Sequence[Place]:
    """The orders that may go on, in their order. openings: opening orders at work already, those on their way too."""
    if gate.opens and gate.allowance is None:
        return places
    room = 0 if not gate.opens else max((gate.allowance or 0) - openings, 0)
    passed: list[Place] = []
    for place in places:
        if not place.kind.opens:
            passed.append(place)
        elif room > 0:
            room -= 1
            passed.append(place)
    return passed


def borne(places: Sequence[Place], position: int, sells: int, buys: int) -> tuple[Sequence[Place], Sequence[Place]]:
    """The orders that a position bears, and the reduce-only exits that it does not, best first.

    position: signed steps that the venue holds; sells, buys: steps of the reduce-only exits that rest. What closes at
    the market passes: the venue itself cuts it to the position.
    """
    room = {False: max(position, 0) - sells, True: max(-position, 0) - buys}
    passed: list[Place] = []
    held_back: list[Place] = []
    for place in places:
        if not place.reduce_only or place.kind not in _EXITS:
            passed.append(place)
        elif place.quantity <= room[place.kind.buys]:
            room[place.kind.buys] -= place.quantity
            passed.append(place)
        else:
            held_back.append(place)
    return passed, held_back
