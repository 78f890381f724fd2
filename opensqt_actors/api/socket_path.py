"""The place of a service's socket: whether it can be had. Without gRPC, so that a start can ask before it trades."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from opensqt_actors.domain.errors import OpenSqtError

CONNECT_TIMEOUT = 2.0


class SocketInUse(OpenSqtError):
    """Another supervisor answers on the socket."""

    code = "socket_in_use"


class SocketUnusable(OpenSqtError):
    """The socket cannot be made."""

    code = "socket_unusable"


def prepare(path: Path) -> None:
    """Make the socket's folder, and take away a socket on which nobody answers any more."""
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise SocketUnusable(f"the socket's folder {folder} is not a folder of this user; take it away")
        folder.chmod(0o700)
    except OSError as error:
        raise SocketUnusable(f"the socket's folder {folder} cannot be made private: {error.strerror}") from None
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable(f"{path} is there and is no socket; move it away")
    if answers(path):
        raise SocketInUse(f"another process answers on {path}; stop it first: opensqt shutdown")
    path.unlink(missing_ok=True)


def answers(path: Path) -> bool:
    """Whether some process accepts connections on the socket. A full backlog counts as an answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(CONNECT_TIMEOUT)
        try:
            client.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True
