"""`durable`: each batch of orders is a DBOS workflow with one step. Written down, sent, its outcomes recorded.

A batch whose outcomes are not recorded when its process dies is looked up by the next one, order by order, and never
sent again: whether an order is still wanted is for its SymbolActor to say, which decides anew from the journal.
"""

from __future__ import annotations

import asyncio
import contextvars
import secrets
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum, auto
from functools import partial
from typing import Any, TypeVar

from loguru import logger
from msgspec import Struct, field

from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import NotSent, OrderRequest, OrderStatus, OutcomeUnknown, PlaceOutcome
from opensqt_actors.domain.records import OrderSaved
from opensqt_actors.durable.wire import Outcome, Row, found, not_found, order_of, outcomes_of, row_of
from opensqt_actors.durable.workflows import Workflows
from opensqt_actors.venues.engine import Note, Send
from opensqt_actors.venues.port import Venue, VenueError

T = TypeVar("T")
SECOND = 1_000_000_000
CLOSE = 4.0
"""Seconds that batches which are out may take to have their outcomes recorded at the end."""
_RESTING = frozenset({OrderStatus.NEW.value, OrderStatus.PARTIALLY_FILLED.value})


class DurableSettings(Struct, frozen=True):
    """start_timeout: s until a batch must be written down; most_starting: batches that may wait for that at once.

    keep: finished workflows that stay in the tables; sweep_every: finished batches between two sweeps; retry_first,
    retry_last: s between look-ups of an order at a venue that does not answer.
    """

    start_timeout: float = 2.0
    most_starting: int = 64
    keep: int = 500
    sweep_every: int = 250
    retry_first: float = 0.5
    retry_last: float = 30.0


class _State(Enum):
    """WAITING: not sent, it may be still; SENT: its request is out, or was; WITHDRAWN: answered, never to be sent."""

    WAITING = auto()
    SENT = auto()
    WITHDRAWN = auto()


