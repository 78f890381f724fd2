"""What must hold in a world at rest: slots = ledger = venue, money adds up, every holding has its exit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from fleet.venue import SECOND
from fleet.world import ACCOUNT, World

from opensqt_actors.actors.order_desk import IN_FLIGHT
from opensqt_actors.actors.symbol import Phase, SymbolActor
from opensqt_actors.domain.grid import Draft, Grid
from opensqt_actors.domain.ids import ClientId, decode
from opensqt_actors.domain.orders import Side
from opensqt_actors.domain.slots import SlotStatus
from opensqt_actors.simvenue.events import BookTicker, IncomeType


def violations(world: World) -> list[str]:
    """Everything that is wrong with a settled world; empty when nothing is."""
    found = [*world.violations, *world.venue.violations]
    doubled = world.engine.duplicate_client_ids(ACCOUNT)
    duplicates = {client_id: count for client_id, count in doubled.items() if client_id not in world.venue.twins}
    if duplicates:
        found.append(f"orders doubled: {duplicates}")
    # the trades of an order that nobody knew, and that ended unseen, cannot be told from somebody else's
    strangers = (order for name in world.names for order in world.engine.orders(ACCOUNT, name, limit=1_000_000))
    world.touched |= {o.symbol for o in strangers if o.executed and o.client_id in world.venue.strangers}
    world.touched |= {world.tables.orders[i].intent.symbol for i in doubled if i in world.tables.orders}
    found += _budget(world)
    found += [f"root failed: {failure.reason}" for failure in world.failures]
    found += [crash for crash in world.crashes if "njected" not in crash]
    if world.tables.strays and not _lost(world):
        found.append(f"{world.tables.strays} order updates without an intent")
    found += _money(world) if not (_lost(world) or world.undecided or world.touched) else []
    for name in world.names:
        actor = world.symbol(name)
        if actor is not None:
            found += [f"{name}: {sentence}" for sentence in _symbol(world, actor)]
    tracked = {t.client_id for t in world.exchange.tracker.all_live()}
    resting = {order.client_id for order in world.engine.open_orders(ACCOUNT) if decode(order.client_id)}
    found += [f"{name} has no actor" for name in world.names if world.symbol(name) is None]
    if tracked != resting:
        found.append(f"tracker: too many {sorted(tracked - resting)}, too few {sorted(resting - tracked)}")
    return found


def _lost(world: World) -> bool:
    """Whether an actor that carries other actors' messages has died: then nobody knows what it had in its hands."""
    return bool(world.faults.counts["exchange.crashed"] or world.faults.counts["shard.crashed"])


def _budget(world: World) -> Iterator[str]:
    """No ten seconds see more orders than the budget grants, what was committed a moment before included.

    A budget that is new begins full: of what another process has used only the venue knows, and here it counts nothing.
    """
    limits, sent = world.setup.limits, list(world.venue.sent)
    most = limits.burst + 10 * limits.orders_per_second + IN_FLIGHT
    first, total = 0, 0
    for at, count in sent:
        total += count
        while at - sent[first][0] > 10 * SECOND:
            total -= sent[first][1]
            first += 1
        fresh = sum(at - 10 * SECOND <= made <= at for made in world.budgets[1:])
        if total > most + fresh * limits.burst:
            yield f"{total} orders within 10 s, {most} are allowed, and {limits.burst} for each of {fresh} new budgets"
            return


