"""What is written down and read again: database, journal, registry, audits. Adapters of the actors' storage ports."""

from __future__ import annotations

from opensqt_actors.storage.database import Database
from opensqt_actors.storage.errors import (
    BadDatabaseUrl,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseNotWritable,
    DatabaseUnreachable,
    JournalClosed,
    JournalFull,
    SchemaMismatch,
    StorageError,
)
from opensqt_actors.storage.journal import Journal
from opensqt_actors.storage.ports import bind_storage
from opensqt_actors.storage.prune import Retention
from opensqt_actors.storage.registry import ASSIGN, Registry
from opensqt_actors.storage.restore import load_risk
from opensqt_actors.storage.statistics import JournalCounters
from opensqt_actors.storage.writer import JournalSettings

__all__ = [
    "Database",
    "Journal",
    "JournalCounters",
    "JournalSettings",
    "Registry",
    "Retention",
    "ASSIGN",
    "bind_storage",
    "load_risk",
    "BadDatabaseUrl",
    "DatabaseBusy",
    "DatabaseDamaged",
    "DatabaseNotWritable",
    "DatabaseUnreachable",
    "JournalClosed",
    "JournalFull",
    "SchemaMismatch",
    "StorageError",
]
