"""Performs the venue effects of actors for one account, and tells the account's ExchangeActor what the venue pushes.

Quotes do not pass here: the wiring hands the adapter a QuoteSink. Nothing here decides; what fails becomes the
documented answer, once for each effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, get_args

from loguru import logger

from opensqt_actors.actors.ports import (
    AccountFailed,
    AccountFetched,
    ArmDeadMan,
    CancelsAnswered,
    CandlesFailed,
    CandlesFetched,
    FetchAccount,
    FetchCandles,
    FetchHoldings,
    FetchPositions,
    FetchTruth,
    FindFailed,
    FindOrder,
    FundingSeen,
    HoldingsFailed,
    PlacesAnswered,
    PositionsFailed,
    PositionsFetched,
    PrepareSymbol,
    SendCancels,
    SendPlaces,
    StreamDown,
    StreamUp,
    Subscribe,
    SymbolRefused,
    TruthFailed,
    Unsubscribe,
)
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.orders import FundingPayment, NotSent, OutcomeUnknown
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.failpoints import Failpoint, unarmed
from opensqt_actors.runtime.kernel import ActorRef, Host
from opensqt_actors.venues.engine import Send
from opensqt_actors.venues.port import FundingDue, QuoteSink, Venue, VenueError
from opensqt_actors.venues.procedures import fetch_holdings, fetch_truth, find_order, prepare_symbol

SECOND = 1_000_000_000
MOST_IN_FLIGHT = 1_000
_CLOSE = 2.5
_DISARM = 2.0
_FUNDING_SETTLES = 2.0
_FUNDING_LONGEST_WAIT = 300.0
_FUNDING_EVERY = 3_600.0
_FUNDING_LOOKBACK = 3 * 86_400 * SECOND
_KNOWN_PAYMENTS = 10_000

VenueEffect: TypeAlias = (
    SendPlaces
    | SendCancels
    | FindOrder
    | FetchTruth
    | FetchAccount
    | FetchPositions
    | FetchCandles
    | FetchHoldings
    | PrepareSymbol
    | Subscribe
    | Unsubscribe
    | ArmDeadMan
)
_Query: TypeAlias = (
    FindOrder | FetchTruth | FetchAccount | FetchPositions | FetchCandles | FetchHoldings | PrepareSymbol
)
_Answered: TypeAlias = SendPlaces | SendCancels | _Query
Answer: TypeAlias = Callable[[object], None]


class VenueDriver:
    """One account's effects and events. Lives in one asyncio loop; `open` first, `close` at the end.

    streams: which of "orders" and "prices" is up now, for an ExchangeActor that starts again;
    funding_until: when the newest payment on record was made, ns, None when there is none; asked in a thread, and again
    later when it raises an OpenSqtError. What the venue knows from three days before it on is told at the start;
    without any, all that it knows;
    send: how places leave, see `engine.Engine` (default: straight to the venue);
    failpoint: called before and after each send.
    """

    def __init__(
        self,
        host: Host,
        venue: Venue,
        exchange_actor: ActorId,
        *,
        funding_until: Callable[[], int | None] = lambda: None,
        send: Send | None = None,
        failpoint: Failpoint = unarmed,
    ) -> None:
        self.venue = venue
        self._send = send
        self.exchange_actor = exchange_actor
        self.streams: dict[str, bool] = {}
        self._host = host
        self._failpoint = failpoint
        self._tasks: dict[asyncio.Task[None], Answer | None] = {}
        self._looking: set[ClientId] = set()
        self._funding_until = funding_until
        self._funding_since: int | None = None
        self._funding_due = asyncio.Event()
        self._payments: dict[tuple[str, str], None] = {}
        self._armed: set[str] = set()
        self._closed = False

    async def open(self, on_quote: QuoteSink) -> None:
        """Open the venue; its events go to the ExchangeActor from now on. Raises VenueError."""
        await self.venue.open(on_quote, self._event)
        self._start(self._watch_funding(), None)

    async def close(self) -> None:
        """End what is in flight, each effect with an answer, and close the venue. Idempotent, within 3 s."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE)
        await self._disarm()
        await self.venue.close()

    @property
    def in_flight(self) -> int:
        """Effects that have not been answered yet."""
        return sum(1 for answer in self._tasks.values() if answer is not None)

    def perform(self, sender: ActorRef, effect: VenueEffect) -> None:
        """A port: starts the effect and returns. It never raises for what the venue does."""
        if isinstance(effect, Subscribe | Unsubscribe):
            return None if self._closed else self._start(self._stream(effect), None)
        if isinstance(effect, ArmDeadMan):
            return None if self._closed else self._arm(effect)
        answer = self._answer_to(sender)
        if self._closed or len(self._tasks) >= MOST_IN_FLIGHT:
            return answer(_refused(effect, "closing" if self._closed else "too many requests are in flight"))
        match effect:
            case SendPlaces():
                self._start(self._places(effect, answer), lambda _: answer(_doubtful(effect)))
            case SendCancels():
                self._start(self._cancels(effect, answer), lambda _: answer(_doubtful(effect)))
            case FindOrder():
                if effect.client_id in self._looking:
                    # Two answers to one question would make the actor act twice.
                    return answer(_refused(effect, "this order is being looked up already"))
                self._looking.add(effect.client_id)
                self._start(self._find(effect, answer), lambda _: answer(_refused(effect, "closing")))
            case FetchTruth():
                self._start(self._truth(effect, answer), lambda _: answer(_refused(effect, "closing")))
            case FetchAccount() | FetchPositions() | FetchCandles() | FetchHoldings():
                self._start(self._query(effect, answer), lambda _: answer(_refused(effect, "closing")))
            case PrepareSymbol():
                self._start(self._prepare(effect, answer), lambda _: answer(_refused(effect, "closing")))
        return None

    def _answer_to(self, sender: ActorRef) -> Answer:
        return lambda message: self._host.tell(sender, message)

    def _start(self, work: Coroutine[Any, Any, None], cancelled: Answer | None) -> None:
        """cancelled: called when the work is cancelled before it has answered."""
        task = asyncio.create_task(work)
        self._tasks[task] = cancelled
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        cancelled = self._tasks.pop(task)
        if task.cancelled():
            if cancelled is not None:
                cancelled(None)
        elif task.exception() is not None:
            logger.opt(exception=task.exception()).error("a venue task of {} broke", self.exchange_actor)

    async def _places(self, effect: SendPlaces, answer: Answer) -> None:
        try:
            self._failpoint("venue.before_send")
            outcomes = tuple(await (self._send or self.venue.place)(effect.orders))
            self._failpoint("venue.after_send")
        except Exception as error:  # noqa: BLE001 - a broken adapter must not leave an order without an answer
            logger.opt(exception=error).error("placing orders broke")
            return answer(_doubtful(effect))
        return answer(PlacesAnswered(outcomes))

    async def _cancels(self, effect: SendCancels, answer: Answer) -> None:
        try:
            self._failpoint("venue.before_send")
            outcomes = tuple(await self.venue.cancel(effect.cancels))
            self._failpoint("venue.after_send")
        except Exception as error:  # noqa: BLE001 - a broken adapter must not leave a cancel without an answer
            logger.opt(exception=error).error("cancelling orders broke")
            return answer(_doubtful(effect))
        return answer(CancelsAnswered(outcomes))

    async def _find(self, effect: FindOrder, answer: Answer) -> None:
        try:
            found = await find_order(self.venue, effect)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing is known
            return answer(_failed(effect, error))
        finally:
            self._looking.discard(effect.client_id)
        return answer(found)

    async def _truth(self, effect: FetchTruth, answer: Answer) -> None:
        try:
            truth = await fetch_truth(self.venue, effect)
        except ExceptionGroup as group:
            return answer(_failed(effect, group.exceptions[0]))
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing is known
            return answer(_failed(effect, error))
        return answer(truth)

    async def _prepare(self, effect: PrepareSymbol, answer: Answer) -> None:
        try:
            prepared = await prepare_symbol(self.venue, effect)
        except Exception as error:  # noqa: BLE001 - whatever it was, the symbol cannot start now
            return answer(_failed(effect, error))
        return answer(prepared)

    async def _query(
        self, effect: FetchAccount | FetchPositions | FetchCandles | FetchHoldings, answer: Answer
    ) -> None:
        try:
            found = await self._found(effect)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing is known
            return answer(_failed(effect, error))
        return answer(found)

    async def _found(self, effect: FetchAccount | FetchPositions | FetchCandles | FetchHoldings) -> object:
        match effect:
            case FetchAccount():
                return AccountFetched(await self.venue.account())
            case FetchPositions():
                return PositionsFetched(tuple(await self.venue.positions()))
            case FetchHoldings():
                return await fetch_holdings(self.venue, effect)
            case FetchCandles(symbol, interval, limit):
                return CandlesFetched(symbol, interval, tuple(await self.venue.candles(symbol, interval, limit)))

    async def _stream(self, effect: Subscribe | Unsubscribe) -> None:
        if isinstance(effect, Subscribe):
            await self.venue.subscribe(effect.instrument)
        else:
            await self.venue.unsubscribe(effect.symbol)

    def _arm(self, effect: ArmDeadMan) -> None:
        """Whatever happens, the venue may have heard of it: it counts as armed until it is disarmed for certain."""
        if effect.handed_over:
            self._armed.discard(effect.symbol)
        elif effect.seconds:
            self._armed.add(effect.symbol)
        self._start(self._dead_man(effect), None)

    async def _dead_man(self, effect: ArmDeadMan) -> None:
        try:
            await self.venue.arm_dead_man(effect.symbol, effect.seconds)
        except VenueError as error:
            logger.warning("the dead-man switch of {} could not be set: {}", effect.symbol, error)
        else:
            if not effect.seconds:
                self._armed.discard(effect.symbol)

    async def _disarm(self) -> None:
        """An end that was asked for is no death: what rests is to stay. Bounded, since a venue may not answer."""
        armed, self._armed = sorted(self._armed), set()
        if not armed:
            return

        async def disarm(symbol: str) -> str | None:
            try:
                await self.venue.arm_dead_man(symbol, 0)
            except VenueError as error:
                return f"{symbol} ({error.sentence})"
            return None

        try:
            async with asyncio.timeout(_DISARM):
                left = [told for told in await asyncio.gather(*map(disarm, armed)) if told is not None]
        except TimeoutError:
            left = armed
        if left:
            logger.warning("dead-man switches stay armed, orders will be cancelled: {}", ", ".join(left))

    def _event(self, event: object) -> None:
        if isinstance(event, FundingDue):
            self._funding_due.set()
            return
        if isinstance(event, StreamUp | StreamDown):
            self.streams[event.stream] = isinstance(event, StreamUp)
        self._host.tell(self.exchange_actor, event)
        if isinstance(event, StreamUp) and event.stream == "orders":
            self._funding_due.set()

    async def _watch_funding(self) -> None:
        """Fetch payments when the venue says so, when its stream was away, and every hour."""
        failures = 0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FUNDING_EVERY):
                    await self._funding_due.wait()
            await asyncio.sleep(min(_FUNDING_LONGEST_WAIT, _FUNDING_SETTLES * 2**failures))
            self._funding_due.clear()
            try:
                if self._funding_since is None:
                    self._funding_since = await self._funding_start()
                payments = await self.venue.funding(self._funding_since)
            except OpenSqtError as error:
                logger.warning("funding could not be fetched: {}", error)
                self._funding_due.set()
                failures += 1
                await asyncio.sleep(error.retry_after / SECOND if isinstance(error, VenueError) else 0)
                continue
            failures = 0
            self._tell_funding(payments)

    async def _funding_start(self) -> int:
        """Payments of several symbols come together, and not each of them may be on record: some days overlap."""
        newest = await asyncio.to_thread(self._funding_until)
        return 0 if newest is None else max(0, newest - _FUNDING_LOOKBACK)

    def _tell_funding(self, payments: Sequence[FundingPayment]) -> None:
        new: list[FundingPayment] = []
        for payment in payments:
            key = (payment.symbol, payment.payment_id)
            if key not in self._payments:
                self._payments[key] = None
                new.append(payment)
            self._funding_since = max(self._funding_since or 0, payment.at)
        while len(self._payments) > _KNOWN_PAYMENTS:
            del self._payments[next(iter(self._payments))]
        if new:
            self._host.tell(self.exchange_actor, FundingSeen(tuple(new)))


