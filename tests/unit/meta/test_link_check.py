"""The link check finds what is broken and leaves alone what is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
spec = importlib.util.spec_from_file_location("check_links", ROOT / "scripts" / "check_links.py")
assert spec is not None
assert spec.loader is not None
check_links = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_links)


def problems(root: Path, **pages: str) -> list[str]:
    paths = []
    for name, text in pages.items():
        path = root / f"{name}.md"
        path.write_text(text)
        paths.append(path)
    return list(check_links.check(root, paths))


def test_links_that_lead_somewhere_are_good(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").touch()
    text = "# Top\n[b](other.md#second-part-v1) [self](#top) [file](demo.yaml) [away](https://example.org/x)"
    assert problems(tmp_path, README=text, other="# One\n\n## Second part, `v1`!\n") == []


def test_a_missing_file_is_named_with_the_page(tmp_path: Path) -> None:
    assert problems(tmp_path, README="![picture](docs/none.png)") == ["README.md: docs/none.png does not exist"]


def test_a_missing_heading_is_named(tmp_path: Path) -> None:
    text = "[b](other.md#second)"
    assert problems(tmp_path, README=text, other="# First") == ["README.md: other.md#second has no such heading"]


def test_the_second_heading_of_one_name_is_numbered(tmp_path: Path) -> None:
    text = "# How\n# How\n[one](#how) [two](#how-1) [three](#how-2)"
    assert problems(tmp_path, README=text) == ["README.md: #how-2 has no such heading"]


def test_links_in_tables_count_and_those_in_code_do_not(tmp_path: Path) -> None:
    text = "| a | b |\n| --- | --- |\n| [x](gone.md) | `[y](gone-too.md)` |\n\n```\n[z](nowhere.md)\n```\n"
    assert problems(tmp_path, README=text) == ["README.md: gone.md does not exist"]


def test_a_page_to_which_nothing_leads_is_reported(tmp_path: Path) -> None:
    found = problems(tmp_path, README="[a](first.md)", first="[b](second.md)", second="end", island="[a](README.md)")
    assert found == ["island.md: no page leads here from README.md; add it to docs/index.md"]
