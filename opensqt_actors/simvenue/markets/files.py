"""Recorded markets: candle and trade files, and the rules that fit the prices in them. Reading only, no replay."""

from __future__ import annotations

import csv
import gzip
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from opensqt_actors.simvenue.rules import MarketRules, make_rules

CANDLE_COLUMNS = ("open_time", "open", "high", "low", "close", "volume")
TRADE_COLUMNS = ("timestamp", "id", "side", "price", "amount")
FEWEST_TICKS = 1_000
_QUOTES = ("USDT", "USDC", "BUSD", "USD", "BTC", "ETH", "BNB")
_NAME = re.compile(r"([A-Z0-9]{4,20})(?![A-Za-z0-9])")


class FileError(ValueError):
    """A file that cannot be replayed; the message names it, the line and what would be right."""


class RecordedCandle(NamedTuple):
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: float


class RecordedTrade(NamedTuple):
    time: int
    buying: bool
    price: Decimal
    amount: float


class Recording(Struct, frozen=True):
    """The content of one file, oldest first: candles of `length` ms each, or trades. The other tuple is empty."""

    symbol: str
    base: str
    quote: str
    candles: tuple[RecordedCandle, ...]
    trades: tuple[RecordedTrade, ...]
    length: int

    def rules(self) -> MarketRules:
        """Rules that these prices fit: the coarsest tick of 1, 2 or 5 times a power of ten that all of them are on and
        of which the lowest one has at least 1,000.

        A market quoted in BTC or ETH gets limits scaled to that quote; what it earns is settled 1:1 in the venue's one
        settlement currency, as if that were the quote.
        """
        prices: Iterator[Decimal]
        if self.candles:
            prices = (price for candle in self.candles for price in candle[1:5])
            first = self.candles[0].open
        else:
            prices = (trade.price for trade in self.trades)
            first = self.trades[0].price
        return make_rules(self.base, self.quote, first, tick=_tick(prices))


def _tick(prices: Iterator[Decimal]) -> Decimal:
    distinct = set(prices)
    digits = max(0, *(-_exponent(price) for price in distinct))
    common = reduce(math.gcd, (int(price.scaleb(digits)) for price in distinct), 0)
    coarse = 1
    while common % 10 == 0:
        common, coarse = common // 10, coarse * 10
    coarse *= 5 if common % 5 == 0 else 2 if common % 2 == 0 else 1
    tick = (Decimal(coarse).scaleb(-digits)).normalize()
    while tick * FEWEST_TICKS > min(distinct):  # a few round prices say nothing about the tick
        tick /= 10
    return tick


def _exponent(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def read(path: Path) -> Recording:
    """Read a candle file (columns open_time, open, high, low, close, volume) or a trade file (timestamp, id, side,
    price, amount), plain or .gz. The file's name begins with the symbol: BTCUSDT-perp-1m-2022-01.csv.gz. Raises
    FileError, or OSError when it cannot be opened."""
    name = _NAME.match(path.name)
    quote = next((q for q in _QUOTES if name and name[1].endswith(q) and name[1] != q), None)
    if name is None or quote is None:
        raise FileError(f"{path.name}: the name must begin with a symbol such as BTCUSDT or ETHBTC.")
    symbol = name[1]
    opened = gzip.open if path.suffix == ".gz" else open
    candles: list[RecordedCandle] = []
    trades: list[RecordedTrade] = []
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            header = tuple(rows.fieldnames or ())
            if set(CANDLE_COLUMNS) <= set(header):
                candles = list(_candles(path, rows))
            elif set(TRADE_COLUMNS) <= set(header):
                trades = list(_trades(path, rows))
            else:
                wanted = f"{', '.join(CANDLE_COLUMNS)} (candles) or {', '.join(TRADE_COLUMNS)} (trades)"
                raise FileError(f"{path.name}: the first line must name the columns {wanted}.")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise FileError(f"{path.name} is not a readable text or gzip file: {error}.") from error
    if len(candles) < 2 and not trades:
        raise FileError(f"{path.name}: at least two candles or one trade are needed.")
    length = min((after.time - before.time for before, after in pairwise(candles)), default=0)
    return Recording(symbol, symbol.removesuffix(quote), quote, tuple(candles), tuple(trades), length)


def _price(text: str) -> Decimal:
    # Twelve digits: recorded floats carry noise such as 5.330000000000001e-05.
    price = Decimal(f"{float(text):.12g}")
    if not price.is_finite() or price <= 0:
        raise ValueError(f"price {text!r} is not more than 0")
    return price.normalize()


def _size(text: str) -> float:
    size = float(text)
    if not math.isfinite(size) or size < 0:
        raise ValueError(f"volume {text!r} is not a number from 0")
    return size


def _candles(path: Path, rows: csv.DictReader[str]) -> Iterator[RecordedCandle]:
    before = None
    for row in rows:
        try:
            time = int(row["open_time"])
            start, high, low, close = (_price(row[column]) for column in CANDLE_COLUMNS[1:5])
            candle = RecordedCandle(time, start, high, low, close, _size(row["volume"]))
            if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
                raise ValueError("open and close must lie between low and high")
            if before is not None and time <= before:
                raise ValueError("times must go up")
        except (TypeError, ValueError) as error:
            raise FileError(f"{path.name}, line {rows.line_num}: {error}.") from error
        before = time
        yield candle


def _trades(path: Path, rows: csv.DictReader[str]) -> Iterator[RecordedTrade]:
    before = None
    for row in rows:
        try:
            time, side = int(row["timestamp"]), row["side"]
            if side not in {"buy", "sell"}:
                raise ValueError(f"side must be buy or sell, not {side!r}")
            if before is not None and time < before:
                raise ValueError("times must not go down")
            trade = RecordedTrade(time, side == "buy", _price(row["price"]), _size(row["amount"]))
        except (TypeError, ValueError) as error:
            raise FileError(f"{path.name}, line {rows.line_num}: {error}.") from error
        before = time
        yield trade
