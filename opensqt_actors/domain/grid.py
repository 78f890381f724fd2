"""The slot-based trailing grid: which orders should rest at a price, and the prices between which that stays true.

Where the grid stands is the Ladder's, what closes a holding the Exits', what opens one the Openings'. All distances are
measured in lattice levels and compared in whole ticks.
"""

from __future__ import annotations

from collections.abc import Iterable

from opensqt_actors.domain.draft import FAR, Draft, ceil_div
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.exits import Exits
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.ladder import Ladder
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.openings import Openings
from opensqt_actors.domain.orders import Candle
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.slots import Slot, Slots, SlotStatus
from opensqt_actors.domain.strategy import Decision, Gate, Market, Reason, profit_floor_percent

__all__ = ["Draft", "Grid", "anchor_lattice", "ceil_div", "check_profit"]

_NO_ORDER = Reason("", "")


class Grid:
    """One market's grid. State: where the ladder stands and which levels hold dust; all else comes with each call.

    loose: the last decision's band as it would be if the centre never moved.
    """

    def __init__(self, market: Market) -> None:
        check_profit(market)
        self.settings = market.settings
        self.lattice = market.lattice
        self.ladder = Ladder(market)
        self.exits = Exits(self.ladder, reduce_only=market.settings.mode is not GridMode.NEUTRAL)
        self.openings = Openings(self.ladder, self.exits)
        self.loose = (-FAR, FAR)

    # --- over a restart ----------------------------------------------------------------------------------------------

    @property
    def memory(self) -> tuple[int, ...]:
        """Where the ladder stands: it is sticky, so prices and candles alone do not tell."""
        return self.ladder.memory

    def recall(self, memory: tuple[int, ...]) -> None:
        """Stand where the ladder stood."""
        self.ladder.recall(memory)

    # --- decision ----------------------------------------------------------------------------------------------------

    def decide(self, slots: Slots, bid: int, ask: int, gate: Gate, now: int) -> Decision:
        """What should change now, and the quiet band."""
        draft = Draft(bid, ask, now)
        ladder = self.ladder
        if ladder.follow(slots, draft.mid):
            self._forget(slots)
        self._decide(slots, gate, draft)
        self.loose = (draft.low, draft.high)
        draft.quiet(*ladder.band)
        return draft.decision()

    def protect(self, slots: Slots, gate: Gate, now: int) -> Decision:
        """Before the first price: exits for what is held, nothing that opens. No price is quiet yet."""
        draft = Draft(-FAR, FAR, now)
        draft.quiet(FAR, -FAR)
        self.exits.protect(slots, draft)
        if not gate.opens:
            self._take_back(slots, draft)
        return draft.decision()

    def _decide(self, slots: Slots, gate: Gate, draft: Draft) -> None:
        self.exits.settle(slots, draft)
        if gate.opens:
            self.openings.decide(slots, draft, gate)
            return
        self.openings.roomy = False
        self._take_back(slots, draft)
        if draft.reasons is not None:
            for rung in self.ladder.rungs():
                if rung.level not in slots.held:
                    draft.because(rung.level, *gate.closed[0])

    @staticmethod
    def _take_back(slots: Slots, draft: Draft) -> None:
        for slot in (*slots.open_buys.values(), *slots.open_sells.values()):
            draft.cancel(slot)

    def _forget(self, slots: Slots) -> None:
        """Drop empty slots that left the window."""
        if slots.idle:
            for level in slots.idle.difference(self.ladder.want_buys, self.ladder.want_sells):
                slots.drop(level)

    def filled(self, slots: Slots, slot: Slot) -> None:
        """Reserve the exit level of a slot that has just come to hold something."""
        self.exits.reserve(slots, slot)

    def candle(self, candle: Candle) -> None:
        """A candle closed: the interval and the amount of new openings may change."""
        self.ladder.candle(candle)

    # --- what operators see ------------------------------------------------------------------------------------------

    @property
    def centre(self) -> int | None:
        """The level at the centre, once there was a price."""
        return self.ladder.centre

    @property
    def limit(self) -> int:
        """The largest position of one side at cost, in quanta."""
        return self.ladder.limit

    def centre_price(self) -> int | None:
        """Centre of the grid in ticks."""
        return None if self.ladder.centre is None else self.lattice.price(self.ladder.centre)

    def interval_ticks(self) -> int:
        """The effective interval above the centre, in ticks."""
        centre = self.ladder.centre or 0
        return self.lattice.price(centre + self.ladder.multiple) - self.lattice.price(centre)

    def levels(self, slots: Slots) -> Iterable[int]:
        """The window's levels and every slot that holds or has in flight something, lowest first."""
        shown = {level for level, slot in slots.by_level.items() if slot.position or slot.order is not None}
        shown.update(self.ladder.want_buys, self.ladder.want_sells, self.ladder.clipped())
        if self.ladder.centre is not None:
            shown.add(self.ladder.centre)
        return sorted(shown)

    def why(self, slots: Slots, bid: int, ask: int, gate: Gate, now: int) -> dict[int, Reason]:
        """For each shown level without a resting order the rule that keeps one away: the decision, told aloud."""
        reasons: dict[int, Reason] = {}
        if self.ladder.centre is None:
            return reasons
        reasons[self.ladder.centre] = Reason("centre", "the centre of the grid carries no opening order")
        for level in self.ladder.clipped():
            reasons[level] = Reason("price_limit", "outside the prices that min_price and max_price allow to open at")
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
