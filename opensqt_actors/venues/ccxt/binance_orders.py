"""Placing, cancelling and finding orders on Binance USD-M: one outcome per order, whatever happens to the request.

An order that was sent and not answered may still be on its way. The venue refuses it once its recvWindow has run out,
so only after that does "no such order" mean that it will never exist; `find` waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    Accepted,
    Cancelled,
    CancelOutcome,
    CancelRequest,
    NotSent,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
    PlaceOutcome,
    RefusalCode,
    Refused,
)
from opensqt_actors.venues.ccxt.binance_values import CANCEL_BATCH, PLACE_BATCH, order_params, report_of
from opensqt_actors.venues.ccxt.errors import Meaning, RestFailure, Verdict
from opensqt_actors.venues.ccxt.expected import Expected
from opensqt_actors.venues.ccxt.rest import LOOK_UPS_SHARE, Rest

_PRIVATE = "fapiPrivate"
_NO_SUCH_ORDER = -2013
_GRACE = 500_000_000
_MOST_UNANSWERED = 10_000

T = TypeVar("T")
MeasureClock = Callable[[], Awaitable[None]]


class Orders:
    """The order calls of one account. recv_window: ms, as sent with each order."""

    def __init__(
        self,
        rest: Rest,
        instruments: Mapping[str, Instrument],
        measure_clock: MeasureClock,
        expected: Expected,
        *,
        recv_window: int,
    ) -> None:
        self._rest = rest
        self._instruments = instruments
        self._measure_clock = measure_clock
        self._expected = expected
        self._recv_window = {"recvWindow": recv_window}
        self._window = recv_window * 1_000_000 + _GRACE
        self._unanswered: dict[ClientId, int] = {}

    async def place(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        """One POST for one order, batches of five otherwise, side by side. Never raises."""
        if len(orders) <= PLACE_BATCH:
            return await self._place_chunk(orders)
        return _flat(await asyncio.gather(*(self._place_chunk(chunk) for chunk in _chunks(orders, PLACE_BATCH))))

    async def cancel(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        """One DELETE for one order, batches of ten per symbol otherwise, side by side. Never raises."""
        if len(cancels) == 1:
            return await self._cancel_chunk(cancels)
        by_symbol: dict[str, list[CancelRequest]] = {}
        for cancel in cancels:
            by_symbol.setdefault(cancel.symbol, []).append(cancel)
        chunks = [chunk for group in by_symbol.values() for chunk in _chunks(group, CANCEL_BATCH)]
        answered = _flat(await asyncio.gather(*(self._cancel_chunk(chunk) for chunk in chunks)))
        outcomes = dict(zip((cancel.client_id for chunk in chunks for cancel in chunk), answered, strict=True))
        return [outcomes[cancel.client_id] for cancel in cancels]

    async def find(self, symbol: str, client_id: ClientId) -> OrderReport | None:
        """The order, or None once it is sure that the venue will never know it. RestFailure when the query fails."""
        while True:
            try:
                params = {"symbol": symbol, "origClientOrderId": client_id}
                row = await self._rest.call(_PRIVATE, "GET", "order", params, share=LOOK_UPS_SHARE)
            except RestFailure as failure:
                if failure.code != _NO_SUCH_ORDER:
                    raise
                left = self._unanswered.get(client_id, 0) - time.monotonic_ns()
                if left <= 0:
                    self._unanswered.pop(client_id, None)
                    return None
                await asyncio.sleep(left / 1e9)
            else:
                return report_of(row, self._instruments[symbol])

    async def _place_chunk(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        known = [order for order in orders if order.symbol in self._instruments]
        if len(known) < len(orders):
            answered = dict(zip((o.client_id for o in known), await self._place_chunk(known), strict=True))
            return [answered.get(order.client_id) or _unknown_symbol(order) for order in orders]
        if not orders:
            return []
        self._remember(orders)
        try:
            rows = await self._send([order_params(order, self._instruments[order.symbol]) for order in orders])
        except RestFailure as failure:
            meaning = await self._understood(failure)
            return [self._settled(order, _unplaced(order, failure, meaning)) for order in orders]
        rows = [*rows, *([None] * (len(orders) - len(rows)))]
        return [self._settled(order, await self._placed(order, row)) for order, row in zip(orders, rows, strict=False)]

    def _remember(self, orders: Sequence[OrderRequest]) -> None:
        now = time.monotonic_ns()
        if len(self._unanswered) >= _MOST_UNANSWERED:
            self._unanswered = {key: until for key, until in self._unanswered.items() if until > now}
        for order in orders:
            self._unanswered[order.client_id] = now + self._window
        self._expected.asked([order.client_id for order in orders])

    def _settled(self, order: OrderRequest, outcome: PlaceOutcome) -> PlaceOutcome:
        if not isinstance(outcome, OutcomeUnknown):
            self._unanswered.pop(order.client_id, None)
        self._expected.answered(order.client_id, taken=isinstance(outcome, Accepted))
        return outcome

    async def _send(self, params: list[dict[str, Any]]) -> Sequence[Any]:
        if len(params) == 1:
            return [await self._rest.call(_PRIVATE, "POST", "order", params[0] | self._recv_window, orders=True)]
        batch = {"batchOrders": params} | self._recv_window
        rows = await self._rest.call(_PRIVATE, "POST", "batchOrders", batch, orders=True)
        return rows if isinstance(rows, list) else []

    async def _placed(self, order: OrderRequest, row: Any) -> PlaceOutcome:
        failure = self._rest.failure_in(row)
        if failure is not None:
            return _unplaced(order, failure, await self._understood(failure))
        try:
            report = report_of(row, self._instruments[order.symbol])
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            return OutcomeUnknown(order.client_id, f"the answer could not be read ({type(error).__name__} {error})")
        if report.client_id != order.client_id:
            return OutcomeUnknown(order.client_id, "the answer speaks of another order")
        if report.reason == RefusalCode.WOULD_CROSS.value:
            return Refused(order.client_id, RefusalCode.WOULD_CROSS, row["status"], "expired: it would have crossed")
        return Accepted(report)

    async def _cancel_chunk(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        self._expected.asked([cancel.client_id for cancel in cancels])
        outcomes = await self._cancel_outcomes(cancels)
        for outcome in outcomes:
            self._expected.answered(outcome.client_id, taken=isinstance(outcome, Cancelled))
        return outcomes

    async def _cancel_outcomes(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        try:
            rows = await self._send_cancels(cancels)
        except RestFailure as failure:
            meaning = await self._understood(failure)
            return [_uncancelled(cancel, failure, meaning) for cancel in cancels]
        rows = [*rows, *([None] * (len(cancels) - len(rows)))]
        return [await self._cancelled(cancel, row) for cancel, row in zip(cancels, rows, strict=False)]

    async def _send_cancels(self, cancels: Sequence[CancelRequest]) -> Sequence[Any]:
        symbol = cancels[0].symbol
        if len(cancels) == 1:
            params = {"symbol": symbol, "origClientOrderId": cancels[0].client_id}
            return [await self._rest.call(_PRIVATE, "DELETE", "order", params)]
        ids = [str(cancel.client_id) for cancel in cancels]
        rows = await self._rest.call(
            _PRIVATE, "DELETE", "batchOrders", {"symbol": symbol, "origClientOrderIdList": ids}
        )
        return rows if isinstance(rows, list) else []

    async def _cancelled(self, cancel: CancelRequest, row: Any) -> CancelOutcome:
        failure = self._rest.failure_in(row)
        if failure is not None:
            return _uncancelled(cancel, failure, await self._understood(failure))
        told = row.get("clientOrderId", cancel.client_id)
        if told != cancel.client_id:
            return OutcomeUnknown(cancel.client_id, "the answer speaks of another order")
        return Cancelled(cancel.client_id)

    async def _understood(self, failure: RestFailure) -> Meaning:
        meaning = self._rest.meaning(failure)
        if meaning.clock:
            await self._measure_clock()
        return meaning


def _unplaced(order: OrderRequest, failure: RestFailure, meaning: Meaning) -> PlaceOutcome:
    match meaning.verdict:
        case Verdict.UNKNOWN:
            return OutcomeUnknown(order.client_id, str(failure))
        case Verdict.NOT_SENT:
            return NotSent(order.client_id, str(failure), meaning.retry_after)
        case Verdict.REFUSED:
            return Refused(order.client_id, meaning.refusal, str(failure.code or failure.status), failure.message)


def _uncancelled(cancel: CancelRequest, failure: RestFailure, meaning: Meaning) -> CancelOutcome:
    match meaning.verdict:
        case Verdict.UNKNOWN:
            return OutcomeUnknown(cancel.client_id, str(failure))
        case Verdict.NOT_SENT:
            return NotSent(cancel.client_id, str(failure), meaning.retry_after)
        case Verdict.REFUSED:
            return Refused(cancel.client_id, meaning.refusal, str(failure.code or failure.status), failure.message)


def _unknown_symbol(order: OrderRequest) -> Refused:
    return Refused(order.client_id, RefusalCode.SYMBOL_CLOSED, "", f"{order.symbol} does not trade on this venue")


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _flat(lists: Sequence[Sequence[T]]) -> list[T]:
    return [item for items in lists for item in items]
