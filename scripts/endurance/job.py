"""The main job for endurance runs: a simulated venue and a supervisor as processes, on SQLite or PostgreSQL."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support.processes import KEY, Supervisor, VenueProcess, configuration, mixed, wait_until, write_config


class Attached(VenueProcess):
    """A venue that somebody else has started and will end; its admin port alone."""

    def __init__(self, folder: Path, admin_port: int) -> None:
        self.folder = folder
        self.admin_port = admin_port
        self.key = KEY

    @classmethod
    def found(cls, folder: Path) -> Attached:
        """The venue of this folder, once it is ready."""
        told = folder / "simvenue.json"

        def port() -> int:
            return int(orjson.loads(told.read_bytes())["admin_port"]) if told.exists() else 0

        return cls(folder, wait_until(port, f"a venue in {folder}"))

    def ended(self) -> str:
        """It is not ours to know."""
        return ""

    def clock(self) -> float:
        """Its time, milliseconds."""
        return float(self.admin("GET", "/health")["time"])


@contextmanager
def venue(folder: Path, *arguments: str) -> Iterator[VenueProcess]:
    """A running venue, ended at the end."""
    process = VenueProcess(folder / "venue", arguments)
    try:
        yield process.ready()
    finally:
        process.stop()


@contextmanager
def supervisor(folder: Path, at: VenueProcess, **sections: Any) -> Iterator[Supervisor]:
    """A supervisor for every market of a venue, not started yet, ended at the end. sections: of its configuration."""
    symbols = sections.pop("symbols", None) or mixed(sorted(at.markets()))
    document = configuration(at, folder / "state", symbols, **sections)
    url = document.get("database", {}).get("url")
    made = Supervisor(write_config(folder / "supervisor.yaml", document), folder / "state", None, url)
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def database_section(server: str | None) -> Iterator[dict[str, Any]]:
    """The configuration's section for a new database on a PostgreSQL server, dropped at the end; none for SQLite."""
    if server is None:
        yield {}
        return
    name = f"endurance_{uuid.uuid4().hex[:8]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f'create database "{name}"'))
    try:
        yield {"database": {"url": sa.make_url(server).set(database=name).render_as_string(hide_password=False)}}
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f'drop database "{name}" with (force)'))
        engine.dispose()


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder whose path is short enough for a Unix socket in it."""
    with tempfile.TemporaryDirectory(prefix="sq") as folder:
        yield Path(folder)


def say(**line: Any) -> None:
    """One JSON object on standard output."""
    print(orjson.dumps(line).decode(), flush=True)


def quantile(values: list[float], share: float) -> float:
    """The value below which this share of them lies (nearest rank); 0.0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