def _symbol(world: World, actor: SymbolActor) -> Iterator[str]:
    slots, name = actor.slots, actor.symbol
    held = world.engine.position(ACCOUNT, name).amount
    by_slot = sum(slot.position for slot in slots.by_level.values())
    fills = world.tables.booked(ACCOUNT, name)
    ledger = sum(fill.quantity if fill.side is Side.BUY else -fill.quantity for fill, _ in fills)
    noise = 1 if name in world.touched else 0
    if not by_slot == slots.position == ledger or abs(held - by_slot) > noise:
        yield f"position: venue {held}, slots {by_slot}, sum {slots.position}, ledger {ledger}"
    saved = {key[2]: row for key, row in world.tables.slots.items() if key[:2] == (ACCOUNT, name)}
    for level, slot in slots.by_level.items():
        row = saved.get(level)
        if slot.position and (row is None or (row.position, row.cost) != (slot.position, slot.cost)):
            yield f"level {level}: holds {slot.position}, the journal says {row}"
    yield from _orders(world, actor)
    yield from _accounting(world, actor)
    if slots.illegal:
        yield f"{slots.illegal} illegal transitions"
    if actor.phase is Phase.REFUSED:
        yield f"refused: {actor.why}"
    elif actor.phase is not Phase.TRADING:
        yield f"not trading: {actor.phase.value}, {actor.why}"
    else:
        yield from _grid(actor, world.engine.book_ticker(name), world.clock.now())


def _orders(world: World, actor: SymbolActor) -> Iterator[str]:
    resting = {
        ClientId(order.client_id): (order.price, order.quantity, order.executed)
        for order in world.engine.open_orders(ACCOUNT, actor.symbol)
        if decode(order.client_id) is not None
    }
    working = {
        slot.order.client_id: (slot.order.price, slot.order.quantity, slot.order.filled)
        for slot in actor.slots.by_level.values()
        if slot.order is not None
    }
    if resting != working:
        extra = {k: v for k, v in resting.items() if working.get(k) != v}
        missing = {k: v for k, v in working.items() if resting.get(k) != v}
        yield f"orders: on the venue only {extra}, in slots only {missing}"
    unwritten = [o.client_id for o in (*actor.slots.orders(), *actor.slots.moved.values()) if o.unwritten]
    if unwritten:
        yield f"adopted orders whose intents nobody writes: {sorted(unwritten)}"
    if len(working) != actor.slots.working:
        yield f"working counts {actor.slots.working}, there are {len(working)}"
    live = {
        c for c, row in world.tables.orders.items() if row.intent.symbol == actor.symbol and not row.status.terminal
    }
    if live != set(resting):
        yield f"journal: live orders {sorted(live - set(resting))} too many, {sorted(set(resting) - live)} too few"
    for row in world.tables.orders.values():
        if row.intent.symbol == actor.symbol and row.status.terminal:
            theirs = world.engine.order(ACCOUNT, actor.symbol, client_id=row.intent.client_id)
            executed = getattr(theirs, "executed", 0)
            if executed != row.filled and row.intent.client_id not in world.venue.twins:
                yield f"journal: {row.intent.client_id} filled {row.filled}, the venue says {executed}"


def _accounting(world: World, actor: SymbolActor) -> Iterator[str]:
    name, slots = actor.symbol, actor.slots
    rules = world.engine.rules(name)
    fills = world.engine.fills(ACCOUNT, name, limit=1_000_000)
    cash = -sum(fill.side.sign * fill.price * fill.quantity for fill in fills)
    cost = slots.long_cost - slots.short_cost
    touched = name in world.touched  # what others trade on the account is booked by guess
    if actor.totals.realized - cost != cash and not touched:
        yield f"money: realised {actor.totals.realized} - cost {cost} is not the cash flow {cash}"
    if sum(slot.cost for slot in slots.by_level.values()) != cost:
        yield "money: the sum of the slots' costs is not the total"
    fees = sum((fill.commission for fill in fills), Decimal(0))
    if actor.totals.fees != fees and not touched:
        yield f"money: fees {actor.totals.fees}, the venue took {fees}"
    funding = -world.unowned[name] + sum(
        (i.amount for i in world.engine.income(ACCOUNT, symbol=name, type=IncomeType.FUNDING_FEE, limit=1_000_000)),
        Decimal(0),
    )
    if actor.totals.funding != funding and not _lost(world) and name not in world.undecided:
        yield f"money: funding {actor.totals.funding}, the venue booked {funding}"
    saved = world.tables.totals.get((ACCOUNT, name))
    if fills and (saved is None or (saved.realized, saved.fees) != (actor.totals.realized, actor.totals.fees)):
        yield f"money: the journal's totals are {saved}"
    if actor.instrument is not None and actor.instrument.quantum != rules.quantum:
        yield "money: quanta differ"


