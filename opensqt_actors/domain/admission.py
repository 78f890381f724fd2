"""What of a strategy's orders passes the gate: the same for every strategy, whatever it makes of the gate itself.

Exits are never looked at. Limits of exposure are the next and last question, asked where the orders of a whole account
come together.
"""

from __future__ import annotations

from collections.abc import Sequence

from opensqt_actors.domain.strategy import Gate, Place


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
