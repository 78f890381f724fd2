"""Running totals of one symbol: what was realised, paid and received. Grid profit is never mixed with price drift."""

from __future__ import annotations

from decimal import Decimal

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