def _money(world: World) -> Iterator[str]:
    """The wallet's change is what the symbols say, to the last unit."""
    summary = world.engine.summary(ACCOUNT)
    change = summary.wallet - summary.initial - summary.transfers - summary.insurance
    ours = sum(world.unowned.values(), Decimal(0))
    for name in world.names:
        actor = world.symbol(name)
        position = world.engine.position(ACCOUNT, name)
        if actor is None or actor.instrument is None:
            return
        slots = actor.slots
        cash = actor.totals.realized - (slots.long_cost - slots.short_cost)
        ours += actor.instrument.quantum * cash + position.cost - actor.totals.fees + actor.totals.funding
    if ours != change:
        yield f"money: the wallet changed by {change}, the symbols say {ours}"


def _grid(actor: SymbolActor, newest: BookTicker, now: int) -> Iterator[str]:
    """Every holding has its exit, openings stay in the window, one order per level, the band is quiet."""
    grid, slots = actor.strategy, actor.slots
    if not isinstance(grid, Grid) or grid.centre is None or actor.leaving is not None or actor.stopping is not None:
        return
    draft = Draft(actor.bid, actor.ask, now)
    window = {rung.level for rung in grid.ladder.rungs()}
    for slot in slots.by_level.values():
        order, level = slot.order, slot.level
        if slot.status is SlotStatus.PENDING:
            yield f"level {level} is pending at rest: {'; '.join(slot.history)}"
        if slot.position and order is None and not grid.exits.dust(slot) and slot.blocked_until <= now:
            yield f"level {level} holds {slot.position} without an exit: {'; '.join(slot.history)}"
        if order is None:
            continue
        if not order.opens:
            if order.remaining != abs(slot.position):
                yield f"level {level}: exit of {order.remaining} for a holding of {slot.position}"
            continue
        if level not in window and not slot.position and not grid.openings.came_to(level, order.kind, draft):
            yield f"level {level}: an opening order outside the window around {grid.centre}"
        if level in slots.exits and not slot.position:
            yield f"level {level}: an opening order on the exit level of {slots.exits[level]}"
    if slots.working > actor.spec.grid.max_open_orders and slots.working > slots.exit_orders:
        yield f"{slots.working} open orders, {actor.spec.grid.max_open_orders} allowed"
    yield from _quiet(actor, grid, newest, now)


def _quiet(actor: SymbolActor, grid: Grid, newest: BookTicker, now: int) -> Iterator[str]:
    """At rest a decision asks for nothing, at any price of its band, and every level without an order says why."""
    slots = actor.slots
    if not actor.bid:
        return
    if (actor.bid, actor.ask) != (newest.bid, newest.ask):
        yield f"it knows {actor.bid}/{actor.ask}, the market is at {newest.bid}/{newest.ask}"
    decision = grid.decide(slots, actor.bid, actor.ask, actor.gate, now)
    if decision.cancels or decision.places:
        yield f"not at rest: {decision.cancels} {decision.places}"
    reasons = grid.why(slots, actor.bid, actor.ask, actor.gate, now)
    for level in grid.levels(slots):
        here = slots.by_level.get(level)
        if (here is None or here.order is None) and level not in reasons:
            yield f"level {level} has no order and no reason"
    spread = actor.ask - actor.bid
    for bid in (decision.low, decision.high - 1 - spread):
        if not 0 < bid < 1 << 40 or not decision.low <= bid or not bid + spread < decision.high:
            continue
        again = grid.decide(slots, bid, bid + spread, actor.gate, now)
        if again.cancels or again.places:
            yield f"the band [{decision.low}, {decision.high}) is not quiet at {bid}: {again}"
