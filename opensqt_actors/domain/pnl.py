"""Running totals of one symbol: what was realised, paid and received. Grid profit is never mixed with price drift."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees, Fill
from opensqt_actors.domain.records import TotalsSaved


class Totals:
    """realized: quanta, before fees; fees and funding: quote currency, funding positive when received.

    confirmed: the newest trade id up to which the venue has confirmed that no trade is missing.
    """

    __slots__ = ("confirmed", "fees", "funding", "realized", "round_trips")

    def __init__(self, saved: TotalsSaved) -> None:
        self.realized = saved.realized
        self.fees = saved.fees
        self.funding = saved.funding
        self.round_trips = saved.round_trips
        self.confirmed = saved.last_trade_id

    def saved(self, account: str, symbol: str) -> TotalsSaved:
        """The totals as a journal entry."""
        return TotalsSaved(account, symbol, self.realized, self.fees, self.funding, self.round_trips, self.confirmed)


KNOWN_LEVELS = 2_000


class Earned(Struct):
    """What the fills of one slot have come to. realized: quanta, before fees; fees: quote currency."""

    realized: int = 0
    fees: Decimal = Decimal(0)
    round_trips: int = 0


class EarnedByLevel:
    """What each slot has earned, for as long as its lattice stays. Of the levels, the 2,000 newest are remembered."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[int, Earned] = {}

    def of(self, level: int) -> Earned:
        """What the slot of this level has earned; nothing when no fill of it is remembered."""
        return self._levels.get(level) or Earned()

    def add(self, level: int, realized: int, fee: Decimal, *, round_trip: bool) -> None:
        """Count one fill: what it realised (quanta), its fee, and whether it has closed the slot."""
        earned = self._levels.get(level)
        if earned is None:
            if len(self._levels) >= KNOWN_LEVELS:
                del self._levels[next(iter(self._levels))]
            earned = self._levels[level] = Earned()
        earned.realized += realized
        earned.fees += fee
        earned.round_trips += round_trip

    def clear(self) -> None:
        """Levels mean other prices from now on."""
        self._levels.clear()


def unrealized(position: int, cost: int, mark: int) -> int:
    """Open profit in quanta. position: signed steps; cost: signed quanta paid; mark: ticks."""
    return position * mark - cost


def fee_in_quote(fill: Fill, instrument: Instrument, rates: Fees) -> Decimal:
    """A fill's fee in quote currency, valued at its own price; in a third asset (a discount token) at the fee rate."""
    if fill.fee_asset in (instrument.quote, ""):
        return fill.fee
    if fill.fee_asset == instrument.base:
        return fill.fee * instrument.price(fill.price)
    rate = rates.maker if fill.maker else rates.taker
    return rate * instrument.money(fill.price * fill.quantity)
