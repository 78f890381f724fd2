"""The slot-based trailing grid: which orders should rest at a price, and the prices between which that stays true.

All distances are measured in lattice levels and compared in whole ticks; the skewed price is a fixed-point integer,
so a decision and the edges of its quiet band can never disagree by a rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Candle
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.slots import Slot, Slots, SlotStatus
from opensqt_actors.domain.strategy import Decision, Gate, Market, Place, Reason, profit_floor_percent

ONE = 1 << 20
FAR = 1 << 62
_NO_ORDER = Reason("", "")


def ceil_div(numerator: int, denominator: int) -> int:
    """Ceiling of a division of whole numbers."""
    return -(-numerator // denominator)


class Rung(NamedTuple):
    """One level of the opening ladder. price: ticks; quantity: steps, 0 when the venue would refuse the size."""

    level: int
    kind: OrderKind
    price: int
    quantity: int


class Draft:
    """One decision in the making. low, high: the band so far; reasons: filled in only when somebody asks why."""

    __slots__ = ("ask", "bid", "cancels", "high", "low", "mid", "now", "places", "reasons", "recheck")

    def __init__(self, bid: int, ask: int, now: int, reasons: dict[int, Reason] | None = None) -> None:
        self.bid = bid
        self.ask = ask
        self.mid = (bid + ask) // 2
        self.now = now
        self.cancels: list[int] = []
        self.places: list[Place] = []
        self.low = -FAR
        self.high = FAR
        self.recheck = 0
        self.reasons = reasons

    def cancel(self, slot: Slot) -> None:
        """The slot's order should go; asked for once, and only when it rests."""
        if slot.status is SlotStatus.LOCKED and slot.level not in self.cancels:
            self.cancels.append(slot.level)

    def quiet(self, low: int, high: int) -> None:
        """Narrow the band."""
        self.low = max(self.low, low)
        self.high = min(self.high, high)

    def wait_until(self, moment: int) -> None:
        """Decide again at `moment` even if no price comes."""
        self.recheck = min(self.recheck or moment, moment)

    def because(self, level: int, code: str, sentence: str) -> None:
        """Say why a level has no order, if somebody asked."""
        if self.reasons is not None:
            self.reasons[level] = Reason(code, sentence)


class _Room:
    """What the limits on orders and position leave to a walk from the market outwards."""

    def __init__(self, grid: Grid, slots: Slots, draft: Draft) -> None:
        self.settings = grid.settings
        self.orders = grid.settings.max_open_orders - grid.exits_needed(slots)
        self.buys = grid.limit - slots.long_cost
        self.sells = grid.limit - slots.short_cost

    def refusal(self, buys: bool, value: int) -> tuple[str, str] | None:
        """Which limit keeps an opening order of this value (quanta) away, and its sentence."""
        if value > (self.buys if buys else self.sells):
            return "max_position", f"would take the position over max_position {self.settings.position_limit}"
        if self.orders <= 0:
            return "max_open_orders", f"nearer orders use up max_open_orders {self.settings.max_open_orders}"
        return None

    def take(self, buys: bool, value: int) -> None:
        """One more opening order of this value."""
        self.orders -= 1
        if buys:
            self.buys -= value
        else:
            self.sells -= value


