"""A recording traded by the whole fleet on the venue's matching engine, price by price, and by the replays beside it.

The model of fills is the replay's on both sides: an order fills whole, at its own price, once the market has gone
through it by a tick; best bid and ask lie a tick on each side of the recorded price; every request is answered before
the next price comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from fleet.translate import instrument_of
from fleet.venue import MS, SECOND, Latency, SimulatedVenue
from fleet.world import ACCOUNT, Setup, World
from msgspec.structs import replace

from opensqt_actors.actors.budget import Limits
from opensqt_actors.backtest import candles as candle_files
from opensqt_actors.backtest.candles import Candles
from opensqt_actors.backtest.replay import GridReplay, PlainReplay, Result
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import Fees
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.slots import Booked, Slot, SlotStatus, WorkingOrder
from opensqt_actors.simvenue import events as engine
from opensqt_actors.simvenue.markets.files import read
from opensqt_actors.simvenue.markets.model import Move
from opensqt_actors.simvenue.markets.scripted import ScriptedModel
from opensqt_actors.simvenue.rules import MarketRules

FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
MOST_FILLS = 10_000
PATIENCE = 200
"""Looks, 5 ms apart, within which everything that one price leads to has come to rest."""


@dataclass(frozen=True, slots=True)
class Traded:
    """One fill. index: of the price in the recording's path; price: ticks; quantity: steps."""

    index: int
    level: int
    side: str
    price: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording: the venue's rules for it and its candles in ticks."""

    rules: MarketRules
    candles: Candles


def recorded(path: Path, count: int | None = None) -> Recorded:
    """The first `count` candles of a file, or all; without bounds about a mark price, which moves once a second."""
    rules = replace(read(path).rules(), multiplier_up=Decimal(100), multiplier_down=Decimal("0.01"))
    candles = candle_files.read(path, instrument_of(rules))
    if count is not None:
        names = ("times", "open", "high", "low", "close", "volume")
        candles = Candles(*(getattr(candles, name)[:count] for name in names))
    return Recorded(rules, candles)


class _Path(ScriptedModel):
    """A market that goes where it is told at its next step. volume: steps that others trade at each price."""

    def __init__(self, volume: int) -> None:
        super().__init__(spread=2)
        self.to: int | None = None
        self._volume = volume

    @property
    def interval_ms(self) -> int:
        return 1

    def step(self, now: int) -> Sequence[Move]:
        price, self.to = self.to, None
        return () if price is None else (Move(price, 2, self._volume, True),)


class _Following(SimulatedVenue):
    """The venue, with the recording's quotes in place of its own, in which our orders can be the best."""

    def on_engine_event(self, event: engine.Event) -> None:
        if not isinstance(event, engine.BookTicker):
            super().on_engine_event(event)

    def quote(self, symbol: str, price: int) -> None:
        """The recording is at a price."""
        line, rules = self.line, self.engine.rules(symbol)
        assert line is not None
        self._offer(line, symbol, rules.price_text(price - 1), rules.price_text(price + 1), self.clock.now())

    def own_quote(self, symbol: str) -> None:
        """The venue's own best bid and ask, for once."""
        line, rules, top = self.line, self.engine.rules(symbol), self.engine.book_ticker(symbol)
        assert line is not None
        self._offer(line, symbol, rules.price_text(top.bid), rules.price_text(top.ask), self.clock.now())


class RecordedWorld(World):
    """One market on a recording. trades: the venue's own list of our fills, in its order.

    volume: steps that others trade at every price: with it an order that is only touched fills, too, as on `make run`.
    """

    def __init__(self, recording: Recorded, grid: GridSettings, *, volume: int = 0, seed: int = 1) -> None:
        self.path = path = _Path(volume)
        setup = Setup(
            rules=(recording.rules,), grid=grid, balance=Decimal(10) ** 9, model=lambda rules: path,
            latency=Latency((0, 0), (0, 0), (0, 0)), limits=Limits(100_000.0, 100_000),
        )  # fmt: skip
        super().__init__(seed, setup)
        line = self.venue
        self.venue = _Following(line.engine, line.account, line.clock, seed, self.faults, setup.latency)
        self.venue.on_arrival, self.venue.on_send = self._arrived, self._sent
        self.recording = recording
        self.name = recording.rules.symbol
        self.trades: list[Traded] = []

    def _tick(self) -> None:
        """The venue's time passes with the recording alone."""

    def run(self) -> list[Traded]:
        """Trade the whole recording."""
        venue = self.venue
        assert isinstance(venue, _Following)
        self.start()
        self._settle(lambda: self.name in venue.subscribed)
        seen = 0
        for index, price in enumerate(self.recording.candles.path().tolist()):
            while self.engine.now >= venue.now_ms:
                self._pass(MS)
            self.path.to = price
            self.engine.advance(venue.now_ms)
            assert self.path.to is None
            venue.quote(self.name, price)  # before the news of what it filled: nobody decides at a price that is over
            self._settle(self._quiet)
            for fill in self.engine.fills(ACCOUNT, self.name, from_id=seen + 1, limit=MOST_FILLS):
                self.trades.append(self._traded(index, fill))
                seen = fill.trade_id
        return self.trades

    def rest(self) -> None:
        """Look at the venue's own quotes and let everything come to rest, for the checks of the whole fleet."""
        assert isinstance(self.venue, _Following)
        self.venue.own_quote(self.name)
        self._pass(3 * SECOND)

    def _traded(self, index: int, fill: engine.Fill) -> Traded:
        key = decode(fill.client_id)
        assert key is not None
        return Traded(index, key.level, fill.side.value.lower(), fill.price, fill.quantity)

    def _settle(self, done: Callable[[], bool]) -> None:
        """Let time pass until this holds, and nothing is on its way."""
        for _ in range(PATIENCE):
            self._pass(5 * MS)
            if self.venue.idle and done():
                return
        raise AssertionError("the fleet does not come to rest at a price")

    def _quiet(self) -> bool:
        actor = self.symbol(self.name)
        if actor is None or actor.strategy is None or self.journal is None or self.journal._queue:
            return False
        return all(slot.order is None or slot.status is SlotStatus.LOCKED for slot in actor.slots.by_level.values())


class _Levels:
    """What both replays add: the level of each fill."""

    told: list[Traded]

    def note(self, index: int, slot: Slot, order: WorkingOrder) -> None:
        """One fill."""
        self.told.append(Traded(index, slot.level, order.side.value, order.price, order.quantity))


class PlainLevels(PlainReplay, _Levels):
    """Every price, with levels."""

    def book_trade(self, index: int, slot: Slot, order: WorkingOrder, booked: Booked) -> None:
        self.note(index, slot, order)
        super().book_trade(index, slot, order, booked)


class GridLevels(GridReplay, _Levels):
    """Only the prices that matter, with levels."""

    def book_trade(self, index: int, slot: Slot, order: WorkingOrder, booked: Booked) -> None:
        self.note(index, slot, order)
        super().book_trade(index, slot, order, booked)


def replayed(
    kind: type[PlainLevels | GridLevels], recording: Recorded, grid: GridSettings
) -> tuple[list[Traded], Result]:
    """The same recording through a replay."""
    instrument = instrument_of(recording.rules)
    replay = kind(instrument, FEES, grid, recording.candles.open.item(0))
    replay.told = []
    result = replay.run(recording.candles)
    return replay.told, result
