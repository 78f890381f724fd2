"""Registry changes of the SupervisorActor: durable first, then acted on and answered. One change of a symbol at a time.

Every request here may come again after a process has died in the middle of it: what is there already is no change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.actors import exchange, operator, ports, symbol
from opensqt_actors.actors.market_check import check_settings
from opensqt_actors.actors.shard_messages import AddSymbolActor, RestartSymbol, SymbolLeft
from opensqt_actors.actors.supervisor_leases import GiveUp
from opensqt_actors.domain.settings import RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.runtime.effects import CancelTimer, Effect, SetTimer, Tell

if TYPE_CHECKING:
    from opensqt_actors.actors.supervisor import SupervisorActor

SECOND = 1_000_000_000
CHECK_PATIENCE = 30 * SECOND
SAVE_AGAIN = 2 * SECOND


class _CheckOverdue(Struct, frozen=True):
    """The venue was asked about a symbol and has not answered."""

    request: int


class _LeftAgain(Struct, frozen=True):
    """A removal could not be written down; time to try again."""

    account: str
    symbol: str


class _Saving(Struct, frozen=True):
    """A registry change on its way: whom to answer (0: nobody), what to do then, what to say."""

    reply_to: int
    then: Callable[[SymbolSpec], list[Effect]]
    sentence: str


class RegistryChanges:
    """The part of a SupervisorActor that changes its registry. busy: symbols whose change is being written."""

    def __init__(self, supervisor: SupervisorActor) -> None:
        self.supervisor = supervisor
        self.busy: set[tuple[str, str]] = set()
        self._requests = 0
        self._checking: dict[int, operator.AddSymbol | operator.CheckSettings] = {}
        self._saving: dict[int, _Saving] = {}
        self.handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            operator.AddSymbol: self._add,
            operator.RemoveSymbol: self._remove,
            operator.PauseSymbol: self._pause,
            operator.ResumeSymbol: self._resume,
            operator.CheckSettings: self._check,
            operator.ReconfigureSymbol: self._reconfigure,
            exchange.SymbolChecked: self._checked,
            ports.SpecSaved: self._spec_saved,
            ports.SpecFailed: self._spec_failed,
            SymbolLeft: self._symbol_left,
            _LeftAgain: self._symbol_left,
            _CheckOverdue: self._check_overdue,
        }

    # --- adding ------------------------------------------------------------------------------------------------------

    def _add(self, message: operator.AddSymbol, now: int) -> list[Effect]:
        refusal = self._add_refusal(message)
        if refusal is not None:
            return [ports.Reply(message.request, refusal)]
        self.busy.add((message.account, message.symbol))
        return self._ask_venue(message)

    def _check(self, message: operator.CheckSettings, now: int) -> list[Effect]:
        found = self.find(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        return self._ask_venue(message)

    def _ask_venue(self, message: operator.AddSymbol | operator.CheckSettings) -> list[Effect]:
        self._requests += 1
        self._checking[self._requests] = message
        supervisor = self.supervisor
        name = f"{message.account}/{message.symbol}"
        return [
            Tell(
                supervisor.fleet.for_account(message.account, supervisor.specs.values()),
                exchange.CheckSymbol(self._requests, name, supervisor.me),
            ),
            SetTimer(f"check:{self._requests}", CHECK_PATIENCE, _CheckOverdue(self._requests)),
        ]

    def _check_overdue(self, message: _CheckOverdue, now: int) -> list[Effect]:
        request = self._checking.pop(message.request, None)
        if request is None:
            return []
        self._free(request)
        seconds = CHECK_PATIENCE // SECOND
        sentence = f"symbol: the venue did not say within {seconds} s whether {request.symbol} can be traded; try again"
        return [ports.Reply(request.request, operator.Refusal("unavailable", sentence))]

    def _free(self, request: operator.AddSymbol | operator.CheckSettings) -> None:
        if isinstance(request, operator.AddSymbol):
            self.busy.discard((request.account, request.symbol))

    def _add_refusal(self, message: operator.AddSymbol) -> operator.Refusal | None:
        supervisor = self.supervisor
        key = (message.account, message.symbol)
        if supervisor.state != "running":
            return operator.Refusal("unavailable", "the supervisor is shutting down")
        if message.account not in supervisor.accounts:
            known = ", ".join(supervisor.accounts)
            return operator.Refusal("not_found", f"account: there is no account {message.account!r}; there is {known}")
        if key in supervisor.specs or key in self.busy:
            return operator.Refusal(
                "already_exists", f"symbol: {message.symbol} is traded on {message.account} already"
            )
        if message.strategy not in supervisor.strategies:
            known = ", ".join(sorted(supervisor.strategies))
            return operator.Refusal("invalid", f"strategy: {message.strategy!r} is not installed; there is {known}")
        return None

    def _checked(self, message: exchange.SymbolChecked, now: int) -> list[Effect]:
        request = self._checking.pop(message.request, None)
        if request is None:
            return []
        self._free(request)
        answer = message.answer
        refusal: operator.Refusal | None = None
        if isinstance(answer, ports.SymbolRefused):
            refusal = operator.Refusal("not_found" if answer.final else "unavailable", f"symbol: {answer.reason}")
        else:
            sentence = check_settings(request.grid, answer)
            if sentence is not None:
                refusal = operator.Refusal("invalid", sentence)
        done = CancelTimer(f"check:{message.request}")
        if refusal is not None:
            return [done, ports.Reply(request.request, refusal)]
        if isinstance(request, operator.CheckSettings):
            return [done, ports.Reply(request.request, operator.Done(f"{request.symbol} can be traded like this"))]
        spec = SymbolSpec(
            request.account, request.symbol, -1, request.grid, request.strategy, SymbolState.TRADING, None,
            request.adopt,
        )  # fmt: skip
        supervisor = self.supervisor
        spec = supervisor.fleet.placed(spec, supervisor.specs.values())

        def added(saved: SymbolSpec) -> list[Effect]:
            told = ports.Announce("symbol.added", saved.account, saved.symbol, f"{saved.symbol} was added")
            if supervisor.leased:
                return [told]
            supervisor.specs[saved.account, saved.symbol] = saved
            return [Tell(supervisor.fleet.of(saved), AddSymbolActor(saved)), told]

        whose = "; a host with room for it trades it in a moment" if supervisor.leased else ""
        sentence = f"{spec.symbol} was added on {spec.account}{whose}"
        return [done, *self.save(request.request, spec, added, sentence, fresh=supervisor.leased)]

    # --- changing ----------------------------------------------------------------------------------------------------

    def find(self, account: str, name: str) -> SymbolSpec | operator.Refusal:
        """The registry's row of a symbol that is traded."""
        spec = self.supervisor.specs.get((account, name))
        if spec is not None and spec.state is not SymbolState.REMOVED:
            return spec
        leased = self.supervisor.leased
        where = f"{account} by this host; `opensqt shards list` says who has it" if leased else account
        return operator.Refusal("not_found", f"symbol: {name} is not traded on {where}")

    def staying(self, account: str, name: str) -> SymbolSpec | operator.Refusal:
        """The same, of one that is not on its way out."""
        found = self.find(account, name)
        if isinstance(found, SymbolSpec) and found.state is SymbolState.REMOVING:
            return operator.Refusal("failed", f"symbol: {found.symbol} is being removed")
        return found

    def change(
        self, message: Any, change: Callable[[SymbolSpec], SymbolSpec], then: Callable[[SymbolSpec], list[Effect]],
        sentence: str,
    ) -> list[Effect]:  # fmt: skip
        """Change the row of the symbol that a request names, then act on it and answer."""
        found = self.find(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        if (found.account, found.symbol) in self.busy:
            sentence = f"symbol: another change of {found.symbol} is being written; try again in a moment"
            return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]

        def saved(spec: SymbolSpec) -> list[Effect]:
            self.supervisor.specs[spec.account, spec.symbol] = spec
            return then(spec)

        return self.save(message.request, change(found), saved, sentence)

    def _remove(self, message: operator.RemoveSymbol, now: int) -> list[Effect]:
        mode = message.mode
        return self.change(
            message,
            lambda spec: replace(spec, state=SymbolState.REMOVING, remove_mode=mode),
            lambda spec: [self.supervisor.to_symbol(spec, symbol.Remove(mode))],
            _REMOVAL[mode].format(symbol=message.symbol),
        )

    def _pause(self, message: operator.PauseSymbol, now: int) -> list[Effect]:
        found = self.staying(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        return self.change(
            message,
            lambda spec: replace(spec, state=SymbolState.PAUSED),
            lambda spec: [self.supervisor.to_symbol(spec, symbol.Pause())],
            f"{message.symbol} is paused: no openings, exits stay",
        )

    def _resume(self, message: operator.ResumeSymbol, now: int) -> list[Effect]:
        found = self.staying(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]

        def resumed(spec: SymbolSpec) -> list[Effect]:
            supervisor = self.supervisor
            supervisor.screen.unable.pop((spec.account, spec.symbol), None)
            return [
                Tell(supervisor.fleet.of(spec), RestartSymbol(spec.account, spec.symbol)),
                supervisor.to_symbol(spec, symbol.Resume()),
            ]

        return self.change(
            message, lambda spec: replace(spec, state=SymbolState.TRADING), resumed, f"{message.symbol} trades again"
        )

    def _reconfigure(self, message: operator.ReconfigureSymbol, now: int) -> list[Effect]:
        """Its actor ends where it is and begins anew with the changed settings, as on the way to another shard."""
        found = self.staying(message.account, message.symbol)
        if isinstance(found, operator.Refusal):
            return [ports.Reply(message.request, found)]
        supervisor = self.supervisor
        if supervisor.state != "running":
            refusal = operator.Refusal("unavailable", "the supervisor is shutting down")
            return [ports.Reply(message.request, refusal)]
        if (found.account, found.symbol) in supervisor.fleet.moving:
            sentence = f"symbol: {found.symbol} is on its way to another shard; try again"
            return [ports.Reply(message.request, operator.Refusal("unavailable", sentence))]
        if found.grid == message.grid:
            return [ports.Reply(message.request, operator.Done(f"{found.symbol} has these settings"))]

        def saved(spec: SymbolSpec) -> list[Effect]:
            supervisor.screen.unable[spec.account, spec.symbol] = (SymbolState.STARTING, "takes up changed settings")
            sentence = f"{spec.symbol} has changed settings"
            return [
                ports.Announce("symbol.changed", spec.account, spec.symbol, sentence),
                *supervisor.fleet.move(spec, supervisor.fleet.home(spec)),
            ]

        return self.change(
            message, lambda spec: replace(spec, grid=message.grid), saved, f"{found.symbol} has changed settings"
        )

    def _symbol_left(self, message: SymbolLeft | _LeftAgain, now: int) -> list[Effect]:
        supervisor = self.supervisor
        key = (message.account, message.symbol)
        spec = supervisor.specs.get(key)
        if spec is None:
            return []

        def gone(saved: SymbolSpec) -> list[Effect]:
            supervisor.specs.pop(key, None)
            supervisor.screen.left(key)
            told = ports.Announce("symbol.removed", saved.account, saved.symbol, f"{saved.symbol} was removed")
            return [told, GiveUp(*key)] if supervisor.leased else [told]

        return self.save(0, replace(spec, state=SymbolState.REMOVED), gone, "")

    # --- writing -----------------------------------------------------------------------------------------------------

    def save(
        self, reply_to: int, spec: SymbolSpec, then: Callable[[SymbolSpec], list[Effect]], sentence: str,
        *, fresh: bool = False,
    ) -> list[Effect]:  # fmt: skip
        """Make a registry change durable, then act on it and answer: both or neither. fresh: it must be new there."""
        self._requests += 1
        self._saving[self._requests] = _Saving(reply_to, then, sentence)
        self.busy.add((spec.account, spec.symbol))
        return [ports.SaveSpec(self._requests, spec, fresh)]

    def _spec_saved(self, message: ports.SpecSaved, now: int) -> list[Effect]:
        saving = self._saving.pop(message.request)
        self.busy.discard((message.spec.account, message.spec.symbol))
        effects = saving.then(message.spec)
        if saving.reply_to:
            effects.append(ports.Reply(saving.reply_to, operator.Done(saving.sentence)))
        return effects

    def _spec_failed(self, message: ports.SpecFailed, now: int) -> list[Effect]:
        saving = self._saving.pop(message.request)
        account, name = message.spec.account, message.spec.symbol
        self.busy.discard((account, name))
        sentence = f"the registry could not be written ({message.reason}); nothing was changed"
        if saving.reply_to:
            return [ports.Reply(saving.reply_to, operator.Refusal("unavailable", sentence))]
        return [
            ports.Announce("registry.failed", account, name, f"{name}: {sentence}", "error"),
            SetTimer(f"left:{account}:{name}", SAVE_AGAIN, _LeftAgain(account, name)),
        ]


_REMOVAL = {
    RemoveMode.GRACEFUL: "{symbol} is being removed: no new openings, its exits stay until it is flat",
    RemoveMode.FLATTEN: "{symbol} is being removed: its position is closed at market now",
    RemoveMode.LEAVE: "{symbol} is being removed: its orders are cancelled, its position stays",
}
