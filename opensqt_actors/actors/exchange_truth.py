"""The venue's view of a symbol, fetched when its actor wants it: the order tracker learns from it on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_dead_man import DeadMan
from opensqt_actors.actors.exchange_messages import OrderUpdate, WantTruth
from opensqt_actors.actors.exchange_symbols import Symbols
from opensqt_actors.actors.order_desk import OrderDesk
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import OrderReport, Truth
from opensqt_actors.runtime.effects import Effect

MINUTE = 60_000_000_000
REGULAR = 400
"""Thousandths of the venue's request weight that regular comparisons may take: starts and look-ups need it, too."""


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
        question = ports.FetchTruth(
            message.symbol, message.client_ids, dict(message.venue_ids), message.after_trade, message.since,
            message.if_filled,
        )  # fmt: skip
        return [question]

    def _fetched(self, message: ports.TruthFetched, now: int) -> list[Effect]:
        """The tracker learns from it, too; an order that has ended since does not come back."""
        truth: Truth = message.truth
        still_open = tuple(report for report in truth.open_orders if not self._tracker_knows_better(report, now))
        found = tuple(one for one in truth.found if not self._comes_back(one[1], now))
        ended = [report for fill in truth.fills if (report := self._desk.tracker.filled(fill)) is not None]
        attached = self._symbols.attached.get(truth.symbol)
        if attached is not None:
            self._desk.look_ups.missing(truth, attached.asked_at, now)
            self._dead_man.seen(truth.symbol)
        if self._outdated(truth.symbol):
            return []
        answer = ports.TruthFetched(replace(truth, open_orders=still_open, found=found), self._pace())
        effects = self._symbols.tell(truth.symbol, answer)
        for report in ended:  # after its fills; nothing tells it later, as it has ended here
            effects += self._symbols.tell(truth.symbol, OrderUpdate(report, None))
        return effects

    def _pace(self) -> int:
        """How far apart two questions about one symbol must be, so that those about all of them fit into their part."""
        published, ours = self._desk.published, self._desk.budget.thousandths
        part = published.weight_per_minute * ours * REGULAR
        weight = len(self._symbols.attached) * published.view_weight
        return MINUTE * weight * 1_000_000 // part if part else 0

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

    def _comes_back(self, report: OrderReport | None, now: int) -> bool:
        """Whether a look-up tells of an order as one that rests, which is known to have ended.

        The tracker learns from every look-up: of an order that its symbol knows to rest it must not think that the
        request is still on its way, or a cancel would not be sent.
        """
        return report is not None and self._tracker_knows_better(report, now) and not report.status.terminal

    def _tracker_knows_better(self, report: OrderReport, now: int) -> bool:
        key = decode(report.client_id)
        if key is None or not self._symbols.ours(report.client_id):
            return False
        return self._desk.tracker.observe(report, key.kind, now)
