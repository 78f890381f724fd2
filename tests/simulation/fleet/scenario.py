"""A fleet whose markets stand still until a scenario moves them, and what a scenario looks at."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fleet.invariants import violations
from fleet.world import ACCOUNT, Setup, World
from msgspec.structs import replace

from opensqt_actors.actors import operator
from opensqt_actors.actors.views import StatusView, SymbolView
from opensqt_actors.domain.ids import OrderKind, decode
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.slots import Slot
from opensqt_actors.simvenue import events as engine

GRID = GridSettings(interval_percent=Decimal("0.4"), amount=Decimal(30), buy_window=6, sell_window=6)
CALM = Setup(symbols=1, grid=GRID)


def calm(setup: Setup = CALM, *, seed: int = 5, rates: dict[str, float] | None = None, laid: float = 3.0) -> World:
    """Markets that stand still, with their ladders laid."""
    world = World(seed, setup if rates is None else replace(setup, rates=rates))
    for name in world.names:
        world.engine.pause(name, world.venue.now_ms)
    world.start()
    world.advance(laid)
    return world


def move(world: World, name: str, price: int) -> None:
    """The market trades at this price (ticks) now."""
    world.engine.set_price(name, price, world.venue.now_ms)


def orders(world: World, name: str, *kinds: OrderKind) -> list[engine.Order]:
    """Our resting orders of these kinds, or of all, highest price first."""
    found = []
    for order in world.engine.open_orders(ACCOUNT, name):
        key = decode(order.client_id)
        if key is not None and (not kinds or key.kind in kinds):
            found.append(order)
    return sorted(found, key=lambda order: -order.price)


def openings(world: World, name: str) -> list[engine.Order]:
    """Our resting opening orders, highest price first."""
    return orders(world, name, OrderKind.OPEN_BUY, OrderKind.OPEN_SELL)


def exits(world: World, name: str) -> list[engine.Order]:
    """Our resting exits, highest price first."""
    return orders(world, name, OrderKind.EXIT_BUY, OrderKind.EXIT_SELL)


def fill_down(world: World, name: str, count: int = 1) -> list[engine.Order]:
    """Let the market fall through so many of our buys; returns them as they rested."""
    buys = orders(world, name, OrderKind.OPEN_BUY)[:count]
    move(world, name, buys[-1].price - 2)
    return buys


def held(world: World, name: str) -> dict[int, int]:
    """What the slots hold, by level."""
    return {slot.level: slot.position for slot in slots(world, name) if slot.position}


def slots(world: World, name: str) -> list[Slot]:
    """The slots of a symbol."""
    actor = world.symbol(name)
    assert actor is not None, f"{name} has no actor"
    return list(actor.slots.by_level.values())


def said(world: World, kind: str) -> list[str]:
    """The sentences that were announced of this kind."""
    return [announced.sentence for announced in world.announced if announced.kind == kind]


def explain(world: World, name: str) -> SymbolView:
    """What an operator reads of a symbol."""
    view = world.ask(lambda request: operator.DescribeSymbol(request, ACCOUNT, name))
    assert isinstance(view, SymbolView), view
    return view


def status(world: World) -> StatusView:
    """What an operator reads of everything."""
    view = world.ask(operator.GetStatus)
    assert isinstance(view, StatusView)
    return view


def effects(world: World, *types: type) -> list[tuple[int, Any]]:
    """From now on: every effect of these types with its time, as it is asked for."""
    seen: list[tuple[int, Any]] = []
    before: Callable[[Any], None] | None = world.on_step

    def note(record: Any) -> None:
        if before is not None:
            before(record)
        seen.extend((world.clock.now(), effect) for effect in record.effects if isinstance(effect, types))

    world.on_step = note
    return seen


def agreed(world: World, rest: float = 40.0) -> None:
    """Come to rest; then slots, ledger and venue agree, money adds up, and every holding has its exit."""
    world.settle(rest)
    found = violations(world)
    assert not found, "; ".join(found)
