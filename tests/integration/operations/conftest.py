"""Venues and supervisors as processes, as the main job's tests have them; and runners on databases of their own."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from engines.conftest import url  # noqa: F401 - a fixture
from main_job.conftest import (  # noqa: F401 - fixtures
    folder,
    make_supervisor,
    postgres_database,
    pytest_runtest_makereport,
    start_venue,
)
