"""The production host: actors carried by Thespian inside this process, timers by the event loop.

The only module that knows Thespian. It touches private names of 4.0.1, which the pin and tests guard: see
`docs/reference/runtime.md` for each of them and the reason.
"""

# ruff: noqa: SLF001
from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from thespian.actors import Actor, ActorExitRequest, ActorSystem
from thespian.system.simpleSystemBase import PendingSend

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import CallLater, Cancellable, Clock
from opensqt_actors.runtime.effects import ActorFailed
from opensqt_actors.runtime.kernel import MAX_BACKLOG, ActorRef, Cell, Kernel, StepRecord, Timer

NS = 1e-9
TURN = 1_000_000
"""ns of a turn in production: what a risk rule tells a hundred symbols takes many times that; its cancels wait less."""


class Carrier(Actor):  # type: ignore[misc]
    """What Thespian sees of an actor. It has no `__init__`: Thespian hides the reason of an error there."""

    deliver: Callable[[Any], None]

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - the name is Thespian's
        """Hand a message on that Thespian itself delivers. No `Exception` may escape: it would send it again."""
        self.deliver(message)

    _receive = receiveMessage


class ThespianHost(Kernel):
    """Runs actors to completion within the call that tells them something.

    A `tell` from outside returns when every message that followed from it has been handled. A `tell` from a port or a
    hook, so from within, is queued behind what is waiting. Everything happens on the thread that made the host.
    turn: ns after which work that goes on lets the event loop take its turn, so that requests leave which that work has
    led to; a `tell` from outside is queued until it goes on. None: it never does.
    """

    def __init__(
        self,
        clock: Clock,
        call_later: CallLater,
        *,
        on_root_failure: Callable[[ActorFailed], None],
        on_end: Callable[[ActorRef], None] | None = None,
        record: Callable[[StepRecord], None] | None = None,
        max_backlog: int = MAX_BACKLOG,
        turn: int | None = None,
    ) -> None:
        self._turn = turn
        self._resuming = False
        self._system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
        self._base = self._system._systemBase
        self._pending: deque[tuple[Cell, Any] | PendingSend] = deque(self._base._pendingSends)
        self._base._pendingSends = self._pending
        self._registry: dict[str, Any] = self._base.actorRegistry
        self._outside = self._registry[self._system.systemAddress.actorAddressString]
        self._outside.instance._receive = _ignore
        self._run = self._base._runSingleSend
        self._call_later = call_later
        self._graves: list[str] = []
        self._running = False
        self._thread = threading.get_ident()
        super().__init__(
            clock, self._pending, on_root_failure=on_root_failure, on_end=on_end, record=record, max_backlog=max_backlog
        )

    def tell(self, to: ActorId | ActorRef, message: Any) -> None:
        """Send a message. From outside: returns when all that followed is done, or at the end of the turn. From within:
        queues it.

        Never raises for want of a receiver, but counts the drop. `BacklogFull` beyond the bound; `RuntimeError` on
        another thread than the host's (use `loop.call_soon_threadsafe`).
        """
        if threading.get_ident() != self._thread:
            raise RuntimeError("A host is told things on its own thread only: use loop.call_soon_threadsafe.")
        cell = self._find(to)
        if cell is not None:
            self._enter(cell, message)

    def close(self) -> None:
        """Stop every actor, children first, the youngest before the older. The second time: does nothing."""
        if self._closed:
            return
        self._turn = None
        running, self._running = self._running, True
        self._end_all()
        self._running = running
        if not running:
            self._drain()

    def _enter(self, cell: Cell, message: Any) -> None:
        self._post(None, cell, message)
        if not (self._running or self._resuming):
            self._drain()

    def _drain(self) -> None:
        """Deliver in order until nothing waits, or the turn is over. Exits and their notices are Thespian's to do."""
        self._running = True
        pending, run, deliver, turn = self._pending, self._run, self._deliver, self._turn
        clock = time.monotonic_ns
        end = 0 if turn is None else clock() + turn
        try:
            while pending:
                send = pending.popleft()
                if type(send) is tuple:
                    deliver(*send)
                else:
                    run(send)
                if end and clock() >= end:
                    self._resuming = bool(pending)
                    break
        finally:
            self._running = False
            if self._pending:
                self._call_later(0.0, self._drain_rest)
            elif self._graves:
                self._bury()
        if self._escaped is not None:
            self._raise_escaped()

    def _drain_rest(self) -> None:
        self._resuming = False
        if not self._running:
            self._drain()

    def _open(self, cell: Cell) -> None:
        address = self._system.createActor(Carrier)
        carrier = self._registry[address.actorAddressString].instance
        carrier.deliver = partial(self._deliver, cell)
        del carrier._receive  # Thespian's own formats a log line for every message, and makes the carrier a cycle
        cell.mailbox = carrier

    def _shut(self, cell: Cell) -> None:
        address = cell.mailbox.myAddress
        self._pending.append(PendingSend(self._outside.address, ActorExitRequest(recursive=False), address))
        self._graves.append(address.actorAddressString)
        cell.mailbox = None  # a dead cell and its carrier must not keep each other alive

    def _bury(self) -> None:
        """Forget what Thespian keeps of the dead: an entry in its registry for each, for ever."""
        for address in self._graves:
            self._registry.pop(address, None)
        self._graves.clear()

    def _post(self, sender: Cell | None, to: Cell, message: Any) -> None:
        self._pending.append((to, message))

    def _after(self, ns: int, cell: Cell, timer: Timer) -> Cancellable:
        return self._call_later(ns * NS, partial(self._due, cell, timer))

    def _due(self, cell: Cell, timer: Timer) -> None:
        if cell.timers.get(timer.key) is timer:
            self._enter(cell, timer)
        else:
            self._stale += 1

    def _drop(self, message: Any) -> None:
        if type(message) is not ActorExitRequest:
            super()._drop(message)


def _ignore(message: Any, sender: Any) -> None:
    """Stand in for the mailbox of the world outside, which would keep a notice of every ended actor for ever."""
