"""Which exits a position bears: never more than is held, and never fewer than fit in their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.admission import borne
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.strategy import Place

EXITS = (OrderKind.EXIT_SELL, OrderKind.EXIT_BUY)
PLACES = st.lists(
    st.builds(Place, st.integers(-5, 5), st.sampled_from(OrderKind), st.just(100), st.integers(1, 9), st.booleans()),
    max_size=8,
)


@given(places=PLACES, position=st.integers(-30, 30), sells=st.integers(0, 30), buys=st.integers(0, 30))
def test_f20_exits_are_never_more_than_the_position_bears_and_nothing_else_is_held_back(
    places: list[Place], position: int, sells: int, buys: int
) -> None:
    passed, held_back = borne(places, position, sells, buys)
    assert sorted([*passed, *held_back]) == sorted(places)
    assert all(place.reduce_only and place.kind in EXITS for place in held_back)
    for buying, room in ((False, max(position, 0) - sells), (True, max(-position, 0) - buys)):
        sent = sum(p.quantity for p in passed if p.reduce_only and p.kind in EXITS and p.kind.buys is buying)
        assert sent <= max(room, 0)
        for place in held_back:
            if place.kind in EXITS and place.kind.buys is buying:
                assert sent + place.quantity > room
