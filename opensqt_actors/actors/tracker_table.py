"""The life of an order as one table: for each stage and each thing that may happen, the stage that follows.

Every pair is decided, because news comes late, twice and before the answer it should follow. Nothing but the venue's
word ends an order, and what has ended stays ended.
"""

from __future__ import annotations

from enum import Enum


class Stage(Enum):
    """What is known. QUEUED: not sent yet, its intent may be on its way; SENDING, CANCELLING: a request is out.

    RESTING: on the venue; LOOKING: nobody knows, it is looked up; DOUBTING: looked up while the effect of a cancel is
    not known; ENDING: terminal, but fills are missing; ENDED: nothing of it rests and nothing of it is missing.
    """

    QUEUED = "queued"
    SENDING = "sending"
    RESTING = "resting"
    CANCELLING = "cancelling"
    LOOKING = "looking"
    DOUBTING = "doubting"
    ENDING = "ending"
    ENDED = "ended"


class Trigger(Enum):
    """What may happen. SEND, CANCEL: a request is about to leave; LOOK: it is looked up, after an answer that said
    nothing or after a time-out; AGAIN: the venue does not know it and it is to be sent once more; KEPT: a cancel had
    no effect; LIVE: the venue says that it rests; OVER: the venue says that it does not, fills are missing; DONE: the
    same, and none are; or every step of it was filled.
    """

    SEND = "send"
    CANCEL = "cancel"
    LOOK = "look"
    AGAIN = "again"
    KEPT = "kept"
    LIVE = "live"
    OVER = "over"
    DONE = "done"


_Q, _S, _R, _C = Stage.QUEUED, Stage.SENDING, Stage.RESTING, Stage.CANCELLING
_L, _D, _E, _X = Stage.LOOKING, Stage.DOUBTING, Stage.ENDING, Stage.ENDED

# Read across: in a stage, what follows each trigger. A request that the table answers with another stage than its own
# (SENDING, CANCELLING) must not leave: an order that waits to be sent again may turn out to rest, or to have filled.
_ROWS: dict[Stage, tuple[Stage, ...]] = {
    #              SEND CANCEL LOOK AGAIN KEPT LIVE OVER DONE
    Stage.QUEUED:     (_S, _Q, _L, _Q, _Q, _R, _E, _X),
    Stage.SENDING:    (_S, _S, _L, _Q, _S, _R, _E, _X),
    Stage.RESTING:    (_R, _C, _R, _Q, _R, _R, _E, _X),
    Stage.CANCELLING: (_C, _C, _D, _Q, _R, _C, _E, _X),
    Stage.LOOKING:    (_L, _C, _L, _Q, _R, _R, _E, _X),
    Stage.DOUBTING:   (_D, _C, _D, _Q, _R, _D, _E, _X),
    Stage.ENDING:     (_E, _E, _E, _E, _E, _E, _E, _X),
    Stage.ENDED:      (_X, _X, _X, _X, _X, _X, _X, _X),
}  # fmt: skip

TRANSITIONS: dict[tuple[Stage, Trigger], Stage] = {
    (stage, trigger): after for stage, row in _ROWS.items() for trigger, after in zip(Trigger, row, strict=True)
}
"""(stage, trigger) -> the stage that follows."""

CANCEL_OUT = frozenset({Stage.CANCELLING, Stage.DOUBTING})
"""A cancel was sent whose effect is not known."""
CANCELLABLE = frozenset({Stage.RESTING, Stage.LOOKING, Stage.DOUBTING})
"""A cancel may be sent, once more in DOUBTING."""
WAITING = frozenset({Stage.SENDING, Stage.CANCELLING, Stage.LOOKING, Stage.DOUBTING, Stage.ENDING})
"""News is due: an order that stays here for too long is looked up."""
