"""Alembic's entry: on the program's own connection, or on `-x url=...` when the alembic command is run by hand."""

from __future__ import annotations

from typing import Any

from alembic import context

from opensqt_actors.storage.database import Database
from opensqt_actors.storage.errors import StorageError
from opensqt_actors.storage.schema import metadata

OTHERS = ("dbos", "alembic_")
"""Prefixes of tables that are not ours: never compared, never dropped."""


def include_name(name: str | None, kind: str, parents: Any) -> bool:
    """Whether autogenerate looks at a table of the database."""
    return kind != "table" or name is None or not name.startswith(OTHERS)


def run(connection: Any) -> None:
    """Run inside the caller's transaction: also SQLite's DDL is transactional when nobody commits in between."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        include_name=include_name,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not url:
        raise SystemExit("name the database: alembic -c alembic/alembic.ini -x url=sqlite:///var/opensqt.db ...")
    try:
        with Database(url).write() as own:
            run(own)
    except StorageError as error:
        raise SystemExit(str(error)) from None
