"""Keeps this host's leases: renews, claims and releases them in a thread of its own, and tells the actors what changed.

Whether something may be sent is answered from memory and a clock, never from the database.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from loguru import logger
from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.actors.leases import SECOND, Answer, Lease, Leases, Market
from opensqt_actors.actors.supervisor_leases import (
    GiveUp,
    LeaseGained,
    LeaseLost,
    LeasesAgain,
    LeasesClosing,
    LeaseShares,
    LeasesStopped,
)
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.kernel import ActorRef
from opensqt_actors.storage import Database, StorageError, load_risk
from opensqt_actors.storage.leases import LeaseTable, lease_rows
from opensqt_actors.storage.registry import load_specs

T = TypeVar("T")
LOOK = 0.1
AGAIN = 0.2
"""Seconds after a failure: what is left of a lease is short."""
TURNS = 2
"""Looks for what can be claimed, per renewal."""
COUNT = 5 * TURNS
"""Turns after which the symbols of each account are counted again: other hosts add some, too."""
VENUE_PATIENCE = 10 * SECOND
"""ns without an order stream after which another host, whose stream may be up, is to have the account's symbols."""
CLOSE = 3.0
WHOLE = 1_000


def suspended_too() -> int:
    """ns on a clock that goes on while the machine is suspended, and that nobody sets."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class _Known(Struct, frozen=True):
    """What the database says of the symbols that were gained, and how many each account has."""

    specs: dict[Market, SymbolSpec]
    risk: tuple[RiskSaved, ...]
    symbols: Counter[str]


class LeaseKeeper:
    """tell: to the SupervisorActor; accounts: those whose order stream is up now; claiming: whether more is wanted.

    Everything here is called on the loop's thread.
    """

    def __init__(
        self,
        leases: Leases,
        database: Database,
        capacity: int,
        *,
        tell: Callable[[object], None],
        accounts: Callable[[], Iterable[str]],
        claiming: Callable[[], bool],
        clock: Callable[[], int] = suspended_too,
    ) -> None:
        self.leases = leases
        self._database = database
        self._table = LeaseTable(database, leases.owner, leases.terms)
        self._capacity = capacity
        self._tell = tell
        self._accounts = accounts
        self._claiming = claiming
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leases")
        self._tasks: list[asyncio.Task[None]] = []
        self._gained: dict[Market, Lease] = {}
        self._shares: dict[str, int] = {}
        self._counted: Counter[str] = Counter()
        self._deaf: dict[str, int] = {}
        self._turns = 0
        self._away = False

    def may_send(self, account: str, symbol: str) -> bool:
        """Whether an order of a symbol may leave at this moment."""
        return self.leases.may_send(account, symbol, self._clock())

    def start(self) -> None:
        """Begin to claim and to renew."""
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch())]

    def give_up(self, sender: ActorRef, effect: GiveUp) -> None:
        """A port: this host is done with a symbol."""
        lease = self.leases.dropped(effect.account, effect.symbol)
        if lease is not None:
            self._gained.pop(lease.market, None)
            self._release(lease)

    async def close(self, *, release: bool) -> None:
        """End. release: nothing of this host's is on its way any more, so that others need not wait."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if release:
            for market in self.leases.markets:
                self.leases.dropped(*market)
            with suppress(TimeoutError, StorageError):
                async with asyncio.timeout(CLOSE):
                    await self._run(self._table.release)
        self._thread.shutdown(wait=False, cancel_futures=True)

    # --- once a second -----------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        every = self.leases.terms.renew / SECOND / TURNS
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self.turn()
            except StorageError as error:
                if not self._away:
                    logger.bind(code="lease.away").warning("leases cannot be renewed: {}", error.sentence)
                self._away = True
                await asyncio.sleep(AGAIN)
                continue
            except Exception as error:  # noqa: BLE001 whatever is wrong, leases must be tried to be renewed
                logger.opt(exception=error).error("keeping the leases broke")
                await asyncio.sleep(AGAIN)
                continue
            if self._away:
                self._away = False
                logger.bind(code="lease.back").info("leases can be renewed again")
            await asyncio.sleep(max(0.0, began + every - loop.time()))

    async def turn(self) -> None:
        """Renew when it is time, claim what there is room for, and tell what has changed. StorageError: nothing has."""
        self._turns += 1
        sent = self._clock()
        if self._away or (self.leases.markets and self._turns % TURNS == 0):
            self._changed(self.leases.renewed(sent, await self._run(self._table.renew)))
            self.look()
        self._leave_deaf_accounts()
        room = self._capacity - len(self.leases)
        if room > 0 and self._claiming():
            accounts = tuple(self._accounts())
            sent = self._clock()
            found = await self._run(lambda: self._table.claim(accounts, room))
            self._changed(self.leases.claimed(sent, found))
        if self._gained or self._counted != self._mine() or (self._turns % COUNT == 0 and self.leases.markets):
            await self._begin()

    def _changed(self, answer: Answer) -> None:
        """What is lost is dropped before anything else is done."""
        for lease in answer.lost:
            self._gained.pop(lease.market, None)
            self._tell(LeaseLost(lease.account, lease.symbol, lease.epoch))
        for lease in answer.gained:
            self._gained[lease.market] = lease

    def _leave_deaf_accounts(self) -> None:
        """What is sent already may still arrive for a while: its lease is free only after that."""
        at, up = self._clock(), set(self._accounts())
        self._deaf = {name: self._deaf.get(name, at) for name, _ in self.leases.markets if name not in up}
        gone = {name for name, since in self._deaf.items() if at - since >= VENUE_PATIENCE}
        if gone:
            seconds, names = VENUE_PATIENCE // SECOND, ", ".join(sorted(gone))
            sentence = f"no order stream of {names} for {seconds} s: its symbols are left to other hosts"
            logger.bind(code="lease.deaf").error("{}", sentence)
        loop = asyncio.get_running_loop()
        for market in self.leases.markets:
            if market[0] in gone and (lease := self.leases.dropped(*market)) is not None:
                self._gained.pop(market, None)
                self._tell(LeaseLost(*lease))
                wait = (self.leases.terms.request_window + SECOND) / SECOND
                loop.call_later(wait, self._release, lease)

    def _release(self, lease: Lease) -> None:
        with suppress(RuntimeError):  # the thread has ended, and the lease will by itself
            self._thread.submit(self._released, lease)

    async def _begin(self) -> None:
        """Read what is to be known of the symbols that were gained, and let them be traded."""
        known = await self._run(self._read)
        self._share(known.symbols)
        gained, self._gained = self._gained, {}
        for market, lease in gained.items():
            spec = known.specs.get(market)
            if spec is None or self.leases.epoch(*market) != lease.epoch:
                continue
            saved = tuple(entry for entry in known.risk if (entry.account, entry.symbol) == market)
            self._tell(LeaseGained(replace(spec, epoch=lease.epoch), saved))

    def _mine(self) -> Counter[str]:
        return Counter(account for account, _ in self.leases.markets)

    def _share(self, symbols: Counter[str]) -> None:
        """Of an account's budget a host has what its part of the symbols is: all parts together are the whole."""
        self._counted = mine = self._mine()
        parts = {name: max(1, WHOLE * count // max(symbols[name], count)) for name, count in mine.items()}
        if parts != self._shares:
            self._shares = parts
            self._tell(LeaseShares(tuple(parts.items())))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.look()

    def look(self) -> None:
        """Tell what time has changed."""
        look = self.leases.look(self._clock())
        if look.closing:
            self._tell(LeasesClosing(look.closing))
        if look.stopped:
            self._tell(LeasesStopped(look.stopped))
        if look.again:
            self._tell(LeasesAgain(look.again))

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _read(self) -> _Known:
        with self._database.read() as connection:
            specs = {(spec.account, spec.symbol): spec for spec in load_specs(connection)}
            symbols = Counter(row.account for row in lease_rows(connection) if row.enabled)
        return _Known(specs, load_risk(self._database), symbols)

    def _released(self, lease: Lease) -> None:
        """When this fails the lease runs out by itself."""
        with suppress(StorageError):
            self._table.release([lease])
