"""The table of failures: every failure once, proven on virtual time, with all its tests, which exist."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
ELSEWHERE = {"F36"}
"""What no fleet of one process can meet."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/failure_table.py."""
    spec = importlib.util.spec_from_file_location("failure_table", ROOT / "scripts/failure_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_failure_has_one_row(script: ModuleType) -> None:
    rows = script.ROW.findall(script.TABLE.read_text())
    assert [number for _, number, _, _ in rows] == [f"F{number:02}" for number in range(1, 39)]


def test_the_table_names_every_test_with_a_failures_number_and_none_that_is_not_there(script: ModuleType) -> None:
    text = script.TABLE.read_text()
    assert script.render(text, script.tests()) == text, "run scripts/failure_table.py"


def test_every_failure_has_a_scenario_on_virtual_time(script: ModuleType) -> None:
    proven = {
        number
        for path, names in script.tests().items()
        if path.startswith("simulation/")
        for name in names
        for number in script.numbers(name)
    }
    assert {f"F{number:02}" for number in range(1, 39)} - ELSEWHERE <= proven


def test_a_test_that_went_is_not_named_any_more(script: ModuleType) -> None:
    row = "| F01 | what | owed | unit/a/test_x: `test_f01_gone`, `test_kept`, `test_gone` |"
    defined = {"unit/a/test_x": ["test_kept"], "simulation/test_y": ["test_f01_f02_new"]}
    told = script.render(row, defined)
    assert told == "| F01 | what | owed | simulation/test_y: `test_f01_f02_new`<br>unit/a/test_x: `test_kept` |"
