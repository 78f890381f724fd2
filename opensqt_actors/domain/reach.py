"""How far the price may go until anything near it changes: for replays, which put off what happens far away.

When the centre moves by one interval and back, the orders near the market stay and only the ends of the window change.
A replay need not follow each of these moves, as long as it knows where the centre would be when it looks again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from opensqt_actors.domain.draft import ceil_div
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ladder import ONE
from opensqt_actors.domain.settings import Trail
from opensqt_actors.domain.slots import Slots

CENTRES = 256


class _Around(NamedTuple):
    """Mid prices around a centre. low <= mid < high: no level more than one interval away is the nearest;

    near_low <= mid < near_high: it is the nearest itself; sure_low < mid < sure_high: wherever the centre was among its
    neighbours, it is here now.
    """

    low: int
    high: int
    near_low: int
    near_high: int
    sure_low: int
    sure_high: int


class Reach:
    """Mid prices, low <= mid < high, between which nothing near changes. wide: the centre may move unseen there.

    Beyond the quiet band the centre moves. By one interval it may, when the level that would then come nearest to the
    market has its order, its holding or its exit already, and no limit, no skew and no candle has a say.
    """

    def __init__(self, grid: Grid, slots: Slots) -> None:
        self.grid = grid
        self.slots = slots
        self.low = 0
        self.high = 0
        self.wide = False
        self._plain = _plain(grid)
        self._known: dict[tuple[int, int], _Around | None] = {}
        self._here: _Around | None = None
        self._centre: int | None = None

    def look(self, price: int) -> None:
        """Take the measure of the last decision, made at this mid price, once it has been carried out.

        When the centre may move unseen to one side only, a jump from there to the other side of the half could carry it
        beyond: so the reach ends at the half, and past the half the centre may not move unseen at all.
        """
        grid, slots, ladder = self.grid, self.slots, self.grid.ladder
        low, high = grid.loose
        band_low, band_high = ladder.band
        centre = self._centre = ladder.centre
        self.wide = False
        if self._plain and grid.openings.roomy and ladder.scale == ONE and centre is not None:
            here = self._here = self._around(centre)
            if here is not None:
                resolved = centre in slots.held or centre in slots.exits
                below = not ladder.sells or resolved or centre in slots.open_sells
                above = not ladder.buys or resolved or centre in slots.open_buys
                if below and above:
                    band_low, band_high = here.low, here.high
                elif below and price < here.near_high:
                    band_low, band_high = here.low, here.near_high
                elif above and price >= here.near_low:
                    band_low, band_high = here.near_low, here.high
                self.wide = band_low == here.low or band_high == here.high
        self.low = max(band_low, low)
        self.high = min(band_high, high)

    def catch_up(self, price_at: Callable[[int], int], newest: int, seen: int) -> bool:
        """Bring the centre to where a decision at each mid price since the last look, all within the reach, would have
        brought it. True when it moved. newest: index of the last price; seen: of the one at the last look.

        Most prices leave only one centre possible: the newest such one is where to begin.
        """
        here, ladder, slots = self._here, self.grid.ladder, self.slots
        if not self.wide or here is None:
            return False
        low, high = ladder.band
        index = newest
        while index > seen:
            price = price_at(index)
            if here.sure_low < price < here.sure_high:
                break
            if not low <= price < high:
                ladder.follow(slots, price)
                break
            index -= 1
        for later in range(index + 1, newest + 1):
            ladder.follow(slots, price_at(later))
        return ladder.centre != self._centre

    def jumps(self, price: int) -> bool:
        """Whether a price lies so far away that what was put off may matter at once."""
        here = self._here
        return here is None or not here.low <= price < here.high

    def _around(self, centre: int) -> _Around | None:
        ladder = self.grid.ladder
        key = (centre, ladder.multiple)
        if key not in self._known:
            if len(self._known) >= CENTRES:
                self._known.clear()
            self._known[key] = self._measure(centre)
        return self._known[key]

    def _measure(self, centre: int) -> _Around | None:
        ladder = self.grid.ladder
        view = ladder.view(centre)
        below, above = ladder.view(centre - ladder.multiple), ladder.view(centre + ladder.multiple)
        if not (below.earns and above.earns):
            return None
        return _Around(below.low, above.high, view.low, view.high, below.up // ONE, ceil_div(above.down, ONE))


def _plain(grid: Grid) -> bool:
    """Whether the window's ends are at least two intervals away and nothing but the price moves the centre."""
    ladder, settings = grid.ladder, grid.settings
    return (
        not ladder.reads_candles
        and settings.trail is Trail.BOTH
        and settings.min_price is None
        and settings.max_price is None
        and (not ladder.buys or settings.buy_window > 1)
        and (not ladder.sells or settings.sell_window > 1)
    )
