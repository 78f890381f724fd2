"""An ExchangeActor's part in the risk rules: what it measures, what it takes back, clean-up, its share of a limit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from support.account import RISK, SECOND, Bench, instrument, prepared

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import (
    CancelEverything,
    CancelOpeningBuys,
    CancelOpenings,
    PlaceFailed,
    ReportTo,
    Sweep,
)
from opensqt_actors.actors.risk_messages import ExposureReport, Measured, ShareGiven, WatchCandles
from opensqt_actors.domain.breaker import OrderAnswer
from opensqt_actors.domain.cleanup import CleanupOrder, CleanupSettings
from opensqt_actors.domain.exposure import UNIT, Limit
from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import (
    Accepted,
    AccountState,
    Cancelled,
    Candle,
    NotSent,
    OrderStatus,
    OutcomeUnknown,
    Position,
    RefusalCode,
    Refused,
)
from opensqt_actors.domain.records import Intent
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Tell

MS = SECOND // 1_000


@pytest.fixture
def bench() -> Bench:
    return Bench("AUSDT", "BUSDT")


def test_f19_the_position_mode_is_told_once_for_each_time_it_was_fetched() -> None:
    bench = Bench("AUSDT")
    assert measured(bench).hedged is None
    state = AccountState(Decimal(1), Decimal(1), hedged=True, can_trade=True)
    bench.step(ports.AccountFetched(state))
    assert measured(bench).hedged is True
    assert measured(bench).hedged is None


def measured(bench: Bench, after: int = SECOND) -> Measured:
    bench.step(Sweep(), after)
    [found] = bench.told(Measured)
    assert Tell(RISK, found) in bench.sent
    return found


def cancelled(bench: Bench) -> set[ClientId]:
    return {cancel.client_id for sent in bench.effects(ports.SendCancels) for cancel in sent.cancels}


# --- what it measures ------------------------------------------------------------------------------------------------


def test_it_says_how_old_each_feed_is(bench: Bench) -> None:
    measured(bench)
    bench.step(ports.MarkSeen("AUSDT", 100))
    assert measured(bench).ages == (("AUSDT", 0), ("BUSDT", 2 * SECOND))


def test_answers_are_told_with_their_latency_and_whether_they_failed(bench: Bench) -> None:
    plans = [bench.plan(level=level) for level in range(5)]
    bench.submit(*plans)
    bench.commit()
    ids = [plan.request.client_id for plan in plans]
    outcomes = (
        Accepted(bench.report(plans[0], OrderStatus.NEW)),
        Refused(ids[1], RefusalCode.RULE, "", ""),
        Refused(ids[2], RefusalCode.WOULD_CROSS, "", ""),
        OutcomeUnknown(ids[3], ""),
        NotSent(ids[4], "", SECOND),
    )
    bench.step(ports.PlacesAnswered(outcomes), 30 * MS)
    found = [answer for symbol, answer in measured(bench).answers if symbol == "AUSDT"]
    assert found == [OrderAnswer(failed, 30 * MS) for failed in (False, True, False, True)]
    assert measured(bench).answers == ()


def test_a_cancel_is_an_answer_too_and_one_that_nobody_asked_for_is_none(bench: Bench) -> None:
    plan = bench.plan()
    bench.rest(plan)
    measured(bench)
    bench.submit(cancels=(plan.request.client_id,))
    bench.step(ports.CancelsAnswered((Cancelled(plan.request.client_id),)), 5 * MS)
    bench.step(ports.CancelsAnswered((Cancelled(plan.request.client_id),)), 5 * MS)
    assert measured(bench).answers == (("AUSDT", OrderAnswer(False, 5 * MS)),)


def test_equity_is_told_once_for_each_reading_and_asked_for_every_six_seconds(bench: Bench) -> None:
    asked = 0
    for _ in range(12):
        bench.step(Sweep(), SECOND)
        assert bool(bench.effects(ports.FetchAccount)) is bool(bench.effects(ports.FetchPositions))
        asked += len(bench.effects(ports.FetchPositions))
    assert asked == 2
    state = AccountState(Decimal(1), Decimal(1), hedged=False, can_trade=True, equity=Decimal(77))
    bench.step(ports.AccountFetched(state))
    assert measured(bench).equity == 77
    assert measured(bench).equity is None
    bench.step(ports.AccountFailed("no"))
    bench.step(ports.PositionsFailed("no"))
    assert measured(bench).equity is None


def test_a_pause_that_the_venue_asked_for_is_kept(bench: Bench) -> None:
    bench.step(ports.Throttled(60 * SECOND, banned=False, detail="slow down"))
    bench.step(Sweep(), 20 * SECOND)
    assert not bench.effects(ports.FetchAccount)
    assert not bench.effects(ports.FetchPositions)


def test_positions_go_on_with_the_newest_mark_and_are_forgotten_when_they_are_old(bench: Bench) -> None:
    held = Position("AUSDT", 5, Decimal(10), Decimal(9), Decimal("9.9"))
    foreign, none = replace(held, symbol="ZUSDT"), replace(held, symbol="BUSDT", quantity=0)
    bench.step(ports.PositionsFetched((held, foreign, none)))
    assert measured(bench).positions == (held,)
    bench.step(ports.MarkSeen("AUSDT", 95))
    assert measured(bench).positions == (replace(held, mark=Decimal("9.5")),)
    assert measured(bench, 31 * SECOND).positions == ()


# --- what it takes back ----------------------------------------------------------------------------------------------


def resting(bench: Bench) -> dict[str, ClientId]:
    """Opening and exit orders of two markets."""
    plans = {
        "buy": bench.plan(level=-1),
        "sell": bench.plan(level=1, kind=OrderKind.OPEN_SELL),
        "exit": bench.plan(level=2, kind=OrderKind.EXIT_SELL),
        "close": bench.plan(level=3, kind=OrderKind.FLATTEN_SELL),
    }
    bench.rest(*plans.values())
    other = bench.plan("BUSDT", level=-1)
    bench.rest(other)
    return {name: plan.request.client_id for name, plan in (*plans.items(), ("other", other))}


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        (CancelOpeningBuys("panic"), {"buy", "other"}),
        (CancelOpenings("a breaker", "AUSDT"), {"buy", "sell"}),
        (CancelOpenings("a breaker"), {"buy", "sell", "other"}),
        (CancelEverything("a fire"), {"buy", "sell", "exit", "other"}),
    ],
)
def test_what_the_rules_say_is_cancelled_at_once(bench: Bench, message: Any, gone: set[str]) -> None:
    ids = resting(bench)
    bench.step(message)
    assert cancelled(bench) == {ids[name] for name in gone}


def test_what_was_not_sent_yet_is_not_sent(bench: Bench) -> None:
    plan, other = bench.plan(), bench.plan("BUSDT")
    bench.submit(plan)
    [commit] = bench.effects(ports.CommitIntents)
    bench.submit(other)
    bench.step(CancelOpenings("a breaker", "AUSDT"))
    bench.step(ports.IntentsCommitted(commit.batch))
    assert [failure.code for failure in bench.told(PlaceFailed, "AUSDT")] == ["withdrawn"]


def test_an_order_that_closes_in_an_emergency_is_sent_before_its_intent_is_written(bench: Bench) -> None:
    plan = replace(bench.plan(kind=OrderKind.FLATTEN_SELL), at_once=True)
    bench.submit(plan)
    assert not bench.effects(ports.CommitIntents)
    sent, written = [effect for effect in bench.sent if isinstance(effect, ports.SendPlaces | ports.Persist)]
    assert isinstance(sent, ports.SendPlaces)
    assert isinstance(written, ports.Persist)
    [intent] = written.entries
    assert isinstance(intent, Intent)
    assert intent.client_id == plan.request.client_id


# --- clean-up --------------------------------------------------------------------------------------------------------


def test_above_the_threshold_the_furthest_openings_go_and_none_is_added() -> None:
    bench = Bench("AUSDT", cleanup=CleanupSettings(threshold=10, batch=2))
    bench.board.offer("AUSDT", "10.0", "10.1", 5)
    plans = [bench.plan(level=-level) for level in range(1, 11)]
    for index, plan in enumerate(plans):
        bench.rest(replace(plan, request=replace(plan.request, price=100 - index)))
    bench.submit(bench.plan(level=20))
    assert [failure.code for failure in bench.told(PlaceFailed)] == ["too_many_orders"]
    exits = [bench.plan(level=30 + level, kind=OrderKind.EXIT_SELL) for level in range(3)]
    bench.rest(*exits)
    bench.step(Sweep(), SECOND)
    assert cancelled(bench) == {plans[9].request.client_id, plans[8].request.client_id}


def test_the_oldest_go_when_that_is_asked_for_and_without_a_threshold_none_do() -> None:
    for settings, gone in ((CleanupSettings(2, 5, CleanupOrder.OLDEST), 1), (None, 0)):
        bench = Bench("AUSDT", cleanup=settings)
        plans = [bench.plan(level=-level) for level in range(2)]
        for plan in plans:
            bench.rest(plan)
            bench.now += SECOND
        bench.rest(bench.plan(level=5, kind=OrderKind.EXIT_SELL))
        bench.step(Sweep(), SECOND)
        assert cancelled(bench) == {plan.request.client_id for plan in plans[:gone]}


# --- the limit over all accounts -------------------------------------------------------------------------------------


def test_without_a_share_nothing_opens_and_with_one_as_much_as_it_is() -> None:
    bench = Bench("AUSDT", total=Limit(Decimal(1)))
    bench.step(ReportTo(ActorId("shard")))
    bench.submit(bench.plan(level=-1))
    assert "exposure_total" in [failure.code for failure in bench.told(PlaceFailed)]
    bench.step(Sweep(), SECOND)
    assert bench.told(ExposureReport) == [ExposureReport("main", 0, 0, None)]
    quantum = instrument("AUSDT").quantum
    bench.step(ShareGiven("main", int(1_000 * quantum * UNIT)))
    bench.submit(bench.plan(level=-2, generation=2), bench.plan(level=-3, generation=3))
    assert [failure.code for failure in bench.told(PlaceFailed)] == ["exposure_total"]
    bench.step(Sweep(), SECOND)
    assert bench.told(ExposureReport)[0].used == int(1_000 * quantum * UNIT)


def test_without_such_a_limit_nothing_is_reported(bench: Bench) -> None:
    bench.step(ReportTo(ActorId("shard")))
    bench.step(Sweep(), SECOND)
    assert not bench.told(ExposureReport)


# --- candles of the monitor ------------------------------------------------------------------------------------------

CANDLE = Candle("ZUSDT", 1, 1.0, 2.0, 0.5, 1.5, 10.0, True)


def test_watched_candles_are_fetched_and_streamed_whether_they_are_traded_or_not(bench: Bench) -> None:
    bench.step(WatchCandles(("AUSDT", "ZUSDT"), "5m", 21))
    assert bench.sent == [
        ports.FetchCandles("AUSDT", "5m", 21), ports.FetchCandles("ZUSDT", "5m", 21), ports.PrepareSymbol("ZUSDT")
    ]  # fmt: skip
    fetched = ports.CandlesFetched("ZUSDT", "5m", (CANDLE,))
    bench.step(fetched)
    assert bench.sent == [Tell(RISK, fetched)]
    bench.step(prepared("ZUSDT"))
    assert [effect.instrument.symbol for effect in bench.effects(ports.Subscribe)] == ["ZUSDT"]
    bench.step(ports.CandleSeen(CANDLE))
    assert bench.sent == [Tell(RISK, ports.CandleSeen(CANDLE))]
    bench.step(ports.CandleSeen(replace(CANDLE, symbol="BUSDT")))
    assert not bench.told(ports.CandleSeen, None) or all(tell.to != RISK for tell in bench.effects(Tell))


def test_what_fails_is_asked_for_again_and_after_a_gap_the_past_is_fetched_anew(bench: Bench) -> None:
    bench.step(WatchCandles(("AUSDT", "ZUSDT"), "1m", 21))
    bench.step(ports.CandlesFailed("AUSDT", "1m", "no"))
    bench.step(ports.SymbolRefused("ZUSDT", "not now", False))
    bench.step(Sweep(), SECOND)
    assert bench.effects(ports.FetchCandles) == [ports.FetchCandles("AUSDT", "1m", 21)]
    assert bench.effects(ports.PrepareSymbol) == [ports.PrepareSymbol("ZUSDT")]
    bench.step(ports.StreamUp("prices", reconnected=True))
    bench.step(Sweep(), SECOND)
    assert len(bench.effects(ports.FetchCandles)) == 2


def test_a_watched_symbol_that_is_not_there_is_told(bench: Bench) -> None:
    bench.step(WatchCandles(("ZUSDT",), "1m", 21))
    bench.step(ports.SymbolRefused("ZUSDT", "the venue has no such symbol", True))
    [told] = bench.effects(ports.Announce)
    assert (told.kind, told.level) == ("risk.not_watched", "error")
