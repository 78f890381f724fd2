"""The demo's folder: which processes belong to it, whether they live, and what it is running."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import orjson
import psutil
from msgspec import Struct
from msgspec.structs import asdict

from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.config.paths import DATABASE_NAME, socket_path

MARKER = "demo.json"
LOCK = "demo.lock"
KEPT = Path("state") / "demo"
PATIENCE = 15.0  # seconds for a demo that is told to end


class Options(Struct, frozen=True):
    """What a demo plays. replay: absolute paths; speed: market seconds per real second, None for the venue's own.

    shards: processes that trade, 0 = the supervisor's own.
    """

    symbols: int
    seed: int
    replay: tuple[str, ...]
    speed: float | None
    shards: int = 0


class Recorded(Struct, frozen=True):
    """A process that a demo started; `created` tells it from a later one with the same number."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process with this number, now."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process, while it lives."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < 0.01
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def end(self, wait: float, number: int = signal.SIGTERM) -> bool:
        """Ask it to end and wait; kill it when it does not. Whether it ended without being killed."""
        found = self.process()
        if found is None:
            return True
        try:
            found.send_signal(number)
            found.wait(wait)
        except psutil.TimeoutExpired:
            found.kill()
            found.wait(wait)
            return False
        except psutil.NoSuchProcess:
            pass
        return True


class DemoFolder:
    """A folder and the lock on it. kept: it outlives this run."""

    def __init__(self, path: Path, *, kept: bool) -> None:
        self.path = path
        self.kept = kept
        self._lock = -1

    @classmethod
    def choose(cls, state: Path | None, *, ends_by_itself: bool) -> Self:
        """The folder that is asked for, ./state/demo, or for a run that ends by itself a fresh one."""
        if state is not None:
            return cls(state.resolve(), kept=True)
        if ends_by_itself:
            return cls(Path(tempfile.mkdtemp(prefix="opensqt-demo-")), kept=False)
        return cls((Path.cwd() / KEPT).resolve(), kept=True)

    @property
    def venue_dir(self) -> Path:
        """The venue's own folder: certificates, ports."""
        return self.path / "venue"

    @property
    def config(self) -> Path:
        """The supervisor's generated configuration."""
        return self.path / "demo.yaml"

    @property
    def socket(self) -> Path:
        """Where the supervisor answers."""
        return socket_path(self.path)

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.path / f"{name}.log"

    def open(self) -> None:
        """Make the folder and lock it. Failure when another demo is at work, or the folder is not a demo's."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (self.path / MARKER).exists() and any(entry.name != LOCK for entry in self.path.iterdir()):
                raise Failure(
                    Exit.ERROR,
                    "foreign_folder",
                    f"{self.path} is not empty and not a demo's folder; name another with --state",
                )
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Failure(Exit.ERROR, "folder", f"{self.path} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = -1
            raise Failure(
                Exit.ERROR,
                "already_running",
                f"another demo is at work in {self.path}; end it with `opensqt demo --stop`",
            ) from None
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, orjson.dumps(asdict(Recorded.of(os.getpid()))), 0)

    def close(self) -> None:
        """Give the lock back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def runner(self) -> Recorded | None:
        """The demo command that has the lock, if there is one."""
        try:
            with (self.path / LOCK).open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return Recorded(**orjson.loads(file.read()))
        except (OSError, orjson.JSONDecodeError, TypeError):
            pass
        return None

    def record(self, options: Options, venue: Recorded, supervisor: Recorded | None) -> None:
        """Write down what is running."""
        document = {
            "options": asdict(options),
            "venue": asdict(venue),
            "supervisor": asdict(supervisor) if supervisor else None,
        }
        temporary = self.path / f"{MARKER}.new"
        temporary.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        temporary.replace(self.path / MARKER)

    def recorded(self) -> tuple[Options | None, Recorded | None, Recorded | None]:
        """(options, venue, supervisor) as written down last."""
        try:
            document: dict[str, Any] = orjson.loads((self.path / MARKER).read_bytes())
            options = document["options"]
            return (
                Options(
                    options["symbols"],
                    options["seed"],
                    tuple(options["replay"]),
                    options["speed"],
                    options.get("shards", 0),
                ),
                Recorded(**document["venue"]),
                Recorded(**document["supervisor"]) if document["supervisor"] else None,
            )
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
            return None, None, None

    def shards(self) -> tuple[Recorded, ...]:
        """The shards' processes that live; they outlive a supervisor that was killed."""
        from opensqt_actors.app.shard_lock import shard_processes

        found: list[Recorded] = []
        for _, pid in shard_processes(self.path):
            with suppress(psutil.NoSuchProcess):
                found.append(Recorded.of(pid))
        return tuple(found)

    def wipe(self) -> None:
        """Forget what was traded: the venue that it was traded on is gone."""
        for name in (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm", f"{DATABASE_NAME}-journal"):
            (self.path / name).unlink(missing_ok=True)
        (self.venue_dir / "simvenue.json").unlink(missing_ok=True)
        self.config.unlink(missing_ok=True)

    def venue_ports(self) -> tuple[int, int, str] | None:
        """(port, admin port, path of the CA) that the venue has told, once it is ready."""
        try:
            document = orjson.loads((self.venue_dir / "simvenue.json").read_bytes())
            return int(document["port"]), int(document["admin_port"]), str(document["ca"])
        except (OSError, orjson.JSONDecodeError, KeyError):
            return None
