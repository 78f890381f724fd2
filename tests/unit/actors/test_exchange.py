"""The ExchangeActor apart from its orders: markets, prices, streams, the venue's view, strangers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.account import SECOND, Bench, prepared

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import (
    Attach,
    BudgetShare,
    CheckSymbol,
    Detach,
    ForeignFill,
    OrderUpdate,
    Pulse,
    Quote,
    ReportTo,
    StreamGate,
    Submit,
    Sweep,
    SymbolChecked,
    SymbolDown,
    WantTruth,
)
from opensqt_actors.actors.prices import PriceMoved
from opensqt_actors.actors.views import AccountRow
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.orders import Candle, FundingPayment, OrderStatus, Position, Truth
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Tell


@pytest.fixture
def bench() -> Bench:
    return Bench("AUSDT", "BUSDT")


def candle(closed: bool) -> Candle:
    return Candle("AUSDT", 1, 1.0, 2.0, 0.5, 1.5, 10.0, closed)


def truth(bench: Bench, **given: object) -> ports.TruthFetched:
    made = Truth("AUSDT", (), (), Position("AUSDT", 0, Decimal(0)), (), bench.now)
    return ports.TruthFetched(replace(made, **given))  # type: ignore[arg-type]


def test_a_price_that_moved_is_told_to_its_symbol(bench: Bench) -> None:
    assert bench.board.offer("AUSDT", "10.0", "10.1", 5)
    bench.step(PriceMoved("AUSDT"))
    assert bench.told(Quote, "AUSDT") == [Quote(100, 101, 5)]
    bench.step(PriceMoved("NOSUCH"))
    assert not bench.effects(Tell)


def test_a_price_that_came_during_a_decision_is_told_with_its_answer(bench: Bench) -> None:
    bench.board.offer("AUSDT", "10.0", "10.1", 5)
    bench.step(PriceMoved("AUSDT"))
    bench.board.quiet("AUSDT", 1, 10**6)
    bench.board.offer("AUSDT", "10.9", "11.0", 6)
    bench.step(Submit("AUSDT", (), (), 90, 105))
    assert bench.told(Quote, "AUSDT") == [Quote(109, 110, 6)]
    bench.step(Submit("AUSDT", (), (), 90, 105))
    assert not bench.told(Quote)


@pytest.mark.parametrize("event", ["fill", "cancelled", "candle"])
def test_what_may_lead_to_an_order_comes_with_the_newest_price(bench: Bench, event: str) -> None:
    plan = bench.plan()
    bench.rest(plan)
    bench.board.offer("AUSDT", "10.0", "10.1", 5)
    bench.board.offer("AUSDT", "9.0", "9.1", 6)
    {
        "fill": lambda: bench.event(plan, OrderStatus.PARTIALLY_FILLED, 1, bench.fill(plan, 1)),
        "cancelled": lambda: bench.event(plan, OrderStatus.CANCELED),
        "candle": lambda: bench.step(ports.CandleSeen(candle(True))),
    }[event]()
    told = [effect.message for effect in bench.effects(Tell) if effect.to == bench.owner("AUSDT")]
    assert told[0] == Quote(90, 91, 6)
    assert len(told) == 2
    bench.step(ports.CandleSeen(candle(True)))
    assert not bench.told(Quote)


def test_the_news_that_an_order_rests_needs_no_price(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.board.offer("AUSDT", "9.0", "9.1", 6)
    bench.event(plan, OrderStatus.NEW)
    assert bench.told(OrderUpdate)
    assert not bench.told(Quote)


def test_prices_of_a_dead_symbol_are_kept_for_its_next_life(bench: Bench) -> None:
    bench.step(SymbolDown("AUSDT"))
    bench.board.offer("AUSDT", "10.0", "10.1", 5)
    bench.step(PriceMoved("AUSDT"))
    assert not bench.told(Quote)
    bench.step(Attach("AUSDT", 0, bench.owner("AUSDT")))
    bench.step(prepared("AUSDT"))
    assert bench.board.offer("AUSDT", "10.0", "10.1", 5)


def test_attaching_prepares_subscribes_and_tells_the_rules(bench: Bench) -> None:
    bench.step(Attach("CUSDT", 7, bench.owner("CUSDT")))
    assert bench.effects(ports.PrepareSymbol) == [ports.PrepareSymbol("CUSDT")]
    bench.step(replace(prepared("CUSDT"), history=(replace(candle(True), symbol="CUSDT"),)))
    assert bench.told(ports.SymbolPrepared, "CUSDT")
    assert [effect.instrument.symbol for effect in bench.effects(ports.Subscribe)] == ["CUSDT"]
    assert not bench.told(StreamGate)


def test_rules_that_come_for_nobody_are_ignored(bench: Bench) -> None:
    bench.step(prepared("ZUSDT"))
    assert not bench.effects(ports.Subscribe)
    bench.step(ports.SymbolRefused("ZUSDT", "no", True))
    assert not bench.sent


def test_a_refusal_is_told_to_the_symbol(bench: Bench) -> None:
    refusal = ports.SymbolRefused("AUSDT", "not now", False)
    bench.step(refusal)
    assert bench.told(ports.SymbolRefused, "AUSDT") == [refusal]


def test_whoever_asks_whether_a_symbol_can_be_traded_is_answered(bench: Bench) -> None:
    asker = ActorId("supervisor")
    bench.step(CheckSymbol(1, "ZUSDT", asker))
    assert bench.effects(ports.PrepareSymbol)
    bench.step(CheckSymbol(2, "ZUSDT", asker))
    assert not bench.effects(ports.PrepareSymbol)
    refusal = ports.SymbolRefused("ZUSDT", "no such symbol", True)
    bench.step(refusal)
    assert bench.told(SymbolChecked) == [SymbolChecked(1, refusal), SymbolChecked(2, refusal)]
    bench.step(refusal)
    assert not bench.told(SymbolChecked)


def test_marks_and_candles_count_as_frames_and_closed_candles_are_passed_on(bench: Bench) -> None:
    bench.step(ports.MarkSeen("AUSDT", 123))
    bench.step(ports.MarkSeen("ZUSDT", 123))
    bench.step(ports.CandleSeen(candle(False)))
    assert not bench.effects(Tell)
    bench.step(ports.CandleSeen(candle(True)))
    assert bench.told(ports.CandleSeen, "AUSDT")
    assert bench.board.cells["AUSDT"].seen == 3
    assert bench.board.cells["AUSDT"].mark == 123
    bench.step(ports.CandleSeen(replace(candle(True), symbol="ZUSDT")))
    assert not bench.told(ports.CandleSeen, "AUSDT")


def test_funding_is_told_at_once_and_again_when_the_symbol_starts_anew(bench: Bench) -> None:
    payment = FundingPayment("AUSDT", "1", Decimal("0.5"), 1)
    bench.step(ports.FundingSeen((payment, replace(payment, symbol="ZUSDT"))))
    assert bench.told(ports.FundingSeen) == [ports.FundingSeen((payment,))]
    bench.step(Attach("AUSDT", 0, bench.owner("AUSDT")))
    bench.step(prepared("AUSDT"))
    assert bench.told(ports.FundingSeen, "AUSDT") == [ports.FundingSeen((payment,))]


def test_every_second_symbols_get_the_newest_price_and_the_screen_its_row(bench: Bench) -> None:
    bench.step(ReportTo(ActorId("shard")))
    bench.board.offer("AUSDT", "10.0", "10.1", 5)
    bench.step(ports.MarkSeen("AUSDT", 99))
    bench.step(Sweep(), SECOND)
    assert bench.told(Pulse, "AUSDT") == [Pulse(100, 101, 5, 99)]
    (row,) = bench.told(AccountRow)
    assert (row.account, row.orders_stream, row.ticks) == ("main", True, 1)
    assert bench.timer("sweep") is not None


def test_f35_the_order_stream_gates_every_symbol(bench: Bench) -> None:
    bench.step(ports.StreamDown("orders", "reset"))
    assert [gate.opens for gate in bench.told(StreamGate)] == [False, False]
    bench.step(Attach("CUSDT", 9, bench.owner("CUSDT")))
    bench.step(prepared("CUSDT"))
    assert [gate.opens for gate in bench.told(StreamGate, "CUSDT")] == [False]
    bench.step(ports.StreamUp("orders", True))
    assert [(gate.opens, gate.resync) for gate in bench.told(StreamGate)] == [(True, True)] * 3


def test_the_price_stream_is_only_shown(bench: Bench) -> None:
    bench.step(ports.StreamUp("prices", False))
    assert bench.actor.row().prices_stream
    bench.step(ports.StreamDown("prices", "reset"))
    assert not bench.actor.row().prices_stream
    assert not bench.sent


def test_without_a_symbol_no_price_stream_is_down(bench: Bench) -> None:
    for symbol in ("AUSDT", "BUSDT"):
        assert not bench.actor.row().prices_stream
        bench.step(Detach(symbol))
    assert bench.actor.row().prices_stream


def test_f26_an_order_that_is_not_ours_is_reported_once_a_minute_and_left_alone(bench: Bench) -> None:
    plan = bench.plan()
    for foreign in ("web_1", IdCoder("zz", 0).encode(0, OrderKind.OPEN_BUY, 1)):
        report = replace(bench.report(plan, OrderStatus.NEW), client_id=ClientId(foreign))
        bench.now += 61 * SECOND
        bench.step(ports.OrderEvent(report, None))
        (told,) = bench.effects(ports.Announce)
        assert told.kind == "order.foreign"
        assert not bench.told(OrderUpdate)
        bench.step(ports.OrderEvent(report, None), SECOND)
        assert not bench.sent
    assert bench.actor.tracker.size == 0


def test_an_order_of_ours_whose_symbol_is_not_attached_yet_is_no_stranger(bench: Bench) -> None:
    report = replace(
        bench.report(bench.plan(), OrderStatus.NEW), client_id=IdCoder("aa", 77).encode(0, OrderKind.OPEN_BUY, 1)
    )
    bench.step(ports.OrderEvent(report, None))
    assert not bench.sent


def test_f18_a_fill_of_somebody_elses_order_is_told_to_the_market_each_time(bench: Bench) -> None:
    plan = bench.plan()
    for name in ("web_1", "autoclose-17"):
        report = replace(bench.report(plan, OrderStatus.FILLED, 10), client_id=ClientId(name))
        bench.step(ports.OrderEvent(report, replace(bench.fill(plan, 10), client_id=ClientId(name))))
        (told,) = bench.told(ForeignFill, "AUSDT")
        assert f"{name}, has traded 0.010 in AUSDT" in told.sentence
    bench.step(ports.OrderEvent(replace(report, symbol="ZUSDT"), bench.fill(plan, 10)))
    assert not bench.told(ForeignFill)
    bench.step(ports.OrderEvent(report, None))
    assert not bench.told(ForeignFill)


def test_the_memory_of_strangers_is_bounded(bench: Bench) -> None:
    report = replace(bench.report(bench.plan(), OrderStatus.NEW), client_id=ClientId("web_1"))
    for number in range(1_500):
        bench.step(ports.OrderEvent(replace(report, symbol=f"S{number}"), None))
    assert len(bench.actor.foreign._reported) <= 1_001


def test_the_venues_view_is_asked_for_and_passed_on(bench: Bench) -> None:
    plan = bench.plan()
    whole = bench.report(plan, OrderStatus.FILLED)
    bench.step(WantTruth("AUSDT", (plan.request.client_id,), (("v1", plan.request.client_id),), 5, 6, (whole,)))
    (fetch,) = bench.effects(ports.FetchTruth)
    assert fetch.if_filled == (whole,)
    assert (fetch.venue_ids, fetch.after_trade, fetch.since) == ({"v1": plan.request.client_id}, 5, 6)
    bench.step(truth(bench))
    assert bench.told(ports.TruthFetched, "AUSDT")
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    bench.step(ports.TruthFailed("AUSDT", "timed out"))
    assert bench.told(ports.TruthFailed, "AUSDT")


def test_an_order_that_a_look_up_finds_at_rest_can_be_cancelled_although_its_request_has_no_answer(
    bench: Bench,
) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    found = bench.report(plan, OrderStatus.NEW)
    bench.step(WantTruth("AUSDT", (plan.request.client_id,), (), 0, 0))
    bench.step(truth(bench, found=((plan.request.client_id, found),)))
    (told,) = bench.told(ports.TruthFetched, "AUSDT")
    assert told.truth.found == ((plan.request.client_id, found),)
    bench.submit(cancels=(plan.request.client_id,))
    assert [cancel.client_id for sent in bench.effects(ports.SendCancels) for cancel in sent.cancels] == [
        plan.request.client_id
    ]


def test_a_look_up_that_is_older_than_an_orders_end_does_not_bring_it_back(bench: Bench) -> None:
    plan = bench.plan()
    bench.submit(plan)
    bench.commit()
    bench.step(WantTruth("AUSDT", (plan.request.client_id,), (), 0, 0))
    bench.step(ports.OrderEvent(bench.report(plan, OrderStatus.CANCELED), None))
    bench.step(truth(bench, found=((plan.request.client_id, bench.report(plan, OrderStatus.NEW)),)))
    (told,) = bench.told(ports.TruthFetched, "AUSDT")
    assert told.truth.found == ()


@pytest.mark.parametrize(
    ("symbols", "thousandths", "weight", "seconds"),
    [(36, 1_000, 2_400, 24), (300, 1_000, 2_400, 206), (75, 250, 2_400, 206), (300, 1_000, 0, 0)],
)
def test_regular_questions_take_at_most_two_fifths_of_the_weight_that_the_venue_grants(
    symbols: int, thousandths: int, weight: int, seconds: int
) -> None:
    """Of 300 symbols a question a minute each would take 3,300 of Binance's 2,400."""
    names = ["AUSDT", *(f"S{number}USDT" for number in range(symbols - 1))]
    bench = Bench(*names, published=ports.Published(weight_per_minute=weight, view_weight=11))
    bench.step(BudgetShare(thousandths))
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    bench.step(truth(bench))
    (told,) = bench.told(ports.TruthFetched, "AUSDT")
    assert told.pace // SECOND == seconds
    if weight:
        assert symbols * 11 * 60 * SECOND / told.pace <= 0.4 * weight * thousandths / 1_000 * 1.001