class Grid:
    """One market's grid. State: centre level and interval multiple; everything else comes in with each call."""

    def __init__(self, market: Market) -> None:
        check_profit(market)
        settings = market.settings
        self.instrument = market.instrument
        self.settings = settings
        self.lattice: Lattice = market.lattice
        self.buys = settings.mode is not GridMode.SHORT
        self.sells = settings.mode is not GridMode.LONG
        self.reduce_only = settings.mode is not GridMode.NEUTRAL
        self.amount = market.instrument.quanta(settings.amount)
        self.limit = market.instrument.quanta(settings.position_limit)
        self.skew = float(settings.skew)
        self.multiple = 1
        self.centre: int | None = None
        self._scale = ONE
        self._up = FAR
        self._down = -FAR
        self._centre_band = (-FAR, FAR)
        self._want_buys: frozenset[int] = frozenset()
        self._want_sells: frozenset[int] = frozenset()
        self._dusty: set[int] = set()

    # --- decision ----------------------------------------------------------------------------------------------------

    def decide(self, slots: Slots, bid: int, ask: int, gate: Gate, now: int) -> Decision:
        """What should change now, and the quiet band."""
        draft = Draft(bid, ask, now)
        self._follow(slots, draft.mid)
        self._decide(slots, gate, draft)
        return Decision(draft.cancels, draft.places, draft.low, draft.high, draft.recheck)

    def _decide(self, slots: Slots, gate: Gate, draft: Draft) -> None:
        explaining = draft.reasons is not None
        for level in tuple(slots.held if explaining else slots.attention):
            if self._exit(slots, slots.held[level], draft) and not explaining:
                slots.attention.discard(level)
        draft.quiet(*self._centre_band)
        if gate.opens:
            if explaining or not self._openings(slots, draft):
                self._walk(slots, draft)
            return
        for slot in (*slots.open_buys.values(), *slots.open_sells.values()):
            draft.cancel(slot)
        for rung in self._ladder if explaining else ():
            draft.because(rung.level, *gate.closed[0])

    # --- centre ------------------------------------------------------------------------------------------------------

    def _follow(self, slots: Slots, mid: int) -> None:
        """Move the centre when the skewed price is more than 0.6 intervals away from it."""
        if self.skew:
            self._rescale(slots)
        if self.centre is not None and self._down <= mid * self._scale <= self._up:
            return
        self._recentre(self.lattice.nearest(mid * self._scale // ONE, self.multiple))
        self._forget(slots)

    def _rescale(self, slots: Slots) -> None:
        """The skew of the price, from the net position at cost."""
        net = slots.long_cost - slots.short_cost
        ratio = max(-1.0, min(1.0, net / self.limit)) if self.limit else 0.0
        scale = round((1.0 - self.skew * ratio) * ONE)
        if scale != self._scale:
            self._scale = scale
            self._centre_band = self._band()

    def _recentre(self, centre: int) -> None:
        m = self.multiple
        price = self.lattice.price
        here = price(centre)
        self.centre = centre
        self._up = (here * 10 + 6 * (price(centre + m) - here)) * ONE // 10
        self._down = ceil_div((here * 10 - 6 * (here - price(centre - m))) * ONE, 10)
        self._centre_band = self._band()
        if self.buys:
            self._want_buys = frozenset(range(centre - self.settings.buy_window * m, centre, m))
        if self.sells:
            self._want_sells = frozenset(range(centre + m, centre + self.settings.sell_window * m + 1, m))

    def _band(self) -> tuple[int, int]:
        """Mid prices at which the centre stays: low <= mid < high."""
        return ceil_div(self._down, self._scale), self._up // self._scale + 1

    @property
    def _ladder(self) -> list[Rung]:
        """The window's levels, nearest first."""
        if self.centre is None:
            return []
        ladder: list[Rung] = []
        for j in range(1, max(self.settings.buy_window, self.settings.sell_window) + 1):
            if self.buys and j <= self.settings.buy_window:
                ladder.append(self._rung(self.centre - j * self.multiple, OrderKind.OPEN_BUY))
            if self.sells and j <= self.settings.sell_window:
                ladder.append(self._rung(self.centre + j * self.multiple, OrderKind.OPEN_SELL))
        return ladder

    def _rung(self, level: int, kind: OrderKind) -> Rung:
        price = self.lattice.price(level)
        quantity = self.instrument.steps_for(self.amount, price)
        return Rung(level, kind, price, quantity if self.instrument.tradable(price, quantity) else 0)

    def _forget(self, slots: Slots) -> None:
        """Drop empty slots that left the window."""
        want_buys, want_sells = self._want_buys, self._want_sells
        for level in [k for k in slots.idle if k not in want_buys and k not in want_sells]:
            slots.drop(level)

    # --- openings ----------------------------------------------------------------------------------------------------

    def _openings(self, slots: Slots, draft: Draft) -> bool:
        """Do what `_walk` does, at the cost of what has changed. False, with nothing done: a limit is near, walk."""
        buys, sells = slots.open_buys, slots.open_sells
        want_buys, want_sells = self._want_buys, self._want_sells
        odd = [level for level in buys if level not in want_buys or level in slots.exits]
        odd += [level for level in sells if level not in want_sells or level in slots.exits]
        if (
            self._dusty
            or len(slots.held) + len(want_buys) + len(want_sells) + len(odd) > self.settings.max_open_orders
            or (want_buys and slots.long_cost + self.amount * (len(want_buys) + len(odd)) > self.limit)
            or (want_sells and slots.short_cost + self.amount * (len(want_sells) + len(odd)) > self.limit)
        ):
            return False
        for level in odd:
            slot = slots.by_level[level]
            order = slot.order
            if order is None or slot.position or slot.status is not SlotStatus.LOCKED:
                continue
            stays = level not in slots.exits and self._came_to(level, order.kind, draft)
            if not stays:
                draft.cancel(slot)
        missing = list(want_buys.difference(buys, slots.held, slots.exits))
        missing += want_sells.difference(sells, slots.held, slots.exits)
        if missing:
            centre = self.centre or 0
            missing.sort(key=lambda level: (abs(level - centre), level))
            for level in missing:
                slot_here = slots.by_level.get(level)
                if slot_here is None or slot_here.order is None:
                    rung = self._rung(level, OrderKind.OPEN_BUY if level < centre else OrderKind.OPEN_SELL)
                    if rung.quantity:
                        self._enter(slot_here, rung, draft)
        return True

    def _walk(self, slots: Slots, draft: Draft) -> None:
        """Walk the ladder from the market outwards: keep what rests, place what is missing, cancel the rest."""
        resting = [*slots.open_buys.values(), *slots.open_sells.values()]
        room = _Room(self, slots, draft)
        kept: set[int] = set()
        for slot in resting:
            order = slot.order
            if order is None or slot.level in slots.exits or room.orders <= 0:
                continue
            if self._came_to(slot.level, order.kind, draft):
                kept.add(slot.level)
                room.take(order.buys, order.price * order.remaining)
        for rung in self._ladder:
            slot_here = slots.by_level.get(rung.level)
            order = None if slot_here is None else slot_here.order
            if slot_here is not None and order is None and slot_here.position and not self._dust(slot_here):
                continue
            if order is not None and order.kind is not rung.kind:
                continue
            if rung.level in slots.exits:
                sentence = f"the exit of level {slots.exits[rung.level]} has this level"
                draft.because(rung.level, "exit_level", sentence)
                continue
            buys = rung.kind is OrderKind.OPEN_BUY
            value = rung.price * rung.quantity if order is None else order.price * order.remaining
            refusal = room.refusal(buys, value)
            if refusal is not None:
                draft.because(rung.level, *refusal)
                continue
            if order is None and rung.quantity == 0:
                draft.because(rung.level, "too_small", self._too_small(rung.price))
                continue
            room.take(buys, value)
            if order is not None:
                kept.add(rung.level)
            else:
                self._enter(slot_here, rung, draft)
        for slot in resting:
            unwanted = slot.level not in kept and not slot.position and slot.level not in draft.cancels
            if unwanted and slot.status is SlotStatus.LOCKED:
                draft.cancel(slot)

    def _enter(self, slot: Slot | None, rung: Rung, draft: Draft) -> None:
        """Place an opening order, or say from which price or moment on it may be placed."""
        if slot is not None and slot.blocked_until > draft.now:
            draft.wait_until(slot.blocked_until)
            draft.because(rung.level, "blocked", slot.blocked_reason)
            return
        m, price = self.multiple, self.lattice.price
        here = rung.price
        if rung.kind is OrderKind.OPEN_BUY:
            edge = (here * 10 + price(rung.level + m) - here) * ONE // (10 * self._scale) + 1
            blocked = draft.mid < edge or draft.ask <= here
            if blocked:
                draft.quiet(-FAR, max(edge, here + 1))
        else:
            edge = ceil_div((here * 10 - (here - price(rung.level - m))) * ONE, 10 * self._scale) - 1
            blocked = draft.mid > edge or draft.bid >= here
            if blocked:
                draft.quiet(min(edge + 1, here), FAR)
        if blocked:
            draft.because(
                rung.level, "buffer", "closer to the market than the safety buffer of a tenth of the interval"
            )
        else:
            draft.because(rung.level, "due", "its order is placed with the next decision")
            draft.places.append(Place(rung.level, rung.kind, here, rung.quantity, False))

    def _came_to(self, level: int, kind: OrderKind, draft: Draft) -> bool:
        """Whether the market came to a resting opening order, so that it stays although the centre has moved."""
        centre = self.centre or 0
        if level == centre:
            return True
        if (level - centre) % self.multiple:
            return False
        price = self.lattice.price(level)
        if kind is OrderKind.OPEN_BUY:
            if level > centre and price >= draft.mid:
                draft.quiet(-FAR, price + 1)
                return True
        elif level < centre and price <= draft.mid:
            draft.quiet(price, FAR)
            return True
        return False

    # --- exits -------------------------------------------------------------------------------------------------------

    def filled(self, slots: Slots, slot: Slot) -> None:
        """Reserve the exit level of a slot that has just come to hold something."""
        if slot.position and slot.exit_level is None:
            slots.reserve_exit(slot, self.multiple)

    def exits_needed(self, slots: Slots) -> int:
        """Orders that what is held needs, those included that are not placed yet."""
        opening = slots.open_buys.keys() | slots.open_sells.keys()
        return sum(1 for level in slots.held if level not in self._dusty and level not in opening)

    def exit_price(self, slot: Slot) -> int:
        """Where a held slot is to be closed, in ticks."""
        if slot.exit_level is not None:
            return self.lattice.price(slot.exit_level)
        return self.lattice.price(slot.level + (self.multiple if slot.position > 0 else -self.multiple))

    def _dust(self, slot: Slot) -> bool:
        return not self.instrument.tradable(self.exit_price(slot), abs(slot.position))

    def _exit(self, slots: Slots, slot: Slot, draft: Draft) -> bool:
        """Bring a held slot's exit to what it should be. True: it is, and no price changes that."""
        self.filled(slots, slot)
        sells = slot.position > 0
        wanted = self.exit_price(slot)
        order = slot.order
        if self.instrument.tradable(wanted, abs(slot.position)):
            self._dusty.discard(slot.level)
        else:
            return self._keep_dust(slot, wanted, draft)
        if order is not None and order.opens:
            self._remainder(slot, wanted, draft)
            return False
        passed = draft.bid >= wanted if sells else draft.ask <= wanted
        if order is not None:
            if slot.status is not SlotStatus.LOCKED:
                return False
            right_size = order.remaining == abs(slot.position) and order.buys is not sells
            if not right_size or (order.price != wanted and not passed):
                draft.cancel(slot)
            elif order.price == wanted:
                return True
            else:
                self._quiet_while_passed(sells, wanted, draft)
            return False
        if slot.blocked_until > draft.now:
            draft.wait_until(slot.blocked_until)
            draft.because(slot.level, "blocked", slot.blocked_reason)
            return False
        if not passed and self._opening_in_the_way(slots, slot, draft):
            return False
        price = wanted if not passed else (draft.ask if sells else draft.bid)
        kind = OrderKind.EXIT_SELL if sells else OrderKind.EXIT_BUY
        draft.because(slot.level, "due", "its exit is placed with the next decision")
        draft.places.append(Place(slot.level, kind, price, abs(slot.position), self.reduce_only))
        if price != wanted:
            self._quiet_while_passed(sells, wanted, draft)
        return False

    def _keep_dust(self, slot: Slot, wanted: int, draft: Draft) -> bool:
        """What is too little to be sold on its own stays, until an opening order on its level joins it."""
        self._dusty.add(slot.level)
        order = slot.order
        if order is not None and not order.opens and slot.status is SlotStatus.LOCKED:
            if order.remaining != abs(slot.position) or order.buys is (slot.position > 0):
                draft.cancel(slot)
            return False
        small = self.instrument.too_small(wanted, abs(slot.position))
        draft.because(slot.level, "dust", f"holds {self.instrument.quantity(slot.position)}: {small}")
        return False

    def _quiet_while_passed(self, sells: bool, wanted: int, draft: Draft) -> None:
        if sells:
            draft.quiet(wanted, FAR)
        else:
            draft.quiet(-FAR, wanted + 1)

    def _opening_in_the_way(self, slots: Slots, slot: Slot, draft: Draft) -> bool:
        """An exit wins its level: an opening order there is cancelled first, the exit follows."""
        other = slots.by_level.get(slot.exit_level) if slot.exit_level is not None else None
        if other is None or other.order is None or not other.order.opens:
            return False
        if other.status is SlotStatus.LOCKED and other.level not in draft.cancels and not other.position:
            draft.cancel(other)
        draft.because(slot.level, "level_taken", "its exit waits until the opening order on the exit level has gone")
        return True

    def _remainder(self, slot: Slot, wanted: int, draft: Draft) -> None:
        """The rest of a partly filled opening works on until the mid is half an interval away on the exit side."""
        order = slot.order
        if order is None:
            return
        half = (order.price + wanted) // 2
        if slot.position > 0 and draft.mid < half:
            draft.quiet(-FAR, half)
        elif slot.position < 0 and draft.mid > half:
            draft.quiet(half + 1, FAR)
        elif slot.status is SlotStatus.LOCKED:
            draft.cancel(slot)

    # --- candles -----------------------------------------------------------------------------------------------------

    def candle(self, candle: Candle) -> None:
        """A fixed interval takes nothing from candles."""

    # --- what operators see ------------------------------------------------------------------------------------------

    def centre_price(self) -> int | None:
        """Centre of the grid in ticks."""
        return None if self.centre is None else self.lattice.price(self.centre)

    def interval_ticks(self) -> int:
        """The effective interval above the centre, in ticks."""
        centre = self.centre or 0
        return self.lattice.price(centre + self.multiple) - self.lattice.price(centre)

    def levels(self, slots: Slots) -> Iterable[int]:
        """The window's levels and every slot that holds or has in flight something, lowest first."""
        shown = {level for level, slot in slots.by_level.items() if slot.position or slot.order is not None}
        shown.update(self._want_buys, self._want_sells)
        if self.centre is not None:
            shown.add(self.centre)
        return sorted(shown)

    def why(self, slots: Slots, bid: int, ask: int, gate: Gate, now: int) -> dict[int, Reason]:
        """For each shown level without a resting order the rule that keeps one away: the decision, told aloud."""
        reasons: dict[int, Reason] = {}
        if self.centre is None:
            return reasons
        reasons[self.centre] = Reason("centre", "the centre of the grid carries no opening order")
        self._decide(slots, gate, Draft(bid, ask, now, reasons))
        for level, slot in slots.by_level.items():
            if slot.order is None:
                continue
            if slot.status is SlotStatus.LOCKED:
                reasons[level] = _NO_ORDER
            elif slot.order.terminal:
                reasons[level] = Reason("settling", "the order has ended; its last fills are still to come")
            else:
                doing = "cancel" if slot.order.cancelling else "place"
                reasons[level] = Reason("pending", f"a {doing} request is on its way; the venue has not answered yet")
        return reasons

    def _too_small(self, price: int) -> str:
        return self.instrument.too_small(price, self.instrument.steps_for(self.amount, price)) or ""


def check_profit(market: Market) -> None:
    """Refuse an interval at which a round trip of two maker fills would not earn its fees."""
    lattice = market.lattice
    floor = profit_floor_percent(market.fees)
    percent = lattice.base * 100 / lattice.anchor if lattice.ratio is None else float((lattice.ratio - 1) * 100)
    if percent <= float(floor):
        name = "interval" if market.settings.interval is not None else "interval_percent"
        raise InvalidValue(
            name,
            f"{percent:.4f} % of the price does not cover the fees of a round trip ({floor.normalize():f} % at a maker "
            f"fee of {(market.fees.maker * 100).normalize():f} %); choose a larger interval",
        )


def anchor_lattice(instrument: Instrument, settings: GridSettings, price: int) -> Lattice:
    """The lattice of a new symbol: anchored at the operator's anchor, or at the first price rounded to the interval."""
    if settings.anchor is not None:
        price = instrument.price_to_ticks(settings.anchor)
    if settings.interval_percent is not None:
        return Lattice.geometric(price, settings.interval_percent)
    if settings.interval is None:
        raise InvalidValue("interval", "or interval_percent is needed")
    base = instrument.price_to_ticks(settings.interval)
    if base <= 0:
        raise InvalidValue("interval", f"{settings.interval} is smaller than the tick {instrument.tick}")
    return Lattice(max(base, (price + base // 2) // base * base) if settings.anchor is None else price, base)
