"""Comparing one symbol's books with the venue's view: what to ask for, what to make of the answer, when to worry.

Everything the venue tells goes through the same idempotent path as events do; what changed here after the question was
asked is not contradicted by the answer.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.actors.exchange_messages import OrderPlan, WantTruth
from opensqt_actors.actors.symbol_ledger import Ledger
from opensqt_actors.domain.ids import ClientId, decode, is_ours
from opensqt_actors.domain.orders import OrderReport, OrderRequest, OrderStatus, Truth
from opensqt_actors.domain.reconcile import LAG, Gap, Sightings, gap
from opensqt_actors.domain.slots import Slot, SlotStatus, WorkingOrder
from opensqt_actors.domain.strategy import Strategy

SECOND = 1_000_000_000
SOON = SECOND // 2
UNCLAIMED = 10 * SECOND
"""So long a trade without a client id may still turn out to be ours: its event names it."""
MOST_NAMED = 256
"""Trades of others that are remembered to be theirs: far more than an account sees by hand within `UNCLAIMED`."""


class Verdict(Enum):
    """SAME: books and venue agree; BUSY: orders fill, nothing can be said; UNSURE: look again.

    CLOSE, DIFFERENT: a difference that stays, less than 5 %, and more.
    """

    SAME = "same"
    CLOSE = "close"
    BUSY = "busy"
    UNSURE = "unsure"
    DIFFERENT = "different"


class Seen(Struct):
    """What the newest comparison met. missed_fills: booked by it."""

    orders: int = 0
    foreign_orders: int = 0
    missed_fills: int = 0
    foreign_trades: int = 0


class Sync:
    """One question at a time. again_at: ns, when the fate of an order that may still arrive can be known, 0 = no need.

    foreign: trades in this market that are not ours; unnamed: whether the newest comparison met one that may be, of
    which nobody knows yet: a difference may be its, and its price is not to be guessed.
    """

    def __init__(self, ledger: Ledger, instance: str, since: int, request_life: int) -> None:
        self.ledger = ledger
        self.instance = instance
        self.since = since
        self.request_life = request_life
        self.asked = 0
        self.asking = False
        self.stale = False
        self.news = 0
        self.again_at = 0
        self.foreign = 0
        self.unnamed = False
        self._others: dict[int, None] = {}
        self.seen = Seen()
        self.sightings = Sightings()

    def restart(self, now: int) -> None:
        """The exchange's actor is new: no answer is on its way, and nobody watches what was in its queues."""
        self.asking = False
        self.ledger.adoptions_unanswered()
        for slot in self.ledger.slots.by_level.values():
            if slot.order is not None and slot.status is SlotStatus.PENDING:
                slot.order.loose = True
                if not slot.order.restored:
                    slot.order.since = now

    def ask(self, now: int) -> WantTruth | None:
        """The question, or None while an older one is on its way, whose answer will not do."""
        if self.asking:
            self.stale = True
            return None
        self.asking = True
        self.stale = False
        self.asked = now
        self.news = 0
        self.again_at = 0
        slots = self.ledger.slots.by_level.values()
        orders = [(slot.status, slot.order) for slot in slots if slot.order is not None]
        wanted = [o for s, o in orders if s is SlotStatus.LOCKED or o.loose or o.terminal]
        unended = self.ledger.slots.slotless.unended.values()
        return WantTruth(
            self.ledger.symbol,
            (*(o.client_id for o in wanted), *(report.client_id for report in unended)),
            (
                *((o.venue_id, o.client_id) for _, o in orders if o.venue_id),
                *((report.venue_id, report.client_id) for report in unended if report.venue_id),
            ),
            self.ledger.totals.confirmed,
            self.since,
            tuple(self._if_filled(o, now) for o in wanted if o.venue_id),
        )

    def _if_filled(self, order: WorkingOrder, now: int) -> OrderReport:
        return OrderReport(
            order.client_id, self.ledger.symbol, order.venue_id, order.side, OrderStatus.FILLED, order.price,
            order.quantity, order.quantity, now,
        )  # fmt: skip

    def answered(self) -> bool:
        """An answer has come. False: it is older than what is to be known; ask again."""
        self.asking = False
        return not self.stale

    def not_ours(self, trade: int) -> None:
        """An event has named a trade: it is somebody else's, also where the venue tells trades without names."""
        self._others[trade] = None
        if len(self._others) > MOST_NAMED:
            del self._others[next(iter(self._others))]

    def apply(self, truth: Truth, strategy: Strategy | None, quote: tuple[int, int], now: int) -> list[OrderPlan]:
        """In the order in which it was fetched: what rests, how the others ended, the trades that came of it.

        quote: bid and ask in ticks, (0, 0) while there is no price. Returns exits to be sent once more.
        """
        slots = self.ledger.slots
        self.seen = Seen()
        for report in truth.open_orders:
            if not is_ours(report.client_id, self.instance):
                self.seen.foreign_orders += 1
            else:
                self.seen.orders += 1
                loose = self._known(report.client_id)
                slots.report(report)
                if loose:
                    slots.cancel_failed(report.client_id)
        again: list[OrderPlan] = []
        for client_id, found in truth.found:
            if found is not None:
                self._take(found)
                continue
            plan = self._never_there(client_id, quote, now)
            if plan is not None:
                again.append(plan)
        self._fills(truth, strategy)
        return again

    def earlier(self, client_id: ClientId) -> bool:
        """Whether an order was made under an earlier epoch than this actor's."""
        key = decode(client_id)
        return key is not None and key.epoch < self.ledger.spec.epoch

    def of_earlier_epochs(self) -> bool:
        """Whether an order of an earlier epoch is still at work, or may be."""
        return bool(self.ledger.spec.epoch) and any(self.earlier(o.client_id) for o in self.ledger.slots.orders())

    def resting_of_earlier_epochs(self) -> list[int]:
        """The levels whose order rests and is of an earlier epoch."""
        if not self.ledger.spec.epoch:
            return []
        slots = self.ledger.slots.by_level.values()
        resting = [slot for slot in slots if slot.order is not None and slot.status is SlotStatus.LOCKED]
        return [slot.level for slot in resting if slot.order is not None and self.earlier(slot.order.client_id)]

    def ends(self, truth: Truth) -> None:
        """How orders ended is true for ever, also in an answer that will not do otherwise.

        The exchange's actor has learnt it from the same answer and tells it no second time.
        """
        for _, found in truth.found:
            if found is not None and found.status.terminal:
                self._take(found)

    def _fills(self, truth: Truth, strategy: Strategy | None) -> None:
        confirmed = self.ledger.totals.confirmed
        self.unnamed = unclaimed = False
        for fill in truth.fills:
            known = self.ledger.slots.trades.knows(fill.trade_id, fill.side)
            if is_ours(fill.client_id, self.instance):
                self.seen.missed_fills += self.ledger.book(fill, strategy) is not None
            elif not known:
                self.seen.foreign_trades += 1
                if not fill.client_id and fill.at > truth.started - UNCLAIMED:
                    unclaimed = True
                    self.unnamed = self.unnamed or fill.trade_id not in self._others
                else:
                    self.foreign += 1
            if not unclaimed:
                confirmed = max(confirmed, fill.trade_id)
        self.ledger.confirm(confirmed)

    def _take(self, found: OrderReport) -> None:
        self._known(found.client_id)
        self.ledger.slots.report(found)

    def _known(self, client_id: ClientId) -> bool:
        """The venue has it: it is watched from now on. True: nobody did before."""
        slot = self.ledger.slots.holder(client_id)
        if slot is None or slot.order is None or not slot.order.loose:
            return False
        slot.order.loose = False
        return True

    def _never_there(self, client_id: ClientId, quote: tuple[int, int], now: int) -> OrderPlan | None:
        """The venue does not know an order: it never arrived, may still arrive, or was forgotten after its end."""
        slots = self.ledger.slots
        slot = slots.holder(client_id)
        order = slot.order if slot is not None else None
        if slot is None or order is None:
            self._unended_gone(client_id, now)
            return None
        if order.since > self.asked:
            return None
        unseen = order.restored and order.loose and not order.seen and not order.booked
        if unseen and closes(slot, order) and not self.earlier(client_id):
            order.loose = False
            return self._again(slot.level, order, *quote)
        if self.asked - order.since < self.request_life:
            self._look_at(order.since + self.request_life)
            return None
        if order.seen or order.booked:
            slots.report(
                OrderReport(
                    client_id, self.ledger.symbol, order.venue_id, order.side, OrderStatus.CANCELED, order.price,
                    order.quantity, order.booked, now, "the venue has forgotten it",
                )
            )  # fmt: skip
        else:
            order.cancelling = False
            slots.refused(client_id, "never reached the venue")
        return None

    def _unended_gone(self, client_id: ClientId, now: int) -> None:
        """The venue does not know an order whose slot had moved on before the last process ended."""
        report = self.ledger.slots.slotless.unended.get(client_id)
        if report is None:
            return
        if self.asked - report.at < self.request_life:
            self._look_at(report.at + self.request_life)
            return
        gone = replace(report, status=OrderStatus.CANCELED, at=now, reason="the venue has forgotten it")
        self.ledger.slots.report(gone)

    def may_still_come(self, client_id: ClientId, now: int, *, crossed: bool = False) -> bool:
        """Whether an order whose sending just failed had been sent by an earlier process, too, and could still arrive.

        Then it is nobody's again until that is out of the question. crossed: the market had passed it; an exit is sent
        once more before that, under its id, where the market is now.
        """
        slot = self.ledger.slots.holder(client_id)
        order = slot.order if slot is not None else None
        if order is None or not order.restored or order.seen or now - order.since >= self.request_life:
            return False
        order.loose = True
        until = order.since + self.request_life
        self._look_at(min(now + SOON, until) if crossed and not order.opens else until)
        return True

    def _look_at(self, at: int) -> None:
        """The first that can be known is looked at first: it may be an exit."""
        self.again_at = min(self.again_at or at, at)

    def _again(self, level: int, order: WorkingOrder, bid: int, ask: int) -> OrderPlan:
        """Under its own id, of which no second one can rest: an exit that the market has passed goes where it is now.

        The request of the dead process, should it still arrive, is refused as the same id, or as one that would cross.
        """
        market = order.price == 0
        passed = ask <= order.price if order.buys else bid >= order.price
        if bid and passed and order.post_only and not market:
            order.price = bid if order.buys else ask
        request = OrderRequest(
            order.client_id, self.ledger.symbol, order.side, None if market else order.price, order.quantity,
            post_only=order.post_only, reduce_only=order.reduce_only,
        )  # fmt: skip
        return OrderPlan(request, level, order.kind, order.generation, again=True)

    def compare(self, truth: Truth, now: int) -> Verdict:
        """Positions. Only a difference that stays is believed; one while orders fill says nothing."""
        if self.news:
            return Verdict.BUSY
        local, venue = self.ledger.slots.position, truth.position.quantity
        believed = self.sightings.see(local, venue, now)
        match gap(local, venue):
            case Gap.NONE:
                return Verdict.SAME
            case Gap.SMALL:
                return Verdict.CLOSE if believed else Verdict.UNSURE
            case Gap.LARGE:
                return Verdict.DIFFERENT if believed else Verdict.UNSURE

    def wait(self, verdict: Verdict, interval: int, now: int) -> int:
        """ns until the next question."""
        if any(order.terminal for order in self.ledger.slots.orders()):
            return SOON
        if self.of_earlier_epochs():
            return max(SECOND, min(interval, self.again_at - now))
        unsure = verdict is Verdict.UNSURE or (verdict is Verdict.BUSY and self.sightings.pending)
        nameless = verdict is Verdict.CLOSE and self.unnamed
        longest = LAG if unsure or nameless else interval
        return min(longest, max(self.again_at - now, 1)) if self.again_at else longest


def closes(slot: Slot, order: WorkingOrder) -> bool:
    """Whether an order is an exit of something that its slot still holds: a correction may have taken it away."""
    return not order.opens and (-slot.position if order.buys else slot.position) >= order.quantity
