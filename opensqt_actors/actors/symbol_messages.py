"""What a SymbolActor is told besides the exchange's news, what it tells its parent, and how it deals with refusals."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct, field

from opensqt_actors.actors.ports import REQUEST_WINDOW
from opensqt_actors.actors.views import SymbolRow
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.settings import RemoveMode

SECOND = 1_000_000_000


class Execution(Struct, frozen=True):
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


class Start(Struct, frozen=True):
    """Begin: attach to the exchange. Again after the exchange's actor was lost: what it had in its queues is gone."""


class Pause(Struct, frozen=True):
    """No openings until Resume."""


class Resume(Struct, frozen=True):
    """Openings again."""


class Flatten(Struct, frozen=True):
    """Cancel every order, close the position at the market, and stay without either until Resume."""


class Remove(Struct, frozen=True):
    """Leave this market in the given way; SymbolDone follows when it has been left."""

    mode: RemoveMode


class StopTrading(Struct, frozen=True):
    """The process is about to end. SymbolDone follows when nothing that should go rests any more."""

    cancel_openings: bool
    cancel_exits: bool


class Describe(Struct, frozen=True):
    """An operator wants every level; answered by a Reply effect."""

    request: int


class Recheck(Struct, frozen=True):
    """A moment that a decision asked for has come. Sent to itself."""


class Reconcile(Struct, frozen=True):
    """Time to compare with the venue. Sent to itself."""


class ReconcileNow(Struct, frozen=True):
    """An operator wants a comparison with the venue; answered by a Reply effect with a ReconcileView.

    accept: bring the slots to what the venue holds even when the difference is large.
    """

    request: int
    accept: bool = False


class Unlock(Struct, frozen=True):
    """The margin lock has run out. Sent to itself."""


class Reopen(Struct, frozen=True):
    """A market that took no orders may take them again. Sent to itself."""


class AskFacts(Struct, frozen=True):
    """Time to ask whether what pre-flight lacks is there now. Sent to itself."""


class AskPast(Struct, frozen=True):
    """The exits have had their time: ask for the candles of the past. Sent to itself."""


# --- to its parent ---------------------------------------------------------------------------------------------------


class RowChanged(Struct, frozen=True):
    """The symbol's line in the live table."""

    row: SymbolRow


class SymbolDone(Struct, frozen=True):
    """The market has been left (Remove) or has come to rest (StopTrading)."""

    account: str
    symbol: str


class SymbolUnable(Struct, frozen=True):
    """The market cannot be traded; nothing is done until an operator resumes it."""

    account: str
    symbol: str
    sentence: str
