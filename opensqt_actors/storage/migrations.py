"""The schema's revision: which one a database has, and the way to the newest one.

A database that is up to date is recognised with one look. Alembic is imported only for one that is not: a start after a
crash must not wait for a tool that has nothing to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from opensqt_actors import resources

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0007"
"""The newest revision in alembic/versions; a test compares."""
_VERSIONS = sa.table("alembic_version", sa.column("version_num", sa.String))


class SchemaNotUsable(Exception):
    """The database's schema is not one that this version can work with; the text says why and what to do."""


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resources.migrations()).replace("%", "%%"))
    return config


def revisions() -> tuple[str, frozenset[str]]:
    """The newest revision that there is a migration to, and all of them."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    known = frozenset(script.revision for script in scripts.walk_revisions())
    return cast("str", scripts.get_current_head()), known


def current_revision(connection: Connection) -> str | None:
    """The revision that the database is at; None when it has no schema yet."""
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return None
    found = connection.scalars(sa.select(_VERSIONS.c.version_num)).all()
    if len(found) > 1:
        raise SchemaNotUsable(f"has several schemas at once ({', '.join(sorted(found))}); restore a copy")
    return found[0] if found else None


def migrate_schema(connection: Connection) -> None:
    """Upgrade to the newest revision inside the caller's transaction; SchemaNotUsable when the database is newer."""
    current = current_revision(connection)
    if current == NEWEST:
        return
    _refuse_newer(current)
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def require_schema(connection: Connection) -> None:
    """SchemaNotUsable unless the database is at the newest revision."""
    current = current_revision(connection)
    if current == NEWEST:
        return
    _refuse_newer(current)
    state = "has no schema yet" if current is None else f"has the older schema {current}"
    raise SchemaNotUsable(f"{state}; start the supervisor once, it brings the schema up to date")


def _refuse_newer(current: str | None) -> None:
    if current is not None and current not in revisions()[1]:
        raise SchemaNotUsable(
            f"has schema {current}, which this version does not know; start the version that wrote it, or a newer one"
        )
