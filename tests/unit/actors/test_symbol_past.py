"""The candles from before a life come after the exits of what is held; until then nothing new opens."""

from __future__ import annotations

from msgspec.structs import replace
from support.market import GRID, NOW, SECOND, SPEC, Market
from support.past import held, journal, live, told

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Attach, WantPast
from opensqt_actors.actors.shard_protection import SymbolProtected
from opensqt_actors.actors.symbol import Start
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import Candle, OrderStatus

MINUTE = 60 * SECOND


def candles(count: int, height: float = 100.0) -> tuple[Candle, ...]:
    """Closed candles, each `height` tall, the newest just before now."""
    first = NOW - NOW % MINUTE - count * MINUTE
    return tuple(
        Candle("XUSDT", first + i * MINUTE, 10_000.0, 10_000.0 + height, 10_000.0, 10_000.0, 5.0, True)
        for i in range(count)
    )


def hurried() -> Market:
    """Holds 10 on level -1; its rules and its truth are known, its past is not."""
    market = Market(restored=journal(slots=(held(),)))
    market.prepare(past=False)
    market.truth(position=10)
    return market


def test_only_who_holds_something_or_may_is_in_a_hurry() -> None:
    for restored, hurry in (
        (journal(), False),
        (journal(slots=(held(),)), True),
        (journal(live(-1, OrderKind.OPEN_BUY)), True),
    ):
        market = Market(restored=restored)
        market.step(Start())
        assert [message.hurry for message in market.told(Attach)] == [hurry]


def test_the_past_is_asked_for_when_the_exits_rest() -> None:
    market = hurried()
    (plan,) = market.places()
    assert plan.kind is OrderKind.EXIT_SELL
    assert not market.told(WantPast)
    market.update(plan, OrderStatus.NEW)
    assert [message.levels for message in market.told(SymbolProtected)] == [1]
    assert market.told(WantPast) == [WantPast("XUSDT")]
    market.quote()
    assert not market.told(WantPast)


def test_nothing_opens_and_what_rests_stays_until_the_past_has_come() -> None:
    resting = live(-2, OrderKind.OPEN_BUY)
    market = Market(restored=journal(resting, slots=(held(),)))
    market.prepare(past=False)
    market.truth(open_orders=(told(resting, OrderStatus.NEW),), position=10)
    market.update(market.plan(-1), OrderStatus.NEW)
    market.quote(9_950.0)
    assert not market.cancels()
    assert not [plan for plan in market.places() if plan.kind.opens]
    assert market.actor.why == "waits for the candles of the past, which come after the exits"
    market.step(ports.CandlesFetched("XUSDT", "1m", candles(20)))
    assert [plan.level for plan in market.places() if plan.kind.opens]
    assert not market.cancels()


def test_exits_that_never_rest_do_not_keep_the_past_away_for_ever() -> None:
    market = hurried()
    timer = market.timer("past")
    assert timer is not None
    market.step(timer.message, timer.after)
    assert market.told(WantPast)


def test_without_the_past_it_goes_on_and_says_so() -> None:
    market = hurried()
    market.update(market.plan(-1), OrderStatus.NEW)
    market.quote()
    market.step(ports.CandlesFailed("XUSDT", "1m", "timed out"))
    assert [told.kind for told in market.effects(ports.Announce)] == ["candles.missing"]
    assert [plan.level for plan in market.places()]


def test_candles_that_close_meanwhile_are_told_after_those_before_them() -> None:
    spec = replace(SPEC, grid=replace(GRID, atr_scale=1.0))
    market = Market(spec, journal(slots=(held(),)))
    market.prepare(past=False)
    market.truth(position=10)
    past = candles(30, 150.0)
    market.step(ports.CandleSeen(past[-1]))
    market.update(market.plan(-1), OrderStatus.NEW)
    market.step(ports.CandlesFetched("XUSDT", "1m", past[:-1]))
    market.quote()
    # an average true range of 150 asks for three times the interval of 50: known only from what came before the newest
    assert market.actor.strategy is not None
    assert market.actor.strategy.interval_ticks() == 1_500
