"""After a kill what is held waits for its exits while the process imports: what they do not need comes after them."""

from __future__ import annotations

import os
import subprocess
import sys

LATER = (
    "aiohttp.web", "alembic", "dbos", "google.protobuf", "grpc", "jinja2", "prometheus_client", "rapidfuzz", "requests",
    "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "typer",
)  # fmt: skip
START = "import sys, opensqt_actors.config.loading, opensqt_actors.telemetry.logs, opensqt_actors.app.system"


def test_what_exits_do_not_need_is_not_imported_before_them() -> None:
    seen = subprocess.run(
        [sys.executable, "-c", f"{START}; print(*(name for name in {LATER!r} if name in sys.modules))"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=50,
        check=True,
        capture_output=True,
        text=True,
    )
    assert seen.stdout.split() == []
