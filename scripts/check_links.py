"""Check the documents: every relative link leads to a file and a heading that exist; some page leads to every page.

Links to other hosts are not followed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
START = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def main() -> int:
    """Exit code 1 when something is broken; one line for each on stderr."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    pages = [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]
    problems = list(check(ROOT, pages))
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


def check(root: Path, pages: list[Path]) -> Iterator[str]:
    """One sentence for each broken link and each page that no other page leads to."""
    leads_to: dict[Path, set[Path]] = {}
    for page in pages:
        leads_to[page] = set()
        for href in links(page):
            parts = urlsplit(href)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            leads_to[page].add(target)
            if not target.exists():
                yield f"{page.relative_to(root)}: {href} does not exist"
            elif parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target):
                yield f"{page.relative_to(root)}: {href} has no such heading"
    found: set[Path] = set()
    waiting = [root / name for name in START]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            waiting.extend(leads_to.get(page, ()))
    for page in pages:
        if page not in found:
            yield f"{page.relative_to(root)}: no page leads here from {START[0]}; add it to docs/index.md"


def links(page: Path) -> Iterator[str]:
    """Targets of all links and images of a page; what stands in code is none."""
    for token in walk(tokens(page)):
        for name in ("href", "src"):
            value = token.attrGet(name)
            if isinstance(value, str):
                yield value


def anchors(page: Path) -> set[str]:
    """Fragments that the headings of a page offer, as code hosts build them."""
    found: set[str] = set()
    parsed = tokens(page)
    for opening, inline in pairwise(parsed):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            repeated = sum(other == anchor or other.startswith(f"{anchor}-") for other in found)
            found.add(f"{anchor}-{repeated}" if anchor in found else anchor)
    return found


def tokens(page: Path) -> list[Token]:
    """The page, parsed."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def walk(parsed: list[Token]) -> Iterator[Token]:
    """All tokens, inline ones included."""
    for token in parsed:
        yield token
        yield from walk(token.children or [])


if __name__ == "__main__":
    sys.exit(main())
