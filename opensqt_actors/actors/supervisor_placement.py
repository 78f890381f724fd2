"""Where symbols are traded, as operators order it: moves, drained shards, shards that are started anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from opensqt_actors.actors import operator, ports, shard_link
from opensqt_actors.actors.supervisor_risk import NOBODY
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.runtime.effects import Effect, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.supervisor import SupervisorActor


class PlacementCommands:
    """The part of a SupervisorActor that places symbols on shards."""

    def __init__(self, supervisor: SupervisorActor) -> None:
        self.supervisor = supervisor
        self._fleet = supervisor.fleet
        self._registry = supervisor.registry
        self.handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            operator.MoveSymbol: self._move,
            operator.DrainShard: self._drain,
            operator.RestartShard: self._restart_shard,
        }

    def _shard_named(self, name: str) -> int | operator.Refusal:
        if not self._fleet.processes:
            sentence = "shard: there is one shard, in the supervisor's own process; `shards` in the configuration"
            return operator.Refusal("failed", f"{sentence} makes it several processes")
        number = self._fleet.number(name)
        if number is None:
            known = ", ".join(self._fleet.name(number) for number in self._fleet.numbers)
            return operator.Refusal("not_found", f"shard: there is no shard {name[:40]!r}; there is {known}")
        return number

    def _move(self, message: operator.MoveSymbol, now: int) -> list[Effect]:
        found, target = self._registry.find(message.account, message.symbol), self._shard_named(message.shard)
        for refusal in (found, target):
            if isinstance(refusal, operator.Refusal):
                return [ports.Reply(message.request, refusal)]
        assert isinstance(found, SymbolSpec)  # noqa: S101 - for the type checker; refusals have been answered
        assert isinstance(target, int)  # noqa: S101
        refused = self._move_refusal(found, target)
        if refused is not None:
            return [ports.Reply(message.request, refused)]
        return self._registry.change(
            message,
            lambda spec: replace(spec, shard=target),
            self._moved_from(self._fleet.home(found)),
            f"{message.symbol} is on its way from {self._fleet.name(self._fleet.home(found))} to {message.shard}",
        )

    def _move_refusal(self, spec: SymbolSpec, target: int) -> operator.Refusal | None:
        name = self._fleet.name(target)
        if self.supervisor.state != "running":
            return operator.Refusal("unavailable", "the supervisor is shutting down")
        if self._fleet.home(spec) == target:
            return operator.Refusal("failed", f"symbol: {spec.symbol} is on {name} already")
        if (spec.account, spec.symbol) in self._fleet.moving:
            return operator.Refusal("unavailable", f"symbol: {spec.symbol} is on its way to another shard; try again")
        if target in self._fleet.drained:
            return operator.Refusal("failed", f"shard: {name} was drained; `opensqt shards restart {name}` first")
        others = [s for s in self.supervisor.specs.values() if s.account == spec.account and s is not spec]
        if spec.account in self._fleet.whole and others:
            sentence = f"symbol: an exposure limit holds for all symbols of {spec.account} together; they stay together"
            return operator.Refusal("failed", sentence)
        return None

    def _drain(self, message: operator.DrainShard, now: int) -> list[Effect]:
        number = self._shard_named(message.shard)
        if isinstance(number, operator.Refusal):
            return [ports.Reply(message.request, number)]
        fleet = self._fleet
        if len(fleet.drained | {number}) == fleet.processes:
            refusal = operator.Refusal("failed", f"shard: {message.shard} is the last one that takes symbols")
            return [ports.Reply(message.request, refusal)]
        fleet.drained.add(number)
        effects: list[Effect] = []
        left = 0
        specs = [spec for _, spec in sorted(self.supervisor.specs.items())]
        for spec in fleet.emptied(number, specs):
            key = (spec.account, spec.symbol)
            if fleet.home(self.supervisor.specs[key]) != number:
                continue
            if key in self._registry.busy or key in fleet.moving or self.supervisor.state != "running":
                left += 1
                continue
            effects += self._registry.save(NOBODY, spec, self._moved_from(number), "")
        sentence = f"{len(effects)} symbols are on their way from {message.shard}"
        sentence += f"; {left} are being changed: drain it again in a moment" if left else ""
        return [*effects, ports.Reply(message.request, operator.Done(sentence))]

    def _moved_from(self, number: int) -> Callable[[SymbolSpec], list[Effect]]:
        def moved(saved: SymbolSpec) -> list[Effect]:
            self.supervisor.specs[saved.account, saved.symbol] = saved
            to = self._fleet.name(self._fleet.home(saved))
            self.supervisor.screen.unable[saved.account, saved.symbol] = (SymbolState.STARTING, f"on its way to {to}")
            return self._fleet.move(saved, number)

        return moved

    def _restart_shard(self, message: operator.RestartShard, now: int) -> list[Effect]:
        number = self._shard_named(message.shard)
        if isinstance(number, operator.Refusal):
            return [ports.Reply(message.request, number)]
        self._fleet.drained.discard(number)
        done = operator.Done(f"{message.shard} is being restarted; its orders stay on the venue")
        return [Tell(self._fleet.actor(number), shard_link.RestartShard()), ports.Reply(message.request, done)]
