"""Where prices come from: synthetic markets and their profiles, replayed files, and their determinism."""

from __future__ import annotations

import gzip
import hashlib
import math
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensqt_actors.simvenue.events import BookTicker, Event, MarketTrade, NewOrder, OrderStatus, OrderType, Side
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.markets.files import FileError, read
from opensqt_actors.simvenue.markets.model import CommonFactor
from opensqt_actors.simvenue.markets.replay import ReplayModel, replay_market
from opensqt_actors.simvenue.markets.synthetic import PROFILES, SyntheticModel
from opensqt_actors.simvenue.rules import universe

A = "sim-a"


def venue(symbols: int, seed: int = 1, profile: str = "demo", **more: Any) -> Exchange:
    exchange = Exchange(seed, now=0, **more)
    exchange.add_account(A, Decimal(1_000_000))
    for rules in universe(symbols):
        exchange.add_market(rules, SyntheticModel(PROFILES[profile]), 0)
    return exchange


def path(exchange: Exchange, symbol: str, seconds: int) -> list[int]:
    prices = []
    for now in range(0, seconds * 1_000, 250):
        exchange.advance(now)
        prices.append(exchange.last_price(symbol))
    return prices


def fingerprint(events: list[Event]) -> str:
    return hashlib.sha256("\n".join(map(repr, events)).encode()).hexdigest()


def busy(seed: int) -> str:
    """The hash of everything that a venue says while somebody trades a little."""
    exchange = venue(4, seed)
    orders = Random(7)
    for now in range(500, 20_000, 500):
        symbol = orders.choice(exchange.symbols())
        rules = exchange.rules(symbol)
        side = orders.choice(list(Side))
        price = int(exchange.last_price(symbol) * (1 - 0.003 * side.sign))
        quantity = rules.quantity(rules.to_steps(Decimal(100) / rules.price(price)))
        exchange.place(A, NewOrder(symbol, side, OrderType.LIMIT, quantity, rules.price(price)), now)
    exchange.advance(60_000)
    assert exchange.summary(A).fills > 5
    return fingerprint(exchange.drain())


def test_same_seed_and_same_calls_give_the_same_events() -> None:
    assert busy(1) == busy(1)


def test_another_seed_gives_other_events() -> None:
    assert busy(1) != busy(2)


def test_what_happens_does_not_depend_on_how_time_is_sliced() -> None:
    coarse, fine = venue(3), venue(3)
    coarse.advance(10_000)
    for now in range(0, 10_001, 7):
        fine.advance(now)
    fine.advance(10_000)
    assert fingerprint(coarse.drain()) == fingerprint(fine.drain())


def test_a_further_market_does_not_change_the_others() -> None:
    alone, crowded = venue(1), venue(5)
    assert path(alone, "BTCUSDT", 30) == path(crowded, "BTCUSDT", 30)


def test_orders_do_not_change_the_path_of_a_market() -> None:
    quiet, traded = venue(1, profile="wild"), venue(1, profile="wild")
    rules = traded.rules("BTCUSDT")
    for now in range(1_000, 30_000, 1_000):
        quiet.advance(now)
        order = NewOrder("BTCUSDT", Side.BUY, OrderType.MARKET, rules.quantity(rules.to_steps(Decimal("0.01"))))
        traded.place(A, order, now)
    quiet.advance(31_000)
    traded.advance(31_000)
    assert quiet.book_ticker("BTCUSDT")[2:6] == traded.book_ticker("BTCUSDT")[2:6]


def test_the_opening_price_depends_on_seed_and_symbol_only() -> None:
    early, late = Exchange(5, now=0), Exchange(5, now=0)
    rules = universe(3)[2]
    early.add_market(rules, SyntheticModel(PROFILES["demo"]), 0)
    late.add_market(universe(1)[0], SyntheticModel(PROFILES["demo"]), 0)
    late.add_market(rules, SyntheticModel(PROFILES["demo"]), 777_777)
    assert early.candles(rules.symbol, "1m")[0].open == late.candles(rules.symbol, "1m")[0].open


