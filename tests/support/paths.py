"""Any grid, and any way of its market: strategies of Hypothesis, and one step of such a way."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st
from support.desk import Desk

from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.strategy import OPEN, Gate

CLOSED = Gate((("paused", "paused by an operator"),))


@st.composite
def grids(draw: st.DrawFn) -> GridSettings:
    """Anything that a configuration may say."""
    percent = draw(st.booleans())
    return GridSettings(
        mode=draw(st.sampled_from(GridMode)),
        amount=Decimal(draw(st.sampled_from([6, 12, 100, 1_000]))),
        interval=None if percent else Decimal(draw(st.integers(5, 300))),
        interval_percent=Decimal(draw(st.integers(6, 300))) / 100 if percent else None,
        buy_window=draw(st.integers(1, 8)),
        sell_window=draw(st.integers(1, 8)),
        skew=Decimal(draw(st.sampled_from(["0", "0.001", "0.02"]))),
        max_position=Decimal(draw(st.sampled_from([1_000, 3_000, 100_000]))),
        max_open_orders=draw(st.sampled_from([1, 3, 8, 50])),
    )


@dataclass(frozen=True)
class Move:
    """The market goes to `price` (parts of a thousand of the anchor), `spread` ticks wide."""

    price: int
    spread: int
    share: int
    closed: bool

    def quote(self, desk: Desk) -> tuple[int, int]:
        """Bid and ask in ticks."""
        bid = desk.grid.lattice.anchor * (1_000 + self.price) // 1_000
        return bid, bid + self.spread


MOVES = st.lists(
    st.builds(
        Move,
        price=st.integers(-60, 60) | st.sampled_from([0, 5, 10, -5, -10]),
        spread=st.integers(1, 40),
        share=st.sampled_from([0, 1, 50, 100]),
        closed=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=12,
)


def go(desk: Desk, move: Move) -> Gate:
    """One step of the market: what it goes through fills, wholly or in part, and the grid comes to rest."""
    bid, ask = move.quote(desk)
    for client_id in desk.crossed(bid, ask):
        left = desk.venue[client_id].left
        desk.fill(client_id, left)
    if move.share < 100:
        for client_id, resting in list(desk.venue.items()):
            near = abs(resting.order.price - bid) <= 50
            part = resting.left * move.share // 100
            if near and part:
                desk.fill(client_id, part)
    gate = CLOSED if move.closed else OPEN
    desk.settle(bid, ask, gate)
    return gate
