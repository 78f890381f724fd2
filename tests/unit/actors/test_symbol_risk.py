"""What the risk rules' word does to a SymbolActor: gates, a trial, an emergency exit; and the losses that it tells."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.market import EMPTY, GRID, PARENT, SPEC, Market

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Submit, WantTruth, WithdrawOpenings
from opensqt_actors.actors.risk_messages import RiskChanged, RoundTripDone
from opensqt_actors.actors.symbol import Describe, Phase, Resume, RowChanged, SymbolActor
from opensqt_actors.actors.views import SymbolView
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.domain.records import SlotSaved
from opensqt_actors.domain.settings import GridMode, SymbolState
from opensqt_actors.domain.strategy import OPEN
from opensqt_actors.runtime.effects import Tell

BREAKER = ("breaker", "the circuit breaker is open")
TRIAL = RiskChanged((), 1, ("breaker_half_open", "one at a time"))
EXIT = RiskChanged((("emergency", "an emergency exit was made"),), exit="a fire")


@pytest.fixture
def market() -> Market:
    return Market().trade()


def gone(market: Market) -> None:
    """What was asked to be cancelled is."""
    ids = set(market.cancels())
    for slot in list(market.actor.slots.by_level.values()):
        if slot.order is not None and slot.order.client_id in ids:
            market.update(market.plan(slot.level), OrderStatus.CANCELED)


def filled(market: Market, level: int = -1) -> None:
    """A level of the ladder fills, and its exit rests."""
    market.fills(market.plan(level))
    for plan in market.places():
        market.update(plan, OrderStatus.NEW)


def test_an_actor_of_the_shard_opens_nothing_before_the_rules_have_spoken() -> None:
    market = Market()
    market.actor = SymbolActor(
        SPEC, "aa", EMPTY, exchange=market.actor.exchange, parent=PARENT, me=market.actor.me,
        strategies={"grid": Grid}, closed={"risk_unknown": "not heard yet"},
    )  # fmt: skip
    market.prepare()
    market.truth()
    market.quote()
    assert not market.places()
    assert market.actor.why == "not heard yet"
    market.step(RiskChanged())
    assert market.places()


def test_an_open_breaker_takes_openings_and_leaves_exits(market: Market) -> None:
    filled(market)
    market.step(RiskChanged((BREAKER,)))
    assert len(market.cancels()) == len(market.actor.slots.open_buys) > 0
    assert market.told(WithdrawOpenings) == [WithdrawOpenings("XUSDT", BREAKER[1])]
    assert all(submit.urgent for submit in market.told(Submit))
    [row] = market.told(RowChanged)
    assert row.row.why == BREAKER[1]
    gone(market)
    assert not market.actor.slots.open_buys
    assert market.actor.slots.exit_orders == 1
    market.step(Describe(1))
    [view] = [effect.payload for effect in market.effects(ports.Reply)]
    assert isinstance(view, SymbolView)
    assert view.gates == (BREAKER,)
    assert "breaker" in {level.reason_code for level in view.levels}


def test_a_gate_of_another_rule_stays_closed_when_the_risk_rules_are_content(market: Market) -> None:
    market.actor.gates.close("paused", "by somebody")
    market.step(RiskChanged((BREAKER,)))
    assert [code for code, _ in market.actor.gate.closed] == ["breaker", "paused"]
    market.step(RiskChanged())
    assert dict(market.actor.gates) == {"paused": "by somebody"}


def test_a_trial_lets_a_few_openings_rest_and_says_so(market: Market) -> None:
    market.step(RiskChanged((BREAKER,)))
    gone(market)
    market.step(TRIAL)
    assert [plan.level for plan in market.places()] == [-1]
    for plan in market.places():
        market.update(plan, OrderStatus.NEW)
    market.quote(10_001.0)
    assert not market.places()
    assert market.actor.why == "one at a time"
    market.step(Describe(1))
    [view] = [effect.payload for effect in market.effects(ports.Reply)]
    assert [level.level for level in view.levels if level.reason_code == "breaker_half_open"] == [-2, -3]
    market.step(RiskChanged())
    assert [plan.level for plan in market.places()] == [-2, -3]


class Deaf(Grid):
    """A strategy that takes no notice of its gate."""

    def decide(self, slots, bid, ask, gate, now):  # type: ignore[no-untyped-def]
        return super().decide(slots, bid, ask, OPEN, now)


def test_no_opening_of_any_strategy_passes_a_gate_or_exceeds_a_trial() -> None:
    market = Market(strategies={"grid": Deaf})
    market.actor.gates.told(RiskChanged((BREAKER,)))
    market.prepare()
    market.truth()
    market.quote()
    assert not market.places()
    market.step(TRIAL)
    assert len(market.places()) == 1
    market.step(RiskChanged())
    assert len(market.places()) == 2


# --- emergency -------------------------------------------------------------------------------------------------------


def test_an_emergency_exit_cancels_everything_then_closes_reduce_only_at_the_market(market: Market) -> None:
    filled(market, -1)
    filled(market, -2)
    market.step(EXIT)
    assert len(market.cancels()) == market.actor.slots.working
    assert not market.places()
    gone(market)
    plans = market.places()
    assert {plan.level for plan in plans} == {-1, -2}
    for plan in plans:
        assert plan.kind is OrderKind.FLATTEN_SELL
        assert plan.request.price is None
        assert plan.request.reduce_only
        assert not plan.request.post_only
        assert plan.at_once
    for plan in plans:
        market.fills(plan)
    assert not market.places()
    assert market.actor.slots.position == 0
    assert market.actor.state is SymbolState.PAUSED
    market.quote(9_000.0)
    assert not market.places()


def test_an_operator_who_resumes_the_symbol_does_not_end_the_exit(market: Market) -> None:
    market.step(EXIT)
    gone(market)
    market.step(Resume())
    assert not market.places()
    market.step(RiskChanged())
    assert len(market.places()) == 3


def test_an_exit_closes_as_much_as_the_net_position_and_dust_too() -> None:
    slots = tuple(
        SlotSaved("main", "XUSDT", level, position, position * 100_000, None, 1)
        for level, position in ((-1, 9), (-2, 5), (1, -6))
    )
    restored = replace(EMPTY, slots=slots)
    market = Market(replace(SPEC, grid=replace(GRID, mode=GridMode.NEUTRAL)), restored)
    market.step(EXIT)
    market.prepare()
    market.truth(position=8)
    [plan] = market.places()
    assert (plan.level, plan.request.quantity, plan.request.reduce_only) == (-1, 8, True)
    market.fills(plan)
    assert market.actor.slots.position == 0
    assert not market.places()


def test_a_closing_order_that_was_refused_is_tried_again_later(market: Market) -> None:
    filled(market)
    market.step(EXIT)
    gone(market)
    [plan] = market.places()
    market.fails(plan, "other")
    assert not market.places()
    timer = market.timer("recheck")
    assert timer is not None
    market.step(timer.message, timer.after)
    assert [again.level for again in market.places()] == [plan.level]


def test_a_symbol_that_an_operator_must_see_to_is_closed_as_well(market: Market) -> None:
    market.actor.phase = Phase.REFUSED
    market.step(EXIT)
    assert market.told(WantTruth)
    assert market.actor.phase is Phase.SYNCING


# --- what it tells ---------------------------------------------------------------------------------------------------


def test_a_round_trip_is_told_with_what_both_its_orders_cost(market: Market) -> None:
    filled(market)
    assert not market.told(RoundTripDone)
    [slot] = market.actor.slots.held.values()
    plan = market.plan(slot.level)
    earned = plan.request.quantity * ((plan.request.price or 0) - 99_500) * Decimal("0.0001")
    market.fills(plan)
    assert [effect.to for effect in market.effects(Tell) if isinstance(effect.message, RoundTripDone)] == [PARENT]
    assert market.told(RoundTripDone) == [RoundTripDone("main", "XUSDT", earned - 2)]


def test_an_opening_of_an_earlier_life_is_taken_to_have_cost_a_makers_fee() -> None:
    saved = SlotSaved("main", "XUSDT", -1, 10, 1_000_000, None, 1)
    market = Market(restored=replace(EMPTY, slots=(saved,)))
    market.prepare()
    market.truth(position=10)
    market.quote()
    [plan] = [plan for plan in market.places() if not plan.kind.opens]
    market.fills(plan)
    [done] = market.told(RoundTripDone)
    earned = (plan.request.price * 10 - 1_000_000) * Decimal("0.0001")
    assert done.profit == earned - 1 - Decimal("0.0002") * 100


def test_a_profit_without_a_price_is_none() -> None:
    saved = SlotSaved("main", "XUSDT", -1, 10, 1_000_000, None, 1)
    market = Market(restored=replace(EMPTY, slots=(saved,)))
    market.prepare()
    [row] = market.told(RowChanged) or [RowChanged(market.actor.tell_row().message.row)]  # type: ignore[attr-defined]
    assert row.row.unrealized_pnl == 0
    market.truth(position=10)
    market.quote()
    assert market.actor.tell_row().message.row.unrealized_pnl == 0  # type: ignore[attr-defined]
