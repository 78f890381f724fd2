"""What a SymbolActor is told besides the exchange's news, what it tells its parent, and how it deals with refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from opensqt_actors.actors.ports import REQUEST_WINDOW
from opensqt_actors.actors.views import SymbolRow
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.settings import RemoveMode

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Execution:
    """How a symbol deals with refusals, and what it asks for before its first opening order. Times in ns.

    request_life: a request of a process that has died can still reach the venue for so long; orphan_grace: so old must
    an order be that is not known here before it is adopted or cancelled.
    """

    reconcile_interval: int = 60 * SECOND
    margin_lock: int = 10 * SECOND
    margin_lock_max: int = 600 * SECOND
    post_only_retries: int = 3
    post_only_fallback: str = "pause"
    slot_pause: int = 60 * SECOND
    request_life: int = REQUEST_WINDOW + SECOND
    orphan_grace: int = 5 * SECOND
    preflight: PreflightSettings = field(default_factory=PreflightSettings)


class Phase(Enum):
    """PREPARING: rules asked for; SYNCING: the venue's view asked for; TRADING; REFUSED: an operator must act."""

    PREPARING = "preparing"
    SYNCING = "syncing"
    TRADING = "trading"
    REFUSED = "refused"


# --- to the SymbolActor ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """Begin: attach to the exchange. Again after the exchange's actor was lost: what it had in its queues is gone."""


@dataclass(frozen=True, slots=True)
class Pause:
    """No openings until Resume."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Openings again."""


@dataclass(frozen=True, slots=True)
class Flatten:
    """Cancel every order, close the position at the market, and stay without either until Resume."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Leave this market in the given way; SymbolDone follows when it has been left."""

    mode: RemoveMode


@dataclass(frozen=True, slots=True)
class StopTrading:
    """The process is about to end. SymbolDone follows when nothing that should go rests any more."""

    cancel_openings: bool
    cancel_exits: bool


@dataclass(frozen=True, slots=True)
class Describe:
    """An operator wants every level; answered by a Reply effect."""

    request: int


@dataclass(frozen=True, slots=True)
class Recheck:
    """A moment that a decision asked for has come. Sent to itself."""


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Time to compare with the venue. Sent to itself."""


@dataclass(frozen=True, slots=True)
class ReconcileNow:
    """An operator wants a comparison with the venue; answered by a Reply effect with a ReconcileView.

    accept: bring the slots to what the venue holds even when the difference is large.
    """

    request: int
    accept: bool = False


@dataclass(frozen=True, slots=True)
class Unlock:
    """The margin lock has run out. Sent to itself."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """A market that took no orders may take them again. Sent to itself."""


@dataclass(frozen=True, slots=True)
class AskFacts:
    """Time to ask whether what pre-flight lacks is there now. Sent to itself."""


@dataclass(frozen=True, slots=True)
class AskPast:
    """The exits have had their time: ask for the candles of the past. Sent to itself."""


# --- to its parent ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowChanged:
    """The symbol's line in the live table."""

    row: SymbolRow


@dataclass(frozen=True, slots=True)
class SymbolDone:
    """The market has been left (Remove) or has come to rest (StopTrading)."""

    account: str
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolUnable:
    """The market cannot be traded; nothing is done until an operator resumes it."""

    account: str
    symbol: str
    sentence: str
