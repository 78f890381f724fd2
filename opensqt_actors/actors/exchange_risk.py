"""One account's part in the risk rules: it tells their actor what it sees, and carries out what they say at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_candles import CandleWatch
from opensqt_actors.actors.exchange_cleanup import Cleanup
from opensqt_actors.actors.exchange_facts import AccountFacts
from opensqt_actors.actors.exchange_messages import CancelEverything, CancelOpeningBuys, CancelOpenings, OrderPlan
from opensqt_actors.actors.order_desk import OrderDesk, ToSymbol
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.actors.risk_messages import ShareGiven, WatchCandles
from opensqt_actors.actors.tracker import Tracked
from opensqt_actors.domain.cleanup import CleanupSettings
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, Tell

HISTORY = 98
"""Candles at a start. With the open one 99, the most that cost one unit of weight; they leave 0.2 % of what an average
true range over 14 remembers from before them."""
CLOSES = frozenset({OrderKind.FLATTEN_BUY, OrderKind.FLATTEN_SELL})


class ExchangeRisk:
    """risk: the actor of the rules, None = nobody watches; traded: names of the symbols that trade here, now."""

    def __init__(
        self,
        account: str,
        board: PriceBoard,
        desk: OrderDesk,
        risk: ActorId | None,
        cleanup: CleanupSettings | None,
        traded: Callable[[], Iterable[str]],
        tell: ToSymbol,
    ) -> None:
        self.risk = risk
        self.candles = CandleWatch(account)
        self._tell = tell
        self._past: set[str] = set()
        self._desk = desk
        self._traded = traded
        self._cleanup = Cleanup(cleanup, desk.tracker, board)
        self._facts = AccountFacts(account, board, desk.answers)
        desk.crowded = self._cleanup.refusal
        self.handlers: Mapping[type, Callable[[Any, int], list[Effect]]] = {
            ports.AccountFetched: self._account_fetched,
            ports.AccountFailed: lambda message, now: [],
            ports.PositionsFetched: self._positions_fetched,
            ports.PositionsFailed: lambda message, now: [],
            ports.CandlesFetched: self._candles_fetched,
            ports.CandlesFailed: self._candles_failed,
            WatchCandles: lambda message, now: self.candles.begin(message, self._traded()),
            ShareGiven: self._share_given,
            CancelOpeningBuys: self._cancel_opening_buys,
            CancelOpenings: self._cancel_openings,
            CancelEverything: self._cancel_everything,
        }

    # --- once a second -----------------------------------------------------------------------------------------------

    def sweep(self, ages: Iterable[tuple[str, int]], now: int, *, paused: bool) -> list[Effect]:
        """Ask the venue for what the rules need, tell them what was seen. ages: ns since each symbol's last frame."""
        due = self.risk is not None and not paused and self._facts.due(now)
        effects: list[Effect] = []
        if due or (not paused and self._desk.exposure.equity_due(now)):
            effects.append(ports.FetchAccount())
        if due:
            effects.append(ports.FetchPositions())
        if not paused:
            effects += self.candles.ask()
        if self.risk is not None:
            effects.append(Tell(self.risk, self._facts.take(ages, now)))
        return effects + self._desk.cancel_resting(self._cleanup.due(), now)

    def candle(self, message: ports.CandleSeen) -> list[Effect]:
        """A candle has closed."""
        wanted = self.risk is not None and self.candles.wants(message.candle.symbol)
        return [Tell(self.risk, message)] if self.risk is not None and wanted else []

    # --- what was asked for ------------------------------------------------------------------------------------------

    def _account_fetched(self, message: ports.AccountFetched, now: int) -> list[Effect]:
        self._desk.exposure.account(message.account, now)
        self._facts.account(message.account)
        return []

    def _positions_fetched(self, message: ports.PositionsFetched, now: int) -> list[Effect]:
        traded = set(self._traded())
        self._facts.positions([held for held in message.positions if held.symbol in traded], now)
        return []

    def want_past(self, symbol: str) -> list[Effect]:
        """A symbol wants the candles of the past; as many as one answer at the least weight holds."""
        self._past.add(symbol)
        return [ports.FetchCandles(symbol, "1m", HISTORY)]

    def _candles_fetched(self, message: ports.CandlesFetched, now: int) -> list[Effect]:
        if message.interval == "1m" and message.symbol in self._past:
            self._past.discard(message.symbol)
            told = self._tell(message.symbol, message)
        else:
            told = []
        wanted = self.risk is not None and self.candles.wants(message.symbol, message.interval)
        return [*told, Tell(self.risk, message)] if self.risk is not None and wanted else told

    def _candles_failed(self, message: ports.CandlesFailed, now: int) -> list[Effect]:
        if self.candles.wants(message.symbol, message.interval):
            self.candles.failed(message)
        if message.interval == "1m" and message.symbol in self._past:
            self._past.discard(message.symbol)
            return self._tell(message.symbol, message)
        return []

    # --- what the rules say ------------------------------------------------------------------------------------------

    def _share_given(self, message: ShareGiven, now: int) -> list[Effect]:
        self._desk.exposure.give(message.share)
        return []

    def _cancel_opening_buys(self, message: CancelOpeningBuys, now: int) -> list[Effect]:
        return self._take_back(lambda order: order.kind is OrderKind.OPEN_BUY, "", message.reason, now)

    def _cancel_openings(self, message: CancelOpenings, now: int) -> list[Effect]:
        return self._take_back(lambda order: order.kind.opens, message.symbol, message.reason, now)

    def _cancel_everything(self, message: CancelEverything, now: int) -> list[Effect]:
        return self._take_back(lambda order: order.kind not in CLOSES, "", message.reason, now)

    def _take_back(
        self, goes: Callable[[OrderPlan | Tracked], bool], symbol: str, reason: str, now: int
    ) -> list[Effect]:
        """Of one symbol, or of all: what was not sent is not, what rests is cancelled before anything else."""
        fits = goes if not symbol else lambda plan: plan.request.symbol == symbol and goes(plan)
        told = self._desk.withdraw(fits, reason)
        tracker = self._desk.tracker
        live = tracker.live(symbol) if symbol else tracker.all_live()
        return self._desk.cancel_resting([tracked for tracked in live if goes(tracked)], now) + told
