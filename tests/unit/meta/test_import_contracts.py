"""Each import contract is broken once, in a small copy of the package tree, to show that it can be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = (
    "actors",
    "api",
    "app",
    "cli",
    "config",
    "domain",
    "durable",
    "runtime",
    "simvenue",
    "storage",
    "venues",
    "wire",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    package = tmp_path / "opensqt_actors"
    for name in PACKAGES:
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "runtime" / "thespian_host.py").write_text("import thespian\n")
    (package / "durable" / "workflows.py").write_text("import dbos\n")
    (package / "wire" / "order_pb2.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False
    )


def test_a_tree_that_keeps_the_contracts_passes(tree: Path) -> None:
    (tree / "opensqt_actors/api/service.py").write_text("from opensqt_actors.wire import order_pb2\n")
    (tree / "opensqt_actors/app/wiring.py").write_text("from opensqt_actors import config, api, storage, actors\n")
    result = lint(tree)
    assert result.returncode == 0, result.stdout
    assert "8 kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("domain/grid.py", "from opensqt_actors import runtime", "Nothing imports upwards"),
        ("storage/journal.py", "from opensqt_actors import venues", "Nothing imports upwards"),
        ("newcomer.py", "", "newcomer"),
        ("domain/grid.py", "import time", "The domain knows no clock"),
        ("domain/grid.py", "import random", "The domain knows no clock"),
        ("actors/symbol.py", "import asyncio", "Actors are pure steps"),
        ("simvenue/book.py", "from opensqt_actors import domain", "independent witness"),
        ("actors/symbol.py", "from thespian import actors", "One module knows Thespian"),
        ("storage/journal.py", "import dbos", "One package knows DBOS"),
        ("venues/port.py", "from opensqt_actors.wire import order_pb2", "Generated messages stay at the edges"),
        ("storage/tables.py", "from opensqt_actors import config", "Only the wiring reads the configuration"),
    ],
)
def test_a_forbidden_import_is_found(tree: Path, module: str, line: str, broken: str) -> None:
    (tree / "opensqt_actors" / module).write_text(f"{line}\n")
    result = lint(tree)
    assert result.returncode == 1
    # the report names every contract first, and then explains the broken ones
    assert broken in result.stdout.partition("Broken contracts")[2].replace("\n", " ")
