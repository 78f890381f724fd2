"""Which failed tests CI runs once more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "failed_beside_others.py"
ONE, TWO = "tests/integration/shards/test_a.py::test_one", "tests/integration/api/test_b.py::test_two[x]"


@pytest.mark.parametrize(
    ("failed", "again"),
    [
        ([ONE], [ONE]),
        ([ONE, TWO], [ONE, TWO]),
        ([], None),
        ([ONE, "tests/unit/domain/test_grid.py::test_three"], None),
        (["tests/simulation/test_fleet.py::test_four"], None),
        ([ONE, TWO, ONE + "1", ONE + "2"], None),
        (None, None),
    ],
)
def test_a_handful_of_integration_tests_has_a_second_chance(
    tmp_path: Path, failed: list[str] | None, again: list[str] | None
) -> None:
    record = tmp_path / ".pytest_cache" / "v" / "cache" / "lastfailed"
    if failed is not None:
        record.parent.mkdir(parents=True)
        record.write_bytes(orjson.dumps(dict.fromkeys(failed, True)))
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == ((0, again) if again is not None else (1, []))
    assert not done.stderr
