"""Venue effects that take more than one call: the truth of a symbol, a look-up with its fills, a symbol's start."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from loguru import logger
from msgspec.structs import replace

from opensqt_actors.actors.exchange_risk import HISTORY
from opensqt_actors.actors.ports import (
    FetchHoldings,
    FetchTruth,
    FindOrder,
    HoldingsFetched,
    OrderFound,
    OrderNotKnown,
    PrepareSymbol,
    SymbolPrepared,
    SymbolRefused,
    TruthFetched,
)
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import Candle, Fill, OrderReport, Truth
from opensqt_actors.venues.port import Venue, VenueError

HISTORY_PATIENCE = 3.0
"""Seconds that a start waits for them: what is held needs its exits sooner than an average needs its past."""
_ALIKE = 60.0

T = TypeVar("T")


async def find_order(venue: Venue, effect: FindOrder) -> OrderFound | OrderNotKnown:
    """The order with its trades. Raises VenueError."""
    report = await venue.find(effect.symbol, effect.client_id)
    if report is None:
        return OrderNotKnown(effect.symbol, effect.client_id)
    fills: tuple[Fill, ...] = ()
    if report.filled:
        trades = await venue.order_trades(effect.symbol, report.venue_id)
        fills = tuple(replace(fill, client_id=report.client_id) for fill in trades)
    return OrderFound(report, fills)


async def fetch_truth(venue: Venue, effect: FetchTruth) -> TruthFetched:
    """Open orders, then position, then trades, then the asked-for ids that are not open and not filled by these trades.

    The order matters: an order that fills between two steps is seen by a later one. After a kill most orders that are
    missing have filled, and one question for a symbol's trades stands for one for each. Raises VenueError.
    """
    started = time.time_ns()
    open_orders = await venue.open_orders(effect.symbol)
    position = await venue.position(effect.symbol)
    trades = await venue.trades(effect.symbol, effect.after_trade, effect.since)
    open_ids = {report.client_id for report in open_orders}
    missing = [client_id for client_id in dict.fromkeys(effect.client_ids) if client_id not in open_ids]
    found: dict[ClientId, OrderReport | None] = {**filled_by(trades, effect.if_filled)}
    unknown = [client_id for client_id in missing if client_id not in found]
    found.update(zip(unknown, await _all([venue.find(effect.symbol, one) for one in unknown]), strict=True))
    reports = [report for client_id in missing if (report := found[client_id]) is not None]
    if tell_of_others(reports, trades):
        trades = await venue.trades(effect.symbol, effect.after_trade, effect.since)
    known = _ids_by_venue_id(effect.venue_ids, [*open_orders, *reports])
    return TruthFetched(
        Truth(
            symbol=effect.symbol,
            open_orders=tuple(open_orders),
            found=tuple((client_id, found[client_id]) for client_id in missing),
            position=position,
            fills=tuple(_named(fill, known) for fill in trades),
            started=started,
        )
    )


def filled_by(trades: Sequence[Fill], if_filled: Sequence[OrderReport]) -> dict[ClientId, OrderReport]:
    """Those of these reports whose whole quantity has traded, with the time of the last trade."""
    traded, last = _traded(trades), {fill.venue_id: fill.at for fill in trades}
    return {
        report.client_id: replace(report, at=last[report.venue_id])
        for report in if_filled
        if traded.get(report.venue_id, 0) >= report.quantity
    }


def tell_of_others(reports: Sequence[OrderReport], trades: Sequence[Fill]) -> bool:
    """Whether a report knows of more fills of its order than these trades."""
    traded = _traded(trades)
    return any(report.filled > traded.get(report.venue_id, 0) for report in reports)


def _traded(trades: Sequence[Fill]) -> Counter[str]:
    """The quantity that each order has traded, in steps, by its venue id."""
    traded: Counter[str] = Counter()
    for fill in trades:
        traded[fill.venue_id] += fill.quantity
    return traded


async def fetch_holdings(venue: Venue, effect: FetchHoldings) -> HoldingsFetched:
    """Open orders first, then positions: an order that fills between the two is seen as what it has become.

    Raises VenueError.
    """
    orders: list[tuple[str, str]] = []
    for symbol in effect.symbols:
        if symbol in venue.instruments():
            orders += [(symbol, report.client_id) for report in await venue.open_orders(symbol)]
    instruments = venue.instruments()
    positions = tuple(
        (held.symbol, instruments[held.symbol].quantity(held.quantity)) for held in await venue.positions()
    )
    return HoldingsFetched(effect.request, positions, tuple(orders))


async def prepare_symbol(venue: Venue, effect: PrepareSymbol) -> SymbolPrepared | SymbolRefused:
    """Rules, account, fees, leverage and candle history; a symbol that is not there is refused by name.

    The candles are waited for but briefly: what the symbol holds must not stay without exits for want of them.
    """
    symbol = effect.symbol
    if symbol not in venue.instruments():
        await venue.refresh()
    instrument = venue.instruments().get(symbol)
    if instrument is None:
        return SymbolRefused(symbol, not_there(venue, symbol), final=True)
    account = await venue.account()
    if not account.can_trade:
        return SymbolRefused(
            symbol, "the API key may not trade: enable futures trading for it at the venue", final=True
        )
    fees, leverage, history = await asyncio.gather(
        venue.fees(symbol), venue.leverage(symbol), _history(venue, symbol) if effect.history else _no_history()
    )
    offset = venue.usage().get("clock_offset_ns")
    return SymbolPrepared(instrument, fees, account, leverage, tuple(history), offset)


async def _history(venue: Venue, symbol: str) -> Sequence[Candle]:
    """The newest closed candles; none when they cannot be had now: those that close from now on then do alone."""
    try:
        async with asyncio.timeout(HISTORY_PATIENCE):
            return await venue.candles(symbol, "1m", HISTORY)
    except (VenueError, TimeoutError) as error:
        logger.warning("{} begins without the candles of the past: {}", symbol, str(error) or "no answer in time")
        return ()


async def _no_history() -> Sequence[Candle]:
    """They are asked for later."""
    return ()


def not_there(venue: Venue, symbol: str) -> str:
    """Why a venue does not let a symbol trade, with the name that may have been meant."""
    status = venue.closed().get(symbol)
    if status is not None:
        return f"{symbol} is not open for trading at the venue: its status is {status}"
    from rapidfuzz import fuzz, process, utils  # only who has erred waits for it

    alike = process.extractOne(
        symbol, list(venue.instruments()), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_ALIKE
    )
    hint = f"; did you mean {alike[0]}?" if alike else ""
    return f"the venue has no perpetual with the name {symbol}{hint}"


def _ids_by_venue_id(given: Mapping[str, ClientId], reports: list[OrderReport]) -> dict[str, ClientId]:
    return {**given, **{report.venue_id: report.client_id for report in reports}}


def _named(fill: Fill, known: Mapping[str, ClientId]) -> Fill:
    client_id = fill.client_id or known.get(fill.venue_id)
    return replace(fill, client_id=client_id) if client_id else fill


async def _all(works: list[Coroutine[Any, Any, T]]) -> list[T]:
    """All of them, in order; the first failure cancels the rest."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
    return [task.result() for task in tasks]