class _Ticket(Struct, eq=False):
    """A batch of this process. decided: None once sent, a reason once it cannot be; gone: whoever is behind may go."""

    id: str
    orders: tuple[OrderRequest, ...]
    before: asyncio.Future[None] | None
    decided: asyncio.Future[str | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    gone: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    answer: asyncio.Future[tuple[PlaceOutcome, ...]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    state: _State = _State.WAITING


def _no_failpoint(name: str) -> None:
    """Nothing armed."""


class DurableEngine:
    """See `venues.engine.Engine`.

    process: a stable name of this process, see Workflows. failpoint: called with "durable.started", "durable.sent" and
    "durable.answered". With the database away opening orders are refused within start_timeout, never sent; orders that
    only reduce go out without it, market orders that reduce without even asking it.
    """

    def __init__(
        self,
        database_url: str,
        process: str,
        *,
        settings: DurableSettings | None = None,
        failpoint: Callable[[str], None] = _no_failpoint,
    ) -> None:
        self.workflows = Workflows(database_url, process, self._step, self._ended)
        self._settings = settings or DurableSettings()
        self._failpoint = failpoint
        self._run = secrets.token_hex(6)
        self._issued = 0
        self._finished = 0
        self._venues: dict[str, Venue] = {}
        self._tickets: dict[str, _Ticket] = {}
        self._last: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[asyncio.Task[Any]] = set()
        self._sweeping = False
        self._note: Note | None = None
        self._context = contextvars.copy_context()

    def sender(self, account: str, venue: Venue) -> Send:
        """See Engine."""
        self._venues[account] = venue
        return partial(self._send, account, venue)

    async def start(self, note: Note) -> None:
        """See Engine. StorageError when the database cannot be used."""
        self._note = note
        await self.workflows.open()
        self._sweep()

    async def close(self) -> None:
        """See Engine."""
        self._note = None
        for task in self._looking:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE)
        await self.workflows.close()

    # --- sending -----------------------------------------------------------------------------------------------------

    async def _send(self, account: str, venue: Venue, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        if all(order.reduce_only and order.price is None for order in orders):
            return await venue.place(orders)
        if self._note is None:
            reason = "the engine does not run"
        else:
            ticket = self._issue(account, orders)
            decided = await self._decision(ticket, account)
            if decided is None:
                return await ticket.answer
            reason = decided
        if all(order.reduce_only for order in orders):
            return await venue.place(orders)
        return [NotSent(order.client_id, reason, SECOND) for order in orders]

    @property
    def _starting(self) -> int:
        """Batches that wait to be written down, those included that nobody waits for any more."""
        return sum(1 for ticket in self._tickets.values() if ticket.state is not _State.SENT)

    def _issue(self, account: str, orders: Sequence[OrderRequest]) -> _Ticket:
        self._issued += 1
        ticket = _Ticket(f"{self._run}.{self._issued}", tuple(orders), self._last.get(account))
        self._last[account] = ticket.gone
        return ticket

    async def _decision(self, ticket: _Ticket, account: str) -> str | None:
        """None: it is out. A reason: it is not, and is not going to be."""
        reason: str | None = "too many batches wait for the database"
        try:
            if (
                sum(1 for other in self._tickets.values() if other.state is not _State.SENT)
                < self._settings.most_starting
            ):
                self._tickets[ticket.id] = ticket
                self._begin(self._batch(ticket, account))
                async with asyncio.timeout(self._settings.start_timeout):
                    reason = await asyncio.shield(ticket.decided)
        except TimeoutError:
            reason = f"the database has not taken the batch within {self._settings.start_timeout:g} s"
        finally:
            if ticket.state is _State.SENT:
                reason = None
            else:
                ticket.state = _State.WITHDRAWN
                _settle(ticket.gone, None)
        return reason

    async def _batch(self, ticket: _Ticket, account: str) -> None:
        try:
            end = await self.workflows.start(ticket.id, account, [row_of(order) for order in ticket.orders])
            await end
        except Exception as error:  # noqa: BLE001 whatever DBOS says, the batch has its answer, and is looked up later
            reason = self.workflows.explain(error)
            if ticket.state is not _State.SENT:
                _settle(ticket.decided, reason)
            else:
                logger.warning("the outcomes of a batch could not be recorded: {}", reason)
        finally:
            del self._tickets[ticket.id]
            self._finished += 1
            if self._finished % self._settings.sweep_every == 0:
                self._sweep()

    async def _step(self, workflow_id: str, account: str, rows: list[Row]) -> list[Outcome]:
        """Send the batch of this process, look up that of an earlier one."""
        ticket = self._tickets.get(workflow_id)
        if ticket is None:
            return await self._look_up(account, rows)
        if ticket.before is not None:
            await asyncio.shield(ticket.before)
            ticket.before = None
        if ticket.state is not _State.WAITING:
            return outcomes_of([NotSent(order.client_id, "withdrawn") for order in ticket.orders])
        ticket.state = _State.SENT
        self._failpoint("durable.started")
        _settle(ticket.decided, None)
        # In a context of its own: what the adapter starts must not believe that it is part of this workflow.
        placing = asyncio.create_task(_place(self._venues[account], ticket.orders), context=self._context.copy())
        _settle(ticket.gone, None)
        outcomes = await placing
        self._failpoint("durable.sent")
        _settle(ticket.answer, outcomes)
        self._failpoint("durable.answered")
        return outcomes_of(outcomes)

    # --- what an earlier process left --------------------------------------------------------------------------------

    async def _look_up(self, account: str, rows: list[Row]) -> list[Outcome]:
        task = asyncio.current_task()
        venue = self._venues.get(account)
        if venue is None or task is None:
            return outcomes_of([OutcomeUnknown(ClientId(row[0]), "no such account any more") for row in rows])
        self._looking.add(task)
        try:
            return [await self._find(venue, order_of(row)) for row in rows]
        finally:
            self._looking.discard(task)

    async def _find(self, venue: Venue, order: OrderRequest) -> Outcome:
        wait = self._settings.retry_first
        while True:
            try:
                report = await venue.find(order.symbol, order.client_id)
            except VenueError as error:
                if error.final:
                    return outcomes_of([OutcomeUnknown(order.client_id, error.sentence)])[0]
                await asyncio.sleep(max(wait, error.retry_after / SECOND))
                wait = min(wait * 2, self._settings.retry_last)
                continue
            return not_found(order) if report is None else found(report)

    def _ended(self, workflow_id: str, account: str, outcomes: list[Outcome]) -> None:
        """Journal the venue's ids of orders that rest, which an earlier process may not have come to.

        No more than that: an order that has ended stays open in the journal until its fills are booked, and one that
        the venue does not know may still arrive. Both are for the symbol's reconciliation.
        """
        if workflow_id in self._tickets or self._note is None:
            return
        logger.info("a batch of an earlier run is settled: {}", [outcome["outcome"] for outcome in outcomes])
        resting = tuple(
            OrderSaved(
                account, outcome["symbol"], ClientId(outcome["client_id"]), OrderStatus.NEW, 0, outcome["venue_id"], "",
                outcome["at"],
            )
            for outcome in outcomes
            if outcome["detail"] in _RESTING and outcome["venue_id"]
        )  # fmt: skip
        try:
            self._note(resting)
        except OpenSqtError as error:
            logger.warning("what was learnt of an earlier batch could not be journalled: {}", error.sentence)

    # --- what is kept ------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        if not self._sweeping and self._note is not None:
            self._sweeping = True
            self._begin(self._delete_old())

    async def _delete_old(self) -> None:
        """Old finished batches; and those of this run whose end could not be recorded, but was answered."""
        try:
            left = await self.workflows.unfinished(f"{self._run}.")
            await self.workflows.delete([workflow_id for workflow_id in left if workflow_id not in self._tickets])
            while await self.workflows.sweep(self._settings.keep):
                pass
        except Exception as error:  # noqa: BLE001 the next sweep will do
            logger.warning("old batches could not be deleted: {}", self.workflows.explain(error))
        finally:
            self._sweeping = False

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _place(venue: Venue, orders: tuple[OrderRequest, ...]) -> tuple[PlaceOutcome, ...]:
    try:
        return tuple(await venue.place(orders))
    except Exception as error:  # noqa: BLE001 a broken adapter must not leave an order without an answer
        logger.opt(exception=error).error("placing orders broke")
        return tuple(OutcomeUnknown(order.client_id, "interrupted") for order in orders)


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
