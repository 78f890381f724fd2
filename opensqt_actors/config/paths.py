"""Where state, sockets and locks live. Only the standard library: every command of the CLI imports this."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

SOCKET_NAME = "supervisor.sock"
LOCK_NAME = "supervisor.lock"
DATABASE_NAME = "opensqt.db"
SOCKET_VARIABLE = "OPENSQT_SOCKET"
MAX_SOCKET_PATH = 100  # bytes; the operating systems take 104 to 108


def default_state_dir() -> Path:
    """$XDG_STATE_HOME/opensqt, or ~/.local/state/opensqt."""
    base = os.environ.get("XDG_STATE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return root / "opensqt"


def socket_path(state_dir: Path) -> Path:
    """The supervisor's Unix socket, in a folder of its own so that the folder can be 0700.

    Where the state folder's path is too long for a socket, one that follows from it in the user's own folder in /tmp.
    """
    path = state_dir / "run" / SOCKET_NAME
    if len(bytes(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(bytes(state_dir)).hexdigest()[:20]
    return Path("/tmp") / f"opensqt-{os.getuid()}" / f"{name}.sock"  # noqa: S108 - the API makes sure whose folder it is


def shard_socket_path(state_dir: Path, number: int) -> Path:
    """The Unix socket of a shard's process, beside the supervisor's."""
    beside = socket_path(state_dir)
    name = f"shard-{number}.sock" if beside.name == SOCKET_NAME else f"{beside.stem}-{number}.sock"
    return beside.with_name(name)


def rates_path(state_dir: Path, account: str) -> Path:
    """Where an account's fee rates are kept from one start to the next."""
    return state_dir / f"rates-{account}.json"


def shard_lock_path(state_dir: Path, number: int) -> Path:
    """Locked by the one process of a shard for as long as it lives; says which process that is."""
    return state_dir / f"shard-{number}.lock"


def likely_sockets(cwd: Path) -> tuple[Path, ...]:
    """Where a supervisor may be listening when the operator names none, the likeliest first."""
    return (
        socket_path(cwd / "state"),
        socket_path(cwd / "state" / "demo"),
        socket_path(default_state_dir()),
    )


def find_socket(given: str | None, cwd: Path) -> Path:
    """The socket to talk to: the one given, else $OPENSQT_SOCKET, else the first of the likely ones that exists."""
    named = given or os.environ.get(SOCKET_VARIABLE)
    if named:
        return Path(named)
    candidates = likely_sockets(cwd)
    return next((path for path in candidates if path.exists()), candidates[-1])
