"""The stream between a shard's process and its supervisor, on the supervisor's side: one connection while it lives.

It is a ShardProxy's adapter: it carries messages and decides nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
from loguru import logger

from opensqt_actors.api.server import MAX_MESSAGE
from opensqt_actors.api.shard_mapping import command_to, fact_from
from opensqt_actors.api.shard_risk_mapping import UnknownMessage
from opensqt_actors.domain.errors import InvalidValue, OpenSqtError
from opensqt_actors.wire.v1 import shard_pb2, shard_pb2_grpc

MAX_COMMANDS = 10_000


class ForeignSocket(OpenSqtError):
    """A socket that is not that of our own shard."""

    code = "foreign_socket"


class ShardStream:
    """One attachment. on_fact: told every fact, in order; on_end: once, when the stream has ended."""

    def __init__(self, path: Path, on_fact: Callable[[Any], None], on_end: Callable[[], None]) -> None:
        self._path = path
        self._on_fact = on_fact
        self._on_end = on_end
        self._commands: asyncio.Queue[Any] = asyncio.Queue(MAX_COMMANDS)
        self._task = asyncio.create_task(self._run())

    def send(self, command: Any) -> None:
        """Queue a command. A shard that takes none any more is cut off: it is told everything anew when it is back."""
        try:
            self._commands.put_nowait(command)
        except asyncio.QueueFull:
            logger.error("the shard on {} takes no commands", self._path)
            self._task.cancel()

    def cut(self) -> None:
        """End the stream; `on_end` follows."""
        self._task.cancel()

    async def _run(self) -> None:
        options = (("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.enable_http_proxy", 0))
        try:
            async with grpc.aio.insecure_channel(f"unix:{self._path}", options=options) as channel:
                call = shard_pb2_grpc.ShardServiceStub(channel).Attach(self._requests())
                async for message in call:
                    self._on_fact(fact_from(message))
        except grpc.RpcError as error:
            logger.debug("the stream of {} has ended: {}", self._path, error)
        except (UnknownMessage, InvalidValue) as error:
            logger.error("a fact from {} cannot be read: {}", self._path, error)
        finally:
            self._on_end()

    async def _requests(self) -> AsyncIterator[shard_pb2.AttachRequest]:
        while True:
            yield command_to(await self._commands.get())


def peer(path: Path) -> int | None:
    """The process that listens on a socket, None when nobody does.

    ForeignSocket when others could have made it or could reach it: it must be ours, 0600, and its process ours, too.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise ForeignSocket(f"{path} is not a socket of this user alone; take it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
        except OSError:
            return None
        if not hasattr(socket, "SO_PEERCRED"):
            return 0
        pid, user, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if user != os.geteuid():
        raise ForeignSocket(f"{path} is served by another user")
    return int(pid)
