"""The one place where decimals become ticks, steps and quanta."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.errors import InvalidValue, OpenSqtError
from opensqt_actors.domain.instrument import Instrument

SIZES = st.builds(lambda digit, power: Decimal(digit).scaleb(power), st.sampled_from([1, 2, 5]), st.integers(-8, 2))


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """Any market's rules."""
    return Instrument(
        "XUSDT", "X", "USDT", draw(SIZES), draw(SIZES), draw(SIZES), draw(st.integers(1, 100)),
        draw(st.sampled_from([0, 1_000])), Decimal(draw(st.integers(0, 100))),
    )  # fmt: skip


@given(instruments(), st.integers(1, 10**12))
def test_ticks_survive_the_way_to_a_price_and_back(instrument: Instrument, ticks: int) -> None:
    price = instrument.price(ticks)
    assert instrument.price_to_ticks(price) == ticks
    assert instrument.exact_ticks(price) == ticks
    assert round(float(price) * instrument.ticks_per_unit) == ticks


@given(instruments(), st.integers(1, 10**12))
def test_steps_survive_the_way_to_a_quantity_and_back(instrument: Instrument, steps: int) -> None:
    assert instrument.quantity_to_steps(instrument.quantity(steps)) == steps


@given(instruments(), st.integers(1, 10**9), st.integers(1, 10**9))
def test_money_is_price_times_quantity_times_contract_size(instrument: Instrument, ticks: int, steps: int) -> None:
    value = instrument.price(ticks) * instrument.quantity(steps) * instrument.contract_size
    assert instrument.money(ticks * steps) == value
    assert instrument.quanta(value) == ticks * steps


@given(instruments(), st.integers(1, 10**9), st.integers(1, 10**12))
def test_an_amount_buys_as_many_steps_as_it_can_pay(instrument: Instrument, ticks: int, amount: int) -> None:
    steps = instrument.steps_for(amount, ticks)
    assert steps * ticks <= amount
    if not instrument.max_quantity or steps < instrument.max_quantity:
        assert (steps + 1) * ticks > amount


@given(instruments(), st.integers(1, 10**6), st.integers(1, 10**6))
def test_tradable_is_when_nothing_is_too_small(instrument: Instrument, ticks: int, steps: int) -> None:
    assert instrument.tradable(ticks, steps) is (instrument.too_small(ticks, steps) is None)
    enough = instrument.money(ticks * steps) >= instrument.min_notional and steps >= instrument.min_quantity
    assert instrument.tradable(ticks, steps) is enough


def test_rounding_goes_the_way_that_was_asked_for() -> None:
    instrument = Instrument("XUSDT", "X", "USDT", Decimal("0.5"), Decimal("0.01"))
    assert instrument.price_to_ticks(Decimal("10.3")) == 21
    assert instrument.price_to_ticks(Decimal("10.3"), ROUND_FLOOR) == 20
    assert instrument.price_to_ticks(Decimal("10.3"), ROUND_CEILING) == 21
    assert instrument.quantity_to_steps(Decimal("0.019")) == 1


def test_the_sentence_names_the_rule_that_is_broken() -> None:
    instrument = Instrument(
        "XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.01"), min_quantity=5, min_notional=Decimal(100)
    )
    assert instrument.too_small(1, 4) == "quantity 0.04 is below the venue's minimum 0.05"
    assert instrument.too_small(1, 5) == "notional 0.005 is below the venue's minimum 100"


def test_nothing_is_bought_at_no_price() -> None:
    assert Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal(1)).steps_for(100, 0) == 0


def test_a_price_between_two_ticks_is_refused_by_name() -> None:
    with pytest.raises(InvalidValue, match=r"XUSDT price: 10\.3 is not a multiple of the tick 0\.5") as error:
        Instrument("XUSDT", "X", "USDT", Decimal("0.5"), Decimal(1)).exact_ticks(Decimal("10.3"))
    assert isinstance(error.value, OpenSqtError)
    assert error.value.code == "invalid_value"


@pytest.mark.parametrize("field", ["tick", "step", "contract_size"])
def test_rules_without_a_size_are_refused(field: str) -> None:
    values = {"tick": Decimal(1), "step": Decimal(1), "contract_size": Decimal(1), field: Decimal(0)}
    with pytest.raises(InvalidValue, match=field):
        Instrument("XUSDT", "X", "USDT", **values)
