"""The tracker against a venue that tells anything at any time: what ended stays ended, fills never fall."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opensqt_actors.actors.exchange_messages import OrderPlan
from opensqt_actors.actors.tracker import Stage, Tracker
from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderReport, OrderRequest, OrderStatus, Side

NOW = 10**18
TIMEOUT = 5
QUANTITY = 9
REPORTS = (OrderStatus.PENDING, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELED, OrderStatus.FILLED)


class TrackerMachine(RuleBasedStateMachine):
    """One order; its venue may tell any of its states at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.tracker = Tracker(TIMEOUT)
        self.client_id = IdCoder("aa", 7).encode(0, OrderKind.OPEN_BUY, 1)
        request = OrderRequest(self.client_id, "XUSDT", Side.BUY, 100, QUANTITY)
        self.tracker.queue(OrderPlan(request, 0, OrderKind.OPEN_BUY, 1), self.now)
        self.ended = False
        self.filled = 0

    @rule(status=st.sampled_from(REPORTS), filled=st.integers(0, QUANTITY))
    def report(self, status: OrderStatus, filled: int) -> None:
        filled = QUANTITY if status is OrderStatus.FILLED else filled
        report = OrderReport(self.client_id, "XUSDT", "v1", Side.BUY, status, 100, QUANTITY, filled, self.now)
        old = self.tracker.observe(report, OrderKind.OPEN_BUY, self.now)
        assert old or not self.ended

    @rule(trade=st.integers(1, 4))
    def fill(self, trade: int) -> None:
        """A trade, perhaps told before."""
        fill = Fill(
            "XUSDT", trade, self.client_id, "v1", Side.BUY, 100, 3, Decimal(0), "USDT", maker=True, at=self.now
        )  # fmt: skip
        self.tracker.filled(fill)

    @rule()
    def cancel(self) -> None:
        tracked = self.tracker.get(self.client_id)
        if tracked is not None and tracked.stage is Stage.RESTING:
            self.tracker.cancelling(tracked, self.now)

    @rule()
    def send(self) -> None:
        tracked = self.tracker.get(self.client_id)
        if tracked is not None and tracked.stage is Stage.QUEUED:
            self.tracker.sending(tracked, self.now)

    @rule(wait=st.integers(1, 3 * TIMEOUT))
    def time_passes(self, wait: int) -> None:
        """A time-out asks for a look, and never ends an order."""
        self.now += wait
        before = self.tracker.get(self.client_id)
        for tracked in self.tracker.overdue(self.now):
            self.tracker.looking(tracked, self.now)
        assert self.tracker.get(self.client_id) is before

    @invariant()
    def the_end_absorbs_and_fills_never_fall(self) -> None:
        tracked = self.tracker.get(self.client_id)
        if self.ended:
            assert tracked is None
        if tracked is None:
            assert self.tracker.has_ended(self.client_id)
            self.ended = True
            return
        assert tracked.filled >= self.filled
        self.filled = tracked.filled


TestTracker = TrackerMachine.TestCase
TestTracker.settings = settings(max_examples=100, stateful_step_count=30)
