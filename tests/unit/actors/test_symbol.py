"""The SymbolActor: how it starts, what closes and opens its gates, and what crashes it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.market import EMPTY, FEES, GRID, SPEC, Market

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Attach, Pulse, StreamGate, Submit, WantTruth, WithdrawOpenings
from opensqt_actors.actors.risk_messages import RiskChanged
from opensqt_actors.actors.symbol import Pause, Phase, Resume, RowChanged, Start, SymbolUnable
from opensqt_actors.actors.symbol_messages import Reconcile
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.orders import Candle, Fees, FundingPayment, OrderStatus
from opensqt_actors.domain.records import FundingSaved, LatticeSaved
from opensqt_actors.domain.settings import SymbolState

# --- starting --------------------------------------------------------------------------------------------------------


def test_it_starts_with_the_rules_then_the_venues_view_then_a_price() -> None:
    market = Market()
    market.step(Start())
    assert market.told(Attach) == [Attach("XUSDT", 4, market.actor.me, "aa")]
    assert market.actor.state is SymbolState.STARTING
    market.prepare()
    assert market.told(WantTruth)
    market.truth()
    assert market.actor.phase is Phase.TRADING
    assert not market.places()
    assert market.actor.why == "waiting for the first price"
    market.quote()
    assert [plan.request.price for plan in market.places()] == [99_500, 99_000, 98_500]
    assert market.written(LatticeSaved) == [LatticeSaved("main", "XUSDT", 100_000, 500, None)]
    assert market.told(RowChanged)
    assert market.actor.state is SymbolState.TRADING


def test_a_price_that_comes_too_early_is_kept() -> None:
    market = Market()
    market.prepare()
    market.quote()
    assert not market.places()
    market.truth()
    assert market.places()


def test_a_price_that_stands_still_is_learnt_from_the_pulse() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.step(Pulse(100_000, 100_001, 5, 99_990))
    assert market.places()
    assert market.actor.mark == 99_990
    market.step(Pulse(100_001, 100_002, 6, 0))
    assert not market.told(Submit)
    assert market.actor.mark == 100_001


def test_the_lattice_of_earlier_days_stays() -> None:
    market = Market(restored=replace(EMPTY, lattice=LatticeSaved("main", "XUSDT", 77_000, 500, None)))
    candle = Candle("XUSDT", 1, 1.0, 1.0, 1.0, 1.0, 1.0, True)
    market.step(Start())
    prepared = next(iter([market.prepare()]))
    assert prepared
    market.truth()
    market.quote(7_710.0)
    assert [plan.request.price for plan in market.places()] == [76_500, 76_000, 75_500]
    market.step(ports.CandleSeen(candle))
    assert not market.places()


@pytest.mark.parametrize(
    ("spec", "fees", "sentence"),
    [
        (SPEC, Fees(Decimal("0.003"), Decimal("0.003")), "interval"),
        (replace(SPEC, strategy="nosuch"), FEES, "strategy 'nosuch' is not installed; there are grid"),
        (replace(SPEC, grid=replace(GRID, interval=Decimal("0.04"))), FEES, "interval"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_sentence(spec: object, fees: Fees, sentence: str) -> None:
    market = Market(spec)  # type: ignore[arg-type]
    market.prepare(fees)
    market.truth()
    market.quote()
    (unable,) = market.told(SymbolUnable)
    assert sentence in unable.sentence
    assert market.actor.state is SymbolState.REFUSED
    assert not market.places()
    for message in (Reconcile(), ports.TruthFailed("XUSDT", "late")):
        market.step(message)
        assert not market.sent


def test_a_market_that_the_venue_refuses_for_good_waits_for_an_operator() -> None:
    market = Market()
    market.step(Start())
    market.step(ports.SymbolRefused("XUSDT", "not open for trading", True))
    assert market.told(SymbolUnable)[0].sentence == "not open for trading"
    market.step(Resume())
    assert market.told(Attach)


def test_a_venue_that_does_not_answer_is_asked_again() -> None:
    market = Market()
    market.step(Start())
    market.step(ports.SymbolRefused("XUSDT", "timed out", False))
    timer = market.timer("attach")
    assert timer is not None
    assert isinstance(timer.message, Start)
    market.trade()
    market.step(ports.SymbolRefused("XUSDT", "an answer to somebody else's question", True))
    assert market.actor.phase is Phase.TRADING


def test_news_of_orders_before_the_rules_is_left_to_the_venues_view() -> None:
    market = Market()
    traded = Market().trade()
    market.step(Start())
    market.fills(traded.plan(-1))
    assert not market.sent


# --- gates -----------------------------------------------------------------------------------------------------------


def test_a_closed_gate_takes_openings_back_and_leaves_exits() -> None:
    market = Market().trade()
    market.fills(market.plan(-1))
    exit_plan = market.plan(-1)
    market.update(exit_plan, OrderStatus.NEW)
    market.step(Pause())
    assert set(market.cancels()) == {market.plan(-2).request.client_id, market.plan(-3).request.client_id}
    assert market.told(WithdrawOpenings) == [WithdrawOpenings("XUSDT", "paused by an operator")]
    assert market.actor.state is SymbolState.PAUSED
    for level in (-2, -3):
        market.update(market.plan(level), OrderStatus.CANCELED)
    assert not market.opening_levels()
    market.step(Resume())
    assert [plan.level for plan in market.places()] == [-2, -3]
    assert market.actor.state is SymbolState.TRADING


def test_the_openings_come_back_only_when_every_gate_is_open() -> None:
    market = Market()
    market.prepare()
    market.truth()
    market.step(RiskChanged((("risk", "risk is triggered: panic"),)))
    market.step(StreamGate("stale_price", False, "no frame"))
    market.quote()
    assert not market.places()
    assert market.actor.why == "risk is triggered: panic"
    market.step(RiskChanged())
    assert not market.places()
    market.step(StreamGate("stale_price", True))
    assert market.places()
    assert not market.told(WithdrawOpenings)


def test_while_risk_is_triggered_cancels_are_urgent() -> None:
    market = Market().trade()
    market.step(RiskChanged((("risk", "risk is triggered: panic"),)))
    (submit,) = market.told(Submit)
    assert submit.urgent
    assert len(submit.cancels) == 3


def test_f35_after_the_order_stream_was_away_the_venues_view_comes_first() -> None:
    market = Market().trade()
    market.stream(False)
    assert not market.told(Submit)
    market.quote(9_970.0)
    assert not market.told(Submit)
    market.stream(True)
    assert market.told(WantTruth)
    assert not market.places()
    market.truth(open_orders=tuple(market.report(market.plan(k), OrderStatus.NEW) for k in (-1, -2, -3)))
    assert market.actor.phase is Phase.TRADING


def test_a_view_that_was_asked_for_before_the_stream_broke_will_not_do() -> None:
    market = Market()
    market.prepare()
    market.stream(False)
    market.stream(True)
    assert not market.told(WantTruth)
    market.truth()
    assert market.actor.phase is Phase.SYNCING
    assert market.told(WantTruth)
    market.truth()
    assert market.actor.phase is Phase.TRADING


def test_without_the_order_stream_it_does_not_trade() -> None:
    market = Market()
    market.prepare()
    market.stream(False)
    market.truth()
    market.quote()
    assert market.actor.phase is Phase.SYNCING
    assert not market.places()


def test_a_new_exchange_actor_is_asked_for_everything_again() -> None:
    market = Market().trade()
    market.step(StreamGate("stale_price", False, "no frame"))
    market.stream(False)
    market.step(Start())
    assert market.told(Attach)
    assert not market.actor.gates
    market.prepare()
    assert market.told(WantTruth)


# --- the rest --------------------------------------------------------------------------------------------------------


def test_funding_is_booked_once() -> None:
    market = Market().trade()
    payment = FundingPayment("XUSDT", "9", Decimal("-0.25"), 1)
    market.step(ports.FundingSeen((payment, payment)))
    assert market.written(FundingSaved) == [FundingSaved("main", payment)]
    assert market.actor.totals.funding == Decimal("-0.25")
    market.step(ports.FundingSeen((payment,)))
    assert not market.sent
    again = Market(restored=replace(EMPTY, known_funding=("9",)))
    again.step(ports.FundingSeen((payment,)))
    assert not again.sent


def test_an_unknown_message_crashes_the_actor() -> None:
    with pytest.raises(KeyError):
        Market().step("hello")


def test_a_strategy_that_raises_crashes_the_step_and_nothing_comes_of_it() -> None:
    class Broken(Grid):
        def decide(self, *_: object) -> object:  # type: ignore[override]
            raise RuntimeError("broken")

    market = Market(strategies={"grid": Broken})  # type: ignore[dict-item]
    market.prepare()
    market.truth()
    with pytest.raises(RuntimeError, match="broken"):
        market.quote()
