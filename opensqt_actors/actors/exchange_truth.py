"""The venue's view of a symbol, fetched when its actor wants it: the order tracker learns from it on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_dead_man import DeadMan
from opensqt_actors.actors.exchange_messages import WantTruth
from opensqt_actors.actors.exchange_symbols import Symbols
from opensqt_actors.actors.order_desk import OrderDesk
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import OrderReport, Truth
from opensqt_actors.runtime.effects import Effect


class VenueViews:
    """One account. An answer that an earlier life of a symbol's actor had asked for goes to nobody."""

    def __init__(self, symbols: Symbols, desk: OrderDesk, dead_man: DeadMan) -> None:
        self._symbols = symbols
        self._desk = desk
        self._dead_man = dead_man
        self.handlers: Mapping[type, Callable[[Any, int], list[Effect]]] = {
            WantTruth: self._want,
            ports.TruthFetched: self._fetched,
            ports.TruthFailed: self._failed,
        }

    def _want(self, message: WantTruth, now: int) -> list[Effect]:
        pause = self._desk.budget.paused_until - now
        if pause > 0:
            reason = "the venue asked for a pause"
            return self._symbols.tell(message.symbol, ports.TruthFailed(message.symbol, reason, pause))
        attached = self._symbols.attached.get(message.symbol)
        if attached is None:
            return []
        attached.asked += 1
        attached.asked_at = now
        return [
            ports.FetchTruth(
                message.symbol, message.client_ids, dict(message.venue_ids), message.after_trade, message.since
            )
        ]

    def _fetched(self, message: ports.TruthFetched, now: int) -> list[Effect]:
        """The tracker learns from it, too; an order that has ended since does not come back."""
        truth: Truth = message.truth
        still_open = tuple(report for report in truth.open_orders if not self._tracker_knows_better(report, now))
        for _, found in truth.found:
            if found is not None and found.status.terminal:
                self._tracker_knows_better(found, now)
        for fill in truth.fills:
            self._desk.tracker.filled(fill)
        attached = self._symbols.attached.get(truth.symbol)
        if attached is not None:
            self._desk.look_ups.missing(truth, attached.asked_at, now)
            self._dead_man.seen(truth.symbol)
        if self._outdated(truth.symbol):
            return []
        return self._symbols.tell(truth.symbol, ports.TruthFetched(replace(truth, open_orders=still_open)))

    def _failed(self, message: ports.TruthFailed, now: int) -> list[Effect]:
        return [] if self._outdated(message.symbol) else self._symbols.tell(message.symbol, message)

    def _outdated(self, symbol: str) -> bool:
        """Whether an answer is for an earlier life of the symbol's actor."""
        attached = self._symbols.attached.get(symbol)
        if attached is None:
            return True
        attached.asked -= 1
        if attached.outdated:
            attached.outdated -= 1
            return True
        return False

    def _tracker_knows_better(self, report: OrderReport, now: int) -> bool:
        key = decode(report.client_id)
        if key is None or not self._symbols.ours(report.client_id):
            return False
        return self._desk.tracker.observe(report, key.kind, now)
