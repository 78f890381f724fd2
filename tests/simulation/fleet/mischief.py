"""What befalls a running fleet from outside, between two moments: crashes, operators, other people, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fleet import hands
from fleet.connection import SECOND
from fleet.translate import MS

from opensqt_actors.actors import operator
from opensqt_actors.domain.settings import RemoveMode, SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.scheduler import SeededScheduler

if TYPE_CHECKING:
    from fleet.world import World


class Injected:
    """A message that no actor understands."""


class Mischief:
    """Strikes a world ten times a second, by the rates of its faults."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._mend_at = 0

    def strike(self, host: SeededScheduler) -> None:
        """Whatever the seed wants to happen now."""
        world, faults = self._world, self._world.faults
        choose = faults.random
        self._crash(host)
        self._on_the_account()
        if faults.strike("price.silent"):
            world.venue.subscribed.discard(choose.choice(world.names))
        if faults.strike("clock.jumped"):
            world.process_clock.jump(choose.choice([-1, 1]) * choose.randint(200, 5_000) * MS)
            world.clock.call_at(world.clock.now() + choose.randint(2, 15) * SECOND, world.process_clock.correct)
        if faults.strike("journal.away") and world.journal is not None:
            world.journal.outage(choose.randint(500, 12_000) * MS)
        self._operators()
        if faults.strike("process.killed"):
            world.die()

    def _crash(self, host: SeededScheduler) -> None:
        world, faults = self._world, self._world.faults
        shard = world.shard_id
        for kind, actor in (
            ("exchange.crashed", world.exchange_id),
            ("risk.crashed", ActorId(f"{shard}/risk")),
            ("shard.crashed", shard),
        ):
            if faults.strike(kind):
                host.tell(actor, Injected())
        if faults.strike("symbol.crashed"):
            host.tell(world.symbol_id(faults.random.choice(world.names)), Injected())

    def _on_the_account(self) -> None:
        world, faults = self._world, self._world.faults
        engine, now_ms = world.engine, world.venue.now_ms
        if faults.strike("funding.charged"):
            self._fund(faults.random.choice(world.names), now_ms)
        if faults.strike("account.manual_order"):
            hands.manual_order(engine, world.account, faults.random.choice(world.names), now_ms, world.venue.random)

        if faults.strike("account.stranger"):
            self.stranger(faults.random.choice(world.names))
        if faults.strike("account.closed"):
            self.close_by_hand(faults.random.choice(world.names), faults.random.choice([0.03, 0.3, 1.0]))
        if faults.strike("account.liquidated"):
            name = faults.random.choice(world.names)
            if hands.liquidate(engine, world.account, name, now_ms):
                world.touched.add(name)

    def stranger(self, name: str) -> bool:
        """An order that rests gives way to one that no journal knows. Whether there was one."""
        world = self._world
        orders = sorted(world.engine.open_orders(world.account, name), key=lambda order: order.order_id)
        chosen = world.faults.random.choice(orders) if orders else None
        return chosen is not None and hands.replace_by_stranger(
            world.engine, world.account, chosen, world.venue.now_ms, world.faults.random, world.venue.strangers
        )

    def close_by_hand(self, name: str, part: float = 1.0) -> bool:
        """Somebody closes a part of a position at the market. Whether there was that much."""
        world = self._world
        closed = hands.manual_close(world.engine, world.account, name, world.venue.now_ms, part)
        if closed:
            world.touched.add(name)
        return closed

    def accept(self, names: Iterable[str] | None = None) -> None:
        """The operator's hand again: where books and venue stay different, the venue is right. None: everywhere."""
        for name in self._world.names if names is None else names:
            actor = self._world.symbol(name)
            if actor is not None and "position_mismatch" in actor.gates:
                self.tell_supervisor(operator.ReconcileSymbol, name, True)

    def _fund(self, name: str, now_ms: int) -> None:
        """Funding; what is paid on a position that was left is nobody's."""
        world = self._world
        before = world.engine.summary(world.account).wallet
        world.engine.charge_funding(name, now_ms)
        spec = next((spec for spec in world.tables.registry() if spec.symbol == name), None)
        if spec is not None and spec.state is SymbolState.REMOVING and world.symbol(name) is None:
            world.undecided.add(name)  # it has failed and comes back, or it has left and that is not written yet
        elif spec is None:
            world.unowned[name] += world.engine.summary(world.account).wallet - before

    def _operators(self) -> None:
        world, faults = self._world, self._world.faults
        choose = faults.random
        if faults.strike("operator.paused"):
            self.tell_supervisor(operator.PauseSymbol, choose.choice(world.names))
        if faults.strike("operator.removed"):
            self.tell_supervisor(operator.RemoveSymbol, choose.choice(world.names), choose.choice(list(RemoveMode)))
        self._mend()
        if {"account.closed", "account.liquidated"} & set(faults.rates) and choose.random() < 0.05:
            self.accept()

    def _mend(self) -> None:
        """The operator's other hand: what was paused is resumed, what was removed is added, now and then."""
        world = self._world
        due = world.clock.now() >= self._mend_at
        if not due or not {"operator.paused", "operator.removed"} & set(world.faults.rates):
            return
        self._mend_at = world.clock.now() + SECOND
        known = {spec.symbol: spec for spec in world.tables.registry()}
        for name in world.names:
            spec = known.get(name)
            if spec is None:
                grid = world.tables.specs[world.account, name][0].grid
                self.tell_supervisor(operator.AddSymbol, name, grid, "grid", True)
            elif spec.state is SymbolState.PAUSED and world.faults.random.random() < 0.2:
                self.tell_supervisor(operator.ResumeSymbol, name)

    def tell_supervisor(self, request: Callable[..., Any], *details: Any) -> None:
        """An operator's request whose answer nobody waits for."""
        world = self._world
        assert world.host is not None
        world.requests += 1
        world.host.tell(world.supervisor_id, request(world.requests, world.account, *details))