class VenueRouter:
    """Binds the venue effects of a host once, and hands each to the driver of the actor that asks."""

    def __init__(self, host: Host) -> None:
        self._drivers: dict[ActorId, VenueDriver] = {}
        for effect_type in get_args(VenueEffect):
            host.bind(effect_type, self._route)

    def register(self, driver: VenueDriver) -> None:
        """From now on this driver serves its ExchangeActor. `ValueError` when another one does."""
        if driver.exchange_actor in self._drivers:
            raise ValueError(f"{driver.exchange_actor} has a venue driver already")
        self._drivers[driver.exchange_actor] = driver

    def unregister(self, driver: VenueDriver) -> None:
        """Forget this driver; effects of its actor are a programming error from now on."""
        if self._drivers.get(driver.exchange_actor) is driver:
            del self._drivers[driver.exchange_actor]

    def _route(self, sender: ActorRef, effect: VenueEffect) -> None:
        driver = self._drivers.get(sender.id)
        if driver is None:
            raise LookupError(f"{sender.id} has no venue driver")
        driver.perform(sender, effect)


def _doubtful(effect: SendPlaces | SendCancels) -> object:
    """The answer when an adapter broke or was cut off: nobody knows."""
    if isinstance(effect, SendPlaces):
        return PlacesAnswered(tuple(OutcomeUnknown(order.client_id, "interrupted") for order in effect.orders))
    return CancelsAnswered(tuple(OutcomeUnknown(cancel.client_id, "interrupted") for cancel in effect.cancels))


