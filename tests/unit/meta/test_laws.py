"""The page that lists the laws of the core names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_law_on_the_page_has_its_test() -> None:
    page = (ROOT / "docs" / "how-to" / "development.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", page)
    assert len(named) >= 12
    for file, name in named:
        found = list((ROOT / "tests").rglob(file))
        assert len(found) == 1, file
        assert re.search(rf"^(async def |def |){name}\b", found[0].read_text(), re.MULTILINE), name
