"""Bring the tests named in docs/reference/failures.md up to date: those whose names begin with a failure's number.

A test without a number in its name that a row names by hand stays there as long as it exists. `--check` changes nothing
and ends with exit code 1 when the table is not what it would be.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs/reference/failures.md"
ROW = re.compile(r"^(\| (F\d\d) \|.*\| )([^|]*)( \|)$", re.MULTILINE)
NAMED = re.compile(r"(\w[\w/]*/test_\w+): ((?:`\w+`(?:, )?)+)")
DEFINED = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)
NUMBERS = re.compile(r"^test_((?:f\d\d_)+)")


def tests() -> dict[str, list[str]]:
    """Every test file by its path below tests/, without suffix, with the tests that it defines, in order."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return {
        path.relative_to(ROOT / "tests").with_suffix("").as_posix(): DEFINED.findall(path.read_text()) for path in files
    }


def numbers(name: str) -> list[str]:
    """The failures that a test's name begins with: test_f05_f07_a_silent_symbol gives F05 and F07."""
    found = NUMBERS.match(name)
    return [] if found is None else [part.upper() for part in found[1].split("_") if part]


def render(text: str, defined: dict[str, list[str]]) -> str:
    """The table with its last column written anew."""
    proving: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, names in defined.items():
        for name in names:
            for number in numbers(name):
                proving[number][path].append(name)

    def cell(row: re.Match[str]) -> str:
        files = {path: list(names) for path, names in proving[row[2]].items()}
        for path, named in NAMED.findall(row[3]):
            by_hand = [n for n in re.findall(r"`(\w+)`", named) if not numbers(n) and n in defined.get(path, ())]
            if by_hand:
                files[path] = files.get(path, []) + by_hand
        return f"{row[1]}{_list(files.items()) or 'none yet'}{row[4]}"

    return ROW.sub(cell, text)


def _list(files: Iterable[tuple[str, list[str]]]) -> str:
    order = {"simulation": 0, "integration": 1, "unit": 2}
    ranked = sorted(files, key=lambda item: (order.get(item[0].partition("/")[0], 3), item[0]))
    return "<br>".join(f"{path}: " + ", ".join(f"`{name}`" for name in names) for path, names in ranked)


def main() -> int:
    """Write the table, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    before = TABLE.read_text()
    after = render(before, tests())
    if before == after:
        return 0
    if check:
        print("docs/reference/failures.md does not name every test: run scripts/failure_table.py", file=sys.stderr)
        return 1
    TABLE.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
