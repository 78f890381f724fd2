"""The execution engine that a configuration asks for, and what runs operations. DBOS is imported only when it is."""

from __future__ import annotations

from opensqt_actors.actors.operations import Runner
from opensqt_actors.app.operations.journal import JournalRunner
from opensqt_actors.config.settings import EngineName, Settings
from opensqt_actors.storage import Database
from opensqt_actors.storage.operations import OperationTable
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


def make_runner(settings: Settings, instance: str, database: Database, engine: Engine, process: str = "") -> Runner:
    """What carries operations over kills. engine: the supervisor's own, whose workflows it shares if it has some.

    process: which one of several on one database; each takes up its own operations alone.
    """
    match settings.engine:
        case EngineName.SIMPLE:
            return JournalRunner(OperationTable(database, process))
        case EngineName.DURABLE:
            from opensqt_actors.durable.engine import DurableEngine
            from opensqt_actors.durable.operations import DurableRunner

            shared = engine.workflows if isinstance(engine, DurableEngine) else None
            return DurableRunner(settings.database_url.get_secret_value(), f"supervisor-{instance}", shared)
