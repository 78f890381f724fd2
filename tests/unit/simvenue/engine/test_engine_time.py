"""Time: candles, tickers, marks, pauses, the dead-man switch, jumps of the clock."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.simvenue.events import (
    BookTicker,
    Candle,
    CandleUpdate,
    Event,
    Execution,
    MarketStatus,
    MarkPrice,
    OrderStatus,
    OrderUpdate,
    StatusChange,
)
from opensqt_actors.simvenue.exchange import MAX_WAITING, Exchange
from opensqt_actors.simvenue.markets.candles import MINUTE, Candles, interval_ms, merge
from opensqt_actors.simvenue.markets.scripted import ScriptedModel
from opensqt_actors.simvenue.markets.synthetic import PROFILES, SyntheticModel
from opensqt_actors.simvenue.rules import universe

A, B = "sim-a", "sim-b"


def closed(events: list[Event], interval: str) -> list[Candle]:
    return [e.candle for e in events if isinstance(e, CandleUpdate) and e.interval == interval and e.closed]


def test_each_candle_is_closed_exactly_once_and_on_time(desk: Any) -> None:
    begin = desk.now - desk.now % MINUTE
    desk.price(101)
    desk.price(99)
    desk.exchange.advance(begin + 5 * MINUTE)
    events = desk.heard()
    minutes = closed(events, "1m")
    assert [candle.open_time for candle in minutes] == [begin + i * MINUTE for i in range(5)]
    assert minutes[0][2:6] == (1000, 1010, 990, 990)
    assert minutes[1][2:7] == (990, 990, 990, 990, 0)
    assert [candle.close_time for candle in minutes] == [begin + (i + 1) * MINUTE - 1 for i in range(5)]
    times = [e.time for e in events if isinstance(e, CandleUpdate) and e.closed and e.interval == "1m"]
    assert times == [begin + (i + 1) * MINUTE for i in range(5)]
    assert len(closed(events, "5m")) == 1
    assert closed(events, "5m")[0][2:6] == (1000, 1010, 990, 990)


def test_a_running_candle_is_reported_once_a_second_while_there_are_trades(desk: Any) -> None:
    desk.exchange.advance(desk.now + 1_000)
    desk.heard()
    desk.now += 1_000
    desk.price(101)
    desk.exchange.advance(desk.now + 5_000)
    running = [e for e in desk.heard() if isinstance(e, CandleUpdate) and e.interval == "1m"]
    assert [(e.closed, e.candle.high) for e in running] == [(False, 1010)]


def test_longer_candles_are_made_of_minutes(desk: Any) -> None:
    begin = desk.now - desk.now % (15 * MINUTE)
    for minute, price in enumerate((101, 103, 98, 99)):
        desk.now = begin + 15 * MINUTE + minute * 4 * MINUTE
        desk.exchange.advance(desk.now)
        desk.price(price)
    whole = desk.exchange.candles(desk.symbol, "15m")[-1]
    assert (whole.open_time, whole.open, whole.high, whole.low, whole.close) == (
        begin + 15 * MINUTE,
        1000,
        1030,
        980,
        990,
    )
    assert whole.trades == 4
    minutes = desk.exchange.candles(desk.symbol, "1m", start=begin + 15 * MINUTE, limit=2)
    assert [candle.open_time for candle in minutes] == [begin + 15 * MINUTE, begin + 16 * MINUTE]
    assert len(desk.exchange.candles(desk.symbol, "1m", limit=3)) == 3


@pytest.mark.parametrize("name", ["", "m", "0m", "2d", "1M", "x5m", "-1m"])
def test_an_interval_that_is_none_is_refused(desk: Any, name: str) -> None:
    with pytest.raises(ValueError, match="interval"):
        desk.exchange.candles(desk.symbol, name)


def test_intervals_have_their_length() -> None:
    assert [interval_ms(name) for name in ("1m", "15m", "4h", "1d")] == [60_000, 900_000, 14_400_000, 86_400_000]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.booleans()), min_size=1, max_size=60))
def test_merging_loses_nothing(trades: list[tuple[int, int, bool]]) -> None:
    candles = Candles(5, 0)
    now = 0
    for trade_id, (price, quantity, maker) in enumerate(trades, 1):
        now += 17_000
        while candles.roll(now):
            pass
        candles.trade(price, quantity, maker, trade_id)
    minutes = [*candles.closed, candles.current()]
    for length in (3 * MINUTE, 5 * MINUTE):
        merged = merge(minutes, length)
        assert sum(candle.volume for candle in merged) == sum(quantity for _, quantity, _ in trades)
        assert sum(candle.quote_volume for candle in merged) == sum(price * quantity for price, quantity, _ in trades)
        assert sum(candle.trades for candle in merged) == len(trades)
        assert max(candle.high for candle in merged) == max(5, *(price for price, _, _ in trades))
        assert merged[-1].close == trades[-1][0]
        assert candles.newest(length, closed=False) == merged[-1]


def test_the_day_ticker_forgets_what_is_older_than_a_day(desk: Any) -> None:
    desk.price(110)
    desk.price(100)
    hours = 3_600_000
    desk.exchange.advance(desk.now + 23 * hours)
    ticker = desk.exchange.ticker(desk.symbol, desk.now + 23 * hours)
    assert (ticker.high, ticker.low, ticker.last, ticker.trades) == (1100, 1000, 1000, 2)
    later = desk.now + 25 * hours
    desk.exchange.advance(later)
    assert desk.exchange.ticker(desk.symbol, later).high == 1000


def test_quotes_are_told_only_when_they_change(desk: Any) -> None:
    desk.heard()
    desk.buy(A, 1, 99)
    desk.buy(A, 1, 98)
    desk.buy(B, 1, 99)
    quotes = [event for event in desk.heard() if isinstance(event, BookTicker)]
    assert [(q.bid, q.bid_size, q.ask, q.ask_size) for q in quotes] == [(990, 100, 0, 0), (990, 200, 0, 0)]
    assert quotes[1].update_id == quotes[0].update_id + 1
    assert desk.exchange.book_ticker(desk.symbol) == quotes[1]


def test_the_mark_is_told_every_second(desk: Any) -> None:
    desk.heard()
    desk.exchange.advance(desk.now + 3_000)
    marks = [event for event in desk.heard() if isinstance(event, MarkPrice)]
    assert len(marks) == 3
    assert all(event.time % 1_000 == 0 for event in marks)


def test_the_dead_mans_switch_cancels_unless_it_is_wound_up_again(desk: Any) -> None:
    order, other = desk.buy(A, 1, 99), desk.buy(B, 1, 99)
    assert desk.exchange.set_countdown(A, desk.symbol, 1_500, desk.tick()) is None
    desk.exchange.set_countdown(A, desk.symbol, 1_500, desk.tick(1_000))
    desk.tick(1_400)
    assert desk.look(order).status is OrderStatus.NEW
    desk.heard()
    desk.tick(100)
    assert desk.look(order).status is OrderStatus.CANCELED
    assert desk.look(other).status is OrderStatus.NEW
    told = [event for event in desk.heard() if isinstance(event, OrderUpdate)]
    assert [(event.execution, event.time) for event in told] == [(Execution.CANCELED, desk.now)]


def test_the_dead_mans_switch_can_be_taken_off(desk: Any) -> None:
    order = desk.buy(A, 1, 99)
    desk.exchange.set_countdown(A, desk.symbol, 500, desk.tick())
    desk.exchange.set_countdown(A, desk.symbol, 0, desk.tick())
    desk.tick(5_000)
    assert desk.look(order).status is OrderStatus.NEW


def test_a_paused_market_stands_still_but_takes_orders(open_desk: Any) -> None:
    desk = open_desk(model=SyntheticModel(PROFILES["wild"]))
    desk.tick(1_000)
    desk.exchange.pause(desk.symbol, desk.tick())
    assert desk.exchange.paused(desk.symbol)
    before = desk.exchange.book_ticker(desk.symbol)
    desk.tick(5_000)
    assert desk.exchange.book_ticker(desk.symbol) == before
    assert desk.buy(A, 1).status is OrderStatus.FILLED
    desk.exchange.resume(desk.symbol, desk.tick())
    desk.tick(5_000)
    assert desk.exchange.book_ticker(desk.symbol).bid != before.bid


def test_a_skipped_hour_makes_no_steps_and_no_funding(open_desk: Any) -> None:
    desk = open_desk(model=SyntheticModel(PROFILES["demo"]))
    desk.tick(1_000)
    desk.buy(A, 1)
    price = desk.exchange.last_price(desk.symbol)
    desk.heard()
    later = desk.now + 10 * 3_600_000
    desk.exchange.skip(later)
    assert desk.exchange.now == later
    assert desk.exchange.last_price(desk.symbol) == price
    assert desk.exchange.summary(A).funding == 0
    assert len(closed(desk.heard(), "1m")) == 600
    assert desk.exchange.mark_price(desk.symbol).next_funding > later
    desk.now = later
    prices = set()
    for _ in range(30):
        desk.tick(1_000)
        prices.add(desk.exchange.last_price(desk.symbol))
    assert len(prices) > 1


def test_a_very_long_skip_keeps_only_the_minutes_that_can_be_asked_for(desk: Any) -> None:
    desk.exchange.skip(desk.now + 400 * 86_400_000)
    assert len(desk.exchange.candles(desk.symbol, "1m", limit=5_000)) == 1_501


def test_time_never_goes_back(desk: Any) -> None:
    desk.tick(5_000)
    reached = desk.exchange.now
    desk.exchange.advance(reached - 4_000)
    desk.exchange.skip(reached - 4_000)
    assert desk.exchange.now == reached
    order = desk.exchange.cancel_all(A, reached - 4_000)
    assert order == []


def test_listing_and_delisting_are_told(desk: Any, abc: Any) -> None:
    desk.heard()
    desk.exchange.add_market(abc(symbol="XYZUSDT"), ScriptedModel(), desk.tick())
    desk.exchange.delist("XYZUSDT", desk.tick())
    changes = [(e.symbol, e.status) for e in desk.heard() if isinstance(e, StatusChange)]
    assert changes == [("XYZUSDT", MarketStatus.TRADING), ("XYZUSDT", MarketStatus.SETTLING)]
    assert desk.exchange.symbols() == [desk.symbol, "XYZUSDT"]
    assert desk.exchange.listed_at("XYZUSDT") == desk.now - 1


def test_a_delisted_synthetic_market_stands_still(open_desk: Any) -> None:
    desk = open_desk(model=SyntheticModel(PROFILES["wild"]))
    desk.tick(1_000)
    desk.exchange.delist(desk.symbol, desk.tick())
    before = desk.exchange.last_price(desk.symbol)
    desk.tick(5_000)
    assert desk.exchange.last_price(desk.symbol) == before


def test_markets_of_one_interval_keep_their_grid_when_one_is_delisted() -> None:
    exchange = Exchange(now=0, market_events=False)
    for rules in universe(2):
        exchange.add_market(rules, SyntheticModel(PROFILES["wild"]), 25)
    exchange.advance(5_000)
    exchange.delist("BTCUSDT", 5_000)
    before = exchange.last_price("ETHUSDT")
    exchange.advance(10_000)
    assert exchange.last_price("ETHUSDT") != before
    exchange.delist("ETHUSDT", 10_000)
    exchange.advance(20_000)
    assert exchange.now == 20_000


def test_without_market_events_only_accounts_speak() -> None:
    exchange = Exchange(now=0, market_events=False)
    exchange.add_account(A, Decimal(1_000))
    exchange.add_market(universe(1)[0], SyntheticModel(PROFILES["demo"]), 0)
    exchange.advance(120_000)
    assert exchange.drain() == []
    assert len(exchange.candles("BTCUSDT", "1m")) == 3
    exchange.transfer(A, Decimal(5), 120_001)
    assert len(exchange.drain()) == 1


def test_a_sink_hears_at_once_and_nothing_waits() -> None:
    heard: list[Event] = []
    exchange = Exchange(now=0, sink=heard.append)
    exchange.add_market(universe(1)[0], ScriptedModel(), 0)
    assert heard
    assert exchange.drain() == []


def test_events_that_nobody_drains_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_WAITING >= 1_000_000
    monkeypatch.setattr("opensqt_actors.simvenue.exchange.MAX_WAITING", 100)
    exchange = Exchange(now=0)
    exchange.add_market(universe(1)[0], ScriptedModel(), 0)
    with pytest.raises(RuntimeError, match="drain"):
        exchange.advance(3_600_000)


def test_a_price_set_by_hand_must_be_a_price(desk: Any) -> None:
    with pytest.raises(ValueError, match="at least 2 ticks"):
        desk.exchange.set_price(desk.symbol, 1, desk.tick())
