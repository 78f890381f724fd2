"""Whatever the market does, what a grid closes has earned more than the maker fees of its way in and out."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.desk import FEES, Desk
from support.examples import examples
from support.paths import MOVES, Move, go, grids

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.slots import Booked


class Books(Desk):
    """A desk that looks at each fill that closes something. closed: so many."""

    closed = 0

    def fill(self, client_id: ClientId, quantity: int, *, price: int | None = None) -> Booked | None:
        order = self.venue[client_id].order
        quantity = min(quantity, self.venue[client_id].left)
        holding = self.slots.by_level[order_level(self, client_id)]
        before = holding.position
        booked = super().fill(client_id, quantity, price=price)
        if booked is not None and before and (before > 0) is not order.buys and quantity <= abs(before):
            self.closed += 1
            leave = quantity * order.price
            enter = leave - booked.realized if before > 0 else leave + booked.realized
            # the cost of a part is a whole number of quanta: it may be off by one
            assert booked.realized + 1 > FEES.maker * (enter + leave)
        return booked


def order_level(desk: Desk, client_id: ClientId) -> int:
    slot = desk.slots.holder(client_id)
    assert slot is not None
    return slot.level


@given(config=grids(), near=st.none() | st.integers(42, 60), moves=MOVES)
@examples(150)
def test_what_is_closed_has_earned_more_than_two_maker_fees(
    config: GridSettings, near: int | None, moves: list[Move]
) -> None:
    if near is not None:  # an interval that earns little more than its fees, 40 ticks at the anchor
        config = replace(config, interval=Decimal(near) / 10, interval_percent=None)
    books = Books(config)
    for move in moves:
        go(books, move)


def test_the_law_is_asked_of_something() -> None:
    config = GridSettings(interval_percent=Decimal(1))
    books = Books(config)
    for price in (0, -15, 10, -30, 20):
        go(books, Move(price, 1, 100, closed=False))
    assert books.closed >= 3
