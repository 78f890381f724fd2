from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.cli.main import run
from opensqt_actors.config.document import parse
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.loading import check
from opensqt_actors.config.schema import json_schema, schema_text, sections
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.settings_check import grid_problems

ROOT = Path(__file__).parents[3]
ACCOUNT = "accounts: {main: {venue: binanceusdm, simulated: {port: 1, ca: a}, api_key: sim-k, secret: sim-s}}\n"
GOOD = GridSettings(interval_percent=Decimal("0.4"), max_position=Decimal(10) ** 12, max_open_orders=10)


def fields() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(section, name, shape) of every setting."""
    schema = json_schema()
    kinds = {**schema["$defs"], "Settings": schema}
    for model in sections():
        for name, shape in kinds[model.__name__]["properties"].items():
            yield model.__name__, name, shape


def numbers(shape: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The shapes of numbers in a setting."""
    if shape.get("type") in ("integer", "number") or any("maximum" in key.lower() for key in shape):
        yield shape
        return
    for inner in shape.get("anyOf", ()):
        yield from numbers(inner)


def test_the_schema_in_the_repository_is_the_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    printed = capsys.readouterr().out
    assert printed == schema_text() == (ROOT / "config" / "schema.json").read_text()
    assert json.loads(printed)["title"] == "OpenSQT Actors configuration"


def test_every_setting_says_how_a_change_is_taken() -> None:
    marks = {(section, name): shape["x-change"] for section, name, shape in fields() if "$ref" not in shape}
    assert set(marks.values()) == {"live", "restart"}
    assert {section for (section, _), mark in marks.items() if mark == "live"} == {"SymbolEntry", "GridDefaults"}
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    said = re.search(r"takes a change of (.+) while it runs", page)
    assert said is not None
    assert said[1] == "`symbols` and `defaults`"


def test_every_number_has_bounds_in_words_that_editors_know() -> None:
    bare = []
    for section, name, shape in fields():
        for number in numbers(shape):
            assert not {"gt", "ge", "le", "lt", "max_digits"} & number.keys()
            if not {"minimum", "exclusiveMinimum"} & number.keys():
                bare.append(f"{section}.{name}")
    assert bare == []


@pytest.mark.parametrize("name", ["amount", "interval_percent", "skew", "atr_scale", "buy_window", "max_multiple"])
def test_bounds_of_a_grid_are_those_that_the_check_has(name: str) -> None:
    shape = next(shape for section, found, shape in fields() if (section, found) == ("GridDefaults", name))
    (number,) = numbers(shape)
    kind = int if number.get("type") == "integer" else Decimal
    low, above = number.get("minimum"), number.get("exclusiveMinimum")
    bad = [kind(number["maximum"]) + 1, kind(above if low is None else low - 1)]
    good = [kind(number["maximum"]), kind(above + 1 if low is None else low)]
    for value in good:
        grid = replace(GOOD, **{name: value, "max_position": None})
        assert name not in {problem.field for problem in grid_problems(grid)} or (name, value) == ("buy_window", 0)
    for value in bad:
        assert name in {problem.field for problem in grid_problems(replace(GOOD, **{name: value}))}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("exectuion: {}", "exectuion: is not a setting; did you mean `execution`?"),
        ("execution: {margin_lok: 1}", "execution.margin_lok: is not a setting; did you mean `margin_lock`?"),
        ("risk: {preflight: {max_levrage: 1}}", "risk.preflight.max_levrage: is not a setting; did you mean `max_le"),
        ("risk: {exposure: {ordr: {}}}", "risk.exposure.ordr: is not a setting; did you mean `order`?"),
        (
            "risk: {exposure: {order: {notionel: 1}}}",
            "risk.exposure.order.notionel: is not a setting; did you mean `notional`?",
        ),
        (
            "symbols: [{symbol: BTCUSDT, amuont: 1, interval: 1}]",
            "symbols[0].amuont: is not a setting; did you mean `amount`?",
        ),
        ("defaults: {windw: 1}", "defaults.windw: is not a setting"),
        ("defaults: {xyzzy: 1}", "defaults.xyzzy: is not a setting"),
    ],
)
def test_an_unknown_key_is_refused_with_what_was_meant_at_every_depth(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(parse(ACCOUNT + text, Path("c.yaml")))
    assert sentence in error.value.sentence
    assert "\n" not in error.value.sentence


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("burts: 1", "accounts.main.budget.burts: is not a setting; did you mean `burst`?"),
        ("orders_per_secnd: 1", "did you mean `orders_per_second`?"),
    ],
)
def test_an_unknown_key_of_an_account_is_found_below_its_own_name(part: str, sentence: str) -> None:
    text = ACCOUNT.replace("secret: sim-s", f"secret: sim-s, budget: {{{part}}}")
    with pytest.raises(ConfigError) as error:
        check(parse(text, Path("c.yaml")))
    assert sentence in error.value.sentence


@pytest.mark.parametrize("seconds", [1, 9])
def test_a_countdown_too_short_to_be_renewed_is_refused_with_what_would_be_right(seconds: int) -> None:
    text = ACCOUNT.replace("secret: sim-s", f"secret: sim-s, dead_man_switch: {seconds}")
    with pytest.raises(ConfigError) as error:
        check(parse(text, Path("c.yaml")))
    assert "dead_man_switch must be 0 (off) or at least 10 seconds" in error.value.sentence


def test_a_silence_of_a_word_or_two_is_refused_as_a_limit() -> None:
    with pytest.raises(ConfigError) as error:
        check(parse(ACCOUNT + "\nsupervision: {shard_unheard: 2}\n", Path("c.yaml")))
    assert "supervision: shard_unheard must be 0 (never) or at least 3 seconds" in error.value.sentence
    assert check(parse(ACCOUNT + "\nsupervision: {shard_unheard: 0}\n", Path("c.yaml"))).supervision.shard_unheard == 0
