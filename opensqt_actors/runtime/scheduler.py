"""The host for simulations: virtual time, and an order of delivery that a seed decides. No Thespian, no event loop.

It may deliver in any order that real actors could show: only messages of one sender to one receiver keep theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TypeAlias

from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import Cancellable, ManualClock
from opensqt_actors.runtime.effects import ActorFailed
from opensqt_actors.runtime.kernel import MAX_BACKLOG, ActorRef, Cell, Kernel, StepRecord, Timer

MAX_RUN = 10_000_000

Lane: TypeAlias = tuple[ActorId | None, ActorId]


class Lanes:
    """Waiting messages: one queue for each pair of sender and receiver, or a single one without a seed."""

    def __init__(self, seed: int | None) -> None:
        self._random = None if seed is None else Random(seed)
        self._queues: dict[Lane | None, deque[tuple[Cell, object]]] = {}
        self._ready: list[Lane | None] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, sender: Cell | None, to: Cell, message: object) -> None:
        """Queue a message behind those of the same pair."""
        lane = None if self._random is None else (None if sender is None else sender.ref.id, to.ref.id)
        queue = self._queues.get(lane)
        if queue is None:
            queue = self._queues[lane] = deque()
            self._ready.append(lane)
        queue.append((to, message))
        self._size += 1

    def take(self) -> tuple[Cell, object]:
        """The first message of a lane that the seed picks. `IndexError` when nothing waits."""
        ready = self._ready
        index = 0 if self._random is None or len(ready) < 2 else self._random.randrange(len(ready))
        lane = ready[index]
        queue = self._queues[lane]
        entry = queue.popleft()
        self._size -= 1
        if not queue:
            del self._queues[lane]
            ready[index] = ready[-1]
            ready.pop()
        return entry


class SeededScheduler(Kernel):
    """Runs actors one message at a time, when told to; the same seed and the same calls give the same run.

    `seed=None` delivers in the order of sending, as the production host does. A port that answers later plans it on
    `clock` (`call_at`, `call_later`), which `advance` moves.
    """

    def __init__(
        self,
        seed: int | None,
        clock: ManualClock | None = None,
        *,
        on_root_failure: Callable[[ActorFailed], None],
        on_end: Callable[[ActorRef], None] | None = None,
        record: Callable[[StepRecord], None] | None = None,
        max_backlog: int = MAX_BACKLOG,
    ) -> None:
        self.clock = ManualClock() if clock is None else clock
        self._lanes = Lanes(seed)
        self._running = False
        super().__init__(
            self.clock,
            self._lanes,
            on_root_failure=on_root_failure,
            on_end=on_end,
            record=record,
            max_backlog=max_backlog,
        )

    def tell(self, to: ActorId | ActorRef, message: object) -> None:
        """Queue a message. Never raises for want of a receiver, but counts the drop. `BacklogFull` beyond the bound."""
        cell = self._find(to)
        if cell is not None:
            self._lanes.put(None, cell, message)

    def step(self) -> bool:
        """Deliver one message at the present time. False when none waits."""
        if self._running:
            raise RuntimeError("A step is running: a port or a hook must not run the scheduler.")
        if not len(self._lanes):
            return False
        self._running = True
        try:
            self._deliver(*self._lanes.take())
        finally:
            self._running = False
        self._raise_escaped()
        return True

    def run_until_idle(self, limit: int = MAX_RUN) -> int:
        """Deliver until nothing waits; time does not move. Returns the number delivered.

        `RuntimeError` when more than `limit` were: the actors keep each other busy for ever.
        """
        delivered = 0
        while self.step():
            delivered += 1
            if delivered > limit:
                raise RuntimeError(f"The actors did not come to rest within {limit} messages.")
        return delivered

    def advance(self, ns: int) -> None:
        """Move `ns` forward, from one due instant to the next, and come to rest at each of them."""
        if ns < 0:
            raise ValueError(f"ns must not be negative, got {ns}: time does not run backwards.")
        until = self.clock.now() + ns
        self.run_until_idle()
        while self.clock.move_to_next(until):
            self.run_until_idle()

    def close(self) -> None:
        """Stop every actor, children first, the youngest before the older. The second time: does nothing."""
        if self._closed:
            return
        self._end_all()
        if not self._running:
            self.run_until_idle()
            self._raise_escaped()

    def _open(self, cell: Cell) -> None:
        """A cell needs no mailbox here: the lanes hold its messages."""

    def _shut(self, cell: Cell) -> None:
        """What waits for the cell stays in its lanes and is dropped when its turn comes."""

    def _post(self, sender: Cell | None, to: Cell, message: object) -> None:
        self._lanes.put(sender, to, message)

    def _after(self, ns: int, cell: Cell, timer: Timer) -> Cancellable:
        return self.clock.call_at(self.clock.now() + ns, partial(self._post, cell, cell, timer))
