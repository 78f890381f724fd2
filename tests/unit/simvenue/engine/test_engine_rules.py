"""Market rules: the universe, the file format, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.simvenue.rules import (
    RulesError,
    brackets,
    dump_rules,
    load_rules,
    make_rules,
    rules_from,
    rules_to,
    universe,
)

ENTRY: dict[str, Any] = {
    "symbol": "ABCUSDT",
    "base": "ABC",
    "quote": "USDT",
    "tick": "0.01",
    "step": "0.001",
    "reference": "12.34",
}


def test_a_universe_is_a_prefix_of_a_longer_one() -> None:
    assert universe(48)[:36] == universe(36)
    assert universe(200)[:120] == universe(120)


def test_a_universe_begins_with_names_that_everybody_knows() -> None:
    assert [rules.symbol for rules in universe(3)] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


def test_symbols_are_unique() -> None:
    symbols = [rules.symbol for rules in universe(400)]
    assert len(set(symbols)) == 400


@pytest.mark.parametrize("rules", universe(150), ids=lambda rules: rules.symbol)
def test_every_market_can_carry_a_grid_of_twenty_dollars_at_a_third_of_a_percent(rules: Any) -> None:
    assert Decimal("0.00001") <= rules.reference <= 100_000
    ticks = rules.to_ticks(rules.reference)
    assert ticks * Decimal("0.003") >= 3
    steps = rules.to_steps(20 / rules.reference)
    assert steps >= 10 * rules.min_qty
    assert rules.money(ticks * steps) > rules.min_notional * 3
    assert rules.quantity(rules.max_qty) * rules.reference > 100_000
    assert rules.cent <= Decimal("1e-8")


def test_rules_survive_both_file_formats(tmp_path: Path) -> None:
    markets = [*universe(5), make_rules("ETH", "BTC", Decimal("0.0984"))]
    for name in ("markets.yaml", "markets.json"):
        dump_rules(markets, tmp_path / name)
        assert load_rules(tmp_path / name) == markets


@given(st.integers(0, 149))
def test_one_entry_survives_the_round_trip(index: int) -> None:
    rules = universe(150)[index]
    assert rules_from(rules_to(rules)) == rules


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tick": None}, "tick must be a decimal number"),
        ({"tick": 0}, "tick must be more than 0"),
        ({"step": "-1"}, "step must be more than 0"),
        ({"tick": "NaN"}, "tick must be a decimal number"),
        ({"reference": "12.345"}, "multiple of the tick"),
        ({"min_qty": "5"}, "min_qty must be a whole number"),
        ({"min_qty": 0}, "min_qty"),
        ({"brackets": []}, "bracket"),
        ({"brackets": [{"cap": 1}]}, "bracket"),
        ({"tikc": 1}, "unknown field 'tikc'"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(RulesError, match=said) as caught:
        rules_from({**ENTRY, **change})
    assert "ABCUSDT" in str(caught.value)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(RulesError, match="step missing"):
        rules_from({key: value for key, value in ENTRY.items() if key != "step"})
    with pytest.raises(RulesError, match="mapping"):
        rules_from("BTCUSDT")


@pytest.mark.parametrize("text", ["[1, 2", "markets: 5", "- 1"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "markets.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RulesError, match=r"markets\.yaml"):
        load_rules(file)


def test_a_symbol_may_occur_once(tmp_path: Path) -> None:
    file = tmp_path / "markets.yaml"
    dump_rules([universe(1)[0], universe(1)[0]], file)
    with pytest.raises(RulesError, match="BTCUSDT more than once"):
        load_rules(file)


def test_maintenance_is_continuous_across_brackets() -> None:
    ladder = brackets(125)
    for lower, upper in pairwise(ladder):
        assert lower.cap * lower.rate - lower.deduction == lower.cap * upper.rate - upper.deduction
        assert lower.rate < upper.rate
        assert lower.max_leverage > upper.max_leverage


def test_brackets_bound_leverage_and_position() -> None:
    rules = make_rules("ABC", "USDT", Decimal(10))
    assert rules.bracket(Decimal(1)).max_leverage == 50
    assert rules.bracket(Decimal(10**30)) == rules.brackets[-1]
    assert rules.cap_at(50) == 50_000
    assert rules.cap_at(51) == 0
    assert rules.cap_at(1) == rules.brackets[-1].cap


def test_text_has_all_digits_and_no_exponent() -> None:
    rules = make_rules("PEPE", "USDT", Decimal("0.00002047"))
    assert rules.price_text(2047) == "0.00002047"
    assert rules.quantity_text(3) == "3"
    assert make_rules("ABC", "USDT", Decimal(100)).price_text(0) == "0.00"
