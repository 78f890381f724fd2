"""The execution engine that a configuration asks for. DBOS is imported only when it is."""

from __future__ import annotations

from opensqt_actors.config.settings import EngineName, Settings
from opensqt_actors.venues.engine import Engine, SimpleEngine


def make_engine(settings: Settings, instance: str, process: str = "supervisor") -> Engine:
    """process: which one of several on one database; instance: the registry's.

    Both are the same for as long as the database is: unfinished work is found by them.
    """
    match settings.engine:
        case EngineName.SIMPLE:
            return SimpleEngine()
        case EngineName.DURABLE:
            from opensqt_actors.durable.engine import DurableEngine

            return DurableEngine(settings.database_url.get_secret_value(), f"{process}-{instance}")
