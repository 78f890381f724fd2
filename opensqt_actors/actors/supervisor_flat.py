"""What operators ask for around flat markets: close one, ask the venue whether it is closed; and the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opensqt_actors.actors import exchange, operator, ports, symbol
from opensqt_actors.actors.views import RegistryRow, RegistryView
from opensqt_actors.runtime.effects import Effect, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.supervisor import SupervisorActor


class FlatCommands:
    """The part of a SupervisorActor that procedures ask how things stand, and that passes closing on."""

    def __init__(self, supervisor: SupervisorActor) -> None:
        self.supervisor = supervisor
        self.handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            operator.FlattenSymbol: self._flatten,
            operator.GetRegistry: self._registry,
            operator.GetHoldings: self._holdings,
        }

    def _flatten(self, message: operator.FlattenSymbol, now: int) -> list[Effect]:
        found = self.supervisor.registry.staying(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        done = operator.Done(f"{found.symbol} is being closed at the market")
        return [self.supervisor.to_symbol(found, symbol.Flatten()), ports.Reply(message.request, done)]

    def _registry(self, message: operator.GetRegistry, now: int) -> list[Effect]:
        supervisor = self.supervisor
        fleet = supervisor.fleet
        rows = tuple(
            RegistryRow(
                spec,
                fleet.name(fleet.home(spec)),
                key in fleet.moving or key in fleet.arriving,
                supervisor.screen.shown(spec),
            )
            for key, spec in sorted(supervisor.specs.items())
        )
        return [ports.Reply(message.request, RegistryView(rows))]

    def _holdings(self, message: operator.GetHoldings, now: int) -> list[Effect]:
        """Every shard has the account's keys: the one that runs is asked."""
        supervisor = self.supervisor
        account = message.account
        if account not in supervisor.accounts:
            known = ", ".join(supervisor.accounts)
            refusal = operator.Refusal("not_found", f"account: there is no account {account!r}; there is {known}")
            return [ports.Reply(message.request, refusal)]
        traded = tuple(sorted(name for owner, name in supervisor.specs if owner == account))
        question = exchange.CheckHoldings(
            message.request, account, (message.symbol,) if message.symbol else traded, supervisor.instance,
            whole=not message.symbol,
        )  # fmt: skip
        return [Tell(supervisor.fleet.for_account(account, supervisor.specs.values()), question)]
