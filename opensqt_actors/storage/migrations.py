"""Alembic, driven from the program: finds the migrations and runs them in a transaction of the caller."""

from __future__ import annotations

from typing import cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from opensqt_actors import resources


class SchemaNotUsable(Exception):
    """The database's schema is not one that this version can work with; the text says why and what to do."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.migrations()).replace("%", "%%"))
    return config


def _revisions() -> tuple[str, frozenset[str]]:
    scripts = ScriptDirectory.from_config(_config())
    known = frozenset(script.revision for script in scripts.walk_revisions())
    return cast("str", scripts.get_current_head()), known


def current_revision(connection: Connection) -> str | None:
    """The revision that the database is at; None when it has no schema yet."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate_schema(connection: Connection) -> None:
    """Upgrade to the newest revision inside the caller's transaction; SchemaNotUsable when the database is newer."""
    head, known = _revisions()
    current = current_revision(connection)
    if current == head:
        return
    _refuse_newer(current, known)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def require_schema(connection: Connection) -> None:
    """SchemaNotUsable unless the database is at the newest revision."""
    head, known = _revisions()
    current = current_revision(connection)
    _refuse_newer(current, known)
    if current != head:
        state = "has no schema yet" if current is None else f"has the older schema {current}"
        raise SchemaNotUsable(f"{state}; start the supervisor once, it brings the schema up to date")


def _refuse_newer(current: str | None, known: frozenset[str]) -> None:
    if current is not None and current not in known:
        raise SchemaNotUsable(
            f"has schema {current}, which this version does not know; start the version that wrote it, or a newer one"
        )
