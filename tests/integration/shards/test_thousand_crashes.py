"""A thousand crashes of one actor in a shard that trades over real sockets: nothing is left, no sibling waits."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
import uvloop
from support.accounting import settled
from support.processes import ACCOUNT, PATIENCE, configuration, mixed, write_config

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

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]
SYMBOLS = 5
WARM, CRASHES = 100, 1_000
LIVED = 50
"""Every so many lives one comes as far as trading before it crashes; the others crash when they are born."""
LOOK = 0.002
SLOWEST_TICK = 0.1
"""Seconds from a tick of a sibling to its orders, 99 of 100: ten times what was measured beside other work."""
LONGEST_STALL = 1.0
"""Seconds for which the loop did nothing for anybody: several times what was measured beside other work."""
POOL = 45
"""Connections for requests to the venue, which stay open for a while: far fewer than one a crash."""
MOST_OBJECTS = 1
"""Objects of our own types that a crash may leave, in the better half of them: a leak shows in both, a memory that
fills up in one. What an actor was made of is dozens of them."""
MOST_KB = 8_000
"""Growth of resident memory; 900 times a leak of 10 kB is more."""


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
        self._collected = False
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
            if not self._collected:  # the collection was ours, and goes through what all tests before have left
                self.stalls.append(time.perf_counter() - asked - 0.01)
            self._collected = False

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
        self._collected = True
        process, counters = psutil.Process(), self.host.counters
        return {
            "descriptors": process.num_fds(),
            "threads": process.num_threads(),
            "tasks": len(asyncio.all_tasks()),
            "actors": counters.actors,
            "registry": len(self.host._base.actorRegistry),
            "timers": counters.timers,
            "objects": sum(ours(type(held)) for held in gc.get_objects()),
            "kB": process.memory_info().rss >> 10,
        }


def ours(kind: type) -> bool:
    """Whether a type is the program's, or Thespian's: what other tests of this process have begun does not count."""
    module = kind.__module__
    return isinstance(module, str) and module.startswith(("opensqt_actors", "thespian"))


async def until(look: Callable[[], Any], what: str) -> None:
    """Wait for the loop to make it true."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        await asyncio.sleep(LOOK)


@pytest.fixture
def made(start_venue: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Shard]:
    """A venue, and a shard of a database that has its symbols; not started."""
    venue = start_venue(SYMBOLS)
    supervision = {"intensity": CRASHES, "backoff_initial": 0.001, "backoff_max": 0.001, "shard_unheard": 0}
    document = configuration(
        venue, folder / "state", mixed(sorted(venue.markets())), shards=1, supervision=supervision,
        telemetry={"log_level": "error"},
    )  # fmt: skip
    settings = load(write_config(folder / "shard.yaml", document))
    settings.state_dir.mkdir(mode=0o700)
    database = Database(settings.database_url.get_secret_value())
    database.migrate()
    specs = Registry(database).seed(settings.specs())
    database.close()
    monkeypatch.setattr(shard_system, "ThespianHost", SeenHost)
    monkeypatch.setattr(shard_system, "calm_collector", lambda: None)
    shard_made = Shard(settings, specs)
    watch = VenueAccount.watch

    def watched(self: VenueAccount, journal: Any, observe: Callable[[float], None]) -> None:
        def seen(seconds: float) -> None:
            shard_made.ticks.append(seconds)
            observe(seconds)

        watch(self, journal, seen)

    monkeypatch.setattr(VenueAccount, "watch", watched)
    return venue, shard_made


def test_f30_a_thousand_crashes_leave_nothing_and_hold_no_sibling_up(made: tuple[Any, Shard]) -> None:
    venue, it = made
    failing = it.specs[0].symbol

    async def run() -> None:
        await it.start()
        await it.crash(failing, WARM)
        before = await it.held()
        it.ticks.clear()
        it.stalls.clear()
        await it.crash(failing, (CRASHES - WARM) // 2)
        between = await it.held()
        await it.crash(failing, (CRASHES - WARM) // 2)
        decided, stalls = sorted(it.ticks), list(it.stalls)
        after = await it.held()
        assert it.host.counters.failures == CRASHES
        assert {row.restarts for name, row in it.rows.items() if name != failing} == {0}
        assert it.rows[failing].restarts == CRASHES
        assert len(decided) > 20
        assert decided[len(decided) * 99 // 100] < SLOWEST_TICK
        assert max(stalls) < LONGEST_STALL
        for what, most in (("threads", 2), ("tasks", 5), ("actors", 0), ("registry", 0), ("descriptors", POOL)):
            assert after[what] <= before[what] + most, (what, before, after)
        grown = min(between["objects"] - before["objects"], after["objects"] - between["objects"])
        assert grown < (CRASHES - WARM) // 2 * MOST_OBJECTS, (before, between, after)
        assert after["kB"] - before["kB"] < MOST_KB, (before, after)
        await asyncio.to_thread(settled, it.settings.database_url.get_secret_value(), venue)
        assert await it.stop() == 0

    uvloop.run(run())
