"""Operations: operators' commands that take several steps, and the port of what carries them over a killed process.

A procedure is a coroutine that does everything with an effect in named steps. Whatever runs it records the result of
each step; after a kill it is run again from its beginning, and steps that are recorded answer at once. A step whose
result was not recorded runs again: each effect must be idempotent by what it is about, never by when it runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from opensqt_actors.domain.settings import GridMode, GridSettings, Trail

Json: TypeAlias = Any
"""What JSON can hold, and nothing else."""


class Kind(StrEnum):
    """What an operation does."""

    ADD = "add"
    MOVE = "move"
    PAUSE = "pause"
    RESUME = "resume"
    FLATTEN = "flatten"
    REMOVE = "remove"
    APPLY_CONFIG = "apply_config"
    VERIFY_FLAT = "verify_flat"


class Ended(StrEnum):
    """How an operation ended. REFUSED: nothing was changed; FAILED: given up on the way."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Outcome(Struct, frozen=True):
    """The end of an operation. code: of a refusal, as in operator.Refusal."""

    ended: Ended
    sentence: str
    code: str = ""

    def json(self) -> dict[str, str]:
        """As it is recorded."""
        return {"ended": self.ended.value, "sentence": self.sentence, "code": self.code}

    @classmethod
    def of(cls, recorded: Mapping[str, str]) -> Outcome:
        """From what was recorded."""
        return cls(Ended(recorded["ended"]), recorded["sentence"], recorded.get("code", ""))


class StepDone(Struct, frozen=True):
    """A recorded step. at: ns."""

    name: str
    result: Json
    at: int


class Record(Struct, frozen=True):
    """What is written down of an operation. Times in ns, ended_at 0 while it runs; steps only where asked for."""

    key: str
    kind: Kind
    arguments: Mapping[str, Json]
    asked_at: int
    ended_at: int = 0
    outcome: Outcome | None = None
    steps: tuple[StepDone, ...] = ()


class Run(Protocol):
    """One operation at work, as its procedure sees it."""

    @property
    def key(self) -> str:
        """Its business key."""

    @property
    def kind(self) -> Kind:
        """What it does."""

    @property
    def arguments(self) -> Mapping[str, Json]:
        """What was asked for, as it was recorded."""

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """The recorded result of this step, or that of `work`, which is recorded before this returns.

        The same steps in the same order each time, as far as they depend on arguments and earlier results alone.
        """


Body: TypeAlias = Callable[[Run], Awaitable[Outcome]]
"""What carries an operation out. It raises nothing but the runner's own errors and cancellation."""


class Runner(Protocol):
    """Carries operations over kills. Every call raises StorageError when the database is away, quickly."""

    async def start(self, body: Body) -> None:
        """Take up what is unfinished, and begin to take new ones."""

    async def submit(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> bool:
        """Begin an operation, which is durable once this returns. False, and nothing begun, when the key is known."""

    async def show(self, key: str) -> Record | None:
        """What is written down of one, with its steps."""

    async def records(self, limit: int) -> tuple[Record, ...]:
        """The newest first, without steps."""

    async def unfinished(self) -> tuple[Record, ...]:
        """Those without an outcome, the oldest first. May be called before `start`."""

    async def close(self) -> None:
        """Cancel what is at work in this process; the next one takes it up."""


# --- settings as JSON ------------------------------------------------------------------------------------------------


def grid_to_json(grid: GridSettings) -> dict[str, Json]:
    """Grid settings by the names of their fields; decimals as text."""
    found: dict[str, Json] = {}
    for name in GridSettings.__struct_fields__:
        value = getattr(grid, name)
        found[name] = str(value) if isinstance(value, Decimal | StrEnum) else value
    return found


_WHOLE = frozenset({"buy_window", "sell_window", "max_multiple", "max_open_orders", "volatility_sizing"})


def grid_from_json(values: Mapping[str, Json]) -> GridSettings:
    """The settings as they were before `grid_to_json`; fields that a later version knows besides are left out."""
    known = set(GridSettings.__struct_fields__)
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            continue
        if value is None or name in _WHOLE:
            made[name] = value
        elif name == "mode":
            made[name] = GridMode(value)
        elif name == "trail":
            made[name] = Trail(value)
        else:
            made[name] = Decimal(value)
    return GridSettings(**made)