def test_an_order_that_has_ended_since_is_not_told_as_open(bench: Bench) -> None:
    ended, rests = bench.plan(level=1), bench.plan(level=2)
    bench.rest(ended, rests)
    bench.event(ended, OrderStatus.CANCELED)
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    reports = tuple(bench.report(plan, OrderStatus.NEW) for plan in (ended, rests))
    stranger = replace(reports[0], client_id=ClientId("web_1"))
    bench.step(truth(bench, open_orders=(*reports, stranger)))
    (passed,) = bench.told(ports.TruthFetched, "AUSDT")
    assert passed.truth.open_orders == (reports[1], stranger)


def test_the_tracker_learns_from_the_venues_view(bench: Bench) -> None:
    plan, filled = bench.plan(level=1), bench.plan(level=2)
    bench.rest(plan, filled)
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    found = ((plan.request.client_id, bench.report(plan, OrderStatus.CANCELED)), (filled.request.client_id, None))
    bench.step(truth(bench, found=found, fills=(bench.fill(filled, 10),)))
    assert bench.actor.tracker.size == 0
    assert [type(effect.message) for effect in bench.effects(Tell)] == [ports.TruthFetched, OrderUpdate]
    (end,) = bench.told(OrderUpdate, "AUSDT")
    assert end.report is not None
    assert (end.report.client_id, end.report.status) == (filled.request.client_id, OrderStatus.FILLED)


def test_an_answer_for_an_earlier_life_of_a_symbol_is_dropped(bench: Bench) -> None:
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    bench.step(SymbolDown("AUSDT"))
    bench.step(Attach("AUSDT", 0, bench.owner("AUSDT")))
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    bench.step(truth(bench))
    assert not bench.told(ports.TruthFetched)
    bench.step(truth(bench))
    assert bench.told(ports.TruthFetched, "AUSDT")


def test_the_view_of_a_symbol_that_left_goes_to_nobody(bench: Bench) -> None:
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    bench.step(Detach("AUSDT"))
    bench.step(truth(bench))
    assert not bench.sent
    bench.step(WantTruth("AUSDT", (), (), 0, 0))
    assert not bench.sent
    bench.step(Detach("AUSDT"))
    assert not bench.sent


def test_an_unknown_message_is_a_programming_error(bench: Bench) -> None:
    with pytest.raises(KeyError):
        bench.step("hello")
