"""Client order ids: decoded to what was encoded, never two alike, never cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import (
    LENGTH,
    IdCoder,
    OrderKey,
    OrderKind,
    base36,
    check_instance,
    decode,
    is_ours,
    unzigzag,
    zigzag,
)

LEVELS = st.integers(-839_807, 839_807)
GENERATIONS = st.integers(0, 36**4 - 1)
INSTANCES = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=2)
KEYS = st.builds(
    OrderKey,
    instance=INSTANCES,
    symbol=st.integers(0, 36**3 - 1),
    epoch=st.integers(0, 36**3 - 1),
    level=LEVELS,
    kind=st.sampled_from(OrderKind),
    generation=GENERATIONS,
)


def encode(key: OrderKey) -> str:
    return IdCoder(key.instance, key.symbol, key.epoch).encode(key.level, key.kind, key.generation)


@given(KEYS)
def test_an_id_decodes_to_what_was_encoded(key: OrderKey) -> None:
    text = encode(key)
    assert decode(text) == key
    assert is_ours(text, key.instance)


@given(KEYS)
def test_an_id_fits_every_venue(key: OrderKey) -> None:
    text = encode(key)
    assert len(text) == LENGTH == 19
    assert text.isalnum()
    assert text == text.lower()
    assert not text.startswith("t")


@given(KEYS, KEYS)
def test_different_orders_have_different_ids(one: OrderKey, other: OrderKey) -> None:
    assert (encode(one) == encode(other)) is (one == other)


def test_a_million_ids_of_a_symbol_are_all_different() -> None:
    coder = IdCoder("aa", 1)
    encode_one = coder.encode
    kinds = list(OrderKind)[:4]
    ids = {
        encode_one(level, kind, generation)
        for level in range(-125, 125)
        for kind in kinds
        for generation in range(1_000)
    }
    assert len(ids) == 1_000_000


@given(st.integers())
def test_zigzag_has_an_inverse(level: int) -> None:
    assert zigzag(level) >= 0
    assert unzigzag(zigzag(level)) == level


@given(st.text(max_size=25))
def test_a_foreign_id_is_none_of_ours(text: str) -> None:
    key = decode(text)
    assert key is None or encode(key) == text
    assert not is_ours(text, "zz") or text.startswith("sqzz")


@pytest.mark.parametrize(
    "text",
    ["", "web_1234", "sqaa001000000ab00", "sqaa00100000000A0001", "sqaa0010000000q0001", "xqaa0010000000b0001"],
)
def test_what_only_looks_like_an_id_is_foreign(text: str) -> None:
    assert decode(text) is None


@given(st.integers(0, 36**4 - 1))
def test_base36_is_what_python_reads(value: int) -> None:
    assert int(base36(value, 4, "value"), 36) == value


@pytest.mark.parametrize(
    ("level", "generation", "field"), [(840_000, 0, "level"), (-840_000, 0, "level"), (0, 36**4, "generation")]
)
def test_a_number_that_does_not_fit_is_refused_and_not_cut(level: int, generation: int, field: str) -> None:
    with pytest.raises(InvalidValue) as error:
        IdCoder("aa", 1).encode(level, OrderKind.OPEN_BUY, generation)
    assert error.value.field == field


def test_a_negative_generation_is_refused() -> None:
    with pytest.raises(InvalidValue):
        IdCoder("aa", 1).encode(0, OrderKind.OPEN_BUY, -1)


@pytest.mark.parametrize("instance", ["", "a", "abc", "A1", "é1", "a-"])
def test_an_instance_is_two_digits_of_base_36(instance: str) -> None:
    with pytest.raises(InvalidValue):
        check_instance(instance)


def test_kinds_know_what_they_do() -> None:
    assert [kind for kind in OrderKind if kind.opens] == [OrderKind.OPEN_BUY, OrderKind.OPEN_SELL]
    assert [kind for kind in OrderKind if kind.buys] == [OrderKind.OPEN_BUY, OrderKind.EXIT_BUY, OrderKind.FLATTEN_BUY]
