"""Processes that are forked from one that has loaded everything: who is told of whom, and who outlives whom."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from opensqt_actors import shard
from opensqt_actors.app import fork_server
from opensqt_actors.app.process_watch import ProcessWatch
from opensqt_actors.app.shard_launcher import ForkServer, Launcher, NotLaunched

FORKED = """
import os, signal, sys
from opensqt_actors import shard
from opensqt_actors.app import fork_server
number = fork_server.serve()
if number is None:
    sys.exit(0)
if number < 100:
    os._exit(number)
assert sys.stdin.read() == ""
assert os.getsid(0) == os.getpid()
if signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL:
    signal.pause()
"""
"""Ends with its number when that is below a hundred; else waits for a signal."""
BROKEN = "import sys; sys.exit(3)"
MUTE = "import sys; sys.stdin.read()"
"""Takes what it is asked, and never answers."""


def ended(pid: int) -> asyncio.Event:
    return ProcessWatch(pid, lambda: None).ended


async def within(event: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await event.wait()


@pytest.fixture
async def server() -> AsyncIterator[ForkServer]:
    made = ForkServer([sys.executable, "-c", FORKED])
    yield made
    made.close()


async def test_each_child_has_its_number_and_tells_how_it_ended(server: ForkServer) -> None:
    children = await asyncio.gather(*(server.launch(number) for number in (7, 0, 99)))
    assert len({child.pid for child in children}) == 3
    async with asyncio.timeout(10):
        assert [await child.code for child in children] == [7, 0, 99]
    killed = await server.launch(100)
    os.kill(killed.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        assert await killed.code == -signal.SIGKILL


async def test_children_outlive_the_server_and_nobody_says_how_they_end(server: ForkServer) -> None:
    child = await server.launch(100)
    server.close()
    assert await child.code is None
    assert psutil.pid_exists(child.pid)
    watch = ProcessWatch(child.pid, lambda: None)
    watch.send(signal.SIGKILL)
    await within(watch.ended)


async def test_a_child_that_nobody_waits_for_any_more_is_killed(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: asyncio.Queue[int] = asyncio.Queue()
    kill = os.kill

    def seen(pid: int, number: int) -> None:
        kill(pid, number)
        killed.put_nowait(pid)

    monkeypatch.setattr(os, "kill", seen)
    waiting = asyncio.ensure_future(server.launch(100))
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(10):
        pid = await killed.get()
    await within(ended(pid))


async def test_a_child_that_comes_at_the_moment_at_which_it_is_given_up_is_killed(server: ForkServer) -> None:
    server._loop.remove_reader(server._line.fileno())
    waiting = asyncio.ensure_future(server.launch(100))
    await asyncio.sleep(0)
    select.select([server._line], [], [], 10)
    server._read()
    [pid] = server._children
    waiting.cancel()  # its answer is there, and it has not yet been woken
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await within(ended(pid))


async def test_what_the_server_said_before_it_was_closed_is_heard(server: ForkServer) -> None:
    """Else a process that was made at that moment would live on and nobody would know it."""
    server._loop.remove_reader(server._line.fileno())
    waiting = asyncio.ensure_future(server.launch(100))
    await asyncio.sleep(0)
    readable, _, _ = select.select([server._line], [], [], 10)
    assert readable
    server.close()
    watch = ProcessWatch((await waiting).pid, lambda: None)
    watch.send(signal.SIGKILL)
    await within(watch.ended)


async def test_without_a_server_nothing_is_launched_and_the_next_one_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = Launcher(Path("none.yaml"))
    launcher.close()
    launcher._command = [sys.executable, "-c", BROKEN]
    for _ in range(2):
        with pytest.raises(NotLaunched, match=r"^the process that starts shards has ended \(3\)$"):
            await launcher.launch(0)
    launcher._command = [sys.executable, "-c", FORKED]
    child = await launcher.launch(5)
    async with asyncio.timeout(10):
        assert await child.code == 5
    launcher.close()
    launcher.close()


async def test_what_was_asked_of_a_server_that_is_closed_is_answered() -> None:
    server = ForkServer([sys.executable, "-c", MUTE])
    waiting = asyncio.ensure_future(server.launch(1))
    await asyncio.sleep(0)
    server.close()
    with pytest.raises(NotLaunched):
        await waiting
    with pytest.raises(NotLaunched):
        await server.launch(2)


async def test_the_server_ends_with_its_socket() -> None:
    server = ForkServer([sys.executable, "-c", FORKED])
    child = await server.launch(100)
    gone = ended(server._process.pid)
    server._loop.remove_reader(server._line.fileno())
    server._line.shutdown(2)
    await within(gone)
    server._process.wait()
    assert psutil.pid_exists(child.pid)
    server.close()
    watch = ProcessWatch(child.pid, lambda: None)
    watch.send(signal.SIGKILL)
    await within(watch.ended)


def test_a_child_that_is_killed_before_it_knows_who_it_is_does_not_end_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "fork", lambda: 4_242)  # nobody has the other end of its pipe
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = fork_server._Server(theirs)
        with server._woken, server._wake:
            assert server._launch(b"launch 1 5") is None
        assert ours.recv(100) == b"launched 1 4242\n"


def test_without_a_number_and_a_supervisor_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with (tmp_path / "keyboard").open("w") as keyboard:
        monkeypatch.setattr(fork_server, "STANDARD_INPUT", keyboard.fileno())
        with pytest.raises(SystemExit):
            shard.main(["--config", "none.yaml"])
    assert "--number or --join is missing; without them standard input must be" in capsys.readouterr().err
