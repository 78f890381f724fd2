"""Binds the actors' storage effects to the journal. It decides nothing."""

from __future__ import annotations

from functools import partial

from opensqt_actors.actors.ports import (
    AwaitWritten,
    CommitIntents,
    IntentsCommitted,
    IntentsFailed,
    LoadFailed,
    LoadSymbol,
    Persist,
    SaveSpec,
    SpecFailed,
    SpecSaved,
    SymbolLoaded,
    Written,
)
from opensqt_actors.domain.records import Restored
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.runtime.kernel import ActorRef, Host
from opensqt_actors.storage.errors import StorageError
from opensqt_actors.storage.journal import Journal


def bind_storage(host: Host, journal: Journal) -> None:
    """Let the journal perform Persist, AwaitWritten, CommitIntents, LoadSymbol and SaveSpec.

    Persist raises JournalFull at the journal's bound: the actor that asked fails, and starts again from the journal.
    """

    def persist(sender: ActorRef, effect: Persist) -> None:
        journal.append(effect.entries)

    def await_written(sender: ActorRef, effect: AwaitWritten) -> None:
        journal.written(partial(written, sender, effect))

    def written(sender: ActorRef, effect: AwaitWritten, error: StorageError | None) -> None:
        host.tell(sender, Written(effect.request, error.sentence if error is not None else ""))

    def commit(sender: ActorRef, effect: CommitIntents) -> None:
        def done(reason: str | None) -> None:
            host.tell(
                sender,
                IntentsCommitted(effect.batch) if reason is None else IntentsFailed(effect.batch, reason),
            )

        journal.commit(effect.intents, done)

    def load(sender: ActorRef, effect: LoadSymbol) -> None:
        journal.load(effect.account, effect.symbol, partial(loaded, sender, effect))

    def loaded(sender: ActorRef, effect: LoadSymbol, result: Restored | StorageError) -> None:
        if isinstance(result, Restored):
            host.tell(sender, SymbolLoaded(result))
        else:
            host.tell(sender, LoadFailed(effect.account, effect.symbol, result.sentence))

    def save(sender: ActorRef, effect: SaveSpec) -> None:
        journal.save_spec(effect.spec, partial(saved, sender, effect), fresh=effect.fresh)

    def saved(sender: ActorRef, effect: SaveSpec, result: SymbolSpec | StorageError) -> None:
        if isinstance(result, SymbolSpec):
            host.tell(sender, SpecSaved(effect.request, result))
        else:
            host.tell(sender, SpecFailed(effect.request, effect.spec, result.sentence))

    host.bind(Persist, persist)
    host.bind(AwaitWritten, await_written)
    host.bind(CommitIntents, commit)
    host.bind(LoadSymbol, load)
    host.bind(SaveSpec, save)
