"""Orders on the account that are not ours: reported and left alone; a market in which one fills is told of it."""

from __future__ import annotations

from opensqt_actors.actors import ports
from opensqt_actors.actors.budget import SECOND
from opensqt_actors.actors.exchange_messages import ForeignFill
from opensqt_actors.actors.exchange_symbols import Symbols
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import OrderReport
from opensqt_actors.runtime.effects import Effect

AGAIN = 60 * SECOND
MOST = 1_000
"""So many symbols are remembered to have been reported; beyond them all are forgotten, and reported anew."""


class ForeignOrders:
    """One account."""

    def __init__(self, account: str, symbols: Symbols) -> None:
        self._account = account
        self._symbols = symbols
        self._reported: dict[str, int] = {}

    def event(self, message: ports.OrderEvent, now: int) -> list[Effect]:
        """News of an order that is of no symbol here."""
        return self._report(message.report, now) + self._fill(message)

    def _report(self, report: OrderReport, now: int) -> list[Effect]:
        """An order that is not ours is reported once a minute for each symbol, and left alone.

        One of ours whose symbol is not attached yet is met again in the venue's view that the symbol asks for.
        """
        key = decode(report.client_id)
        if key is not None and key.instance == (self._symbols.instance or key.instance):
            return []
        if now - self._reported.get(report.symbol, 0) < AGAIN:
            return []
        if len(self._reported) > MOST:
            self._reported.clear()
        self._reported[report.symbol] = now
        sentence = f"an order that is not ours is at work in {report.symbol}: {report.client_id or report.venue_id}"
        return [ports.Announce("order.foreign", self._account, report.symbol, sentence, "warning")]

    def _fill(self, message: ports.OrderEvent) -> list[Effect]:
        """What others trade here, and what the venue liquidates, changes a position that slots believe to be theirs."""
        report, fill = message.report, message.fill
        attached = self._symbols.attached.get(report.symbol)
        if fill is None or attached is None or attached.instrument is None:
            return []
        traded = attached.instrument.quantity(fill.quantity)
        name = report.client_id or report.venue_id
        sentence = f"an order that is not ours, {name}, has traded {traded} in {report.symbol}"
        told = ForeignFill(f"{sentence}: the venue's position is looked at first", fill.trade_id)
        return self._symbols.tell(report.symbol, told)
