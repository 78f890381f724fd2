"""What must hold at every moment of a run, faults or not: exits in bounded time, sums that agree, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fleet.connection import SECOND

from opensqt_actors.actors.exchange import PAYMENTS, ExchangeActor
from opensqt_actors.actors.order_desk import URGENT_IN_FLIGHT
from opensqt_actors.actors.shard import ShardActor
from opensqt_actors.actors.symbol import Phase, SymbolActor
from opensqt_actors.actors.symbol_strays import MOST as MOST_STRANGERS
from opensqt_actors.actors.symbol_sync import MOST_NAMED
from opensqt_actors.actors.tracker import ENDED
from opensqt_actors.domain.booked_trades import KNOWN_TRADES
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.settings import RemoveMode
from opensqt_actors.domain.slotless import KNOWN_ENDS
from opensqt_actors.domain.slots import Slot, SlotStatus

if TYPE_CHECKING:
    from fleet.world import World

BARE = 15 * SECOND
"""So long may a holding be without an exit order, of the time in which orders can be placed: the opening order in its
place must be cancelled first, and that may have to be looked up."""
UNHEARD = 40 * SECOND
"""So long may an exit order be on its way, of the same time: tries, look-ups and their back-off."""


class Watch:
    """Looks at a world after every moment. What it finds goes to the world's violations, each thing once.

    bare, unheard: ns for which a holding, by symbol and level, has had no exit or one that nobody has confirmed.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.bare: dict[tuple[str, int], int] = {}
        self.unheard: dict[tuple[str, int], int] = {}
        self.largest: dict[str, tuple[int, int]] = {}
        self._told: set[str] = set()
        self._sized_at = 0

    def look(self, ns: int) -> None:
        """So much time has passed since the last look."""
        world = self._world
        actors = [actor for actor in map(world.symbol, world.names) if actor is not None]
        for actor in actors:
            self._sums(actor)
        exchange = world.behaviour(world.exchange_id)
        if isinstance(exchange, ExchangeActor) and self._open_for_orders(exchange):
            for actor in actors:
                self._exits(actor, ns)
        if world.clock.now() - self._sized_at >= SECOND:
            self._sized_at = world.clock.now()
            for name, size, bound in self._sizes(actors, exchange):
                self.largest[name] = max(self.largest.get(name, (0, 0)), (size, bound))
                if size > bound:
                    self._tell(f"memory: {name} holds {size}, {bound} are its bound")

    def _open_for_orders(self, exchange: ExchangeActor) -> bool:
        """Whether an order that is wanted now could be placed now."""
        journal, now = self._world.journal, self._world.process_clock.now()
        writable = journal is not None and not journal.away
        return writable and exchange.orders_up and exchange.budget.room(now) > 0

    def _exits(self, actor: SymbolActor, ns: int) -> None:
        """Every holding that the venue would take an exit for has one, and hears of it, in bounded time."""
        grid = actor.strategy
        leaving = actor.leaving not in (None, RemoveMode.GRACEFUL) or actor.stopping is not None
        if actor.phase is not Phase.TRADING or not actor.bid or not isinstance(grid, Grid) or leaving:
            return
        now = self._world.process_clock.now()
        for slot in actor.slots.held.values():
            key = (actor.symbol, slot.level)
            bare = slot.order is None and slot.blocked_until <= now and not grid.exits.dust(slot)
            self._count(self.bare, key, slot, ns, BARE, wrong=bare, sentence="holds {0} without an exit")
            unheard = slot.order is not None and not slot.order.opens and not slot.order.seen
            self._count(
                self.unheard, key, slot, ns, UNHEARD, wrong=unheard, sentence="holds {0} and its exit is unheard of"
            )
        for ages in (self.bare, self.unheard):
            for key in [key for key in ages if key[0] == actor.symbol and key[1] not in actor.slots.held]:
                del ages[key]

    def _count(
        self, ages: dict[tuple[str, int], int], key: tuple[str, int], slot: Slot, ns: int, bound: int, *, wrong: bool,
        sentence: str,
    ) -> None:  # fmt: skip
        if not wrong:
            ages.pop(key, None)
            return
        ages[key] = ages.get(key, 0) + ns
        self.largest[sentence] = max(self.largest.get(sentence, (0, 0)), (ages[key], bound))
        if ages[key] > bound:
            what = sentence.format(slot.position)
            self._tell(f"{key[0]}: level {slot.level} {what} for {bound // SECOND} s: {'; '.join(slot.history)}")

    def _sums(self, actor: SymbolActor) -> None:
        slots = actor.slots
        held = sum(slot.position for slot in slots.held.values())
        if held != slots.position:
            self._tell(f"{actor.symbol}: the slots hold {held}, their sum is {slots.position}")
        cost = sum(slot.cost for slot in slots.held.values())
        if cost != slots.long_cost - slots.short_cost:
            self._tell(f"{actor.symbol}: the slots cost {cost}, the sums are {slots.long_cost} and {slots.short_cost}")

    def _sizes(self, actors: list[SymbolActor], exchange: object) -> Iterator[tuple[str, int, int]]:
        world = self._world
        assert world.host is not None
        symbols = len(world.names)
        counters = world.host.counters
        yield "messages waiting", counters.backlog, 2
        yield "actors", counters.actors, 5 + symbols
        yield "timers", counters.timers, 6 * (5 + symbols)
        working = 0
        for actor in actors:
            slots, grid = actor.slots, actor.spec.grid
            working += slots.working
            yield (
                "slots",
                len(slots.by_level),
                len(slots.held) + slots.working + 2 * (grid.buy_window + grid.sell_window) + 8,
            )
            # exits never wait for room: what gives way to them counts no more once its cancel has been asked for
            leaving = sum(order.cancelling for order in slots.orders() if order.opens)
            # an opening that is itself on its way cannot be cancelled yet, nor give way to an exit that came later
            on_their_way = [
                slot.order.since
                for slot in slots.by_level.values()
                if slot.order and slot.order.opens and not slot.order.cancelling and slot.status is SlotStatus.PENDING
            ]
            first = min(on_their_way, default=0)
            later = sum(o.since >= first for o in slots.orders() if not (o.opens or o.cancelling))
            leaving += min(len(on_their_way), later)
            if actor.phase is Phase.SYNCING:
                # nothing is cancelled for an exit until the venue's view is in: openings alone keep to the bound
                leaving = max(leaving, slots.exit_orders)
            yield "orders of a symbol", slots.working - leaving, max(grid.max_open_orders, slots.exit_orders)
            yield "known trades", len(slots.trades), KNOWN_TRADES
            yield (
                "unwritten orders",
                sum(not order.unwritten for order in slots.moved.values())
                + len(slots.slotless.late)
                + len(slots.slotless.orphans),
                0 if actor.instrument else 60,
            )
            yield "strangers", len(slots.slotless.strangers), MOST_STRANGERS
            yield "since when strangers count", len(actor.strays._due), MOST_STRANGERS
            yield "orders given up", len(slots.slotless._given_up), KNOWN_ENDS
            yield "unwritten entries", len(actor.ledger._entries), 200
            yield "trades of others", len(actor.sync._others), MOST_NAMED
            yield "known payments", len(actor.ledger._payments), 1_000
        shard = world.behaviour(world.shard_id)
        if isinstance(shard, ShardActor):
            for child in shard._children.values():
                yield "messages for an actor that starts", len(child.waiting), 50
        if not isinstance(exchange, ExchangeActor):
            return
        desk = exchange.desk
        committing = {plan.request.client_id for batch in desk._commits.values() for plan in batch}
        yield "batches being written", len(desk._commits), desk.most_placing
        yield "orders being adopted", len(desk.adoptions.writing), MOST_STRANGERS
        yield "withdrawn orders", len(desk._withdrawn.keys() - committing), 0
        yield "requests to place orders", abs(desk._placing), desk.most_placing
        yield "requests in flight", abs(desk._in_flight), URGENT_IN_FLIGHT
        most = sum(world.setup.grids.get(i, world.setup.grid).max_open_orders for i in range(symbols)) + 40 * symbols
        yield "live orders", exchange.tracker.size, most
        yield "ended orders", len(exchange.tracker._ended_order), ENDED
        yield "requests that wait", desk.waiting, 2 * most
        yield "payments", max(map(len, exchange._funding.values()), default=0), PAYMENTS
        yield "orders of others", len(exchange.foreign._reported), 1_001
        yield "prices", len(exchange.board.cells), symbols
        yield "checks", sum(map(len, exchange._checks.values())), 20

    def _tell(self, sentence: str) -> None:
        kind = sentence.partition(":")[0] + sentence.rpartition("for ")[0][:60]
        if kind not in self._told:
            self._told.add(kind)
            self._world.violations.append(sentence)
