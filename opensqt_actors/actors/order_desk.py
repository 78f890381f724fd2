"""An account's orders on their way: queues by urgency, intents before sends, answers and events.

An order whose fate is unknown is looked up, never guessed: order_look_up.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from opensqt_actors.actors import ports
from opensqt_actors.actors.answer_log import AnswerLog
from opensqt_actors.actors.budget import SECOND, Budget
from opensqt_actors.actors.exchange_messages import (
    OrderPlan,
    OrderUpdate,
    PlaceFailed,
    PlacesWithdrawn,
    Pump,
    Submit,
)
from opensqt_actors.actors.exposure_book import ExposureBook
from opensqt_actors.actors.order_adoption import Adoptions
from opensqt_actors.actors.order_intents import intent, sent_again
from opensqt_actors.actors.order_look_up import LookUps
from opensqt_actors.actors.tracker import Stage, Tracked, Tracker
from opensqt_actors.actors.tracker_table import CANCELLABLE
from opensqt_actors.domain.exposure import Blocked, ExposureLimits, Limit
from opensqt_actors.domain.ids import OPENING, ClientId, decode
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    CancelRequest,
    NotSent,
    OrderReport,
    OutcomeUnknown,
    RefusalCode,
    Refused,
)
from opensqt_actors.runtime.effects import Effect, SetTimer

MILLISECOND = SECOND // 1000
IN_FLIGHT = 4
"""Requests that may be out at once when opening orders are to leave. Few, so that orders which wait for a busy machine
or a slow venue fill their requests: one with five orders costs little more than one with a single order."""
SINGLY_IN_FLIGHT = 16
"""Orders for which there is room at least, where a venue takes fewer than four in a request."""
MORE_FOR_EXITS = 8
"""Requests beyond those, counting only what places orders: exits wait neither for openings that wait for the journal or
the venue, nor for cancels."""
CANCELS_IN_FLIGHT = 64
"""All requests that may be out at once when a cancel is to leave: it must not wait until a slow venue has answered."""
URGENT_IN_FLIGHT = 256
"""The same when it is a risk cancel: 400 orders are 40 requests of ten, and all of them leave at once."""
LEAST_WAIT = 100 * MILLISECOND

ToSymbol = Callable[[str, object], list[Effect]]


class OrderDesk:
    """`tell` sends to the actor of a symbol, to nobody when it is dead; `alive` says whether there is one.

    up: whether the order stream is; no order is placed while it is not; crowded: why there are too many orders for one
    more opening order, if there are; answers: of the venue, for the risk rules.
    """

    def __init__(
        self,
        account: str,
        budget: Budget,
        published: ports.Published,
        *,
        tell: ToSymbol,
        alive: Callable[[str], bool],
        pending_timeout: int,
        seed: int,
        exposure: ExposureLimits | None = None,
        total: Limit | None = None,
        crowded: Callable[[], Blocked | None] = lambda: None,
    ) -> None:
        self.account = account
        self.budget = budget
        self.published = published
        self.tracker = Tracker(pending_timeout)
        self.exposure = ExposureBook(exposure or ExposureLimits(), self.tracker, total)
        self.answers = AnswerLog()
        self.crowded = crowded
        self.up = False
        self.placed = 0
        self.cancelled = 0
        self.tell = tell
        self.alive = alive
        self._urgent: deque[ClientId] = deque()
        self._cancels: deque[ClientId] = deque()
        self._exits: deque[OrderPlan] = deque()
        self._opens: deque[OrderPlan] = deque()
        self._commits: dict[int, tuple[OrderPlan, ...]] = {}
        self._withdrawn: dict[ClientId, str] = {}
        self.adoptions = Adoptions(self)
        self.look_ups = LookUps(self, seed)
        self._batch = 0
        self._in_flight = 0
        self._placing = 0
        self._most = max(IN_FLIGHT, SINGLY_IN_FLIGHT // published.place_batch)
        self._pump_due = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._urgent) + len(self._cancels) + len(self._exits) + len(self._opens)

    # --- in from symbols ---------------------------------------------------------------------------------------------

    def submit(self, message: Submit, now: int) -> list[Effect]:
        """Queue a decision and send what may go; what a limit forbids is refused before anything of it is written."""
        effects: list[Effect] = []
        for client_id in message.cancels:
            self.cancel(client_id, message.symbol, now, urgent=message.urgent)
        for plan in message.places:
            if plan.again and self.tracker.get(plan.request.client_id) is not None:
                continue
            opens = plan.kind in OPENING
            blocked = (self.crowded() or self.exposure.reserve(plan)) if opens else None
            if blocked is not None:
                failure = PlaceFailed(plan.request.client_id, blocked.code, blocked.sentence, journalled=False)
                effects += self.tell(message.symbol, failure)
                continue
            self.tracker.queue(plan, now)
            (self._opens if opens else self._exits).append(plan)
        return self.pump(now) + effects

    def cancel(self, client_id: ClientId, symbol: str, now: int, *, urgent: bool) -> None:
        """Queue a cancel; of an order that is not known here, too."""
        if self.tracker.get(client_id) is None:
            key = decode(client_id)
            if key is None or self.tracker.has_ended(client_id):
                return
            self.tracker.adopt(client_id, symbol, key.kind, now)
        (self._urgent if urgent else self._cancels).append(client_id)

    def cancel_resting(self, orders: Iterable[Tracked], now: int) -> list[Effect]:
        """Cancel those that rest, before anything else."""
        for tracked in orders:
            if tracked.stage is Stage.RESTING:
                self._urgent.append(tracked.client_id)
        return self.pump(now)

    def send_again(self, plan: OrderPlan, now: int) -> list[Effect]:
        """Queue an exit that never arrived once more; its intent is in the journal."""
        self._exits.append(replace(plan, again=True))
        return self.pump(now)

    def withdraw(self, goes: Callable[[OrderPlan], bool], reason: str) -> list[Effect]:
        """Take orders back that were not sent yet, and tell their symbols."""
        failures: dict[str, list[PlaceFailed]] = {}
        for queue in (self._opens, self._exits):
            taken: list[OrderPlan] = []
            stays: list[OrderPlan] = []
            for plan in queue:
                (taken if goes(plan) else stays).append(plan)
            if taken:
                queue.clear()
                queue.extend(stays)
            for plan in taken:
                client_id, symbol = plan.request.client_id, plan.request.symbol
                if self._still_waits(plan):
                    self._drop(client_id, symbol)
                    failure = PlaceFailed(client_id, "withdrawn", reason, 0, plan.again)
                    failures.setdefault(symbol, []).append(failure)
        for batch in self._commits.values():
            self._withdrawn.update((plan.request.client_id, reason) for plan in batch if goes(plan))
        told = ((symbol, PlacesWithdrawn(tuple(found))) for symbol, found in failures.items())
        return [effect for symbol, message in told for effect in self.tell(symbol, message)]

    def not_again(self, client_ids: Iterable[ClientId]) -> list[Effect]:
        """Exits that would close more than there is: what was not sent is not, and nothing of it is sent once more.

        One that may be at the venue is looked up as before; when the venue does not know it its symbol decides anew.
        """
        void = frozenset(client_ids)
        for client_id in void:
            tracked = self.tracker.get(client_id)
            if tracked is not None:
                tracked.abandoned = True
        return self.withdraw(lambda plan: plan.request.client_id in void, "its slot holds less than it would close")

    def symbol_down(self, symbol: str, now: int) -> list[Effect]:
        """Its actor died: what was not sent is not, its opening orders are cancelled, the rest is only watched."""
        effects = self.withdraw(lambda plan: plan.request.symbol == symbol, "its SymbolActor failed")
        live = self.tracker.live(symbol)
        for tracked in live:
            tracked.abandoned = True
        return effects + self.cancel_resting([tracked for tracked in live if tracked.kind.opens], now)

    def forget_symbol(self, symbol: str) -> None:
        """It has left."""
        self.withdraw(lambda plan: plan.request.symbol == symbol, "the symbol was removed")
        self.tracker.forget_symbol(symbol)
        self.exposure.remove(symbol)

    # --- out to the venue --------------------------------------------------------------------------------------------

    def pumped(self, now: int) -> list[Effect]:
        """The moment that a full budget had asked for."""
        self._pump_due = 0
        return self.pump(now)

    def pump(self, now: int) -> list[Effect]:
        """Send what the budget allows: risk cancels, cancels, exits, opens."""
        effects: list[Effect] = []
        if now >= self.budget.paused_until:
            if self._urgent:
                self._pump_cancels(self._urgent, now, effects, URGENT_IN_FLIGHT)
            if self._cancels:
                self._pump_cancels(self._cancels, now, effects, CANCELS_IN_FLIGHT)
            if self.up and not self._urgent:
                if self._exits:
                    self._pump_places(self._exits, now, effects, exits=True)
                if self._opens and not self._exits:
                    self._pump_places(self._opens, now, effects, exits=False)
        room = self._in_flight < self._most or (self._exits and self._placing < self.most_placing)
        if room and not self._pump_due and self._has_work():
            wait = max(self.budget.next_room(now), MILLISECOND)
            self._pump_due = now + wait
            effects.append(SetTimer("pump", wait, Pump()))
        return effects

    @property
    def most_placing(self) -> int:
        """Requests to place orders that may be out, or on their way into the journal, at once."""
        return self._most + MORE_FOR_EXITS

    def _has_work(self) -> bool:
        return bool(self._urgent or self._cancels or (self.up and (self._exits or self._opens)))

    def _pump_cancels(self, queue: deque[ClientId], now: int, effects: list[Effect], most: int) -> None:
        while queue and self._in_flight < most:
            symbol = ""
            batch: list[CancelRequest] = []
            while queue and len(batch) < self.published.cancel_batch:
                tracked = self.tracker.get(queue[0])
                if tracked is None or tracked.stage not in CANCELLABLE:
                    queue.popleft()
                    continue
                if symbol and tracked.symbol != symbol:
                    break
                symbol = tracked.symbol
                queue.popleft()
                self.tracker.cancelling(tracked, now)
                self.answers.sent(tracked.client_id, symbol, now)
                batch.append(CancelRequest(tracked.client_id, symbol))
            if batch:
                self._in_flight += 1
                self.cancelled += len(batch)
                effects.append(ports.SendCancels(tuple(batch)))

    def _pump_places(self, queue: deque[OrderPlan], now: int, effects: list[Effect], *, exits: bool) -> None:
        while queue and (self._placing < self.most_placing if exits else self._in_flight < self._most):
            room = min(self.budget.room(now), self.published.place_batch)
            if room <= 0:
                return
            again, at_once = queue[0].again, queue[0].at_once
            batch: list[OrderPlan] = []
            while queue and len(batch) < room and (queue[0].again, queue[0].at_once) == (again, at_once):
                plan = queue.popleft()
                if self._still_waits(plan):
                    batch.append(plan)
            if not batch:
                continue
            self.budget.take(now, len(batch))
            self._in_flight += 1
            self._placing += 1
            if again:
                # Before it goes: the next life must wait for this request, not for the first one.
                effects.append(ports.Persist(tuple(sent_again(self.account, plan, now) for plan in batch)))
                effects += self._send(batch, now)
                continue
            if at_once:
                effects += self._send(batch, now)
                effects.append(ports.Persist(tuple(intent(self.account, plan, now) for plan in batch)))
                continue
            number = self.new_batch()
            self._commits[number] = tuple(batch)
            effects.append(ports.CommitIntents(number, tuple(intent(self.account, plan, now) for plan in batch)))

    def _still_waits(self, plan: OrderPlan) -> bool:
        """Whether an order is still to be sent: one that is sent again may have turned out to be on the venue."""
        tracked = self.tracker.get(plan.request.client_id)
        return tracked is not None and tracked.stage is Stage.QUEUED

    def new_batch(self) -> int:
        """The number of a batch of intents."""
        self._batch += 1
        return self._batch

    def intents_committed(self, message: ports.IntentsCommitted, now: int) -> list[Effect]:
        """Durable: send, unless something came between."""
        adopted = self.adoptions.committed(message.batch, now)
        if adopted is not None:
            return adopted
        plans = self._commits.pop(message.batch, ())
        effects: list[Effect] = []
        ready: list[OrderPlan] = []
        for plan in plans:
            client_id = plan.request.client_id
            reason = self._withdrawn.pop(client_id, "")
            if not self.up:
                reason = reason or "the order stream is down"
            elif now < self.budget.paused_until:
                reason = reason or "the venue asked for a pause"
            if reason:
                effects += self.fail(client_id, "withdrawn", reason)
            elif self._still_waits(plan):
                ready.append(plan)
        if ready:
            return effects + self._send(ready, now)
        self._placed()
        return effects + self.pump(now)

    def _placed(self) -> None:
        """A request to place orders is over, or was never sent."""
        self._in_flight -= 1
        self._placing -= 1

    def _send(self, plans: list[OrderPlan], now: int) -> list[Effect]:
        for plan in plans:
            tracked = self.tracker.get(plan.request.client_id)
            if tracked is not None:
                self.tracker.sending(tracked, now)
                self.answers.sent(tracked.client_id, tracked.symbol, now)
        self.placed += len(plans)
        return [ports.SendPlaces(tuple(plan.request for plan in plans))]

    def intents_failed(self, message: ports.IntentsFailed, now: int) -> list[Effect]:
        """Not written: not sent."""
        sentence = f"its intent could not be written: {message.reason}"
        refused = self.adoptions.failed(message.batch, sentence, now)
        if refused is not None:
            return refused
        self._placed()
        effects: list[Effect] = []
        for plan in self._commits.pop(message.batch, ()):
            self._withdrawn.pop(plan.request.client_id, None)
            effects += self.fail(plan.request.client_id, "journal", sentence, SECOND, journalled=False)
        return effects + self.pump(now)

    # --- answers -----------------------------------------------------------------------------------------------------

    def places_answered(self, message: ports.PlacesAnswered, now: int) -> list[Effect]:
        """One outcome for each order."""
        self._placed()
        effects: list[Effect] = []
        for outcome in message.outcomes:
            self.answers.answered(outcome, now)
            self.tracker.answered(outcome.report.client_id if isinstance(outcome, Accepted) else outcome.client_id)
            match outcome:
                case Accepted(report):
                    effects += self.observe(report, now)
                case Refused(client_id, RefusalCode.DUPLICATE_ID) | OutcomeUnknown(client_id):
                    effects += self.look_ups.ask(client_id, now)
                case Refused(client_id, code, _, sentence):
                    effects += self._not_placed(client_id, code.value, sentence, 0, now)
                case NotSent(client_id, detail, retry_after):
                    effects += self._not_placed(client_id, "not_sent", detail, retry_after, now)
        return effects + self.pump(now)

    def _not_placed(self, client_id: ClientId, code: str, sentence: str, wait: int, now: int) -> list[Effect]:
        """A request was not carried out. An order that has gone out once more may be there all the same."""
        tracked = self.tracker.get(client_id)
        if tracked is not None and (tracked.seen or tracked.filled or tracked.unanswered):
            return self.look_ups.ask(client_id, now)
        return self.fail(client_id, code, sentence, wait)

    def fail(
        self, client_id: ClientId, code: str, sentence: str, wait: int = 0, *, journalled: bool = True
    ) -> list[Effect]:
        """Tell its symbol that an order was certainly not placed. wait: ns."""
        tracked = self.tracker.get(client_id)
        if tracked is None:
            return []
        self._drop(client_id, tracked.symbol)
        return self.tell(tracked.symbol, PlaceFailed(client_id, code, sentence, wait, journalled))

    def _drop(self, client_id: ClientId, symbol: str) -> None:
        """An order that certainly does not exist on the venue."""
        self.tracker.drop(client_id)
        self.exposure.release(symbol, client_id)

    def cancels_answered(self, message: ports.CancelsAnswered, now: int) -> list[Effect]:
        """One outcome for each cancel; how a cancelled order ended comes as an event."""
        self._in_flight -= 1
        effects: list[Effect] = []
        for outcome in message.outcomes:
            self.answers.answered(outcome, now)
            match outcome:
                case Cancelled():
                    pass
                case Refused(client_id) | OutcomeUnknown(client_id):
                    effects += self.look_ups.ask(client_id, now)
                case NotSent(client_id, _, retry_after):
                    tracked = self.tracker.get(client_id)
                    if tracked is not None and tracked.stage is Stage.CANCELLING:
                        self.tracker.resting(tracked, now)
                        self.budget.pause(now, max(retry_after, LEAST_WAIT))
                        self._cancels.append(client_id)
        return effects + self.pump(now)

    # --- events ------------------------------------------------------------------------------------------------------

    def observe(self, report: OrderReport, now: int, update: OrderUpdate | None = None) -> list[Effect]:
        """Every state of one of our orders passes here, once or twice, in any order."""
        key = decode(report.client_id)
        if key is None:
            return []
        old = self.tracker.observe(report, key.kind, now)
        if old and (update is None or update.fill is None):
            return []
        if report.status.terminal and not report.filled:
            self.exposure.release(report.symbol, report.client_id)
        effects = self.tell(report.symbol, update or OrderUpdate(report, None))
        tracked = self.tracker.get(report.client_id)
        if tracked is not None and tracked.kind.opens and not self.alive(report.symbol):
            return effects + self.cancel_resting([tracked], now)
        return effects
