"""Performs what ShardProxies ask for: finds or launches the processes, keeps their streams, kills. Decides nothing.

The processes outlive this one unless they were told to stop: a supervisor may die and come back.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from loguru import logger

from opensqt_actors.actors.shard_link import (
    CommandShard,
    Hello,
    KillShard,
    ReachShard,
    ShardAbsent,
    ShardGone,
    ShardSaid,
    ShardUp,
)
from opensqt_actors.api.shard_client import ForeignSocket, ShardStream, peer
from opensqt_actors.app.process_watch import ProcessWatch
from opensqt_actors.app.shard_launcher import Child, Launcher, NotLaunched
from opensqt_actors.app.shard_lock import shard_process, shard_processes
from opensqt_actors.config.paths import shard_socket_path
from opensqt_actors.runtime.kernel import ActorRef, Host

TRY_EVERY = 0.02
LAST_WORDS = 1.0
KILLED = 5.0


class ShardProcess:
    """One shard, as seen from the supervisor's process."""

    def __init__(self, host: Host, state_dir: Path, launcher: Launcher, number: int) -> None:
        self.number = number
        self.watch: ProcessWatch | None = None
        self._host = host
        self._state_dir = state_dir
        self._launcher = launcher
        self._path = shard_socket_path(state_dir, number)
        self._child: Child | None = None
        self._launching: asyncio.Task[None] | None = None
        self._owner: ActorRef | None = None
        self._life = 0
        self._stream: ShardStream | None = None
        self._ended = asyncio.Event()
        self._attaching: asyncio.Task[None] | None = None
        self._going: asyncio.Task[None] | None = None

    def reach(self, owner: ActorRef, effect: ReachShard) -> None:
        """Attach for this owner and this life; what is left of an earlier one is not told any more."""
        self._owner, self._life = owner, effect.life
        self._stop_attaching()
        if self._launching is not None:
            return None
        if self.watch is None:
            pid = shard_process(self._state_dir, self.number)
            if pid is None and not effect.launch:
                return self._tell(ShardAbsent(effect.life))
            if not pid:
                self._launching = asyncio.create_task(self._launch())
                return None
            self.watch = ProcessWatch(pid, self._gone)
        self._attaching = asyncio.create_task(self._attach(effect.life))
        return None

    async def _launch(self) -> None:
        """A process for whoever owns the shard by then."""
        try:
            self._child = await self._launcher.launch(self.number)
        except NotLaunched as error:
            self._tell(ShardGone(self._life, error.sentence))
        else:
            self.watch = ProcessWatch(self._child.pid, self._gone)
            self._attaching = asyncio.create_task(self._attach(self._life))
        finally:
            if self._launching is asyncio.current_task():  # else it was given up, and there may be another one
                self._launching = None

    async def _attach(self, life: int) -> None:
        """Keep a stream for as long as the process lives."""
        while True:
            try:
                found = peer(self._path)
            except ForeignSocket as error:
                logger.error("shard-{}: {}", self.number, error.sentence)
                found = None
            if found is not None and self.watch is not None and found in (0, self.watch.pid):
                self._ended = asyncio.Event()
                ended = self._ended
                self._stream = ShardStream(self._path, lambda fact: self._fact(life, fact), ended.set)
                await ended.wait()
                self._stream = None
            await asyncio.sleep(TRY_EVERY)

    def _fact(self, life: int, fact: Any) -> None:
        if life == self._life:
            self._tell(ShardUp(life, fact) if isinstance(fact, Hello) else ShardSaid(life, fact))

    def _tell(self, message: Any) -> None:
        if self._owner is not None:
            self._host.tell(self._owner, message)

    def send(self, command: Any) -> None:
        """Without a stream it is not sent: the process is brought up to date when there is one again."""
        if self._stream is not None:
            self._stream.send(command)

    def kill(self) -> None:
        """At once; it has ended only when `ShardGone` says so."""
        if self._launching is not None:
            self._launching.cancel()
            self._launching = None
            self._launcher.close()
            self._tell(ShardGone(self._life, "no process was started in time"))
        elif self.watch is None:
            self._tell(ShardGone(self._life, "there is no process"))
        else:
            self.watch.send(signal.SIGKILL)

    def _gone(self) -> None:
        self._going = asyncio.get_running_loop().create_task(self._last_words())

    async def _last_words(self) -> None:
        """What it said before its end is heard first."""
        if self._stream is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._ended.wait()
        self._stop_attaching()
        self.watch = None
        code = None
        if self._child is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    code = await self._child.code
        self._child = None
        self._tell(ShardGone(self._life, _how(code)))

    def _stop_attaching(self) -> None:
        if self._attaching is not None:
            self._attaching.cancel()
            self._attaching = None
        if self._stream is not None:
            self._stream.cut()
            self._stream = None

    async def close(self, *, kill: bool) -> None:
        """Let go of the process; with `kill` it must not outlive this one. The launcher is closed before."""
        self._owner = None
        if self._launching is not None:
            await asyncio.gather(self._launching, return_exceptions=True)
        watch = self.watch
        if kill and watch is not None:
            watch.send(signal.SIGKILL)
            await _all_ended([watch], KILLED)
        self._stop_attaching()
        if self._going is not None:
            await asyncio.gather(self._going, return_exceptions=True)
        if self.watch is not None:
            self.watch.close()


def _how(code: int | None) -> str:
    if code is None:
        return "its process has ended"
    if code < 0:
        return f"its process was ended by signal {signal.Signals(-code).name}"
    return f"its process has ended with exit code {code}"


class ShardProcesses:
    """All shards of a supervisor; binds the effects of their proxies."""

    def __init__(self, host: Host, state_dir: Path, config: Path, count: int) -> None:
        self._launcher = Launcher(config)
        self._shards = [ShardProcess(host, state_dir, self._launcher, number) for number in range(count)]
        host.bind(ReachShard, lambda sender, effect: self._shards[effect.shard].reach(sender, effect))
        host.bind(CommandShard, lambda sender, effect: self._shards[effect.shard].send(effect.message))
        host.bind(KillShard, lambda sender, effect: self._shards[effect.shard].kill())

    async def close(self, *, kill: bool) -> None:
        """See ShardProcess.close."""
        self._launcher.close()
        await asyncio.gather(*(shard.close(kill=kill) for shard in self._shards))


async def end_strays(state_dir: Path, count: int, patience: float) -> None:
    """End shards that this configuration does not have: in order, after `patience` seconds at once."""
    strays = [(number, pid) for number, pid in shard_processes(state_dir) if number >= count]
    if not strays:
        return
    watches = [ProcessWatch(pid, lambda: None) for _, pid in strays]
    for (number, pid), watch in zip(strays, watches, strict=True):
        logger.warning("shard-{}, process {}, is not in the configuration any more: it is ended", number, pid)
        watch.send(signal.SIGTERM)
    await _all_ended(watches, patience)
    for watch in watches:
        watch.send(signal.SIGKILL)
    await _all_ended(watches, KILLED)
    for watch in watches:
        watch.close()


async def _all_ended(watches: Sequence[ProcessWatch], patience: float) -> None:
    """Wait for the end of these processes, but not for ever. patience: seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            for watch in watches:
                await watch.ended.wait()
