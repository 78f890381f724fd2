"""What one account's opening orders and holdings come to, kept in line with the order tracker and with the symbols.

What has ended may have filled: it counts until its symbol, having heard of it, says what it holds. So the sums are
never too small while a fill is on its way from the venue to the slots.
"""

from __future__ import annotations

from decimal import Decimal

from opensqt_actors.actors.exchange_messages import OrderPlan
from opensqt_actors.actors.risk_messages import ExposureReport
from opensqt_actors.actors.tracker import Tracked, Tracker
from opensqt_actors.domain.exposure import UNIT, AccountExposure, Blocked, ExposureLimits, Limit
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import AccountState

SECOND = 1_000_000_000
REFRESH = 10 * SECOND
EQUITY_LIFE = 60 * SECOND


class ExposureBook:
    """active: whether there is any limit; without one nothing is counted and everything passes.

    watches_equity: whether a limit is a leverage, for which the account's equity is needed; shared: whether there is a
    limit over all accounts, of which this one is given a share.
    """

    def __init__(self, limits: ExposureLimits, tracker: Tracker, total: Limit | None = None) -> None:
        total = total or Limit()
        levels = [total, *(getattr(limits, level) for level in limits.__struct_fields__)]
        self.watches_equity = any(level.leverage is not None for level in levels)
        self.active = self.watches_equity or any(level.notional is not None for level in levels)
        self.shared = total != Limit()
        self._sums = AccountExposure(limits, shared=self.shared)
        self._equity: Decimal | None = None
        self._tracker = tracker
        self._instruments: dict[str, Instrument] = {}
        self._counted: dict[str, dict[ClientId, int]] = {}
        self._behind: set[str] = set()
        self._asked_at = 0
        self._equity_at = 0

    # --- symbols -----------------------------------------------------------------------------------------------------

    def add(self, instrument: Instrument) -> None:
        """A market whose rules are known; with another quantum everything is counted anew."""
        known = self._instruments.get(instrument.symbol)
        if known is None or known.quantum != instrument.quantum:
            self._counted[instrument.symbol] = {}
        self._instruments[instrument.symbol] = instrument
        self._sums.add(instrument.symbol, instrument.quantum)

    def remove(self, symbol: str) -> None:
        """A market has been left."""
        if self._instruments.pop(symbol, None) is not None:
            del self._counted[symbol]
            self._sums.remove(symbol)

    def hold(self, symbol: str, long: int, short: int, *, current: bool) -> None:
        """What the slots of a symbol hold on either side, at cost, quanta. current: it has heard all its news."""
        if not self.active or symbol not in self._instruments:
            return
        self._sums.hold(symbol, long, short)
        if current:
            self._behind.discard(symbol)
            counted = self._counted[symbol]
            for client_id, value in list(counted.items()):
                tracked = self._tracker.get(client_id)
                left = 0 if tracked is None else _left(tracked)
                if left != value:
                    self._count(symbol, client_id, tracked.kind.buys if tracked is not None else True, left)
        else:
            self._behind.add(symbol)

    def exposure(self, symbol: str) -> Decimal:
        """What a symbol comes to, in quote currency."""
        return self._sums.of(symbol)

    # --- the limit over all accounts ---------------------------------------------------------------------------------

    def give(self, share: int) -> None:
        """The share of the total limit to work under from now on, in units."""
        self._sums.share = share

    def report(self, account: str) -> ExposureReport:
        """What is used, and under which share."""
        equity = None if self._equity is None else int(self._equity * UNIT)
        return ExposureReport(account, self._sums.used, self._sums.share, equity)

    # --- orders ------------------------------------------------------------------------------------------------------

    def reserve(self, plan: OrderPlan) -> Blocked | None:
        """Count an opening order from now on, or say why it may not be sent."""
        request = plan.request
        symbol = request.symbol
        if not self.active:
            return None
        if symbol not in self._instruments:
            return Blocked("exposure_unknown", f"the rules of {symbol} are not known yet")
        if symbol in self._behind:
            return Blocked("exposure_unknown", "what is held has just changed; it is asked again in a moment")
        value = (request.price or 0) * request.quantity
        blocked = self._sums.reserve(request.client_id, symbol, buys=plan.kind.buys, value=value)
        if blocked is None:
            self._counted[symbol][request.client_id] = value
        return blocked

    def release(self, symbol: str, client_id: ClientId) -> None:
        """An order has ended, certainly without a fill."""
        if self.active and symbol in self._counted:
            self._count(symbol, client_id, True, 0)

    def find(self) -> None:
        """Once a second: count what rests and was not asked for through here, such as orders of an earlier life."""
        if not self.active:
            return
        for tracked in self._tracker.all_live():
            counted = self._counted.get(tracked.symbol)
            if tracked.kind.opens and counted is not None and tracked.client_id not in counted:
                self._count(tracked.symbol, tracked.client_id, tracked.kind.buys, _left(tracked))

    def _count(self, symbol: str, client_id: ClientId, buys: bool, value: int) -> None:
        self._sums.order(client_id, symbol, buys=buys, value=value)
        if value:
            self._counted[symbol][client_id] = value
        else:
            self._counted[symbol].pop(client_id, None)

    # --- equity ------------------------------------------------------------------------------------------------------

    def equity_due(self, now: int) -> bool:
        """Whether it is time to ask for the account's equity; asking counts as asked. One that is too old is none."""
        if not self.watches_equity or now - self._asked_at < REFRESH:
            return False
        if now - self._equity_at >= EQUITY_LIFE:
            self._equity = None
            self._sums.equity(None)
        self._asked_at = now
        return True

    def account(self, state: AccountState, now: int) -> None:
        """The venue's word on the account."""
        if state.equity is not None:
            self._equity_at = now
            self._equity = state.equity
            self._sums.equity(state.equity)


def _left(tracked: Tracked) -> int:
    """The value of what may still fill, quanta."""
    if tracked.report is not None and tracked.report.price:
        price = tracked.report.price
    elif tracked.plan is not None:
        price = tracked.plan.request.price or 0
    else:
        price = 0
    return price * (tracked.quantity - tracked.filled)