def test_the_demo_crosses_grid_levels_all_the_time_and_stays_where_it_is() -> None:
    exchange = venue(12, market_events=False)
    start = {symbol: exchange.last_price(symbol) for symbol in exchange.symbols()}
    level = dict(start)
    crossings, widest, seconds = 0, 0.0, 120
    for now in range(0, seconds * 1_000, 50):
        exchange.advance(now)
        for symbol, price in start.items():
            last = exchange.last_price(symbol)
            widest = max(widest, abs(last / price - 1))
            if abs(last / level[symbol] - 1) >= 0.004:
                crossings += 1
                level[symbol] = last
    assert crossings / seconds / 12 > 0.5
    assert widest < 0.25


def test_a_calm_market_hardly_moves() -> None:
    exchange = venue(6, profile="calm", market_events=False)
    start = {symbol: exchange.last_price(symbol) for symbol in exchange.symbols()}
    exchange.advance(60_000)
    moves = [abs(exchange.last_price(symbol) / price - 1) for symbol, price in start.items()]
    assert 0 < max(moves) < 0.005


def test_markets_of_one_venue_move_together() -> None:
    exchange = venue(2, profile="wild", market_events=False)
    first, second = zip(*_both(exchange), strict=True)
    changes = [[math.log(b / a) for a, b in pairwise(p)] for p in (first, second)]
    products = sum(a * b for a, b in zip(*changes, strict=True))
    norm = math.sqrt(sum(a * a for a in changes[0]) * sum(b * b for b in changes[1]))
    assert 0.3 < products / norm < 0.95


def _both(exchange: Exchange) -> list[tuple[int, int]]:
    rows = []
    for now in range(0, 120_000, 250):
        exchange.advance(now)
        rows.append((exchange.last_price("BTCUSDT"), exchange.last_price("ETHUSDT")))
    return rows


def test_spreads_widen_when_the_market_is_volatile() -> None:
    model = SyntheticModel(PROFILES["wild"])
    exchange = Exchange(3, now=0)
    exchange.add_market(universe(1)[0], model, 0)
    spreads: dict[str, set[int]] = {}
    for now in range(0, 600_000, 50):
        exchange.advance(now)
        ticker = exchange.book_ticker("BTCUSDT")
        spreads.setdefault(model.regime.name, set()).add(ticker.ask - ticker.bid)
        exchange.drain()
    assert set(spreads) == {"calm", "trend", "volatile"}
    assert max(spreads["calm"]) < max(spreads["volatile"])


def test_bid_and_ask_never_touch() -> None:
    exchange = venue(8, profile="wild")
    exchange.advance(60_000)
    quotes = [event for event in exchange.drain() if isinstance(event, BookTicker)]
    assert len(quotes) > 1_000
    assert all(0 < quote.bid < quote.ask and quote.bid_size > 0 < quote.ask_size for quote in quotes)


def test_the_common_factor_is_a_function_of_time_alone() -> None:
    factor, other = CommonFactor(1), CommonFactor(1)
    times = list(range(0, 100_000, 50))
    forwards = [factor.at(now) for now in times]
    assert [other.at(now) for now in reversed(times)][::-1] == forwards
    mean = sum(forwards) / len(forwards)
    assert abs(mean) < 0.1
    assert 0.9 < math.sqrt(sum(v * v for v in forwards) / len(forwards)) < 1.1
    assert [CommonFactor(2).at(now) for now in times] != forwards


def test_past_candles_lead_to_the_first_price() -> None:
    exchange = Exchange(1, now=10 * 3_600_000)
    exchange.add_market(universe(1)[0], SyntheticModel(PROFILES["demo"]), 10 * 3_600_000, past_candles=120)
    candles = exchange.candles("BTCUSDT", "1m")
    assert len(candles) == 121
    past, current = candles[:-1], candles[-1]
    assert past[-1].close == current.open
    assert all(a.close == b.open and a.close_time + 1 == b.open_time for a, b in pairwise(past))
    assert all(c.low <= min(c.open, c.close) and c.high >= max(c.open, c.close) and c.volume > 0 for c in past)
    fresh = Exchange(1, now=0)
    fresh.add_market(universe(1)[0], SyntheticModel(PROFILES["demo"]), 0)
    assert fresh.last_price("BTCUSDT") == exchange.last_price("BTCUSDT")


# --- replay ---


def write(folder: Path, name: str, lines: list[str]) -> Path:
    file = folder / name
    text = "\n".join(lines) + "\n"
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


def candle_file(
    folder: Path, candles: list[tuple[float, float, float, float]], name: str = "ABCUSDT-1m.csv.gz"
) -> Path:
    lines = ["open_time,open,high,low,close,volume"]
    lines += [f"{i * 60_000},{o},{h},{low},{c},1000.5" for i, (o, h, low, c) in enumerate(candles)]
    return write(folder, name, lines)


