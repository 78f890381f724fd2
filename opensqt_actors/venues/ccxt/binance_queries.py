"""What Binance USD-M can be asked over REST, page by page, as our values. Every failure is a VenueError."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    AccountState,
    Candle,
    Fees,
    Fill,
    FundingPayment,
    OrderReport,
    Position,
    RefusalCode,
)
from opensqt_actors.venues.ccxt.binance_values import (
    MILLISECOND,
    account_of,
    candle_of,
    fees_of,
    fill_of,
    payment_of,
    position_of,
    report_of,
)
from opensqt_actors.venues.ccxt.errors import Meaning, RestFailure, Verdict, already_so
from opensqt_actors.venues.ccxt.kept_rates import KeptRates
from opensqt_actors.venues.ccxt.rest import Rest
from opensqt_actors.venues.ccxt.together import Together
from opensqt_actors.venues.port import VenueError

_PRIVATE, _PRIVATE_3, _PUBLIC = "fapiPrivate", "fapiPrivateV3", "fapiPublic"
_PAGE = 1000
_DAY_MS = 86_400_000
_TRADE_WINDOW_MS = 7 * _DAY_MS
_TRADES_KEPT_MS = 180 * _DAY_MS
_FUNDING_KEPT_MS = 90 * _DAY_MS
_SHARED_STAY = 5.0
_REFUSING_STAYS = 1.0
_WRITE_RATES = 1.0
_MANY = 10
"""From so many symbols on one request for the orders of all is asked: it weighs 40, as one each for 40 do."""
T = TypeVar("T")
_FINAL = frozenset({RefusalCode.PERMISSION, RefusalCode.SYMBOL_CLOSED})


class Kept(Generic[T]):
    """The last answers of a query, reused for some seconds: dozens of symbols ask the same at start.

    stays: seconds that this very answer is reused, when that differs.
    """

    def __init__(self, seconds: float, stays: Callable[[T], float] | None = None) -> None:
        self._stays = stays or (lambda _: seconds)
        self._values: dict[str, tuple[float, T]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(self, key: str, fetch: Callable[[], Awaitable[T]]) -> T:
        """The kept answer, or a new one; who asks meanwhile waits for the same."""
        async with self._asking.setdefault(key, asyncio.Lock()):
            found = self._values.get(key)
            if found is not None and time.monotonic() - found[0] < self._stays(found[1]):
                return found[1]
            value = await fetch()
            self._values[key] = (time.monotonic(), value)
            return value

    def forget(self) -> None:
        """Ask again next time."""
        self._values.clear()


def _account_stays(state: AccountState) -> float:
    """Who puts right what keeps an account from trading, and resumes, must not be refused on what was."""
    return _REFUSING_STAYS if state.hedged or not state.can_trade else _SHARED_STAY


class Queries:
    """The read side of one account. venue_ms: the venue's time now, in ms."""

    def __init__(
        self,
        rest: Rest,
        instruments: Mapping[str, Instrument],
        measure_clock: Callable[[], Awaitable[None]],
        venue_ms: Callable[[], int],
        rates: KeptRates,
    ) -> None:
        self._rest = rest
        self._instruments = instruments
        self._measure_clock = measure_clock
        self._venue_ms = venue_ms
        self._rates = rates
        self._writing: asyncio.TimerHandle | None = None
        self._account: Kept[AccountState] = Kept(_SHARED_STAY, _account_stays)
        self._leverages: Kept[dict[str, int]] = Kept(_SHARED_STAY)
        self._positions: Together[Position] = Together(self._positions_of)
        self._open_orders: Together[Sequence[OrderReport]] = Together(self._open_orders_of)

    async def ask(self, api: str, path: str, params: Mapping[str, Any] | None, read: Callable[[Any], T]) -> T:
        """A GET, read into a value; asked once more after a clock measurement when the venue found our time wrong."""
        try:
            answer = await self._rest.call(api, "GET", path, params)
        except RestFailure as failure:
            meaning = self._rest.meaning(failure)
            if not meaning.clock:
                raise self.error(path, failure, meaning) from None
            await self._measure_clock()
            try:
                answer = await self._rest.call(api, "GET", path, params)
            except RestFailure as again:
                raise self.error(path, again, self._rest.meaning(again)) from None
        return readable(path, answer, read)

    def error(self, what: str, failure: RestFailure, meaning: Meaning) -> VenueError:
        """A failure as one sentence."""
        final = meaning.verdict is Verdict.REFUSED and meaning.refusal in _FINAL
        return VenueError(f"{what}: {failure}", retry_after=meaning.retry_after, final=final)

    def instrument(self, symbol: str) -> Instrument:
        """The rules of a symbol."""
        found = self._instruments.get(symbol)
        if found is None:
            raise VenueError(f"{symbol} does not trade on this venue", final=True)
        return found

    async def fees(self, symbol: str) -> Fees:
        """The account's rates for this symbol; they change with its tier, so a day old is fresh enough."""
        fees = self._rates.get(symbol)
        if fees is None:
            fees = await self.ask(_PRIVATE, "commissionRate", {"symbol": symbol}, fees_of)
            self._rates.put(symbol, fees)
            if self._writing is None:
                self._writing = asyncio.get_running_loop().call_later(_WRITE_RATES, self._write_rates)
        return fees

    def _write_rates(self) -> None:
        self._writing = None
        self._rates.save()

    async def leverage(self, symbol: str) -> int:
        """One answer holds all symbols."""

        async def fetch() -> dict[str, int]:
            return await self.ask(
                _PRIVATE, "symbolConfig", None, lambda rows: {row["symbol"]: int(row["leverage"]) for row in rows}
            )

        leverages = await self._leverages.get("", fetch)
        if symbol not in leverages:
            raise VenueError(f"symbolConfig: the venue tells no leverage for {symbol}")
        return leverages[symbol]

    async def arm_dead_man(self, symbol: str, seconds: int) -> None:
        """Begin the symbol's countdown anew; 0 ends it. It costs a weight of 10."""
        params = {"symbol": symbol, "countdownTime": seconds * 1_000}
        try:
            await self._rest.call(_PRIVATE, "POST", "countdownCancelAll", params)
        except RestFailure as failure:
            raise self.error("countdownCancelAll", failure, self._rest.meaning(failure)) from None

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """The leverage in force afterwards."""
        self._leverages.forget()
        try:
            answer = await self._rest.call(_PRIVATE, "POST", "leverage", {"symbol": symbol, "leverage": leverage})
        except RestFailure as failure:
            if already_so(failure):
                return leverage
            raise self.error("leverage", failure, self._rest.meaning(failure)) from None
        return readable("leverage", answer, lambda row: int(row["leverage"]))

    async def account(self) -> AccountState:
        """Balance, mode and permission."""

        async def fetch() -> AccountState:
            config = await self.ask(_PRIVATE, "accountConfig", None, dict)
            return await self.ask(_PRIVATE_3, "account", None, lambda row: account_of(row, config))

        return await self._account.get("", fetch)

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        """All of them: this endpoint has no pages."""
        self.instrument(symbol)
        return await self._open_orders.get(symbol)

    async def _open_orders_of(self, symbols: frozenset[str]) -> dict[str, Sequence[OrderReport]]:
        """A few symbols are asked about one by one, many in one request, which takes one instead of dozens of turns."""
        instruments = {symbol: self.instrument(symbol) for symbol in symbols}

        def read(rows: list[dict[str, Any]]) -> dict[str, Sequence[OrderReport]]:
            found: dict[str, list[OrderReport]] = {symbol: [] for symbol in symbols}
            for row in rows:
                if row["symbol"] in found:
                    found[row["symbol"]].append(report_of(row, instruments[row["symbol"]]))
            return dict(found)

        if len(symbols) >= _MANY:
            return await self.ask(_PRIVATE, "openOrders", None, read)
        asked = [self.ask(_PRIVATE, "openOrders", {"symbol": symbol}, read) for symbol in sorted(symbols)]
        answers = await asyncio.gather(*asked)
        return {symbol: answer[symbol] for symbol, answer in zip(sorted(symbols), answers, strict=True)}

    async def position(self, symbol: str) -> Position:
        """Netted over the position sides."""
        self.instrument(symbol)
        return await self._positions.get(symbol)

    async def _positions_of(self, symbols: frozenset[str]) -> dict[str, Position]:
        """The weight of a request is the same for one symbol and for all; without one only what is held is told."""
        instruments = {symbol: self.instrument(symbol) for symbol in symbols}
        where = {"symbol": min(symbols)} if len(symbols) == 1 else None

        def read(rows: list[dict[str, Any]]) -> dict[str, Position]:
            by_symbol: dict[str, list[dict[str, Any]]] = {symbol: [] for symbol in symbols}
            for row in rows:
                if row["symbol"] in by_symbol:
                    by_symbol[row["symbol"]].append(row)
            return {symbol: position_of(found, instruments[symbol]) for symbol, found in by_symbol.items()}

        return await self.ask(_PRIVATE_3, "positionRisk", where, read)

    async def close(self) -> None:
        """End what is out, and keep what is worth it."""
        await self._positions.close()
        await self._open_orders.close()
        if self._writing is not None:
            self._writing.cancel()
            self._write_rates()

    async def positions(self) -> Sequence[Position]:
        """One answer holds all of them."""

        def read(rows: list[dict[str, Any]]) -> list[Position]:
            known = {row["symbol"] for row in rows} & self._instruments.keys()
            found = [position_of(rows, self._instruments[symbol]) for symbol in sorted(known)]
            return [position for position in found if position.quantity]

        return await self.ask(_PRIVATE_3, "positionRisk", None, read)

    async def order_trades(self, symbol: str, venue_id: str) -> Sequence[Fill]:
        """The trades of one order, at most a page."""
        return await self._fills(symbol, {"symbol": symbol, "orderId": venue_id, "limit": _PAGE})

    async def trades(self, symbol: str, after_trade: int, since: int) -> Sequence[Fill]:
        """By trade id where one is known; by time, a week at a time as the venue demands, until one is known."""
        found: list[Fill] = []
        next_id = after_trade + 1 if after_trade else 0
        start = max(since // MILLISECOND, self._venue_ms() - _TRADES_KEPT_MS)
        while True:
            end = start + _TRADE_WINDOW_MS - 1
            where = {"fromId": next_id} if next_id else {"startTime": start, "endTime": end}
            page = await self._fills(symbol, {"symbol": symbol, "limit": _PAGE, **where})
            page = [fill for fill in page if fill.trade_id >= next_id]
            found.extend(page)
            if len(page) < _PAGE and (next_id or end >= self._venue_ms()):
                return found
            if page:
                next_id = page[-1].trade_id + 1
            else:
                start = end + 1

    async def _fills(self, symbol: str, params: Mapping[str, Any]) -> list[Fill]:
        instrument = self.instrument(symbol)
        return await self.ask(
            _PRIVATE,
            "userTrades",
            params,
            lambda rows: sorted((fill_of(row, instrument) for row in rows), key=lambda fill: fill.trade_id),
        )

    async def funding(self, since: int) -> Sequence[FundingPayment]:
        """By time; pages overlap in their last millisecond, and ids make each payment count once."""
        found: dict[tuple[str, str], FundingPayment] = {}
        start = max(since // MILLISECOND, self._venue_ms() - _FUNDING_KEPT_MS)
        while True:
            params = {"incomeType": "FUNDING_FEE", "startTime": start, "limit": _PAGE}
            page = await self.ask(_PRIVATE, "income", params, lambda rows: [payment_of(row) for row in rows])
            found |= {(payment.symbol, payment.payment_id): payment for payment in page}
            if len(page) < _PAGE:
                return sorted(found.values(), key=lambda payment: payment.at)
            last = max(payment.at for payment in page) // MILLISECOND
            start = last if last > start else last + 1

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """Closed ones only: the venue's list ends with the one that is open."""
        now = self._venue_ms()
        candles = await self.ask(
            _PUBLIC,
            "klines",
            {"symbol": symbol, "interval": interval, "limit": limit + 1},
            lambda rows: [candle_of(symbol, row, now) for row in rows],
        )
        return [candle for candle in candles if candle.closed][-limit:]

    async def mid(self, symbol: str) -> int:
        """Between best bid and ask, in ticks, rounded down; 0 when a side of the book is empty."""
        instrument = self.instrument(symbol)
        bid, ask = await self.ask(
            _PUBLIC,
            "ticker/bookTicker",
            {"symbol": symbol},
            lambda row: [instrument.price_to_ticks(Decimal(row[side])) for side in ("bidPrice", "askPrice")],
        )
        return (bid + ask) // 2 if bid and ask else 0


def readable(path: str, answer: Any, read: Callable[[Any], T]) -> T:
    """The answer as a value; VenueError when it has a shape that we do not know."""
    try:
        return read(answer)
    except (KeyError, ValueError, TypeError, ArithmeticError, InvalidValue) as error:
        raise VenueError(f"{path}: the answer could not be read ({type(error).__name__}: {error})") from None
