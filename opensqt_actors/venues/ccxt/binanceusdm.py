"""The Venue for Binance USD-M futures: one account over one ccxt.pro instance, put together from its parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import aiohttp
from loguru import logger
from msgspec import Struct

from opensqt_actors.actors.ports import REQUEST_WINDOW, OrdersCounted, Published, StreamDown, StreamUp, Throttled
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import (
    AccountState,
    CancelOutcome,
    CancelRequest,
    Candle,
    Fees,
    Fill,
    FundingPayment,
    OrderReport,
    OrderRequest,
    PlaceOutcome,
    Position,
)
from opensqt_actors.venues.ccxt.binance_frames import Frames, candle_streams, quote_streams
from opensqt_actors.venues.ccxt.binance_orders import Orders
from opensqt_actors.venues.ccxt.binance_queries import Queries, readable
from opensqt_actors.venues.ccxt.binance_values import (
    CANCEL_BATCH,
    MILLISECOND,
    PLACE_BATCH,
    instruments_of,
    published_of,
)
from opensqt_actors.venues.ccxt.errors import Meaning, RestFailure
from opensqt_actors.venues.ccxt.expected import Expected
from opensqt_actors.venues.ccxt.feed import Feed
from opensqt_actors.venues.ccxt.kept_rates import KeptRates
from opensqt_actors.venues.ccxt.market_streams import MarketStreams
from opensqt_actors.venues.ccxt.rest import MaySend, Rest, anything
from opensqt_actors.venues.ccxt.secrets import Credentials, Scrubber
from opensqt_actors.venues.ccxt.session import open_exchange, open_http
from opensqt_actors.venues.ccxt.simulated import SimulatedSite, connector_for
from opensqt_actors.venues.ccxt.user_stream import UserStream
from opensqt_actors.venues.port import EventSink, QuoteSink, VenueError

EXCHANGES = ("binanceusdm", "binance")
"""The exchange of ccxt.pro that signs and connects, and what it derives from."""
_MINUTE = 60_000_000_000
_CLOCK_SAMPLES = 3
_GROUP = 50
_CLOSE = 2.0
_BACKFILL_AT_ONCE = 4
_BACKFILL_CANDLES = 100


class Tuning(Struct, frozen=True):
    """Times of the session, in seconds unless named otherwise. The defaults suit the real venue.

    recv_window_ms: an order that the venue gets later than this it refuses; other_window_ms: the same of what does no
    harm when it comes late, cancels and questions: a venue that is slow must not leave an account without them.
    """

    request_timeout: float = 5.0
    recv_window_ms: int = REQUEST_WINDOW // 1_000_000
    other_window_ms: int = 5_000
    socket_answer: float = 5.0
    prove_orders: float = 30.0
    event_patience: float = 10.0
    renewal_grace: float = 5.0
    renew_listen_key: float = 1_200.0
    measure_clock: float = 600.0
    keep_alive_ms: int = 10_000
    group: int = _GROUP


def _no_quote(symbol: str, bid: str | float, ask: str | float, at: int) -> None:
    """Where quotes go while nobody listens."""


def _no_event(event: Any) -> None:
    """Where events go while nobody listens."""


class BinanceUsdm:
    """See `Venue`. account: its name in logs; site: None is the real venue; may_send: asked before every change.

    rates: fee rates that an earlier process was told; without them they are asked for anew. ours: see `Frames`.
    """

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        site: SimulatedSite | None = None,
        tuning: Tuning | None = None,
        may_send: MaySend = anything,
        rates: KeptRates | None = None,
        ours: str = "",
    ) -> None:
        self.published = Published(place_batch=PLACE_BATCH, cancel_batch=CANCEL_BATCH)
        self._account = account
        self._credentials = credentials
        self._site = site
        self._tuning = tuning or Tuning()
        self._may_send = may_send
        self._ours = ours
        self._rates = rates or KeptRates(None, credentials.api_key)
        self._scrubber = Scrubber(credentials)
        self._instruments: dict[str, Instrument] = {}
        self._closed_symbols: dict[str, str] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._measuring: asyncio.Task[None] | None = None
        self._offset = 0
        self._on_quote: QuoteSink = _no_quote
        self._on_event: EventSink = _no_event
        self._http: aiohttp.ClientSession | None = None
        self._exchange: Any = None
        self._rest: Rest
        self._orders: Orders
        self._queries: Queries
        self._user: UserStream
        self._frames: Frames
        self._market: MarketStreams

    async def open(self, on_quote: QuoteSink, on_event: EventSink) -> None:
        self._on_quote, self._on_event = on_quote, on_event
        http = await self.connect()
        self._run(self._feed_user(http), "orders")
        self._run(self._keep_measuring(), "clock")

    async def connect(self) -> aiohttp.ClientSession:
        """Rules, keys and clock only, no stream: enough for questions. `close` ends this, too."""
        connector = connector_for(self._credentials, self._site)
        self._http = http = open_http(connector, proxies=self._site is None)
        try:
            self._build(http)
            await asyncio.gather(self._measure(_CLOCK_SAMPLES), self.refresh())
            await self._queries.account()
        except BaseException:
            await self.close()
            raise
        return http

    def _build(self, http: aiohttp.ClientSession) -> None:
        tuning = self._tuning
        self._exchange = open_exchange(
            EXCHANGES[0],
            EXCHANGES[1:],
            http,
            self._credentials,
            streaming={"keepAlive": tuning.keep_alive_ms, "maxPingPongMisses": 2},
            options={"recvWindow": tuning.other_window_ms, "ws": {"compress": 0}, "timeDifference": 0},
        )
        self._rest = Rest(
            self._exchange,
            http,
            self._scrubber,
            timeout=tuning.request_timeout,
            on_throttled=self._throttled,
            on_counted=lambda asked, short, long: self._on_event(OrdersCounted(asked, short, long)),
            may_send=self._may_send,
        )
        expected = Expected(tuning.event_patience, time.monotonic)
        self._orders = Orders(
            self._rest, self._instruments, self._measure_clock, expected, recv_window=tuning.recv_window_ms
        )
        self._queries = Queries(self._rest, self._instruments, self._measure_clock, self._venue_ms, self._rates)
        self._user = UserStream(
            self._rest,
            self._scrubber,
            lambda key: str(self._exchange.get_private_ws_url("linear", key)),
            renew_every=tuning.renew_listen_key,
            prove_every=tuning.prove_orders,
            expected=expected,
        )
        self._frames = Frames(
            self._instruments, self._on_quote, self._on_event, self._user.expired, expected, self._ours
        )
        self._market = MarketStreams(
            capacity=tuning.group,
            renewal_grace=tuning.renewal_grace,
            make_feed=partial(self._feed, http),
            start=self._run,
            url_of=self._public_url,
            hooks={"quotes": self._frames.quote, "candles": self._frames.market},
            names={"quotes": quote_streams, "candles": candle_streams},
            heard=self.last_frame,
            on_up=lambda reconnected: self._on_event(StreamUp("prices", reconnected)),
            on_down=lambda reason: self._on_event(StreamDown("prices", reason)),
            on_candles_back=self._candles_back,
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE)
        if self._exchange is not None:
            await self._queries.close()
            await self._exchange.close()
        if self._http is not None:
            await self._http.close()

    def _run(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=f"{self._account} {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def refresh(self) -> None:
        """Rules of symbols that are streamed stay as they are: their ticks and steps are in use."""
        info = await self._queries.ask("fapiPublic", "exchangeInfo", None, dict)
        found, closed = readable("exchangeInfo", info, instruments_of)
        for symbol in [symbol for symbol in self._instruments if symbol not in found and symbol not in self._market]:
            del self._instruments[symbol]
        for symbol, instrument in found.items():
            if symbol not in self._market:
                self._instruments[symbol] = instrument
            elif instrument != self._instruments.get(symbol):
                logger.warning("{}: the venue has changed the rules of {}: add it again", self._account, symbol)
        self._closed_symbols = closed
        self.published = readable("exchangeInfo", info, published_of)
        self._rest.weight_limit = self.published.weight_per_minute

    def instruments(self) -> Mapping[str, Instrument]:
        return self._instruments

    def closed(self) -> Mapping[str, str]:
        return self._closed_symbols

    def last_frame(self, symbol: str) -> int | None:
        return self._frames.last_quote.get(symbol)

    def usage(self) -> Mapping[str, int]:
        feeds = [*self._market.feeds(), *([self._user.feed] if self._user.feed else [])]
        return {
            **self._rest.usage,
            "requests": self._rest.requests,
            "failures": self._rest.failures,
            "clock_offset_ns": self._offset,
            "frames": sum(feed.frames for feed in feeds),
            "bad_frames": sum(feed.bad_frames for feed in feeds),
            "connections": sum(feed.connections for feed in feeds),
            "ignored_frames": self._frames.ignored,
        }

    async def fees(self, symbol: str) -> Fees:
        return await self._queries.fees(symbol)

    async def leverage(self, symbol: str) -> int:
        return await self._queries.leverage(symbol)

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        return await self._queries.set_leverage(symbol, leverage)

    async def arm_dead_man(self, symbol: str, seconds: int) -> None:
        await self._queries.arm_dead_man(symbol, seconds)

    async def account(self) -> AccountState:
        return await self._queries.account()

    async def place(self, orders: Sequence[OrderRequest]) -> Sequence[PlaceOutcome]:
        return await self._orders.place(orders)

    async def cancel(self, cancels: Sequence[CancelRequest]) -> Sequence[CancelOutcome]:
        return await self._orders.cancel(cancels)

    async def find(self, symbol: str, client_id: ClientId) -> OrderReport | None:
        self._queries.instrument(symbol)
        try:
            return await self._orders.find(symbol, client_id)
        except RestFailure as failure:
            meaning = self._rest.meaning(failure)
            if meaning.clock:
                await self._measure_clock()
            raise self._queries.error("order", failure, meaning) from None
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            raise VenueError(f"order: the answer could not be read ({type(error).__name__}: {error})") from None

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        return await self._queries.open_orders(symbol)

    async def trades(self, symbol: str, after_trade: int, since: int) -> Sequence[Fill]:
        return await self._queries.trades(symbol, after_trade, since)

    async def order_trades(self, symbol: str, venue_id: str) -> Sequence[Fill]:
        return await self._queries.order_trades(symbol, venue_id)

    async def position(self, symbol: str) -> Position:
        return await self._queries.position(symbol)

    async def positions(self) -> Sequence[Position]:
        return await self._queries.positions()

    async def funding(self, since: int) -> Sequence[FundingPayment]:
        return await self._queries.funding(since)

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        return await self._queries.candles(symbol, interval, limit)

    async def mid(self, symbol: str) -> int:
        """Between best bid and ask now, in ticks; 0 when a side of the book is empty. Where no stream tells it."""
        return await self._queries.mid(symbol)

    async def subscribe(self, instrument: Instrument) -> None:
        self._instruments[instrument.symbol] = instrument
        self._frames.watched.add(instrument.symbol)
        self._market.add(instrument.symbol)

    async def unsubscribe(self, symbol: str) -> None:
        self._market.remove(symbol)
        self._frames.forget(symbol)

    async def resubscribe(self, symbol: str) -> None:
        self._market.renew(symbol)

    def _feed(self, http: aiohttp.ClientSession, name: str, **parts: Any) -> Feed:
        within = self._tuning.socket_answer
        return Feed(f"{self._account} {name}", self._exchange, http, self._scrubber, answer_within=within, **parts)

    def _public_url(self, kind: str, index: int) -> str:
        category = "public" if kind == "quotes" else "market"
        return f"{self._exchange.get_ws_url('linear', category)}/{index}"

    async def _feed_user(self, http: aiohttp.ClientSession) -> None:
        self._user.feed = feed = self._feed(
            http,
            "orders",
            url=self._user.url,
            on_frame=self._frames.user,
            session=self._user.session,
            on_up=lambda reconnected: self._on_event(StreamUp("orders", reconnected)),
            on_down=lambda reason: self._on_event(StreamDown("orders", reason)),
        )
        await feed.run()

    def _candles_back(self, symbols: frozenset[str]) -> None:
        self._run(self._backfill(symbols), "candles")

    async def _backfill(self, symbols: frozenset[str]) -> None:
        """Candles that closed while their stream was down, told as if they came now."""
        gate = asyncio.Semaphore(_BACKFILL_AT_ONCE)

        async def one(symbol: str) -> None:
            last = self._frames.last_candle.get(symbol, 0)
            missing = (self._venue_ms() * MILLISECOND - last) // _MINUTE - 1 if last else 0
            if missing <= 0:
                return
            async with gate:
                with suppress(VenueError):
                    for candle in await self.candles(symbol, "1m", min(missing, _BACKFILL_CANDLES)):
                        self._frames.candle(candle)

        await asyncio.gather(*(one(symbol) for symbol in sorted(symbols)))

    def _venue_ms(self) -> int:
        return (time.time_ns() + self._offset) // MILLISECOND

    def _throttled(self, meaning: Meaning, words: str) -> None:
        self._on_event(Throttled(meaning.retry_after, meaning.banned, words))

    async def _measure_clock(self) -> None:
        """Once for all who want it at the same time; an unanswered measurement leaves the old offset."""
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure(1))
            self._tasks.add(self._measuring)
            self._measuring.add_done_callback(self._tasks.discard)
        with suppress(VenueError):
            await asyncio.shield(self._measuring)

    async def _measure(self, samples: int) -> None:
        """The venue's clock minus ours at the midpoint of the quickest request; every signature uses it."""
        quickest: tuple[int, int] | None = None
        for _ in range(samples):
            before = time.time_ns()
            try:
                answer = await self._rest.call("fapiPublic", "GET", "time")
            except RestFailure as failure:
                raise self._queries.error("time", failure, self._rest.meaning(failure)) from None
            after = time.time_ns()
            told = readable("time", answer, lambda row: int(row["serverTime"])) * MILLISECOND
            sample = (after - before, told - (before + after) // 2)
            quickest = sample if quickest is None else min(quickest, sample)
        if quickest is not None:
            self._offset = quickest[1]
            self._exchange.options["timeDifference"] = -(self._offset // MILLISECOND)

    async def _keep_measuring(self) -> None:
        while True:
            await asyncio.sleep(self._tuning.measure_clock)
            await self._measure_clock()
