"""The service's Unix socket: for its user alone, in a folder that only this user can enter."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.wire.v1 import orchestrator_pb2_grpc

MAX_CALLS = 64
MAX_MESSAGE = 64 * 1024 * 1024
CONNECT_TIMEOUT = 2.0


class SocketInUse(OpenSqtError):
    """Another supervisor answers on the socket."""

    code = "socket_in_use"


class SocketUnusable(OpenSqtError):
    """The socket cannot be made."""

    code = "socket_unusable"


class ApiServer:
    """Serves one service on one Unix socket; `add` is the generated function that adds it to a server.

    `start` once, `stop` once.

    gRPC itself takes the socket's path away when it stops, whoever made it: the lock on the state folder must be held
    for as long as the server lives.
    """

    def __init__(
        self,
        path: Path,
        service: Any,
        add: Callable[[Any, Any], None] = orchestrator_pb2_grpc.add_OrchestratorServiceServicer_to_server,
    ) -> None:
        self.path = path
        self._service = service
        self._add = add
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen. SocketInUse when another supervisor does, SocketUnusable when the folder does not allow it."""
        prepare(self.path)
        server = grpc.aio.server(
            options=(("grpc.max_send_message_length", MAX_MESSAGE), ("grpc.so_reuseport", 0)),
            maximum_concurrent_rpcs=MAX_CALLS,
        )
        self._add(self._service, server)
        before = os.umask(0o177)
        try:
            server.add_insecure_port(f"unix:{self.path}")
        except RuntimeError as error:
            raise SocketUnusable(f"cannot listen on {self.path}: {error}") from None
        finally:
            os.umask(before)
        self.path.chmod(0o600)
        await server.start()
        self._server = server

    async def stop(self, grace: float = 1.0) -> None:
        """Let calls under way end for `grace` seconds, then cut them off, and take the socket away."""
        if self._server is None:
            return
        server, self._server = self._server, None
        await server.stop(grace)
        self.path.unlink(missing_ok=True)


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
