"""Where symbols are placed, and how an account's budget is divided."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.placement import TOGETHER, WHOLE, place, shares
from opensqt_actors.domain.settings import SymbolSpec

specs = st.lists(
    st.builds(
        SymbolSpec,
        account=st.sampled_from(["a", "b", "c"]),
        symbol=st.integers(0, 10_000).map(str),
        number=st.just(-1),
        shard=st.none() | st.integers(0, 9),
    ),
    max_size=60,
    unique_by=lambda spec: (spec.account, spec.symbol),
)


def fresh(account: str, count: int) -> list[SymbolSpec]:
    return [SymbolSpec(account, f"S{number}", number) for number in range(count)]


@given(specs, st.integers(1, 6), st.frozensets(st.integers(0, 5)))
def test_every_symbol_has_a_shard_and_one_that_is_there_is_kept(
    rows: list[SymbolSpec], shards: int, closed: frozenset[int]
) -> None:
    placed = place(rows, shards, closed=closed)
    takes = set(range(shards)) - closed or set(range(shards))
    assert [(spec.account, spec.symbol) for spec in placed] == [(spec.account, spec.symbol) for spec in rows]
    assert {spec.shard for spec in placed} <= takes
    assert all(after.shard == before.shard for before, after in zip(rows, placed, strict=True) if before.shard in takes)
    assert place(placed, shards, closed=closed) == placed


@given(specs, st.integers(1, 6))
def test_an_account_that_must_stay_whole_is_never_spread(rows: list[SymbolSpec], shards: int) -> None:
    unplaced = [SymbolSpec(spec.account, spec.symbol, spec.number) for spec in rows]
    placed = place(unplaced, shards, whole=frozenset("abc"))
    for account in "abc":
        assert len({spec.shard for spec in placed if spec.account == account}) <= 1


def test_a_small_account_stays_together_and_accounts_go_to_different_shards() -> None:
    placed = place([*fresh("a", TOGETHER), *fresh("b", 3)], 2)
    assert {(spec.account, spec.shard) for spec in placed} == {("a", 0), ("b", 1)}


def test_an_account_with_many_symbols_is_spread_evenly() -> None:
    assert Counter(spec.shard for spec in place(fresh("a", 120), 4)) == {0: 30, 1: 30, 2: 30, 3: 30}


@given(
    st.dictionaries(st.integers(0, 9), st.integers(0, 500), max_size=8),
    st.dictionaries(st.integers(0, 9), st.integers(0, 10_000), max_size=8),
)
def test_shares_come_to_exactly_the_whole_and_only_shards_with_symbols_have_one(
    symbols: dict[int, int], waiting: dict[int, int]
) -> None:
    found = shares(symbols, waiting)
    there = {shard for shard, count in symbols.items() if count}
    assert found.keys() == there
    assert sum(found.values()) == (WHOLE if there else 0)


def test_a_shard_whose_requests_wait_has_more() -> None:
    assert shares({0: 5, 1: 5}, {}) == {0: 500, 1: 500}
    assert shares({0: 5, 1: 5}, {1: 40}) == {0: 250, 1: 750}
