"""What every test may use: hypothesis profiles and the PostgreSQL server, where there is one."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", parent=settings.get_profile("dev"), derandomize=True, print_blob=True, max_examples=100, database=None
)
# scripts/mutate.py: the same few examples for every mutant, and nothing learnt from one that was run before
settings.register_profile(
    "mutation",
    parent=settings.get_profile("ci"),
    max_examples=25,
    print_blob=False,
    phases=(Phase.explicit, Phase.generate),
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
settings.load_profile(PROFILE)

POSTGRES_URL = "OPENSQT_TEST_POSTGRES_URL"


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """SQLAlchemy URL of a server on which tests may create and drop databases."""
    url = os.environ.get(POSTGRES_URL)
    if not url:
        pytest.skip(f"{POSTGRES_URL} is not set: no PostgreSQL server to test against")
    return url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under mutation a run ends with the first failure: examples, which cost next to nothing, go before properties."""
    if PROFILE == "mutation":
        items.sort(key=lambda item: is_hypothesis_test(getattr(item, "obj", None)))