def _refused(effect: _Answered, reason: str) -> object:
    """The answer when nothing was sent."""
    match effect:
        case SendPlaces(orders):
            return PlacesAnswered(tuple(NotSent(order.client_id, reason, SECOND) for order in orders))
        case SendCancels(cancels):
            return CancelsAnswered(tuple(NotSent(cancel.client_id, reason, SECOND) for cancel in cancels))
        case FindOrder(symbol, client_id):
            return FindFailed(symbol, client_id, reason, SECOND)
        case FetchTruth():
            return TruthFailed(effect.symbol, reason, SECOND)
        case FetchAccount():
            return AccountFailed(reason)
        case FetchPositions():
            return PositionsFailed(reason)
        case FetchHoldings(request):
            return HoldingsFailed(request, reason)
        case FetchCandles(symbol, interval):
            return CandlesFailed(symbol, interval, reason)
        case PrepareSymbol(symbol):
            return SymbolRefused(symbol, reason, final=False)


def _failed(effect: _Query, error: Exception) -> object:
    """The answer when a query failed. What is not a VenueError is a bug: it is logged with its traceback."""
    if isinstance(error, VenueError):
        reason, retry_after, final = error.sentence, error.retry_after, error.final
    else:
        logger.opt(exception=error).error("a query broke")
        reason, retry_after, final = f"internal error: {type(error).__name__}", SECOND, False
    match effect:
        case FindOrder(symbol, client_id):
            return FindFailed(symbol, client_id, reason, retry_after)
        case FetchTruth():
            return TruthFailed(effect.symbol, reason, retry_after)
        case FetchAccount():
            return AccountFailed(reason)
        case FetchPositions():
            return PositionsFailed(reason)
        case FetchHoldings(request):
            return HoldingsFailed(request, reason)
        case FetchCandles(symbol, interval):
            return CandlesFailed(symbol, interval, reason)
        case PrepareSymbol(symbol):
            return SymbolRefused(symbol, reason, final)
