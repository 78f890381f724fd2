"""The service's Unix socket: for its user alone, in a folder that only this user can enter."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from opensqt_actors.api.socket_path import SocketUnusable, prepare
from opensqt_actors.wire.v1 import orchestrator_pb2_grpc

MAX_CALLS = 64
MAX_MESSAGE = 64 * 1024 * 1024


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
