"""A shard that trades here and whose first symbol crashes as often as is asked. Started by test_thousand_crashes.py.

In a process of its own, because what it holds in the end is counted: other tests leave things behind as well. Prints
one line of JSON: what was held before and after, how long others waited, what failed. It trades on until its standard
input says that it is enough.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson
import psutil
import uvloop
from support.processes import ACCOUNT, PATIENCE

from opensqt_actors.actors.shard_gateway import EndShard
from opensqt_actors.actors.shard_link import Screens
from opensqt_actors.actors.shard_messages import AddSymbolActor, StartShard
from opensqt_actors.actors.views import SymbolRow
from opensqt_actors.api.shard_client import ShardStream
from opensqt_actors.app import shard_system
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.config.loading import load
from opensqt_actors.config.paths import shard_socket_path
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.runtime.thespian_host import ThespianHost
from opensqt_actors.storage import Database, Registry

LIVED = 50
"""Every so many lives one comes as far as trading before it crashes; the others crash when they are born."""
LOOK = 0.002


class SeenHost(ThespianHost):
    """The production host, where the test can find it."""

    last: ClassVar[SeenHost]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        SeenHost.last = self


class Shard:
    """A shard's system in this process, and the stream of the supervisor that it believes to have."""

    def __init__(self, settings: Settings, specs: tuple[Any, ...]) -> None:
        self.settings = settings
        self.specs = specs
        self.rows: dict[str, SymbolRow] = {}
        self.ticks: list[float] = []
        self.stalls: list[float] = []
        self.system = shard_system.ShardSystem(settings, 0)

    async def start(self) -> None:
        """Until every symbol trades."""
        self.running = asyncio.create_task(self.system.run())
        socket = shard_socket_path(self.settings.state_dir, 0)
        await until(lambda: socket.exists() or self.running.done(), "its socket")
        self.host = SeenHost.last
        self.stream = ShardStream(socket, self._heard, lambda: None)
        self.stream.send(StartShard())
        for spec in self.specs:
            self.stream.send(AddSymbolActor(spec))
        await until(lambda: len(self.trading()) == len(self.specs), "every symbol trading")
        self._pulse = asyncio.create_task(self._feel())

    async def stop(self) -> int:
        """The exit code."""
        self._pulse.cancel()
        self.host.tell(shard_system.GATEWAY, EndShard())
        code = await self.running
        self.stream.cut()
        return code

    def _heard(self, fact: Any) -> None:
        if isinstance(fact, Screens):
            self.rows |= {row.symbol: row for row in fact.symbols}

    def trading(self) -> list[str]:
        return [name for name, row in self.rows.items() if row.state is SymbolState.TRADING]

    async def _feel(self) -> None:
        """How long the loop lets others wait."""
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(0.01)
            self.stalls.append(time.perf_counter() - asked - 0.01)

    async def crash(self, name: str, times: int) -> None:
        """Crash a symbol's actor so often; it lives again when this returns."""
        actor = ActorId(f"{shard_system.GATEWAY}/shard-0/symbol:{ACCOUNT}:{name}")
        for number in range(times):
            if number % LIVED == 0:
                self.rows.pop(name, None)
                await until(lambda: name in self.trading(), f"{name} trading")
            life = self.host.ref(actor)
            assert life is not None
            self.host.tell(life, "nothing that it understands")
            await until(lambda dead=life: self._next(actor, dead), "its next life")

    def _next(self, actor: ActorId, dead: ActorRef) -> bool:
        found = self.host.ref(actor)
        return found is not None and found.incarnation > dead.incarnation

    async def held(self) -> dict[str, int]:
        """What the process holds once everything has come to rest."""
        await until(lambda: len(self.trading()) == len(self.specs), "every symbol trading")
        gc.collect()
        process, counters = psutil.Process(), self.host.counters
        return {
            "descriptors": process.num_fds(),
            "threads": process.num_threads(),
            "tasks": len(asyncio.all_tasks()),
            "actors": counters.actors,
            "registry": len(self.host._base.actorRegistry),
            "timers": counters.timers,
            "objects": len(gc.get_objects()),
            "kB": process.memory_info().rss >> 10,
        }


async def until(look: Callable[[], Any], what: str) -> None:
    """Wait for the loop to make it true."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        await asyncio.sleep(LOOK)


def listen(ticks: list[float]) -> None:
    """Have the seconds of every tick that leads to an order added to these."""
    watch = VenueAccount.watch

    def watched(self: VenueAccount, journal: Any, observe: Callable[[float], None]) -> None:
        def seen(seconds: float) -> None:
            ticks.append(seconds)
            observe(seconds)

        watch(self, journal, seen)

    VenueAccount.watch = watched  # type: ignore[method-assign]


async def main(config: Path, warm: int, crashes: int) -> int:
    """Crash `warm` times, look, crash until there were `crashes`, look again and tell; the shard's exit code."""
    settings = load(config)
    database = Database(settings.database_url.get_secret_value())
    specs = Registry(database).specs()
    database.close()
    shard_system.ThespianHost = SeenHost  # type: ignore[misc]
    shard_system.calm_collector = lambda: None  # what is frozen could not be counted
    it = Shard(settings, specs)
    listen(it.ticks)
    failing = specs[0].symbol
    await it.start()
    await it.crash(failing, warm)
    before = await it.held()
    it.ticks.clear()
    it.stalls.clear()
    await it.crash(failing, crashes - warm)
    ticks, stalls = sorted(it.ticks), list(it.stalls)
    after = await it.held()
    told = {
        "before": before,
        "after": after,
        "ticks": ticks,
        "longest_stall": max(stalls),
        "failures": it.host.counters.failures,
        "restarts": it.rows[failing].restarts,
        "restarts_of_siblings": sum(row.restarts for name, row in it.rows.items() if name != failing),
    }
    sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    return await it.stop()


if __name__ == "__main__":
    sys.exit(uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
