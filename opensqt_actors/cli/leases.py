"""`opensqt shards list --config FILE` or `--database URL`: hosts and leases as the database says, asking no host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensqt_actors.cli.failure import Exit, Failure

if TYPE_CHECKING:
    from rich.console import Group

    from opensqt_actors.storage.leases import LeaseRow

SECOND = 1_000_000_000


def read(config: Path | None, url: str | None) -> tuple[LeaseRow, ...]:
    """The lease table. Failure with one sentence when it cannot be read."""
    from pydantic import SecretStr

    from opensqt_actors.config.errors import ConfigError
    from opensqt_actors.config.loading import load, password_free
    from opensqt_actors.storage import Database, StorageError
    from opensqt_actors.storage.leases import lease_rows

    if (config is None) == (url is None):
        raise Failure(Exit.ERROR, "usage", "give one of --config and --database")
    try:
        where = load(config).database_url if config is not None else SecretStr(password_free(url or "", "--database"))
        database = Database(where.get_secret_value(), create=False)
    except (ConfigError, StorageError) as error:
        raise Failure(Exit.CONFIGURATION, error.code, error.sentence) from None
    try:
        database.require_schema()
        with database.read() as connection:
            return lease_rows(connection)
    except StorageError as error:
        raise Failure(Exit.ERROR, error.code, error.sentence) from None
    finally:
        database.close()


def host_of(row: LeaseRow) -> str:
    """The name of the host that holds a lease, "" when none does."""
    return (row.owner or "").rpartition("/")[0]


def state_of(row: LeaseRow) -> str:
    """held: its owner may trade; expired: it may not any more, another may soon; free; removed."""
    if row.owner is None:
        return "free" if row.enabled else "removed"
    return "held" if row.left > 0 else "expired"


def documents(rows: Sequence[LeaseRow]) -> list[dict[str, Any]]:
    """Every lease as JSON. seconds_left: until it expires, negative since it has, null when it is free."""
    return [
        {
            "account": row.account,
            "symbol": row.symbol,
            "host": host_of(row) or None,
            "owner": row.owner,
            "epoch": row.epoch,
            "state": state_of(row),
            "seconds_left": round(row.left / SECOND, 3) if row.owner is not None else None,
        }
        for row in rows
    ]


def tables(rows: Sequence[LeaseRow]) -> Group:
    """The hosts, one line each, and every symbol with its lease."""
    from rich.console import Group
    from rich.table import Table

    hosts = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header, right in (("host", False), ("process", False), ("symbols", True), ("renewed for", True)):
        hosts.add_column(header, justify="right" if right else "left", no_wrap=True)
    held = Counter(row.owner for row in rows if row.owner is not None)
    for owner, count in sorted(held.items()):
        least = min(row.left for row in rows if row.owner == owner)
        name, _, process = owner.rpartition("/")
        hosts.add_row(name, process, str(count), f"{least / SECOND:.1f} s")
    leases = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header, right in (("account", False), ("symbol", False), ("host", False), ("epoch", True), ("state", False)):
        leases.add_column(header, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        leases.add_row(row.account, row.symbol, host_of(row) or "-", str(row.epoch), state_of(row))
    return Group(hosts, "", leases)
