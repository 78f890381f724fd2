"""One symbol's books: its slots, its totals, and what of both is still to be written down. It decides nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from opensqt_actors.actors import ports
from opensqt_actors.domain.grid import anchor_lattice
from opensqt_actors.domain.ids import ClientId, IdCoder, decode
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.lattice import Lattice
from opensqt_actors.domain.orders import Fees, Fill, FundingPayment, OrderReport, OrderStatus, Side
from opensqt_actors.domain.pnl import EarnedByLevel, Totals, fee_in_quote
from opensqt_actors.domain.reconcile import Correction, adopt
from opensqt_actors.domain.records import (
    KNOWN_PAYMENTS,
    Entry,
    FillSaved,
    FundingSaved,
    Intent,
    LatticeSaved,
    LiveOrder,
    MemorySaved,
    OrderSaved,
    Restored,
    SlotDropped,
    SlotSaved,
)
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.domain.slots import Booked, Slot, Slots, SlotStatus, WorkingOrder
from opensqt_actors.domain.strategy import Strategy
from opensqt_actors.runtime.effects import Effect

_EMPTY = (0, 0, None)
_NO_FEE = Decimal(0)


class Ledger:
    """Slots, totals and the lattice of one symbol, as restored and since. fills: booked in this life."""

    def __init__(self, spec: SymbolSpec, instance: str, restored: Restored) -> None:
        self.spec = spec
        self.account = spec.account
        self.symbol = spec.symbol
        self.slots = Slots(IdCoder(instance, spec.number, spec.epoch), restored.generation_floor, restored.known_trades)
        self.totals = Totals(restored.totals)
        self.earned = EarnedByLevel()
        self.instrument: Instrument | None = None
        self.fees: Fees | None = None
        self.lattice: Lattice | None = None
        self.fills = 0
        self._inferred = 0
        self._saved: dict[int, tuple[int, int, int | None]] = {}
        self._entries: list[Entry] = []
        self._trips: list[Decimal] = []
        self._paid: dict[int, Decimal] = {}
        self._opened = {saved.level: abs(saved.cost) for saved in restored.slots if saved.position}
        self._since = restored.since
        memory = restored.memory
        self.memory = memory.numbers if memory is not None and memory.strategy == spec.strategy else ()
        self._payments: deque[str] = deque(restored.known_funding, maxlen=KNOWN_PAYMENTS)
        if restored.lattice is not None:
            self.lattice = Lattice(restored.lattice.anchor, restored.lattice.base, restored.lattice.ratio)
        for saved in restored.slots:
            self.slots.restore(saved.level, saved.position, saved.cost, saved.exit_level, saved.generation)
            self._saved[saved.level] = (saved.position, saved.cost, saved.exit_level)
        for live in sorted(restored.orders, key=lambda live: live.intent.generation, reverse=True):
            self._restore_order(live)

    def _restore_order(self, live: LiveOrder) -> None:
        intent = live.intent
        key = decode(intent.client_id)
        if key is None:
            return
        order = WorkingOrder(
            intent.client_id, intent.kind, intent.price, intent.quantity, intent.generation,
            max(intent.at, live.sent_at), intent.reduce_only,
        )  # fmt: skip
        order.filled = order.booked = live.filled
        order.venue_id = live.venue_id
        order.seen = live.status is not OrderStatus.PENDING
        order.loose = order.restored = True
        order.post_only = intent.post_only
        if not self.slots.restore_order(key.level, order):
            self.slots.slotless.unended[intent.client_id] = OrderReport(
                intent.client_id, self.symbol, live.venue_id, intent.side, live.status, intent.price, intent.quantity,
                live.filled, order.since,
            )  # fmt: skip

    @property
    def untouched(self) -> bool:
        """Whether this symbol has never traded here and has nothing in flight."""
        return not (self._saved or self.slots.position or self.slots.working or self.totals.confirmed)

    def anchor(self, price: int) -> Lattice:
        """Give a new symbol its lattice, anchored at a price in ticks. Raises InvalidValue."""
        if self.instrument is None:
            raise RuntimeError("a lattice needs the market's rules")
        self.lattice = anchor_lattice(self.instrument, self.spec.grid, price)
        self._entries.append(
            LatticeSaved(self.account, self.symbol, self.lattice.anchor, self.lattice.base, self.lattice.ratio)
        )
        self.memory = ()
        self.earned.clear()
        return self.lattice

    def fit(self) -> str | None:
        """Forget a restored lattice that the settings no longer ask for; a sentence when it has to stay.

        It stays while anything is held or in flight. Raises InvalidValue for settings that make no lattice here.
        """
        lattice, instrument, grid = self.lattice, self.instrument, self.spec.grid
        if lattice is None or instrument is None:
            return None
        wanted = anchor_lattice(instrument, grid, lattice.anchor)
        anchored = grid.anchor is None or wanted.anchor == lattice.anchor
        if anchored and (wanted.base, wanted.ratio) == (lattice.base, lattice.ratio):
            return None
        if self.slots.held or self.slots.working:
            return (
                "keeps its levels while it holds something: interval and anchor of the settings wait until it is flat"
            )
        self.lattice = None
        self.memory = ()
        return None

    # --- what happens ------------------------------------------------------------------------------------------------

    def book(self, fill: Fill, strategy: Strategy | None) -> Booked | None:
        """Book a fill once: on its slot, in the totals and in the journal."""
        if self.instrument is None or self.fees is None:
            raise RuntimeError("a fill cannot be booked without the market's rules")
        booked = self.slots.fill(fill)
        if booked is None:
            return None
        fee = fee_in_quote(fill, self.instrument, self.fees)
        self.fills += 1
        self.totals.realized += booked.realized
        self.totals.fees += fee
        self.earned.add(booked.slot.level, booked.realized, fee, round_trip=booked.round_trip is not None)
        self._count(booked, fee)
        if strategy is not None:
            strategy.filled(self.slots, booked.slot)
        self._entries.append(FillSaved(self.account, fill, booked.slot.level, booked.realized, fee))
        self._save_totals()
        return booked

    def _count(self, booked: Booked, fee: Decimal) -> None:
        """Note a round trip with its fees. Those of an opening before this life are taken to be a maker's."""
        instrument, fees = self.instrument, self.fees
        if instrument is None or fees is None:
            return
        level = booked.slot.level
        opened = self._opened.pop(level, 0)
        paid = self._paid.get(level, _NO_FEE) + fee + (fees.maker * instrument.money(opened) if opened else _NO_FEE)
        self._paid[level] = paid
        if booked.round_trip is not None:
            self.totals.round_trips += 1
            self._trips.append(instrument.money(booked.round_trip) - paid)
            del self._paid[level]

    def take_trips(self) -> list[Decimal]:
        """Profits of the round trips since somebody last asked, after fees, in quote currency."""
        trips = self._trips
        if trips:
            self._trips = []
        return trips

    def adopt(self, quantity: int, entry: int, strategy: Strategy, now: int) -> None:
        """Spread a position that no order of ours made over the slots nearest to its entry price, marked inferred.

        quantity: signed steps; entry: ticks.
        """
        instrument = self.instrument
        if instrument is None:
            raise RuntimeError("a position cannot be adopted without the market's rules")
        amount = instrument.quanta(self.spec.grid.amount)
        for level, part, price in adopt(strategy.lattice, instrument, amount, quantity, entry):
            self._infer(self.slots.slot(level), part, price, strategy, now)

    def correct(self, found: Iterable[Correction], price: int, strategy: Strategy, now: int) -> None:
        """Book corrections at the market's price, in ticks, marked inferred, without a fee."""
        for level, quantity in found:
            self._infer(self.slots.slot(level), quantity, price, strategy, now)

    def _infer(self, slot: Slot, quantity: int, price: int, strategy: Strategy, now: int) -> None:
        """Book signed steps that the venue holds although no trade of ours was told. Ids are negative and unique."""
        instrument = self.instrument
        if instrument is None:
            raise RuntimeError("a position cannot be corrected without the market's rules")
        self._inferred = max(self._inferred + 1, now)
        side = Side.BUY if quantity > 0 else Side.SELL
        booked = self.slots.correct(slot, side, price, abs(quantity))
        self.totals.realized += booked.realized
        self.earned.add(slot.level, booked.realized, Decimal(0), round_trip=False)
        if booked.round_trip is not None:
            self._opened.pop(slot.level, None)
            self._paid.pop(slot.level, None)
        strategy.filled(self.slots, slot)
        fill = Fill(
            self.symbol, -self._inferred, ClientId(""), "", side, price, abs(quantity), Decimal(0), instrument.quote,
            True, now,
        )  # fmt: skip
        self._entries.append(FillSaved(self.account, fill, slot.level, booked.realized, Decimal(0), inferred=True))
        self._save_totals()

    def confirm(self, trade_id: int) -> None:
        """The venue has told every trade up to this one."""
        if trade_id > self.totals.confirmed:
            self.totals.confirmed = trade_id
            self._save_totals()

    def paid(self, payment: FundingPayment) -> None:
        """Book a funding payment once; one from before the symbol was added is none of this ledger's."""
        if payment.at < self._since or payment.payment_id in self._payments:
            return
        self._payments.append(payment.payment_id)
        self.totals.funding += payment.amount
        self._entries.append(FundingSaved(self.account, payment))
        self._save_totals()

    def _save_totals(self) -> None:
        """Only the newest totals of a transaction matter."""
        totals = self.totals.saved(self.account, self.symbol)
        if self._entries and type(self._entries[-1]) is type(totals):
            self._entries.pop()
        self._entries.append(totals)

    def remember(self, memory: tuple[int, ...]) -> None:
        """Write down what the strategy must still know after a restart, when that has changed."""
        if memory != self.memory:
            self.memory = memory
            self._entries.append(MemorySaved(self.account, self.symbol, self.spec.strategy, memory))

    # --- writing down ------------------------------------------------------------------------------------------------

    def never_journalled(self, client_id: ClientId) -> None:
        """An order's intent was not written, so that its end needs no writing either."""
        self.slots.moved.pop(client_id, None)

    def adoption_failed(self, client_id: ClientId) -> bool:
        """The journal did not take the intent of an adopted order, which the exchange's actor cancels now.

        True: the venue has told of the order meanwhile, and its slot keeps it until it has ended. Its intent goes into
        the next transaction, so that its end has something to be written to.
        """
        slot = self.slots.holder(client_id)
        order = None if slot is None else slot.order
        if slot is None or order is None or not order.unwritten:
            return False
        if slot.status is SlotStatus.PENDING and not order.terminal and not order.booked:
            return False
        self._write_adopted(order)
        return True

    def adoptions_unanswered(self) -> None:
        """Nobody will say any more whether the intents of adopted orders were written: once more does no harm."""
        for order in [*self.slots.orders(), *self.slots.moved.values()]:
            if order.unwritten:
                self._write_adopted(order)

    def _write_adopted(self, order: WorkingOrder) -> None:
        """The intent of an adopted order, with everything else that is still to be written."""
        order.unwritten = False
        key = decode(order.client_id)
        if key is None:
            return
        intent = Intent(
            self.account, self.symbol, order.client_id, key.level, order.kind, order.generation, order.side,
            order.price, order.quantity, order.reduce_only, order.post_only, order.since,
        )  # fmt: skip
        self._entries.append(intent)

    def flush(self, now: int) -> list[Effect]:
        """One transaction with everything that changed since the last one."""
        slots, entries = self.slots, self._entries
        if slots.moved:
            adopted = {client_id: order for client_id, order in slots.moved.items() if order.unwritten}
            for order in slots.moved.values():
                if not order.unwritten:
                    entries.append(self._order_entry(order, now))
            slots.moved = adopted
        if slots.slotless.late:
            for report in slots.slotless.late.values():
                entries += self._late_entries(report)
            slots.slotless.late.clear()
            slots.slotless.unwritten.clear()
        if slots.changed:
            for level in slots.changed:
                self._save_slot(level)
            slots.changed.clear()
        if slots.outrun:
            for level in slots.outrun:
                self._save_generation(level)
            slots.outrun.clear()
        if not entries:
            return []
        self._entries = []
        return [ports.Persist(tuple(entries))]

    def _order_entry(self, order: WorkingOrder, now: int) -> OrderSaved:
        return OrderSaved(
            self.account, self.symbol, order.client_id, order.status, order.booked, order.venue_id, order.reason, now
        )

    def _late_entries(self, report: OrderReport) -> list[Entry]:
        """Of an order that these slots have never had the intent as well, as far as the venue tells it."""
        saved = OrderSaved(
            self.account, self.symbol, report.client_id, report.status, report.filled, report.venue_id, report.reason,
            report.at,
        )  # fmt: skip
        key = decode(report.client_id)
        if key is None or report.client_id not in self.slots.slotless.unwritten:
            return [saved]
        intent = Intent(
            self.account, self.symbol, report.client_id, key.level, key.kind, key.generation, report.side,
            report.price, report.quantity, False, True, report.at,
        )  # fmt: skip
        return [intent, saved]

    def _save_generation(self, level: int) -> None:
        """An order that the journal does not have has used this generation: no later life may use it again."""
        slot, state = self.slots.by_level.get(level), self._saved.get(level, _EMPTY)
        generation = self.slots.floor if slot is None else slot.generation
        self._entries.append(SlotSaved(self.account, self.symbol, level, *state, generation))
        if state == _EMPTY:
            self._entries.append(SlotDropped(self.account, self.symbol, level))

    def _save_slot(self, level: int) -> None:
        slot = self.slots.by_level.get(level)
        state = (slot.position, slot.cost, slot.exit_level) if slot is not None else _EMPTY
        if self._saved.get(level, _EMPTY) == state:
            return
        if slot is None or state == _EMPTY:
            self._saved.pop(level, None)
            self._entries.append(SlotDropped(self.account, self.symbol, level))
        else:
            self._saved[level] = state
            self._entries.append(SlotSaved(self.account, self.symbol, level, *state, slot.generation))
