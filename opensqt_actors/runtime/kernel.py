"""What every host does alike: the tree of actors, one attempt per message, effects, timers, counting.

It does not carry messages and does not wait: a host adds that (`thespian_host.py`, `scheduler.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence, Sized
from typing import Any, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.clock import Cancellable, Clock
from opensqt_actors.runtime.effects import (
    ActorFailed,
    ActorStopped,
    CancelTimer,
    Effect,
    SetTimer,
    Spawn,
    Stop,
    Tell,
)
from opensqt_actors.runtime.failure import describe

MAX_BACKLOG = 1_000_000
MAX_TIMERS = 100_000


class ActorRef(Struct, frozen=True):
    """One life of an actor: a message sent to it reaches this incarnation or nobody."""

    id: ActorId
    incarnation: int


class Counters(Struct, frozen=True):
    """What a host has done since it was made, and what it holds now.

    `messages`: handed to a behaviour. `dead_letters`: dropped, because the actor was unknown or ended before its turn.
    `stale`: dropped, because they were for an earlier incarnation or of a replaced or cancelled timer.
    `failures`: actors that crashed, or could not be made.
    """

    messages: int
    dead_letters: int
    stale: int
    failures: int
    actors: int
    timers: int
    backlog: int


class StepRecord(Struct, frozen=True):
    """One attempted message and what the step returned.

    `failure` is the reason when the actor crashed on it: without effects in the step itself, with effects while they
    were performed.
    """

    actor: ActorRef
    now: int
    message: Any
    effects: Sequence[Effect]
    failure: str | None = None


Port: TypeAlias = Callable[[ActorRef, Any], None]
"""Performs a request: (sender, effect). It must not block; it answers with `host.tell(sender, message)`, at once or
later. When it raises, the sender fails."""


class Host(Protocol):
    """Runs behaviours. Not thread-safe: every call comes from the thread that made it."""

    def start(self, actor: ActorId, behaviour: Behaviour) -> ActorRef:
        """Start a root actor. `ValueError` when the id is in use. Its failure goes to `on_root_failure`."""
        ...

    def tell(self, to: ActorId | ActorRef, message: Any) -> None:
        """Send a message from outside or from a port; never raises for want of a receiver, but counts the drop."""
        ...

    def bind(self, effect_type: type, port: Port) -> None:
        """Let `port` perform the effects of exactly this type. `ValueError` when the type is taken."""
        ...

    def close(self) -> None:
        """Stop every actor, children first, the youngest before the older. Later messages are dead letters."""
        ...


class EffectError(Exception):
    """An effect that cannot be performed: a programming error of the actor that asked."""


class BacklogFull(Exception):
    """More messages wait than the host may hold: some actors tell each other more and more."""


class Cell:
    """One incarnation of an actor within a host. Private to the hosts."""

    __slots__ = ("alive", "children", "mailbox", "parent", "ref", "step", "timers")

    def __init__(self, ref: ActorRef, behaviour: Behaviour, parent: Cell | None) -> None:
        self.ref = ref
        self.step: Callable[[Any, int], Sequence[Effect]] = behaviour.step
        self.parent = parent
        self.children: dict[ActorId, Cell] = {}
        self.timers: dict[str, Timer] = {}
        self.alive = True
        self.mailbox: Any = None


class Timer:
    """One setting of a timer: the object itself is the generation. Travels as the message until it is its turn."""

    __slots__ = ("call", "key", "message")

    def __init__(self, key: str, message: Any) -> None:
        self.key = key
        self.message = message
        self.call: Cancellable | None = None


class Kernel(ABC):
    """The part of a host that does not depend on what carries its messages.

    Hooks, none of which may block: `on_root_failure` takes the `ActorFailed` of an actor without a parent; `on_end`
    the ref of every actor that has ended, for whatever reason; `record` every attempted message. A hook that raises
    disturbs no actor: its error is raised again to whoever called the host, once the work in hand is done.
    A `BaseException` that is no `Exception` (KeyboardInterrupt, CancelledError) ends its actor like any other crash
    and is then raised again to whoever called the host; the messages behind it stay and are delivered.
    """

    def __init__(
        self,
        clock: Clock,
        waiting: Sized,
        *,
        on_root_failure: Callable[[ActorFailed], None],
        on_end: Callable[[ActorRef], None] | None = None,
        record: Callable[[StepRecord], None] | None = None,
        max_backlog: int = MAX_BACKLOG,
    ) -> None:
        self._now = clock.now
        self._waiting = waiting
        self._on_root_failure = on_root_failure
        self._on_end = on_end
        self._record = record
        self._max_backlog = max_backlog
        self._cells: dict[ActorId, Cell] = {}
        self._roots: dict[ActorId, int] = {}
        self._ports: dict[type, Port | None] = dict.fromkeys((Tell, Spawn, Stop, SetTimer, CancelTimer))
        self._closed = False
        self._escaped: Exception | None = None
        self._messages = self._dead_letters = self._stale = self._failures = 0

    @abstractmethod
    def _open(self, cell: Cell) -> None:
        """Give a new cell its mailbox."""

    @abstractmethod
    def _shut(self, cell: Cell) -> None:
        """Take the mailbox of an ended cell away; what it holds goes to `_drop`."""

    @abstractmethod
    def _post(self, sender: Cell | None, to: Cell, message: Any) -> None:
        """Queue a message. Nothing is delivered before this returns."""

    @abstractmethod
    def _after(self, ns: int, cell: Cell, timer: Timer) -> Cancellable:
        """In `ns`, post the timer to its cell, as a message from itself."""

    @property
    def counters(self) -> Counters:
        """What was done, and what is held now."""
        return Counters(
            messages=self._messages,
            dead_letters=self._dead_letters,
            stale=self._stale,
            failures=self._failures,
            actors=len(self._cells),
            timers=sum(len(cell.timers) for cell in self._cells.values()),
            backlog=len(self._waiting),
        )

    def ref(self, actor: ActorId) -> ActorRef | None:
        """The living incarnation of an id, or None."""
        cell = self._cells.get(actor)
        return None if cell is None else cell.ref

    def start(self, actor: ActorId, behaviour: Behaviour) -> ActorRef:
        """Start a root actor; its incarnation counts the starts of this id from 1. `ValueError`: the id is in use."""
        if self._closed:
            raise RuntimeError("The host is closed: make a new one.")
        if actor in self._cells:
            raise ValueError(f"actor: {actor!r} is in use; stop it first, or choose another id.")
        self._roots[actor] = incarnation = self._roots.get(actor, 0) + 1
        cell = Cell(ActorRef(actor, incarnation), behaviour, None)
        self._add(cell)
        return cell.ref

    def bind(self, effect_type: type, port: Port) -> None:
        """Let `port` perform the effects of exactly this type. `ValueError` when the type is taken."""
        if effect_type in self._ports:
            raise ValueError(f"effect_type: {effect_type.__name__} is performed by something else already.")
        self._ports[effect_type] = port

    def _find(self, to: ActorId | ActorRef) -> Cell | None:
        """The living receiver, or None after counting the drop. `BacklogFull` when nothing more may wait."""
        if type(to) is ActorRef:
            cell = self._cells.get(to.id)
            if cell is not None and cell.ref.incarnation != to.incarnation:
                self._stale += 1
                return None
        else:
            cell = self._cells.get(to)  # type: ignore[arg-type]
        if cell is None:
            self._dead_letters += 1
        elif len(self._waiting) >= self._max_backlog:
            raise BacklogFull(f"{self._max_backlog} messages wait already; the next one is for {cell.ref.id}.")
        return cell

    def _deliver(self, cell: Cell, message: Any) -> None:
        """One attempt to hand a message to its actor, and the effects."""
        if not cell.alive:
            return self._drop(message)
        if type(message) is Timer:
            if cell.timers.get(message.key) is not message:
                return self._drop(message)
            del cell.timers[message.key]
            message = message.message
        self._messages += 1
        now = self._now()
        effects: Sequence[Effect] = ()
        try:
            effects = cell.step(message, now)
            if type(effects) is not list and type(effects) is not tuple:
                effects = tuple(effects)
            ports = self._ports
            for effect in effects:
                if type(effect) not in ports:
                    raise EffectError(f"No port is bound to {type(effect).__name__}.")
            if effects:
                self._perform(cell, effects)
        except Exception as error:  # noqa: BLE001 - whatever a step raises is a crash of its actor
            self._crash(cell, StepRecord(cell.ref, now, message, effects), error)
        except BaseException as error:
            self._crash(cell, StepRecord(cell.ref, now, message, effects), error)
            raise
        else:
            if self._record is not None:
                self._hook(self._record, StepRecord(cell.ref, now, message, effects))
        return None

    def _perform(self, cell: Cell, effects: Sequence[Effect]) -> None:
        if len(self._waiting) >= self._max_backlog:
            raise BacklogFull(f"{self._max_backlog} messages wait already; {cell.ref.id} must not add more.")
        stops = False
        for effect in effects:
            if type(effect) is Tell:
                to = self._cells.get(effect.to)
                if to is None:
                    self._dead_letters += 1
                else:
                    self._post(cell, to, effect.message)
                continue
            port = self._ports[type(effect)]
            if port is not None:
                port(cell.ref, effect)
            elif not cell.alive:
                continue
            elif type(effect) is SetTimer:
                self._set_timer(cell, effect)
            elif type(effect) is CancelTimer:
                self._cancel_timer(cell, effect.key)
            elif type(effect) is Spawn:
                self._spawn(cell, effect)
            elif type(effect) is Stop:
                if effect.child == cell.ref.id:
                    stops = True
                else:
                    self._stop_child(cell, effect.child)
        if stops and cell.alive:
            self._stop(cell)

    def _add(self, cell: Cell) -> None:
        self._open(cell)
        self._cells[cell.ref.id] = cell
        if cell.parent is not None:
            cell.parent.children[cell.ref.id] = cell

    def _spawn(self, parent: Cell, effect: Spawn) -> None:
        if effect.child in self._cells:
            raise EffectError(f"Spawn: {effect.child!r} is in use.")
        try:
            cell = Cell(ActorRef(effect.child, effect.incarnation), effect.make(), parent)
        except Exception as error:  # noqa: BLE001 - as in a step
            self._failures += 1
            self._post(parent, parent, ActorFailed(effect.child, effect.incarnation, *describe(error)))
        else:
            self._add(cell)

    def _stop_child(self, parent: Cell, child: ActorId) -> None:
        cell = parent.children.get(child)
        if cell is not None:
            self._stop(cell)
        elif child in self._cells:
            raise EffectError(f"Stop: {child!r} is no child of {parent.ref.id!r}.")

    def _stop(self, cell: Cell) -> None:
        self._end(cell)
        if cell.parent is not None:
            self._post(cell, cell.parent, ActorStopped(cell.ref.id, cell.ref.incarnation))

    def _crash(self, cell: Cell, record: StepRecord, error: BaseException) -> None:
        self._failures += 1
        reason, detail = describe(error)
        if cell.alive:
            self._end(cell)
            report = ActorFailed(cell.ref.id, cell.ref.incarnation, reason, detail)
            if cell.parent is not None:
                self._post(cell, cell.parent, report)
            else:
                self._hook(self._on_root_failure, report)
        if self._record is not None:
            self._hook(self._record, replace(record, failure=reason))

    def _end(self, cell: Cell) -> None:
        for child in reversed(list(cell.children.values())):
            self._end(child)
        cell.alive = False
        for key in list(cell.timers):
            self._cancel_timer(cell, key)
        del self._cells[cell.ref.id]
        if cell.parent is not None:
            del cell.parent.children[cell.ref.id]
        self._shut(cell)
        if self._on_end is not None:
            self._hook(self._on_end, cell.ref)

    def _end_all(self) -> None:
        self._closed = True
        for cell in [cell for cell in reversed(self._cells.values()) if cell.parent is None]:
            self._end(cell)

    def _set_timer(self, cell: Cell, effect: SetTimer) -> None:
        self._cancel_timer(cell, effect.key)
        if len(cell.timers) >= MAX_TIMERS:
            raise EffectError(f"SetTimer: {cell.ref.id!r} holds {MAX_TIMERS} timers already.")
        timer = cell.timers[effect.key] = Timer(effect.key, effect.message)
        timer.call = self._after(max(effect.after, 0), cell, timer)

    def _cancel_timer(self, cell: Cell, key: str) -> None:
        timer = cell.timers.pop(key, None)
        if timer is not None and timer.call is not None:
            timer.call.cancel()

    def _drop(self, message: Any) -> None:
        """Count a message that comes too late."""
        if type(message) is Timer:
            self._stale += 1
        else:
            self._dead_letters += 1

    def _hook(self, hook: Callable[[Any], None], value: object) -> None:
        try:
            hook(value)
        except Exception as error:  # noqa: BLE001 - raised again by _raise_escaped
            self._escaped = self._escaped or error

    def _raise_escaped(self) -> None:
        """For the host's outermost call: raise what a hook raised, once."""
        error, self._escaped = self._escaped, None
        if error is not None:
            raise error
