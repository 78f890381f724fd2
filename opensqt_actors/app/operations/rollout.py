"""`config apply`: what a changed file asks of the symbols that trade, and what of it cannot change while they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from opensqt_actors.actors import operator
from opensqt_actors.actors.operations import Json, Kind, grid_to_json
from opensqt_actors.actors.views import RegistryView
from opensqt_actors.api.operations import Answer, OperationView
from opensqt_actors.app.operations.desk import OperationsDesk
from opensqt_actors.app.operations.tools import Backend
from opensqt_actors.config import document
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.loading import check, said
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.settings import GridSettings, SymbolState
from opensqt_actors.storage import StorageError

LIVE = frozenset({"symbols", "defaults"})
ASK = 15.0
Place = tuple[str | int, ...]


class Change(Struct, frozen=True):
    """targets: arguments of the operation; notes: what was left as it is; defaults: of symbols that are added later."""

    targets: tuple[Mapping[str, Json], ...]
    notes: tuple[str, ...]
    defaults: GridSettings


def changes(path: Path, now: Settings, registry: RegistryView) -> Change:
    """What the file asks for. ConfigError, with one sentence for each field, when any of it cannot be applied."""
    found = document.read(path)
    wanted = check(found)
    problems = [
        said(found, place, "cannot be changed while the supervisor runs; start it again with the changed file")
        for place in _differences(now, wanted)
    ]
    targets: list[Mapping[str, Json]] = []
    notes: list[str] = []
    named: set[tuple[str, str]] = set()
    for index, entry in enumerate(wanted.symbols):
        account = wanted.account_of(entry)
        named.add((account, entry.symbol))
        row = registry.find(account, entry.symbol)
        if row is None:
            notes.append(f"{entry.symbol} is in the file and not traded; `opensqt symbols add` adds it")
            continue
        if row.spec.state is SymbolState.REMOVING:
            notes.append(f"{entry.symbol} is being removed and was left as it is")
            continue
        grid = entry.grid(wanted.defaults)
        for field, old, new in (
            ("mode", row.spec.grid.mode, grid.mode),
            ("strategy", row.spec.strategy, entry.strategy),
        ):
            if old != new:
                sentence = f"{entry.symbol} trades with {old}; remove it and add it again to change that"
                problems.append(said(found, ("symbols", index, field), sentence))
        if grid != row.spec.grid:
            targets.append({"account": account, "symbol": entry.symbol, "grid": grid_to_json(grid)})
    if problems:
        raise ConfigError(*problems)
    silent = [row.spec.symbol for row in registry.rows if (row.spec.account, row.spec.symbol) not in named]
    if silent:
        shown = ", ".join(silent[:5]) + (f" and {len(silent) - 5} more" if len(silent) > 5 else "")
        notes.append(f"{shown} {'is' if len(silent) == 1 else 'are'} traded and not in the file: left as before")
    return Change(tuple(targets), tuple(notes), wanted.grid_defaults())


def _differences(now: Settings, wanted: Settings) -> Iterator[Place]:
    """The places whose values differ, without what may change while everything trades."""
    for name in type(now).model_fields:
        if name not in LIVE:
            yield from _within((name,), getattr(now, name), getattr(wanted, name))


def _within(place: Place, old: Any, new: Any) -> Iterator[Place]:
    if old == new:
        return
    if isinstance(old, BaseModel) and type(old) is type(new):
        for name in type(old).model_fields:
            yield from _within((*place, name), getattr(old, name), getattr(new, name))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            yield from _within((*place, name), old.get(name), new.get(name))
    else:
        yield place


class ConfiguredOperations:
    """See api.operations.Operations: the desk, and the file from which `apply` takes what it applies.

    defaults: told when symbols that are added later are to be like that.
    """

    def __init__(
        self,
        desk: OperationsDesk,
        backend: Backend,
        settings: Settings,
        path: Path | None,
        defaults: Callable[[GridSettings], None],
    ) -> None:
        self._desk = desk
        self._backend = backend
        self._settings = settings
        self._path = path
        self._defaults = defaults

    async def perform(self, kind: Kind, key: str, arguments: Mapping[str, Json], timeout: float) -> Answer:
        """See Operations."""
        return await self._desk.perform(kind, key, arguments, timeout)

    async def records(self, limit: int, *, running: bool) -> tuple[OperationView, ...]:
        """See Operations."""
        return await self._desk.records(limit, running=running)

    async def show(self, key: str) -> OperationView | None:
        """See Operations."""
        return await self._desk.show(key)

    async def apply(self, key: str, timeout: float) -> Answer:
        """See Operations."""
        try:
            known = await self._desk.known(key, Kind.APPLY_CONFIG) if key else None
        except StorageError as error:
            return Answer(key, operator.Refusal("unavailable", error.sentence))
        if known is not None:
            return known
        if self._path is None:
            return Answer("", operator.Refusal("failed", "the supervisor was started without a configuration file"))
        view = await self._backend.ask(operator.GetRegistry, min(ASK, timeout))
        if not isinstance(view, RegistryView):
            return Answer("", operator.Refusal("unavailable", "the supervisor is stopping"))
        try:
            change = await asyncio.to_thread(changes, self._path, self._settings, view)
        except ConfigError as error:
            return Answer("", operator.Refusal("invalid", error.sentence))
        if not change.targets:
            self._defaults(change.defaults)
            return Answer("", operator.Done("no symbol that trades has other settings in the file"), change.notes)
        answer = await self._desk.perform(
            Kind.APPLY_CONFIG, key, {"targets": [dict(target) for target in change.targets]}, timeout, same=False
        )
        if isinstance(answer.payload, operator.Done):
            self._defaults(change.defaults)
        return Answer(answer.key, answer.payload, change.notes)
