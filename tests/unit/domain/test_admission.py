"""No opening passes a gate that is closed, nor more than a trial allows; exits pass everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.admission import admitted
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.strategy import OPEN, Gate, Place

places = st.lists(
    st.builds(
        Place, st.integers(-9, 9), st.sampled_from(OrderKind), st.integers(1, 9), st.integers(1, 9), st.booleans()
    ),
    max_size=12,
)


@given(places, st.integers(0, 5))
def test_an_open_gate_lets_everything_pass(wanted: list[Place], openings: int) -> None:
    assert admitted(wanted, OPEN, openings) == wanted


@given(places, st.integers(0, 5))
def test_a_closed_gate_lets_exits_pass_alone(wanted: list[Place], openings: int) -> None:
    passed = admitted(wanted, Gate((("paused", ""),), 3), openings)
    assert passed == [place for place in wanted if not place.kind.opens]


@given(places, st.integers(0, 5), st.integers(0, 5))
def test_a_trial_lets_the_first_openings_pass_up_to_its_allowance(
    wanted: list[Place], openings: int, allowance: int
) -> None:
    passed = list(admitted(wanted, Gate(allowance=allowance), openings))
    opens = [place for place in passed if place.kind.opens]
    room = max(allowance - openings, 0)
    assert opens == [place for place in wanted if place.kind.opens][:room]
    assert [place for place in passed if not place.kind.opens] == [place for place in wanted if not place.kind.opens]
    assert [place for place in wanted if place in passed][: len(passed)] == passed or len(set(wanted)) < len(wanted)