CANDLES = [(1000, 1045, 980, 1030), (1030, 1035, 900, 915), (950, 950, 950, 950), (955, 990, 945.5, 960)]


def replayed(file: Path, speed: float, ms: int, **more: Any) -> tuple[Exchange, list[MarketTrade]]:
    rules, model = replay_market(file, speed, **more)
    exchange = Exchange(now=0)
    exchange.add_account(A, Decimal(10**9))
    exchange.add_market(rules, model, 0)
    for now in range(0, ms + 1, 50):
        exchange.advance(now)
    return exchange, [event for event in exchange.drain() if isinstance(event, MarketTrade)]


@pytest.mark.parametrize("speed", [60.0, 997.0, 1_200.0, 50_000.0])
def test_every_candles_open_high_low_and_close_is_traded_in_order(tmp_path: Path, speed: float) -> None:
    exchange, trades = replayed(candle_file(tmp_path, CANDLES), speed, int(4 * 60_000 / speed) + 200)
    prices = iter([exchange.rules("ABCUSDT").price(trade.price) for trade in trades])
    for o, h, low, c in CANDLES:
        corners = (o, low, h, c) if c >= o else (o, h, low, c)
        for corner in corners:
            assert any(price == Decimal(corner) for price in prices), (corner, "is not reached in its turn")


def test_a_replay_never_leaves_the_range_of_its_candles(tmp_path: Path) -> None:
    _, trades = replayed(candle_file(tmp_path, CANDLES), 600.0, 1_000)
    ticks = [trade.price for trade in trades]
    assert (min(ticks), max(ticks)) == (1_800, 2_090)
    assert len(set(ticks)) > 8


@given(
    st.lists(
        st.tuples(st.integers(50, 150), st.integers(50, 150), st.integers(0, 9), st.integers(0, 9)),
        min_size=2,
        max_size=8,
    ),
    st.sampled_from([77.0, 600.0, 3_333.0]),
)
@settings(max_examples=25)
def test_any_candles_highs_and_lows_are_touched(tmp_path_factory: Any, rows: Any, speed: float) -> None:
    candles = [(o, max(o, c) + up, max(2, min(o, c) - down), c) for o, c, up, down in rows]
    file = candle_file(tmp_path_factory.mktemp("replay"), candles)
    exchange, trades = replayed(file, speed, int(len(candles) * 60_000 / speed) + 200)
    rules = exchange.rules("ABCUSDT")
    traded = {rules.price(trade.price) for trade in trades}
    for o, h, low, c in candles:
        assert {Decimal(o), Decimal(h), Decimal(low), Decimal(c)} <= traded


def test_a_replay_fills_what_its_candles_go_through(tmp_path: Path) -> None:
    rules, model = replay_market(candle_file(tmp_path, CANDLES), 60.0)
    exchange = Exchange(now=0)
    exchange.add_account(A, Decimal(10**9))
    exchange.add_market(rules, model, 0)
    bids = [
        exchange.place(A, NewOrder("ABCUSDT", Side.BUY, OrderType.LIMIT, Decimal(1), Decimal(price)), 1)
        for price in (985, 905, 895)
    ]
    exchange.advance(60_000)
    statuses = [exchange.order(A, "ABCUSDT", order_id=bid.order_id).status for bid in bids]  # type: ignore[union-attr]
    assert statuses == [OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.NEW]


def test_after_its_end_a_replay_stands_still_or_begins_anew(tmp_path: Path) -> None:
    file = candle_file(tmp_path, CANDLES)
    still, trades = replayed(file, 1_200.0, 5_000)
    assert still.last_price("ABCUSDT") == 1_920
    assert max(trade.time for trade in trades) < 500
    _, again = replayed(file, 1_200.0, 5_000, loop=True)
    assert sum(trade.price == 1_800 for trade in again) > 10
    assert max(trade.time for trade in again) > 4_500


