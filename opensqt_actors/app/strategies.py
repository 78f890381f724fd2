"""The strategies that are installed: ours, and those that other distributions register by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import cast

from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.strategy import StrategyFactory

GROUP = "opensqt_actors.strategies"
BUILT_IN: Mapping[str, StrategyFactory] = {"grid": Grid}


class BrokenStrategy(OpenSqtError):
    """A registered strategy cannot be loaded."""

    code = "broken_strategy"


def installed() -> dict[str, StrategyFactory]:
    """Strategies by name. A registered name that is ours already, or that cannot be imported, is refused."""
    found = dict(BUILT_IN)
    for point in entry_points(group=GROUP):
        if point.name in BUILT_IN:
            raise BrokenStrategy(f"the entry point {point.value!r} claims the built-in strategy name {point.name!r}")
        try:
            factory = point.load()
        except Exception as error:
            raise BrokenStrategy(f"strategy {point.name!r} cannot be imported from {point.value!r}: {error}") from error
        if not callable(factory):
            raise BrokenStrategy(f"strategy {point.name!r}: {point.value!r} is not callable")
        found[point.name] = cast(StrategyFactory, factory)
    return found
