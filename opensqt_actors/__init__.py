"""OpenSQT Actors: trailing grids on perpetual futures, one actor per market."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