def test_a_paused_replay_goes_on_where_it_was(tmp_path: Path) -> None:
    file = candle_file(tmp_path, CANDLES)
    _, straight = replayed(file, 600.0, 1_000)
    rules, model = replay_market(file, 600.0)
    exchange = Exchange(now=0)
    exchange.add_market(rules, model, 0)
    exchange.advance(200)
    exchange.pause("ABCUSDT", 200)
    exchange.advance(10_200)
    exchange.resume("ABCUSDT", 10_200)
    exchange.advance(20_000)
    trades = [event.price for event in exchange.drain() if isinstance(event, MarketTrade)]
    assert trades == [trade.price for trade in straight]


def test_trades_are_replayed_one_by_one(tmp_path: Path) -> None:
    rows = [(0, "buy", "1.25", 3), (0, "sell", "1.24", 5), (90_000, "buy", "1.26", 7), (200_000, "sell", "1.2", 1)]
    lines = ["timestamp,id,side,price,amount"]
    lines += [f"{1_000_000 + at},{i},{side},{price},{amount}" for i, (at, side, price, amount) in enumerate(rows)]
    exchange, trades = replayed(write(tmp_path, "XRPETH-spot.csv", lines), 100.0, 3_000)
    rules = exchange.rules("XRPETH")
    assert [(rules.price(t.price), rules.quantity(t.quantity)) for t in trades] == [
        (Decimal(price), amount) for _, _, price, amount in rows
    ]
    assert [trade.time for trade in trades] == [50, 50, 900, 2_000]


def test_rules_fit_the_prices_of_a_file(tmp_path: Path) -> None:
    rules = read(candle_file(tmp_path, CANDLES)).rules()
    assert (rules.symbol, rules.base, rules.quote) == ("ABCUSDT", "ABC", "USDT")
    assert (rules.tick, rules.reference, rules.min_notional) == (Decimal("0.5"), 1_000, 5)
    noisy = write(
        tmp_path,
        "ADABTC-spot-5m.csv",
        [
            "open_time,open,high,low,close,volume",
            "0,5.330000000000001e-05,5.330000000000001e-05,5.288000000000001e-05,5.2900000000000005e-05,4.5",
            "300000,5.2900000000000005e-05,5.294e-05,5.2690000000000005e-05,5.27e-05,3.5",
        ],
    )
    recording = read(noisy)
    small = recording.rules()
    assert (small.quote, small.tick) == ("BTC", Decimal("1e-8"))
    assert small.min_notional == Decimal("0.0001")
    assert recording.length == 300_000
    unit = small.quantity(1) * small.reference
    assert unit <= small.min_notional


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("prices.csv", ["open_time,open,high,low,close,volume"], "begin with a symbol"),
        ("ABCDEF-1m.csv", ["open_time,open,high,low,close,volume"], "begin with a symbol"),
        ("ABCUSDT.csv", ["a,b,c"], "must name the columns"),
        ("ABCUSDT.csv", ["open_time,open,high,low,close,volume"], "two candles"),
        ("ABCUSDT.csv", ["open_time,open,high,low,close,volume", "0,1,2,0.5,x,1"], "line 2"),
        ("ABCUSDT.csv", ["open_time,open,high,low,close,volume", "0,1,2,0,1,1"], "not more than 0"),
        ("ABCUSDT.csv", ["open_time,open,high,low,close,volume", "0,3,2,1,1,1"], "between low and high"),
        ("ABCUSDT.csv", ["open_time,open,high,low,close,volume", "5,1,1,1,1,1", "5,1,1,1,1,1"], "line 3"),
        ("ABCUSDT.csv", ["open_time,open,high,low,close,volume", "5,1,1,1,1,-1"], "volume"),
        ("ABCUSDT.csv", ["open_time,open,high,low,close,volume", "5,1,1"], "line 2"),
        ("ABCUSDT.csv", ["timestamp,id,side,price,amount", "0,1,up,1,1"], "buy or sell"),
        ("ABCUSDT.csv", ["timestamp,id,side,price,amount", "5,1,buy,1,1", "4,2,buy,1,1"], "line 3"),
    ],
)
def test_a_file_that_cannot_be_replayed_says_why(tmp_path: Path, name: str, lines: list[str], said: str) -> None:
    with pytest.raises(FileError, match=said) as caught:
        read(write(tmp_path, name, lines))
    assert name in str(caught.value)


def test_a_broken_gzip_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ABCUSDT-1m.csv.gz"
    file.write_bytes(b"open_time,open")
    with pytest.raises(FileError, match="not a readable"):
        read(file)


def test_a_replay_has_a_speed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        ReplayModel(read(candle_file(tmp_path, CANDLES)), 0)
