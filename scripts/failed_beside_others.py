"""The tests of the last run that may be run once more: those of real processes that failed beside others.

Integration tests share a machine with whatever runs there; a handful that failed is run once more, alone, and what
fails again has failed. Prints their ids, one a line; exit code 1 when there are none, more than a handful, or others as
well: a unit test or a simulation depends on nothing, and has no second chance.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

RECORD = Path(".pytest_cache/v/cache/lastfailed")
ALONE = "tests/integration/"
HANDFUL = 3


def main() -> int:
    """Read what pytest has written down."""
    failed = list(orjson.loads(RECORD.read_bytes())) if RECORD.exists() else []
    if not 0 < len(failed) <= HANDFUL or not all(name.startswith(ALONE) for name in failed):
        return 1
    print("\n".join(failed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
