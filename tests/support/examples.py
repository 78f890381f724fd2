"""How many examples a property gets that needs more of them than others."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

MUTATION_SHARE = 5


def examples(most: int, **others: Any) -> settings:
    """So many examples; a fifth of them while `make mutate` runs the property once for every change of the code."""
    mutating = os.environ.get("HYPOTHESIS_PROFILE") == "mutation"
    return settings(max_examples=most // MUTATION_SHARE if mutating else most, **others)
