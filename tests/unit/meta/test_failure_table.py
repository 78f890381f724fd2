"""The table of failures names tests that exist, and every failure once."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (F\d\d) \|.*\| (.*) \|$", re.MULTILINE)


def test_every_failure_has_one_row_and_every_test_that_it_names_exists() -> None:
    rows = ROW.findall((ROOT / "docs/reference/failures.md").read_text())
    assert [number for number, _ in rows] == [f"F{number:02}" for number in range(1, 39)]
    for number, cell in rows:
        for path, names in re.findall(r"(\w[\w/]*/test_\w+): ((?:`\w+`(?:, )?)+)", cell):
            text = (ROOT / "tests" / f"{path}.py").read_text()
            for name in re.findall(r"`(\w+)`", names):
                assert f"def {name}(" in text, f"{number}: {path} has no {name}"
