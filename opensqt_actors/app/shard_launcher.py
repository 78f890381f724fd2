"""Starts shards' processes: asks a fork server that has loaded everything, and keeps one such server at work."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from opensqt_actors.app.fork_server import MOST_READ
from opensqt_actors.domain.errors import OpenSqtError


class NotLaunched(OpenSqtError):
    """No process was started; the text says why."""

    code = "not_launched"


class Child:
    """A process that the fork server made. code: its exit code once it has ended, None when nobody can say."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()


class ForkServer:
    """One server. alive: whether it can be asked; what was asked of one that ends is answered with NotLaunched."""

    def __init__(self, command: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*command], stdin=theirs.fileno(), start_new_session=True
            )
        ours.setblocking(False)
        self.alive = True
        self._line = ours
        self._rest = b""
        self._ticket = 0
        self._asked: dict[int, asyncio.Future[Child]] = {}
        self._children: dict[int, Child] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ours.fileno(), self._read)

    async def launch(self, number: int) -> Child:
        """A process that becomes this shard. One that comes when nobody waits for it any more is killed."""
        if not self.alive:
            raise NotLaunched("the process that starts shards has ended")
        self._ticket += 1
        ticket = self._ticket
        answer: asyncio.Future[Child] = self._loop.create_future()
        self._asked[ticket] = answer
        try:
            self._line.send(b"launch %d %d\n" % (ticket, number))
        except OSError:
            self.close()
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                _end(answer.result().pid)  # it came at the very moment at which it was given up
            raise

    def _read(self) -> None:
        try:
            read = self._line.recv(MOST_READ)
        except BlockingIOError:
            return
        except ConnectionError:
            read = b""
        if not read:
            self.close()
            return
        self._hear(read)

    def _hear(self, read: bytes) -> None:
        *told, self._rest = (self._rest + read).split(b"\n")
        for fact in told:
            what, first, second = fact.split()
            if what == b"launched":
                self._launched(int(first), int(second))
            else:
                child = self._children.pop(int(first), None)
                if child is not None and not child.code.done():
                    child.code.set_result(int(second))

    def _launched(self, ticket: int, pid: int) -> None:
        answer = self._asked.pop(ticket)
        if answer.done():
            _end(pid)
            return
        child = self._children[pid] = Child(pid)
        answer.set_result(child)

    def close(self) -> None:
        """End the server; its children live on. What it has said is heard before. Idempotent."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._line.fileno())
        self._process.kill()
        code = self._process.wait()
        with suppress(OSError):
            while read := self._line.recv(MOST_READ):
                self._hear(read)
        self._line.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(NotLaunched(f"the process that starts shards has ended ({code})"))
        self._asked.clear()
        for child in self._children.values():
            if not child.code.done():
                child.code.set_result(None)
        self._children.clear()


def _end(pid: int) -> None:
    """End a child that nobody wants. The server has not told of its end, so nobody else has its number."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Launcher:
    """A fork server from the first moment on, and another one when it is needed and the last has ended."""

    def __init__(self, config: Path) -> None:
        self._command = [sys.executable, "-m", "opensqt_actors.shard", "--config", str(config)]
        self._server = ForkServer(self._command)

    async def launch(self, number: int) -> Child:
        """A process that becomes this shard. NotLaunched when there will be none."""
        if not self._server.alive:
            self._server = ForkServer(self._command)
        return await self._server.launch(number)

    def close(self) -> None:
        """Nothing is launched any more."""
        self._server.close()
