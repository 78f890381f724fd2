"""Where a grid stands: its centre, its interval, the skewed price, and the levels on which it would open. No orders.

The skewed price is a fixed-point integer, so a decision and the edges of its quiet band never disagree by a rounding.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from opensqt_actors.domain.draft import FAR, ceil_div
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.indicators import Indicators
from opensqt_actors.domain.orders import Candle
from opensqt_actors.domain.settings import GridMode, Trail
from opensqt_actors.domain.sizing import IntervalMultiple, scaled, size_factor, spacing
from opensqt_actors.domain.slots import Slots
from opensqt_actors.domain.strategy import Market

ONE = 1 << 20
VIEWS = 64
RUNGS = 1_024
_BOTH: Final = Trail.BOTH


class Rung(NamedTuple):
    """One level of the opening ladder. price: ticks; quantity: steps, 0 when the venue would refuse the size.

    edge: skewed price x 10 x ONE; a buy is placed above it only, a sell below it, a tenth of the interval away.
    """

    level: int
    kind: OrderKind
    price: int
    quantity: int
    edge: int


class View(NamedTuple):
    """What follows from a centre, for skewed prices in ticks (those x ONE are marked so).

    down, up: x ONE, between which it stays; low, high: low <= price < high, it is the nearest of all;
    buys, sells: opening levels; earns: whether the interval pays its fees here; band: the ladder's, without a skew.
    """

    centre: int
    down: int
    up: int
    low: int
    high: int
    buys: frozenset[int]
    sells: frozenset[int]
    earns: bool
    band: tuple[int, int]


class Ladder:
    """One market's ladder. multiple: of the lattice's base, the interval; scale: of the price, its skew, x ONE.

    band: mid prices at which the centre stays, low <= mid < high; amount: quanta of a new opening order.
    """

    __slots__ = (
        "_distances", "_dynamic", "_fee", "_high_limit", "_indicators", "_least", "_limited", "_low_limit", "_nearest",
        "_reached", "_rungs", "_view", "_views", "amount", "band", "buys", "centre", "down", "full_amount",
        "instrument", "lattice", "limit", "multiple", "scale", "sells", "settings", "skew", "up", "want_buys",
        "want_sells",
    )  # fmt: skip

    def __init__(self, market: Market) -> None:
        settings, instrument = market.settings, market.instrument
        self.settings = settings
        self.instrument = instrument
        self.lattice = market.lattice
        self.buys = settings.mode is not GridMode.SHORT
        self.sells = settings.mode is not GridMode.LONG
        self.full_amount = instrument.quanta(settings.amount)
        self.amount = scaled(self.full_amount, size_factor(None)) if settings.volatility_sizing else self.full_amount
        self.limit = instrument.quanta(settings.position_limit)
        self.skew = float(settings.skew)
        self.scale = ONE
        self.multiple = 1
        self.centre: int | None = None
        self.down = FAR
        self.up = -FAR
        self.band = (-FAR, FAR)
        self.want_buys: frozenset[int] = frozenset()
        self.want_sells: frozenset[int] = frozenset()
        self._view: View | None = None
        self._nearest: list[int] | None = None
        self._fee = max(market.fees.maker, Decimal(0)).as_integer_ratio()
        self._low_limit = -FAR if settings.min_price is None else instrument.price_to_ticks(settings.min_price)
        self._high_limit = FAR if settings.max_price is None else instrument.price_to_ticks(settings.max_price)
        self._limited = settings.min_price is not None or settings.max_price is not None
        self._dynamic = IntervalMultiple(float(settings.atr_scale), settings.max_multiple)
        self._indicators = Indicators()
        self._least = 1
        self._reached = 0
        self._views: dict[int, View] = {}
        self._distances: dict[tuple[int, int], int] = {}
        self._rungs: dict[tuple[int, bool], Rung] = {}

    # --- over a restart ----------------------------------------------------------------------------------------------

    @property
    def memory(self) -> tuple[int, ...]:
        """Centre, multiple, what volatility and what fees want it to be, how far a trail came. () before a price."""
        if self.centre is None:
            return ()
        return (self.centre, self.multiple, self._dynamic.value, self._least, self._reached)

    def recall(self, memory: tuple[int, ...]) -> None:
        """Stand where it stood. A new centre is asked for when settings or fees no longer allow that interval."""
        if len(memory) != 5:
            return
        centre, multiple, dynamic, self._least, self._reached = memory
        if self._dynamic.scale:
            self._dynamic.value = min(dynamic, self._dynamic.most)
        self._set_multiple(multiple)
        view = self.view(centre)
        self._stand(view)
        if not view.earns or multiple != max(self._dynamic.value, self._least):
            self.down, self.up = FAR, -FAR

    # --- prices ------------------------------------------------------------------------------------------------------

    def follow(self, slots: Slots, mid: int) -> bool:
        """Move the centre when the skewed price is more than 0.6 intervals away from it. True when it moved."""
        if self.skew:
            self._rescale(slots)
        skewed = mid * self.scale
        if self.down <= skewed <= self.up:
            return False
        self._move(skewed // ONE)
        return True

    def _rescale(self, slots: Slots) -> None:
        """The skew of the price, from the net position at cost."""
        net = slots.long_cost - slots.short_cost
        ratio = max(-1.0, min(1.0, net / self.limit)) if self.limit else 0.0
        scale = max(ONE // 100, round((1.0 - self.skew * ratio) * ONE))
        if scale != self.scale:
            self.scale = scale
            self._set_band()

    def _move(self, price: int) -> None:
        """Take the nearest centre that the trail allows, at an interval that earns its fees there."""
        here = self._view
        if here is not None and self.up > self.down and self.settings.trail is _BOTH:
            step = self._views.get(here.centre + self.multiple if price >= here.high else here.centre - self.multiple)
            if step is not None and step.low <= price < step.high and step.earns:
                self._stand(step)
                return
        self._set_multiple(max(self._dynamic.value, self._least))
        view = self.view(self._trailed(price, self.multiple))
        while not view.earns:
            self._least = self.multiple + 1
            self._set_multiple(self._least)
            view = self.view(self._trailed(price, self.multiple))
        self._stand(view)

    def _set_multiple(self, multiple: int) -> None:
        if multiple != self.multiple:
            self.multiple = multiple
            self._views.clear()
            self._rungs.clear()
            self._distances.clear()

    def _stand(self, view: View) -> None:
        self._view = view
        self._nearest = None
        self.centre, self.down, self.up, _, _, self.want_buys, self.want_sells, _, self.band = view
        if self.scale != ONE:
            self._set_band()

    def _trailed(self, price: int, interval: int) -> int:
        """The centre for a skewed price in ticks, as far as it may follow: `_reached` is how far it came."""
        trail = self.settings.trail
        if trail is Trail.NONE:
            return 0
        level = self.lattice.nearest(price, interval)
        if trail is Trail.BOTH:
            return level
        if (level >= self._reached) if trail is Trail.UP else (level <= self._reached):
            self._reached = level
            return level
        return self.lattice.nearest(self.lattice.price(self._reached), interval)

    def view(self, centre: int) -> View:
        """What follows from a centre at the present interval. Remembered for the levels that the price dances about."""
        view = self._views.get(centre)
        if view is None:
            if len(self._views) >= VIEWS:
                self._views.clear()
            view = self._views[centre] = self._look(centre)
        return view

    def _look(self, centre: int) -> View:
        m, price, trail = self.multiple, self.lattice.price, self.settings.trail
        below, here, above = price(centre - m), price(centre), price(centre + m)
        up = (here * 10 + 6 * (above - here)) * ONE // 10 if trail in (Trail.BOTH, Trail.UP) else FAR
        down = ceil_div((here * 10 - 6 * (here - below)) * ONE, 10) if trail in (Trail.BOTH, Trail.DOWN) else -FAR
        buys, sells = map(frozenset, self._window(centre))
        if self._limited:
            buys, sells = frozenset(filter(self._allowed, buys)), frozenset(filter(self._allowed, sells))
        earns = self.earns(here, above)
        low, high = (below + here + 1) // 2, (here + above + 1) // 2
        return View(centre, down, up, low, high, buys, sells, earns, _band(down, up, ONE))

    def _window(self, centre: int) -> tuple[range, range]:
        """All levels of the window, whatever the price limits say."""
        m, settings = self.multiple, self.settings
        buys = range(centre - settings.buy_window * m, centre, m) if self.buys else range(0)
        sells = range(centre + m, centre + settings.sell_window * m + 1, m) if self.sells else range(0)
        return buys, sells

    def _allowed(self, level: int) -> bool:
        return self._low_limit <= self.lattice.price(level) <= self._high_limit

    def _set_band(self) -> None:
        self.band = _band(self.down, self.up, self.scale)

    # --- levels ------------------------------------------------------------------------------------------------------

    def rungs(self) -> list[Rung]:
        """The levels on which the grid would open, nearest first; of two equally near the lower one first."""
        if self._nearest is None:
            centre = self.centre or 0
            self._nearest = sorted((*self.want_buys, *self.want_sells), key=lambda level: (abs(level - centre), level))
        return [self.rung(level) for level in self._nearest]

    def clipped(self) -> list[int]:
        """The window's levels on which the price limits forbid to open."""
        if self.centre is None:
            return []
        return [level for side in self._window(self.centre) for level in side if not self._allowed(level)]

    def rung(self, level: int) -> Rung:
        """The opening order that a level of the window would get."""
        below = self.centre is not None and level < self.centre
        rung = self._rungs.get((level, below))
        if rung is None:
            if len(self._rungs) >= RUNGS:
                self._rungs.clear()
            rung = self._rungs[level, below] = self._make(level, below)
        return rung

    def _make(self, level: int, below: bool) -> Rung:
        price, m = self.lattice.price, self.multiple
        here = price(level)
        quantity = self.instrument.steps_for(self.amount, here)
        if not self.instrument.tradable(here, quantity):
            quantity = 0
        buffer = price(level + m) - here if below else price(level - m) - here
        kind = OrderKind.OPEN_BUY if below else OrderKind.OPEN_SELL
        return Rung(level, kind, here, quantity, (here * 10 + buffer) * ONE)

    def earns(self, entry: int, exit_price: int) -> bool:
        """Whether a round trip between two prices (ticks) is worth more than two maker fees."""
        fee, per = self._fee
        return abs(exit_price - entry) * per > fee * (entry + exit_price)

    def exit_distance(self, level: int, direction: int) -> int:
        """Levels from an entry to its exit: the interval, or as many more as the fees need."""
        known = self._distances.get((level, direction))
        if known is not None:
            return known
        price = self.lattice.price
        entry, distance = price(level), self.multiple
        while not self.earns(entry, price(level + direction * distance)):
            distance += 1
        if len(self._distances) >= RUNGS:
            self._distances.clear()
        self._distances[level, direction] = distance
        return distance

    # --- candles -----------------------------------------------------------------------------------------------------

    @property
    def reads_candles(self) -> bool:
        """Whether closed candles change anything."""
        return self._dynamic.scale > 0 or self.settings.volatility_sizing

    def candle(self, candle: Candle) -> bool:
        """Take a candle. True when the interval or the amount has changed: the next decision may find work."""
        if not self.reads_candles or not self._indicators.add(candle):
            return False
        price = self.lattice.price(self.centre) if self.centre is not None else self._ticks(candle.close)
        atr = self._indicators.atr
        self._dynamic.closed(
            None if atr is None else atr * self.instrument.ticks_per_unit, spacing(self.lattice, max(price, 1))
        )
        return self._resize() | self._widen()

    def _ticks(self, price: float) -> int:
        return max(1, round(price * self.instrument.ticks_per_unit))

    def _widen(self) -> bool:
        """Ask for a new centre when the interval is to be another one. What the fees need shrinks here only."""
        centre = self.centre
        if centre is None:
            return False
        price = self.lattice.price
        least = self._dynamic.value
        while self._least > least and not self.earns(price(centre), price(centre + least)):
            least += 1
        self._least = least
        if least == self.multiple:
            return False
        self.down, self.up = FAR, -FAR
        return True

    def _resize(self) -> bool:
        if not self.settings.volatility_sizing:
            return False
        amount = scaled(self.full_amount, size_factor(self._indicators.volatility))
        changed = amount != self.amount
        if changed:
            self.amount = amount
            self._rungs.clear()
        return changed


def _band(down: int, up: int, scale: int) -> tuple[int, int]:
    """The mid prices, low <= mid < high, whose skewed prices lie between two edges x ONE, both included."""
    return (ceil_div(down, scale) if down != -FAR else -FAR, up // scale + 1 if up != FAR else FAR)
