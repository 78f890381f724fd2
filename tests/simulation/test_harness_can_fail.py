"""Bugs switched on one at a time: the simulation finds each of them, so that its silence means something."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from fleet.invariants import violations
from fleet.journal import Tables
from fleet.world import Setup, World
from msgspec.structs import replace

from opensqt_actors.actors import ports, symbol_orders
from opensqt_actors.actors.budget import Budget, Limits
from opensqt_actors.actors.order_desk import OrderDesk
from opensqt_actors.actors.order_look_up import LookUps
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.actors.symbol import Execution, Phase, SymbolActor
from opensqt_actors.actors.symbol_ledger import Ledger
from opensqt_actors.actors.symbol_sync import Sync
from opensqt_actors.domain.booked_trades import BookedTrades
from opensqt_actors.domain.draft import Draft
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.orders import NotSent, OrderStatus, OutcomeUnknown
from opensqt_actors.domain.records import FillSaved, Restored
from opensqt_actors.domain.settings import GridMode, GridSettings
from opensqt_actors.domain.slots import Slots
from opensqt_actors.domain.strategy import OPEN

PERCENT = GridSettings(interval_percent=Decimal("0.4"), amount=Decimal(30), buy_window=6, sell_window=6)
MODES = Setup(grids={index: replace(PERCENT, mode=mode) for index, mode in enumerate(GridMode)})
SELDOM = Execution(reconcile_interval=10**15)

Patch = pytest.MonkeyPatch


def fill_deduplication_off(patch: Patch) -> Setup:
    patch.setattr(BookedTrades, "knows", lambda self, trade_id, side: False)
    return replace(MODES, rates={"event.doubled": 0.2})


def late_fills_dropped(patch: Patch) -> Setup:
    book = Ledger.book

    def only_of_the_order_in_flight(self: Ledger, fill: Any, strategy: Any) -> Any:
        return book(self, fill, strategy) if self.slots.holder(fill.client_id) is not None else None

    patch.setattr(Ledger, "book", only_of_the_order_in_flight)
    patch.setattr(Slots, "_settle", lambda self, slot, order: self._free(slot))
    return replace(MODES, rates={"event.reordered": 0.3})


def intent_after_send(patch: Patch) -> Setup:
    pump = OrderDesk._pump_places

    def at_once(self: OrderDesk, queue: Any, now: int, effects: Any, *, exits: bool) -> None:
        plans = [replace(plan, again=True) for plan in queue]
        queue.clear()
        queue.extend(plans)
        pump(self, queue, now, effects, exits=exits)

    patch.setattr(OrderDesk, "_pump_places", at_once)
    return MODES


def retry_without_look_up(patch: Patch) -> Setup:
    answered = OrderDesk.places_answered

    def guess(self: OrderDesk, message: ports.PlacesAnswered, now: int) -> Any:
        outcomes = tuple(NotSent(o.client_id, "") if isinstance(o, OutcomeUnknown) else o for o in message.outcomes)
        return answered(self, ports.PlacesAnswered(outcomes), now)

    patch.setattr(OrderDesk, "places_answered", guess)
    return replace(MODES, rates={"place.timeout_after": 0.2, "event.lost": 0.3})


def look_up_that_assumes_cancelled(patch: Patch) -> Setup:
    def assume(self: LookUps, message: ports.OrderFound, now: int) -> Any:
        tracked = self._desk.tracker.get(message.report.client_id)
        return self._desk.observe(tracked.gone(now), now) if tracked is not None else []

    patch.setattr(LookUps, "found", assume)
    return replace(MODES, rates={"place.timeout_after": 0.2, "event.lost": 0.3}, execution=SELDOM)


def reconciler_that_assumes_never_sent(patch: Patch) -> Setup:
    never = Sync._never_there

    def hasty(self: Sync, *given: Any) -> Any:
        self.request_life = 0
        return never(self, *given)

    def all_orders(self: Sync, now: int) -> Any:
        for slot in self.ledger.slots.by_level.values():
            if slot.order is not None:
                slot.order.loose = True
        return ask(self, now)

    ask = Sync.ask
    patch.setattr(Sync, "ask", all_orders)
    patch.setattr(Sync, "_never_there", hasty)
    return replace(MODES, execution=Execution(reconcile_interval=200_000_000), limits=Limits(3.0, 3))


def generation_not_persisted(patch: Patch) -> Setup:
    load = Tables.load

    def forgetful(self: Tables, account: str, symbol: str) -> Restored:
        return replace(load(self, account, symbol), generation_floor=0)

    patch.setattr(Tables, "load", forgetful)
    return replace(MODES, rates={"process.killed": 0.01})


def newest_price_dropped(patch: Patch) -> Setup:
    offer = PriceBoard.offer

    def drop(self: PriceBoard, symbol: str, bid: Any, ask: Any, at: int) -> bool:
        cell = self.cells.get(symbol)
        before = (cell.bid, cell.ask) if cell is not None else (0, 0)
        told = offer(self, symbol, bid, ask, at)
        if cell is not None and not told and cell.quoted[0]:
            cell.bid, cell.ask = before
        return told

    patch.setattr(PriceBoard, "offer", drop)
    return MODES


def budget_ignored(patch: Patch) -> Setup:
    patch.setattr(Budget, "room", lambda self, now: 100)
    return replace(MODES, limits=Limits(1.0, 2))


def gate_ignored(patch: Patch) -> Setup:
    decide = Grid.decide
    patch.setattr(Grid, "decide", lambda self, slots, bid, ask, gate, now: decide(self, slots, bid, ask, OPEN, now))
    patch.setattr(symbol_orders, "admitted", lambda places, gate, openings: places)
    return replace(MODES, rates={"operator.paused": 0.05})


def exits_forgotten(patch: Patch) -> Setup:
    decision = Draft.decision

    def openings_only(self: Draft) -> Any:
        self.places = [place for place in self.places if place.kind.opens]
        return decision(self)

    patch.setattr(Draft, "decision", openings_only)
    return MODES


def fees_counted_twice(patch: Patch) -> Setup:
    book = Ledger.book

    def twice(self: Ledger, fill: Any, strategy: Any) -> Any:
        before = self.totals.fees
        booked = book(self, fill, strategy)
        self.totals.fees += self.totals.fees - before
        return booked

    patch.setattr(Ledger, "book", twice)
    return MODES


def fills_not_journalled(patch: Patch) -> Setup:
    flush = Ledger.flush

    def without_fills(self: Ledger, now: int) -> Any:
        return [
            ports.Persist(tuple(entry for entry in effect.entries if not isinstance(entry, FillSaved)))
            for effect in flush(self, now)
        ]

    patch.setattr(Ledger, "flush", without_fills)
    return MODES


def reconnect_without_resync(patch: Patch) -> Setup:
    def blind(self: SymbolActor, message: Any, now: int) -> Any:
        if message.opens:
            self.gates.open(message.code)
        else:
            self.gates.close(message.code, message.sentence)
        if self.phase is Phase.TRADING:
            return self.act(now)
        return self.ask_truth(now) if message.opens else []

    patch.setattr(SymbolActor, "_stream_gate", blind)
    return replace(MODES, rates={"stream.reset": 0.02}, execution=SELDOM)


def ended_orders_stay_live_in_the_journal(patch: Patch) -> Setup:
    order_entry = Ledger._order_entry
    live = OrderStatus.NEW
    patch.setattr(Ledger, "_order_entry", lambda self, order, now: replace(order_entry(self, order, now), status=live))
    return MODES


def bans_ignored(patch: Patch) -> Setup:
    patch.setattr(Budget, "pause", lambda self, now, wait: None)
    return replace(MODES, rates={"venue.banned": 0.02})


def funding_booked_twice(patch: Patch) -> Setup:
    paid = Ledger.paid

    def twice(self: Ledger, payment: Any) -> None:
        before = self.totals.funding
        paid(self, payment)
        self.totals.funding += self.totals.funding - before

    patch.setattr(Ledger, "paid", twice)
    return replace(MODES, rates={"funding.charged": 0.1})


def withdrawn_orders_never_forgotten(patch: Patch) -> Setup:
    withdraw = OrderDesk.withdraw

    def remember(self: OrderDesk, goes: Any, reason: str) -> Any:
        gone = [plan.request.client_id for queue in (self._opens, self._exits) for plan in queue if goes(plan)]
        effects = withdraw(self, goes, reason)
        self._withdrawn.update(dict.fromkeys(gone, reason))
        return effects

    patch.setattr(OrderDesk, "withdraw", remember)
    return replace(MODES, rates={"operator.paused": 0.1}, limits=Limits(2.0, 3))


def empty_slots_never_dropped(patch: Patch) -> Setup:
    patch.setattr(Slots, "drop", lambda self, level: None)
    narrow = replace(PERCENT, interval_percent=Decimal("0.2"), buy_window=2, sell_window=2)
    return Setup(grid=narrow, profile="wild")


BUGS: dict[Callable[[Patch], Setup], str] = {
    fill_deduplication_off: r"position: venue .*, slots .*, ledger",
    late_fills_dropped: r"money: the wallet changed|position: venue .*, slots .*, ledger",
    intent_after_send: r"was sent without a durable intent",
    retry_without_look_up: r"two live orders on level",
    look_up_that_assumes_cancelled: r"two live orders on level",
    reconciler_that_assumes_never_sent: r"its exit is unheard of|too many, \[\] too few",
    generation_not_persisted: r"client ids used twice",
    newest_price_dropped: r"it knows .*, the market is at",
    budget_ignored: r"orders within 10 s, .* are allowed",
    gate_ignored: r"was sent with the gate closed by",
    exits_forgotten: r"without an exit for 15 s",
    fees_counted_twice: r"money: fees",
    fills_not_journalled: r"position: venue .*, ledger 0",
    reconnect_without_resync: r"position: venue .*, slots|orders: on the venue only",
    ended_orders_stay_live_in_the_journal: r"journal: live orders .* too many",
    bans_ignored: r"while the venue wanted a pause",
    funding_booked_twice: r"money: funding",
    withdrawn_orders_never_forgotten: r"memory: withdrawn orders",
    empty_slots_never_dropped: r"memory: slots",
}
"""Each bug with the invariant that must find it."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_bug_that_is_switched_on_is_found_by_the_invariant_that_is_there_for_it(
    bug: Callable[[Patch], Setup], monkeypatch: Patch
) -> None:
    setup = bug(monkeypatch)
    found: list[str] = []
    for seed in range(1, 4):
        world = World(seed, setup).start()
        world.advance(20)
        world.settle(30)
        found = violations(world)
        if any(re.search(BUGS[bug], sentence) for sentence in found):
            return
    pytest.fail(f"{bug.__name__} was not found in three runs, only {found}")
