"""Reconciliation as pure functions: what to do when the ledger and the venue do not say the same.

docs/concepts/reconciliation.md explains them; R1 to R11 are the invariants that tests hold them to.
R12, which needs trades, is kept in actors/symbol_reconcile.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import OrderReport
from opensqt_actors.domain.strategy import Place

NOISE = 1
"""Steps by which the venue's position may differ without anybody's asking why."""
LARGE = 20
"""A difference of one part in so many, or more, is not corrected without an operator."""
LAG = 2_000_000_000
"""ns by which a read of the position may lag behind the trades: a second look that comes earlier says nothing new."""


class Gap(StrEnum):
    """How far two positions are apart. NONE: not at all, or by one step."""

    NONE = "none"
    SMALL = "small"
    LARGE = "large"


class Holding(NamedTuple):
    """What a slot holds. position: signed steps, not 0; price: of its level, ticks."""

    level: int
    position: int
    price: int


class Correction(NamedTuple):
    """A change of a slot that no order made. quantity: signed steps, not 0."""

    level: int
    quantity: int


def gap(local: int, venue: int) -> Gap:
    """Judge `d = |local - venue| / max(|local|, |venue|)`; both in signed steps.

    R1. Up to one step is noise. R2. Below 5 % is small, from 5 % on, and whenever one side holds nothing, large.
    """
    difference = abs(local - venue)
    if difference <= NOISE:
        return Gap.NONE
    return Gap.SMALL if difference * LARGE < max(abs(local), abs(venue)) else Gap.LARGE


class Sightings:
    """Differences seen in a row. R3. One is believed when it was seen twice, the same both times, `LAG` apart."""

    __slots__ = ("_pair", "_since")

    def __init__(self) -> None:
        self._pair: tuple[int, int] | None = None
        self._since = 0

    @property
    def pending(self) -> bool:
        """Whether the last comparison met a difference."""
        return self._pair is not None

    def see(self, local: int, venue: int, now: int) -> bool:
        """Take a comparison. True: the difference is believed."""
        if gap(local, venue) is Gap.NONE:
            self._pair = None
            return False
        if self._pair != (local, venue):
            self._pair, self._since = (local, venue), now
            return False
        return now - self._since >= LAG


def corrections(holdings: Iterable[Holding], difference: int, price: int) -> tuple[list[Correction], int]:
    """What to change so that the slots hold `difference` (venue - local, signed steps) more. price: ticks, the market.

    R4. The corrections and the rest add up to `difference`. R5. What is held on the other side is given up first, the
    slots nearest to the market first and each to its end, so that a correction never makes both sides larger. R6. No
    slot changes its sign, and none that is empty is filled: what is left over joins the nearest slot of the side that
    grows. The rest, signed steps, is 0 unless that side is empty, and after a small gap always; `adopt` spreads it.
    """
    near = sorted(holdings, key=lambda held: (abs(held.price - price), held.level))
    direction = 1 if difference > 0 else -1
    left = abs(difference)
    found: list[Correction] = []
    for held in near:
        if left and held.position * direction < 0:
            part = min(left, abs(held.position))
            found.append(Correction(held.level, direction * part))
            left -= part
    grows = next((held.level for held in near if held.position * direction > 0), None)
    if left and grows is not None:
        return [*found, Correction(grows, direction * left)], 0
    return found, direction * left


class Claim(StrEnum):
    """What becomes of an order of ours that rests on the venue and is not known here, when its slot wants an order.

    WAIT: it is too young, the slot asks again; ADOPT: it is the order that the slot wants; OTHER: it is not.
    """

    WAIT = "wait"
    ADOPT = "adopt"
    OTHER = "other"


def claim(report: OrderReport, kind: OrderKind, place: Place, *, old: bool) -> Claim:
    """Judge an order on the level of a FREE slot against what the slot wants there now. old: older than the grace.

    R9. What is younger than the grace is neither adopted nor cancelled, and no opening order is placed beside it; an
    exit is held back only by what would be the same exit. R10. It is adopted when it is, whole and unfilled, the order
    that its FREE slot wants: kind, price and quantity; what has filled in part, or differs by a tick or a step, is not.
    R11. Whatever is older than the grace and not adopted by a decision at a known price is cancelled.
    """
    same = not report.filled and (kind, report.price, report.quantity) == (place.kind, place.price, place.quantity)
    if old:
        return Claim.ADOPT if same else Claim.OTHER
    return Claim.WAIT if same or place.kind.opens else Claim.OTHER


def adopt(
    lattice: Lattice, instrument: Instrument, amount: int, quantity: int, entry: int
) -> list[tuple[int, int, int]]:
    """Spread a position over slots: (level, signed steps, price in ticks), beginning at the level of its entry price.

    quantity: signed steps; entry: ticks; amount: quanta per level. R7. A long goes upwards from its entry level and a
    short downwards, so that no exit lies on the losing side of the entry. R8. The steps add up to `quantity` exactly
    and a rest that could not be traded on its own is joined to the last slot.
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
