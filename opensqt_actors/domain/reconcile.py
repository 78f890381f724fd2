"""Reconciliation as pure functions: what to do when the ledger and the venue do not say the same."""

from __future__ import annotations

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice


def adopt(
    lattice: Lattice, instrument: Instrument, amount: int, quantity: int, entry: int
) -> list[tuple[int, int, int]]:
    """Spread a position over slots: (level, signed steps, price in ticks), beginning at the level of its entry price.

    quantity: signed steps; entry: ticks; amount: quanta per level. A long goes upwards from its entry level and a
    short downwards, so that no exit lies on the losing side of the entry. The steps add up to `quantity` exactly and a
    rest that could not be traded on its own is joined to the last slot.
    """
    direction = 1 if quantity > 0 else -1
    level = lattice.floor(entry)
    if quantity > 0 and lattice.price(level) < entry:
        level += 1
    each = max(instrument.steps_for(amount, entry), instrument.min_quantity, 1)
    left = abs(quantity)
    parts: list[tuple[int, int, int]] = []
    while left:
        part = min(each, left)
        if left - part and not instrument.tradable(entry, left - part):
            part = left
        parts.append((level, direction * part, entry))
        left -= part
        level += direction
    return parts
