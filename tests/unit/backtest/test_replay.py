"""The replay that leaves out what cannot matter comes to the same as the one that looks at every price."""

from __future__ import annotations

import gzip
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from opensqt_actors.backtest.candles import Candles, from_prices, read
from opensqt_actors.backtest.replay import GridReplay, PlainReplay, Result
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees
from opensqt_actors.domain.settings import GridMode, GridSettings, Trail

INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
DATA = Path(os.environ.get("OPENSQT_DATA", "data"))


def market(seed: int, count: int, sigma: float, jumps: float) -> Candles:
    """A random walk of four steps a candle from 10,000; now and then it jumps."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, sigma, (count, 4)) + (random.random((count, 4)) < jumps) * random.normal(
        0, 0.02, (count, 4)
    )
    walk = 10_000 * np.exp(np.cumsum(steps).reshape(count, 4))
    opens = np.concatenate([[10_000.0], walk[:-1, -1]])
    high, low = np.maximum(walk.max(axis=1), opens), np.minimum(walk.min(axis=1), opens)
    rows = [np.arange(count) * 60_000.0, opens, high, low, walk[:, -1], np.ones(count)]
    return from_prices(np.stack(rows, axis=1), INSTRUMENT)


def both(candles: Candles, config: GridSettings, fees: Fees = FEES) -> tuple[Result, Result]:
    """The same candles, candle by candle and with what cannot matter left out."""
    first = candles.open.item(0)
    plain = PlainReplay(INSTRUMENT, fees, config, first).run(candles)
    return plain, GridReplay(INSTRUMENT, fees, config, first).run(candles)


@st.composite
def grids(draw: st.DrawFn) -> GridSettings:
    """Grids of every kind, most of them without a limit near: there the replay leaves out the most."""
    percent = draw(st.booleans())
    plain = draw(st.booleans())
    config = GridSettings(
        mode=draw(st.sampled_from(GridMode)),
        amount=Decimal(100),
        interval=None if percent else Decimal(draw(st.integers(20, 90))),
        interval_percent=Decimal(draw(st.integers(15, 90))) / 100 if percent else None,
        buy_window=draw(st.integers(1, 6)),
        sell_window=draw(st.integers(1, 6)),
        skew=Decimal(draw(st.sampled_from(["0", "0", "0.01"]))),
        max_position=Decimal(10**7),
        max_open_orders=1_000,
    )
    if plain:
        return config
    return replace(
        config,
        max_position=Decimal(draw(st.sampled_from([400, 1_500, 10**7]))),
        max_open_orders=draw(st.sampled_from([2, 7, 15, 1_000])),
        trail=draw(st.sampled_from(Trail)),
        min_price=draw(st.sampled_from([None, Decimal(9_900)])),
        max_price=draw(st.sampled_from([None, Decimal(10_150)])),
        atr_scale=Decimal(draw(st.sampled_from([0, 0, 2]))),
        volatility_sizing=draw(st.sampled_from([False, False, True])),
    )


@given(
    seed=st.integers(0, 2**32),
    config=grids(),
    sigma=st.sampled_from([0.0003, 0.001, 0.003]),
    jumps=st.sampled_from([0, 0, 0.02]),
)
@settings(max_examples=60, deadline=None)
def test_leaving_out_what_cannot_matter_changes_no_fill_and_no_unit_of_money(
    seed: int, config: GridSettings, sigma: float, jumps: float
) -> None:
    plain, fast = both(market(seed, 150, sigma, jumps), config)
    assert fast.trades == plain.trades
    assert replace(fast, visited=0) == replace(plain, visited=0)
    assert plain.visited == plain.candles * 4


@pytest.mark.parametrize("mode", GridMode)
def test_a_calm_market_is_looked_at_when_something_fills_and_rarely_else(mode: GridMode) -> None:
    config = GridSettings(
        mode, Decimal(100), interval_percent=Decimal("0.5"), max_position=Decimal(10**7), max_open_orders=1_000
    )
    plain, fast = both(market(7, 3_000, 0.0005, 0), config)
    assert fast.trades == plain.trades
    assert fast.fills > 50
    assert fast.visited < fast.fills * 2 < plain.visited / 50


def test_a_round_trip_earns_the_interval_less_two_maker_fees() -> None:
    config = GridSettings(GridMode.LONG, Decimal(1_000), interval=Decimal(50))
    prices = np.array([[0, 10_000, 10_000, 9_940, 9_960, 1], [60_000, 9_960, 10_010, 9_960, 10_005, 1]], dtype=float)
    plain, fast = both(from_prices(prices, INSTRUMENT), config)
    assert fast.trades == plain.trades == ((2, "buy", 99_500, 100), (6, "sell", 100_000, 100))
    assert fast.round_trips == 1
    assert fast.realized == 5
    assert fast.fees == Decimal("0.0002") * (995 + 1_000)
    assert fast.pnl == Decimal("4.601")


def test_a_price_that_only_touches_an_order_does_not_fill_it() -> None:
    config = GridSettings(GridMode.LONG, Decimal(1_000), interval=Decimal(50))
    prices = np.array([[0, 10_000, 10_000, 9_950, 9_960, 1]], dtype=float)
    plain, fast = both(from_prices(prices, INSTRUMENT), config)
    assert plain.fills == fast.fills == 0


def test_no_candles_come_to_nothing() -> None:
    config = GridSettings(GridMode.LONG, Decimal(1_000), interval=Decimal(50))
    empty = from_prices(np.empty((0, 6)), INSTRUMENT)
    assert GridReplay(INSTRUMENT, FEES, config, 100_000).run(empty).pnl == 0


FILES = [
    ("BTCUSDT-perp-1m-2022-01.csv.gz", "0.1", "0.001"),
    ("XRPUSDT-perp-5m-2021-11.csv.gz", "0.0001", "0.1"),
]


@pytest.mark.parametrize(("name", "tick", "step"), FILES)
@pytest.mark.parametrize("mode", GridMode)
def test_recorded_candles_come_to_the_same_both_ways(mode: GridMode, name: str, tick: str, step: str) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there; OPENSQT_DATA names the folder of recorded candles")
    instrument = Instrument("XUSDT", "X", "USDT", Decimal(tick), Decimal(step), min_notional=Decimal(5))
    candles = first(read(path, instrument), 1_500)
    config = GridSettings(mode, Decimal(100), interval_percent=Decimal("0.5"), max_open_orders=1_000)
    start = candles.open.item(0)
    fast = GridReplay(instrument, FEES, config, start).run(candles)
    plain = PlainReplay(instrument, FEES, config, start).run(candles)
    assert fast.fills > 10
    assert replace(fast, visited=0) == replace(plain, visited=0)


def first(candles: Candles, count: int) -> Candles:
    """The oldest ones."""
    return Candles(*(getattr(candles, name)[:count] for name in ("times", "open", "high", "low", "close", "volume")))


def test_a_zipped_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    text = "open_time,open,high,low,close,volume\n60000,100,101.5,99.26,100.04,7\n120000,100.1,100.1,99,99,0.5\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with gzip.open(tmp_path / "a.csv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    plain, zipped = read(tmp_path / "a.csv", INSTRUMENT), read(tmp_path / "a.csv.gz", INSTRUMENT)
    assert plain.path().tolist() == zipped.path().tolist() == [1000, 993, 1015, 1000, 1001, 1001, 990, 990]
    assert plain.times.tolist() == [60_000_000_000, 120_000_000_000]
