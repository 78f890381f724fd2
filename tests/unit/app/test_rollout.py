"""What a changed file asks for, and what of it is refused: by field, with its line, and never with a secret."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from opensqt_actors.actors.operations import grid_from_json
from opensqt_actors.actors.views import RegistryRow, RegistryView
from opensqt_actors.app.operations.rollout import changes
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.loading import load
from opensqt_actors.domain.settings import SymbolSpec, SymbolState

FILE = """
state_dir: state
accounts:
  main:
    venue: binanceusdm
    simulated: {port: 9443, ca: ca.pem}
    api_key: sim-key
    secret: sim-secret
defaults: {interval_percent: 0.4, buy_window: 5}
symbols:
  - BTCUSDT
  - symbol: ETHUSDT
    buy_window: 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    return path


def registry(path: Path, **states: SymbolState) -> RegistryView:
    """What trades after a first start with this file."""
    rows = []
    for spec in load(path).specs():
        changed = replace(spec, state=states.get(spec.symbol, SymbolState.TRADING))
        rows.append(RegistryRow(changed, "shard-0", False, None))  # type: ignore[arg-type] # not looked at
    return RegistryView(tuple(rows))


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def refused(path: Path, now: Any, view: RegistryView) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        changes(path, now, view)
    return caught.value.problems


def test_a_file_that_has_not_changed_asks_for_nothing(file: Path) -> None:
    found = changes(file, load(file), registry(file))
    assert (found.targets, found.notes) == ((), ())


def test_a_changed_default_changes_the_symbols_that_have_it(file: Path) -> None:
    now, view = load(file), registry(file)
    found = changes(changed(file, "buy_window: 5", "buy_window: 9"), now, view)
    assert [target["symbol"] for target in found.targets] == ["BTCUSDT"]
    assert grid_from_json(found.targets[0]["grid"]).buy_window == 9
    assert found.defaults.buy_window == 9


def test_symbols_change_in_the_order_of_the_file(file: Path) -> None:
    now, view = load(file), registry(file)
    found = changes(changed(file, "interval_percent: 0.4", "interval_percent: 0.5"), now, view)
    assert [target["symbol"] for target in found.targets] == ["BTCUSDT", "ETHUSDT"]
    assert grid_from_json(found.targets[1]["grid"]).interval_percent == Decimal("0.5")


def test_what_needs_a_restart_is_refused_by_field_and_line(file: Path) -> None:
    now, view = load(file), registry(file)
    changed(file, "buy_window: 5", "buy_window: 9")
    file.write_text(file.read_text() + "risk: {breaker: {}, average_window: 30}\nexecution: {stale_after: 20}\n")
    problems = refused(file, now, view)
    assert [problem.partition(": ")[2] for problem in problems] == [
        "risk.average_window: cannot be changed while the supervisor runs; start it again with the changed file",
        "execution.stale_after: cannot be changed while the supervisor runs; start it again with the changed file",
    ]
    assert "line 14" in problems[0]


def test_a_changed_secret_is_refused_and_not_told(file: Path) -> None:
    now, view = load(file), registry(file)
    [problem] = refused(changed(file, "sim-secret", "sim-other-secret"), now, view)
    assert "accounts.main.secret: cannot be changed" in problem
    assert "other" not in problem


def test_a_mistake_is_told_as_at_a_start(file: Path) -> None:
    now, view = load(file), registry(file)
    [problem] = refused(changed(file, "buy_window: 7", "buy_window: many"), now, view)
    assert "symbols[1].buy_window: must be a whole number" in problem


def test_a_grid_is_not_turned_round_while_it_trades(file: Path) -> None:
    now, view = load(file), registry(file)
    [problem] = refused(changed(file, "buy_window: 7", "mode: short"), now, view)
    assert "symbols[1].mode: ETHUSDT trades with long; remove it and add it again to change that" in problem


def test_symbols_that_come_or_go_are_named_and_left_alone(file: Path) -> None:
    now = load(file)
    view = registry(file, ETHUSDT=SymbolState.REMOVING)
    extra = RegistryRow(SymbolSpec("main", "XRPUSDT", 9), "shard-0", False, None)  # type: ignore[arg-type]
    changed(file, "buy_window: 7", "buy_window: 8")
    file.write_text(file.read_text().rstrip() + "\n  - SOLUSDT\n")
    found = changes(file, now, RegistryView((*view.rows, extra)))
    assert found.targets == ()
    assert found.notes == (
        "ETHUSDT is being removed and was left as it is",
        "SOLUSDT is in the file and not traded; `opensqt symbols add` adds it",
        "XRPUSDT is traded and not in the file: left as before",
    )


def test_the_fingerprint_of_a_process_does_not_know_the_symbols(file: Path) -> None:
    before = load(file).fingerprint()
    changed(file, "buy_window: 7", "buy_window: 8")
    assert load(file).fingerprint() == before
    file.write_text(file.read_text() + "execution: {stale_after: 20}\n")
    assert load(file).fingerprint() != before
