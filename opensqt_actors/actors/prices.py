"""The newest price of each symbol and its quiet band: the one comparison that most ticks cost.

The ExchangeActor owns it. The venue's frame hook calls `offer` directly, so a tick inside the band never becomes a
message; outside the band one PriceMoved is in flight per symbol, and the newest price wins.
"""

from __future__ import annotations

from msgspec import Struct

from opensqt_actors.domain.instrument import Instrument

FAR = 1 << 62
ABSURD = 0.2
SUSPECTS = 3


class PriceMoved(Struct, frozen=True):
    """A symbol's price left its quiet band; read the newest one from the board."""

    symbol: str


class Cell:
    """One symbol. bid, ask, low, high, mark: ticks; at: the venue's time of the last quote, ns.

    quiet while low <= bid and ask < high; told: a PriceMoved is on its way; seen: frames of any kind so far;
    quoted: the bid and ask that its SymbolActor was last told.
    """

    __slots__ = (
        "ask", "at", "bid", "high", "instrument", "low", "mark", "quoted", "refused", "scale", "seen", "suspect",
        "suspects", "symbol", "told",
    )  # fmt: skip

    def __init__(self, instrument: Instrument) -> None:
        self.symbol = instrument.symbol
        self.instrument = instrument
        self.scale = instrument.ticks_per_unit
        self.bid = 0
        self.ask = 0
        self.at = 0
        self.low = FAR
        self.high = -FAR
        self.mark = 0
        self.told = False
        self.seen = 0
        self.suspect = 0
        self.suspects = 0
        self.refused = 0
        self.quoted = (0, 0)

    def take(self) -> tuple[int, int]:
        """Bid and ask, for its SymbolActor."""
        self.quoted = (self.bid, self.ask)
        return self.quoted

    @property
    def restless(self) -> bool:
        """Whether the newest price lies outside the band and nobody was told: it came while a decision was made."""
        return (
            self.bid > 0
            and not self.told
            and not (self.low <= self.bid and self.ask < self.high)
            and self.quoted != (self.bid, self.ask)
        )


class PriceBoard:
    """All symbols of one venue account. ticks, skipped, refused: counted since the start."""

    __slots__ = ("bands", "cells", "conflated", "refused", "skipped", "ticks")

    def __init__(self, bands: bool = True) -> None:
        self.cells: dict[str, Cell] = {}
        self.bands = bands
        self.ticks = 0
        self.skipped = 0
        self.conflated = 0
        self.refused = 0

    def add(self, instrument: Instrument) -> Cell:
        """Start taking a symbol's prices; until a band is set every tick counts as outside."""
        cell = self.cells.get(instrument.symbol)
        if cell is None or cell.instrument != instrument:
            cell = self.cells[instrument.symbol] = Cell(instrument)
        return cell

    def remove(self, symbol: str) -> None:
        """Stop taking a symbol's prices."""
        self.cells.pop(symbol, None)

    def offer(self, symbol: str, bid: str | float, ask: str | float, at: int) -> bool:
        """Take a quote in quote currency. True: the caller sends one PriceMoved to the ExchangeActor."""
        cell = self.cells.get(symbol)
        if cell is None:
            return False
        self.ticks += 1
        cell.seen += 1
        scale = cell.scale
        low = int(float(bid) * scale + 0.5)
        high = int(float(ask) * scale + 0.5)
        if low == cell.bid and high == cell.ask and cell.quoted[0]:
            self.skipped += 1
            cell.at = at
            return False
        near = abs(low - cell.bid) <= ABSURD * cell.bid and not cell.suspects
        if not (0 < low < high) or (cell.bid and not near and not self._plausible(cell, low)):
            self.refused += 1
            cell.refused += 1
            return False
        cell.bid = low
        cell.ask = high
        cell.at = at
        if cell.low <= low and high < cell.high and self.bands:
            self.skipped += 1
            return False
        if cell.told:
            self.conflated += 1
            return False
        cell.told = True
        return True

    def _plausible(self, cell: Cell, bid: int) -> bool:
        """A jump of over 20 % is believed only when three quotes in a row agree on it within 2 %."""
        if abs(bid - cell.bid) <= ABSURD * cell.bid:
            cell.suspects = 0
            return True
        if cell.suspects and abs(bid - cell.suspect) <= cell.suspect // 50:
            cell.suspects += 1
        else:
            cell.suspect, cell.suspects = bid, 1
        if cell.suspects >= SUSPECTS:
            cell.suspects = 0
            return True
        return False

    def quiet(self, symbol: str, low: int, high: int) -> Cell | None:
        """Set a symbol's quiet band, in ticks."""
        cell = self.cells.get(symbol)
        if cell is not None:
            cell.low = low
            cell.high = high
        return cell

    def loud(self, symbol: str) -> None:
        """Forget a symbol's band and what was told of it: the next tick counts, even one at the same price."""
        cell = self.quiet(symbol, FAR, -FAR)
        if cell is not None:
            cell.told = False
            cell.quoted = (0, 0)
